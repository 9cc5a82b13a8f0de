"""`/v1/products`: the catalogue's products and their pictures."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.datastructures import UploadFile

from floorlens.api.bodies import ProductId
from floorlens.api.bodies import Request as Body
from floorlens.api.exchange import checkpoint
from floorlens.api.forms import FORM, JSON, check_media_type, of_fields, read_json, validated
from floorlens.api.paging import CURE, Cursor, Limit, read_cursor, write_cursor
from floorlens.api.pictures import product_picture
from floorlens.api.problems import Refusal, problems_of
from floorlens.api.security import requires, requires_image
from floorlens.api.service import Service, ServiceOf
from floorlens.api.uploads import json_body
from floorlens.attributes import Attribute
from floorlens.errors import EngineError, ProductNotFound, ProductSourceError, UsageError
from floorlens.images.decoding import decode_photo
from floorlens.images.metadata import without_metadata
from floorlens.products.columns import field_title
from floorlens.products.ids import MAX_ID_LENGTH, check_id
from floorlens.products.lists import check_fields
from floorlens.products.product import MAX_IMAGES, Product
from floorlens.products.texts import tidy
from floorlens.service.locks import alone

LOG = logging.getLogger("floorlens.api")

router = APIRouter(prefix="/v1", tags=["products"])


class _ProductId(PathConvertor):
    """The id of a product in an address; it may hold slashes."""

    # What ends so is the address of its picture and the like, for whatever method.
    regex = r".*(?<!/image)(?<!/similar)(?<!/variants)"


register_url_convertor("product_id", _ProductId())

Where = Annotated[
    str | None,
    Query(
        max_length=10_000,
        description="a filter on metadata and attributes, as JSON text",
        examples=['{"material": "wood look"}'],
    ),
]
MetadataValue = str | bool | int | float | list[str]
_ID = "oak-natural-plank"
# What stands behind the id of a product in other addresses.
_ENDINGS = ("/image", "/similar", "/variants")


class AttributeValue(BaseModel):
    """What a product is like, in one respect."""

    value: str | bool | float
    confidence: float = Field(description="0..1: how often such a value is right")
    origin: str = Field(description="measured, stated (by the product data) or edited")
    unit: str = Field(description='"" where it has none')


class ProductState(BaseModel):
    """One product of the catalogue."""

    id: str = Field(examples=[_ID])
    name: str
    metadata: dict[str, Any] = Field(examples=[{"price": 49.9, "colours": ["natural"]}])
    attributes: dict[str, AttributeValue] = Field(
        description="what was measured, stated or edited",
        examples=[
            {"tone": {"value": "light", "confidence": 0.9, "origin": "measured", "unit": ""}}
        ],
    )
    images: list[str] = Field(
        description="where its pictures can be fetched from, the one for display first",
        examples=[[f"/v1/products/{_ID}/image"]],
    )
    thumbnail: str | None = Field(
        description="the first picture with at most 320 pixels a side",
        examples=[f"/v1/products/{_ID}/image?width=320"],
    )


class ProductPage(BaseModel):
    """Some of the products, in order of id."""

    products: list[ProductState]
    total: int = Field(description="on all pages")
    next_cursor: str | None = Field(description="for the next page; null on the last one")


class FacetValue(BaseModel):
    """A value that products have."""

    value: str | bool | float
    count: int = Field(description="how many products have it")


class Facets(BaseModel):
    """What the products can be filtered by."""

    facets: dict[str, list[FacetValue]] = Field(
        description="field -> its values, the commonest first",
        examples=[{"material": [{"value": "wood look", "count": 31}]}],
    )


class NewProduct(Body):
    """A product to add."""

    id: str = Field(min_length=1, max_length=MAX_ID_LENGTH, examples=[_ID])
    name: str | None = Field(default=None, description="without it, the id", max_length=2000)
    metadata: dict[str, MetadataValue] = Field(default={}, examples=[{"price": 49.9}])
    images: list[str] = Field(
        description="picture files in base64, the one for display first",
        min_length=1,
        max_length=MAX_IMAGES,
    )
    replace: bool = Field(default=False, description="whether a product of that id is replaced")


class ProductChanges(Body):
    """What is to be changed of a product."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str | None = Field(default=None, min_length=1, max_length=2000)
    metadata: dict[str, MetadataValue | None] = Field(
        default={},
        description="fields that change; null takes one away, others stay",
        examples=[{"price": 39.9, "old": None}],
    )
    attributes: dict[str, str | bool | float | None] = Field(
        default={},
        description="attributes that are set by hand; null takes that back",
        examples=[{"tone": "light"}],
    )


class SimilarProduct(BaseModel):
    """A product that looks like another one."""

    product: ProductState
    rank: int
    score: float = Field(description="0..1, never rising with the rank")
    word: str | None = Field(description="how close it looks; null where that is not known")
    reason: str = Field(description="what is alike and what differs, in one sentence")
    components: dict[str, float] | None = Field(description="how alike in each respect, 0..1")
    variants: list[str] = Field(description="with group=design, the ids of the same design")


class SimilarProducts(BaseModel):
    """The other products, the most similar first."""

    matches: list[SimilarProduct]
    total: int = Field(description="on all pages")
    next_cursor: str | None


class ProductVariant(BaseModel):
    """Another product of the same design."""

    product: ProductState
    kind: str = Field(description="how it differs")
    confidence: float = Field(description="0..1, how probably it is one")


class ProductVariants(BaseModel):
    """The other products of a product's design, the surest first."""

    variants: list[ProductVariant]


def product_state(
    product: Product, attributes: Mapping[str, Attribute], service: Service
) -> ProductState:
    """Returns what clients see of a product."""
    count = range(len(product.images))
    return ProductState(
        id=product.id,
        name=product.name,
        metadata=dict(product.metadata),
        attributes={name: AttributeValue(**one.as_dict()) for name, one in attributes.items()},
        images=[service.image_url(product.id, index=index) for index in count],
        thumbnail=service.image_url(product.id, 320) if product.images else None,
    )


def parse_where(where: str | None) -> dict[str, Any] | None:
    """Returns the filter in a parameter; None without one.

    Raises:
        Refusal: it is no JSON object.
    """
    if not where:
        return None
    try:
        value = json.loads(where)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        cure = 'write a JSON object, such as {"material": "wood look"}'
        raise Refusal(422, "filter-invalid", errors={"where": cure})
    return value


@contextmanager
def _changing() -> Iterator[None]:
    """Lets a change pass that is stored, although the engine could not be told of it yet."""
    try:
        yield
    except EngineError as error:
        # The next search brings the engine up to the catalogue.
        LOG.warning("the vector engine was not updated: %s", error)


# -- lists ---------------------------------------------------------------------------------------


@router.get(
    "/products",
    dependencies=[Depends(requires("read"))],
    responses=problems_of(
        s422="the filter or the cursor cannot be used", s503="the catalogue cannot be read"
    ),
)
async def list_products(
    request: Request,
    service: ServiceOf,
    limit: Limit = 50,
    cursor: Cursor = None,
    where: Where = None,
    q: Annotated[
        str, Query(max_length=200, description="a part of the id or name", examples=["oak"])
    ] = "",
) -> ProductPage:
    """Returns products in order of id, a page at a time.

    A page begins after the last id of the page before: products that come or go meanwhile neither
    repeat nor skip others.
    """
    after, condition = read_cursor(cursor), parse_where(where)

    def read() -> ProductPage:
        page = service.lens.page(after, limit=limit, where=condition, text=q)
        products = [
            product_state(product, page.attributes.get(product.id, {}), service)
            for product in page.products
        ]
        following = write_cursor(page.products[-1].id) if page.more and page.products else None
        return ProductPage(products=products, total=page.total, next_cursor=following)

    return await service.run_with_files(request, read)


@router.get(
    "/products/facets",
    dependencies=[Depends(requires("search"))],
    responses=problems_of(s422="the filter cannot be used", s503="the catalogue cannot be read"),
)
async def product_facets(request: Request, service: ServiceOf, where: Where = None) -> Facets:
    """Returns what products can be filtered by, and how many have each value."""
    condition = parse_where(where)

    def read() -> Facets:
        counts = service.lens.facets(condition)
        return Facets(
            facets={
                field: [FacetValue(value=value, count=count) for value, count in values.items()]
                for field, values in counts.items()
            }
        )

    return await service.run_with_files(request, read)


# -- one product's pictures and likes ------------------------------------------------------------


@router.get(
    "/products/{product_id:path}/image",
    dependencies=[Depends(requires_image)],
    response_class=Response,
    responses={
        200: {"content": {"image/*": {}}, "description": "the picture"},
        304: {"description": "the client has the picture already"},
        **problems_of(s404="no such product or picture"),
    },
)
async def product_image(
    request: Request,
    service: ServiceOf,
    product_id: ProductId,
    index: Annotated[int, Query(ge=0, lt=MAX_IMAGES, description="which picture")] = 0,
    width: Annotated[
        int | None, Query(ge=32, le=1600, description="longer side in pixels, as JPEG")
    ] = None,
    if_none_match: Annotated[str, Header()] = "",
) -> Response:
    """Returns a product's picture: the file, or with `width` a JPEG of that size.

    What a camera wrote beside the pixels, such as the place, is not sent. Formats that browsers
    do not show come as PNG or JPEG.
    """

    def read_picture() -> Response:
        images = service.lens.product(product_id).images
        settings = service.settings
        picture = product_picture(
            images,
            index,
            width,
            if_none_match,
            max_megapixels=settings.max_megapixels,
            seconds=settings.picture_seconds,
            thumbnails=service.thumbnails,
        )
        headers = {
            "ETag": picture.tag,
            "Cache-Control": "public, max-age=300",
        }
        if picture.body is None:
            return Response(status_code=304, headers=headers)
        return Response(picture.body, media_type=picture.kind, headers=headers)

    return await service.run_with_files(request, read_picture)


@router.get(
    "/products/{product_id:path}/similar",
    dependencies=[Depends(requires("search"))],
    responses=problems_of(
        s404="no such product, or nothing to rank",
        s422="the filter or the cursor cannot be used",
        s503="the service is busy, or the catalogue or its engine cannot be used",
    ),
)
async def similar_products(
    request: Request,
    service: ServiceOf,
    product_id: ProductId,
    limit: Limit = 20,
    cursor: Cursor = None,
    where: Where = None,
    group: Annotated[
        Literal["design"] | None, Query(description="one product stands for each design")
    ] = None,
) -> SimilarProducts:
    """Returns the other products, ranked by how closely they look like one."""
    condition = parse_where(where)
    last = read_cursor(cursor) or "0"
    if not (last.isascii() and last.isdecimal() and len(last) < 10):
        raise Refusal(422, "request-invalid", errors={"cursor": CURE})
    start = int(last)

    def rank() -> SimilarProducts:
        ranking = service.lens.similar(product_id, where=condition, group=group)
        matches = ranking.matches[start : start + limit]
        end = start + len(matches)
        return SimilarProducts(
            matches=[
                SimilarProduct(
                    product=product_state(match.product, match.attributes, service),
                    rank=match.rank,
                    score=match.score,
                    word=match.word,
                    reason=match.reason,
                    components=None if match.components is None else dict(match.components),
                    variants=[variant.id for variant in match.variants],
                )
                for match in matches
            ],
            total=len(ranking.matches),
            next_cursor=write_cursor(str(end)) if end < len(ranking.matches) else None,
        )

    return await service.run_with_rankings(request, rank)


@router.get(
    "/products/{product_id:path}/variants",
    dependencies=[Depends(requires("search"))],
    responses=problems_of(s404="no such product", s503="the catalogue cannot be read"),
)
async def product_variants(
    request: Request, service: ServiceOf, product_id: ProductId
) -> ProductVariants:
    """Returns the other products of a product's design: formats, colours, the same picture."""

    def read() -> ProductVariants:
        variants = service.lens.variants(product_id)
        states = _states([variant.product for variant in variants], service)
        return ProductVariants(
            variants=[
                ProductVariant(product=state, kind=variant.kind, confidence=variant.confidence)
                for variant, state in zip(variants, states, strict=True)
            ]
        )

    return await service.run_with_files(request, read)


# -- one product ---------------------------------------------------------------------------------


_NEW_FORM = {
    "type": "object",
    "required": ["id", "images"],
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": MAX_ID_LENGTH},
        "name": {"type": "string", "maxLength": 2000},
        "metadata": {"type": "string", "description": "a JSON object"},
        "images": {
            "type": "array",
            "items": {"type": "string", "format": "binary"},
            "minItems": 1,
            "maxItems": MAX_IMAGES,
            "description": "picture files, the one for display first",
        },
        "replace": {"type": "string", "enum": ["true", "false"], "default": "false"},
    },
    "additionalProperties": False,
}


@router.post(
    "/products",
    dependencies=[Depends(requires("admin"))],
    status_code=201,
    responses={
        201: {
            "headers": {
                "Location": {"schema": {"type": "string"}, "description": "of the product"}
            },
            "description": "the product, which searches find from now on",
        },
        **problems_of(
            s400="the form is broken",
            s409="there is a product of that id",
            s413="too many bytes or pixels",
            s415="a file is no image, or the body of another kind",
            s422="a field cannot be used, or a picture takes too long to decode",
            s503="the service is busy, or the catalogue cannot be used",
        ),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {"schema": _NEW_FORM},
                "application/json": {"schema": NewProduct.model_json_schema()},
            },
        }
    },
)
async def add_product(request: Request, response: Response, service: ServiceOf) -> ProductState:
    """Adds one product with its pictures, as a multipart form or as JSON.

    The pictures are kept beside the catalogue, without what a camera wrote beside them.
    """
    body, pictures = await _read_product(request, service)
    if not body.replace:
        # Before its turn with the models has come, which would be for nothing.
        await service.run_with_files(request, lambda: _check_free(body.id, service))

    def add() -> ProductState:
        # Another request for the same id may be at work, also in another process.
        with alone(_lock_of(body.id, service), checkpoint):
            if not body.replace:
                _check_free(body.id, service)
            return store()

    def store() -> ProductState:
        row = {
            "id": body.id,
            "name": body.name or body.id,
            "image": [_checked(picture, service) for picture in pictures],
            **{field_title(field): value for field, value in body.metadata.items()},
        }
        with _changing():
            for outcome in service.lens.add([row]).failed:
                LOG.warning("the product %r was not added: %s", body.id, outcome.reason)
                raise Refusal(422, "product-source-invalid")
        return _state(body.id, service)

    state = await service.run_with_models(request, add)
    response.headers["Location"] = f"/v1/products/{quote(body.id)}"
    return state


@router.get(
    "/products/{product_id:product_id}",
    dependencies=[Depends(requires("search"))],
    responses=problems_of(s404="no such product", s503="the catalogue cannot be read"),
)
async def get_product(request: Request, service: ServiceOf, product_id: ProductId) -> ProductState:
    """Returns one product with its attributes."""
    return await service.run_with_files(request, lambda: _state(product_id, service))


@router.patch(
    "/products/{product_id:product_id}",
    dependencies=[Depends(requires("admin"))],
    responses=problems_of(
        s404="no such product",
        s415="the body is no JSON",
        s422="a field cannot be used",
        s503="the catalogue cannot be written",
    ),
    openapi_extra={
        "requestBody": json_body(
            ProductChanges,
            {"metadata": {"price": 39.9, "old": None}, "attributes": {"tone": "light"}},
        )
    },
)
async def change_product(
    request: Request, service: ServiceOf, product_id: ProductId
) -> ProductState:
    """Changes name, metadata or attributes of a product; nothing is embedded anew.

    A later import of a list that names the product brings back what that list says, except for
    attributes that were set here.
    """
    check_media_type(request, JSON)
    changes = await read_json(request, ProductChanges)

    def change() -> ProductState:
        try:
            with _changing():
                service.lens.update(
                    product_id,
                    name=changes.name,
                    metadata=changes.metadata,
                    attributes=changes.attributes,
                )
        except ProductSourceError as error:
            # These texts are about the client's own words alone.
            raise Refusal(422, error.code, errors={"metadata": str(error)}) from error
        except UsageError as error:
            raise Refusal(422, error.code, errors={"attributes": str(error)}) from error
        return _state(product_id, service)

    return await service.run_with_files(request, change)


@router.delete(
    "/products/{product_id:product_id}",
    dependencies=[Depends(requires("admin"))],
    status_code=204,
    responses=problems_of(s404="no such product", s503="the catalogue cannot be written"),
)
async def delete_product(request: Request, service: ServiceOf, product_id: ProductId) -> None:
    """Removes a product from the catalogue; the files of its pictures stay."""

    def remove() -> None:
        with _changing():
            if not service.lens.remove([product_id]):
                raise ProductNotFound(f"the catalogue has no product {product_id!r}")

    await service.run_with_files(request, remove)


def _state(product_id: str, service: Service) -> ProductState:
    product = service.lens.product(product_id)
    return product_state(product, service.lens.attributes(product_id), service)


def _states(products: list[Product], service: Service) -> list[ProductState]:
    return [
        product_state(product, service.lens.attributes(product.id), service) for product in products
    ]


def _check_free(product_id: str, service: Service) -> None:
    try:
        service.lens.product(product_id)
    except ProductNotFound:
        return
    raise Refusal(409, "product-exists")


def _lock_of(product_id: str, service: Service) -> Path:
    """Returns the lock under which a product is added: one of a few, so that no files pile up."""
    digest = hashlib.sha256(product_id.encode()).hexdigest()
    return service.store.folder / f"adding-{digest[0]}.lock"


def _check_address(product_id: str) -> None:
    """Checks that a product of an id can be asked for by it.

    Raises:
        Refusal: it would be stored under another id, or its address is that of something else.
    """
    why = None
    if tidy(product_id) != product_id:
        why = f"has spaces or unseen marks that are not stored: send {tidy(product_id)!r}"
    elif product_id == "facets" or product_id.endswith(_ENDINGS):
        why = "makes an address that stands for something else: send another one"
    if why is not None:
        raise Refusal(422, "product-source-invalid", errors={"id": why})


def _checked(picture: bytes, service: Service) -> bytes:
    """Returns a picture that can be read, as it is kept."""
    most, seconds = service.settings.max_megapixels, service.settings.picture_seconds
    decode_photo(picture, working_side=64, max_megapixels=most, seconds=seconds)
    return without_metadata(picture, max_megapixels=most, seconds=seconds)


async def _read_product(request: Request, service: Service) -> tuple[NewProduct, list[bytes]]:
    """Returns the product of a request, and its pictures.

    Raises:
        Refusal: a field cannot be used, or a picture is too large.
    """
    most = int(service.settings.max_upload_mb * 1e6)
    if check_media_type(request, FORM, JSON) == JSON:
        body = await read_json(request, NewProduct, most=2 * MAX_IMAGES * most)
        try:
            pictures = [base64.b64decode(image, validate=True) for image in body.images]
        except (binascii.Error, ValueError) as error:
            raise Refusal(422, "request-invalid", errors={"images": "are no base64"}) from error
    else:
        fields: dict[str, str] = {}
        pictures = []
        async with request.form(max_files=MAX_IMAGES, max_fields=8) as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    if name != "images":
                        raise Refusal(422, "request-invalid", errors={name: "is no such file"})
                    pictures.append(await value.read())
                else:
                    fields[name] = value
        values = of_fields(fields, ("metadata",))
        body = validated(NewProduct, {**values, "images": ["" for _ in pictures]})
    if any(len(picture) > most for picture in pictures):
        raise Refusal(413, "upload-too-large")
    try:
        check_id(body.id, "id")
        _check_address(body.id)
        check_fields(body.name, body.metadata)
    except ProductSourceError as error:
        # These texts are about the client's own words alone.
        raise Refusal(422, error.code, errors={"product": str(error)}) from error
    return body, pictures
