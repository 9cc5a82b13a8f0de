"""The ids of products: what one may be, and that each is used once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from floorlens.errors import ProductSourceError

MAX_ID_LENGTH = 512


def check_id(product_id: Any, where: str) -> str:
    """Returns a product's id after checking it.

    Slashes are allowed, as in "OAK-14/189", but no part beside one may be empty, "." or "..":
    browsers and proxies change such an address on its way.

    Args:
        product_id: the id.
        where: where it stands, for the error.

    Raises:
        ProductSourceError: it is no text, empty, longer than 512 characters, or has a backslash, a
            part that no address can carry, or a character that cannot be seen.

    Example:
        >>> check_id("OAK-14/189", "products.csv, line 2")
        'OAK-14/189'
    """
    if product_id is not None and not isinstance(product_id, str):
        raise ProductSourceError(
            f"{where}: the id {product_id!r} is not a text: write it in quotes"
        )
    if not product_id or not product_id.strip():
        raise ProductSourceError(f"{where}: the id is empty: give the product one")
    if len(product_id) > MAX_ID_LENGTH:
        raise ProductSourceError(
            f"{where}: the id is longer than {MAX_ID_LENGTH} characters: shorten it"
        )
    fault = _fault(product_id)
    if fault is not None:
        raise ProductSourceError(f"{where}: the id {product_id!r} has {fault}")
    return product_id


def _fault(product_id: str) -> str | None:
    for letter in product_id:
        if letter in "\r\n\u2028\u2029":
            return "a line break: take it out"
        if not letter.isprintable():
            return f"a control or other unseen character (U+{ord(letter):04X}): take it out"
    if "\\" in product_id:
        return "a backslash: write / or - in its place"
    if any(part.strip() in ("", ".", "..") for part in product_id.split("/")):
        return "an empty part, '.' or '..' beside a slash, which no address can carry: change it"
    return None


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
