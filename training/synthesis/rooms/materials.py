"""Materials of the rooms: paint, wood, cloth, metal, glass, leaves, light; colours are sRGB."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import bpy
import numpy as np
from numpy.typing import NDArray

from training.synthesis.design import FloorDesign
from training.synthesis.floors import Sheet, render_sheet
from training.synthesis.layouts import Layout
from training.synthesis.wood import Colour, Wood

Rgba = tuple[float, float, float, float]


def linear(colour: Colour) -> Rgba:
    """8-bit sRGB to the linear RGBA that Blender's sockets expect."""
    srgb = np.asarray(colour, dtype=float) / 255
    value = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return float(value[0]), float(value[1]), float(value[2]), 1.0


def image_of(name: str, pixels: NDArray[np.uint8], data: bool = False) -> bpy.types.Image:
    """A packed Blender image of an (H, W, 3) uint8 array; `data` marks non-colour values."""
    height, width = pixels.shape[:2]
    image = bpy.data.images.new(name, width, height, alpha=False, is_data=data)
    rgba = np.ones((height, width, 4), dtype=np.float32)
    rgba[..., :3] = pixels[::-1].astype(np.float32) / 255  # Blender's rows run upwards
    image.pixels.foreach_set(rgba.ravel())
    image.update()
    return image


def plain(
    colour: Colour, roughness: float = 0.5, metallic: float = 0.0, name: str = "plain"
) -> bpy.types.Material:
    """One colour, one roughness: lacquer, plastic, metal, ceramics."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = linear(colour)
    shader.inputs["Roughness"].default_value = roughness
    shader.inputs["Metallic"].default_value = metallic
    return material


def _grain(
    material: bpy.types.Material, scale: float, strength: float, distance: float, tint: float
) -> None:
    """Give a plain material fine bumps and a faint, uneven tint."""
    tree = material.node_tree
    shader = tree.nodes["Principled BSDF"]
    place = tree.nodes.new("ShaderNodeTexCoord")
    noise = tree.nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value = scale
    noise.inputs["Detail"].default_value = 2
    tree.links.new(place.outputs["Object"], noise.inputs["Vector"])
    bump = tree.nodes.new("ShaderNodeBump")
    bump.inputs["Strength"].default_value = strength
    bump.inputs["Distance"].default_value = distance
    tree.links.new(noise.outputs["Fac"], bump.inputs["Height"])
    tree.links.new(bump.outputs["Normal"], shader.inputs["Normal"])
    if tint:
        hue = tree.nodes.new("ShaderNodeHueSaturation")
        hue.inputs["Color"].default_value = shader.inputs["Base Color"].default_value[:]
        span = tree.nodes.new("ShaderNodeMapRange")
        span.inputs["To Min"].default_value = 1 - tint
        span.inputs["To Max"].default_value = 1 + tint
        tree.links.new(noise.outputs["Fac"], span.inputs["Value"])
        tree.links.new(span.outputs["Result"], hue.inputs["Value"])
        tree.links.new(hue.outputs["Color"], shader.inputs["Base Color"])


def cloth(colour: Colour, coarse: float = 1.0) -> bpy.types.Material:
    """Woven upholstery; `coarse` stretches the weave."""
    material = plain(colour, 0.95, name="cloth")
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Sheen Weight"].default_value = 0.25
    shader.inputs["Sheen Roughness"].default_value = 0.5
    _grain(material, 420 / coarse, 0.35, 0.004, 0.22)
    return material


def leather(colour: Colour) -> bpy.types.Material:
    """Smooth hide with a fine grain."""
    material = plain(colour, 0.42, name="leather")
    _grain(material, 160, 0.12, 0.002, 0.10)
    return material


def plaster(colour: Colour) -> bpy.types.Material:
    """Painted wall, kept plain: bumps on what fills half of a picture cost a third of its time."""
    return plain(colour, 0.85, name="plaster")


@lru_cache(maxsize=64)
def _boards(wood: Wood, seed: int) -> NDArray[np.uint8]:
    """One square metre of jointless wood, (640, 640, 3) uint8 sRGB."""
    layout = Layout("plank", 420.0, 2600.0, 0.0, 0.0)
    quiet = replace(wood, tones=wood.tones * 0.25, hues=wood.hues * 0.3, sapwood=0.0, two_tone=0.0)
    design = FloorDesign("straight plank", "timber", layout, quiet, seed=seed, joint_strength=0.0)
    return render_sheet(design, (1000.0, 1000.0), 1000 / 640, seed).rgb


def timber(wood: Wood, seed: int = 0, gloss: float = 0.4, along: str = "x") -> bpy.types.Material:
    """Furniture wood: the floor generator's wood without joints, projected from three sides.

    `along` names the local axis the grain follows.
    """
    name = f"timber {seed % 3} {gloss} {along} {wood.base}"
    if name in bpy.data.materials:  # a dozen chair legs share one board's picture
        return bpy.data.materials[name]
    pixels = _boards(wood, seed % 3)
    material = plain((128, 128, 128), 0.62 - 0.4 * gloss, name=name)
    tree = material.node_tree
    shader = tree.nodes["Principled BSDF"]
    place = tree.nodes.new("ShaderNodeTexCoord")
    turn = tree.nodes.new("ShaderNodeMapping")
    # The sheet's grain runs along its v; a box projection shows v as z or y, so the axes are
    # swapped until the wanted one lands there.
    turn.inputs["Rotation"].default_value = {
        "x": (0.0, 1.5708, 1.5708), "y": (1.5708, 0.0, 0.0), "z": (0.0, 0.0, 0.0),
    }[along]  # fmt: skip
    texture = tree.nodes.new("ShaderNodeTexImage")
    texture.image = image_of("timber", pixels)
    texture.projection = "BOX"
    texture.projection_blend = 0.1
    tree.links.new(place.outputs["Object"], turn.inputs["Vector"])
    tree.links.new(turn.outputs["Vector"], texture.inputs["Vector"])
    tree.links.new(texture.outputs["Color"], shader.inputs["Base Color"])
    return material


def picture(pixels: NDArray[np.uint8], roughness: float = 0.7) -> bpy.types.Material:
    """An image across a surface's own (s, t) coordinates."""
    material = plain((255, 255, 255), roughness, name="picture")
    tree = material.node_tree
    texture = tree.nodes.new("ShaderNodeTexImage")
    texture.image = image_of("picture", pixels)
    tree.links.new(texture.outputs["Color"], tree.nodes["Principled BSDF"].inputs["Base Color"])
    return material


def glow(colour: Colour, strength: float) -> bpy.types.Material:
    """A lampshade or bulb that is seen shining; the light itself comes from a lamp object."""
    material = plain(colour, 0.8, name="glow")
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Emission Color"].default_value = linear(colour)
    shader.inputs["Emission Strength"].default_value = strength
    return material


def sheer(colour: Colour = (244, 241, 234)) -> bpy.types.Material:
    """Curtain voile: lets half of the light through, scattered."""
    material = plain(colour, 0.9, name="sheer")
    tree = material.node_tree
    shader = tree.nodes["Principled BSDF"]
    through = tree.nodes.new("ShaderNodeBsdfTranslucent")
    through.inputs["Color"].default_value = linear(colour)
    clear = tree.nodes.new("ShaderNodeBsdfTransparent")
    first, second = tree.nodes.new("ShaderNodeMixShader"), tree.nodes.new("ShaderNodeMixShader")
    first.inputs["Fac"].default_value = 0.55
    second.inputs["Fac"].default_value = 0.25
    out = tree.nodes["Material Output"]
    tree.links.new(shader.outputs["BSDF"], first.inputs[1])
    tree.links.new(through.outputs["BSDF"], first.inputs[2])
    tree.links.new(first.outputs["Shader"], second.inputs[1])
    tree.links.new(clear.outputs["BSDF"], second.inputs[2])
    tree.links.new(second.outputs["Shader"], out.inputs["Surface"])
    return material


def leaf(colour: Colour = (62, 92, 48)) -> bpy.types.Material:
    """Waxy foliage with some light through it."""
    material = plain(colour, 0.38, name="leaf")
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Subsurface Weight"].default_value = 0.0
    _grain(material, 30, 0.05, 0.002, 0.25)
    return material


def floor_material(sheet: Sheet, gloss: float, size_m: tuple[float, float]) -> bpy.types.Material:
    """The floor: colour, a roughness that follows the grain, and the relief as a bump.

    The sheet covers `size_m` and is laid by the floor mesh's own (s, t) coordinates.
    """
    roughness = 0.85 - 0.68 * gloss
    material = plain((128, 128, 128), roughness, name="floor")
    tree = material.node_tree
    shader = tree.nodes["Principled BSDF"]
    shader.inputs["Specular IOR Level"].default_value = 0.5 if gloss > 0.05 else 0.1
    colour = tree.nodes.new("ShaderNodeTexImage")
    colour.image = image_of("floor colour", sheet.rgb)
    tree.links.new(colour.outputs["Color"], shader.inputs["Base Color"])

    low, high = (float(v) for v in np.percentile(sheet.relief, (0.5, 99.5)))
    span = max(high - low, 1e-4)
    grey = (np.clip((sheet.relief - low) / span, 0, 1) * 255).astype(np.uint8)
    relief = tree.nodes.new("ShaderNodeTexImage")
    relief.image = image_of("floor relief", np.repeat(grey[..., None], 3, axis=2), data=True)
    bump = tree.nodes.new("ShaderNodeBump")
    bump.inputs["Strength"].default_value = 0.35
    bump.inputs["Distance"].default_value = span / 1000
    tree.links.new(relief.outputs["Color"], bump.inputs["Height"])
    tree.links.new(bump.outputs["Normal"], shader.inputs["Normal"])

    rough = tree.nodes.new("ShaderNodeMapRange")
    rough.inputs["To Min"].default_value = min(1.0, roughness + 0.18)
    rough.inputs["To Max"].default_value = max(0.05, roughness - 0.05)
    tree.links.new(relief.outputs["Color"], rough.inputs["Value"])
    tree.links.new(rough.outputs["Result"], shader.inputs["Roughness"])
    return material
