"""What an evaluation calls of Floorlens, so that a test can hand in something smaller."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from floorlens.images.loading import MAX_MEGAPIXELS
from floorlens.models.stamp import Stamp
from floorlens.segmentation import Click, FloorProbability, FloorRegion, Segmenter

if TYPE_CHECKING:
    from floorlens.lens import Floorlens
    from floorlens.models.options import ModelOptions

Progress = Callable[[int, int], None]
"""Called with how many photos are done, and of how many."""


class _Product(Protocol):
    @property
    def id(self) -> str: ...


class _Match(Protocol):
    @property
    def product(self) -> _Product: ...
    @property
    def score(self) -> float: ...


class _Result(Protocol):
    @property
    def matches(self) -> Sequence[_Match]: ...


class _Row(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def reason(self) -> str | None: ...


class _Import(Protocol):
    @property
    def rows(self) -> Sequence[_Row]: ...


class Lens(Protocol):
    """What is measured: the part of `floorlens.Floorlens` that an evaluation calls."""

    @property
    def stamp(self) -> Mapping[str, Any]:
        """Which preset and models it is."""

    def add(self, source: Path, *, progress: Any = None) -> _Import:
        """Imports a folder of product pictures."""

    def search(self, source: bytes, *, region: NDArray[np.bool_] | None = None) -> _Result:
        """Ranks the catalogue for a photo; `region`, of its size, says where the floor is."""

    def mask(
        self, source: bytes | NDArray[np.uint8], *, clicks: Sequence[Click] = ()
    ) -> FloorRegion:
        """Finds the floor of a photo; clicks, in its pixels, correct what is found."""

    def take_visible(self) -> float | None:
        """Returns how probably, 0..1, the last photo shows a floor, and forgets it.

        None where no segmenter was asked since the last call, as for a photo that is not one.
        """

    def close(self) -> None:
        """Lets go of the catalogue."""


Opener = Callable[[Path, str | None], Lens]
"""Opens an empty catalogue in a folder, with the preset of that name (None: the default one)."""


class _Overheard:
    """A segmenter whose last word on a photo is kept, since a refused photo yields no region."""

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter
        self.visible: float | None = None

    @property
    def stamp(self) -> Stamp:
        return self._segmenter.stamp

    def segment(self, pixels: NDArray[np.uint8], clicks: Sequence[Click] = ()) -> FloorProbability:
        floor = self._segmenter.segment(pixels, clicks)
        self.visible = floor.visible
        return floor


class _MeasuredFloorlens:
    """A `Lens` made of a Floorlens and the segmenter that it was given."""

    def __init__(
        self,
        lens: Floorlens,
        segmenter: _Overheard,
        adapt: bool | None,
        adapt_progress: Progress | None,
        weights: Mapping[str, float] | None,
    ) -> None:
        """`weights`: all that the score is made of; None: nothing is re-ranked."""
        self._lens = lens
        self._segmenter = segmenter
        self._adapt = adapt
        self._adapt_progress = adapt_progress
        self._weights = weights

    @property
    def stamp(self) -> Mapping[str, Any]:
        return {**self._lens.stamp, "weights": self._weights and dict(self._weights)}

    def add(self, source: Path, *, progress: Any = None) -> _Import:
        return self._lens.add(
            source, progress=progress, adapt=self._adapt, adapt_progress=self._adapt_progress
        )

    def search(self, source: bytes, *, region: NDArray[np.bool_] | None = None) -> _Result:
        return self._lens.search(
            source, region=region, weights=self._weights, rerank=self._weights is not None
        )

    def mask(
        self, source: bytes | NDArray[np.uint8], *, clicks: Sequence[Click] = ()
    ) -> FloorRegion:
        return self._lens.mask(source, clicks=clicks)

    def take_visible(self) -> float | None:
        visible, self._segmenter.visible = self._segmenter.visible, None
        return visible

    def close(self) -> None:
        self._lens.close()


def open_catalogue(
    path: Path,
    preset: str | None,
    *,
    threads: int = 0,
    models: ModelOptions | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
    adapt: bool | None = None,
    adapt_progress: Progress | None = None,
    weights: Mapping[str, float] | None = None,
    rerank: bool = True,
) -> Lens:
    """Returns a Floorlens on an empty folder, for one thread.

    Args:
        path: the folder.
        preset: a name of `floorlens.presets.PRESETS`; None takes the default one.
        threads: for the models; 0 takes all cores.
        models: which models of the hub are taken, and how they are run.
        max_megapixels: larger pictures are refused.
        adapt: whether it is adapted to the products that are added; None: as by a first `index`.
        adapt_progress: called while it is, with how many simulated rooms there are, and of how
            many.
        weights, rerank: as for `Floorlens.search`. The stamp says what was measured: "weights" are
            those of all components, None without re-ranking.

    Raises:
        SettingsError: there is no such preset.
        UsageError: the weights are not usable.
    """
    from floorlens import presets
    from floorlens.lens import Floorlens
    from floorlens.ranking import component_weights

    chosen = presets.preset_named(preset or presets.DEFAULT_PRESET)
    stages = presets.load_stages(chosen, threads=threads, models=models)
    # A search would refuse them too, but then for every photo.
    merged = component_weights(stages.reranker.weights, weights, rerank)
    segmenter = _Overheard(stages.segmenter)
    lens = Floorlens.open(
        path,
        preset=chosen.name,
        max_megapixels=max_megapixels,
        stages=replace(stages, segmenter=segmenter),
    )
    return _MeasuredFloorlens(lens, segmenter, adapt, adapt_progress, merged if rerank else None)


@contextmanager
def opened(opener: Opener, preset: str | None) -> Iterator[Lens]:
    """Opens a lens on an empty folder of its own, which goes when it is closed."""
    # Beside the system's other temporary files: the evaluation folder is only read.
    with tempfile.TemporaryDirectory(prefix="floorlens-eval-") as folder:
        lens = opener(Path(folder) / "catalogue", preset)
        try:
            yield lens
        finally:
            lens.close()


def stamp_of(lens: Lens) -> dict[str, Any]:
    """Returns what was measured: the version of Floorlens, the preset and the models."""
    from floorlens import __version__

    return {"floorlens": __version__, **lens.stamp}
