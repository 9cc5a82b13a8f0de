"""Addresses of pictures on the web: what is one, and what a message says of it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit


def is_address(source: str) -> bool:
    """Returns whether a text is an address on the web, not the path of a file.

    Example:
        >>> is_address("https://example.com/room.jpg"), is_address("C:/pictures/room.jpg")
        (True, False)
    """
    return source[:8].lower().startswith(("http://", "https://"))


def shown_address(address: str) -> str:
    """Returns an address for a message: without its query, which may hold a key, and password.

    Example:
        >>> shown_address("https://me:secret@cdn.example.com/oak.jpg?token=secret")
        'https://cdn.example.com/oak.jpg'
    """
    bare = re.split(r"[?#]", address, maxsplit=1)[0]
    bare = re.sub(r"^(\w+:[/\\]*)[^/\\]*@", r"\1", bare)
    return "".join(letter for letter in bare if letter.isprintable())[:200]


def explain_fetching(address: str) -> str:
    """Returns how to allow an address to be fetched, for an error.

    Example:
        >>> explain_fetching("https://cdn.example.com/oak.jpg")
        'is an address, and nothing is fetched unless you ask for it: give --fetch (fetch=True) and
        name the host in FLOORLENS_FETCH_HOSTS=cdn.example.com'
    """
    try:
        parts = urlsplit(address)
        host = "".join(letter for letter in parts.hostname or "" if letter.isprintable())
        port = "" if parts.port in (None, 80, 443) else f":{parts.port}"
    except ValueError:
        host, port = "", ""
    return (
        "is an address, and nothing is fetched unless you ask for it: give --fetch (fetch=True) "
        f"and name the host in FLOORLENS_FETCH_HOSTS={host or 'cdn.example.com'}{port}"
    )
