"""`eval report`: everything that the evaluation document says, measured piece by piece.

Each piece is a file in the folder of results. A piece that is there, of the same data, models and
version of the measurement, is not measured again: a report can be interrupted, or made in parts.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from floorlens import __version__
from floorlens.catalogue.catalogue import Catalogue
from floorlens.evaluation.curves import CURVES, ROOMS, Curve, measure_curve, sampled_pairs
from floorlens.evaluation.datasets import (
    Pair,
    PairsDataset,
    file_digest,
    read_pairs,
    read_ranking,
)
from floorlens.evaluation.measured import Opener, open_measured_lens
from floorlens.evaluation.ranking import evaluate_ranking
from floorlens.evaluation.slices import product_patterns
from floorlens.evaluation.systems import (
    Catalogues,
    OutcomeStore,
    measure_systems,
    open_catalogues,
    systems_of,
)
from floorlens.images.decoding import PICTURE_SECONDS
from floorlens.images.loading import MAX_MEGAPIXELS

if TYPE_CHECKING:
    from floorlens.catalogue.batches import Progress
    from floorlens.importing import ImportProgress
    from floorlens.presets import Stages

FORMAT = 2
"""Of the pieces; another one where they are measured in another way."""


@dataclass(frozen=True)
class ReportResults:
    """What was measured.

    Attributes:
        data: the pairs that were measured.
        folder: the evaluation folder.
        systems: system -> the figures of its `PairsReport`, ours first.
        patterns: product id -> the pattern of its pictures.
        curves: what `CurvePoint.as_dict` says of each curve, with its name, unit and rooms.
        ranking: the figures of a `RankingReport`; None where there are no judgments.
        seconds: piece -> how long it took when it was measured.
    """

    data: PairsDataset
    folder: Path
    systems: Mapping[str, Mapping[str, Any]]
    patterns: Mapping[str, str]
    curves: tuple[Mapping[str, Any], ...]
    ranking: Mapping[str, Any] | None
    seconds: Mapping[str, float]


def measure_report(
    directory: Path,
    results: Path,
    stages: Stages,
    *,
    ranking: Path | None = None,
    limit: int | None = None,
    rooms: int = ROOMS,
    curves: tuple[Curve, ...] = CURVES,
    anew: bool = False,
    max_megapixels: float = MAX_MEGAPIXELS,
    picture_seconds: float = PICTURE_SECONDS,
    opener: Opener = open_measured_lens,
    new_progress: Callable[[str], Progress] | None = None,
    index_progress: ImportProgress | None = None,
) -> ReportResults:
    """Returns all that a report says; measures what is not in the folder of results yet.

    Args:
        directory: rooms/, products/ and pairs.csv, as for `eval pairs`; only read.
        results: where the pieces and the catalogues lie; made if absent.
        stages: what is measured.
        ranking: queries/, products/ and judgments.csv, as for `eval ranking`; None leaves it out.
        limit: at most so many rooms, evenly spread; None takes all.
        rooms: how many of them the robustness curves take, evenly spread as well; 0 draws none.
        curves: which curves.
        anew: measures all pieces anew; the catalogues stay.
        max_megapixels, picture_seconds: as for `Floorlens.open`; `opener` has its own.
        opener: opens the catalogue of the judged queries, as for `eval ranking`.
        new_progress: names a part, and returns what is called with (done, total) of it.
        index_progress: the `progress` of the import of the products (`Floorlens.add`).

    Raises:
        DatasetError: a folder lacks a folder, file or column.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.demo.samples import samples
        >>> from floorlens.evaluation.report import measure_report
        >>> from floorlens.testing import fake_stages
        >>> results = measure_report(samples(), Path("results"), fake_stages(), limit=2, curves=())
        >>> results.systems["ours"]["n"] == len(results.data.pairs)
        True
    """
    data = _limited(read_pairs(directory), limit)
    results.mkdir(parents=True, exist_ok=True)
    bar = new_progress or (lambda _name: lambda _done, _total: None)
    with open_catalogues(
        results,
        data.products,
        stages,
        max_megapixels=max_megapixels,
        picture_seconds=picture_seconds,
        progress=index_progress,
        adapt_progress=bar("Adapting"),
    ) as catalogues:
        limits = [max_megapixels, picture_seconds]
        made_of = [data.products.digest, sorted(catalogues.failed), catalogues.ours.stamp]
        key = _digest([FORMAT, made_of, limits])
        pieces = _Pieces(results, key, anew=anew)
        systems = _systems(catalogues, data, directory, pieces, bar("Systems"))
        patterns = pieces.get("patterns") or pieces.put("patterns", _patterns(catalogues, data))
        points = _curves(catalogues, data, rooms, curves if rooms else (), pieces, bar)
        ranking_figures = None
        if ranking is not None:
            part = _judgments(ranking)
            ranking_figures = pieces.get("ranking", part) or pieces.put(
                "ranking",
                evaluate_ranking(
                    ranking,
                    stages.preset.name,
                    progress=bar("Judged queries"),
                    index_progress=index_progress,
                    opener=opener,
                ).as_dict(),
                part,
            )
    return ReportResults(
        data, directory, systems, patterns["patterns"], points, ranking_figures, pieces.seconds
    )


class _Pieces:
    """The files of the folder of results.

    Args:
        folder: where they lie.
        key: of what they are measured on; files of another one are measured anew.
        anew: whether files that are there do not count.
    """

    def __init__(self, folder: Path, key: str, *, anew: bool) -> None:
        self._folder = folder
        self._key = key
        self._anew = anew
        self._begin = time.monotonic()
        self.seconds: dict[str, float] = {}

    def get(self, name: str, part: object = None) -> dict[str, Any] | None:
        """Returns the figures of a piece, measured on `part`; None if they are not there."""
        self._begin = time.monotonic()
        if self._anew:
            return None
        try:
            figures = json.loads(self._path(name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(figures, dict) or figures.get("key") != self._whole(part):
            return None
        self.seconds[name] = float(figures.get("seconds", 0.0))
        return figures

    def put(
        self, name: str, figures: Mapping[str, Any], part: object = None, share: float = 1.0
    ) -> dict[str, Any]:
        """Writes a piece; it took `share` of the time since the last `get`. Returns its figures."""
        seconds = round((time.monotonic() - self._begin) * share, 1)
        whole = {**figures, "key": self._whole(part), "seconds": seconds}
        text = json.dumps(whole, indent=2, allow_nan=False)
        self._path(name).write_text(text + "\n", encoding="utf-8")
        self.seconds[name] = seconds
        return whole

    def store(self) -> OutcomeStore:
        """Returns what is kept of single rooms."""
        path = self._folder / "rooms.jsonl"
        if self._anew:
            path.unlink(missing_ok=True)
        return OutcomeStore(path, self._key)

    def _path(self, name: str) -> Path:
        return self._folder / f"{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}.json"

    def _whole(self, part: object) -> str:
        return f"{self._key}-{_digest(part)}"


def _systems(
    catalogues: Catalogues,
    data: PairsDataset,
    directory: Path,
    pieces: _Pieces,
    progress: Progress,
) -> dict[str, Mapping[str, Any]]:
    """Returns the figures of each system; those that are not there are measured side by side."""
    makers = systems_of(catalogues, data.products)
    part = _rows(data, data.pairs)
    figures: dict[str, Mapping[str, Any]] = {}
    for name in makers:
        stored = pieces.get(f"system {name}", part)
        if stored is not None:
            figures[name] = stored
    missing = {name: make for name, make in makers.items() if name not in figures}
    if missing:
        stamp = {"floorlens": __version__, **catalogues.ours.stamp}
        store = pieces.store()
        reports = measure_systems(
            missing, data, directory, stamp, store, failed=catalogues.failed, progress=progress
        )
        projection = catalogues.plain.stamp["projection"]
        for name in {"without adaptation", "without both"} & reports.keys():
            of_plain = {**reports[name].stamp, "projection": projection}
            reports[name] = replace(reports[name], stamp=of_plain)
        for name, report in reports.items():
            row = report.as_dict()
            del row["seconds_per_query"]
            figures[name] = pieces.put(f"system {name}", row, part, share=1 / len(reports))
    return {name: figures[name] for name in makers}


def _limited(data: PairsDataset, limit: int | None) -> PairsDataset:
    """Returns the data with all rows of at most `limit` rooms."""
    if limit is None:
        return data
    rooms = {pair.room for pair in sampled_pairs(data, limit)}
    return replace(data, pairs=tuple(pair for pair in data.pairs if pair.room in rooms))


def _patterns(catalogues: Catalogues, data: PairsDataset) -> dict[str, Any]:
    catalogue = Catalogue(catalogues.plain.location, create=False)
    try:
        return {"patterns": product_patterns(catalogue, sorted(data.products.file_of))}
    finally:
        catalogue.close()


def _curves(
    catalogues: Catalogues,
    data: PairsDataset,
    rooms: int,
    curves: Sequence[Curve],
    pieces: _Pieces,
    bar: Callable[[str], Progress],
) -> tuple[Mapping[str, Any], ...]:
    """Returns the points of each curve; the unchanged photos are measured once for all."""
    pairs = sampled_pairs(data, rooms)
    names = [pair.room for pair in pairs]
    rows = _rows(data, pairs)
    ranks: tuple[int, ...] | None = None
    results = []
    for curve in curves:
        part = [rows, curve.unit, curve.unchanged, sorted({*curve.photo, *curve.mask})]
        name = f"curve {curve.name}"
        figures = pieces.get(name, part)
        if figures is None:
            points = measure_curve(
                curve, catalogues.ours, data, pairs, unchanged=ranks, progress=bar(curve.name)
            )
            plain = {
                "name": curve.name,
                "unit": curve.unit,
                "unchanged": curve.unchanged,
                "rooms": names,
                "points": [point.as_dict() for point in points],
            }
            figures = pieces.put(name, plain, part)
        same = [p for p in figures["points"] if p["strength"] == curve.unchanged]
        ranks = tuple(same[0]["ranks"])
        results.append(figures)
    return tuple(results)


def _rows(data: PairsDataset, pairs: Sequence[Pair]) -> list[list[str]]:
    """Returns what figures of these rows depend on: the photos' contents, too."""
    photos = {room: file_digest(data.rooms / room) for room in {pair.room for pair in pairs}}
    return [[pair.room, photos[pair.room], pair.product, pair.source] for pair in pairs]


def _judgments(folder: Path) -> list[object]:
    """Returns what the figures of judged queries depend on."""
    data = read_ranking(folder)
    queries = {name: file_digest(data.queries / name) for name in data.grades}
    return [folder.name, file_digest(folder / "judgments.csv"), queries, data.products.digest]


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
