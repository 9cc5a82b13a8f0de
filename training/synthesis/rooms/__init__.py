"""Path-traced rooms around a procedural floor (Blender's `bpy` module, Cycles on the CPU)."""
