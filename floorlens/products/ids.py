"""The ids of products: what one may be, and that each is used once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from floorlens.errors import ProductSourceError

MAX_ID_LENGTH = 512


def check_id(product_id: Any, where: str) -> str:
    """Returns a product's id after checking it.

    Args:
        product_id: the id.
        where: where it stands, for the error.

    Raises:
        ProductSourceError: it is no text, empty, longer than 512 characters, "." or "..", or has a
            slash or a control character.

    Example:
        >>> check_id("oak-natural-plank", "products.csv, line 2")
        'oak-natural-plank'
    """
    if product_id is not None and not isinstance(product_id, str):
        raise ProductSourceError(f"{where}: the id {product_id!r} is not a text")
    if not product_id or not product_id.strip():
        raise ProductSourceError(f"{where}: the id is empty")
    if len(product_id) > MAX_ID_LENGTH:
        raise ProductSourceError(f"{where}: the id is longer than {MAX_ID_LENGTH} characters")
    if (
        product_id in (".", "..")
        or not product_id.isprintable()
        or any(mark in product_id for mark in "/\\")
    ):
        raise ProductSourceError(
            f"{where}: the id {product_id!r} has a slash, '..' or a control character"
        )
    return product_id


def refuse_duplicates(places: Mapping[str, Sequence[str]], path: Path, rule: str) -> None:
    """Refuses ids that stand in more than one place.

    Args:
        places: for every id, where it stands.
        path: the source, for the error.
        rule: why that cannot be, for the error.

    Raises:
        ProductSourceError: an id stands in two places.

    Example:
        >>> from pathlib import Path
        >>> refuse_duplicates({"oak": ["line 2"]}, Path("products.csv"), "Ids must be unique")
    """
    twice = sorted(product_id for product_id, where in places.items() if len(where) > 1)
    if twice:
        first = "; ".join(f"{name} ({', '.join(places[name][:5])})" for name in twice[:5])
        more = " …" if len(twice) > 5 else ""
        raise ProductSourceError(
            f"{path}: {len(twice)} id(s) occur more than once: {first}{more}. {rule}"
        )
