"""Shops that were left out of training: their catalogues and rooms, as the package cuts them."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from training.matching.light import Lights, relit
from training.matching.pipeline import FloorView, builtin_stages, product_view, room_view
from training.matching.relighting import draw_coloured_light


@dataclass(frozen=True)
class Views:
    """Patches of some pictures.

    Attributes:
        names: of the pictures, or of the product that each shows.
        patches: uint8 (n, 160, 160, 3) sRGB, picture by picture.
        coverage: float32 (n,).
        starts: int64 (p + 1,).
    """

    names: list[str]
    patches: NDArray[np.uint8]
    coverage: NDArray[np.float32]
    starts: NDArray[np.int64]


@dataclass(frozen=True)
class Shop:
    """A left-out shop: its catalogue, and rooms named by the product that they show.

    `unseen` counts rooms in which no floor was found: they rank nothing.
    """

    name: str
    catalogue: Views
    rooms: Views
    unseen: int


def read_shop(name: str, data: Path, cache: Path) -> Shop:
    """Returns a shop's views; made once, by the package's own stages, then read from `cache`."""
    path = cache / f"{name}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_shop(name, data / "train_pairs", path)
    with np.load(path, allow_pickle=False) as found:
        parts = [
            Views(
                found[f"{part}_names"].tolist(),
                *(found[f"{part}_{field}"] for field in ("patches", "coverage", "starts")),
            )
            for part in ("catalogue", "rooms")
        ]
        return Shop(name, parts[0], parts[1], int(found["unseen"]))


def _write_shop(name: str, folder: Path, path: Path) -> None:
    stages = builtin_stages(threads=1)
    pairs = [row for row in _rows(folder / "pairs.csv") if row["source"] == name]
    swatches = [row["file"] for row in _rows(folder / "swatches.csv") if row["source"] == name]
    products = sorted({row["product"] for row in pairs})
    catalogue = [(file, product_view(folder / "products" / file, stages)) for file in products]
    catalogue += [(file, product_view(folder / "swatches" / file, stages)) for file in swatches]
    rooms = [(row["product"], room_view(folder / "rooms" / row["room"], stages)) for row in pairs]
    seen = [(product, view) for product, view in rooms if view is not None]
    arrays = {"unseen": np.array(len(rooms) - len(seen))}
    for part, views in (("catalogue", catalogue), ("rooms", seen)):
        arrays |= {f"{part}_{key}": value for key, value in _stacked(views).items()}
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
    draft.replace(path)


def _stacked(views: list[tuple[str, FloorView]]) -> dict[str, NDArray[np.generic]]:
    return {
        "names": np.array([name for name, _ in views]),
        "patches": np.concatenate([view.patches for _, view in views]),
        "coverage": np.concatenate([view.coverage for _, view in views]),
        "starts": np.cumsum([0, *(len(view.patches) for _, view in views)]),
    }


def relit_rooms(rooms: Views, seed: int = 0) -> Views:
    """Returns the rooms, each under one strong light of its own; none without colour.

    The rooms of shops are renders and studio pictures, whose colours can be trusted. A real room is
    lit otherwise than its swatch was, and this is the nearest to it that pairs allow.
    """
    rng = np.random.default_rng(seed)
    lights = [draw_coloured_light(rng) for _ in rooms.names]
    whole = Lights(
        *(
            np.concatenate([getattr(light, name) for light in lights])
            for name in ("matrix", "gamma", "contrast")
        )
    )
    patches = np.empty_like(rooms.patches)
    for number in range(len(rooms.names)):
        part = slice(rooms.starts[number], rooms.starts[number + 1])
        pixels = torch.from_numpy(rooms.patches[part]).permute(0, 3, 1, 2).float() / 255
        which = torch.full((len(pixels),), number)
        lit = relit(pixels, whole, which, torch.zeros(len(pixels), 2))
        patches[part] = (255 * lit).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    return replace(rooms, patches=patches)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
