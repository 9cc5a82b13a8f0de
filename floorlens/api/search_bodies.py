"""The JSON bodies of searches: what is asked, and what is answered."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from floorlens.api.bodies import Request
from floorlens.explanation.squares import Scale
from floorlens.products.ids import MAX_ID_LENGTH
from floorlens.search import MOST_EXAMPLES, MOST_PHOTOS
from floorlens.segmentation import Click
from floorlens.service.queries import Region, SearchQuery

PAGE = 20
"""Matches of a page, unless a request says how many."""
MOST_MATCHES = 200
MOST_POINTS = 2000
"""Points of a polygon, at most."""
MOST_MASK = 8 << 20
"""Characters of a mask in base64, at most."""
MOST_WHERE = 16_384
"""Characters of a filter as JSON, at most."""
MOST_WEIGHTS = 20
"""Components with a weight, at most."""
MOST_CLICKS = 200
"""Clicks on a photo, at most."""

REGION_TEXT = (
    "must be a box [left, top, right, bottom], a polygon [[x, y], …] of 3 or more points, or a "
    "mask as PNG in base64, in pixels of the photo; for several photos a list of one for each"
)
CLICKS_TEXT = (
    'must be a list of clicks {"x": 640, "y": 900, "floor": true}, in pixels of the photo; for '
    "several photos a list of such lists, one for each"
)


class FieldError(ValueError):
    """A field of a body that cannot be used, in words that are safe for strangers."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message


def _says(text: str) -> WrapValidator:
    """Returns a validator that says of a value of many kinds, in one sentence, what it may be."""

    def check(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            unknown = {
                # Of the kinds that were tried only the places in the value remain.
                (*(part for part in one["loc"][:-1] if isinstance(part, int)), one["loc"][-1]): one
                for one in error.errors(include_url=False, include_input=False)
                if one["type"] == "unknown_field"
            }
            if unknown:
                raise ValidationError.from_exception_data(
                    "kind",
                    [
                        InitErrorDetails(
                            type=PydanticCustomError("unknown_field", "{text}", one["ctx"]),
                            loc=place,
                            input=None,
                        )
                        for place, one in unknown.items()
                    ],
                ) from error
            raise PydanticCustomError("kind", "{text}", {"text": text}) from error

    return WrapValidator(check)


Number = Annotated[float, Field(allow_inf_nan=False)]
Box = Annotated[list[Number], Field(min_length=4, max_length=4)]
Point = Annotated[list[Number], Field(min_length=2, max_length=2)]
Polygon = Annotated[list[Point], Field(min_length=3, max_length=MOST_POINTS)]
MaskText = Annotated[
    str, Field(min_length=1, max_length=MOST_MASK, json_schema_extra={"contentEncoding": "base64"})
]
OneRegion = Box | Polygon | MaskText
# The nearest id is looked up for one that is not there, which takes long for a long one.
OneId = Annotated[str, Field(max_length=MAX_ID_LENGTH)]
ProductIds = Annotated[list[OneId], Field(max_length=MOST_EXAMPLES)]


class Strict(Request):
    """The base of bodies whose values are of the type that the description says, never near it."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ClickBody(Strict):
    """A correction of the floor."""

    x: Annotated[Number, Field(ge=0, description="in pixels of the photo, from its left edge")]
    y: Annotated[Number, Field(ge=0, description="in pixels of the photo, from its upper edge")]
    floor: Annotated[bool, Field(description="false: this is not floor")] = True


# One bad click is enough: what is wrong with each field of thousands would take seconds to say.
Clicks = Annotated[list[ClickBody], Field(max_length=MOST_CLICKS, fail_fast=True)]


class FloorByHand(Strict):
    """The floor by hand, and corrections of it; both are left out where the service finds it."""

    region: Annotated[
        OneRegion
        | Annotated[list[OneRegion | None], Field(min_length=1, max_length=MOST_PHOTOS)]
        | None,
        _says(REGION_TEXT),
        Field(description=f"the floor by hand; it {REGION_TEXT}"),
    ] = None
    clicks: Annotated[
        Clicks
        | Annotated[list[Clicks], Field(min_length=1, max_length=MOST_PHOTOS, fail_fast=True)],
        _says(CLICKS_TEXT),
        Field(
            default_factory=list,
            description=f"corrections of what was found or drawn; it {CLICKS_TEXT}",
        ),
    ]

    def regions_of(self, count: int) -> tuple[Region | None, ...]:
        """Returns the region of each of so many photos.

        Raises:
            FieldError: it does not say it of each.
        """
        region = self.region
        if region is None:
            return (None,) * count
        several = isinstance(region, list) and not _is_region(region)
        regions = tuple(region) if several and isinstance(region, list) else (region,)
        if len(regions) != count:
            raise FieldError("region", _for_each(len(regions), count))
        return regions  # type: ignore[return-value]

    def clicks_of(self, count: int) -> tuple[tuple[Click, ...], ...]:
        """Returns the clicks on each of so many photos.

        Raises:
            FieldError: it does not say it of each.
        """
        if not self.clicks:
            return ((),) * count
        lists = [one for one in self.clicks if isinstance(one, list)] or [
            [one for one in self.clicks if isinstance(one, ClickBody)]
        ]
        if len(lists) != count:
            raise FieldError("clicks", _for_each(len(lists), count))
        return tuple(tuple(Click(one.x, one.y, one.floor) for one in clicks) for clicks in lists)


def _is_region(value: list[Any]) -> bool:
    """Returns whether a list is a box or a polygon itself, and no list of regions."""
    if all(isinstance(one, int | float) for one in value):
        return True
    return all(
        isinstance(one, list)
        and len(one) == 2
        and all(isinstance(number, int | float) for number in one)
        for one in value
    )


def _for_each(given: int, count: int) -> str:
    return f"is given for {given} of {count} photos: give a list with one entry for each"


def _check_length(where: dict[str, Any] | None) -> dict[str, Any] | None:
    """Refuses a filter that is longer than any that a person needs: it is kept with the search."""
    if where is not None and len(json.dumps(where)) > MOST_WHERE:
        text = f"is longer than {MOST_WHERE} characters"
        raise PydanticCustomError("where_length", "{text}", {"text": text})
    return where


def _check_count(weights: Any) -> Any:
    """Refuses more weights than there are, before each of them is looked at."""
    if isinstance(weights, dict) and len(weights) > MOST_WEIGHTS:
        text = f"must have at most {MOST_WEIGHTS} items"
        raise PydanticCustomError("weights_length", "{text}", {"text": text})
    return weights


class Wishes(Strict):
    """What is asked beside the floor."""

    where: Annotated[
        dict[str, Any] | None,
        AfterValidator(_check_length),
        Field(
            description="a filter on fields and attributes of products: `$eq $ne $gt $gte $lt $lte "
            "$in $nin $exists`, `$and`, `$or`",
            examples=[{"material": "oak", "price": {"$lt": 50}}],
        ),
    ] = None
    weights: Annotated[
        Annotated[dict[str, Annotated[Number, Field(ge=0)]], Field(max_length=MOST_WEIGHTS)] | None,
        BeforeValidator(_check_count),
        Field(
            description="how much each component counts, over the default: colour, texture, …",
            examples=[{"colour": 2}],
        ),
    ] = None
    like: Annotated[
        ProductIds,
        Field(default_factory=list, description="products that it should be more like"),
    ]
    unlike: Annotated[
        ProductIds,
        Field(default_factory=list, description="products that it should be less like"),
    ]
    group: Annotated[
        Literal["design"] | None,
        Field(description='"design" shows the best product of each design, with its variants'),
    ] = None


Limit = Annotated[int, Field(ge=1, le=MOST_MATCHES, description="matches of a page")]


class SearchBody(FloorByHand, Wishes):
    """What is searched for."""

    photo: Annotated[list[bytes], Field(min_length=1, max_length=MOST_PHOTOS)]
    limit: Limit = PAGE
    cursor: Annotated[
        str | None,
        Field(max_length=100, description="`next_cursor` of the page before, with all else equal"),
    ] = None

    def query(self) -> SearchQuery:
        """Returns what is asked.

        Raises:
            FieldError: a field is not given for each photo.
        """
        return SearchQuery(
            regions=self.regions_of(len(self.photo)),
            clicks=self.clicks_of(len(self.photo)),
            where=self.where or None,
            weights=self.weights or None,
            like=tuple(self.like),
            unlike=tuple(self.unlike),
            group=self.group,
        )


class RefineBody(FloorByHand, Wishes):
    """What is asked anew of a search: fields that are left out stay as they were."""

    limit: Limit = PAGE

    def changes(self, count: int) -> dict[str, Any]:
        """Returns the fields of `SearchQuery` that change, for so many photos.

        Raises:
            FieldError: as for `SearchBody.query`.
        """
        given = self.model_fields_set
        changes: dict[str, Any] = {}
        if "region" in given:
            changes["regions"] = self.regions_of(count)
        if "clicks" in given:
            changes["clicks"] = self.clicks_of(count)
        for name in ("where", "weights"):
            if name in given:
                changes[name] = getattr(self, name) or None
        for name in ("like", "unlike"):
            if name in given:
                changes[name] = tuple(getattr(self, name))
        if "group" in given:
            changes["group"] = self.group
        return changes


class MaskBody(FloorByHand):
    """A photo whose floor is asked for."""

    photo: Annotated[list[bytes], Field(min_length=1, max_length=1)]


# -- answers -----------------------------------------------------------------------------------

XY = tuple[float, float]


class FloorBody(BaseModel):
    """Where the floor is in a photo."""

    polygons: list[list[list[XY]]] = Field(
        description="the floor's parts, the largest first: of each the outline and those of its "
        "holes, as x, y in pixels of the photo"
    )
    share: float = Field(description="of the photo that is floor, 0..1")
    confidence: float = Field(description="how sure it is that this is a floor, 0..1")
    visible: float = Field(description="the probability that the photo shows a floor, 0..1")
    box: tuple[int, int, int, int] | None = Field(
        description="left, top, right, bottom in pixels of the photo"
    )
    photo_size: tuple[int, int] = Field(description="width and height of the upright photo")
    source: str = Field(description="automatic, box, polygon or mask; corrected: automatic+clicks")
    reasons: list[str] = Field(description="why the floor is in doubt, in sentences")
    turn: int = Field(description="quarter turns clockwise that make the photo upright")


class AttributeBody(BaseModel):
    """What a product is like, in one respect."""

    value: str | float | bool | list[str]
    confidence: float
    origin: str = Field(description="measured, stated (by the product data) or edited")
    unit: str | None


class VariantBody(BaseModel):
    """A further product of the same design."""

    id: str
    name: str
    image_url: str | None


class MatchBody(BaseModel):
    """A product of a ranking."""

    rank: int = Field(description="1 is the closest")
    id: str
    name: str
    score: float = Field(description="0..1, never rising with the rank")
    word: str | None = Field(description="same floor, very close, close, related; null: further")
    reason: str = Field(description="one sentence on what is alike and what differs")
    likeness: float | None = Field(description="the mean of the components by default weights")
    components: dict[str, float] | None = Field(description="colour, texture, …, each 0..1")
    evidence: str | None = Field(description="swatch, scene or both: what pictures it rests on")
    attributes: dict[str, AttributeBody]
    metadata: dict[str, Any] = Field(description="the product's own fields, such as the price")
    image_url: str | None = Field(description="of its first picture, made small")
    variants: list[VariantBody]


class QueryBody(BaseModel):
    """What was asked, as it can be asked again."""

    region: list[Any] = Field(description="of each photo; null: found")
    clicks: list[list[ClickBody]] = Field(description="of each photo")
    where: dict[str, Any] | None
    weights: dict[str, float] | None
    like: list[str]
    unlike: list[str]
    group: str | None


_MATCH: dict[str, Any] = {
    "rank": 1,
    "id": "oak-natural-plank",
    "name": "Oak natural plank",
    "score": 0.71,
    "word": "very close",
    "reason": "same plank pattern, same colour, similar texture",
    "likeness": 0.83,
    "components": {"colour": 0.9, "texture": 0.8, "pattern": 0.8},
    "evidence": "swatch",
    "attributes": {
        "tone": {"value": "light", "confidence": 0.9, "origin": "measured", "unit": None}
    },
    "metadata": {"material": "wood", "price": 49},
    "image_url": "/v1/products/oak-natural-plank/image?width=320",
    "variants": [],
}


class SearchAnswer(BaseModel):
    """A page of a ranking, and what it rests on."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "Jm0Sg1uVqYBv2kq4zr0d1w",
                "expires": "2026-11-30T12:00:00Z",
                "query": {
                    "region": [None],
                    "clicks": [[]],
                    "where": {"price": {"$lt": 50}},
                    "weights": None,
                    "like": [],
                    "unlike": [],
                    "group": None,
                },
                "floors": [
                    {
                        "polygons": [[[[0, 700], [1024, 610], [1024, 768], [0, 768]]]],
                        "share": 0.29,
                        "confidence": 0.97,
                        "visible": 0.99,
                        "box": [0, 520, 1024, 768],
                        "photo_size": [1024, 768],
                        "source": "automatic",
                        "reasons": [],
                        "turn": 0,
                    }
                ],
                "total": 236,
                "verdict": "Most likely it is one of the first 4: in nine of ten searches the "
                "product on the floor is among them.",
                "equals": 4,
                "nothing_close": False,
                "notes": [],
                "weights": {"colour": 0.4, "texture": 0.3, "pattern": 0.3},
                "default_weights": {"colour": 0.4, "texture": 0.3, "pattern": 0.3},
                "matches": [_MATCH],
                "next_cursor": "AAAAFAAAAAAAAAAHtk1vnY3HxTA",
                "catalogue_changed": False,
                "feedback": {},
                "timings": {"segment": 0.1, "embed": 0.2, "total": 0.4},
                "index": "exact",
                "degraded": None,
            }
        }
    )

    id: str | None = Field(description="of the search; null where the service keeps none")
    expires: str | None = Field(description="until when it is kept (UTC)")
    query: QueryBody
    floors: list[FloorBody | None] = Field(description="of each photo; null: it shows none")
    total: int = Field(
        description="products that pass the filter, without those in `unlike`; with `group` too, "
        "products and not designs"
    )
    verdict: str = Field(description="what the ranking as a whole says, in a sentence")
    equals: int = Field(description="so many of the first cannot be told apart; 0: not known")
    nothing_close: bool | None = Field(description="whether no product is close; null: not known")
    notes: list[str] = Field(description="what was left out, and why, in sentences")
    weights: dict[str, float] | None = Field(description="how much each component counted")
    default_weights: dict[str, float] | None = Field(
        description="how much each component of the floor counts where nobody says otherwise"
    )
    matches: list[MatchBody]
    next_cursor: str | None = Field(description="for the next page; null after the last one")
    catalogue_changed: bool = Field(
        description="whether the catalogue changed since the page before: a product may be missing "
        "or stand twice; begin again for a ranking of one moment"
    )
    feedback: dict[str, Literal["right", "wrong"]] = Field(
        description="product id -> what was said of it, in this search or in another one of the "
        "same photos"
    )
    timings: dict[str, float] = Field(description="seconds by stage, and total")
    index: str = Field(description="the vector engine that was searched")
    degraded: str | None = Field(
        description="the code of the engine's error where the fallback was searched"
    )


class PlaceBody(BaseModel):
    """Where a patch was cut."""

    picture: int | None = Field(description="which of the product's pictures; null: the photo")
    place: tuple[float, float, float] | None = Field(
        description="its centre x, y and its side, in pixels of the working picture"
    )


class PairBody(BaseModel):
    """A patch of the floor and the patch of the product that looks most like it."""

    similarity: float = Field(description="-1..1")
    floor: PlaceBody
    product: PlaceBody


class PalettesBody(BaseModel):
    """Colours of floor and product, from dark to light."""

    floor: list[tuple[float, float, float]] = Field(description="CIELAB (D65)")
    product: list[tuple[float, float, float]]
    delta_e: list[float] = Field(description="their differences (CIE 1976)")
    floor_hex: list[str] = Field(description="the same colours as #rrggbb")
    product_hex: list[str]


class ComparisonAttributes(BaseModel):
    """What was measured of the floor, and of the product."""

    floor: dict[str, AttributeBody]
    product: dict[str, AttributeBody]


class ScaledBody(BaseModel):
    """Floor and product as two squares of as many pixels, to wipe between."""

    scale: Scale = Field(
        description="where the common scale comes from: both patterns agree at it and at no other; "
        "the size of the boards in the product data, and a camera 1.4 m high; such a camera and a "
        "product picture that shows as much as most do; or it is unknown, and each is shown whole"
    )
    floor_url: str
    product_url: str


class ComparisonBody(BaseModel):
    """Why one product is like the floor in a photo."""

    id: str
    name: str
    metadata: dict[str, Any]
    image_url: str | None
    match: MatchBody | None = Field(description="its place; null: the ranking ends before it")
    reason: str
    facts: dict[str, Any] | None = Field(description="the numbers behind the reason")
    attributes: ComparisonAttributes
    pairs: list[PairBody]
    palettes: PalettesBody
    picture_url: str = Field(description="pairs and palettes side by side, as PNG")
    scaled: ScaledBody


class FeedbackBody(Strict):
    """What a person says of a match."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"product_id": "oak-natural-plank", "verdict": "right"}}
    )

    product_id: Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH)]
    verdict: Annotated[
        Literal["right", "wrong"], Field(description="whether that is the product on the floor")
    ]


class RemarkBody(BaseModel):
    """A verdict that is kept."""

    search_id: str = Field(description="of the search that it was said of last")
    product_id: str
    verdict: Literal["right", "wrong"]
    created: str = Field(description="when it was said (UTC)")


class RemarksBody(BaseModel):
    """A page of what was said, the latest first."""

    total: int = Field(description="on all pages")
    feedback: list[RemarkBody]
    next_cursor: str | None = Field(description="for the next page; null on the last one")


class PolygonMask(FloorBody):
    """Where the floor is in a photo, as outlines."""


class RunLengths(BaseModel):
    """A mask in COCO's uncompressed encoding."""

    size: tuple[int, int] = Field(description="height and width")
    counts: list[int] = Field(
        description="lengths of runs down each column, of what is no floor and of floor in turn; "
        "the first, of no floor, may be 0"
    )


class RunLengthMask(FloorBody):
    """Where the floor is in a photo, as outlines and as run lengths."""

    rle: RunLengths
