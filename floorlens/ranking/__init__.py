"""Stage 6: component scores -> one ranking of all products, and what a search returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, overload

from floorlens.attributes import Attribute
from floorlens.products.product import Product
from floorlens.reranking import Evidence
from floorlens.segmentation import FloorRegion

if TYPE_CHECKING:
    from pandas import DataFrame

Word = Literal["same floor", "very close", "close", "related"]
"""How close a product looks to a floor, from the closest on."""


@dataclass(frozen=True, repr=False)
class Match:
    """One product in a ranking.

    Attributes:
        rank: 1 is the closest.
        product: id, name, metadata, images.
        score: 0..1, never rising with the rank. With a calibrated preset ("builtin"), from 20
            products on, it is the probability that this is the product on the floor, if the
            catalogue holds it; else, and in an order of a user's own weights or examples, the mean
            of the components by weight.
        components: how alike they are in colour, texture and so on, each 0..1; None where it was
            not re-ranked.
        evidence: the product's pictures that the components rest on: "swatch", "scene" (rooms) or
            "both"; None where it was not re-ranked, or the preset does not tell pictures apart.
        likeness: the mean of the components by their default weights, 0..1; None where it was not
            re-ranked.
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

    def __repr__(self) -> str:
        word = "" if self.word is None else f", {self.word!r}"
        return f"Match({self.rank}, {self.product.id!r}, {self.score:.2f}{word})"

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


@dataclass(frozen=True, kw_only=True, repr=False)
class Ranking:
    """The products of a catalogue in order of closeness; it has the length and items of `matches`.

    Attributes:
        matches: the ranked products, best first.
        total: how many products the catalogue holds; `matches` is shorter where a filter or
            limit says so, or where the catalogue has more than 20,000.
        timings: seconds by stage, and "total".
        index: the vector engine that was searched.
        degraded: where that is the fallback, the code of the error that the other engine gave;
            else None.
        weights: how much each component counted, together 1; None where nothing was re-ranked.
        default_weights: how much each component of the floor counts where nobody says otherwise,
            together 1; it differs between presets, and with what the photo shows.
        equals: how many of the first matches cannot be told apart from this photo: in nine of ten
            searches the product on the floor is one of them. 0 where that is not known: with
            presets that are not calibrated, among fewer than 20 products, in an order of a user's
            own weights or examples, and beside a product.
        nothing_close: whether no product of the catalogue is close to this floor; None where that
            is not known.
        notes: what the filter may have left out and which photos were, and why, in sentences.

    Example:
        >>> from floorlens import Product
        >>> matches = (Match(1, Product("oak", "Oak"), 0.9, None),)
        >>> ranking = Ranking(matches=matches, total=1, timings={})
        >>> len(ranking), ranking[0].product.name, [match.score for match in ranking]
        (1, 'Oak', [0.9])
    """

    matches: tuple[Match, ...]
    total: int
    timings: Mapping[str, float]
    index: str = "exact"
    degraded: str | None = None
    weights: Mapping[str, float] | None = None
    default_weights: Mapping[str, float] | None = None
    equals: int = 0
    nothing_close: bool | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.matches)

    def __iter__(self) -> Iterator[Match]:
        return iter(self.matches)

    @overload
    def __getitem__(self, place: int) -> Match: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Match, ...]: ...

    def __getitem__(self, place: int | slice) -> Match | tuple[Match, ...]:
        return self.matches[place]

    def __repr__(self) -> str:
        first = ", ".join(f"{match.product.id!r} {match.score:.2f}" for match in self.matches[:3])
        more = ", …" if len(self.matches) > 3 else ""
        return f"{type(self).__name__}({len(self)} of {self.total} products: {first}{more})"

    def _repr_html_(self) -> str:
        """Returns what a notebook shows: a table of the first matches, with their pictures."""
        from floorlens.ranking.tables import ranking_html

        lines = [repr(self), self.verdict, *self.notes]
        rows = [_row(match) for match in self.matches]
        return ranking_html(" ".join(filter(None, lines)), rows, self.pictures)

    @property
    def pictures(self) -> list[str | None]:
        """The path of each match's first picture; None where it has none."""
        return [next(iter(match.product.images), None) for match in self.matches]

    def to_pandas(self) -> DataFrame:
        """Returns the ranking as a pandas DataFrame, a row a match.

        Its columns are rank, id, name, score, word, likeness, the components, evidence and reason;
        then the metadata and `attributes.<name>`. A field that is called like another column
        becomes `metadata.<name>`.

        Raises:
            MissingDependency: pandas is not installed.

        Example:
            >>> from floorlens import Product
            >>> matches = (Match(1, Product("oak", "Oak", {"price": 40}), 0.9, {"colour": 1.0}),)
            >>> frame = Ranking(matches=matches, total=1, timings={}).to_pandas()
            >>> frame[["id", "score", "colour", "price"]].values.tolist()
            [['oak', 0.9, 1.0, 40]]
        """
        from floorlens.ranking.tables import data_frame

        return data_frame(
            [_row(match) for match in self.matches], [_fields(match) for match in self.matches]
        )

    def to_csv(self) -> str:
        """Returns the ranking as a CSV for spreadsheets, a row a match, as `to_pandas` has them.

        A text that a spreadsheet would take for a formula begins with an apostrophe.

        Example:
            >>> from floorlens import Product
            >>> matches = (Match(1, Product("oak", "Oak", {"price": 40}), 0.9, {"colour": 1.0}),)
            >>> Ranking(matches=matches, total=1, timings={}).to_csv()
            'rank,id,name,score,word,likeness,colour,evidence,reason,price\\n1,oak,Oak,0.9,,,1.0,,,40\\n'
        """
        from floorlens.ranking.tables import csv_text

        return csv_text(
            [_row(match) for match in self.matches], [_fields(match) for match in self.matches]
        )

    @property
    def verdict(self) -> str:
        """What the ranking as a whole says, in a sentence; "" where that is not known."""
        if self.nothing_close is None:
            return ""
        if self.nothing_close:
            return "Nothing in this catalogue is close to this floor."
        if self.equals == 0:
            return ""
        if self.equals == 1:
            return "One product stands out."
        return (
            f"Most likely it is one of the first {self.equals}: in nine of ten searches the "
            "product on the floor is among them."
        )

    def as_dict(self) -> dict[str, Any]:
        """Returns the ranking as plain JSON values."""
        return {
            "matches": [match.as_dict() for match in self.matches],
            "total": self.total,
            "verdict": self.verdict,
            "equals": self.equals,
            "nothing_close": self.nothing_close,
            "notes": list(self.notes),
            "weights": None if self.weights is None else dict(self.weights),
            "default_weights": None if self.default_weights is None else dict(self.default_weights),
            "timings": dict(self.timings),
            "index": self.index,
            "degraded": self.degraded,
        }


@dataclass(frozen=True, kw_only=True, repr=False)
class SearchResult(Ranking):
    """The ranking of a catalogue for a photo, or for several photos of one floor.

    Attributes:
        floors: where the floor was found or drawn in each photo; None in one that shows none, or
            that cannot be read, where another one does.
    """

    floors: tuple[FloorRegion | None, ...]

    @property
    def floor(self) -> FloorRegion:
        """Where the floor was found or drawn, in the first photo that shows it."""
        return next(floor for floor in self.floors if floor is not None)

    @property
    def verdict(self) -> str:
        """What the ranking as a whole says; where a floor is in doubt, that comes first."""
        several = len(self.floors) > 1
        doubts = [
            f"The floor{f' of photo {number}' if several else ''} is in doubt "
            f"({'; '.join(floor.reasons)})."
            for number, floor in enumerate(self.floors, start=1)
            if floor is not None and floor.reasons
        ]
        return " ".join(filter(None, (*doubts, super().verdict)))

    def as_dict(self) -> dict[str, Any]:
        """Returns the result as plain JSON values, without the masks themselves."""
        floors = [None if floor is None else floor.as_dict() for floor in self.floors]
        return {
            "floor": self.floor.as_dict(),
            "floors": floors,
            **super().as_dict(),
        }


def _row(match: Match) -> dict[str, Any]:
    """Returns what a table says of a match, by column."""
    return {
        "rank": match.rank,
        "id": match.product.id,
        "name": match.product.name,
        "score": match.score,
        "word": match.word,
        "likeness": match.likeness,
        **(match.components or {}),
        "evidence": match.evidence,
        "reason": match.reason,
    }


def _fields(match: Match) -> dict[str, Any]:
    """Returns the metadata and the attributes of a match's product, by column."""
    attributes = {f"attributes.{name}": value.value for name, value in match.attributes.items()}
    return {**match.product.metadata, **attributes}
