"""Random furnished rooms for training: `photograph(design, seed)` gives an image and its mask.

The sample rooms are arranged by hand; these are drawn. Furniture stands in the places people put
it (a sofa to a wall, chairs round a table), so that floors are hidden the way real ones are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from training.synthesis.design import FloorDesign
from training.synthesis.rooms.shell import Door, Opening, Shell, Side
from training.synthesis.rooms.studio import Camera, Item, Light, Room, render_room
from training.synthesis.sampling import WOOD_TONES, shift_lab
from training.synthesis.wood import Colour, Wood

T = TypeVar("T")
Rng = np.random.Generator

_WALLS: tuple[Colour, ...] = (
    (236, 233, 226), (228, 224, 214), (240, 240, 238), (214, 208, 196), (206, 212, 208),
    (200, 206, 212), (222, 206, 190), (186, 180, 170),
)  # fmt: skip
_ACCENTS: tuple[Colour, ...] = (
    (122, 136, 126), (92, 106, 116), (150, 122, 102), (74, 84, 82), (178, 152, 126),
    (170, 176, 168), (128, 92, 78), (60, 66, 76),
)  # fmt: skip
_FABRICS: tuple[Colour, ...] = (
    (156, 150, 140), (226, 220, 208), (66, 82, 78), (84, 98, 116), (176, 120, 78), (110, 108, 104),
    (190, 140, 66), (142, 88, 80), (52, 54, 60), (196, 182, 160), (120, 132, 110),
)  # fmt: skip


def _pick(rng: Rng, options: Sequence[T]) -> T:
    return options[int(rng.integers(len(options)))]


def _near(rng: Rng, colour: Colour, spread: float = 5.0) -> Colour:
    return shift_lab(colour, *(float(v) for v in rng.normal(0, (spread, 2.0, 3.0))))


def _fabric(rng: Rng) -> Colour:
    return _near(rng, _pick(rng, _FABRICS))


def _timber(rng: Rng) -> Wood:
    base = _near(rng, _pick(rng, tuple(WOOD_TONES.values())))
    return Wood(base, shift_lab(base, -16, 2, 3), knots=0.0, ring=float(rng.uniform(4, 9)))


def _stand(kind: str, x: float, y: float, turn: float = 0.0, **options: Any) -> Item:
    return Item(kind, x, y, turn, None, options)


def _rug(rng: Rng, x: float, y: float, size: tuple[float, float]) -> list[Item]:
    if rng.random() < 0.45:  # bare floor is what the training is after
        return []
    tone = _fabric(rng)
    yarns = (shift_lab(tone, 22, 0, 0), shift_lab(tone, 30, 0, 0), shift_lab(tone, 14, 0, 0))
    weave = _pick(rng, ("loop", "pile", "tweed", "stripe"))
    return [
        _stand(
            "rug", x, y, float(rng.normal(0, 4)), yarns=yarns, size=size, weave=weave,
            rounded=bool(rng.random() < 0.3),
            band=_fabric(rng) if rng.random() < 0.4 else None,
        )
    ]  # fmt: skip


def _living(rng: Rng, w: float, d: float) -> list[Item]:
    x = w * float(rng.uniform(0.42, 0.6))
    wood = _timber(rng)
    items = [
        _stand("sofa", x, d - 0.6, colour=_fabric(rng), seats=int(rng.integers(2, 4)),
               width=float(rng.uniform(1.8, 2.4)), cushions=(_fabric(rng), _fabric(rng))),
        _stand("coffee_table", x, d - 1.8, float(rng.normal(0, 6)), wood=wood),
        _stand("floor_lamp", x + 1.5, d - 0.5),
    ]  # fmt: skip
    items += _rug(rng, x, d - 1.7, (float(rng.uniform(1.8, 2.6)), float(rng.uniform(1.2, 1.7))))
    if rng.random() < 0.7:
        side = float(_pick(rng, (-1, 1)))
        items.append(
            _stand("armchair", x + side * 1.75, d - 2.0, side * -66, colour=_fabric(rng), wood=wood,
                   hide=bool(rng.random() < 0.3))
        )  # fmt: skip
    return items


def _dining(rng: Rng, w: float, d: float) -> list[Item]:
    x, y = w * float(rng.uniform(0.45, 0.6)), d * float(rng.uniform(0.6, 0.7))
    wood, seat = _timber(rng), _fabric(rng)
    shells = rng.random() < 0.4
    items = [_stand("dining_table", x, y, 90, wood=_timber(rng), size=(1.8, 0.9))]
    for side in (-1, 1):
        for along in (-0.42, 0.42):
            turn = side * -90 + float(rng.normal(0, 7))
            at = (x + side * (0.62 + abs(float(rng.normal(0, 0.09)))), y + along)
            if shells:
                items.append(_stand("shell_chair", *at, turn, colour=seat))
            else:
                items.append(_stand("chair", *at, turn, wood=wood, seat=seat))
    items.append(_stand("pendant", x, y, z=1.65, colour=_fabric(rng)))
    items.append(_stand("vase", x, y, at=(0, 0, 0.75), height=0.24, seed=int(rng.integers(99))))
    return items


def _bedroom(rng: Rng, w: float, d: float) -> list[Item]:
    x, wood = w * float(rng.uniform(0.45, 0.58)), _timber(rng)
    items = [
        _stand("bed", x, d - 1.15, wood=wood if rng.random() < 0.5 else None,
               cover=_near(rng, (228, 222, 212)), blanket=_fabric(rng), head=_fabric(rng)),
        _stand("nightstand", x - 1.12, d - 0.3, wood=wood),
        _stand("nightstand", x + 1.12, d - 0.3, wood=wood),
        _stand("table_lamp", x - 1.12, d - 0.3, z=0.53),
    ]  # fmt: skip
    return items + _rug(rng, x - 1.3, d - 1.6, (0.9, 1.7))


def _study(rng: Rng, w: float, d: float) -> list[Item]:
    wood = _timber(rng)
    return [
        _stand("bookshelf", 0.75, d - 0.17, wood=wood, seed=int(rng.integers(999))),
        _stand("bookshelf", 1.76, d - 0.17, wood=wood, seed=int(rng.integers(999))),
        _stand("dining_table", w - 0.8, d * 0.6, 90, wood=_timber(rng), size=(1.5, 0.7)),
        _stand("shell_chair", w - 1.5, d * 0.6, 92 + float(rng.normal(0, 14)), colour=_fabric(rng)),
        _stand("armchair", w * 0.62, d - 0.8, float(rng.normal(-15, 12)), colour=_fabric(rng),
               wood=wood),
        *_rug(rng, w * 0.5, d - 1.5, (1.7, 1.2)),
    ]  # fmt: skip


def _kitchen(rng: Rng, w: float, d: float) -> list[Item]:
    x, y = float(rng.uniform(1.0, w - 1.0)), d * 0.5
    wood = _timber(rng) if rng.random() < 0.5 else None
    items = [
        _stand("kitchen", w / 2, d - 0.33, front=_pick(rng, _ACCENTS), width=w - 0.1, wood=wood),
        _stand("round_table", x, y, radius=0.5),
    ]
    for angle in rng.permutation(4)[: int(rng.integers(1, 4))] * 90.0 + float(rng.uniform(0, 90)):
        a = math.radians(float(angle))
        place = (x + 0.8 * math.sin(a), y + 0.8 * math.cos(a))
        items.append(_stand("shell_chair", *place, -float(angle), colour=_fabric(rng)))
    return items


def _bare(rng: Rng, w: float, d: float) -> list[Item]:
    kind = _pick(rng, ("armchair", "shell_chair", "stool", "plant"))
    options: dict[str, Any] = {"seed": int(rng.integers(99))} if kind == "plant" else {}
    if kind == "stool":
        options["wood"] = _timber(rng)
    return [_stand(kind, w * float(rng.uniform(0.3, 0.7)), d * 0.7, float(rng.uniform(-60, 60)),
                   **options)]  # fmt: skip


_PLANS: tuple[Callable[[Rng, float, float], list[Item]], ...] = (
    _living, _dining, _bedroom, _study, _kitchen, _bare,
)  # fmt: skip


def _light(rng: Rng, sunny_side: Side) -> Light:
    choice = rng.random()
    if choice < 0.45:
        sky = shift_lab((214, 226, 240), *(float(v) for v in rng.normal(0, (4, 2, 4))))
        return Light(sky=sky)
    if choice < 0.85:
        turn = {"left": 75.0, "right": -75.0, "back": 180.0, "front": 0.0}[sunny_side]
        azimuth = turn + float(rng.uniform(-28, 28))
        colour = _pick(rng, ((255, 240, 222), (255, 228, 196), (255, 246, 236)))
        return Light(float(rng.uniform(3, 9)), (azimuth, float(rng.uniform(22, 48))), colour)
    return Light(sky=(70, 88, 128), ground=(36, 40, 48), sky_strength=0.3)


def draw_room(rng: Rng, size: tuple[int, int] = (640, 480)) -> Room:
    """A furnished room with windows, light and a camera; metres, degrees, sRGB."""
    w, d = float(rng.uniform(3.4, 5.6)), float(rng.uniform(4.2, 6.0))
    height = float(rng.uniform(2.45, 2.95))
    wall = _near(rng, _pick(rng, _WALLS), 3.0)
    plan = _pick(rng, _PLANS)
    sides: tuple[Side, ...] = ("left", "right") if plan is _kitchen else ("left", "right", "back")
    side = _pick(rng, sides)
    light = _light(rng, side)
    dusk = light.sky_strength < 1
    length = w if side == "back" else d
    count = int(rng.integers(1, 3))
    sill = float(_pick(rng, (0.0, 0.3, 0.85))) if plan is not _study else 0.85
    openings = []
    for k in range(count):
        each = length * 0.62 / count
        wide = min(1.9, each * 0.86)
        start = length * 0.22 + k * each * 1.08
        tall = min(height - sill - 0.25, float(rng.uniform(1.3, 2.3)))
        panes = _pick(rng, ((1, 1), (2, 1), (2, 3)))
        watts = 5.0 if dusk else float(rng.uniform(80, 190))
        openings.append(Opening(side, start, wide, sill, tall, panes, watts))
    other: Side = "right" if side == "left" else "left"
    shell = Shell(
        w, d, height, wall,
        accents=(("back", _near(rng, _pick(rng, _ACCENTS))),) if rng.random() < 0.4 else (),
        skirting_height=float(rng.uniform(0.06, 0.16)),
        openings=tuple(openings),
        doors=(Door(other, d * 0.35),) if rng.random() < 0.4 else (),
        beams=(150, 126, 100) if rng.random() < 0.1 else None,
        panelling=("back",) if rng.random() < 0.15 else (),
    )  # fmt: skip
    items = plan(rng, w, d)
    if rng.random() < 0.7:
        items.append(_stand("plant", w - 0.4 if side == "left" else 0.4, d - 0.4,
                            height=float(rng.uniform(0.8, 1.7)), seed=int(rng.integers(999)),
                            broad=bool(rng.random() < 0.6)))  # fmt: skip
    if side != "back" and plan not in (_study, _kitchen):
        for k in range(int(rng.integers(0, 3))):
            hung = {"seed": int(rng.integers(99)), "z": 1.62, "size": (0.5, 0.68)}
            items.append(Item("framed", w * 0.42 + 0.62 * k, 0.0, 0.0, "back", hung))
    if dusk:
        lamp = {"watts": float(rng.uniform(40, 80)), "z": height - 0.5, "ceiling": height}
        items.append(Item("pendant", w * 0.5, d * 0.45, 0.0, None, lamp))
    corner = w * float(rng.uniform(0.15, 0.85))
    eye = float(rng.uniform(1.1, 1.75))
    ahead = (w * float(rng.uniform(0.4, 0.6)), d * float(rng.uniform(0.6, 0.75)))
    look = (*ahead, float(rng.uniform(0.1, 0.7)))
    camera = Camera((corner, 0.3, eye), look, float(rng.uniform(52, 78)))
    return Room(
        plan.__name__.strip("_"), shell, camera, tuple(items), light,
        float(rng.normal(0.0, 0.25)), size, floor_turn=bool(rng.random() < 0.4),
    )  # fmt: skip


def photograph(
    design: FloorDesign,
    seed: int,
    size: tuple[int, int] = (640, 480),
    samples: int = 6,
    threads: int = 2,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """`design` in the room of this seed: uint8 sRGB (H, W, 3), mask (H, W) of FLOOR, RUG, 0."""
    room = draw_room(np.random.default_rng([seed, 9176]), size)
    return render_room(room, design, seed, samples, threads)
