"""Made products, each with swatches and simulated rooms: what the matcher is trained on.

    python -m training.matching.samples --out DIR --count 400

Writes for product n the pictures `n-0.jpg`, `n-1.jpg` (swatches: near, far), `n-2.jpg` ... (rooms)
and the floor masks of the rooms, `n-2.png` ... Every room shows other boards than the swatches, for
no room shows the boards that were photographed for the catalogue. Products come in ranges of three
that share a construction and differ in tone or in figure, as the neighbours in a real catalogue do.
Existing products are kept.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.adaptation.rooms import RoomView, simulate_view
from training.synthesis.design import FloorDesign
from training.synthesis.floors import render_floor, sample_design
from training.synthesis.layouts import Layout
from training.synthesis.sampling import shift_lab
from training.synthesis.wood import Wood

#: Pixels across a swatch.
SWATCH = 448
#: What a swatch shows of the floor, in metres: one board, or a few square metres.
NEAR, FAR = (0.18, 0.8), (0.8, 2.4)
#: Products to a range.
RANGE = 3
#: The floor that rooms are laid with: metres across, millimetres a pixel.
SHEET, SHEET_SCALE = 3.0, 3.0


def draw_product(number: int, seed: int = 0) -> tuple[FloorDesign, np.random.Generator]:
    """Returns the design of made product `number`, and a generator for its pictures."""
    rng = np.random.default_rng([seed, number])
    design = sample_design(np.random.default_rng([seed, number // RANGE, 7]))
    place = number % RANGE
    if place == 0:
        return design, rng
    if place == 2 and isinstance(design.surface, Wood):
        # The same tone, another cut: knots, figure, variation between boards.
        other = sample_design(rng, design.family).surface
        if isinstance(other, Wood):
            colours = ("base", "grain", "pore", "knot", "sap")
            same = {name: getattr(design.surface, name) for name in colours}
            return replace(design, surface=replace(other, **same), seed=number), rng
    shift = rng.normal(0, 1, 3) * [9.0, 2.0, 5.0]
    shift *= max(1.0, 5.0 / float(np.linalg.norm(shift)))
    return replace(design, surface=_toned(design.surface, shift), seed=number), rng


def _toned(surface: Any, shift: NDArray[np.float64]) -> Any:
    """Returns the surface with every colour of it moved by (L*, a*, b*)."""
    moved: dict[str, Any] = {}
    for field in fields(surface):
        value = getattr(surface, field.name)
        if _is_colour(value):
            moved[field.name] = shift_lab(value, *map(float, shift))
        elif isinstance(value, tuple) and value and all(map(_is_colour, value)):
            moved[field.name] = tuple(shift_lab(colour, *map(float, shift)) for colour in value)
    return replace(surface, **moved)


def _is_colour(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 3 and all(type(v) is int for v in value)


@dataclass(frozen=True)
class Swatch:
    """What a swatch shows: of which floor how much, in millimetres; `turned` by 90 degrees."""

    design: FloorDesign
    millimetres: float
    turned: bool
    one_board: bool


def draw_swatches(design: FloorDesign, rng: np.random.Generator) -> list[Swatch]:
    """Returns a near and a far swatch of a design."""
    swatches = []
    for low, high in (NEAR, FAR):
        millimetres = 1000.0 * float(np.exp(rng.uniform(np.log(low), np.log(high))))
        shown, one_board = design, False
        if low == NEAR[0] and isinstance(design.surface, Wood) and rng.random() < 0.5:
            # Much of a catalogue shows the figure of one board, without a joint.
            board = Layout("plank", 3 * millimetres, 9 * millimetres, 0.0)
            shown, one_board = replace(design, layout=board), True
        swatches.append(Swatch(shown, millimetres, bool(rng.random() < 0.5), one_board))
    return swatches


def make_product(number: int, rooms: int, seed: int = 0) -> list[RoomView]:
    """Returns two swatches (mask all True) and `rooms` rooms of made product `number`."""
    design, rng = draw_product(number, seed)
    views: list[RoomView] = []
    for layout_seed, swatch in enumerate(draw_swatches(design, rng)):
        size = (swatch.millimetres, swatch.millimetres)
        rgb = render_floor(swatch.design, size, swatch.millimetres / SWATCH, layout_seed)
        if swatch.turned:
            rgb = np.ascontiguousarray(rgb.swapaxes(0, 1))
        views.append(RoomView(rgb, np.ones(rgb.shape[:2], np.bool_)))
    sheet = render_floor(design, (1000 * SHEET, 1000 * SHEET), SHEET_SCALE, 2)
    views += [simulate_view(sheet, SHEET, rng) for _ in range(rooms)]
    return views


def main() -> None:
    """Fill a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--rooms", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for number in range(arguments.start, arguments.count):
        last = arguments.out / f"{number:05d}-{arguments.rooms + 1}.jpg"
        if last.exists():
            continue
        for index, view in enumerate(make_product(number, arguments.rooms, arguments.seed)):
            stem = f"{number:05d}-{index}"
            if not view.mask.all():
                Image.fromarray(view.mask).save(arguments.out / f"{stem}.png")
            # Renamed when complete: `training.matching.fit` may be reading already.
            draft = arguments.out / f"{stem}.draft"
            Image.fromarray(view.rgb).save(draft, "JPEG", quality=92)
            draft.replace(arguments.out / f"{stem}.jpg")


if __name__ == "__main__":
    main()
