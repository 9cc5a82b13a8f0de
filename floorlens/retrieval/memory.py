"""The replica of a catalogue's vectors in the memory of this process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from floorlens.engines import PRIVATE, CollectionSpec, Engine, open_collection
from floorlens.retrieval.replica import CheckStamp, ReplicaState

if TYPE_CHECKING:
    from floorlens.catalogue.catalogue import Catalogue
    from floorlens.presets import Stages


class MemoryReplica:
    """The replica that only this process writes and searches. Safe to call from several threads."""

    name = PRIVATE
    lags = False

    def __init__(self, catalogue: Catalogue, stages: Stages, check_stamp: CheckStamp) -> None:
        """Opens an empty one; the arguments are those of `Replica`."""
        self._catalogue = catalogue
        self._check_stamp = check_stamp
        spec = CollectionSpec(PRIVATE, stages.embedder.stamp.dimension, stamp="")
        self._collection = open_collection(Engine(PRIVATE), spec)
        self._revision = -1
        self._lock = threading.Lock()

    def mark_unchecked(self) -> None:
        """Does nothing: nobody else writes to it."""

    def catch_up(self, wait: float | None = None) -> ReplicaState:
        """Brings the replica up to the catalogue's revision; returns it. Nothing is waited for."""
        with self._lock:
            snapshot = self._catalogue.snapshot(since=self._revision)
            self._check_stamp(snapshot.stamp)
            self._collection.upsert(snapshot.changed_records)
            self._collection.delete(snapshot.removed_ids)
            self._revision = snapshot.revision
            return ReplicaState.at(snapshot, self._collection)
