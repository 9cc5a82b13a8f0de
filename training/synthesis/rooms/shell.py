"""The room itself: floor, walls with openings, windows, doors, skirting, daylight.

The room spans x in [0, width], y in [0, depth]; the camera usually looks along +y.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import bpy
import numpy as np

from training.synthesis.rooms import materials as mat
from training.synthesis.rooms.shapes import box, frame, rod, surface
from training.synthesis.wood import Colour

Side = Literal["left", "right", "back", "front"]


@dataclass(frozen=True)
class Opening:
    """A window (or a doorway to the outside when `sill` is 0) in one wall; metres."""

    wall: Side
    start: float
    width: float
    sill: float = 0.85
    height: float = 1.4
    panes: tuple[int, int] = (2, 1)
    watts: float = 160.0  # sky light that falls through it
    frame: Colour = (236, 234, 228)


@dataclass(frozen=True)
class Door:
    """A closed panel door in front of a wall."""

    wall: Side
    start: float
    width: float = 0.86
    height: float = 2.05
    colour: Colour = (232, 230, 224)


@dataclass(frozen=True)
class Shell:
    """Walls and what is let into them."""

    width: float
    depth: float
    height: float = 2.6
    wall: Colour = (232, 228, 220)
    accents: tuple[tuple[Side, Colour], ...] = ()
    skirting: Colour = (240, 239, 235)
    skirting_height: float = 0.09
    openings: tuple[Opening, ...] = ()
    doors: tuple[Door, ...] = ()
    beams: Colour | None = None
    panelling: tuple[Side, ...] = ()


def wall_frame(shell: Shell, side: Side) -> bpy.types.Object:
    """A frame whose x runs along the wall, whose -y points into the room, z up."""
    place = {
        "back": ((0.0, shell.depth, 0.0), 0.0),
        "right": ((shell.width, shell.depth, 0.0), -90.0),
        "front": ((shell.width, 0.0, 0.0), 180.0),
        "left": ((0.0, 0.0, 0.0), 90.0),
    }[side]
    return frame(f"wall {side}", place[0], place[1])


def wall_length(shell: Shell, side: Side) -> float:
    """Metres along the wall."""
    return shell.width if side in ("back", "front") else shell.depth


def _wall(shell: Shell, side: Side, material: bpy.types.Material) -> None:
    f = wall_frame(shell, side)
    thick, length = 0.2, wall_length(shell, side)
    openings = sorted((o for o in shell.openings if o.wall == side), key=lambda o: o.start)
    skirting = mat.plain(shell.skirting, 0.4)
    here = -thick  # walls overlap at the corners, so that no light leaks in
    for opening in openings:
        _slab(f, here, opening.start, 0, shell.height, thick, material)
        end = opening.start + opening.width
        _slab(f, opening.start, end, 0, opening.sill, thick, material)
        _slab(f, opening.start, end, opening.sill + opening.height, shell.height, thick, material)
        _window(f, opening, thick)
        here = end
    _slab(f, here, length + thick, 0, shell.height, thick, material)

    doors = [(d.start - 0.07, d.start + d.width + 0.07) for d in shell.doors if d.wall == side]
    low = [(o.start, o.start + o.width) for o in openings if o.sill < shell.skirting_height]
    tall = shell.skirting_height
    for start, end in _between(length, doors + low):
        box(f, (end - start, 0.016, tall), ((start + end) / 2, -0.008, tall / 2), skirting, 0.005)
    if side in shell.panelling:
        waist = [(o.start - 0.06, o.start + o.width + 0.06) for o in openings if o.sill < 1.1]
        _panels(f, _between(length, doors + waist), material)
    for door in shell.doors:
        if door.wall == side:
            _door(f, door)


def _between(length: float, gaps: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The stretches of 0..length that the gaps leave."""
    spans, here = [], 0.0
    for start, end in [*sorted(gaps), (length, length)]:
        if start - here > 0.02:
            spans.append((here, start))
        here = max(here, end)
    return spans


def _slab(
    f: bpy.types.Object, start: float, end: float, low: float, high: float, thick: float,
    material: bpy.types.Material,
) -> None:  # fmt: skip
    if end - start > 1e-3 and high - low > 1e-3:
        middle = ((start + end) / 2, thick / 2, (low + high) / 2)
        box(f, (end - start, thick, high - low), middle, material, 0)


def _panels(
    f: bpy.types.Object,
    spans: list[tuple[float, float]],
    material: bpy.types.Material,
) -> None:
    """Wainscot mouldings on the stretches of a wall that no door or low window takes."""
    for start, end in spans:
        length = end - start
        if length < 0.4:
            continue
        count = max(1, round(length / 0.75))
        each = length / count
        for k in range(count):
            x, w, low, high = start + each * (k + 0.5), each - 0.16, 0.26, 0.95
            for side in (-1, 1):
                at = (x + side * w / 2, -0.007, (low + high) / 2)
                box(f, (0.024, 0.018, high - low), at, material, 0.007)
            for z in (low, high):
                box(f, (w, 0.021, 0.024), (x, -0.007, z), material, 0.007)
        box(f, (length, 0.03, 0.035), ((start + end) / 2, -0.012, 1.05), material, 0.01)


def _window(f: bpy.types.Object, o: Opening, thick: float) -> None:
    wood = mat.plain(o.frame, 0.4)
    y, bar = thick * 0.6, 0.055
    x0, z0 = o.start, o.sill
    for x in (x0 + bar / 2, x0 + o.width - bar / 2):
        box(f, (bar, 0.07, o.height), (x, y, z0 + o.height / 2), wood, 0.006)
    for z in (z0 + bar / 2, z0 + o.height - bar / 2):
        # A little proud of the stiles: coplanar faces would shade each other black.
        box(f, (o.width, 0.076, bar), (x0 + o.width / 2, y, z), wood, 0.006)
    for k in range(1, o.panes[0]):
        box(
            f,
            (0.05, 0.06, o.height),
            (x0 + o.width * k / o.panes[0], y, z0 + o.height / 2),
            wood,
            0.006,
        )
    for k in range(1, o.panes[1]):
        box(
            f,
            (o.width, 0.05, 0.035),
            (x0 + o.width / 2, y, z0 + o.height * k / o.panes[1]),
            wood,
            0.006,
        )
    if o.sill > 0.2:
        ledge = (o.width + 0.1, thick * 0.6 + 0.1, 0.03)
        box(f, ledge, (x0 + o.width / 2, thick * 0.2 - 0.05, z0 - 0.012), wood, 0.008)
    if o.watts > 0:
        light = bpy.data.lights.new("sky", "AREA")
        light.shape, light.size, light.size_y = "RECTANGLE", o.width, o.height
        light.energy, light.color = o.watts, (0.90, 0.95, 1.0)
        thing = bpy.data.objects.new("sky", light)
        thing.parent = f
        thing.location = (x0 + o.width / 2, thick + 0.05, z0 + o.height / 2)
        thing.rotation_euler = (math.radians(-90), 0, 0)
        thing.visible_camera = False
        bpy.context.scene.collection.objects.link(thing)


def _door(f: bpy.types.Object, d: Door) -> None:
    paint, steel = mat.plain(d.colour, 0.4), mat.plain((150, 148, 144), 0.3, 1.0)
    for x in (d.start - 0.035, d.start + d.width + 0.035):
        box(f, (0.07, 0.045, d.height + 0.07), (x, -0.012, (d.height + 0.07) / 2), paint, 0.008)
    box(
        f,
        (d.width + 0.14, 0.052, 0.07),
        (d.start + d.width / 2, -0.012, d.height + 0.035),
        paint,
        0.008,
    )
    box(
        f,
        (d.width, 0.02, d.height - 0.008),
        (d.start + d.width / 2, 0.0, d.height / 2 + 0.004),
        paint,
        0.002,
    )
    x = d.start + d.width / 2
    for low, high in ((0.22, 0.86), (1.06, d.height - 0.16)):
        w = d.width - 0.26
        for side in (-1, 1):
            box(
                f,
                (0.02, 0.02, high - low),
                (x + side * w / 2, -0.012, (low + high) / 2),
                paint,
                0.006,
            )
        for z in (low, high):
            box(f, (w, 0.024, 0.02), (x, -0.012, z), paint, 0.006)
    handle = d.start + d.width - 0.08
    rod(f, (handle, 0, 1.02), (handle, -0.05, 1.02), 0.009, steel)
    rod(f, (handle, -0.05, 1.02), (handle - 0.11, -0.05, 1.02), 0.009, steel)


def build_shell(shell: Shell, floor: bpy.types.Material) -> bpy.types.Object:
    """Build the room and return its floor object."""
    w, d = shell.width, shell.depth

    def plane(s: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return s * w, t * d, np.zeros_like(s)

    ground = surface(None, plane, (2, 2), floor)
    ground.name = "floor"
    ceiling = mat.plaster((244, 243, 240))
    box(None, (w + 0.4, d + 0.4, 0.2), (w / 2, d / 2, shell.height + 0.1), ceiling, 0)
    # Outside ground keeps the sky from shining in under the walls.
    box(None, (w + 0.4, d + 0.4, 0.2), (w / 2, d / 2, -0.1015), ceiling, 0)
    sides: tuple[Side, ...] = ("left", "right", "back", "front")
    accents = dict(shell.accents)
    for side in sides:
        _wall(shell, side, mat.plaster(accents.get(side, shell.wall)))
    if shell.beams is not None:
        beam = mat.plain(shell.beams, 0.6)
        for y in np.arange(0.7, d, 1.15):
            box(None, (w, 0.13, 0.15), (w / 2, float(y), shell.height - 0.075), beam, 0.012)
    return ground
