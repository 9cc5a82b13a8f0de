"""From a described room and a floor design to a photograph and its floor mask.

    image, mask = render_room(room, design, layout_seed=7)

Needs Blender's `bpy` module (4.4) next to NumPy and OpenCV; renders on the CPU.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Vector
from numpy.typing import NDArray

from training.synthesis.design import FloorDesign
from training.synthesis.floors import render_sheet
from training.synthesis.rooms import decor, seating, storage
from training.synthesis.rooms import materials as mat
from training.synthesis.rooms.shapes import Vec3, frame
from training.synthesis.rooms.shell import Shell, Side, build_shell, wall_frame
from training.synthesis.wood import Colour

Builder = Callable[..., None]

#: Values of a mask.
FLOOR, RUG = 255, 64

FURNITURE: dict[str, Builder] = {
    builder.__name__: builder
    for builder in (
        seating.sofa, seating.armchair, seating.chair, seating.shell_chair, seating.stool,
        seating.bed, storage.dining_table, storage.round_table, storage.coffee_table,
        storage.side_table, storage.sideboard, storage.bookshelf, storage.book_stack,
        storage.vase, storage.kitchen, storage.tub, storage.nightstand, decor.floor_lamp,
        decor.arc_lamp, decor.table_lamp, decor.pendant, decor.plant, decor.framed, decor.mirror,
        decor.rug, decor.curtain,
    )
}  # fmt: skip


@dataclass(frozen=True)
class Item:
    """One thing in a room: on the floor at (x, y), or on a wall at `x` metres along it."""

    kind: str
    x: float
    y: float = 0.0
    turn: float = 0.0  # degrees; 0 faces the camera's end of the room
    wall: Side | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Light:
    """Daylight beyond the windows. Angles in degrees."""

    sun: float = 0.0  # W/m^2, 0 for overcast or night
    sun_from: tuple[float, float] = (0.0, 35.0)  # azimuth (0 shines along +y, 90 along +x), height
    sun_colour: Colour = (255, 238, 214)
    sky: Colour = (214, 228, 244)
    ground: Colour = (150, 158, 138)
    sky_strength: float = 3.5


@dataclass(frozen=True)
class Camera:
    """Where the photographer stands and looks; metres, horizontal field of view in degrees."""

    at: Vec3
    look: Vec3
    view: float = 65.0


@dataclass(frozen=True)
class Room:
    """Everything in a picture except the floor's design."""

    name: str
    shell: Shell
    camera: Camera
    items: tuple[Item, ...]
    light: Light = Light()
    exposure: float = 0.0  # stops, on top of the automatic exposure
    size: tuple[int, int] = (1024, 768)
    floor_turn: bool = False  # lay the boards across the room instead of along it


def _world(light: Light) -> None:
    world = bpy.data.worlds.new("sky")
    bpy.context.scene.world = world
    world.use_nodes = True
    tree = world.node_tree
    back = tree.nodes["Background"]
    back.inputs["Strength"].default_value = light.sky_strength
    place = tree.nodes.new("ShaderNodeTexCoord")
    split = tree.nodes.new("ShaderNodeSeparateXYZ")
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    span = tree.nodes.new("ShaderNodeMapRange")
    span.inputs["From Min"].default_value, span.inputs["From Max"].default_value = -0.25, 0.6
    tree.links.new(place.outputs["Generated"], split.inputs[0])
    tree.links.new(split.outputs["Z"], span.inputs["Value"])
    tree.links.new(span.outputs["Result"], ramp.inputs["Fac"])
    tree.links.new(ramp.outputs["Color"], back.inputs["Color"])
    ramp.color_ramp.elements[0].color = mat.linear(light.ground)
    ramp.color_ramp.elements[0].position = 0.12
    ramp.color_ramp.elements[1].color = mat.linear(light.sky)
    ramp.color_ramp.elements[1].position = 0.8
    horizon = ramp.color_ramp.elements.new(0.36)
    haze = tuple(round(0.6 * channel + 0.4 * max(light.sky)) for channel in light.sky)
    horizon.color = mat.linear((haze[0], haze[1], haze[2]))
    # Window lights stand for the sky: sampled directly they are far less noisy than a sky that
    # bounced light would have to find through a window.
    world.cycles_visibility.diffuse = False
    world.cycles.sampling_method = "NONE"
    if light.sun > 0:
        sun = bpy.data.lights.new("sun", "SUN")
        sun.energy, sun.angle = light.sun, math.radians(1.2)
        sun.color = mat.linear(light.sun_colour)[:3]
        thing = bpy.data.objects.new("sun", sun)
        azimuth, height = (math.radians(a) for a in light.sun_from)
        direction = Vector((
            math.sin(azimuth) * math.cos(height), math.cos(azimuth) * math.cos(height),
            -math.sin(height),
        ))  # fmt: skip
        thing.rotation_euler = direction.to_track_quat("-Z", "Y").to_euler()
        bpy.context.scene.collection.objects.link(thing)


def _camera(camera: Camera) -> None:
    lens = bpy.data.cameras.new("camera")
    lens.sensor_fit = "HORIZONTAL"
    lens.angle = math.radians(camera.view)
    lens.clip_start = 0.05
    thing = bpy.data.objects.new("camera", lens)
    thing.location = camera.at
    thing.rotation_euler = (
        (Vector(camera.look) - Vector(camera.at)).to_track_quat("-Z", "Y").to_euler()
    )
    bpy.context.scene.collection.objects.link(thing)
    bpy.context.scene.camera = thing


def _floor_scale(room: Room, width_px: int) -> float:
    """Millimetres a texel: what one pixel covers where the floor is nearest, a little finer."""
    camera, (wide, tall) = room.camera, room.size
    half = math.atan(math.tan(math.radians(camera.view / 2)) * tall / wide)
    reach = math.hypot(camera.look[0] - camera.at[0], camera.look[1] - camera.at[1])
    pitch = math.atan2(camera.at[2] - camera.look[2], reach)
    near = camera.at[2] / max(math.sin(min(pitch + half, 1.5)), 0.1)
    pixel = 2 * math.tan(math.radians(camera.view / 2)) / width_px
    return float(np.clip(near * pixel * 1000 * 0.8, 0.8, 12.0))


def build(
    room: Room, design: FloorDesign, layout_seed: int, width_px: int = 1024
) -> bpy.types.Object:
    """Empty the scene, build the room, return the floor object."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    w, d = room.shell.width, room.shell.depth
    extent = (d, w) if room.floor_turn else (w, d)
    sheet = render_sheet(
        design, (extent[0] * 1000, extent[1] * 1000), _floor_scale(room, width_px), layout_seed
    )
    if room.floor_turn:
        sheet = type(sheet)(
            np.ascontiguousarray(np.rot90(sheet.rgb)), np.ascontiguousarray(np.rot90(sheet.relief))
        )
    floor = build_shell(room.shell, mat.floor_material(sheet, design.gloss, (w, d)))
    for item in room.items:
        if item.wall is None:
            place = frame(item.kind, (item.x, item.y, 0.0), item.turn)
        else:
            place = wall_frame(room.shell, item.wall)
            inner = frame(item.kind, (item.x, -item.y, 0.0), item.turn)
            inner.parent = place
            place = inner
        FURNITURE[item.kind](place, **item.options)
    _world(room.light)
    _camera(room.camera)
    return floor


def _settings(size: tuple[int, int], samples: int, threads: int) -> None:
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.resolution_percentage = 100
    scene.render.threads_mode, scene.render.threads = "FIXED", threads
    scene.cycles.device = "CPU"
    scene.cycles.samples = samples
    scene.cycles.use_adaptive_sampling = True
    scene.cycles.adaptive_threshold = 0.05
    scene.cycles.max_bounces, scene.cycles.diffuse_bounces = 5, 3
    scene.cycles.glossy_bounces, scene.cycles.transmission_bounces = 2, 3
    scene.cycles.sample_clamp_indirect = 6.0
    scene.cycles.caustics_reflective = scene.cycles.caustics_refractive = False
    scene.cycles.use_denoising = True
    scene.cycles.denoiser = "OPENIMAGEDENOISE"
    scene.cycles.denoising_prefilter = "FAST"
    scene.cycles.denoising_input_passes = "RGB_ALBEDO_NORMAL"


def _render_linear(path: Path) -> NDArray[np.float32]:
    """Render to an OpenEXR file and read it back: (H, W, 3) float32, linear, top row first."""
    scene = bpy.context.scene
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_depth = "32"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(str(path))
    width, height = image.size
    values = np.empty(width * height * image.channels, dtype=np.float32)
    image.pixels.foreach_get(values)
    bpy.data.images.remove(image)
    return values.reshape(height, width, -1)[::-1, :, :3].copy()


def develop(linear: NDArray[np.float32], stops: float) -> NDArray[np.uint8]:
    """Expose and tone-map like a camera: (H, W, 3) linear float32 to sRGB uint8.

    The exposure puts the picture's log-average at middle grey; a filmic shoulder is applied to the
    brightest channel and shared by all three, which keeps hues where highlights would drift.
    """
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
    average = float(np.exp(np.mean(np.log(np.clip(luminance, 1e-3, 8.0)))))
    light = np.maximum(linear, 0) * (0.215 / average * 2.0**stops)
    # Half-hearted white balance, as cameras have it: lamps stay warm, but less than they are.
    usual = light[luminance * (0.215 / average) < 1.0]
    if usual.size:
        mean = np.maximum(usual.mean(axis=0), 1e-4)
        light = light * (mean[1] / mean) ** 0.35
    peak = np.maximum(light.max(axis=-1, keepdims=True), 1e-6)
    knee, white = 0.55, 3.5
    over = np.clip((peak - knee) / (white - knee), 0, 1)
    rolled = np.where(peak > knee, knee + (1 - knee) * (1 - (1 - over) ** 3.2), peak)
    mapped = light * (rolled / peak)
    # Very bright light whitens, as it does on film and on a sensor.
    whiten = np.clip((peak - 1.2) / 4.0, 0, 1) ** 1.2
    mapped = mapped + (rolled - mapped) * whiten
    curved = np.where(
        mapped <= 0.0031308, mapped * 12.92, 1.055 * np.maximum(mapped, 1e-8) ** (1 / 2.4) - 0.055
    )
    toe = curved + 0.02 * np.sin(2 * np.pi * (curved - 0.5)) * (curved < 1)
    return (np.clip(toe, 0, 1) * 255 + 0.5).astype(np.uint8)


def _mask(floor: bpy.types.Object, size: tuple[int, int], path: Path) -> NDArray[np.uint8]:
    """A second pass in which only floor and rugs shine, each in a colour of its own.

    Returns FLOOR where the floor is seen directly, RUG where a rug is, 0 elsewhere.
    """
    scene = bpy.context.scene

    def emitter(colour: tuple[float, float, float]) -> bpy.types.Material:
        material = bpy.data.materials.new("mask")
        material.use_nodes = True
        tree = material.node_tree
        tree.nodes.clear()
        light, out = (
            tree.nodes.new("ShaderNodeEmission"),
            tree.nodes.new("ShaderNodeOutputMaterial"),
        )
        light.inputs["Color"].default_value = (*colour, 1.0)
        light.inputs["Strength"].default_value = 1.0
        tree.links.new(light.outputs[0], out.inputs["Surface"])
        return material

    black, red, green = emitter((0, 0, 0)), emitter((1, 0, 0)), emitter((0, 1, 0))
    for thing in bpy.data.objects:
        if thing.type in ("MESH", "CURVE"):
            thing.data.materials.clear()
            rug = thing.parent is not None and thing.parent.name.startswith("rug")
            thing.data.materials.append(red if thing == floor else green if rug else black)
        elif thing.type == "LIGHT":
            thing.hide_render = True
    scene.world.node_tree.nodes["Background"].inputs["Strength"].default_value = 0.0
    scene.cycles.use_denoising = False
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.samples = 12
    scene.cycles.max_bounces = 0
    seen = _render_linear(path)
    mask = np.zeros(seen.shape[:2], np.uint8)
    mask[seen[..., 0] >= 0.5] = FLOOR
    mask[seen[..., 1] >= 0.5] = RUG
    return mask


def trace_room(
    room: Room,
    design: FloorDesign,
    layout_seed: int = 0,
    samples: int = 64,
    threads: int = 2,
    size: tuple[int, int] | None = None,
    finish: Callable[[], None] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Light before the camera: (H, W, 3) float32 linear; the mask (H, W) uint8 of FLOOR, RUG, 0.

    `finish` is called once the scene stands, to change what it likes.
    """
    shape = size or room.size
    floor = build(room, design, layout_seed, shape[0])
    _settings(shape, samples, threads)
    if finish is not None:
        finish()
    with tempfile.TemporaryDirectory() as folder:
        linear = _render_linear(Path(folder) / "room.exr")
        mask = _mask(floor, shape, Path(folder) / "mask.exr")
    return linear, mask


def render_room(
    room: Room,
    design: FloorDesign,
    layout_seed: int = 0,
    samples: int = 64,
    threads: int = 2,
    size: tuple[int, int] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Photograph `design` in `room`: image (H, W, 3) uint8 sRGB, mask (H, W) of FLOOR, RUG, 0."""
    linear, mask = trace_room(room, design, layout_seed, samples, threads, size)
    return develop(linear, room.exposure), mask
