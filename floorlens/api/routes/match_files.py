"""`/v1/searches/{id}/matches.csv` and `matches.pdf`: rankings to take away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from floorlens.api.exchange import checkpoint
from floorlens.api.pictures import product_picture
from floorlens.api.problems import Refusal, problems_of
from floorlens.api.routes.searches import BUSY, GONE, Asking, SearchId, file_answer, kept_search
from floorlens.api.search_answers import CARD
from floorlens.api.search_bodies import OneId
from floorlens.api.service import Service, ServiceOf
from floorlens.explanation.above import floor_patch
from floorlens.images.drawing import picture_bytes
from floorlens.ranking import Match, SearchResult
from floorlens.service.searches import KeptSearch

router = APIRouter(prefix="/v1", tags=["searches"])

MOST_IDS = 100
SHEET = 24
"""Matches of a sheet, unless a request says how many."""

Ids = Annotated[
    list[OneId] | None,
    Query(
        min_length=1,
        max_length=MOST_IDS,
        description="only these products, in this order: a shortlist. Those that the ranking does "
        "not have are left out",
        examples=[["oak-natural-plank"]],
    ),
]
_PROBLEMS = problems_of(
    s404=f"{GONE}; or there is nothing to rank any more",
    s422="a parameter is unknown or out of range, or `ids` names no product of the ranking",
    s503=BUSY,
)
_NAME = "Content-Disposition", "a file name"


@router.get(
    "/searches/{search_id}/matches.csv",
    response_class=Response,
    responses={**file_answer("text/csv", "a row for each match", *_NAME), **_PROBLEMS},
)
async def matches_csv(
    request: Request, service: ServiceOf, caller: Asking, search_id: SearchId, ids: Ids = None
) -> Response:
    """Returns the whole ranking of a search as a CSV in UTF-8, for spreadsheets and programs.

    A text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    kept = await kept_search(request, service, caller, search_id)

    def export() -> Response:
        searching = service.searching
        result = (
            searching.chosen(kept, ids, checkpoint) if ids else searching.whole(kept, checkpoint)
        )
        name = f'attachment; filename="floorlens-{kept.id}.csv"'
        return Response(
            result.to_csv(),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": name},
        )

    return await service.run_with_rankings(request, export)


@router.get(
    "/searches/{search_id}/matches.pdf",
    response_class=Response,
    responses={**file_answer("application/pdf", "A4 pages to print", *_NAME), **_PROBLEMS},
)
async def matches_pdf(
    request: Request,
    service: ServiceOf,
    caller: Asking,
    search_id: SearchId,
    limit: Annotated[int, Query(ge=1, le=100, description="matches of the sheet")] = SHEET,
    ids: Ids = None,
) -> Response:
    """Returns the first matches of a search as a sheet to print and to hand over.

    The photo with its floor, and a card for each product: picture, name, material, price, link,
    how close it is and why.
    """
    kept = await kept_search(request, service, caller, search_id)

    def rank() -> tuple[SearchResult, list[str]]:
        if ids:
            result = service.searching.chosen(kept, ids, checkpoint)
            count = len(result)
            return result, ["1 floor to compare" if count == 1 else f"{count} floors to compare"]
        page = service.searching.page(kept, limit=limit, progress=checkpoint)
        count, total = len(page.result), page.total
        shown = f"{count} of {total:,} floors" if count < total else f"{total:,} floors"
        return page.result, [f"{shown}, the closest first", *filter(None, [page.result.verdict])]

    def compose(result: SearchResult, lines: list[str]) -> Response:
        name = f'inline; filename="floorlens-{kept.id}.pdf"'
        pdf = _sheet(service, kept, result, lines)
        return Response(pdf, media_type="application/pdf", headers={"Content-Disposition": name})

    result, lines = await service.run_with_rankings(request, rank)
    return await service.run_with_sheets(request, lambda: compose(result, lines))


def _sheet(service: Service, kept: KeptSearch, result: SearchResult, lines: list[str]) -> bytes:
    from floorlens.api.sheet import Sheet, floor_drawn, sheet_pdf

    number = next(number for number, floor in enumerate(result.floors) if floor is not None)
    place = service.searching.floor(kept, number)
    if place is None:
        raise Refusal(404, "floor-not-found")
    photo, floor = place

    def cards() -> Iterator[tuple[Match, bytes | None]]:
        for match in result.matches:
            checkpoint()
            yield match, _picture(service, match)

    return sheet_pdf(
        Sheet(
            when=datetime.now(UTC).date(),
            photo=floor_drawn(photo.pixels, floor.working_mask),
            patch=picture_bytes(floor_patch(photo, floor).pixels),
            lines=lines,
            matches=cards(),
        )
    )


def _picture(service: Service, match: Match) -> bytes | None:
    """Returns a product's first picture, made small as on a card; None where that cannot be."""
    settings = service.settings
    try:
        return product_picture(
            match.product.images,
            0,
            CARD,
            "",
            max_megapixels=settings.max_megapixels,
            seconds=settings.picture_seconds,
            thumbnails=service.thumbnails,
        ).body
    except Refusal:
        return None
