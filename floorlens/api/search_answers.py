"""What the library finds, as the JSON bodies of searches."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from floorlens.api.search_bodies import (
    AttributeBody,
    ClickBody,
    ComparisonAttributes,
    ComparisonBody,
    FloorBody,
    MatchBody,
    PairBody,
    PalettesBody,
    PlaceBody,
    QueryBody,
    ScaledBody,
    SearchAnswer,
    VariantBody,
)
from floorlens.images.colour import lab_to_srgb
from floorlens.images.contours import polygons

if TYPE_CHECKING:
    from floorlens.api.service import Service
    from floorlens.attributes import Attribute
    from floorlens.explanation import Explanation, Patch
    from floorlens.products.product import Product
    from floorlens.ranking import Match
    from floorlens.segmentation import FloorRegion
    from floorlens.service.feedback import Remark
    from floorlens.service.queries import SearchQuery
    from floorlens.service.searching import Answer

CARD = 320
"""The longer side of a product's picture on a card, in pixels."""


def search_answer(
    service: Service, answer: Answer, query: SearchQuery, remarks: list[Remark]
) -> SearchAnswer:
    """Returns a page of a ranking as a body.

    Args:
        service: which serves the pictures.
        answer: the page.
        query: what was asked.
        remarks: what was said of its matches.
    """
    result, search = answer.result, answer.search
    return SearchAnswer(
        id=None if search is None else search.id,
        expires=None if search is None else moment(search.expires),
        query=_query(query),
        floors=[
            None if floor is None else FloorBody(**floor_facts(floor)) for floor in result.floors
        ],
        total=answer.total,
        verdict=result.verdict,
        equals=result.equals,
        nothing_close=result.nothing_close,
        notes=list(result.notes),
        weights=None if result.weights is None else dict(result.weights),
        default_weights=None if result.default_weights is None else dict(result.default_weights),
        matches=[match_body(service, match) for match in result.matches],
        next_cursor=answer.next_cursor,
        catalogue_changed=answer.catalogue_changed,
        feedback={remark.product_id: remark.verdict for remark in remarks},
        timings={name: round(seconds, 4) for name, seconds in result.timings.items()},
        index=result.index,
        degraded=result.degraded,
    )


def floor_facts(floor: FloorRegion) -> dict[str, Any]:
    """Returns a floor as the fields of `FloorBody`."""
    height, width = floor.working_mask.shape
    scale = np.array([floor.photo_size[0] / width, floor.photo_size[1] / height])
    outlines = [
        [(ring * scale).round(1).tolist() for ring in part] for part in polygons(floor.working_mask)
    ]
    return {**floor.as_dict(), "polygons": outlines}


def match_body(service: Service, match: Match) -> MatchBody:
    """Returns a match as a body."""
    return MatchBody(
        rank=match.rank,
        id=match.product.id,
        name=match.product.name,
        score=match.score,
        word=match.word,
        reason=match.reason,
        likeness=match.likeness,
        components=None if match.components is None else dict(match.components),
        evidence=match.evidence,
        attributes=_attributes(match.attributes),
        metadata=dict(match.product.metadata),
        image_url=image_url(service, match.product),
        variants=[
            VariantBody(id=product.id, name=product.name, image_url=image_url(service, product))
            for product in match.variants
        ],
    )


def comparison_body(
    service: Service, explanation: Explanation, search_id: str, photo: int
) -> ComparisonBody:
    """Returns why a product is like the floor as a body."""
    product = explanation.product
    numbers = {picture: number for number, picture in enumerate(product.images)}

    def place(patch: Patch) -> PlaceBody:
        return PlaceBody(picture=numbers.get(patch.picture), place=patch.place)

    def address(name: str) -> str:
        query = f"?photo={photo}" if photo else ""
        return f"/v1/searches/{search_id}/matches/{quote(product.id)}/{name}{query}"

    return ComparisonBody(
        id=product.id,
        name=product.name,
        metadata=dict(product.metadata),
        image_url=image_url(service, product),
        match=None if explanation.match is None else match_body(service, explanation.match),
        reason=explanation.reason,
        facts=None if explanation.facts is None else explanation.facts.as_dict(),
        attributes=ComparisonAttributes(
            floor=_attributes(explanation.floor_attributes),
            product=_attributes(explanation.product_attributes),
        ),
        pairs=[
            PairBody(
                similarity=round(pair.similarity, 4),
                floor=place(pair.floor),
                product=place(pair.product),
            )
            for pair in explanation.pairs
        ],
        palettes=PalettesBody(
            floor=explanation.floor_palette.round(1).tolist(),
            product=explanation.product_palette.round(1).tolist(),
            delta_e=explanation.palette_differences.round(1).tolist(),
            floor_hex=_hex(explanation.floor_palette),
            product_hex=_hex(explanation.product_palette),
        ),
        picture_url=address("picture.png"),
        scaled=ScaledBody(
            scale=explanation.scale,
            floor_url=address("floor.jpg"),
            product_url=address("product.jpg"),
        ),
    )


def image_url(service: Service, product: Product) -> str | None:
    """Returns the address of a product's first picture on a card; None if it has none."""
    return service.image_url(product.id, CARD) if product.images else None


def moment(seconds: float) -> str:
    """Returns a time, in seconds since 1970, as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _query(query: SearchQuery) -> QueryBody:
    return QueryBody(
        region=list(query.regions),
        clicks=[
            [ClickBody(x=click.x, y=click.y, floor=click.floor) for click in clicks]
            for clicks in query.clicks
        ],
        where=None if query.where is None else dict(query.where),
        weights=None if query.weights is None else dict(query.weights),
        like=list(query.like),
        unlike=list(query.unlike),
        group=query.group,
    )


def _attributes(values: Mapping[str, Attribute]) -> dict[str, AttributeBody]:
    return {name: AttributeBody(**value.as_dict()) for name, value in values.items()}


def _hex(palette: NDArray[np.float32]) -> list[str]:
    return [f"#{bytes(lab_to_srgb(lab).tolist()).hex()}" for lab in palette]
