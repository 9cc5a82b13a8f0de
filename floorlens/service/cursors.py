"""Cursors: where the next page of a ranking begins, as a text that belongs to one search."""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass

from floorlens.errors import UsageError

_FACTS = struct.Struct(">IQ")
_CHECK = 8


@dataclass(frozen=True)
class Cursor:
    """Where a page begins.

    Attributes:
        offset: how many matches come before it.
        revision: of the catalogue, when the page before it was made.
    """

    offset: int
    revision: int


def write_cursor(cursor: Cursor, search: str) -> str:
    """Returns a cursor as a text that is safe in an address.

    Args:
        cursor: the cursor.
        search: what names the search, its photos and what it asks; only with the same is the text
            read again.

    Example:
        >>> read_cursor(write_cursor(Cursor(20, 7), "oak"), "oak")
        Cursor(offset=20, revision=7)
    """
    facts = _FACTS.pack(cursor.offset, cursor.revision)
    return base64.urlsafe_b64encode(facts + _check(facts, search)).rstrip(b"=").decode()


def read_cursor(text: str, search: str) -> Cursor:
    """Returns the cursor in a text.

    Raises:
        UsageError: it is none, or belongs to another search.

    Example:
        >>> read_cursor(write_cursor(Cursor(20, 7), "oak"), "elm")
        Traceback (most recent call last):
        floorlens.errors.UsageError: the cursor is none of this search: ...
    """
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = b""
    facts, check = data[: _FACTS.size], data[_FACTS.size :]
    # The last letter of a text has bits that count for nothing: one text is right, no other.
    if len(facts) == _FACTS.size and check == _check(facts, search):
        cursor = Cursor(*_FACTS.unpack(facts))
        if write_cursor(cursor, search) == text:
            return cursor
    raise UsageError.about(
        "cursor",
        "the cursor is none of this search: take `next_cursor` of its page before, as it is",
    )


def _check(facts: bytes, search: str) -> bytes:
    return hashlib.blake2b(facts + search.encode(), digest_size=_CHECK).digest()
