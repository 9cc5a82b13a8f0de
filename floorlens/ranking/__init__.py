"""Stage 6: component scores -> one ranking of all products, and what a search returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from floorlens.attributes import Attribute
from floorlens.products.product import Product
from floorlens.reranking import Evidence
from floorlens.segmentation import FloorRegion

Word = Literal["same floor", "very close", "close", "related"]
"""How close a product looks to a floor, from the closest on."""


@dataclass(frozen=True)
class Match:
    """One product in a ranking.

    Attributes:
        rank: 1 is the closest.
        product: id, name, metadata, images.
        score: 0..1, never rising with the rank. With a calibrated preset ("builtin") it is the
            probability that this is the product on the floor.
        components: how alike they are in colour, texture and so on, each 0..1; None where it was
            not re-ranked.
        evidence: the product's pictures that the components rest on: "swatch", "scene" (rooms) or
            "both"; None where it was not re-ranked, or the preset does not tell pictures apart.
        likeness: the mean of the components by weight, 0..1; None where it was not re-ranked.
        word: how close it looks; None where it is further than "related", or not calibrated.
        reason: one sentence on what is alike and what differs; "" where it was not re-ranked.
        attributes: what was measured or edited of the product, by name (`floorlens.attributes`).
        variants: further products of the same design, where a search groups by design.
    """

    rank: int
    product: Product
    score: float
    components: Mapping[str, float] | None
    evidence: Evidence | None = None
    likeness: float | None = None
    word: Word | None = None
    reason: str = ""
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    variants: tuple[Product, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Returns the match as plain JSON values."""
        return {
            "rank": self.rank,
            "id": self.product.id,
            "name": self.product.name,
            "metadata": dict(self.product.metadata),
            "score": self.score,
            "components": None if self.components is None else dict(self.components),
            "evidence": self.evidence,
            "likeness": self.likeness,
            "word": self.word,
            "reason": self.reason,
            "attributes": {name: value.as_dict() for name, value in self.attributes.items()},
            "variants": [product.id for product in self.variants],
        }


@dataclass(frozen=True)
class SearchResult:
    """The ranking of a catalogue for one photo.

    Attributes:
        floor: where the floor was found or drawn.
        matches: the ranked products, best first.
        total: how many products the catalogue holds; `matches` is shorter where a filter or
            limit says so, or where the catalogue has more than 20,000.
        timings: seconds by stage, and "total".
        index: the vector engine that was searched.
        degraded: where that is the fallback, the code of the error that the other engine gave;
            else None.
        weights: how much each component counted, together 1; None where nothing was re-ranked.
        equals: how many of the first matches cannot be told apart from this photo: in nine of ten
            searches the product on the floor is one of them. 0 where nothing is calibrated.
        nothing_close: whether no product of the catalogue is close to this floor; None where
            nothing is calibrated.
    """

    floor: FloorRegion
    matches: tuple[Match, ...]
    total: int
    timings: Mapping[str, float]
    index: str = "exact"
    degraded: str | None = None
    weights: Mapping[str, float] | None = None
    equals: int = 0
    nothing_close: bool | None = None

    def as_dict(self) -> dict[str, Any]:
        """Returns the result as plain JSON values, without the mask itself."""
        return {
            "floor": self.floor.as_dict(),
            "matches": [match.as_dict() for match in self.matches],
            "total": self.total,
            "equals": self.equals,
            "nothing_close": self.nothing_close,
            "weights": None if self.weights is None else dict(self.weights),
            "timings": dict(self.timings),
            "index": self.index,
            "degraded": self.degraded,
        }
