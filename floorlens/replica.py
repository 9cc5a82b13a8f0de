"""The copy of a catalogue's vectors in a vector engine: made, kept in step, compared, repaired.

The catalogue is the truth and remembers how far each engine follows (`EnginePosition`). What a
process finds behind it brings up to date before it searches; one process at a time writes.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from floorlens.engines import (
    EnginePosition,
    catalogue_in,
    check_engine,
    collection_for,
    engine_key,
    resolved,
)
from floorlens.errors import (
    CatalogueBusy,
    CollectionNotFound,
    EngineMismatch,
    EngineUnavailable,
)
from floorlens.index import Collection, Engine, Record, VectorIndex
from floorlens.presets import Stages, new_index

if TYPE_CHECKING:
    from floorlens.catalogue import Catalogue
    from floorlens.index import Snapshot

BATCH = 500
"""Records that are compared at a time."""
SHOWN = 20
"""Ids that a comparison lists of each kind."""
WAIT = 600.0
"""Seconds that a process waits for another one that is filling the engine."""
TOLERANCE = 1e-4
"""Engines keep vectors as float32, some return them rounded."""
CheckStamp = Callable[[Mapping[str, Any] | None], None]
SyncProgress = Callable[[int, int], None]
"""Called as (records compared, records in all)."""


@dataclass(frozen=True)
class Comparison:
    """How an engine's copy differs from its catalogue.

    Attributes:
        engine, collection: which copy.
        products: how many products can be searched in the catalogue.
        records: how many records the engine holds there.
        missing: ids that the engine lacks, sorted.
        unknown: ids that the catalogue does not have, sorted.
        stamp: "same", "other" (made by another catalogue, preset or model), "none" (not made by
            Floorlens) or "absent" (there is nothing of that name).
        found: the stamp that the engine carries, if it is another one.
    """

    engine: str
    collection: str
    products: int
    records: int
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    stamp: str
    found: str = ""

    @property
    def in_step(self) -> bool:
        """Whether counts, ids and stamps are equal."""
        whole = self.products == self.records and not self.missing and not self.unknown
        return whole and self.stamp == "same"

    @property
    def cure(self) -> str:
        """What brings the copy into step, in words; empty if it is."""
        command = f"floorlens engine sync --to {self.engine}"
        if self.in_step:
            return ""
        if self.stamp in ("other", "none"):
            return f"name another namespace (FLOORLENS_NAMESPACE), or `{command} --take-over`"
        return f"`{command}` writes what differs"

    def as_dict(self) -> dict[str, Any]:
        """Returns the comparison as plain JSON values, of the ids the first `SHOWN`."""
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
            "found_stamp": self.found,
            "cure": self.cure,
        }


@dataclass(frozen=True)
class SyncReport:
    """What a repair of an engine's copy did: how many records it added, replaced, removed, left."""

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
class Opened:
    """A copy that can be searched, and the catalogue's moment that it stands for.

    `in_step` is False where another process has yet to write what changed before that moment.
    """

    index: VectorIndex
    revision: int
    generation: int | None
    projection: str | None
    in_step: bool = True


class Replica:
    """The copy of one catalogue in one vector engine. Safe to call from several threads."""

    lags = True
    """Searches of some engines see a write some time later."""

    def __init__(
        self, catalogue: Catalogue, stages: Stages, engine: Engine, check_stamp: CheckStamp
    ) -> None:
        """Opens nothing yet.

        Args:
            catalogue: of which it is a copy.
            stages: whose embedder made the catalogue's features.
            engine: where it lies; what it leaves out, `resolved` fills in.
            check_stamp: called with the stamp of the catalogue's features before they are written;
                raises StampMismatch if they are not the stages' own.

        Raises:
            SettingsError: there is no such engine, or a name that it cannot have.
        """
        check_engine(engine)
        self._catalogue = catalogue
        self._stages = stages
        self._engine = resolved(engine, catalogue)
        self._key = engine_key(engine)
        self._check_stamp = check_stamp
        self._known: tuple[Collection, VectorIndex] | None = None
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The engine's name."""
        return self._engine.name

    def close(self) -> None:
        """Releases the engine's connections and files."""
        with self._lock:
            if self._known is not None:
                self._known[1].close()
                self._known = None

    def follow(self, wait: float = WAIT) -> Opened:
        """Brings the copy up to the catalogue's revision; returns it.

        While another process does that, a copy that is a little behind is returned as it is; one
        that is not there yet is waited for, at most `wait` seconds.

        Raises:
            EngineError: the engine cannot be used, or holds something else under that name;
                EngineUnavailable, where another process is still filling it.
        """
        position, snapshot, collection = self._head()
        if not self._is_behind(position, snapshot, collection):
            return _opened(self._open(collection), snapshot)
        usable = position is not None and position.stamp == collection.stamp
        try:
            with self._catalogue.exclusive(self._key, timeout=0 if usable else wait):
                return self._push()
        except CatalogueBusy as error:
            if not usable:
                raise EngineUnavailable(
                    f"another process is filling {self.name} with this catalogue: search again "
                    "when it is done"
                ) from error
            return _opened(self._open(collection), snapshot, in_step=False)

    def compare(self) -> Comparison:
        """Returns how the copy differs from the catalogue; nothing is written.

        Raises:
            EngineError: the engine cannot be used.
        """
        snapshot, collection = self._changes()
        ours = {record.id for record in snapshot.changed}
        stamp, found, held = "same", "", set[str]()
        try:
            held = set(_all_ids(self._open(collection, create=False, anew=True)))
        except CollectionNotFound:
            stamp = "absent"
        except EngineMismatch as error:
            stamp, found = ("other" if error.found else "none"), error.found
        return Comparison(
            self._engine.name,
            collection.name,
            products=len(ours),
            records=len(held),
            missing=tuple(sorted(ours - held)) if stamp in ("same", "absent") else (),
            unknown=tuple(sorted(held - ours)),
            stamp=stamp,
            found=found,
        )

    def sync(self, *, take_over: bool = False, progress: SyncProgress | None = None) -> SyncReport:
        """Makes the copy equal to the catalogue, writing only what differs; returns what it did.

        Args:
            take_over: whether to do that with what another catalogue, or something that is not
                Floorlens, has put under that name: it is replaced.
            progress: called as `progress(done, total)` after each batch.

        Raises:
            EngineMismatch: under that name lies something that is not ours.
            EngineError: the engine cannot be used. What was written stays; a second run goes on.
            CatalogueBusy: another process has been filling it for long.
        """
        started = time.perf_counter()
        with self._catalogue.exclusive(self._key, timeout=WAIT):
            position = self._catalogue.engine_position(self._key)
            snapshot, collection = self._changes()
            index = self._open(collection, take_over=take_over, anew=True)
            held = set(_all_ids(index))
            added = updated = unchanged = 0
            for start in range(0, len(snapshot.changed), BATCH):
                batch = snapshot.changed[start : start + BATCH]
                found = {
                    record.id: record for record in index.fetch(r.id for r in batch if r.id in held)
                }
                write = [r for r in batch if not _same(r, found.get(r.id))]
                index.upsert(write)
                added += sum(record.id not in found for record in write)
                updated += sum(record.id in found for record in write)
                unchanged += len(batch) - len(write)
                if progress is not None:
                    progress(start + len(batch), len(snapshot.changed))
            unknown = held - {record.id for record in snapshot.changed}
            index.delete(unknown)
            self._reached(position, collection, snapshot.revision)
        return SyncReport(
            self._engine.name,
            collection.name,
            added,
            updated,
            len(unknown),
            unchanged,
            time.perf_counter() - started,
        )

    # -- within --------------------------------------------------------------------------------

    def _head(self) -> tuple[EnginePosition | None, Snapshot, Collection]:
        """Returns how far the copy follows, what changed since, and the collection for it."""
        position = self._catalogue.engine_position(self._key)
        return position, *self._changes(-1 if position is None else position.revision)

    def _changes(self, since: int = -1) -> tuple[Snapshot, Collection]:
        snapshot = self._catalogue.snapshot(since=since)
        self._check_stamp(snapshot.stamp)
        collection = collection_for(
            self._engine, self._catalogue, self._stages, snapshot.projection
        )
        return snapshot, collection

    def _is_behind(
        self, position: EnginePosition | None, snapshot: Snapshot, collection: Collection
    ) -> bool:
        if position is None or (position.collection, position.stamp) != (
            collection.name,
            collection.stamp,
        ):
            return True
        if snapshot.revision > position.revision and (snapshot.changed or snapshot.gone):
            return True
        known = self._known
        return (known is None or known[0] != collection) and self._is_emptied(collection)

    def _is_emptied(self, collection: Collection) -> bool:
        """Returns whether the engine has lost what the catalogue remembers to have put there."""
        try:
            count = self._open(collection, create=False).stats().count
        except CollectionNotFound:
            with self._lock:
                self._known = None
            return True
        return count == 0 and self._catalogue.searchable() > 0

    def _push(self) -> Opened:
        """Writes what changed since the position; all, where there is none of this stamp."""
        position, snapshot, collection = self._head()
        follows = position is not None and position.stamp == collection.stamp
        if not follows or self._is_emptied(collection):
            snapshot, collection = self._changes()
        index = self._open(collection)
        index.upsert(snapshot.changed)
        index.delete(snapshot.gone)
        self._reached(position, collection, snapshot.revision)
        return _opened(index, snapshot)

    def _reached(
        self, position: EnginePosition | None, collection: Collection, revision: int
    ) -> None:
        """Remembers that the copy is in step, and drops the one that it replaces."""
        self._catalogue.set_engine_position(
            self._key, EnginePosition(collection.name, collection.stamp, revision)
        )
        if position is None or position.collection == collection.name:
            return
        old = Collection(
            position.collection, int(json.loads(position.stamp)["dimension"]), position.stamp
        )
        try:
            index = new_index(self._engine, old, create=False)
        except (CollectionNotFound, EngineMismatch):
            # Dropped already, or somebody else's by now.
            return
        index.delete(None)
        index.close()

    def _open(
        self,
        collection: Collection,
        *,
        create: bool = True,
        take_over: bool = False,
        anew: bool = False,
    ) -> VectorIndex:
        """Returns the collection; an older copy of this catalogue under its name is replaced."""
        with self._lock:
            known = self._known
            if known is not None and known[0] == collection and not anew:
                return known[1]
            try:
                index = new_index(self._engine, collection, create=create, take_over=take_over)
            except EngineMismatch as error:
                if not create or catalogue_in(error.found) != self._catalogue.uid():
                    raise
                index = new_index(self._engine, collection, take_over=True)
            # The one before may still be searched by other threads: it is closed when they end.
            self._known = (collection, index)
            return index


def _opened(index: VectorIndex, snapshot: Snapshot, *, in_step: bool = True) -> Opened:
    return Opened(index, snapshot.revision, snapshot.generation, snapshot.projection, in_step)


def _all_ids(index: VectorIndex) -> Iterator[str]:
    for page in index.ids():
        yield from page


def _same(ours: Record, theirs: Record | None) -> bool:
    """Returns whether an engine holds a record as it should, numbers as the engine returns them."""
    if theirs is None or ours.vector.shape != theirs.vector.shape:
        return False
    close = bool(np.abs(ours.vector - theirs.vector).max(initial=0.0) <= TOLERANCE)
    return close and _plain(ours.metadata) == _plain(theirs.metadata)


def _plain(metadata: Mapping[str, Any]) -> dict[str, tuple[bool, Any]]:
    # In Python True == 1, and engines return 5 as 5.0.
    return {
        key: (
            isinstance(value, bool),
            list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value,
        )
        for key, value in metadata.items()
    }
