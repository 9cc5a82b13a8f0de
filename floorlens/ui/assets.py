"""Scripts and styles that a browser fetches once: their addresses change with what they hold."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import PurePath

PREFIX = "/floorlens/assets"
_KINDS = {".js": "text/javascript", ".css": "text/css"}
_ASSETS: dict[str, Asset] = {}


@dataclass(frozen=True)
class Asset:
    """A file for browsers."""

    text: str
    media_type: str


def asset(name: str, text: str) -> str:
    """Returns where a browser finds a script or a style: its path on the page."""
    path = PurePath(name)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    file = f"{path.stem}.{digest}{path.suffix}"
    _ASSETS[file] = Asset(text, _KINDS[path.suffix])
    return f"{PREFIX}/{file}"


def find_asset(file: str) -> Asset | None:
    """Returns the script or style of a file name; None if there is none."""
    return _ASSETS.get(file)


def paths() -> list[str]:
    """Returns where all of them are."""
    return [f"{PREFIX}/{file}" for file in _ASSETS]
