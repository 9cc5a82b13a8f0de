"""`/v1/searches/{id}/facets`: what the ranking of a search can be narrowed by."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from floorlens.api.problems import problems_of
from floorlens.api.routes.searches import GONE, Asking, SearchId, kept_search
from floorlens.api.service import ServiceOf
from floorlens.catalogue.narrowing import SearchFacet, SearchFacets

router = APIRouter(prefix="/v1", tags=["searches"])

_WHERE = "the whole filter that results when it is chosen, or taken back if it is selected: send "
_WHERE += "it to `refine` as it is; null: no filter"
_COUNT = "products that have it and pass the filter without what is chosen of this field"


class SearchFacetValue(BaseModel):
    """A value that products have."""

    value: str | bool | float
    count: int = Field(description=_COUNT)
    selected: bool = Field(description="whether the search asks for it")
    where: dict[str, Any] | None = Field(description=_WHERE)


class SearchFacetBucket(BaseModel):
    """A range of numbers."""

    at_least: float | None = Field(description="the smallest number in it; null: no bound")
    below: float | None = Field(description="what all in it are smaller than; null: no bound")
    count: int = Field(description=_COUNT)
    selected: bool = Field(description="whether the search asks for just this range")
    where: dict[str, Any] | None = Field(description=f"{_WHERE}. It replaces another range")


class SearchFacetBody(BaseModel):
    """A field that the ranking can be narrowed by; it has values or buckets."""

    field: str
    unit: str = Field(description='of its numbers; "" where none is known')
    values: list[SearchFacetValue] = Field(
        description="the commonest of the catalogue first, numbers in order; those of one field "
        'are joined with "or"'
    )
    buckets: list[SearchFacetBucket] = Field(description="ranges in order, without gaps")
    lowest: float | None = Field(description="of numbers with buckets, in the whole catalogue")
    highest: float | None
    without: dict[str, Any] | None = Field(
        description="the whole filter without what is chosen of this field; null: no filter"
    )


class SearchFacetsBody(BaseModel):
    """What the ranking of a search can be narrowed by."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "total": 31,
                "facets": [
                    {
                        "field": "tone",
                        "unit": "",
                        "values": [
                            {"value": "light", "count": 31, "selected": True, "where": None},
                            {
                                "value": "dark",
                                "count": 12,
                                "selected": False,
                                "where": {"tone": {"$in": ["light", "dark"]}},
                            },
                        ],
                        "buckets": [],
                        "lowest": None,
                        "highest": None,
                        "without": None,
                    }
                ],
            }
        }
    )

    total: int = Field(description="products that pass the whole filter")
    facets: list[SearchFacetBody] = Field(description="what people look at first comes first")


@router.get(
    "/searches/{search_id}/facets",
    responses=problems_of(
        s404=GONE, s422="a parameter is unknown", s503="the catalogue cannot be read"
    ),
)
async def search_facets(
    request: Request, service: ServiceOf, caller: Asking, search_id: SearchId
) -> SearchFacetsBody:
    """Returns what the ranking of a search can be narrowed by, with counts.

    A value's count leaves out what is chosen of its own field. What the filter says otherwise than
    by `$in`, or by `$gte` and `$lt`, of a field, such as `$or`, counts whole. No model runs.
    """
    kept = await kept_search(request, service, caller, search_id)

    def count() -> SearchFacetsBody:
        return _body(service.searching.facets(kept))

    return await service.run_with_files(request, count)


def _body(facets: SearchFacets) -> SearchFacetsBody:
    return SearchFacetsBody(total=facets.total, facets=[_facet(one) for one in facets.facets])


def _facet(facet: SearchFacet) -> SearchFacetBody:
    return SearchFacetBody(
        field=facet.field,
        unit=facet.unit,
        values=[SearchFacetValue(**vars(value)) for value in facet.values],
        buckets=[SearchFacetBucket(**vars(bucket)) for bucket in facet.buckets],
        lowest=facet.lowest,
        highest=facet.highest,
        without=None if facet.without is None else dict(facet.without),
    )
