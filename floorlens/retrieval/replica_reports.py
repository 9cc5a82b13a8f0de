"""What is said of a catalogue's copy in a vector engine: how it differs, what a repair did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SHOWN = 20
"""Ids that a comparison lists of each kind."""


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
