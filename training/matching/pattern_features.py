"""Features of the pictures whose pattern is known, by the package's encoder; cached by encoder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from floorlens.embedding.backends.builtin import ENCODER
from training.matching.features import describe_all
from training.matching.pattern_pictures import (
    KnownPicture,
    further_pictures,
    labelled_pictures,
    read_view,
)
from training.matching.pipeline import WEIGHTS, builtin_stages, encode

#: The features are saved whenever so many pictures are new.
SAVED_AFTER = 100


@dataclass(frozen=True)
class KnownFeatures:
    """A picture's patches by the encoder: base float16 (n, d0), coverage float32 (n,)."""

    picture: KnownPicture
    base: NDArray[np.float16]
    coverage: NDArray[np.float32]


def read_features(data: Path, cache: Path, workers: int = 1) -> list[KnownFeatures]:
    """Returns the features of all pictures in which there is a floor.

    Args:
        data: with `train_pairs` and `textures`.
        cache: the folder of `features.py`; further views are in its folder `pattern`.
        workers: processes that describe pictures.
    """
    described = {row.source.path: row.aspects for row in describe_all(data, cache, workers)}
    features = [
        KnownFeatures(picture, aspects[0].base, aspects[0].coverage.astype(np.float32))
        for picture, path in labelled_pictures()
        # A thumbnail is not among them; a room without a floor has no aspect.
        if (aspects := described.get(path))
    ]
    return features + _further(data, cache / "pattern")


def _further(data: Path, cache: Path) -> list[KnownFeatures]:
    stages = builtin_stages(threads=1)
    views = cache / f"views-{stages.normaliser.stamp.version}"
    views.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256((WEIGHTS / ENCODER).read_bytes()).hexdigest()[:12]
    path = cache / f"features-{stages.normaliser.stamp.version}-{digest}.npz"
    pictures, known = further_pictures(data), _read(path)
    new = 0
    for done, (picture, make) in enumerate(pictures, 1):
        if picture.name not in known:
            view = read_view(picture.name, make, stages, views)
            known[picture.name] = (encode(view.patches).astype(np.float16), view.coverage)
            new += 1
            if new % SAVED_AFTER == 0:
                _write(path, known)
                print(f"{done} of {len(pictures)} further pictures", flush=True)
    if new:
        _write(path, known)
    return [KnownFeatures(picture, *known[picture.name]) for picture, _ in pictures]


Known = dict[str, tuple[NDArray[np.float16], NDArray[np.float32]]]


def _read(path: Path) -> Known:
    if not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as found:
        names, starts = found["names"].tolist(), found["starts"]
        base, coverage = found["base"], found["coverage"]
    return {
        name: (base[start:end], coverage[start:end])
        for name, start, end in zip(names, starts[:-1], starts[1:], strict=True)
    }


def _write(path: Path, known: Known) -> None:
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        np.savez(
            file,
            names=np.array(list(known)),
            base=np.concatenate([base for base, _ in known.values()]),
            coverage=np.concatenate([coverage for _, coverage in known.values()]),
            starts=np.cumsum([0, *(len(coverage) for _, coverage in known.values())]),
        )
    draft.replace(path)
