"""A photo's journey: through all six stages, to the ranked products."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from floorlens.catalogue.rows import record_metadata
from floorlens.embedding import FloorFeatures
from floorlens.engines.filters import Filter, demanded_fields, number_fields, parse_filter
from floorlens.errors import NothingToRank, UsageError
from floorlens.images.loading import Photo
from floorlens.normalisation.trust import tint_of
from floorlens.pipeline import floor_region, floor_view
from floorlens.presets import Stages
from floorlens.products.product import Product
from floorlens.ranking import SearchResult
from floorlens.ranking.order import component_weights, matches_of, rank_hits
from floorlens.ranking.reasons import Doubt, doubts_of
from floorlens.segmentation import ClickSource, FloorRegion, RegionSource

if TYPE_CHECKING:
    from floorlens.catalogue.catalogue import Catalogue
    from floorlens.retrieval.retriever import Retriever

FULL_RANKING = 20_000
"""Catalogues up to this size are ranked whole."""
CUT_RANKING = 10_000
"""Of larger ones so many products are ranked."""
_FIELDS_SHOWN = 20


@dataclass(frozen=True)
class Query:
    """What is asked beside the photo: the arguments of `Floorlens.search`."""

    limit: int | None = None
    where: Mapping[str, Any] | None = None
    region: RegionSource | None = None
    clicks: Iterable[ClickSource] = ()
    weights: Mapping[str, float] | None = None
    rerank: bool = True


def passes(product: Product, condition: Filter | None) -> bool:
    """Returns whether a product passes a filter now, on the fields that engines have of it.

    Example:
        >>> passes(Product("a", "Oak", {"price": 40}), parse_filter({"price": {"$lt": 50}}))
        True
    """
    if condition is None:
        return True
    first = product.images[0] if product.images else None
    return condition.matches(record_metadata(product.metadata, first))


def answer(
    query: Query,
    photo_of: Callable[[], Photo],
    *,
    catalogue: Catalogue,
    stages: Stages,
    retriever: Retriever,
) -> SearchResult:
    """Returns the ranking of a catalogue for a photo, as `Floorlens.search` does.

    A query that is not usable is refused before the photo is opened.

    Args:
        query: what is asked.
        photo_of: opens the photo.
        catalogue: what is searched.
        stages: which describe the photo.
        retriever: which finds the nearest products.

    Example:
        >>> answer(Query(limit=3), load, catalogue=catalogue, stages=stages,
        ...        retriever=retriever).total  # doctest: +SKIP
        236
    """
    if query.limit is not None and query.limit < 1:
        raise UsageError(f"limit must be 1 or more, not {query.limit}")
    condition = parse_filter(query.where)
    # Unusable weights are refused before the photo is opened.
    component_weights(stages.reranker.weights, query.weights, query.rerank)
    clock = Stopwatch()
    with clock.stage("retrieve"):
        total = catalogue.searchable()
    if total == 0:
        raise NothingToRank(
            f"the catalogue {catalogue.location} is empty: add products with `floorlens index "
            f"PRODUCTS --catalogue {catalogue.location}`"
        )
    with clock.stage("decode"):
        photo = photo_of()
    with clock.stage("segment"):
        floor = floor_region(photo, stages, query.region, query.clicks)
    with clock.stage("normalise"):
        view = floor_view(photo, floor.working_mask, stages, floor.turn)
    with clock.stage("embed"):
        features = stages.embedder.features({"scene": view})
    depth = stages.preset.rerank_depth
    most = FULL_RANKING if total <= FULL_RANKING else CUT_RANKING
    limit = min(query.limit or most, most)
    with clock.stage("retrieve"):
        retrieval = retriever.retrieve(features, max(limit, depth), depth, condition)
    if not retrieval.hits:
        problem = f"none of the {total} products passes the filter {query.where!r}"
        if condition is not None:
            fields = catalogue.fields()
            problem += _name_unknown(demanded_fields(condition), fields)
            problem += _name_texts(number_fields(condition), fields)
        raise NothingToRank(problem)
    with clock.stage("rerank"):
        ranking, weights = rank_hits(
            retrieval.hits,
            retrieval.signatures,
            retrieval.query.signature,
            stages.reranker,
            (query.weights or {}) if query.rerank else None,
            light_doubts(photo, floor, features),
        )
    with clock.stage("collect"):
        products = catalogue.products(place.id for place in ranking[:limit])
        # Some engines show for a while what a product was before: the catalogue is the truth.
        passing = {product.id: product for product in products if passes(product, condition)}
        matches = matches_of(ranking[:limit], passing)
    return SearchResult(
        floors=(floor,),
        matches=matches,
        total=total,
        timings=clock.timings(),
        index=retrieval.engine,
        degraded=retrieval.degraded,
        weights=weights,
    )


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


def _name_unknown(fields: Iterable[str], known: Collection[str]) -> str:
    """Returns what a message adds about fields that no product has; nothing if all are known."""
    unknown = [field for field in fields if field not in known]
    if not unknown:
        return ""
    lower = {field.casefold(): field for field in sorted(known)}
    names = []
    for field in unknown:
        nearest = get_close_matches(field.casefold(), lower, n=1)
        hint = f" (did you mean {lower[nearest[0]]!r}?)" if nearest else ""
        names.append(f"{field!r}{hint}")
    shown = ", ".join(sorted(known)[:_FIELDS_SHOWN]) + ", …" * (len(known) > _FIELDS_SHOWN)
    noun = "field" if len(names) == 1 else "fields"
    return f": no product has the {noun} {', '.join(names)}; the fields are {shown}"


def _name_texts(fields: Iterable[str], known: Mapping[str, bool]) -> str:
    """Returns what a message adds about texts that are compared with numbers."""
    texts = [repr(field) for field in fields if known.get(field)]
    if not texts:
        return ""
    if len(texts) == 1:
        return f"; the field {texts[0]} is compared with a number, and its values are texts"
    return f"; the fields {', '.join(texts)} are compared with numbers, and their values are texts"


class Stopwatch:
    """Measures the stages of one search in wall-clock seconds."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._stages: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Adds the time of the block to a stage."""
        started = time.perf_counter()
        yield
        self._stages[name] = self._stages.get(name, 0.0) + time.perf_counter() - started

    def timings(self) -> dict[str, float]:
        """Returns the seconds by stage, and "total" since the watch was made."""
        return self._stages | {"total": time.perf_counter() - self._started}
