"""A photo's journey: through all six stages, to the ranked products.

What is asked with a product of the catalogue joins it at the fourth.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from floorlens.attributes import Attribute
from floorlens.catalogue.filtering import check_fields, emptiness_notes, unmeasured_note
from floorlens.catalogue.generations import projection_version
from floorlens.catalogue.rows import record_metadata
from floorlens.embedding import ASPECTS, Embeddings, FloorFeatures, RenewingEmbedder
from floorlens.engines.filters import Filter, parse_filter
from floorlens.errors import (
    CatalogueError,
    DecoderUnavailable,
    FloorlensError,
    GenerationChanged,
    InputError,
    MissingDependency,
    NoFloorFound,
    NothingToRank,
    UsageError,
)
from floorlens.images.loading import Photo
from floorlens.models.stamp import check_stamp
from floorlens.normalisation import Cuts, FloorView
from floorlens.normalisation.trust import tint_of
from floorlens.pipeline import floor_region, floor_view, merge_views
from floorlens.presets import Stages
from floorlens.products.product import Product
from floorlens.ranking import Ranking, SearchResult
from floorlens.ranking.feedback import Feedback, feedback_weights
from floorlens.ranking.order import Place, component_weights, first_designs, matches_of, rank_hits
from floorlens.ranking.reasons import Doubt, doubts_of
from floorlens.segmentation import ClickSource, FloorRegion, RegionSource

if TYPE_CHECKING:
    from floorlens.catalogue.catalogue import Catalogue
    from floorlens.embedding.projection import Projection
    from floorlens.retrieval.retriever import Retriever

GROUPS = ("design",)
"""By what results can be grouped."""

T = TypeVar("T")

FULL_RANKING = 20_000
"""Catalogues up to this size are ranked whole."""
CUT_RANKING = 10_000
"""Of larger ones so many products are ranked."""
MOST_PHOTOS = 8
"""Photos of one floor in one search, at most."""
SAME = 0.8
"""A corrected floor is seen by what was seen of it before, where the intersection of the two is at
least this share of their union."""
MOST_EXAMPLES = 20
"""Products that a search is told to like, or not to like, at most."""
_RETRIES = 5
# What only says that one photo cannot be searched for.
_OF_A_PHOTO = (InputError, NoFloorFound, MissingDependency, DecoderUnavailable)


@dataclass(frozen=True)
class Query:
    """What is asked beside the floor: arguments of `Floorlens.search` and `Floorlens.similar`."""

    limit: int | None = None
    where: Mapping[str, Any] | None = None
    weights: Mapping[str, float] | None = None
    rerank: bool = True
    like: Sequence[str] = ()
    unlike: Sequence[str] = ()
    group: str | None = None


@dataclass(frozen=True)
class Shot:
    """A photo of the floor, and what is said of it by hand.

    Attributes:
        load: opens the photo.
        region, clicks: as for `Floorlens.search`.
    """

    load: Callable[[], Photo]
    region: RegionSource | None = None
    clicks: Iterable[ClickSource] = ()


StageProgress = Callable[[str], None]
"""Called with a stage's name before it begins: "decode", "segment", "normalise", "embed",
"retrieve", "rerank", "collect". What it raises ends the search."""


@dataclass(frozen=True)
class Sight:
    """What photos of one floor show: all that a ranking needs of them (`Floorlens.see`).

    Attributes:
        floors: where the floor is in each photo; None in one that shows none.
        features: of the floor, a scene.
        doubts: of photos and floors, for the reasons of the matches.
        notes: which photos were left out, and why, in sentences.
        timings: seconds by stage, and "total".
        cuts: where the patches of each photo were cut, as far as that is known: a correction of
            its floor leaves most of them as they are.
    """

    floors: tuple[FloorRegion | None, ...]
    features: FloorFeatures
    doubts: tuple[Doubt, ...] = ()
    notes: tuple[str, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    cuts: tuple[Cuts | None, ...] = ()


def passes(
    product: Product,
    condition: Filter | None,
    attributes: Mapping[str, Attribute] = MappingProxyType({}),
) -> bool:
    """Returns whether a product passes a filter now, on the fields that engines have of it.

    Args:
        product: its metadata and where its pictures lie.
        condition: the filter; None lets everything pass.
        attributes: what the product is like.

    Example:
        >>> passes(Product("a", "Oak", {"price": 40}), parse_filter({"price": {"$lt": 50}}))
        True
    """
    if condition is None:
        return True
    first = product.images[0] if product.images else None
    return condition.matches(record_metadata(product.metadata, first, attributes))


def answer(
    query: Query,
    shots: Sequence[Shot],
    *,
    catalogue: Catalogue,
    stages: Stages,
    retriever: Retriever,
    progress: StageProgress | None = None,
) -> SearchResult:
    """Returns the ranking of a catalogue for photos of one floor, as `Floorlens.search` does.

    A query that is not usable is refused before a photo is opened.

    Args:
        query: what is asked.
        shots: the photos, at least one.
        catalogue: what is searched.
        stages: which describe the photos.
        retriever: which finds the nearest products.
        progress: called with each stage's name before it begins; what it raises ends the search.

    Example:
        >>> answer(Query(limit=3), [Shot(load)], catalogue=catalogue, stages=stages,
        ...        retriever=retriever).total  # doctest: +SKIP
        236
    """
    search = _Search(query, catalogue, stages, retriever, progress)
    sight = _see(shots, stages, search.clock)
    return _result(sight, search.ranking(sight.features, doubts=sight.doubts))


def see(
    shots: Sequence[Shot],
    stages: Stages,
    progress: StageProgress | None = None,
    earlier: Sight | None = None,
) -> Sight:
    """Returns what photos of one floor show, as `Floorlens.see` does.

    Args:
        shots: the photos, at least one.
        stages: which describe the photos.
        progress: called with each stage's name before it begins.
        earlier: what the same photos showed before their floors were corrected.

    Raises:
        NoFloorFound: none shows a floor.
        UsageError: there are no photos, or too many.

    Example:
        >>> see([Shot(load)], stages).floors[0].source  # doctest: +SKIP
        'automatic'
    """
    return _see(shots, stages, Stopwatch(progress), earlier)


def _see(
    shots: Sequence[Shot], stages: Stages, clock: Stopwatch, earlier: Sight | None = None
) -> Sight:
    before = _Before(earlier, stages)
    sights, notes = _sights_of(shots, stages, clock, before)
    seen = [sight for sight in sights if sight is not None]
    with clock.stage("embed"):
        features = before.features([None if one is None else one.view for one in sights])
        if features is None:
            views = [one.view for one in seen]
            features = stages.embedder.features({"scene": merge_views(views)})
    doubts = [doubt for one in seen for doubt in light_doubts(one.photo, one.floor, features)]
    floors = tuple(None if sight is None else sight.floor for sight in sights)
    cuts = tuple(None if sight is None else sight.cuts for sight in sights)
    return Sight(floors, features, tuple(dict.fromkeys(doubts)), notes, clock.timings(), cuts)


def _result(sight: Sight, ranking: Ranking) -> SearchResult:
    notes = (*sight.notes, *ranking.notes)
    return SearchResult(floors=sight.floors, **{**vars(ranking), "notes": notes})


def rank(
    query: Query,
    sight: Sight,
    *,
    catalogue: Catalogue,
    stages: Stages,
    retriever: Retriever,
    progress: StageProgress | None = None,
) -> SearchResult:
    """Returns the ranking of a catalogue for a floor that was seen, as `Floorlens.rank` does.

    Args:
        query: what is asked.
        sight: what `see` returned.
        catalogue, stages, retriever, progress: as for `answer`.

    Example:
        >>> rank(Query(limit=3), sight, catalogue=catalogue, stages=stages,
        ...      retriever=retriever).total  # doctest: +SKIP
        236
    """
    search = _Search(query, catalogue, stages, retriever, progress)
    return _result(sight, search.ranking(sight.features, doubts=sight.doubts))


def answer_similar(
    query: Query,
    product_id: str,
    *,
    catalogue: Catalogue,
    stages: Stages,
    retriever: Retriever,
) -> Ranking:
    """Returns the other products, ranked by how much they are like one (`Floorlens.similar`).

    No picture is opened: the product's features are in the catalogue.

    Args:
        query: what is asked.
        product_id: of the product.
        catalogue, stages, retriever: as for `answer`.

    Raises:
        ProductNotFound: there is no such product.

    Example:
        >>> answer_similar(Query(limit=3), "oak", catalogue=catalogue, stages=stages,
        ...                retriever=retriever).total  # doctest: +SKIP
        236
    """
    search = _Search(query, catalogue, stages, retriever)
    with search.clock.stage("embed"):
        (features,) = _features_of([product_id], catalogue, stages)
    return search.ranking(features, without=(product_id,))


def rank_floor(
    query: Query,
    features: FloorFeatures,
    doubts: Sequence[Doubt] = (),
    *,
    catalogue: Catalogue,
    stages: Stages,
    retriever: Retriever,
) -> Ranking:
    """Returns the ranking of a catalogue for a floor whose features are there already.

    Args:
        query: what is asked.
        features: of the floor, a scene.
        doubts: of its photo (`light_doubts`), for the reasons.
        catalogue, stages, retriever: as for `answer`.

    Example:
        >>> rank_floor(Query(limit=3), features, catalogue=catalogue, stages=stages,
        ...            retriever=retriever).total  # doctest: +SKIP
        236
    """
    return _Search(query, catalogue, stages, retriever).ranking(features, doubts=doubts)


def light_doubts(photo: Photo, floor: FloorRegion, features: FloorFeatures) -> tuple[Doubt, ...]:
    """Returns what makes the colours of a photo's floor, or the floor itself, doubtful.

    Args:
        photo: the photo.
        floor: its floor.
        features: of that floor, a scene.

    Example:
        >>> from floorlens.images.loading import load_photo
        >>> from floorlens.pipeline import floor_region, floor_view
        >>> from floorlens.testing import fake_stages
        >>> photo, stages = load_photo("room.jpg"), fake_stages()
        >>> floor = floor_region(photo, stages)
        >>> view = floor_view(photo, floor.working_mask, stages)
        >>> light_doubts(photo, floor, stages.embedder.features({"scene": view}))
        ()
    """
    tint = tint_of(photo.pixels, floor.working_mask)
    return doubts_of(features.aspects["scene"].trust, floor.reasons, tint)


def embed(shots: Sequence[Shot], *, catalogue: Catalogue, stages: Stages) -> NDArray[np.float32]:
    """Returns the vector that is searched for, float32 (d,), as `Floorlens.embed` does.

    Args:
        shots: photos of one floor.
        catalogue: whose projection makes the vector.
        stages: which describe the photos.

    Raises:
        StampMismatch: another process rebuilt the catalogue with other models.

    Example:
        >>> embed([Shot(load)], catalogue=catalogue, stages=stages).shape  # doctest: +SKIP
        (248,)
    """
    projection = _live_projection(catalogue, stages)
    sights, _ = _sights_of(shots, stages, Stopwatch(), _Before(None, stages))
    views = [sight.view for sight in sights if sight is not None]
    features = stages.embedder.features({"scene": merge_views(views)})
    return stages.embedder.describe(features, projection).vector


def embeddings(catalogue: Catalogue, stages: Stages) -> Embeddings:
    """Returns the vectors of all products that can be searched, as `Floorlens.embeddings` does.

    Args:
        catalogue: whose products.
        stages: which made the vectors.

    Raises:
        StampMismatch: another process rebuilt the catalogue with other models.

    Example:
        >>> len(embeddings(catalogue, stages).ids)  # doctest: +SKIP
        236
    """
    snapshot = catalogue.snapshot()
    check_stamp(snapshot.stamp, stages.stamp(), catalogue.location)
    records = snapshot.changed_records
    vectors = np.empty((len(records), stages.embedder.stamp.dimension), np.float32)
    for row, record in zip(vectors, records, strict=True):
        row[:] = record.vector
    return Embeddings(tuple(record.id for record in records), vectors)


def in_order(
    work: Callable[[T], SearchResult], photos: Iterable[T], threads: int
) -> Iterator[SearchResult | FloorlensError]:
    """Yields what becomes of each photo, in order; some are at work beside the one that is next.

    Args:
        work: searches for one photo. What it raises because of the photo itself stands in its
            place; anything else is raised.
        photos: read as far as they are needed.
        threads: so many are at work at a time.

    Example:
        >>> def work(photo):
        ...     raise NoFloorFound(f"{photo} shows none")
        >>> list(in_order(work, ["room.jpg"], 2))
        [NoFloorFound('room.jpg shows none')]
    """

    def outcome(photo: T) -> SearchResult | FloorlensError:
        try:
            return work(photo)
        except _OF_A_PHOTO as error:
            return error

    pool = ThreadPoolExecutor(max_workers=threads)
    tasks: deque[Future[SearchResult | FloorlensError]] = deque()
    try:
        for photo in photos:
            tasks.append(pool.submit(outcome, photo))
            # One more than are at work, so that nobody waits for the caller.
            if len(tasks) > threads:
                yield tasks.popleft().result()
        while tasks:
            yield tasks.popleft().result()
    finally:
        # Whoever stops half-way waits only for those that have begun.
        pool.shutdown(wait=True, cancel_futures=True)


class _Search:
    """One search: from a floor's features to the ranked products."""

    def __init__(
        self,
        query: Query,
        catalogue: Catalogue,
        stages: Stages,
        retriever: Retriever,
        progress: StageProgress | None = None,
    ) -> None:
        """Checks what is asked.

        Raises:
            UsageError: it is not usable.
            NothingToRank: the catalogue is empty.
            ProductNotFound: one that is liked, or is not, is none of the catalogue's.
        """
        limit = 1 if query.limit is None else query.limit
        if not isinstance(limit, int | np.integer) or limit < 1:
            raise UsageError.about(
                "limit", f"limit must be a whole number, 1 or more, not {limit!r}"
            )
        if query.group not in (None, *GROUPS):
            known = ", ".join(repr(name) for name in GROUPS)
            raise UsageError.about(
                "group", f"results are not grouped by {query.group!r}: known are {known}"
            )
        _check_examples(query.like, query.unlike)
        default = feedback_weights(
            stages.reranker.weights, like=bool(query.like), unlike=bool(query.unlike)
        )
        component_weights(default, query.weights, query.rerank)
        self._condition = parse_filter(query.where)
        self._query, self._catalogue = query, catalogue
        self._stages, self._retriever = stages, retriever
        self.clock = Stopwatch(progress)
        with self.clock.stage("retrieve"):
            self._total = catalogue.searchable()
            if self._total == 0:
                raise NothingToRank(
                    f"the catalogue {catalogue.location} is empty: add products with `floorlens "
                    f"index PRODUCTS --catalogue {catalogue.location}`"
                )
            check_fields(catalogue, self._condition)
            self._note = unmeasured_note(catalogue, self._condition)
            self._like = _features_of(query.like, catalogue, stages)
            self._unlike = _features_of(query.unlike, catalogue, stages)

    def ranking(
        self,
        features: FloorFeatures,
        *,
        without: Collection[str] = (),
        doubts: Sequence[Doubt] = (),
    ) -> Ranking:
        """Returns the products in order of closeness to a floor.

        Args:
            features: of the floor, of one aspect.
            without: ids that are left out, beside those of the query's `unlike`.
            doubts: of the photo, for the reasons.

        Raises:
            NothingToRank: no product passes the filter, or none is left.
        """
        query, condition, total, clock = self._query, self._condition, self._total, self.clock
        omitted = {*without, *query.unlike}
        depth = self._stages.preset.rerank_depth + len(omitted)
        most = FULL_RANKING if total <= FULL_RANKING else CUT_RANKING
        limit = min(query.limit or most, most)
        with clock.stage("retrieve"):
            retrieval = self._retriever.retrieve(
                features,
                # Variants may stand anywhere in the ranking.
                max((limit if query.group is None else most) + len(omitted), depth),
                depth,
                condition,
                self._like,
                self._unlike,
            )
        hits = [hit for hit in retrieval.hits if hit.id not in omitted]
        if not hits:
            raise self._emptiness([hit.id for hit in retrieval.hits])
        with clock.stage("rerank"):
            order = rank_hits(
                hits,
                {name: s for name, s in retrieval.signatures.items() if name not in omitted},
                retrieval.query.signature,
                self._stages.reranker,
                (query.weights or {}) if query.rerank else None,
                doubts,
                Feedback(
                    tuple(one.signature for one in retrieval.like),
                    tuple(one.signature for one in retrieval.unlike),
                ),
                # Fewer than are re-ranked are all that passed the filter.
                None if without else len(hits) if len(retrieval.hits) < depth else total,
            )
        with clock.stage("collect"):
            design_of = {} if query.group is None else self._design_of()
            places: Sequence[Place] = order.places[:limit]
            equals = order.equals
            if design_of:
                places = first_designs(order.places, design_of, limit)
                equals = len({design_of.get(one.id, one.id) for one in order.places[:equals]})
            products = self._catalogue.products(place.id for place in places)
            # Some engines show for a while what a product was before: the catalogue is the truth.
            attributes = self._catalogue.attributes.of(product.id for product in products)
            passing = {
                product.id: product
                for product in products
                if passes(product, condition, attributes.get(product.id, {}))
            }
            matches = matches_of(places, passing, attributes, design_of)
        return Ranking(
            matches=matches,
            total=total,
            timings=clock.timings(),
            index=retrieval.engine,
            degraded=retrieval.degraded,
            weights=order.weights,
            default_weights=order.default_weights,
            equals=equals,
            nothing_close=order.nothing_close,
            notes=() if self._note is None else (self._note,),
        )

    def _design_of(self) -> dict[str, str]:
        """Returns product id -> the first id of its design, of those that have variants."""
        return {
            product_id: design.ids[0]
            for design in self._catalogue.designs.groups()
            for product_id in design.ids
        }

    def _emptiness(self, omitted: Sequence[str]) -> NothingToRank:
        """Returns why there is nothing to rank, where all that was retrieved is left out."""
        where, place = self._query.where, self._catalogue.location
        cure = "name fewer products in unlike" if self._query.unlike else ""
        if self._condition is None:
            cure = cure or f"add more with `floorlens index PRODUCTS --catalogue {place}`"
            return NothingToRank(f"the catalogue {place} holds no other product: {cure}")
        if omitted:
            names = ", ".join(repr(name) for name in sorted(omitted)[:3])
            more = ", …" * (len(omitted) > 3)
            cure = f"widen the filter, or {cure}" if cure else "widen the filter"
            problem = f"no other product passes the filter {where!r} than {names}{more}: {cure}"
        else:
            notes = emptiness_notes(self._catalogue, self._condition)
            problem = "; ".join(
                [
                    f"none of the {self._total} products passes the filter {where!r}",
                    *notes,
                    *filter(None, [self._note]),
                ]
            )
        return NothingToRank(problem, fields={"where": problem})


@dataclass(frozen=True)
class _Sight:
    """A floor that a photo shows."""

    photo: Photo
    floor: FloorRegion
    view: FloorView
    area: int

    @property
    def cuts(self) -> Cuts | None:
        """Where its patches were cut, and for how large a floor."""
        cuts = self.view.cuts
        return None if cuts is None else replace(cuts, area=self.area)


class _Before:
    """What photos showed before their floors were corrected, as far as it can be used again."""

    def __init__(self, sight: Sight | None, stages: Stages) -> None:
        embedder = stages.embedder
        self._embedder = embedder if isinstance(embedder, RenewingEmbedder) else None
        self._floors: tuple[FloorRegion | None, ...] = ()
        self._cuts: tuple[Cuts | None, ...] = ()
        aspect = None if sight is None else sight.features.aspects.get("scene")
        if sight is None or aspect is None or len(sight.cuts) != len(sight.floors):
            return
        counts = [0 if cuts is None else len(cuts.places) for cuts in sight.cuts]
        if sum(counts) != len(aspect.base) or self._embedder is None:
            return
        self._floors, self._cuts, self._aspect = sight.floors, sight.cuts, aspect
        self._starts = np.cumsum([0, *counts])

    def cuts(self, number: int, floor: FloorRegion) -> Cuts | None:
        """Returns the cuts of a photo, None where its floor is another one now."""
        before = self._floors[number] if number < len(self._floors) else None
        if before is None or before.turn != floor.turn:
            return None
        one, other = before.working_mask, floor.working_mask
        if one.shape != other.shape:
            return None
        changed, cuts = one ^ other, self._cuts[number]
        area = np.count_nonzero(one | other)
        if cuts is None or area - np.count_nonzero(changed) < SAME * area:
            return None
        # Of many small corrections each may be small enough, while all of them are not.
        now = np.count_nonzero(other)
        if cuts.area and not SAME <= now / cuts.area <= 1 / SAME:
            return None
        return replace(cuts, changed=changed)

    def features(self, views: Sequence[FloorView | None]) -> FloorFeatures | None:
        """Returns the features of all photos' views; None where nothing of them is known."""
        embedder = self._embedder
        if embedder is None or all(view is None or view.earlier is None for view in views):
            return None
        parts, rows = [], []
        for number, view in enumerate(views):
            if view is None:
                continue
            fresh = np.full(len(view.coverage), -1, np.intp)
            earlier = fresh if view.earlier is None else view.earlier
            rows.append(np.where(earlier < 0, -1, earlier + self._starts[number]))
            parts.append(view)
        merged = replace(merge_views(parts), earlier=np.concatenate(rows))
        return FloorFeatures({"scene": embedder.renewed(merged, self._aspect)})


def _sights_of(
    shots: Sequence[Shot], stages: Stages, clock: Stopwatch, before: _Before
) -> tuple[list[_Sight | None], tuple[str, ...]]:
    """Returns what each photo shows, None where that is no floor, and notes on those.

    Raises:
        NoFloorFound: none shows one.
        UsageError: there are no photos, or too many.
    """
    if not 1 <= len(shots) <= MOST_PHOTOS:
        raise UsageError(f"give 1 to {MOST_PHOTOS} photos of one floor, not {len(shots)}")
    sights: list[_Sight | None] = []
    refusals: dict[int, NoFloorFound] = {}
    for number, shot in enumerate(shots):
        with clock.stage("decode"):
            photo = shot.load()
        try:
            with clock.stage("segment"):
                floor = floor_region(photo, stages, shot.region, shot.clicks)
        except NoFloorFound as error:
            sights.append(None)
            refusals[number + 1] = error
            continue
        with clock.stage("normalise"):
            cuts = before.cuts(number, floor)
            view = floor_view(photo, floor.working_mask, stages, floor.turn, cuts)
        area = int(np.count_nonzero(floor.working_mask))
        if cuts is not None and cuts.area and not len(view.patches):
            area = cuts.area
        sights.append(_Sight(photo, floor, view, area))
    if len(refusals) == len(shots):
        raise refusals[1]
    notes = (f"photo {number} was left out: {error}" for number, error in refusals.items())
    return sights, tuple(notes)


def _check_examples(like: Sequence[str], unlike: Sequence[str]) -> None:
    """Raises UsageError where the products that are liked, or are not, cannot be used."""
    for name, ids in (("like", like), ("unlike", unlike)):
        if isinstance(ids, str):
            raise UsageError.about(name, f"{name} takes a list of product ids, such as [{ids!r}]")
        if not isinstance(ids, Sequence) or not all(isinstance(one, str) for one in ids):
            raise UsageError.about(
                name, f"{name} takes a list of product ids, which are texts, not {ids!r}"
            )
        if len(ids) > MOST_EXAMPLES:
            raise UsageError.about(
                name, f"{name} takes at most {MOST_EXAMPLES} products, not {len(ids)}"
            )
    both = sorted(set(like) & set(unlike))
    if both:
        raise UsageError.about(
            "unlike", f"{both[0]!r} is both in like and in unlike: leave it out of one"
        )


def _features_of(
    ids: Sequence[str], catalogue: Catalogue, stages: Stages
) -> tuple[FloorFeatures, ...]:
    """Returns what a catalogue knows of products, of each one aspect: its swatch, else its scene.

    Raises:
        ProductNotFound: there is no such product.
        StampMismatch: another process rebuilt the catalogue with other models.
        CatalogueError: its features are not there.
    """
    if not ids:
        return ()
    features = catalogue.base_features(ids, stages.stamp())
    for name in ids:
        if name not in features:
            catalogue.product(name)
            check_stamp(catalogue.live_stamp(), stages.stamp(), catalogue.location)
            raise CatalogueError(
                f"the product {name!r} has no features of these models: run `floorlens index "
                f"--rebuild --catalogue {catalogue.location}`"
            )
    return tuple(_one_aspect(features[name]) for name in ids)


def _live_projection(catalogue: Catalogue, stages: Stages) -> Projection | None:
    """Returns the projection of the live vectors, which the stages have made.

    Raises:
        StampMismatch: another process rebuilt the catalogue with other models.
        CatalogueError: other processes change the catalogue all the time.
    """
    for _ in range(_RETRIES):
        stamp = catalogue.live_stamp()
        check_stamp(stamp, stages.stamp(), catalogue.location)
        version = projection_version(stamp)
        try:
            return None if version is None else catalogue.projections.get(version)
        except GenerationChanged:
            # Another generation took its place between the two looks.
            continue
    raise CatalogueError(
        f"other processes change the catalogue {catalogue.location} without a pause: try again "
        "when they are done"
    )


def _one_aspect(features: FloorFeatures) -> FloorFeatures:
    """Returns the features of the aspect that shows a floor best: a re-ranker takes one."""
    name = next(name for name in ASPECTS if name in features.aspects)
    return FloorFeatures({name: features.aspects[name]})


class Stopwatch:
    """Measures the stages of one search in wall-clock seconds."""

    def __init__(self, progress: StageProgress | None = None) -> None:
        """Starts the watch; `progress` is called with each stage's name before it begins."""
        self._progress = progress
        self._started = time.perf_counter()
        self._stages: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds the time of the block to a stage."""
        if self._progress is not None:
            self._progress(name)
        started = time.perf_counter()
        yield
        self._stages[name] = self._stages.get(name, 0.0) + time.perf_counter() - started

    def timings(self) -> dict[str, float]:
        """Returns the seconds by stage, and "total" since the watch was made."""
        return self._stages | {"total": time.perf_counter() - self._started}
