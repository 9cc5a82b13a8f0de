"""What passes between a catalogue and a vector engine that follows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from floorlens.engines import Record


@dataclass(frozen=True)
class Snapshot:
    """What a vector engine needs to catch up with its catalogue, as of one moment.

    Attributes:
        revision: the catalogue's revision at that moment.
        generation: which features the vectors belong to; None before the first product.
        stamp: what made these features; None before the first product.
        projection: version of the projection that made them; None where there is none.
        changed_records: the searchable products that changed after the revision that was asked for.
        removed_ids: ids of the products that were removed since, or cannot be searched any more.
    """

    revision: int
    generation: int | None
    stamp: Mapping[str, Any] | None
    projection: str | None
    changed_records: list[Record]
    removed_ids: list[str]


@dataclass(frozen=True)
class EnginePosition:
    """How far a vector engine follows a catalogue.

    Attributes:
        collection: the name of the collection that is in use there.
        stamp: the stamp that it was opened with.
        revision: the catalogue's revision when the engine was last brought into step.
    """

    collection: str
    stamp: str
    revision: int
