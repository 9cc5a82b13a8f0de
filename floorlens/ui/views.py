"""The parts of the page: photo with the floor drawn on it, product cards, the text of an error."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from floorlens.client.answers import Floor, Match
from floorlens.demo.samples import samples
from floorlens.errors import FloorlensError, InputError
from floorlens.images.decoding import PICTURE_SECONDS, decode_photo
from floorlens.images.drawing import overlay
from floorlens.images.loading import load_photo

SAMPLE_ROOMS = 5
ROOM_SIZE = (240, 180)

_UNABLE = "The service cannot search now"
# Code of an error -> its title on the page; the text below it names cause and cure.
_TITLES = {
    "no-floor-found": "No floor in sight",
    "nothing-to-rank": "There is nothing to rank",
    "image-unreadable": "This file cannot be read as a photo",
    "image-timeout": "This photo takes too long to decode",
    "image-too-large": "This photo is too large",
    "upload-too-large": "This photo is too large",
    "missing-dependency": "This kind of photo cannot be read here",
    "service-unreachable": "The service does not answer",
    "service": "This is not a Floorlens service",
    "settings-invalid": "The page is not set up",
    "internal": "The service failed",
    "busy": "The service has much to do just now",
    "deadline": "The service has much to do just now",
    "rate-exceeded": "That was asked too often",
    "key-missing": "The service asks for a key",
    "key-invalid": "The service does not know the key",
    "scope-missing": "The key may not do this",
}
PHOTO_IS_GOOD = ("no-floor-found", "nothing-to-rank")
"""Codes of errors after which the photo is shown: it could be read."""
EMPTY_TITLE = "The catalogue is empty"
EMPTY_TEXT = (
    "The service has no products to rank yet. Add some with `floorlens index PRODUCTS` (a folder "
    "of pictures, or a list: CSV, JSON, Excel), then look again."
)
DEGRADED = (
    "The service's vector engine cannot be used now, so the service searched its own memory. The "
    "ranking is just as good; `floorlens engine verify` shows the cause."
)
INTRODUCTION = """\
#### How it works
1. **Upload a photo** of a room, or take one of the sample rooms.
2. Floorlens **finds the floor** and draws it on the photo; nothing else in the room counts.
3. It **ranks** every product of the catalogue by how closely colour, texture and pattern match
   that floor.
"""
FOOTNOTE = (
    "The score, 0 to 100, says how likely this is the product on the floor, if the catalogue holds "
    "it; with other presets than builtin it only orders. Photos go only to the service named "
    "above, which keeps them for a day at most, unless its operator says otherwise."
)
# The page may be light or dark: all greys are transparent, so that they suit both.
STYLE = """<style>
.stMainBlockContainer { padding-top: 2.2rem; padding-bottom: 2rem; }
.fl-top { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; align-items: baseline; }
.fl-top h1 { font-size: 2rem; font-weight: 700; letter-spacing: -.02em; margin: 0; padding: 0; }
.fl-top p { margin: 0; opacity: .75; }
.fl-chip { margin-left: auto; font-size: .8rem; padding: .15rem .7rem; border-radius: 99px;
  border: 1px solid rgba(128,128,128,.35); opacity: .85; }
.fl-grid { display: grid; gap: .8rem;
  grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); }
.fl-card { margin: 0; border: 1px solid rgba(128,128,128,.25); border-radius: 10px;
  overflow: hidden; position: relative; background: rgba(128,128,128,.06); }
.fl-card img, .fl-none { display: block; width: 100%; aspect-ratio: 4 / 3; object-fit: cover; }
.fl-none { display: grid; place-items: center; font-size: .8rem; opacity: .6; }
.fl-card figcaption { padding: .45rem .6rem .6rem; font-size: .86rem; line-height: 1.25; }
.fl-name { display: flex; justify-content: space-between; gap: .5rem; }
.fl-name b { font-weight: 600; overflow-wrap: anywhere; }
.fl-name span { font-variant-numeric: tabular-nums; opacity: .8; }
.fl-rank { position: absolute; top: .4rem; left: .4rem; font-size: .75rem; font-weight: 600;
  color: #fff; background: rgba(20,24,28,.72); border-radius: 99px; padding: .05rem .5rem; }
.fl-bar { height: 5px; margin-top: .4rem; border-radius: 3px; background: rgba(128,128,128,.22); }
.fl-bar i { display: block; height: 100%; border-radius: 3px; background: #1a7f64; }
.fl-first { border-color: #1a7f64; box-shadow: 0 0 0 1px #1a7f64; }
</style>"""


def icon() -> Image.Image:
    """Returns the page's icon: three staggered boards."""
    pixels = np.full((64, 64, 3), (201, 158, 104), np.uint8)
    pixels[22:42] = (176, 130, 80)
    for row, joint in ((0, 20), (22, 42), (44, 12)):
        pixels[row : row + 22, joint : joint + 3] = (96, 66, 38)
    pixels[20:23] = pixels[42:45] = (96, 66, 38)
    return Image.fromarray(pixels)


def header(products: int | None, url: str) -> str:
    """Returns the top of the page as HTML; `products` is None if the service does not answer."""
    count = "" if products is None else f"{products} products · "
    return (
        f'{STYLE}<div class="fl-top"><h1>Floorlens</h1><p>Which floor is this? Every product of '
        f"the catalogue, ranked by how closely it matches the floor in a photo.</p>"
        f'<span class="fl-chip">{count}{escape(url)}</span></div>'
    )


def cards(hits: Sequence[Match], pictures: Sequence[bytes | None]) -> str:
    """Returns the ranked products as a grid of cards, HTML; a picture is a JPEG or None."""
    figures = [
        _card(rank, product, picture)
        for rank, (product, picture) in enumerate(zip(hits, pictures, strict=True), start=1)
    ]
    return f'{STYLE}<div class="fl-grid">{"".join(figures)}</div>'


def _card(rank: int, product: Match, picture: bytes | None) -> str:
    name = escape(product.name)
    if picture is None:
        image = '<div class="fl-none">no picture</div>'
    else:
        data = base64.b64encode(picture).decode("ascii")
        image = f'<img src="data:image/jpeg;base64,{data}" alt="{name}">'
    width = 100 * min(max(product.score, 0.0), 1.0)
    return (
        f'<figure class="fl-card{" fl-first" if rank == 1 else ""}" data-product="'
        f'{escape(product.id)}">{image}<span class="fl-rank">{rank}</span><figcaption>'
        f'<div class="fl-name"><b>{name}</b><span>{width:.0f}</span></div>'
        f'<div class="fl-bar"><i style="width:{width:.1f}%"></i></div></figcaption></figure>'
    )


def problem(error: FloorlensError) -> str:
    """Returns an error as Markdown: a title, and below it cause and cure."""
    text = str(error)
    return f"**{_TITLES.get(error.code, _UNABLE)}**\n\n{text[:1].upper()}{text[1:]}"


def draw_floor(
    photo: bytes, floor: Floor, max_megapixels: float, seconds: float = PICTURE_SECONDS
) -> NDArray[np.uint8]:
    """Returns the photo with the floor drawn on it: uint8 (h, w, 3) sRGB, upright.

    Raises:
        ImageError: the photo cannot be read here.
    """
    pixels = decode_photo(photo, max_megapixels=max_megapixels, seconds=seconds).pixels
    height, width = pixels.shape[:2]
    across, down = width / floor.photo_size[0], height / floor.photo_size[1]
    drawing = Image.new("1", (width, height))
    pen = ImageDraw.Draw(drawing)
    for outline, *holes in floor.polygons:
        for ring, inside in ((outline, 1), *((hole, 0) for hole in holes)):
            pen.polygon([(x * across, y * down) for x, y in ring], fill=inside)
    return overlay(pixels, np.asarray(drawing, bool))


def floor_caption(floor: Floor) -> str:
    """Returns a line about the floor."""
    return (
        f"The floor: {floor.share:.0%} of the photo, found with a confidence of "
        f"{floor.confidence:.0%}."
    )


def sample_rooms() -> list[tuple[str, Path]]:
    """Returns some of the sample rooms, (name, photo); none if this installation has no samples."""
    try:
        photos = sorted((samples() / "rooms").glob("*.jpg"))
    except InputError:
        return []
    # "hall-chevron" would give the product away: the name is the kind of room, one photo for each.
    kinds = {photo.stem.split("-")[0]: photo for photo in reversed(photos)}
    return [(kind.capitalize(), kinds[kind]) for kind in sorted(kinds)][:SAMPLE_ROOMS]


def thumbnail(photo: Path) -> bytes:
    """Returns the middle of a photo as a small JPEG of `ROOM_SIZE`."""
    pixels = load_photo(photo, working_side=2 * ROOM_SIZE[0]).pixels
    file = io.BytesIO()
    ImageOps.fit(Image.fromarray(pixels), ROOM_SIZE).save(file, "JPEG", quality=85)
    return file.getvalue()
