"""What the contracts of the stages promise, checked by running backends on small pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from floorlens.embedding import (
    MOST_BYTES,
    MOST_COLOURS,
    Aspect,
    AspectName,
    FloorEmbedding,
    FloorFeatures,
)
from floorlens.errors import SettingsError
from floorlens.models.stamp import Stamp
from floorlens.normalisation import FloorView
from floorlens.normalisation.trust import TRUST
from floorlens.presets import Stages, check_fit
from floorlens.reranking import Evidence
from floorlens.segmentation import Click

#: How far a length or a score may be from 1.
TOLERANCE = 1e-3


def check_stages(stages: Stages) -> None:
    """Runs backends on small made pictures and checks what their contracts promise.

    Equal input gives equal bytes, also in several threads; shapes, dtypes and ranges are those of
    the dataclasses; vectors have length 1, signatures at most 4,096 bytes; a floor compared with
    itself scores 1. How well the backends tell floors apart is measured by `floorlens eval`.

    Raises:
        SettingsError: a backend breaks a promise; the text says which.

    Example:
        >>> from floorlens.presets import load_stages, preset_named
        >>> check_stages(load_stages(preset_named("builtin")))
    """
    check_fit(stages)
    _check_segmenter(stages)
    room, swatch = _check_normaliser(stages)
    signatures = _check_embedder(stages, room, swatch)
    _check_reranker(stages, signatures)


@dataclass(frozen=True)
class _Promises:
    """What is said of one backend if it breaks a promise."""

    stage: str
    backend: object

    def keep(self, holds: object, promise: str) -> None:
        if not holds:
            kind = type(self.backend)
            raise SettingsError(
                f"the {self.stage} {kind.__module__}.{kind.__qualname__} breaks its contract: "
                f"{promise}"
            )

    def stamp(self, stamp: object) -> None:
        named = isinstance(stamp, Stamp) and stamp.model_id and stamp.version
        self.keep(named, "`stamp` is a floorlens.models.stamp.Stamp with a model_id and a version")

    def array(
        self, value: object, name: str, dtype: type, shape: tuple[int | None, ...]
    ) -> NDArray[Any]:
        """Returns the value, an array of that dtype and shape (None for any) and finite."""
        text = f"{np.dtype(dtype)} ({', '.join('n' if n is None else str(n) for n in shape)})"
        self.keep(isinstance(value, np.ndarray), f"{name} is an array, {text}")
        array: NDArray[Any] = np.asarray(value)
        fits = len(array.shape) == len(shape) and all(
            wanted in (None, got) for wanted, got in zip(shape, array.shape, strict=True)
        )
        self.keep(
            fits and array.dtype == dtype, f"{name} is {text}, not {array.dtype} {array.shape}"
        )
        self.keep(np.isfinite(array).all(), f"{name} has finite numbers only")
        return array

    def share(self, value: Any, name: str) -> None:
        self.keep(np.all((np.asarray(value) >= 0) & (np.asarray(value) <= 1)), f"{name} is 0..1")


def _floor(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Returns uint8 (h, w, 3): boards with grain, of one kind of wood for each seed."""
    rng = np.random.default_rng(seed)
    boards = rng.normal(0, 14, width // 24 + 1).repeat(24)[:width]
    colour = rng.uniform(70, 190, 3)
    pixels = colour + boards[None, :, None] + rng.normal(0, 5, (height, width, 1))
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _room(height: int = 240, width: int = 320) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Returns a photo, a pale wall above a floor of boards, and the mask of that floor."""
    pixels = np.full((height, width, 3), 225, np.uint8)
    mask = np.zeros((height, width), bool)
    pixels[height // 2 :] = _floor(height - height // 2, width, seed=1)
    mask[height // 2 :] = True
    return pixels, mask


def _check_segmenter(stages: Stages) -> None:
    backend = stages.segmenter
    promises = _Promises("segmenter", backend)
    promises.stamp(backend.stamp)
    for height, width in ((240, 320), (48, 200)):
        pixels, _ = _room(height, width)
        before = pixels.copy()
        first, second = backend.segment(pixels), backend.segment(pixels)
        hinted = backend.segment(pixels, [Click(width / 2, height * 0.75)])
        for answer in (first, hinted):
            area = promises.array(answer.pixels, "`pixels`", np.float32, (height, width))
            promises.share(area, "`pixels`")
            for name in ("visible", "rug_share", "upright"):
                promises.share(getattr(answer, name), f"`{name}`")
        promises.keep(_equal(first, second), "equal photos give equal answers")
        promises.keep(np.array_equal(pixels, before), "it leaves the photo as it is")


def _check_normaliser(stages: Stages) -> tuple[FloorView, FloorView]:
    """Returns the views of a room and of a swatch."""
    backend = stages.normaliser
    promises = _Promises("normaliser", backend)
    promises.stamp(backend.stamp)
    pixels, mask = _room()
    sample = _floor(160, 160, seed=2)
    small = np.zeros_like(mask)
    small[200, 160] = True
    views = []
    for photo, area in ((pixels, mask), (sample, np.ones(sample.shape[:2], bool)), (pixels, small)):
        before = photo.copy(), area.copy()
        view = backend.view(photo, area)
        side = _check_patches(promises, view)
        count = len(promises.array(view.lab, "`lab`", np.float32, (None, 3)))
        promises.keep(1 <= count <= 4096, "`lab` has 1 to 4,096 colours")
        promises.array(view.trust, "`trust`", np.float32, (len(TRUST),))
        promises.keep(_equal(view, backend.view(photo, area)), "equal photos give equal views")
        above = backend.straightened(photo, area)
        if above is not None:
            same = _check_patches(promises, above) == side
            promises.keep(same, "patches of `straightened` have the side of those of `view`")
            promises.keep(len(above.lab) == 0, "`lab` of `straightened` is empty")
        unchanged = np.array_equal(photo, before[0]) and np.array_equal(area, before[1])
        promises.keep(unchanged, "it leaves photo and mask as they are")
        views.append(view)
    return views[0], views[1]


def _check_patches(promises: _Promises, view: FloorView) -> int:
    """Checks patches and their coverage; returns the patches' side."""
    patches = promises.array(view.patches, "`patches`", np.uint8, (None, None, None, 3))
    promises.keep(len(patches) >= 1, "`patches` has at least one")
    promises.keep(patches.shape[1] == patches.shape[2], "`patches` are square")
    coverage = promises.array(view.coverage, "`coverage`", np.float32, (len(patches),))
    promises.share(coverage, "`coverage`")
    return int(patches.shape[1])


def _check_embedder(stages: Stages, room: FloorView, swatch: FloorView) -> dict[str, bytes]:
    """Returns signatures: of a room, of the swatch of another floor, and of both as one product."""
    backend = stages.embedder
    promises = _Promises("embedder", backend)
    promises.stamp(backend.stamp)
    promises.keep(backend.stamp.dimension > 0, "`stamp.dimension` is the length of its vectors")
    kinds: dict[str, dict[AspectName, FloorView]] = {
        "room": {"scene": room},
        "swatch": {"swatch": swatch},
        "both": {"swatch": swatch, "scene": room},
    }
    features = {kind: backend.features(views) for kind, views in kinds.items()}
    for kind, views in kinds.items():
        names = tuple(features[kind].aspects)
        promises.keep(names == tuple(views), "`features` has an aspect for each view, in order")
        for name, aspect in features[kind].aspects.items():
            _check_aspect(promises, aspect, len(views[name].patches))
    alone = {**features["room"].aspects, **features["swatch"].aspects}
    for name, aspect in features["both"].aspects.items():
        same = _equal(aspect, alone[name])
        promises.keep(same, "equal views give equal aspects, whatever the other one is")
    with ThreadPoolExecutor(4) as threads:
        again = list(threads.map(backend.features, [kinds["room"]] * 4))
        stored = [_stored(value) for value in features.values()]
        descriptions = dict(zip(features, threads.map(backend.describe, stored), strict=True))
    promises.keep(
        all(_equal(other, features["room"]) for other in again),
        "equal views give equal features, also in several threads",
    )
    for kind, description in descriptions.items():
        _check_description(promises, description, backend.stamp.dimension)
        promises.keep(
            _equal(description, backend.describe(features[kind])),
            "equal features give equal bytes, also in several threads",
        )
    if backend.projection is not None:
        other = backend.describe(features["room"], backend.projection)
        _check_description(promises, other, backend.stamp.dimension)
    return {kind: description.signature for kind, description in descriptions.items()}


def _check_aspect(promises: _Promises, aspect: Aspect, patches: int) -> None:
    promises.array(aspect.base, "`base`", np.float16, (patches, None))
    coverage = promises.array(aspect.coverage, "`coverage`", np.float16, (patches,))
    promises.share(coverage, "`coverage`")
    lab = promises.array(aspect.lab, "`lab`", np.float16, (None, 3))
    promises.keep(len(lab) <= MOST_COLOURS, f"`lab` has at most {MOST_COLOURS} colours")
    promises.array(aspect.facts, "`facts`", np.float16, (None,))
    promises.array(aspect.trust, "`trust`", np.float16, (None,))


def _stored(features: FloorFeatures) -> FloorFeatures:
    """Returns features as the catalogue hands them out: other arrays, not to be written to."""

    def copy(array: NDArray[Any]) -> NDArray[Any]:
        other = array.copy()
        other.flags.writeable = False
        return other

    return FloorFeatures(
        {
            name: replace(
                aspect, **{part.name: copy(getattr(aspect, part.name)) for part in fields(aspect)}
            )
            for name, aspect in features.aspects.items()
        }
    )


def _check_description(promises: _Promises, description: FloorEmbedding, dimension: int) -> None:
    vector = promises.array(description.vector, "`vector`", np.float32, (dimension,))
    length = float(np.linalg.norm(vector))
    promises.keep(abs(length - 1) <= TOLERANCE, f"`vector` has length 1, not {length:.4f}")
    signature = description.signature
    promises.keep(isinstance(signature, bytes), "`signature` is bytes")
    promises.keep(
        len(signature) <= MOST_BYTES,
        f"`signature` has at most {MOST_BYTES} bytes, not {len(signature)}",
    )


def _check_reranker(stages: Stages, signatures: Mapping[str, bytes]) -> None:
    backend = stages.reranker
    promises = _Promises("reranker", backend)
    promises.stamp(backend.stamp)
    weights = backend.weights
    values = np.array(list(weights.values()), float)
    promises.keep(
        np.isfinite(values).all() and (values >= 0).all() and values.sum() > 0,
        "`weights` has a component, and weights of 0 or more that are not all 0",
    )
    room, swatch, both = (signatures[kind] for kind in ("room", "swatch", "both"))
    candidates = [room, swatch, room, both]
    comparison, alone = backend.compare(room, candidates), backend.compare(room, [swatch])
    promises.keep(
        comparison.components.keys() == weights.keys(), "its components are those of `weights`"
    )
    for name, scores in comparison.components.items():
        promises.array(scores, f"component {name!r}", np.float32, (len(candidates),))
        promises.share(scores, f"component {name!r}")
        promises.keep(
            abs(scores[0] - 1) <= TOLERANCE,
            f"a floor compared with itself scores 1 in {name!r}, not {scores[0]:.4f}",
        )
        promises.keep(scores[0] == scores[2], f"equal signatures score the same in {name!r}")
        promises.keep(
            scores[1] == alone.components[name][0],
            f"the score of a candidate in {name!r} does not depend on the others",
        )
    evidence = comparison.evidence
    promises.keep(
        evidence is None
        or (len(evidence) == len(candidates) and set(evidence) <= set(get_args(Evidence))),
        "`evidence` is None, or for each candidate swatch, scene or both",
    )
    emphasis = np.array(list(comparison.emphasis.values()), float)
    promises.keep(
        comparison.emphasis.keys() <= weights.keys() and (emphasis >= 0).all(),
        "`emphasis` names components, and is 0 or more",
    )


def _equal(one: object, other: object) -> bool:
    """Returns whether two values of our dataclasses are equal to the last bit."""
    return list(_leaves(one)) == list(_leaves(other))


def _leaves(value: object) -> Iterable[object]:
    if isinstance(value, np.ndarray):
        yield value.dtype, value.shape, value.tobytes()
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield key
            yield from _leaves(item)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from _leaves(getattr(value, name))
    else:
        yield value
