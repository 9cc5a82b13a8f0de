"""Pictures whose pattern is known, as the views that the package makes of them.

- *real*: what was labelled by eye (`pattern_labels.csv`);
- *simulated*: rooms of real swatches of a known pattern;
- *laid*: one board or one face, laid in a drawn pattern (`laid.py`), from above and as a room;
- *made*: procedural floors, from above and as a room.

Views of what is not among the training pictures of `features.py` are cached in a file each, so that
a new encoder costs the encoding alone.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.embedding.pattern import CLASSES
from floorlens.images.formats import PILLOW_FORMATS
from training.matching.laid import OF_BOARDS, OF_FACES, draw_laying, lay
from training.matching.pipeline import (
    STRONG_LIGHT,
    USUAL_LIGHT,
    FloorView,
    Stages,
    cleanest_square,
    product_view,
    read_product,
    simulate_view,
)
from training.synthesis.design import FloorDesign
from training.synthesis.floors import render_floor, sample_design
from training.synthesis.layouts import Pattern

#: Pictures that `features.py` does not know: too small to lay a room with.
THUMBNAILS = "textures/small/"
LABELS = Path(__file__).with_name("pattern_labels.csv")
REAL, SIMULATED, LAID, MADE = "real", "simulated", "laid", "made"
#: Sources of one shop: left out together.
SAME_SHOP = {"argilspc": "argil"}
#: Simulated rooms of each swatch of a pattern, and at most so many of a pattern.
ROOMS, MOST_SIMULATED = 2, 36
#: Layouts that each board is laid in; faces; and made floors of each pattern.
PER_BOARD, PER_FACE, PER_PATTERN = 1, 1, 4
#: Only so many faces are laid.
MOST_FACES = 100
#: Pixels of a swatch and of a floor that a room is laid with; the latter's width in metres.
SWATCH, SHEET, METRES = 448, 720, 2.2
#: How wide a swatch is on a simulated floor, in metres.
WIDTHS = (0.5, 2.5)


@dataclass(frozen=True)
class KnownPicture:
    """A picture whose pattern is known.

    Attributes:
        name: its own, and that of the cached view.
        how: `REAL`, `SIMULATED`, `LAID` or `MADE`.
        room: whether it is seen as a room, not from above.
        source: the shop it comes from, `textures` or `made`.
        group: pictures of one material have one: they are never on both sides of a split.
        pattern: place in `CLASSES`.
    """

    name: str
    how: str
    room: bool
    source: str
    group: str
    pattern: int


Maker = Callable[[Stages], FloorView]


def labelled_pictures() -> list[tuple[KnownPicture, str]]:
    """Returns the real pictures, each with its path below the data folder."""
    return [
        (_picture(row, REAL, row["picture"] == "room", CLASSES.index(row["class"])), row["file"])
        for row in read_labels()
    ]


def further_pictures(data: Path, seed: int = 3) -> list[tuple[KnownPicture, Maker]]:
    """Returns the thumbnails and all that is simulated, laid or made, and how each view is made."""
    rows = read_labels()
    pictures = list(_thumbnails(rows, data))
    pictures += _laid(rows, data, seed)
    pictures += _simulated(rows, data, seed)
    pictures += _made(seed)
    return pictures


def read_labels() -> list[dict[str, str]]:
    """Returns the rows of `pattern_labels.csv`: file, picture, source, class."""
    with LABELS.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_view(name: str, make: Maker, stages: Stages, cache: Path) -> FloorView:
    """Returns a view; made once, then read."""
    path = cache / f"{name}.npz"
    if not path.exists():
        view = make(stages)
        draft = path.with_suffix(".draft")
        with draft.open("wb") as file:
            np.savez(file, patches=view.patches, coverage=view.coverage)
        draft.replace(path)
    with np.load(path, allow_pickle=False) as found:
        return FloorView(found["patches"], found["coverage"], np.empty((0, 3), np.float32))


def _thumbnails(rows: list[dict[str, str]], data: Path) -> Iterator[tuple[KnownPicture, Maker]]:
    for row in rows:
        if THUMBNAILS in row["file"]:
            path = data / row["file"]
            picture = _picture(row, REAL, False, CLASSES.index(row["class"]))
            yield picture, lambda stages, path=path: product_view(path, stages)  # type: ignore[misc]


def _simulated(
    rows: list[dict[str, str]], data: Path, seed: int
) -> Iterator[tuple[KnownPicture, Maker]]:
    for pattern in CLASSES:
        shown = _shown(rows, lambda row, pattern=pattern: row["class"] == pattern)  # type: ignore[misc]
        if pattern == "one board":
            continue
        chosen = [(row, number) for number in range(ROOMS) for row in _shuffled(shown, seed)]
        for row, number in chosen[:MOST_SIMULATED]:
            picture = _picture(row, SIMULATED, True, CLASSES.index(pattern), f"-{number}")

            def make(
                stages: Stages, row: dict[str, str] = row, name: str = picture.name
            ) -> FloorView:
                rng = _generator(name, seed)
                texture = _texture(data / row["file"], stages)
                metres = float(np.exp(rng.uniform(*np.log(WIDTHS))))
                return _as_room(texture, metres, rng, stages)

            yield picture, make


def _laid(
    rows: list[dict[str, str]], data: Path, seed: int
) -> Iterator[tuple[KnownPicture, Maker]]:
    boards = _shown(rows, lambda row: row["class"] == "one board")
    faces = _shown(
        rows,
        lambda row: row["class"] in ("stone", "plain", "terrazzo") and row["source"] != "textures",
    )
    faces = _shuffled(faces, seed)[:MOST_FACES]
    jobs: list[tuple[dict[str, str], int, tuple[str, ...]]] = [
        (row, number, OF_BOARDS) for row in boards for number in range(PER_BOARD)
    ]
    jobs += [(row, number, OF_FACES) for row in faces for number in range(PER_FACE)]
    for place, (row, number, patterns) in enumerate(jobs):
        # In turn, so that there are as many of each; the second layout of a board is another one.
        pattern = patterns[(place + place // len(patterns)) % len(patterns)]
        for room in (False, True):
            tag = f"-{number}-{'room' if room else 'above'}"
            picture = _picture(row, LAID, room, CLASSES.index(pattern), tag)

            def make(
                stages: Stages,
                row: dict[str, str] = row,
                picture: KnownPicture = picture,
                pattern: str = pattern,
            ) -> FloorView:
                rng = _generator(picture.name, seed)
                texture = _texture(data / row["file"], stages)
                laying = draw_laying(pattern, rng)
                if picture.room:
                    sheet = lay(texture, laying, SHEET, 1000 * METRES, rng)
                    return _as_room(sheet, METRES * _zoom(rng), rng, stages)
                shown = _pieces(pattern, rng) * laying.layout.width
                sheet = lay(texture, laying, SWATCH, shown, rng)
                return stages.normaliser.view(sheet, np.ones(sheet.shape[:2], np.bool_))

            yield picture, make


def _made(seed: int) -> Iterator[tuple[KnownPicture, Maker]]:
    for pattern in CLASSES:
        for number in range(PER_PATTERN):
            for room in (False, True):
                if pattern == "one board" and room:
                    continue
                name = f"made-{pattern}-{number}-{'room' if room else 'above'}".replace(" ", "_")
                group = f"made-{pattern}-{number}"
                picture = KnownPicture(name, MADE, room, MADE, group, CLASSES.index(pattern))

                def make(
                    stages: Stages, pattern: str = pattern, picture: KnownPicture = picture
                ) -> FloorView:
                    rng = _generator(picture.group, seed)
                    design = made_design(pattern, rng)
                    rng = _generator(picture.name, seed)
                    if picture.room:
                        sheet = render_floor(
                            design, (1000 * METRES, 1000 * METRES), 1000 * METRES / SHEET, 2
                        )
                        return _as_room(sheet, METRES * _zoom(rng), rng, stages)
                    shown = 1000 * float(np.exp(rng.uniform(np.log(0.5), np.log(2.2))))
                    if pattern == "one board":
                        shown = design.layout.width * float(rng.uniform(0.2, 0.9)) / 3
                    elif pattern in (*OF_BOARDS, *OF_FACES):
                        shown = _pieces(pattern, rng) * design.layout.width
                    sheet = render_floor(design, (shown, shown), shown / SWATCH, 1)
                    return stages.normaliser.view(sheet, np.ones(sheet.shape[:2], np.bool_))

                yield picture, make


def made_design(pattern: str, rng: np.random.Generator) -> FloorDesign:
    """Returns the design of a made floor of a pattern."""
    families = {
        "plank": "straight plank",
        "strip": "strip parquet",
        "square tile": "patterned tile" if rng.random() < 0.3 else "ceramic tile",
        "hexagon tile": "ceramic tile",
        "mosaic": "ceramic tile",
        "plain": "stone",
        "one board": "straight plank",
    }
    family = families.get(pattern, pattern)
    while True:
        design = sample_design(rng, family)
        layout = design.layout
        if pattern == "one board":
            # So wide and long that a swatch lies within a board.
            return replace(design, layout=replace(layout, pattern="plank", width=3 * layout.width))
        if pattern == "hexagon tile":
            return replace(design, layout=replace(layout, pattern="hexagon", length=layout.width))
        if pattern == "mosaic":
            side = float(rng.uniform(15, 45))
            kind: Pattern = "brick" if rng.random() < 0.3 else "grid"
            return replace(
                design, layout=replace(layout, pattern=kind, width=side, length=side, bevel=0.5)
            )
        continuous = bool(getattr(design.surface, "continuous", False))
        fits = {
            "square tile": layout.pattern in ("grid", "brick"),
            "stone": layout.pattern == "sheet" and not continuous,
            "plain": layout.pattern == "sheet" and continuous,
            "terrazzo": layout.pattern == "sheet",
        }
        if fits.get(pattern, True):
            return design


def _as_room(
    sheet: NDArray[np.uint8], metres: float, rng: np.random.Generator, stages: Stages
) -> FloorView:
    """Returns the view of a simulated room: patches as seen and, where it can be, from above."""
    light = STRONG_LIGHT if rng.random() < 0.4 else USUAL_LIGHT
    room = simulate_view(sheet, metres, rng, light=light)
    view = stages.normaliser.view(room.rgb, room.mask)
    above = stages.normaliser.straightened(room.rgb, room.mask)
    if above is None:
        return view
    return FloorView(
        np.concatenate([view.patches, above.patches]),
        np.concatenate([view.coverage, above.coverage]),
        view.lab,
    )


def _zoom(rng: np.random.Generator) -> float:
    """Returns how much larger than life a floor is laid: near pictures show few boards."""
    return float(np.exp(rng.uniform(np.log(0.8), np.log(2.5))))


def _pieces(pattern: str, rng: np.random.Generator) -> float:
    """Returns how many widths of a piece a swatch shows."""
    low, high = {
        "plank": (1.8, 8.0),
        "strip": (5.0, 14.0),
        "square tile": (1.3, 6.0),
        "hexagon tile": (2.0, 12.0),
        "mosaic": (9.0, 28.0),
    }.get(pattern, (5.0, 16.0))
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _texture(path: Path, stages: Stages) -> NDArray[np.uint8]:
    """Returns the product alone, cut out of its picture."""
    if path.parent.parent.name == "textures":
        return np.asarray(Image.open(path, formats=PILLOW_FORMATS).convert("RGB"))
    photo, shown = read_product(path, stages)
    texture, mask = shown.product(photo.pixels)
    return texture if mask.all() else cleanest_square(texture, mask)


def _shown(
    rows: list[dict[str, str]], wanted: Callable[[dict[str, str]], bool]
) -> list[dict[str, str]]:
    """Returns the swatches that are wanted and large enough to lay a floor with."""
    return [
        row
        for row in rows
        if row["picture"] != "room" and THUMBNAILS not in row["file"] and wanted(row)
    ]


def _shuffled(rows: list[dict[str, str]], seed: int) -> list[dict[str, str]]:
    """Returns the rows in an order of their names' own: a row more moves no other."""
    return sorted(rows, key=lambda row: zlib.crc32(f"{seed}{row['file']}".encode()))


def _picture(
    row: dict[str, str], how: str, room: bool, pattern: int, tag: str = ""
) -> KnownPicture:
    source = SAME_SHOP.get(row["source"], row["source"])
    stem = row["file"].replace("/", "-").rsplit(".", 1)[0]
    return KnownPicture(f"{how}-{stem}{tag}", how, room, source, row["file"], pattern)


def _generator(name: str, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])
