"""Calls about the catalogue's products."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

from floorlens.client.answers import (
    Facets,
    FacetValue,
    Product,
    ProductPage,
    ProductVariant,
    ProductVariants,
    SimilarPage,
)
from floorlens.client.calls import Call, Page, Part, content_of, given, nothing_of, paged, reader
from floorlens.client.searches import PhotoFile, read_file

MetadataValue = str | bool | int | float | list[str]


def list_products(
    *,
    where: Mapping[str, Any] | None = None,
    text: str = "",
    limit: int = 50,
    cursor: str | None = None,
) -> Call[ProductPage]:
    """Returns a page of the products, in order of id.

    Args:
        where: a filter on fields and attributes of products, in the filter language.
        text: a part of the id or name.
        limit: at most so many, up to 200.
        cursor: `next_cursor` of the page before; None: the first page.

    Raises:
        ServiceError: the service refuses, such as "filter-invalid".
        ServiceUnreachable: no service answers.

    Example:
        >>> [product.id for product in client.list_products(text="oak").products]
        ['oak-natural-plank']
    """
    params = {"limit": str(limit), **_filter(where), "q": text or None, "cursor": cursor}
    return Call("GET", "/v1/products", reader(ProductPage), params=given(params))


def products(
    *, where: Mapping[str, Any] | None = None, text: str = "", limit: int = 200
) -> Page[Product]:
    """Yields all products in order of id, a page after the other.

    Args:
        where: a filter on fields and attributes of products, in the filter language.
        text: a part of the id or name.
        limit: products of a page, at most 200.

    Raises:
        ServiceError: the service refuses, such as "filter-invalid".
        ServiceUnreachable: no service answers.

    Example:
        >>> "oak-natural-plank" in [product.id for product in client.products(limit=2)]
        True
    """
    return paged(
        lambda cursor: list_products(where=where, text=text, limit=limit, cursor=cursor),
        lambda page: page.products,
    )


def get_product(product_id: str) -> Call[Product]:
    """Returns one product with its attributes.

    Raises:
        ServiceError: the service refuses, such as "product-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> client.get_product("oak-natural-plank").name
        'oak-natural-plank'
    """
    return Call("GET", _path(product_id), reader(Product))


def add_product(
    product_id: str,
    images: Sequence[PhotoFile],
    *,
    name: str | None = None,
    metadata: Mapping[str, MetadataValue] | None = None,
    replace: bool = False,
) -> Call[Product]:
    """Adds one product; searches find it from now on. Returns it as the catalogue has it.

    Args:
        product_id: its id.
        images: its pictures, the one for display first.
        name: its name; None: the id.
        metadata: its own fields, such as the price.
        replace: whether a product of that id is replaced.

    Raises:
        InputError: the file of a picture cannot be read here.
        ServiceError: the service refuses, such as "product-exists".
        ServiceUnreachable: no service answers.

    Example:
        >>> files = ["products/terrazzo-grigio.jpg"]
        >>> client.add_product("terrazzo", files, metadata={"price": 80}).metadata["price"]
        80
        >>> client.delete_product("terrazzo")
    """
    form = {"id": product_id, "replace": "true" if replace else "false"}
    if name is not None:
        form["name"] = name
    if metadata:
        form["metadata"] = json.dumps(dict(metadata))
    parts = tuple(Part("images", "picture", read_file(image)) for image in images)
    return Call("POST", "/v1/products", reader(Product), form=form, parts=parts, repeatable=replace)


def change_product(
    product_id: str,
    *,
    name: str | None = None,
    metadata: Mapping[str, MetadataValue | None] | None = None,
    attributes: Mapping[str, str | bool | float | None] | None = None,
) -> Call[Product]:
    """Changes name, metadata or attributes of a product; nothing is embedded anew.

    Args:
        product_id: which one.
        name: its new name; None: it stays.
        metadata: fields that change; None takes one away, others stay.
        attributes: attributes that are set by hand; None takes that back.

    Raises:
        ServiceError: the service refuses, such as "product-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> client.change_product("oak-natural-plank", metadata={"stock": 3}).metadata
        {'stock': 3}
        >>> client.change_product("oak-natural-plank", metadata={"stock": None}).metadata
        {}
    """
    changes: dict[str, Any] = {} if name is None else {"name": name}
    if metadata is not None:
        changes["metadata"] = dict(metadata)
    if attributes is not None:
        changes["attributes"] = dict(attributes)
    return Call("PATCH", _path(product_id), reader(Product), json=changes)


def delete_product(product_id: str) -> Call[None]:
    """Removes a product from the catalogue; the files of its pictures stay.

    Raises:
        ServiceError: the service refuses, such as "product-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> added = client.add_product("old", ["products/terrazzo-grigio.jpg"])
        >>> client.delete_product("old")
    """
    # Done twice, the second answer would say that there is none.
    return Call("DELETE", _path(product_id), nothing_of, repeatable=False)


def product_image(product_id: str, *, width: int | None = None, index: int = 0) -> Call[bytes]:
    """Returns a picture of a product: the file as it is, or a JPEG of a size.

    Args:
        product_id: whose picture.
        width: the longer side in pixels, 32 to 1,600; None: the file as it is.
        index: which of its pictures, from 0.

    Raises:
        ServiceError: the service refuses, such as "image-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> client.product_image("oak-natural-plank", width=64)[:2].hex()
        'ffd8'
    """
    params = {"index": str(index)} if width is None else {"index": str(index), "width": str(width)}
    return Call("GET", f"{_path(product_id)}/image", content_of, params=params)


def similar_products(
    product_id: str,
    *,
    where: Mapping[str, Any] | None = None,
    group: Literal["design"] | None = None,
    limit: int = 20,
    cursor: str | None = None,
) -> Call[SimilarPage]:
    """Returns the other products, the most similar first.

    Args:
        product_id: which they are compared with.
        where: a filter on fields and attributes of products, in the filter language.
        group: "design" shows the best product of each design.
        limit: at most so many, up to 200.
        cursor: `next_cursor` of the page before; None: the first page.

    Raises:
        ServiceError: the service refuses, such as "product-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> client.similar_products("oak-natural-plank", limit=1).matches[0].rank
        1
    """
    params = {"limit": str(limit), **_filter(where), **({"group": group} if group else {})}
    if cursor is not None:
        params["cursor"] = cursor
    return Call("GET", f"{_path(product_id)}/similar", reader(SimilarPage), params=params)


def product_facets(
    where: Mapping[str, Any] | None = None,
) -> Call[Mapping[str, tuple[FacetValue, ...]]]:
    """Returns what products can be filtered by: field -> its values, the commonest first.

    Args:
        where: only products of this filter count.

    Raises:
        ServiceError: the service refuses, such as "filter-invalid".
        ServiceUnreachable: no service answers.

    Example:
        >>> "tone" in client.product_facets()
        True
    """
    read = reader(Facets)
    return Call("GET", "/v1/products/facets", lambda one: read(one).facets, params=_filter(where))


def product_variants(product_id: str) -> Call[tuple[ProductVariant, ...]]:
    """Returns the other products of a product's design, the surest first.

    Raises:
        ServiceError: the service refuses, such as "product-not-found".
        ServiceUnreachable: no service answers.

    Example:
        >>> client.product_variants("oak-natural-plank")
        ()
    """
    read = reader(ProductVariants)
    return Call("GET", f"{_path(product_id)}/variants", lambda one: read(one).variants)


def _path(product_id: str) -> str:
    return f"/v1/products/{quote(product_id)}"


def _filter(where: Mapping[str, Any] | None) -> dict[str, str]:
    return {"where": json.dumps(dict(where))} if where else {}
