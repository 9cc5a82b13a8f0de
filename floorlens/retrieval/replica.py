"""The copy of a catalogue's vectors in a vector engine: made, kept in step, compared, repaired.

The catalogue is the truth and remembers how far each engine follows (`EnginePosition`). What a
process finds behind it brings up to date before it searches; one process at a time writes.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

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
from floorlens.presets import Stages
from floorlens.retrieval.placement import (
    catalogue_in,
    collection_for,
    engine_key,
    resolved,
)

if TYPE_CHECKING:
    from floorlens.catalogue.catalogue import Catalogue

BATCH = 500
"""Records that are compared at a time."""
WAIT = 600.0
"""Seconds that a process waits for another one that is filling the engine."""
RECHECK = 30.0
"""Seconds after which a copy is looked at again: others may have deleted or taken it over."""
TOLERANCE = 1e-4
"""Engines keep vectors as float32, some return them rounded."""
SHOWN = 20
"""Ids that a comparison lists of each kind."""
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
        stamp: "same", "older" (this catalogue's own, of other models or projection), "other"
            (another catalogue's), "none" (not made by Floorlens) or "absent" (there is nothing of
            that name).
        found: the stamp that the engine carries, if it is another one.
        dimension: whether its vectors have the length of ours.
    """

    engine: str
    collection: str
    products: int
    records: int
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    stamp: str
    found: str = ""
    dimension: bool = True

    @property
    def in_step(self) -> bool:
        """Whether counts, ids and stamps are equal."""
        return self.stamp == "same" and not self.missing and not self.unknown

    @property
    def cure(self) -> str:
        """What brings the copy into step, in words; empty if it is."""
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

    collection: Collection
    revision: int
    generation: int | None
    projection: str | None
    in_step: bool = True


@dataclass(frozen=True)
class _Known:
    """An opened collection, and when it was last looked at (`time.monotonic`)."""

    spec: CollectionSpec
    collection: Collection
    checked: float


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
        self._key = engine_key(self._engine, catalogue)
        self._check_stamp = check_stamp
        self._known: _Known | None = None
        self._written = -math.inf
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The engine's name."""
        return self._engine.name

    def close(self) -> None:
        """Releases the engine's connections and files."""
        with self._lock:
            if self._known is not None:
                self._known.collection.close()
                self._known = None

    def forget(self) -> None:
        """Lets the next `follow` look anew at what is in the engine."""
        with self._lock:
            if self._known is not None:
                self._known = replace(self._known, checked=-math.inf)

    def follow(self, wait: float | None = None, *, behind: bool = True) -> Opened:
        """Brings the copy up to the catalogue's revision; returns it.

        Args:
            wait: seconds to wait for another process that is doing that; None: `WAIT`.
            behind: whether meanwhile a copy that is a little behind will do; it is then returned at
                once.

        Raises:
            EngineError: the engine cannot be used, or holds something else under that name;
                EngineUnavailable, where another process is still filling it.
        """
        position, snapshot, spec = self._head()
        collection = self._current(position, spec)
        if collection is not None and not snapshot.changed and not snapshot.gone:
            return _opened(collection, snapshot)
        usable = collection if behind else None
        patience = WAIT if wait is None else wait
        try:
            with self._catalogue.exclusive(self._key, timeout=patience if usable is None else 0):
                return self._push()
        except CatalogueBusy as error:
            if usable is None:
                raise EngineUnavailable(
                    f"another process is filling {self.name} with this catalogue: try again when "
                    "it is done"
                ) from error
            return _opened(usable, snapshot, in_step=False)

    def compare(self) -> Comparison:
        """Returns how the copy differs from the catalogue; nothing is written.

        Of a copy that somebody else has made it says what `sync(take_over=True)` would change.

        Raises:
            EngineError: the engine cannot be used.
        """
        snapshot, spec = self._changes()
        ours = {record.id for record in snapshot.changed}
        stamp, found, same_length, held = "absent", "", True, set[str]()
        with suppress(CollectionNotFound):
            try:
                with closing(self._foreign(spec)) as collection:
                    stats, held = collection.stats(), set(_all_ids(collection))
                    stamp, found = self._whose(stats.stamp, spec), stats.stamp
                    same_length = stats.dimension == spec.dimension
            except EngineMismatch:
                stamp, same_length = "none", False
        return Comparison(
            self.name,
            spec.name,
            products=len(ours),
            records=len(held),
            missing=tuple(sorted(ours - held)),
            unknown=tuple(sorted(held - ours)),
            stamp=stamp,
            found="" if stamp == "same" else found,
            dimension=same_length,
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
            snapshot, spec = self._changes()
            collection = self._claimed(spec, take_over=take_over)
            held = set(_all_ids(collection))
            added = updated = unchanged = 0
            for start in range(0, len(snapshot.changed), BATCH):
                batch = snapshot.changed[start : start + BATCH]
                found = {
                    record.id: record
                    for record in collection.fetch(r.id for r in batch if r.id in held)
                }
                write = [r for r in batch if not _same(r, found.get(r.id))]
                with self._kept():
                    collection.upsert(write)
                added += sum(record.id not in found for record in write)
                updated += sum(record.id in found for record in write)
                unchanged += len(batch) - len(write)
                if progress is not None:
                    progress(start + len(batch), len(snapshot.changed))
            unknown = held - {record.id for record in snapshot.changed}
            collection.delete(unknown)
            self._reached(spec, snapshot.revision)
        return SyncReport(
            self._engine.name,
            spec.name,
            added,
            updated,
            len(unknown),
            unchanged,
            time.perf_counter() - started,
        )

    # -- within --------------------------------------------------------------------------------

    def _head(self) -> tuple[EnginePosition | None, Snapshot, CollectionSpec]:
        """Returns how far the copy follows, what changed since, and the collection for it."""
        position = self._catalogue.engine_position(self._key)
        return position, *self._changes(-1 if position is None else position.revision)

    def _changes(self, since: int = -1) -> tuple[Snapshot, CollectionSpec]:
        snapshot = self._catalogue.snapshot(since=since)
        self._check_stamp(snapshot.stamp)
        spec = collection_for(self._engine, self._catalogue, self._stages, snapshot.projection)
        return snapshot, spec

    def _current(
        self, position: EnginePosition | None, spec: CollectionSpec, *, look: bool = False
    ) -> Collection | None:
        """Returns the copy, if what the catalogue remembers of it is still true.

        The engine is asked every `RECHECK` seconds, or where it is to `look` in any case.
        """
        if position is None or (position.collection, position.stamp) != (
            spec.name,
            spec.stamp,
        ):
            return None
        with self._lock:
            known = self._known
        same = known is not None and known.spec == spec
        now = time.monotonic()
        if same and known is not None and now - known.checked < RECHECK and not look:
            return known.collection
        try:
            collection = open_collection(self._engine, spec, mode="existing")
        except CollectionNotFound:
            return None
        # What was just written some engines count only later.
        settled = now - self._written > RECHECK
        if settled and collection.stats().count == 0 and self._catalogue.searchable() > 0:
            collection.close()
            return None
        if same and known is not None:
            collection.close()
            collection = known.collection
        self._keep(spec, collection)
        return collection

    def _claimed(self, spec: CollectionSpec, *, take_over: bool = False) -> Collection:
        """Returns the collection, made if absent; an older copy under its name is replaced."""
        try:
            collection = open_collection(
                self._engine, spec, mode="take-over" if take_over else "create"
            )
        except EngineMismatch as error:
            if catalogue_in(error.found) != self._catalogue.uid():
                raise
            collection = open_collection(self._engine, spec, mode="take-over")
        self._keep(spec, collection)
        return collection

    def _keep(self, spec: CollectionSpec, collection: Collection) -> None:
        # One before it may still be searched by other threads: it is closed when they end.
        with self._lock:
            self._known = _Known(spec, collection, time.monotonic())

    def _foreign(self, spec: CollectionSpec) -> Collection:
        return open_collection(self._engine, spec, mode="inspect")

    def _whose(self, stamp: str, spec: CollectionSpec) -> str:
        if stamp == spec.stamp:
            return "same"
        if not stamp:
            return "none"
        return "older" if catalogue_in(stamp) == self._catalogue.uid() else "other"

    def _push(self) -> Opened:
        """Writes what changed since the position; all, where there is no copy of this stamp."""
        position, snapshot, spec = self._head()
        collection = self._current(position, spec, look=True)
        if collection is None:
            snapshot, spec = self._changes()
            collection = self._claimed(spec)
        with self._kept():
            collection.upsert(snapshot.changed)
        collection.delete(snapshot.gone)
        self._written = time.monotonic()
        self._reached(spec, snapshot.revision)
        return _opened(collection, snapshot)

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """Turns what an engine cannot keep into an error of the engine, not of who searches."""
        try:
            yield
        except EngineUnsupported as error:
            raise EngineRefused(
                f"{self.name} cannot keep a product: {error}. Change or remove it, or choose "
                "another engine; the catalogue is whole"
            ) from error

    def _reached(self, spec: CollectionSpec, revision: int) -> None:
        """Remembers that the copy is in step, and drops the ones that it replaces."""
        position = self._catalogue.engine_position(self._key)
        self._drop_replaced()
        if position is not None and position.collection != spec.name:
            # Remembered until it is done, also by whoever comes after a crash.
            self._catalogue.set_engine_position(self._replaced, position)
        self._catalogue.set_engine_position(
            self._key, EnginePosition(spec.name, spec.stamp, revision)
        )
        self._drop_replaced()

    @property
    def _replaced(self) -> str:
        return f"{self._key}-replaced"

    def _drop_replaced(self) -> None:
        old = self._catalogue.engine_position(self._replaced)
        if old is None:
            return
        dimension = int(json.loads(old.stamp)["dimension"])
        spec = CollectionSpec(old.collection, dimension, old.stamp)
        try:
            with closing(open_collection(self._engine, spec, mode="existing")) as collection:
                collection.delete(None)
        except (CollectionNotFound, EngineMismatch):
            # Gone already, or somebody else's by now.
            pass
        except EngineError:
            # The copy itself is whole: it is tried again the next time.
            return
        self._catalogue.set_engine_position(self._replaced, None)


def _opened(collection: Collection, snapshot: Snapshot, *, in_step: bool = True) -> Opened:
    return Opened(collection, snapshot.revision, snapshot.generation, snapshot.projection, in_step)


def _all_ids(collection: Collection) -> Iterator[str]:
    for page in collection.ids():
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
