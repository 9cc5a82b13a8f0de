"""Features of the training pictures, as the package's own stages see them: cached, by model.

Of every product its swatch and two simulated rooms, of every pair its room, also under another
light. What is fitted in closed form or in minutes (`fit.py`, `fit_ranker.py`) reads them.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.matching.pipeline import (
    Aspect,
    FloorView,
    Stages,
    builtin_stages,
    encode,
    encoder_hash,
    product_textures,
    read_photo,
    read_product,
    room_view,
    simulated_room,
    thin_colours,
)
from training.matching.relighting import relit_view

#: Simulated rooms of each product.
SIMULATED = 2
_FIELDS = ("base", "coverage", "lab", "trust")
_NOTHING = np.zeros(0, np.float16)


@dataclass(frozen=True)
class Source:
    """A training picture.

    Attributes:
        path: below the data folder.
        product: the file name of the product that it shows.
        shop: who sells it; "textures/…" for the floor materials of a library.
        room: whether it is a pair's room.
        licensed: whether a licence is stated for it.
    """

    path: str
    product: str
    shop: str
    room: bool
    licensed: bool


@dataclass(frozen=True)
class Described:
    """A training picture and what the stages say of it.

    Attributes:
        source: which it is.
        aspects: its swatch or scene, then what else was made of it: simulated rooms of a product,
            and a room under another light. Empty where a room shows no floor. `facts` are empty.
    """

    source: Source
    aspects: tuple[Aspect, ...]


def swatches_of(described: Sequence[Described]) -> list[Described]:
    """Returns the products and swatches of the shops, without the licensed textures, in order."""
    return [
        row
        for row in described
        if not row.source.room and not row.source.shop.startswith("textures/")
    ]


def read_sources(data: Path) -> list[Source]:
    """Returns the pictures of `train_pairs` and `textures`, products before rooms."""
    folder = data / "train_pairs"
    pairs = _rows(folder / "pairs.csv")
    products = {row["product"]: row["source"] for row in pairs}
    sources = [
        Source(f"train_pairs/products/{name}", name, shop, False, False)
        for name, shop in products.items()
    ]
    sources += [
        Source(f"train_pairs/swatches/{row['file']}", row["file"], row["source"], False, False)
        for row in _rows(folder / "swatches.csv")
    ]
    sources += [
        Source(
            f"textures/images/{row['file']}",
            row["file"],
            f"textures/{row['library']}",
            False,
            "not stated" not in row["licence_how_known"],
        )
        for row in _rows(data / "textures" / "textures.csv")
    ]
    return sources + [
        Source(f"train_pairs/rooms/{row['room']}", row["product"], row["source"], True, False)
        for row in pairs
    ]


def describe_all(data: Path, cache: Path, workers: int = 1) -> list[Described]:
    """Returns all pictures of `read_sources`, described; what `cache` lacks is added to it.

    Args:
        data: with `train_pairs` and `textures`.
        cache: a folder; the file in it is named by the models' versions.
        workers: processes.
    """
    stages = _stages()
    # Not the embedder's stamp: its projection may still belong to another encoder.
    parts = (encoder_hash(), stages.normaliser.stamp.version, stages.segmenter.stamp.version)
    folder = cache / "-".join(("features", *parts))
    folder.mkdir(parents=True, exist_ok=True)
    sources = read_sources(data)
    chunks = [sources[start : start + 64] for start in range(0, len(sources), 64)]
    described: list[Described] = []
    with ExitStack() as stack:
        mapped: Callable[..., Iterable[list[Described]]] = map
        if workers > 1:
            # Not forked: torch and onnxruntime do not survive that.
            pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
            mapped = stack.enter_context(pool).map
        for done, rows in enumerate(mapped(partial(_chunk, data, folder), chunks), 1):
            described += rows
            if done % 5 == 0 or done == len(chunks):
                print(f"{len(described)} of {len(sources)} pictures", flush=True)
    return described


def _chunk(data: Path, folder: Path, sources: Sequence[Source]) -> list[Described]:
    digest = zlib.crc32("\n".join(source.path for source in sources).encode())
    path = folder / f"{digest:08x}.npz"
    if not path.exists():
        rows = [tuple(_aspects(data, source)) for source in sources]
        arrays = {
            f"{number}/{place}/{name}": getattr(aspect, name)
            for number, aspects in enumerate(rows)
            for place, aspect in enumerate(aspects)
            for name in _FIELDS
        }
        draft = path.with_suffix(".draft")
        with draft.open("wb") as file:
            np.savez(file, **arrays)
        draft.replace(path)
    with np.load(path, allow_pickle=False) as stored:
        rows_of: dict[int, dict[int, dict[str, NDArray[np.float16]]]] = {}
        for key in stored.files:
            number, place, name = key.split("/")
            rows_of.setdefault(int(number), {}).setdefault(int(place), {})[name] = stored[key]
    return [
        Described(
            source,
            tuple(
                Aspect(**values, facts=_NOTHING)
                for _, values in sorted(rows_of.get(number, {}).items())
            ),
        )
        for number, source in enumerate(sources)
    ]


@lru_cache(maxsize=1)
def _stages() -> Stages:
    return builtin_stages(threads=1)


def _aspects(data: Path, source: Source) -> Iterator[Aspect]:
    stages, path = _stages(), data / source.path
    for view in _views(path, source.room, stages):
        yield Aspect(
            base=encode(view.patches).astype(np.float16),
            coverage=view.coverage.astype(np.float16),
            lab=thin_colours(view.lab),
            facts=_NOTHING,
            trust=view.trust.astype(np.float16),
        )


def _views(path: Path, room: bool, stages: Stages) -> Iterator[FloorView]:
    if room:
        seen = room_view(path, stages)
        if seen is not None:
            yield seen
            yield relit_view(seen, np.random.default_rng(zlib.crc32(path.name.encode())))
        return
    photo, picture = read_product(path, stages)
    yield stages.normaliser.view(*picture.product(photo.pixels))
    for name, texture in product_textures([read_photo(path)], stages).items():
        for number in range(SIMULATED):
            simulated = simulated_room(texture, (name, number), 0)
            yield stages.normaliser.view(simulated.rgb, simulated.mask)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
