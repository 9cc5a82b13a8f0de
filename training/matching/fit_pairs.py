"""Sum up how rooms differ from swatches, of real pairs, for adaptations to take along.

    python -m training.matching.fit_pairs --data ../shared/data

Pictures go through the package's own stages. Features are cached under the versions of the models
that made them; interrupted, it goes on where it was. With `--leave-out` the pairs of those shops do
not count: for validation, with `--out` elsewhere.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.matching.pipeline import (
    WEIGHTS,
    Stages,
    builtin_stages,
    pair_scatter_of,
    product_view,
    room_view,
    save_pair_scatter,
)

Features = dict[str, NDArray[np.float16]]

#: The cache is written after so many new pictures.
SAVED = 50


@dataclass(frozen=True)
class PairRow:
    """A row of pairs.csv: files below `rooms/` and `products/`, and the shop."""

    room: str
    product: str
    source: str


def read_rows(folder: Path) -> list[PairRow]:
    """Returns the rows of `folder`/pairs.csv, in their order."""
    with (folder / "pairs.csv").open(newline="", encoding="utf-8") as file:
        return [PairRow(row["room"], row["product"], row["source"]) for row in csv.DictReader(file)]


def picture_features(
    rows: Sequence[PairRow], folder: Path, stages: Stages, cache: Path
) -> Features:
    """Returns features (n, d0) by "rooms/…" and "products/…"; of a room without a floor (0, 0).

    Args:
        rows: whose pictures.
        folder: with `rooms/` and `products/`.
        stages: which describe them.
        cache: an .npz file; what it lacks is added.
    """
    features: Features = {}
    if cache.exists():
        with np.load(cache, allow_pickle=False) as data:
            features = {name: data[name] for name in data.files}
    names = dict.fromkeys(f"products/{row.product}" for row in rows)
    names |= dict.fromkeys(f"rooms/{row.room}" for row in rows)
    missing = [name for name in names if name not in features]
    for done, name in enumerate(missing, 1):
        features[name] = _features(folder / name, stages)
        if done % SAVED == 0 or done == len(missing):
            _write(features, cache)
            print(f"{done} of {len(missing)} pictures", flush=True)
    return features


def _features(path: Path, stages: Stages) -> NDArray[np.float16]:
    if path.parent.name == "products":
        return stages.embedder.features({"swatch": product_view(path, stages)}).base
    view = room_view(path, stages)
    if view is None:
        return np.zeros((0, 0), np.float16)
    return stages.embedder.features({"scene": view}).base


def _write(features: Features, cache: Path) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    draft = cache.with_suffix(".draft")
    with draft.open("wb") as file:
        np.savez(file, **features)  # type: ignore[arg-type]
    draft.replace(cache)


def cache_of(stages: Stages, folder: Path) -> Path:
    """Returns where the features of these models are cached."""
    parts = (stages.embedder, stages.normaliser, stages.segmenter)
    return folder / f"pairs-{'-'.join(part.stamp.version for part in parts)}.npz"


def main() -> None:
    """Fit and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, default=Path(".cache/matching"))
    parser.add_argument("--leave-out", nargs="+", default=[], metavar="SHOP")
    parser.add_argument("--out", type=Path, default=WEIGHTS / "pairs.npz")
    arguments = parser.parse_args()
    folder, stages = arguments.data / "train_pairs", builtin_stages(threads=1)
    rows = read_rows(folder)
    unknown = set(arguments.leave_out) - {row.source for row in rows}
    if unknown:
        parser.error(f"no shop is called {', '.join(sorted(unknown))}")
    features = picture_features(rows, folder, stages, cache_of(stages, arguments.cache))
    pairs = [
        (features[f"rooms/{row.room}"], features[f"products/{row.product}"])
        for row in rows
        if row.source not in arguments.leave_out
    ]
    seen = [(room, swatch) for room, swatch in pairs if len(room)]
    scatter = pair_scatter_of(seen)
    projection = stages.embedder.projection
    if projection is None:
        parser.error("the built-in embedder has no projection")
    save_pair_scatter(scatter, projection.encoder, arguments.out)
    print(
        f"{arguments.out}: {scatter.pairs} pairs, {scatter.rows} patches of their rooms; "
        f"{len(pairs) - len(seen)} rooms without a floor"
    )


if __name__ == "__main__":
    main()
