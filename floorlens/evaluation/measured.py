"""The measured lens: what an evaluation calls of Floorlens, on a catalogue of its own.

`Lens` is a protocol, so that a test can hand in something smaller.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from floorlens import __version__, presets
from floorlens.catalogue.batches import Progress
from floorlens.errors import FloorlensError
from floorlens.images.decoding import PICTURE_SECONDS
from floorlens.images.loading import MAX_MEGAPIXELS
from floorlens.lens import Floorlens
from floorlens.models.stamp import Stamp
from floorlens.ranking.order import component_weights
from floorlens.segmentation import Click, FloorProbability, FloorRegion, Segmenter

if TYPE_CHECKING:
    from floorlens.importing import ImportProgress
    from floorlens.models.options import ModelOptions
    from floorlens.presets import Stages


Source = bytes | NDArray[np.uint8]
"""A photo: the bytes of a file, or its pixels, (h, w, 3)."""
Region = FloorRegion | NDArray[np.bool_]
"""A floor: what was found in the photo, or a mask of its size."""


class _Product(Protocol):
    @property
    def id(self) -> str: ...


class _Match(Protocol):
    @property
    def product(self) -> _Product: ...
    @property
    def score(self) -> float: ...
    @property
    def likeness(self) -> float | None: ...
    @property
    def word(self) -> str | None: ...


class _Result(Protocol):
    @property
    def matches(self) -> Sequence[_Match]: ...
    @property
    def equals(self) -> int: ...
    @property
    def nothing_close(self) -> bool | None: ...


class _Row(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def reason(self) -> str | None: ...


class Import(Protocol):
    """What an import says of each product."""

    @property
    def rows(self) -> Sequence[_Row]:
        """One row a product."""


class Searcher(Protocol):
    """What ranks products for a photo."""

    def search(self, source: Source, *, region: Region | None = None) -> _Result:
        """Ranks the catalogue for a photo; `region`, of the photo's size, is its floor."""


class Lens(Searcher, Protocol):
    """What is measured: the part of `floorlens.Floorlens` that an evaluation calls."""

    @property
    def stamp(self) -> Mapping[str, Any]:
        """The preset and the models, as plain JSON values."""

    def add(self, source: Path, *, progress: ImportProgress | None = None) -> Import:
        """Imports a folder of product pictures; returns one row a product."""

    def mask(self, source: Source, *, clicks: Sequence[Click] = ()) -> FloorRegion:
        """Finds the floor of a photo; `clicks`, in its pixels, correct the floor."""

    def take_visible(self) -> float | None:
        """Returns how probably, 0..1, the last photo shows a floor, and forgets it.

        None where the segmenter was not called since the last `take_visible`, as for a file that
        is not a picture.
        """

    def close(self) -> None:
        """Closes the catalogue."""


Opener = Callable[[Path, str | None], Lens]
"""Opens an empty catalogue in a folder, with the preset of that name (None: the default one)."""


class _RecordingSegmenter:
    """A segmenter that remembers its first answer, since a refused photo yields no region."""

    def __init__(self, segmenter: Segmenter) -> None:
        self._segmenter = segmenter
        self.visible: float | None = None

    @property
    def stamp(self) -> Stamp:
        return self._segmenter.stamp

    def segment(self, pixels: NDArray[np.uint8], clicks: Sequence[Click] = ()) -> FloorProbability:
        floor = self._segmenter.segment(pixels, clicks)
        if self.visible is None:
            self.visible = floor.visible
        return floor


class _MeasuredLens:
    """A `Lens` made of a Floorlens and the segmenter that it uses."""

    def __init__(
        self,
        lens: Floorlens,
        segmenter: _RecordingSegmenter,
        adapt: bool | None,
        adapt_progress: Progress | None,
        weights: Mapping[str, float] | None,
        changes: Mapping[str, float] | None,
    ) -> None:
        """`weights`: those of all components; None: nothing is re-ranked. `changes`: the user's."""
        self._lens = lens
        self._segmenter = segmenter
        self._adapt = adapt
        self._adapt_progress = adapt_progress
        self._weights = weights
        self._changes = changes

    @property
    def stamp(self) -> Mapping[str, Any]:
        return {**self._lens.stamp, "weights": self._weights and dict(self._weights)}

    def add(self, source: Path, *, progress: ImportProgress | None = None) -> Import:
        return self._lens.add(
            source, progress=progress, adapt=self._adapt, adapt_progress=self._adapt_progress
        )

    def search(self, source: Source, *, region: Region | None = None) -> _Result:
        rerank = self._weights is not None
        result = self._lens.search(source, region=region, weights=self._changes, rerank=rerank)
        # Those that counted: a catalogue that is not adapted has defaults of its own.
        self._weights = result.weights
        return result

    def mask(self, source: Source, *, clicks: Sequence[Click] = ()) -> FloorRegion:
        self._segmenter.visible = None
        region = self._lens.mask(source, clicks=clicks)
        if region.turn:
            # What the first answer said was said of the photo on its side.
            self._segmenter.visible = region.visible
        return region

    def take_visible(self) -> float | None:
        visible, self._segmenter.visible = self._segmenter.visible, None
        return visible

    def close(self) -> None:
        self._lens.close()


def open_measured_lens(
    path: Path,
    preset: str | None,
    *,
    threads: int = 0,
    models: ModelOptions | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
    picture_seconds: float = PICTURE_SECONDS,
    adapt: bool | None = None,
    adapt_progress: Progress | None = None,
    weights: Mapping[str, float] | None = None,
    rerank: bool = True,
    stages: Stages | None = None,
) -> Lens:
    """Returns a Floorlens on an empty folder, to be measured by one thread.

    Args:
        path: the folder.
        preset: a name of `floorlens.presets.preset_names`; None takes the default one.
        threads: for the models; 0 takes all cores.
        models: which models of the hub are used, and how they are run.
        max_megapixels: larger pictures are refused.
        picture_seconds: how long decoding one may take.
        adapt: whether the catalogue is adapted to the products that are added; None: as the first
            `floorlens index` does.
        adapt_progress: called with (done, total) simulated rooms during the adaptation.
        weights, rerank: as for `Floorlens.search`. The stamp's "weights" are those of all
            components; None without re-ranking.
        stages: backends of your own, instead of a preset's.

    Raises:
        SettingsError: there is no such preset.
        UsageError: the weights are not usable.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.evaluation.measured import open_measured_lens
        >>> lens = open_measured_lens(Path("catalogue"), None, weights={"colour": 2})
        >>> lens.stamp["weights"]["colour"]
        2.0
        >>> lens.close()
    """
    if stages is None:
        named = presets.preset_named(preset or presets.DEFAULT_PRESET)
        stages = presets.load_stages(named, threads=threads, models=models)
    # Each search would refuse unusable weights too, but then for every photo.
    all_weights = component_weights(stages.reranker.weights, weights, rerank)
    segmenter = _RecordingSegmenter(stages.segmenter)
    lens = Floorlens.open(
        path,
        max_megapixels=max_megapixels,
        picture_seconds=picture_seconds,
        stages=replace(stages, segmenter=segmenter),
    )
    return _MeasuredLens(
        lens, segmenter, adapt, adapt_progress, all_weights if rerank else None, weights
    )


@contextmanager
def temporary_lens(opener: Opener, preset: str | None) -> Iterator[Lens]:
    """Opens a lens on a temporary folder; closes it and deletes the folder afterwards.

    Example:
        >>> from floorlens.evaluation.measured import open_measured_lens, temporary_lens
        >>> with temporary_lens(open_measured_lens, None) as lens:
        ...     lens.stamp["preset"]
        'builtin'
    """
    # Beside the system's other temporary files: the evaluation folder is only read.
    with tempfile.TemporaryDirectory(prefix="floorlens-eval-") as folder:
        lens = opener(Path(folder) / "catalogue", preset)
        try:
            yield lens
        finally:
            lens.close()


def report_stamp(lens: Lens) -> dict[str, Any]:
    """Returns the stamp of a report: the version of Floorlens, the preset and the models.

    Example:
        >>> from floorlens.evaluation.measured import open_measured_lens, report_stamp
        >>> from floorlens.evaluation.measured import temporary_lens
        >>> with temporary_lens(open_measured_lens, None) as lens:
        ...     stamp = report_stamp(lens)
        >>> stamp["segmenter"]["model_id"]
        'floorlens-segmenter'
    """
    return {"floorlens": __version__, **lens.stamp}


@dataclass
class Clock:
    """Measures calls: `with clock(): ...` adds the seconds of the block.

    Example:
        >>> from floorlens.evaluation.measured import Clock
        >>> clock = Clock()
        >>> with clock():
        ...     _ = sum(range(1000))
        >>> clock.mean > 0
        True
    """

    seconds: list[float] = field(default_factory=list)

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Times the body of the `with`, also where it raises."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds.append(time.perf_counter() - start)

    @property
    def mean(self) -> float:
        """Mean seconds of a call; 0 if there was none."""
        return float(np.mean(self.seconds)) if self.seconds else 0.0


def explain(error: Exception) -> str:
    """Returns why a photo failed, in words; an error of ours speaks for itself.

    Example:
        >>> from floorlens.evaluation.measured import explain
        >>> explain(ZeroDivisionError("division by zero"))
        'ZeroDivisionError: division by zero'
    """
    text = str(error) or "without a message"
    return text if isinstance(error, FloorlensError) else f"{type(error).__name__}: {text}"
