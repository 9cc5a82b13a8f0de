"""The systems that a report compares on one data set: ours, ours without a part, and baselines.

All of them see a photo in turn, so that its floor is found and described once. The catalogues are
kept on disk: a measurement that was interrupted goes on.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from floorlens.adaptation.adapt import WORTH
from floorlens.evaluation.baselines import BoxCrop, MeanColour
from floorlens.evaluation.calibration import ScoreOutcome
from floorlens.evaluation.datasets import (
    Measured,
    Pair,
    PairsDataset,
    ProductFolder,
    failures,
    file_digest,
    mean_colours,
)
from floorlens.evaluation.measured import Clock, Region, Searcher, Source
from floorlens.evaluation.pairs import PairOutcome, PairsReport, absent_products, outcome_of
from floorlens.evaluation.searches import import_failures, search_photo
from floorlens.images.decoding import PICTURE_SECONDS
from floorlens.images.loading import MAX_MEGAPIXELS
from floorlens.lens import Floorlens
from floorlens.normalisation import FloorView
from floorlens.presets import Stages
from floorlens.ranking import SearchResult

if TYPE_CHECKING:
    from floorlens.catalogue.batches import Progress
    from floorlens.importing import ImportProgress

Result = TypeVar("Result")

OURS = "ours"
ANSWERS = 8
"""How many answers of a backend are remembered: as many as the systems ask for of one photo."""


@dataclass(frozen=True)
class Catalogues:
    """One data set's products, indexed.

    Attributes:
        plain: with the package's own projection.
        adapted: adapted to the products; None where they are too few, as for a user's `index`.
        stages: of both. They remember their last answers.
        failed: file -> reason of each product whose import failed.
        max_megapixels, picture_seconds: as for `Floorlens.open`.
    """

    plain: Floorlens
    adapted: Floorlens | None
    stages: Stages
    failed: Mapping[str, str] = field(default_factory=dict)
    max_megapixels: float = MAX_MEGAPIXELS
    picture_seconds: float = PICTURE_SECONDS

    @property
    def ours(self) -> Floorlens:
        """The one that a user would have."""
        return self.adapted or self.plain


@contextmanager
def open_catalogues(
    folder: Path,
    products: ProductFolder,
    stages: Stages,
    *,
    max_megapixels: float = MAX_MEGAPIXELS,
    picture_seconds: float = PICTURE_SECONDS,
    progress: ImportProgress | None = None,
    adapt_progress: Progress | None = None,
) -> Iterator[Catalogues]:
    """Opens the catalogues of a data set, made in a folder if they are not there; closes them.

    Args:
        folder: where they lie. Other products, models or limits get catalogues of their own there.
        products: what they hold.
        stages: what describes them.
        max_megapixels, picture_seconds: as for `Floorlens.open`.
        progress: called as `progress(done, total, row)` after each product.
        adapt_progress: called with (done, total) simulated rooms.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.evaluation.datasets import read_products
        >>> from floorlens.evaluation.systems import open_catalogues
        >>> from floorlens.presets import BUILTIN, load_stages
        >>> products = read_products(Path("products"))
        >>> with open_catalogues(Path("kept"), products, load_stages(BUILTIN)) as catalogues:
        ...     catalogues.plain.count(), catalogues.adapted
        (3, None)
    """
    stages = remembering(stages)
    key = json.dumps([products.digest, stages.stamp(), max_megapixels], sort_keys=True)
    name = hashlib.sha256(key.encode()).hexdigest()[:16]
    places = {kind: folder / f"catalogue-{name}-{kind}" for kind in ("plain", "adapted")}
    with ExitStack() as stack:

        def opened(kind: str) -> Floorlens:
            lens = Floorlens.open(
                places[kind],
                stages=stages,
                max_megapixels=max_megapixels,
                picture_seconds=picture_seconds,
            )
            return stack.enter_context(lens)

        plain = opened("plain")
        report = plain.add(products.folder, adapt=False, progress=progress)
        adapted = None
        if stages.embedder.projection is not None and products.count >= WORTH:
            if not places["adapted"].exists():
                # The features are the same: nothing is described twice.
                plain.close()
                _copy(places["plain"], places["adapted"])
                plain = opened("plain")
            adapted = opened("adapted")
            if not adapted.adapted:
                adapted.adapt(progress=adapt_progress)
        failed = import_failures(report, products)
        yield Catalogues(plain, adapted, stages, failed, max_megapixels, picture_seconds)


def _copy(source: Path, target: Path) -> None:
    """Copies a folder; one that was interrupted leaves no target."""
    part = target.with_name(f"{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(source, part)
    part.replace(target)


class ConfiguredSearch:
    """A catalogue searched in one way; a `measured.Searcher`.

    Args:
        lens: the catalogue.
        weights, rerank: as for `Floorlens.search`.

    Attributes:
        weights: those that counted in the last search; None where nothing was re-ranked.
    """

    def __init__(
        self, lens: Floorlens, weights: Mapping[str, float] | None = None, *, rerank: bool = True
    ) -> None:
        self._lens = lens
        self._changes = weights
        self._rerank = rerank
        self.weights: Mapping[str, float] | None = None

    def search(self, source: Source, *, region: Region | None = None) -> SearchResult:
        """Returns what `Floorlens.search` does."""
        result = self._lens.search(
            source, region=region, weights=self._changes, rerank=self._rerank
        )
        self.weights = result.weights
        return result


def systems_of(
    catalogues: Catalogues, products: ProductFolder
) -> dict[str, Callable[[], Searcher]]:
    """Returns what makes each system, by name, ours first.

    "ours", "without re-ranking", "without adaptation", "without both"; "without colour" and so on,
    of each component of the re-ranking; "box crop, one embedding" and "mean colour".

    Example:
        >>> from pathlib import Path
        >>> from floorlens.evaluation.datasets import read_products
        >>> from floorlens.evaluation.systems import open_catalogues, systems_of
        >>> from floorlens.presets import BUILTIN, load_stages
        >>> products = read_products(Path("products"))
        >>> with open_catalogues(Path("kept"), products, load_stages(BUILTIN)) as catalogues:
        ...     list(systems_of(catalogues, products))[:2]
        ['ours', 'without re-ranking']
    """
    ours = catalogues.ours
    systems: dict[str, Callable[[], Searcher]] = {
        OURS: partial(ConfiguredSearch, ours),
        "without re-ranking": partial(ConfiguredSearch, ours, rerank=False),
    }
    if catalogues.adapted is not None:
        systems["without adaptation"] = partial(ConfiguredSearch, catalogues.plain)
        systems["without both"] = partial(ConfiguredSearch, catalogues.plain, rerank=False)
    components = catalogues.stages.reranker.weights
    if len(components) > 1:
        for name in components:
            systems[f"without {name}"] = partial(ConfiguredSearch, ours, {name: 0.0})
    baselines = {"box crop, one embedding": BoxCrop, "mean colour": MeanColour}
    for name, baseline in baselines.items():
        systems[name] = partial(
            baseline,
            catalogues.stages,
            products,
            max_megapixels=catalogues.max_megapixels,
            picture_seconds=catalogues.picture_seconds,
        )
    return systems


class OutcomeStore:
    """What was measured of each room, kept in a file line by line: an interruption costs one room.

    Args:
        path: of the file; made by the first line. A line that was cut off does not count.
        key: of what is measured; lines of another one are left alone.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.evaluation.datasets import Pair
        >>> from floorlens.evaluation.pairs import PairOutcome
        >>> from floorlens.evaluation.systems import OutcomeStore
        >>> pair = Pair("a.jpg", "oak.jpg", "shop")
        >>> outcome = PairOutcome("a.jpg", "oak.jpg", "shop", 1, 1, 0.9, (("oak", 0.9),))
        >>> OutcomeStore(Path("rooms.jsonl"), "now").put("ours", "c0ffee", [outcome], None)
        >>> OutcomeStore(Path("rooms.jsonl"), "now").get("ours", "c0ffee", pair) == outcome
        True
    """

    def __init__(self, path: Path, key: str) -> None:
        self._path = path
        self._key = key
        self._outcomes: dict[tuple[str, str, Pair], PairOutcome] = {}
        self._weights: dict[str, Mapping[str, float] | None] = {}
        lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if entry["key"] == key:
                outcome = _outcome_of(entry["outcome"])
                self._add(entry["system"], entry["photo"], outcome, entry["weights"])

    def get(self, system: str, photo: str, pair: Pair) -> PairOutcome | None:
        """Returns the outcome of a row; None if it was not measured.

        Args:
            system: its name.
            photo: the `file_digest` of the room's photo.
            pair: the row.
        """
        return self._outcomes.get((system, photo, _key_of(pair)))

    def weights(self, system: str) -> Mapping[str, float] | None:
        """Returns the weights of the components that counted; None where nothing was re-ranked."""
        return self._weights.get(system)

    def put(
        self,
        system: str,
        photo: str,
        outcomes: Sequence[PairOutcome],
        weights: Mapping[str, float] | None,
    ) -> None:
        """Keeps the outcomes of one room, whose photo has that `file_digest`."""
        text = ""
        for outcome in outcomes:
            self._add(system, photo, outcome, weights)
            entry = {
                "key": self._key,
                "system": system,
                "photo": photo,
                "weights": weights and dict(weights),
                "outcome": asdict(outcome),
            }
            text += json.dumps(entry, allow_nan=False) + "\n"
        with self._path.open("a", encoding="utf-8") as file:
            file.write(text)

    def _add(
        self,
        system: str,
        photo: str,
        outcome: PairOutcome,
        weights: Mapping[str, float] | None,
    ) -> None:
        self._outcomes[system, photo, _key_of(outcome)] = outcome
        self._weights[system] = weights


def _key_of(row: Pair | PairOutcome) -> Pair:
    """Returns what tells rows apart: the material has no influence on an outcome."""
    return Pair(row.room, row.product, row.source)


def _outcome_of(values: Mapping[str, Any]) -> PairOutcome:
    reading = values["reading"]
    first = tuple((str(product), float(score)) for product, score in values["first"])
    whole = {**values, "first": first, "reading": reading and ScoreOutcome(**reading)}
    return PairOutcome(**whole)


def measure_systems(
    makers: Mapping[str, Callable[[], Searcher]],
    data: PairsDataset,
    folder: Path,
    stamp: Mapping[str, Any],
    store: OutcomeStore,
    *,
    failed: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> dict[str, PairsReport]:
    """Returns how well the rooms find their products with each system, as `eval pairs` does.

    The times of searches are left out: what systems share is computed once.

    Args:
        makers: system -> what makes it, called when it is first needed.
        data: the rooms and products.
        folder: the evaluation folder, for the reports.
        stamp: of the models; each report adds what is special about its system.
        store: has what is measured already, and gets the rest.
        failed: `Catalogues.failed`, for the reports.
        progress: called with (done, total) photos after each of them.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.demo.samples import samples
        >>> from floorlens.evaluation.baselines import MeanColour
        >>> from floorlens.evaluation.datasets import read_pairs
        >>> from floorlens.evaluation.systems import OutcomeStore, measure_systems
        >>> from floorlens.presets import BUILTIN, load_stages
        >>> data = read_pairs(samples())
        >>> makers = {"mean colour": lambda: MeanColour(load_stages(BUILTIN), data.products)}
        >>> store = OutcomeStore(Path("rooms.jsonl"), "")
        >>> measure_systems(makers, data, samples(), {}, store)["mean colour"].products
        41
    """
    colours = mean_colours(data.products)
    pairs_of: dict[str, list[Pair]] = defaultdict(list)
    for pair in data.pairs:
        pairs_of[pair.room].append(pair)
    photos = {room: file_digest(data.rooms / room) for room in pairs_of}
    systems: dict[str, Searcher] = {}
    for number, (room, pairs) in enumerate(pairs_of.items(), start=1):
        for name, make in makers.items():
            if all(store.get(name, photos[room], pair) for pair in pairs):
                continue
            if name not in systems:
                systems[name] = make()
            system = systems[name]
            ranking = search_photo(system, data.rooms / room, data.products, Clock())
            outcomes = [outcome_of(pair, ranking, data.products, colours) for pair in pairs]
            weights = system.weights if isinstance(system, ConfiguredSearch) else None
            store.put(name, photos[room], outcomes, weights)
        if progress is not None:
            progress(number, len(pairs_of))
    reasons = {**(failed or {}), **absent_products(data)}
    return {name: _report(name, data, photos, folder, stamp, store, reasons) for name in makers}


def _report(
    name: str,
    data: PairsDataset,
    photos: Mapping[str, str],
    folder: Path,
    stamp: Mapping[str, Any],
    store: OutcomeStore,
    failed: Mapping[str, str],
) -> PairsReport:
    """Returns the report of a system, all of whose rows are in the store."""
    rows = [store.get(name, photos[pair.room], pair) for pair in data.pairs]
    outcomes = tuple(row for row in rows if row is not None)
    # Without a first match the search of the photo failed, and for that reason.
    rooms = {f"rooms/{o.room}": o.reason for o in outcomes if o.reason and not o.first}
    weights = store.weights(name)
    return PairsReport(
        outcomes=outcomes,
        products=data.products.count,
        seconds_per_query=0.0,
        failed=failures({**failed, **rooms}),
        stamp={**stamp, "system": name, "weights": weights and dict(weights)},
        data=Measured("pairs", folder, data.products.digest),
    )


def remembering(stages: Stages) -> Stages:
    """Returns the stages with a memory: asked the same again, a backend gives its last answer.

    Example:
        >>> from floorlens.evaluation.systems import remembering
        >>> from floorlens.presets import BUILTIN, load_stages
        >>> stages = remembering(load_stages(BUILTIN))
        >>> photo = np.zeros((48, 64, 3), np.uint8)
        >>> stages.segmenter.segment(photo) is stages.segmenter.segment(photo)
        True
    """
    segmenter = _Remembering(stages.segmenter, "segment")
    normaliser = _Remembering(stages.normaliser, "view", "straightened")
    embedder = _Remembering(stages.embedder, "features")
    return replace(
        stages,
        segmenter=cast("Any", segmenter),
        normaliser=cast("Any", normaliser),
        embedder=cast("Any", embedder),
    )


class _Remembering:
    """A backend, some of whose methods remember their last answers."""

    def __init__(self, backend: object, *methods: str) -> None:
        self._backend = backend
        for name in methods:
            setattr(self, name, _with_memory(getattr(backend, name)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)


def _with_memory(function: Callable[..., Result]) -> Callable[..., Result]:
    answers: OrderedDict[bytes, Result] = OrderedDict()
    lock = Lock()

    def call(*arguments: Any) -> Result:
        digest = hashlib.blake2b(digest_size=16)
        _update(digest, arguments)
        key = digest.digest()
        with lock:
            if key in answers:
                answers.move_to_end(key)
                return answers[key]
        answer = function(*arguments)
        with lock:
            answers[key] = answer
            while len(answers) > ANSWERS:
                answers.popitem(last=False)
        return answer

    return call


def _update(digest: Any, value: Any) -> None:
    """Adds a value of a backend's arguments to a digest."""
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value))
    elif isinstance(value, FloorView):
        for part in (value.patches, value.coverage, value.lab, value.trust):
            _update(digest, part)
    elif isinstance(value, Mapping):
        for key in value:
            digest.update(str(key).encode())
            _update(digest, value[key])
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            _update(digest, item)
    else:
        digest.update(repr(value).encode())
