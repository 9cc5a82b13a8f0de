"""Where a browser finds what lies beside the page: pictures and files, passed on or held here."""

from __future__ import annotations

from urllib.parse import quote, urlencode, urlsplit

PREFIX = "/floorlens"
"""What all of these addresses begin with."""
MARK = "x-floorlens"
"""A header that other sites cannot send without asking first, and nobody says yes to them."""


def address(url: str, **parameters: object) -> str:
    """Returns where a browser finds a picture or file of the service: its path on the page."""
    parts = urlsplit(url)
    query = "&".join(part for part in (parts.query, urlencode(parameters)) if part)
    return f"{PREFIX}{parts.path}{'?' if query else ''}{query}"


def photo_address(token: str) -> str:
    """Returns where a browser finds a photo that only the page has."""
    return f"{PREFIX}/photos/{token}.jpg"


def search_photo_address(search_id: str, photo: int = 0) -> str:
    """Returns where a browser finds a photo, from 0, of a search that the service keeps."""
    which = {"photo": photo} if photo else {}
    return address(f"/v1/searches/{quote(search_id, safe='')}/photo.jpg", **which)


def room_address(name: str) -> str:
    """Returns where a browser finds a small picture of a sample room."""
    return f"{PREFIX}/rooms/{name}"
