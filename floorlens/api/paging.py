"""Pages: how many, and where the next one begins."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from fastapi import Query

from floorlens.api.problems import Refusal

MAX_LIMIT = 200
CURE = "take `next_cursor` of the page before, as it is"
"""What helps against a cursor that cannot be used."""

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="at most so many")]
Cursor = Annotated[
    str | None,
    Query(
        max_length=3000,
        description="`next_cursor` of the page before, as it is; without it the first page",
    ),
]


def write_cursor(last: str) -> str:
    """Returns the name of the last item of a page as a text that is safe in an address."""
    return base64.urlsafe_b64encode(last.encode()).rstrip(b"=").decode()


def read_cursor(cursor: str | None) -> str | None:
    """Returns the name of the last item of the page before; None for the first page.

    Raises:
        Refusal: it is no cursor.
    """
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        last = base64.b64decode(padded, b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        last = ""
    # One text is right, and no other that means the same bytes.
    if not last or write_cursor(last) != cursor:
        raise Refusal(422, "request-invalid", errors={"cursor": CURE})
    return last
