"""`check_stages` accepts our own backends and names the promise that another one breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from floorlens.embedding import AspectName, FloorEmbedding, FloorFeatures
from floorlens.embedding.projection import Projection
from floorlens.errors import SettingsError
from floorlens.normalisation import FloorView
from floorlens.presets import load_stages, preset_named
from floorlens.reranking import Comparison
from floorlens.segmentation import Click, FloorProbability
from floorlens.testing import (
    FakeEmbedder,
    FakeNormaliser,
    FakeReranker,
    FakeSegmenter,
    check_stages,
    fake_stages,
)

CALLS = count()
STAGES = fake_stages()


@pytest.mark.parametrize("adaptable", [False, True])
def test_backends_without_models_keep_their_promises(adaptable: bool) -> None:
    check_stages(fake_stages(adaptable=adaptable))


@pytest.mark.slow
def test_the_built_in_backends_keep_their_promises() -> None:
    check_stages(load_stages(preset_named("builtin"), threads=1))


class Percent(FakeSegmenter):
    def segment(self, pixels: NDArray[np.uint8], clicks: Sequence[Click] = ()) -> FloorProbability:
        return replace(super().segment(pixels, clicks), visible=87.0)


class Small(FakeSegmenter):
    def segment(self, pixels: NDArray[np.uint8], clicks: Sequence[Click] = ()) -> FloorProbability:
        answer = super().segment(pixels, clicks)
        return replace(answer, pixels=answer.pixels[::2, ::2])


class Scribbler(FakeSegmenter):
    def segment(self, pixels: NDArray[np.uint8], clicks: Sequence[Click] = ()) -> FloorProbability:
        answer = super().segment(pixels, clicks)
        pixels[0] = 0
        return answer


class Doubles(FakeNormaliser):
    def view(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> FloorView:
        view = super().view(pixels, mask)
        return replace(view, lab=view.lab.astype(np.float64))


class Oblong(FakeNormaliser):
    def view(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> FloorView:
        return replace(super().view(pixels, mask), patches=np.zeros((1, 4, 3, 3), np.uint8))


class Wavering(FakeEmbedder):
    def features(self, views: Mapping[AspectName, FloorView]) -> FloorFeatures:
        made = super().features(views)
        aspects = {
            name: replace(aspect, facts=np.array([next(CALLS)], np.float16))
            for name, aspect in made.aspects.items()
        }
        return FloorFeatures(aspects)


class Long(FakeEmbedder):
    def describe(
        self, features: FloorFeatures, projection: Projection | None = None
    ) -> FloorEmbedding:
        made = super().describe(features, projection)
        return replace(made, vector=2 * made.vector)


class Wordy(FakeEmbedder):
    def describe(
        self, features: FloorFeatures, projection: Projection | None = None
    ) -> FloorEmbedding:
        return replace(super().describe(features, projection), signature=bytes(4097))


class Writing(FakeEmbedder):
    def describe(
        self, features: FloorFeatures, projection: Projection | None = None
    ) -> FloorEmbedding:
        for aspect in features.aspects.values():
            aspect.base[:] += 1
        return super().describe(features, projection)


class Modest(FakeReranker):
    def compare(self, query: bytes, candidates: Sequence[bytes]) -> Comparison:
        made = super().compare(query, candidates)
        return Comparison({name: values * 0.9 for name, values in made.components.items()})


class Relative(FakeReranker):
    def compare(self, query: bytes, candidates: Sequence[bytes]) -> Comparison:
        made = super().compare(query, candidates)
        return Comparison({n: v / v.max() for n, v in made.components.items()})


class Nameless(FakeReranker):
    def compare(self, query: bytes, candidates: Sequence[bytes]) -> Comparison:
        made = super().compare(query, candidates)
        return Comparison({"colour": made.components["colour"]})


@pytest.mark.parametrize(
    ("backend", "promise"),
    [
        (Percent(STAGES.segmenter.stamp), "`visible` is 0..1"),
        (Small(STAGES.segmenter.stamp), r"`pixels` is float32 \(240, 320\), not float32 \(120"),
        (Scribbler(STAGES.segmenter.stamp), "it leaves the photo as it is"),
        (Doubles(STAGES.normaliser.stamp), r"`lab` is float32 \(n, 3\), not float64"),
        (Oblong(STAGES.normaliser.stamp), "`patches` are square"),
        (Wavering(STAGES.embedder.stamp), "equal views give equal aspects"),
        (Long(STAGES.embedder.stamp), r"`vector` has length 1, not 2\.0000"),
        (Wordy(STAGES.embedder.stamp), "`signature` has at most 4096 bytes, not 4097"),
        (
            FakeEmbedder(replace(STAGES.embedder.stamp, dimension=5)),
            r"`vector` is float32 \(5\), not float32 \(4,\)",
        ),
        (FakeEmbedder(replace(STAGES.embedder.stamp, version="")), "a model_id and a version"),
        (Modest(STAGES.reranker.stamp, STAGES.reranker.weights), "itself scores 1 in 'colour'"),
        (Relative(STAGES.reranker.stamp, STAGES.reranker.weights), "does not depend on the others"),
        (Nameless(STAGES.reranker.stamp, STAGES.reranker.weights), "those of `weights`"),
        (FakeReranker(STAGES.reranker.stamp, {"colour": 0.0}), "weights of 0 or more that are not"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_broken_promise_is_named(backend: object, promise: str) -> None:
    kinds = {
        FakeSegmenter: "segmenter",
        FakeNormaliser: "normaliser",
        FakeEmbedder: "embedder",
        FakeReranker: "reranker",
    }
    (stage,) = [name for kind, name in kinds.items() if isinstance(backend, kind)]
    parts: dict[str, Any] = {stage: backend}
    name = type(backend).__name__
    text = f"the {stage} .*{name} breaks its contract: .*{promise}"
    with pytest.raises(SettingsError, match=text):
        check_stages(replace(STAGES, **parts))


def test_stored_features_are_not_written_to() -> None:
    """The catalogue's arrays are read only."""
    stages = replace(STAGES, embedder=Writing(STAGES.embedder.stamp))
    with pytest.raises(ValueError, match="read-only"):
        check_stages(stages)
