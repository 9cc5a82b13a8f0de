"""What makes a modelled room look lived in and photographed rather than modelled.

`finish_room(room, extras)` works on the scene that `training.synthesis` has built: a garden beyond
the windows, glass in them, upright walls, creased cloth, uneven paint, and fittings that every
house has. The rooms of the training stay as they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import bpy
import numpy as np
from mathutils import Vector

from samples.make.outlook import paint_outlook
from samples.make.things import build_extras
from training.synthesis.rooms import materials as mat
from training.synthesis.rooms.shapes import box, lathe, rod, surface
from training.synthesis.rooms.shell import Opening, Shell, Side, wall_frame, wall_length
from training.synthesis.rooms.studio import Camera, Item, Light, Room

SIDES: tuple[Side, ...] = ("left", "right", "back", "front")


def finish_room(room: Room, extras: Sequence[Item] = ()) -> None:
    """Finish the scene that stands."""
    build_extras(room.shell, extras)
    _view(room.light)
    _stand_upright(room.camera)
    for material in bpy.data.materials:
        _age(material)
    _crease()
    for opening in room.shell.openings:
        wall = wall_frame(room.shell, opening.wall)
        _glaze(wall, opening)
        if opening.sill >= 0.45:
            _radiator(wall, opening)
    _rails(room)
    _switches(room.shell)
    if room.shell.height >= 2.8:
        _cornice(room.shell)
    bpy.context.scene.cycles.denoising_prefilter = "ACCURATE"


def _view(light: Light) -> None:
    """Replace the plain sky by the garden. Only the camera and reflections see it."""
    evening = light.sky_strength < 1
    world = bpy.context.scene.world
    tree = world.node_tree
    panorama = tree.nodes.new("ShaderNodeTexEnvironment")
    panorama.image = mat.image_of("outlook", paint_outlook(evening, light.sun > 0))
    back = tree.nodes["Background"]
    tree.links.new(panorama.outputs["Color"], back.inputs["Color"])
    back.inputs["Strength"].default_value = 0.5 if evening else 14.0


def _stand_upright(camera: Camera) -> None:
    """Shift the lens instead of tilting the camera, so that walls stand (almost) upright."""
    ahead = Vector(camera.look) - Vector(camera.at)
    pitch = math.atan2(-ahead.z, math.hypot(ahead.x, ahead.y))
    level = 0.85
    lens = bpy.context.scene.camera.data
    ahead.z = -math.hypot(ahead.x, ahead.y) * math.tan(pitch * (1 - level))
    bpy.context.scene.camera.rotation_euler = ahead.to_track_quat("-Z", "Y").to_euler()
    # A shift is in widths of the sensor.
    lens.shift_y = -math.tan(pitch * level) / (2 * math.tan(math.radians(camera.view) / 2))


def _nodes(material: bpy.types.Material, kind: str) -> Iterator[bpy.types.Node]:
    return (node for node in material.node_tree.nodes if node.type == kind)


def _age(material: bpy.types.Material) -> None:
    """Nothing is of one colour all over."""
    kind = material.name.split(".")[0]
    if kind in ("cloth", "leather"):
        for noise in _nodes(material, "TEX_NOISE"):
            noise.inputs["Scale"].default_value *= 0.36
            noise.inputs["Detail"].default_value = 4
        _wrinkle(material, 7.0, 0.5 if kind == "cloth" else 0.3)
    elif kind == "plaster":
        _mottle(material, 1.3, 0.03)
    elif kind == "plain":
        _mottle(material, 6.0, 0.03)
    elif kind == "glow":
        shader = material.node_tree.nodes["Principled BSDF"]
        if shader.inputs["Emission Strength"].default_value > 1:
            shader.inputs["Emission Color"].default_value = mat.linear((255, 204, 146))
            shader.inputs["Emission Strength"].default_value *= 1.8
    elif kind == "leaf":
        _mottle(material, 9.0, 0.35)


def _noise(material: bpy.types.Material, scale: float) -> bpy.types.Node:
    tree = material.node_tree
    place, noise = tree.nodes.new("ShaderNodeTexCoord"), tree.nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value, noise.inputs["Detail"].default_value = scale, 3
    tree.links.new(place.outputs["Object"], noise.inputs["Vector"])
    return noise


def _mottle(material: bpy.types.Material, scale: float, amount: float) -> None:
    """Vary a plain colour's lightness by `amount` either way."""
    tree = material.node_tree
    shader = tree.nodes.get("Principled BSDF")
    if shader is None or shader.inputs["Base Color"].is_linked:
        return
    hue, span = tree.nodes.new("ShaderNodeHueSaturation"), tree.nodes.new("ShaderNodeMapRange")
    hue.inputs["Color"].default_value = shader.inputs["Base Color"].default_value[:]
    span.inputs["From Min"].default_value, span.inputs["From Max"].default_value = 0.25, 0.75
    span.inputs["To Min"].default_value, span.inputs["To Max"].default_value = (
        1 - amount,
        1 + amount,
    )
    tree.links.new(_noise(material, scale).outputs["Fac"], span.inputs["Value"])
    tree.links.new(span.outputs["Result"], hue.inputs["Value"])
    tree.links.new(hue.outputs["Color"], shader.inputs["Base Color"])


def _wrinkle(material: bpy.types.Material, scale: float, strength: float) -> None:
    """Bumps on top of what the material has."""
    tree = material.node_tree
    shader = tree.nodes.get("Principled BSDF")
    bump = tree.nodes.new("ShaderNodeBump")
    bump.inputs["Strength"].default_value = strength
    bump.inputs["Distance"].default_value = 0.12 / scale
    tree.links.new(_noise(material, scale).outputs["Fac"], bump.inputs["Height"])
    if shader.inputs["Normal"].is_linked:
        before = shader.inputs["Normal"].links[0].from_socket
        tree.links.new(before, bump.inputs["Normal"])
    tree.links.new(bump.outputs["Normal"], shader.inputs["Normal"])


def _crease() -> None:
    """Upholstery gives: its outlines waver by a few millimetres."""
    soft = bpy.data.textures.new("crease", "CLOUDS")
    soft.noise_scale, soft.noise_depth = 0.16, 2
    for thing in list(bpy.data.objects):
        if thing.type != "MESH" or thing.name.startswith("box") or not thing.data.materials:
            continue
        kind = thing.data.materials[0].name.split(".")[0]
        if kind in ("cloth", "leather") and len(thing.data.vertices) > 500:
            give = thing.modifiers.new("crease", "DISPLACE")
            give.texture, give.texture_coords = soft, "GLOBAL"
            give.strength = 0.022 if kind == "cloth" else 0.012


def _glaze(wall: bpy.types.Object, opening: Opening) -> None:
    """A pane that the camera sees reflections in; light passes as if it were not there."""
    glass = bpy.data.materials.new("glass")
    glass.use_nodes = True
    tree = glass.node_tree
    tree.nodes.clear()
    clear, shine = (
        tree.nodes.new("ShaderNodeBsdfTransparent"),
        tree.nodes.new("ShaderNodeBsdfGlossy"),
    )
    shine.inputs["Roughness"].default_value = 0.0
    fresnel, path = tree.nodes.new("ShaderNodeFresnel"), tree.nodes.new("ShaderNodeLightPath")
    fresnel.inputs["IOR"].default_value = 1.65  # two panes mirror more than one
    seen, mix = tree.nodes.new("ShaderNodeMath"), tree.nodes.new("ShaderNodeMixShader")
    seen.operation = "MULTIPLY"
    out = tree.nodes.new("ShaderNodeOutputMaterial")
    tree.links.new(fresnel.outputs[0], seen.inputs[0])
    tree.links.new(path.outputs["Is Camera Ray"], seen.inputs[1])
    tree.links.new(seen.outputs[0], mix.inputs["Fac"])
    tree.links.new(clear.outputs[0], mix.inputs[1])
    tree.links.new(shine.outputs[0], mix.inputs[2])
    tree.links.new(mix.outputs[0], out.inputs["Surface"])

    def pane(s: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return s * opening.width, np.zeros_like(s), t * opening.height

    surface(wall, pane, (1, 1), glass, (opening.start, 0.12, opening.sill))
    metal = mat.plain((168, 166, 160), 0.35, 0.9)
    middle = opening.start + opening.width / opening.panes[0]
    if opening.panes[0] > 1:
        height = opening.sill + opening.height * 0.42
        rod(wall, (middle, 0.07, height), (middle, 0.045, height), 0.008, metal)
        rod(wall, (middle, 0.045, height + 0.01), (middle, 0.045, height - 0.1), 0.008, metal)


def _radiator(wall: bpy.types.Object, opening: Opening) -> None:
    """A panel radiator below the sill."""
    wide, foot = min(opening.width * 0.86, 1.6), 0.12
    tall = min(opening.sill - foot - 0.12, 0.6)
    left = opening.start + (opening.width - wide) / 2
    enamel = mat.plain((240, 239, 235), 0.3)
    box(wall, (wide, 0.06, tall), (left + wide / 2, -0.06, foot + tall / 2), enamel, 0.012)

    def front(s: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rib = np.clip(np.abs((s * wide / 0.035) % 1 - 0.5) * 6 - 0.6, 0, 1)
        return s * (wide - 0.04), -0.009 * rib, t * (tall - 0.06)

    ribs = (round(wide / 0.035) * 12, 1)
    surface(wall, front, ribs, enamel, (left + 0.02, -0.089, foot + 0.03))
    pipe = mat.plain((226, 224, 218), 0.4)
    rod(
        wall,
        (left + wide - 0.05, -0.06, 0.0),
        (left + wide - 0.05, -0.06, foot + 0.02),
        0.009,
        pipe,
    )
    valve = (left + wide + 0.005, -0.06, foot + tall - 0.06)
    rod(wall, valve, (valve[0] + 0.075, valve[1], valve[2]), 0.018, pipe)


def _rails(room: Room) -> None:
    """A rail from the first to the last curtain of each wall."""
    for side in SIDES:
        hung = [i for i in room.items if i.kind == "curtain" and i.wall == side]
        if not hung:
            continue
        wall, metal = wall_frame(room.shell, side), mat.plain((52, 48, 44), 0.4, 0.7)
        start = min(i.x for i in hung) - 0.12
        end = max(i.x + i.options["width"] for i in hung) + 0.12
        out, height = -hung[0].y, max(i.options["height"] for i in hung) + 0.03
        rod(wall, (start, out, height), (end, out, height), 0.013, metal)
        for x in (start, end):
            knob = [(0.0, -0.026), (0.018, -0.02), (0.026, 0.0), (0.018, 0.02), (0.0, 0.026)]
            lathe(wall, knob, (x, out, height), metal, (0, 90, 0), 24)
            inner = x + (0.09 if x == start else -0.09)
            rod(wall, (inner, 0.0, height), (inner, out, height), 0.007, metal)


def _switches(shell: Shell) -> None:
    """A switch beside each door, sockets above the skirting."""
    plastic, hole = mat.plain((243, 242, 238), 0.3), mat.plain((206, 205, 200), 0.5)

    def plate(side: Side, x: float, z: float, count: int) -> None:
        wall = wall_frame(shell, side)
        box(wall, (0.082 * count, 0.01, 0.082), (x, -0.005, z), plastic, 0.003)
        for k in range(count):
            at = x + 0.075 * (k - (count - 1) / 2)
            if z > 0.9:
                box(wall, (0.05, 0.006, 0.05), (at, -0.011, z), plastic, 0.002, (3, 0, 0))
            else:
                rod(wall, (at, -0.0095, z), (at, -0.0108, z), 0.02, hole)

    for door in shell.doors:
        plate(door.wall, door.start - 0.22, 1.08, 1)
    for side in ("left", "back", "right"):
        length = wall_length(shell, side)
        taken = [(o.start, o.start + o.width) for o in shell.openings if o.wall == side]
        taken += [(d.start - 0.1, d.start + d.width + 0.1) for d in shell.doors if d.wall == side]
        for x in (0.28, length - 0.34):
            if all(x < start - 0.15 or x > end + 0.15 for start, end in taken):
                plate(side, x, 0.3, 2)


def _cornice(shell: Shell) -> None:
    """A cove moulding where tall walls meet the ceiling."""
    paint = mat.plaster((244, 243, 240))
    for side in SIDES:
        length = wall_length(shell, side)

        def cove(
            s: np.ndarray, t: np.ndarray, length: float = length
        ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            knots = [0, 0.12, 0.16, 0.84, 0.88, 1]
            out = np.interp(t, knots, [-0.01, 0.006, 0.012, 0.075, 0.09, 0.09])
            up = np.interp(t, knots, [-0.1, -0.098, -0.085, -0.02, -0.018, 0.0])
            sunk = 0.018 * np.sin(np.pi * np.clip((t - 0.16) / 0.68, 0, 1))
            return s * length, -(out - sunk * 0.7), up + sunk * 0.7

        surface(wall_frame(shell, side), cove, (1, 25), paint, (0, 0, shell.height))
