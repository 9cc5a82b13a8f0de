"""What a service answers, as objects. Fields that a newer service adds are passed over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ValidationInfo


def _whole(address: str, info: ValidationInfo) -> str:
    # Answers say where a picture lies on the service; a client knows where the service is.
    base = (info.context or {}).get("base", "")
    return f"{base}{address}" if address.startswith("/") else address


Url = Annotated[str, AfterValidator(_whole)]
"""An address that can be fetched as it is. Those of product pictures need no key."""
Verdict = Literal["right", "wrong"]
JobKind = Literal["import", "adaptation", "rebuild", "evaluation"]
Value = str | bool | float | list[str]


# -- searches ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Floor:
    """Where the floor is in a photo.

    Attributes:
        polygons: its parts, the largest first: of each the outline and those of its holes, as
            (x, y) in pixels of the photo.
        share: of the photo that is floor, 0..1.
        confidence: how sure it is that this is a floor, 0..1.
        visible: the probability that the photo shows a floor, 0..1.
        box: left, top, right, bottom in pixels of the photo.
        photo_size: width and height of the upright photo.
        source: automatic, box, polygon or mask; "automatic+clicks" if it was corrected.
        reasons: why the floor is in doubt, in sentences.
        turn: quarter turns clockwise that make the photo upright.
    """

    polygons: tuple[tuple[tuple[tuple[float, float], ...], ...], ...]
    share: float
    confidence: float
    visible: float
    box: tuple[int, int, int, int] | None
    photo_size: tuple[int, int]
    source: str
    reasons: tuple[str, ...]
    turn: int


@dataclass(frozen=True)
class Attribute:
    """What a product is like in one respect.

    Attributes:
        value: such as "oak", 12.5, True.
        confidence: 0..1, how often such a value is right.
        origin: measured, stated (by the product data) or edited.
        unit: of a number, such as "mm"; None or "" where it has none.
    """

    value: Value
    confidence: float
    origin: str
    unit: str | None


@dataclass(frozen=True)
class Variant:
    """A further product of the same design."""

    id: str
    name: str
    image_url: Url | None


@dataclass(frozen=True)
class Match:
    """A product of a ranking.

    Attributes:
        rank: 1 is the closest.
        id: of the product.
        name: of the product.
        score: 0..1, never rising with the rank.
        word: "same floor", "very close", "close", "related"; None: further.
        reason: one sentence on what is alike and what differs.
        likeness: the mean of the components by their default weights.
        components: colour, texture, …, each 0..1.
        evidence: swatch, scene or both: what pictures it rests on.
        attributes: what the product is like.
        metadata: the product's own fields, such as its price.
        image_url: of its first picture, made small.
        variants: with `group="design"` the other products of the design.
    """

    rank: int
    id: str
    name: str
    score: float
    word: str | None
    reason: str
    likeness: float | None
    components: Mapping[str, float] | None
    evidence: str | None
    attributes: Mapping[str, Attribute]
    metadata: Mapping[str, Any]
    image_url: Url | None
    variants: tuple[Variant, ...]


@dataclass(frozen=True)
class ClickOfQuery:
    """A correction of the floor, in pixels of the photo."""

    x: float
    y: float
    floor: bool


@dataclass(frozen=True)
class Query:
    """What a search asked, of each photo where it says so; see `Client.search`."""

    region: tuple[Any, ...]
    clicks: tuple[tuple[ClickOfQuery, ...], ...]
    where: Mapping[str, Any] | None
    weights: Mapping[str, float] | None
    like: tuple[str, ...]
    unlike: tuple[str, ...]
    group: str | None


@dataclass(frozen=True)
class SearchPage:
    """A page of a ranking, and what it rests on.

    Attributes:
        id: of the search, by which more of it is asked; None where the service keeps none.
        expires: until when the service keeps it.
        query: what was asked.
        floors: of each photo; None: it shows none.
        total: how many products pass the filter, without those in `unlike`.
        verdict: what the ranking as a whole says, in a sentence.
        equals: so many of the first cannot be told apart; 0: not known.
        nothing_close: whether no product is close; None: not known.
        notes: what was left out, and why, in sentences.
        weights: how much each component counted.
        default_weights: how much each component of the floor counts by default, together 1.
        matches: the products, the closest first.
        next_cursor: for the next page; None after the last one.
        catalogue_changed: whether it changed since the page before.
        feedback: product id -> what was said of it, in this search or another one of the same
            photos.
        timings: seconds by stage, and "total".
        index: the vector engine that was searched.
        degraded: the code of that engine's error if another one had to be searched instead.
    """

    id: str | None
    expires: datetime | None
    query: Query
    floors: tuple[Floor | None, ...]
    total: int
    verdict: str
    equals: int
    nothing_close: bool | None
    notes: tuple[str, ...]
    weights: Mapping[str, float] | None
    default_weights: Mapping[str, float] | None
    matches: tuple[Match, ...]
    next_cursor: str | None
    catalogue_changed: bool
    feedback: Mapping[str, Verdict]
    timings: Mapping[str, float]
    index: str
    degraded: str | None


@dataclass(frozen=True)
class SearchFacetValue:
    """A value that products have.

    Attributes:
        value: the value.
        count: how many products have it and pass the filter without what is chosen of its field.
        selected: whether the search asks for it.
        where: the whole filter that results when it is chosen, or taken back if it is selected, for
            `Client.refine`; None: no filter.
    """

    value: str | bool | float
    count: int
    selected: bool
    where: Mapping[str, Any] | None


@dataclass(frozen=True)
class SearchFacetBucket:
    """A range of numbers; the other fields are those of `SearchFacetValue`.

    Attributes:
        at_least: the smallest number in it; None: there is no bound.
        below: what all numbers in it are smaller than; None: there is no bound.
    """

    at_least: float | None
    below: float | None
    count: int
    selected: bool
    where: Mapping[str, Any] | None


@dataclass(frozen=True)
class SearchFacet:
    """A field that a ranking can be narrowed by; it has values or buckets.

    Attributes:
        field: its name in filters.
        unit: of its numbers; "" where none is known.
        values: the commonest of the catalogue first, numbers in order.
        buckets: ranges of its numbers in order, without gaps.
        lowest, highest: of its numbers in the whole catalogue; None where it has values.
        without: the whole filter without what is chosen of this field; None: no filter.
    """

    field: str
    unit: str
    values: tuple[SearchFacetValue, ...]
    buckets: tuple[SearchFacetBucket, ...]
    lowest: float | None
    highest: float | None
    without: Mapping[str, Any] | None


@dataclass(frozen=True)
class SearchFacets:
    """What a ranking can be narrowed by; `total` is how many products pass the whole filter."""

    total: int
    facets: tuple[SearchFacet, ...]


@dataclass(frozen=True)
class Place:
    """Where a patch was cut.

    Attributes:
        picture: which of the product's pictures; None: the photo.
        place: its centre x, y and its side, in pixels of the working picture.
    """

    picture: int | None
    place: tuple[float, float, float] | None


@dataclass(frozen=True)
class Pair:
    """A patch of the floor and the patch of the product that looks most like it (-1..1)."""

    similarity: float
    floor: Place
    product: Place


@dataclass(frozen=True)
class Palettes:
    """Colours of floor and product from dark to light, as CIELAB (D65) and as #rrggbb.

    `delta_e` are their differences (CIE 1976).
    """

    floor: tuple[tuple[float, float, float], ...]
    product: tuple[tuple[float, float, float], ...]
    delta_e: tuple[float, ...]
    floor_hex: tuple[str, ...]
    product_hex: tuple[str, ...]


@dataclass(frozen=True)
class BothAttributes:
    """What was measured of the floor, and of the product."""

    floor: Mapping[str, Attribute]
    product: Mapping[str, Attribute]


@dataclass(frozen=True)
class Scaled:
    """Floor and product as two squares at one scale, to wipe between.

    Attributes:
        scale: where the scale comes from: "patterns", both agree at it and at no other; "sizes",
            the size of the boards in the product data; "usual", a guess by what product pictures
            usually show; "unknown", each is shown whole.
        floor_url, product_url: the squares as JPEG; they need the key.
    """

    scale: Literal["patterns", "sizes", "usual", "unknown"]
    floor_url: Url
    product_url: Url


@dataclass(frozen=True)
class Comparison:
    """Why one product is like the floor in a photo.

    Attributes:
        id: of the product.
        name: of the product.
        metadata: the product's own fields.
        image_url: of its first picture, made small.
        match: its place in the ranking; None: the ranking ends before it.
        reason: one sentence on what is alike and what differs.
        facts: the numbers behind the reason.
        attributes: of both.
        pairs: patches that look alike.
        palettes: of both.
        picture_url: pairs and palettes side by side as PNG; it needs the key.
        scaled: both at one scale.
    """

    id: str
    name: str
    metadata: Mapping[str, Any]
    image_url: Url | None
    match: Match | None
    reason: str
    facts: Mapping[str, Any] | None
    attributes: BothAttributes
    pairs: tuple[Pair, ...]
    palettes: Palettes
    picture_url: Url
    scaled: Scaled


@dataclass(frozen=True)
class Remark:
    """What a person said of a match."""

    search_id: str
    product_id: str
    verdict: Verdict
    created: datetime


@dataclass(frozen=True)
class RemarkPage:
    """A page of what was said, the latest first; `total` is on all pages."""

    total: int
    feedback: tuple[Remark, ...]
    next_cursor: str | None


# -- products ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Product:
    """One product of the catalogue.

    Attributes:
        id: of the product.
        name: of the product.
        metadata: its own fields.
        attributes: what was measured, stated or edited.
        images: where its pictures can be fetched from, the one for display first.
        thumbnail: the first one with at most 320 pixels a side.
    """

    id: str
    name: str
    metadata: Mapping[str, Any]
    attributes: Mapping[str, Attribute]
    images: tuple[Url, ...]
    thumbnail: Url | None


@dataclass(frozen=True)
class ProductPage:
    """Some of the products in order of id; `total` is on all pages."""

    products: tuple[Product, ...]
    total: int
    next_cursor: str | None


@dataclass(frozen=True)
class SimilarProduct:
    """A product that looks like another one; the fields are those of `Match`."""

    product: Product
    rank: int
    score: float
    word: str | None
    reason: str
    components: Mapping[str, float] | None
    variants: tuple[str, ...]


@dataclass(frozen=True)
class SimilarPage:
    """Products that look like another one, the most similar first."""

    matches: tuple[SimilarProduct, ...]
    total: int
    next_cursor: str | None


@dataclass(frozen=True)
class FacetValue:
    """A value that products have, and how many have it."""

    value: str | bool | float
    count: int


@dataclass(frozen=True)
class Facets:
    """What products can be filtered by: field -> its values, the commonest first."""

    facets: Mapping[str, tuple[FacetValue, ...]]


@dataclass(frozen=True)
class ProductVariant:
    """Another product of the same design: how it differs, and how probably it is one, 0..1."""

    product: Product
    kind: str
    confidence: float


@dataclass(frozen=True)
class ProductVariants:
    """The other products of a design, the surest first."""

    variants: tuple[ProductVariant, ...]


# -- jobs --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class JobError:
    """Why a job failed: a stable code, and a sentence for people."""

    code: str
    detail: str


@dataclass(frozen=True)
class Job:
    """Work of the service in the background.

    Attributes:
        id: of the job.
        kind: import, adaptation, rebuild or evaluation.
        status: queued, running, done, failed or cancelled.
        cancelling: whether its end was asked for and is still to come.
        stage: what it is doing, in a word.
        done: steps of the stage that are done.
        total: steps of the stage; 0 where it has none.
        counts: of imports and rebuilds: status -> rows.
        request: what was asked for.
        created: when it was asked for.
        started: when it began.
        ended: when it ended.
        attempts: how often it was begun: again after a crash.
        report: what it did; None before its end.
        error: why it failed.
    """

    id: str
    kind: JobKind
    status: Literal["queued", "running", "done", "failed", "cancelled"]
    cancelling: bool
    stage: str
    done: int
    total: int
    counts: Mapping[str, int]
    request: Mapping[str, Any]
    created: datetime
    started: datetime | None
    ended: datetime | None
    attempts: int
    report: Mapping[str, Any] | None
    error: JobError | None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more happens."""
        return self.status in ("done", "failed", "cancelled")


@dataclass(frozen=True)
class JobPage:
    """Some of the jobs of a kind, the newest first."""

    jobs: tuple[Job, ...]
    next_cursor: str | None


@dataclass(frozen=True)
class JobRow:
    """What became of one product of an import or rebuild.

    Attributes:
        id: of the product.
        status: added, updated, unchanged or failed.
        reason: why it failed.
        pictures: the kind of each picture that was looked at.
        note: what is worth knowing.
        place: where a row that cannot be read stands in the list.
    """

    id: str
    status: str
    reason: str | None
    pictures: tuple[str, ...]
    note: str | None
    place: str | None


@dataclass(frozen=True)
class JobRows:
    """Some of the rows of a job."""

    rows: tuple[JobRow, ...]
    next_cursor: str | None


# -- state -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RunningJob:
    """A job that waits or runs; the fields are those of `Job`."""

    id: str
    kind: JobKind
    status: str
    stage: str
    done: int
    total: int
    created: datetime


@dataclass(frozen=True)
class EngineState:
    """A replica of the catalogue in a vector engine, and the catalogue's revision that it has."""

    engine: str
    revision: int


@dataclass(frozen=True)
class Status:
    """What a service serves, with which models, and what is at work.

    Attributes:
        status: "ok".
        version: of Floorlens.
        products: how many the catalogue holds.
        searchable: how many of them searches can find.
        images: pictures of all products.
        revision: of the catalogue: grows with every change.
        preset: by which the catalogue was made.
        models: stage -> "model version".
        adapted: whether the search was fitted to this catalogue.
        projection: its version and, where it is adapted, what it was fitted on.
        engine: code of the error for which the vector engine cannot be searched; None if it can.
        engines: the engines that hold the catalogue.
        jobs: those that wait or run, the oldest first.
        keep_hours: so long searches are kept with their photos; 0: not at all.
        max_upload_mb: the largest photo that is accepted, in megabytes.
        max_megapixels: the largest picture that is accepted.
    """

    status: str
    version: str
    products: int
    searchable: int
    images: int
    revision: int
    preset: str
    models: Mapping[str, str]
    adapted: bool
    projection: Mapping[str, Any] | None
    engine: str | None
    engines: tuple[EngineState, ...]
    jobs: tuple[RunningJob, ...]
    keep_hours: float
    max_upload_mb: float
    max_megapixels: float


@dataclass(frozen=True)
class KeyState:
    """What the client's key may do.

    Attributes:
        required: whether the service asks for keys at all.
        scopes: of search, read, admin; all of them where it asks for none.
        rate: requests a minute; 0: no limit.
    """

    required: bool
    scopes: tuple[Literal["search", "read", "admin"], ...]
    rate: int


@dataclass(frozen=True)
class Liveness:
    """That the process of the service answers."""

    status: str


@dataclass(frozen=True)
class Readiness:
    """Whether searches can be answered, and which of what they need is there."""

    ready: bool
    parts: Mapping[str, bool]
