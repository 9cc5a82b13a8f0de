"""Filling the catalogue: embed what changed, keep what did not, report every row."""

from __future__ import annotations

import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from floorlens.catalogue.catalogue import Catalogue
from floorlens.catalogue.rows import Entry, StoredProduct
from floorlens.embedding.projection import Projection
from floorlens.errors import FloorlensError, GenerationChanged
from floorlens.images.loading import load_photo, read_bytes
from floorlens.pipeline import described, examine_product, product_features
from floorlens.presets import Stages, check_stamp
from floorlens.products.pictures import KINDS, ProductPicture
from floorlens.products.product import Product
from floorlens.products.reading import read_products

if TYPE_CHECKING:
    from floorlens.adaptation.adapt import AdaptationReport

# Products per transaction: a kill loses at most this much work, and none that was reported.
BATCH = 16

_Item = TypeVar("_Item")

STATUSES = ("added", "updated", "unchanged", "failed")


@dataclass(frozen=True)
class ImportRow:
    """What became of one product.

    Attributes:
        id: of the product.
        status: one of `STATUSES`.
        reason: why it failed, if it did.
        pictures: the kind of each picture (`product_picture.KINDS`), in order; empty where they
            were not looked at, because nothing changed or the product failed.
        note: what was done with the pictures, if that is not plain.
    """

    id: str
    status: str
    reason: str | None = None
    pictures: tuple[str, ...] = ()
    note: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Returns the row as plain JSON values."""
        return {
            "id": self.id,
            "status": self.status,
            "reason": self.reason,
            "pictures": list(self.pictures),
            "note": self.note,
        }


@dataclass(frozen=True)
class ImportReport:
    """One row per product, in order of id, and the seconds that it took.

    `adaptation` says what became of the catalogue's projection, if it was adapted after the import,
    `not_adapted` why that failed, if it did; `not_synced` why the vector engine could not be told
    (the catalogue is whole, and the next search tells it).
    """

    rows: tuple[ImportRow, ...]
    seconds: float
    adaptation: AdaptationReport | None = None
    not_adapted: str | None = None
    not_synced: str | None = None

    @property
    def counts(self) -> dict[str, int]:
        """How many products have each status."""
        found = Counter(row.status for row in self.rows)
        return {status: found[status] for status in STATUSES}

    @property
    def pictures(self) -> dict[str, int]:
        """How many pictures are of each kind, among those that were looked at."""
        found = Counter(kind for row in self.rows for kind in row.pictures)
        return {kind: found[kind] for kind in KINDS}

    @property
    def failed(self) -> tuple[ImportRow, ...]:
        """The rows that failed."""
        return tuple(row for row in self.rows if row.status == "failed")

    def as_dict(self) -> dict[str, Any]:
        """Returns the report as plain JSON values."""
        return {
            "counts": self.counts,
            "pictures": self.pictures,
            "seconds": self.seconds,
            "rows": [row.as_dict() for row in self.rows],
            "adaptation": None if self.adaptation is None else self.adaptation.as_dict(),
            "not_adapted": self.not_adapted,
            "not_synced": self.not_synced,
        }


Progress = Callable[[int, int, ImportRow], None]
"""Called after a row is safely stored: (rows done, rows in all, the row)."""


@dataclass(frozen=True)
class _Outcome:
    row: ImportRow
    entry: Entry | None = None


def import_products(
    catalogue: Catalogue,
    stages: Stages,
    source: str | Path,
    *,
    max_megapixels: float,
    id_prefix: str = "",
    progress: Progress | None = None,
) -> ImportReport:
    """Brings the products of a folder, CSV or JSONL into the catalogue; returns a row for each.

    A product whose pictures, name and metadata are as stored is left alone; new metadata is
    stored without embedding again. A picture that cannot be read fails its product, which then
    keeps what was stored of it before. Products that the source does not name stay. `id_prefix`
    is put before every id of the source.

    Raises:
        ProductSourceError: the source as a whole is not usable; nothing is stored.
    """
    started = time.perf_counter()
    products = read_products(source, id_prefix=id_prefix)
    target = _Target(catalogue, stages)
    rows: list[ImportRow] = []

    def prepare(product: Product, stored: StoredProduct | None) -> _Outcome:
        try:
            return _prepare(product, stored, stages, target.projection, max_megapixels)
        except FloorlensError as error:
            return _Outcome(ImportRow(product.id, "failed", str(error)))

    with workers() as pool:
        for batch in batches(products):
            known = target.stored([product.id for product in batch])
            tasks = [pool.submit(prepare, product, known.get(product.id)) for product in batch]
            outcomes = [task.result() for task in tasks]
            entries = [outcome.entry for outcome in outcomes if outcome.entry is not None]
            stale = target.put(entries)
            for place, product in enumerate(batch):
                if product.id in stale:
                    # Taken for embedded, but another process has removed or replaced it since.
                    outcomes[place] = prepare(product, None)
                    entry = outcomes[place].entry
                    if entry is not None:
                        target.put([entry])
            for outcome in outcomes:
                rows.append(outcome.row)
                if progress is not None:
                    progress(len(rows), len(products), outcome.row)
    return ImportReport(tuple(rows), time.perf_counter() - started)


def rebuild(
    catalogue: Catalogue,
    stages: Stages,
    *,
    max_megapixels: float,
    progress: Progress | None = None,
) -> ImportReport:
    """Embeds every product anew beside the live features and swaps them at once.

    Searches go on with the old features until the swap. Interrupted, it goes on where it was. If
    a picture can no longer be read nothing is swapped: the report's failed rows say why.
    """
    started = time.perf_counter()
    projection = stages.embedder.projection
    generation = catalogue.begin_rebuild(stages.stamp(), projection)
    total = catalogue.count()
    rows: dict[str, ImportRow] = {}

    def prepare(stored: StoredProduct) -> _Outcome:
        try:
            outcome = _prepare(stored.product, None, stages, projection, max_megapixels)
        except FloorlensError as error:
            return _Outcome(ImportRow(stored.product.id, "failed", str(error)))
        return replace(outcome, row=replace(outcome.row, status="updated"))

    def unfinished() -> list[StoredProduct]:
        failed = {row.id for row in rows.values() if row.status == "failed"}
        missing = catalogue.missing_features(generation)
        return [stored for stored in missing if stored.product.id not in failed]

    with workers() as pool:
        # Another process may add or change products meanwhile, also between the last look and the
        # swap, which then refuses: go round until none is missing but those that failed.
        while (missing := unfinished()) or not (
            catalogue.swap(generation) or any(row.status == "failed" for row in rows.values())
        ):
            for batch in batches(missing):
                tasks = [pool.submit(prepare, stored) for stored in batch]
                for stored, task in zip(batch, tasks, strict=True):
                    outcome = task.result()
                    if outcome.entry is not None:
                        catalogue.put_features(stored, outcome.entry, generation)
                    rows[outcome.row.id] = outcome.row
                    if progress is not None:
                        progress(len(rows), max(total, len(rows)), outcome.row)
    ordered = tuple(rows[product_id] for product_id in sorted(rows))
    return ImportReport(ordered, time.perf_counter() - started)


class _Target:
    """The live generation, into which an import writes, and its projection."""

    def __init__(self, catalogue: Catalogue, stages: Stages) -> None:
        self._catalogue = catalogue
        self._stages = stages
        self._follow()

    def _follow(self) -> None:
        """Takes the live generation for its own.

        Raises:
            StampMismatch: another process has rebuilt the catalogue with other models.
        """
        ours, own = self._stages.stamp(), self._stages.embedder.projection
        while True:
            self.generation = self._catalogue.live_generation(ours, own)
            # In this order: a swap between the two lines shows when something is put.
            check_stamp(self._catalogue.live_stamp(), ours, self._catalogue.location)
            try:
                self.projection = self._catalogue.projections.of(self.generation)
            except GenerationChanged:
                # Swapped between the two looks.
                continue
            return

    def stored(self, ids: Sequence[str]) -> dict[str, StoredProduct]:
        """Returns what `Catalogue.stored` does, also if the catalogue is adapted meanwhile."""
        found = self._catalogue.stored(ids, self.generation)
        if all(product.embedded for product in found.values()):
            return found
        # Perhaps a swap has dropped the generation: what is embedded must not seem to be missing.
        self._follow()
        return self._catalogue.stored(ids, self.generation)

    def put(self, entries: Sequence[Entry]) -> list[str]:
        """Stores entries as `Catalogue.put` does, also if the catalogue is adapted meanwhile."""
        if not entries:
            return []
        while True:
            try:
                return self._catalogue.put(entries, self.generation)
            except GenerationChanged:
                self._follow()
                entries = [self._described(entry) for entry in entries]

    def _described(self, entry: Entry) -> Entry:
        if entry.features is None:
            return entry
        embedding = self._stages.embedder.describe(entry.features, self.projection)
        return replace(entry, embedding=embedding)


def _prepare(
    product: Product,
    stored: StoredProduct | None,
    stages: Stages,
    projection: Projection | None,
    max_megapixels: float,
) -> _Outcome:
    files = [read_bytes(Path(path)) for path in product.images]
    hashes = tuple(hashlib.sha256(data).hexdigest() for data in files)
    if stored is not None and stored.embedded and stored.content_hashes == hashes:
        if stored.product == product:
            return _Outcome(ImportRow(product.id, "unchanged"))
        same = (stored.product.name, stored.product.metadata) == (product.name, product.metadata)
        status = "unchanged" if same else "updated"
        return _Outcome(ImportRow(product.id, status), Entry(product, hashes))
    photos = [
        load_photo(data, max_megapixels=max_megapixels, name=path)
        for data, path in zip(files, product.images, strict=True)
    ]
    pictures = examine_product(photos, stages)
    features = product_features(photos, stages, pictures)
    embedding = stages.embedder.describe(features, projection)
    status = "added" if stored is None else "updated"
    row = ImportRow(product.id, status, None, tuple(p.kind for p in pictures), _note(pictures))
    return _Outcome(row, Entry(product, hashes, features, embedding))


def _note(pictures: Sequence[ProductPicture]) -> str | None:
    rooms = described(pictures).count(False)
    if not rooms:
        return None
    return f"{rooms} room scene{'s' * (rooms > 1)} left out: other pictures show the product itself"


def batches(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """Yields items in the lists that go into one transaction."""
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


@contextmanager
def workers() -> Iterator[ThreadPoolExecutor]:
    """A pool of as many threads as there are cores, for decoding and models."""
    # Decoding and the models release the interpreter lock, so threads use the cores.
    pool = ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2))
    try:
        yield pool
    finally:
        # On Ctrl-C what has not begun is dropped; what is stored stays.
        pool.shutdown(wait=True, cancel_futures=True)
