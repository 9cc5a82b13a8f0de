"""The replica of a catalogue's vectors in a shared engine: filled, compared and repaired.

The catalogue is the truth, and remembers how far each engine follows it (`EnginePosition`). A
process that finds the replica behind brings it up to date before it searches. One process at a
time writes.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from floorlens.catalogue.batches import Progress
from floorlens.catalogue.snapshot import EnginePosition, Snapshot
from floorlens.engines import (
    Collection,
    CollectionSpec,
    Engine,
    Record,
    check_engine,
    open_collection,
)
from floorlens.errors import (
    CatalogueBusy,
    CollectionNotFound,
    EngineError,
    EngineMismatch,
    EngineRefused,
    EngineUnavailable,
    EngineUnsupported,
)
from floorlens.retrieval.placement import (
    catalogue_uid,
    collection_spec,
    engine_key,
    place_engine,
)

if TYPE_CHECKING:
    from floorlens.catalogue.catalogue import Catalogue
    from floorlens.presets import Stages

BATCH = 500
"""How many records `sync` compares at a time."""
WAIT = 600.0
"""Seconds that a process waits for another one that is filling the engine."""
RECHECK = 30.0
"""Seconds after which a collection is looked at again: others may delete it or take it over."""
TOLERANCE = 1e-4
"""Engines keep vectors as float32, and some return them rounded."""
SHOWN = 20
"""How many ids of each kind a comparison lists."""
CheckStamp = Callable[[Mapping[str, Any] | None], None]
"""Raises StampMismatch if features of a stamp are not comparable with those of the stages."""


@dataclass(frozen=True)
class Comparison:
    """How a replica differs from its catalogue.

    Attributes:
        engine, collection: where the replica lies.
        products: how many products of the catalogue can be searched.
        records: how many records the collection holds.
        missing: ids that the collection lacks, sorted.
        unknown: ids that the catalogue does not have, sorted.
        stamp: "same", "older" (this catalogue's own, of other models or another projection),
            "other" (another catalogue's), "none" (not made by Floorlens) or "absent" (there is no
            such collection).
        other_stamp: the stamp that the collection carries, if it is another one.
        dimension: whether its vectors have the length of ours.
    """

    engine: str
    collection: str
    products: int
    records: int
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    stamp: str
    other_stamp: str = ""
    dimension: bool = True

    @property
    def in_step(self) -> bool:
        """Whether ids and stamps are equal."""
        return self.stamp == "same" and not self.missing and not self.unknown

    @property
    def cure(self) -> str:
        """What brings the replica into step, in words; empty if it is in step."""
        command = f"floorlens engine sync --to {self.engine}"
        if self.in_step:
            return ""
        if not self.dimension and self.engine == "pinecone":
            return "name another index (FLOORLENS_INDEX_NAME): this one has another dimension"
        if not self.dimension and self.stamp == "none":
            return "name another namespace (FLOORLENS_NAMESPACE): this one is not Floorlens's"
        if self.stamp in ("other", "none"):
            return (
                f"name another namespace (FLOORLENS_NAMESPACE), or `{command} --take-over`, which "
                f"deletes the {len(self.unknown)} unknown records"
            )
        return f"`{command}` writes what differs"

    def as_dict(self) -> dict[str, Any]:
        """Returns the comparison as plain JSON values, with the first `SHOWN` ids of each kind."""
        return {
            "engine": self.engine,
            "collection": self.collection,
            "in_step": self.in_step,
            "products": self.products,
            "records": self.records,
            "missing": len(self.missing),
            "missing_ids": list(self.missing[:SHOWN]),
            "unknown": len(self.unknown),
            "unknown_ids": list(self.unknown[:SHOWN]),
            "stamp": self.stamp,
            "found_stamp": self.other_stamp,
            "cure": self.cure,
        }


@dataclass(frozen=True)
class SyncReport:
    """What `Replica.sync` did.

    Attributes:
        engine, collection: where the replica lies.
        added, updated, removed, unchanged: numbers of records.
        seconds: how long it took, wall-clock.
    """

    engine: str
    collection: str
    added: int
    updated: int
    removed: int
    unchanged: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Returns the report as plain JSON values."""
        return {
            "engine": self.engine,
            "collection": self.collection,
            "added": self.added,
            "updated": self.updated,
            "removed": self.removed,
            "unchanged": self.unchanged,
            "seconds": self.seconds,
        }


@dataclass(frozen=True)
class ReplicaState:
    """A replica that can be searched, and the moment of the catalogue that it stands for.

    Attributes:
        collection: what is searched.
        revision: the catalogue's revision at that moment.
        generation: which features the vectors belong to; None before the first product.
        projection: version of the projection that made them; None where there is none.
        in_step: False while another process has yet to write what changed before that moment.
    """

    collection: Collection
    revision: int
    generation: int | None
    projection: str | None
    in_step: bool = True

    @classmethod
    def at(
        cls, snapshot: Snapshot, collection: Collection, *, in_step: bool = True
    ) -> ReplicaState:
        """Returns the state of a replica that follows the catalogue up to a snapshot."""
        return cls(collection, snapshot.revision, snapshot.generation, snapshot.projection, in_step)


@dataclass(frozen=True)
class _OpenCollection:
    """An open collection, and when it was last looked at (`time.monotonic`)."""

    spec: CollectionSpec
    collection: Collection
    checked: float


class Replica:
    """The replica of one catalogue in one shared engine. Safe to call from several threads."""

    lags = True
    """Some engines show a write to searches only some time later."""

    def __init__(
        self, catalogue: Catalogue, stages: Stages, engine: Engine, check_stamp: CheckStamp
    ) -> None:
        """Opens nothing yet.

        Args:
            catalogue: whose vectors are copied.
            stages: whose embedder made the catalogue's features.
            engine: where the replica lies; `place_engine` adds the address if it has none.
            check_stamp: is called with the stamp of the catalogue's features before they are
                written.

        Raises:
            SettingsError: there is no such engine, or it needs an address.
        """
        check_engine(engine)
        self._catalogue = catalogue
        self._stages = stages
        self._engine = place_engine(engine, catalogue)
        self._key = engine_key(self._engine, catalogue)
        self._check_stamp = check_stamp
        self._open: _OpenCollection | None = None
        self._last_write = -math.inf
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The engine's name."""
        return self._engine.name

    def close(self) -> None:
        """Releases the engine's connections and files."""
        with self._lock:
            if self._open is not None:
                self._open.collection.close()
                self._open = None

    def mark_unchecked(self) -> None:
        """Lets the next `catch_up` look at the collection in the engine, however recent it is."""
        with self._lock:
            if self._open is not None:
                self._open = replace(self._open, checked=-math.inf)

    def catch_up(self, wait: float | None = None, *, allow_lag: bool = True) -> ReplicaState:
        """Brings the replica up to the catalogue's revision; returns it.

        Args:
            wait: seconds to wait for another process that is filling the replica; None: `WAIT`.
            allow_lag: whether a replica that is a little behind is good enough while another
                process fills it; it is then returned at once.

        Raises:
            EngineError: the engine cannot be used, or holds something else under that name;
                EngineUnavailable if another process is still filling it.
        """
        position, snapshot, spec = self._read_progress()
        collection = self._usable_collection(position, spec)
        if collection is not None and not snapshot.changed_records and not snapshot.removed_ids:
            return ReplicaState.at(snapshot, collection)
        lagging = collection if allow_lag else None
        timeout = 0.0 if lagging is not None else WAIT if wait is None else wait
        try:
            with self._catalogue.exclusive(self._key, timeout=timeout):
                return self._write_changes()
        except CatalogueBusy as error:
            if lagging is None:
                raise EngineUnavailable(
                    f"another process is filling {self.name} with this catalogue: try again when "
                    "it is done"
                ) from error
            return ReplicaState.at(snapshot, lagging, in_step=False)

    def compare(self) -> Comparison:
        """Returns how the replica differs from the catalogue; nothing is written.

        If something else lies under its name, this tells what `sync(take_over=True)` would change.

        Raises:
            EngineError: the engine cannot be used.
        """
        snapshot, spec = self._read_changes()
        ours = {record.id for record in snapshot.changed_records}
        stamp, other_stamp, same_dimension, theirs = "absent", "", True, set[str]()
        with suppress(CollectionNotFound):
            try:
                with closing(open_collection(self._engine, spec, mode="inspect")) as collection:
                    stats, theirs = collection.stats(), set(_ids_of(collection))
                    stamp, other_stamp = self._classify(stats.stamp, spec), stats.stamp
                    same_dimension = stats.dimension == spec.dimension
            except EngineMismatch:
                stamp, same_dimension = "none", False
        return Comparison(
            self.name,
            spec.name,
            products=len(ours),
            records=len(theirs),
            missing=tuple(sorted(ours - theirs)),
            unknown=tuple(sorted(theirs - ours)),
            stamp=stamp,
            other_stamp="" if stamp == "same" else other_stamp,
            dimension=same_dimension,
        )

    def sync(self, *, take_over: bool = False, progress: Progress | None = None) -> SyncReport:
        """Makes the replica equal to the catalogue, writing only what differs; returns a report.

        Args:
            take_over: whether to replace what another catalogue, or another application, has put
                under that name.
            progress: is called as `progress(done, total)` after each batch.

        Raises:
            EngineMismatch: something that is not ours lies under that name.
            EngineError: the engine cannot be used. What was written stays; a second run goes on.
            CatalogueBusy: another process has been filling the replica for long.
        """
        started = time.perf_counter()
        with self._catalogue.exclusive(self._key, timeout=WAIT):
            snapshot, spec = self._read_changes()
            collection = self._claim(spec, take_over=take_over)
            present = set(_ids_of(collection))
            added = updated = unchanged = 0
            for start in range(0, len(snapshot.changed_records), BATCH):
                batch = snapshot.changed_records[start : start + BATCH]
                stored = {
                    record.id: record
                    for record in collection.fetch(r.id for r in batch if r.id in present)
                }
                differing = [r for r in batch if not _is_equal(r, stored.get(r.id))]
                self._upsert(collection, differing)
                added += sum(record.id not in stored for record in differing)
                updated += sum(record.id in stored for record in differing)
                unchanged += len(batch) - len(differing)
                if progress is not None:
                    progress(start + len(batch), len(snapshot.changed_records))
            unknown = present - {record.id for record in snapshot.changed_records}
            collection.delete(unknown)
            self._record_position(spec, snapshot.revision)
        return SyncReport(
            self._engine.name,
            spec.name,
            added,
            updated,
            len(unknown),
            unchanged,
            time.perf_counter() - started,
        )

    # -- what the catalogue says ---------------------------------------------------------------

    def _read_progress(self) -> tuple[EnginePosition | None, Snapshot, CollectionSpec]:
        """Returns how far the engine follows, what changed since, and the collection for it."""
        position = self._catalogue.engine_position(self._key)
        return position, *self._read_changes(-1 if position is None else position.revision)

    def _read_changes(self, since: int = -1) -> tuple[Snapshot, CollectionSpec]:
        snapshot = self._catalogue.snapshot(since=since)
        self._check_stamp(snapshot.stamp)
        spec = collection_spec(self._engine, self._catalogue, self._stages, snapshot.projection)
        return snapshot, spec

    def _classify(self, stamp: str, spec: CollectionSpec) -> str:
        """Returns what `Comparison.stamp` says of the stamp that a collection carries."""
        if stamp == spec.stamp:
            return "same"
        if not stamp:
            return "none"
        return "older" if catalogue_uid(stamp) == self._catalogue.uid() else "other"

    def _record_position(self, spec: CollectionSpec, revision: int) -> None:
        """Stores that the replica is in step, and drops the collection that it replaces."""
        position = self._catalogue.engine_position(self._key)
        self._drop_replaced()
        if position is not None and position.collection != spec.name:
            # Remembered until it is dropped, so that a crash in between leaves nothing behind.
            self._catalogue.set_engine_position(self._replaced_key, position)
        self._catalogue.set_engine_position(
            self._key, EnginePosition(spec.name, spec.stamp, revision)
        )
        self._drop_replaced()

    @property
    def _replaced_key(self) -> str:
        return f"{self._key}-replaced"

    def _drop_replaced(self) -> None:
        position = self._catalogue.engine_position(self._replaced_key)
        if position is None:
            return
        dimension = int(json.loads(position.stamp)["dimension"])
        spec = CollectionSpec(position.collection, dimension, position.stamp)
        try:
            with closing(open_collection(self._engine, spec, mode="existing")) as collection:
                collection.delete(None)
        except (CollectionNotFound, EngineMismatch):
            # It is deleted already, or somebody else's by now.
            pass
        except EngineError:
            # The replica itself is whole. The old collection is dropped the next time.
            return
        self._catalogue.set_engine_position(self._replaced_key, None)

    # -- what the engine holds -----------------------------------------------------------------

    def _usable_collection(
        self, position: EnginePosition | None, spec: CollectionSpec, *, recheck: bool = False
    ) -> Collection | None:
        """Returns the collection if it is there as the catalogue remembers it, else None.

        The engine is asked every `RECHECK` seconds, and always for `recheck`.
        """
        if position is None or (position.collection, position.stamp) != (spec.name, spec.stamp):
            return None
        with self._lock:
            current = self._open
        if current is not None and current.spec != spec:
            current = None
        now = time.monotonic()
        if current is not None and now - current.checked < RECHECK and not recheck:
            return current.collection
        try:
            collection = open_collection(self._engine, spec, mode="existing")
        except CollectionNotFound:
            return None
        # Some engines count only later what was just written.
        settled = now - self._last_write > RECHECK
        if settled and collection.stats().count == 0 and self._catalogue.searchable() > 0:
            collection.close()
            return None
        if current is not None:
            collection.close()
            collection = current.collection
        self._remember(spec, collection)
        return collection

    def _claim(self, spec: CollectionSpec, *, take_over: bool = False) -> Collection:
        """Returns the collection, made if absent; an older replica under its name is replaced."""
        try:
            collection = open_collection(
                self._engine, spec, mode="take-over" if take_over else "create"
            )
        except EngineMismatch as error:
            if catalogue_uid(error.stamp) != self._catalogue.uid():
                raise
            collection = open_collection(self._engine, spec, mode="take-over")
        self._remember(spec, collection)
        return collection

    def _remember(self, spec: CollectionSpec, collection: Collection) -> None:
        # Other threads may still search the one before: it is closed when they let go of it.
        with self._lock:
            self._open = _OpenCollection(spec, collection, time.monotonic())

    def _write_changes(self) -> ReplicaState:
        """Writes what changed since the position; everything if there is no usable collection."""
        position, snapshot, spec = self._read_progress()
        collection = self._usable_collection(position, spec, recheck=True)
        if collection is None:
            snapshot, spec = self._read_changes()
            collection = self._claim(spec)
        self._upsert(collection, snapshot.changed_records)
        collection.delete(snapshot.removed_ids)
        self._last_write = time.monotonic()
        self._record_position(spec, snapshot.revision)
        return ReplicaState.at(snapshot, collection)

    def _upsert(self, collection: Collection, records: Sequence[Record]) -> None:
        """Stores records; what the engine cannot keep is its failure, not the searcher's."""
        try:
            collection.upsert(records)
        except EngineUnsupported as error:
            raise EngineRefused(
                f"{self.name} cannot keep a product: {error}. Change or remove it, or choose "
                "another engine; the catalogue is whole"
            ) from error


def _ids_of(collection: Collection) -> Iterator[str]:
    for page in collection.ids():
        yield from page


def _is_equal(ours: Record, theirs: Record | None) -> bool:
    """Returns whether an engine holds a record as it should, rounding apart."""
    if theirs is None or ours.vector.shape != theirs.vector.shape:
        return False
    close = bool(np.abs(ours.vector - theirs.vector).max(initial=0.0) <= TOLERANCE)
    return close and _comparable(ours.metadata) == _comparable(theirs.metadata)


def _comparable(metadata: Mapping[str, Any]) -> dict[str, tuple[bool, Any]]:
    # In Python True == 1, and engines return 5 as 5.0 and a tuple as a list.
    return {
        key: (
            isinstance(value, bool),
            list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value,
        )
        for key, value in metadata.items()
    }
