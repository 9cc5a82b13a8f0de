"""The first matches of a search as a PDF to print: photo, floor, a card for each product.

Imported when one is asked for: the library that writes PDFs takes a while to load.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import font_roboto
import numpy as np
from fontTools.ttLib import TTFont
from fpdf import FPDF
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from floorlens.images.contours import polygons
from floorlens.images.drawing import jpeg_bytes
from floorlens.images.formats import PILLOW_FORMATS
from floorlens.products.offer import offer_of, price_text
from floorlens.products.texts import tidy
from floorlens.ranking import Match

Colour = tuple[int, int, int]

INK: Colour = (31, 29, 26)
SOFT: Colour = (110, 104, 96)
LINE: Colour = (224, 218, 208)
PAPER: Colour = (247, 244, 239)
ACCENT: Colour = (22, 101, 92)
WORDS: Mapping[str, Colour] = {
    "same floor": (22, 101, 92),
    "very close": (22, 101, 92),
    "close": (138, 90, 20),
    "related": (110, 104, 96),
}
"""Word of a match -> the colour behind it."""
BARS = ("colour", "texture", "pattern")
MARGIN, GUTTER = 14.0, 6.0
WIDTH = 210 - 2 * MARGIN
CARD_WIDTH, CARD_HEIGHT = (WIDTH - GUTTER) / 2, 40.0
PICTURE = 33.0
PIXELS = 320
"""A side of a product's picture, as on a card of the page: 230 to the inch."""
PHOTO_WIDTH, PHOTO_HEIGHT = 118.0, 76.0
PATCH = 40.0
_FONT = Path(font_roboto.font_files["Roboto"])
_FALLBACK = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
"""Of Debian's package fonts-dejavu-core: scripts that Roboto does not have."""


@dataclass(frozen=True)
class Sheet:
    """What is printed.

    Attributes:
        when: the day that stands on it.
        photo: a picture file: the photo with its floor.
        patch: a picture file: a square of that floor.
        lines: what is said of the ranking as a whole, in sentences.
        matches: of each product its match and a picture file; None where it has none.
    """

    when: date
    photo: bytes
    patch: bytes
    lines: Sequence[str]
    matches: Iterable[tuple[Match, bytes | None]]


def floor_drawn(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> bytes:
    """Returns a photo as a JPEG, pale but for its floor, which has an outline.

    On paper it costs less ink than the dark of the page.
    """
    pale = (0.45 * pixels + 0.55 * 250).astype(np.uint8)
    image = Image.fromarray(np.where(mask[..., None], pixels, pale))
    pen = ImageDraw.Draw(image)
    width = max(2, round(max(image.size) / 300))
    for part in polygons(mask):
        for ring in part:
            points = [(float(x), float(y)) for x, y in (*ring, ring[0])]
            pen.line(points, ACCENT, width, joint="curve")
    return jpeg_bytes(np.asarray(image))


def sheet_pdf(sheet: Sheet) -> bytes:
    """Returns a sheet as a PDF of A4 pages."""
    pdf = _Pdf()
    pdf.add_page()
    _head(pdf, sheet)
    column, top = 0, pdf.get_y()
    for match, picture in sheet.matches:
        if top + CARD_HEIGHT > pdf.h - pdf.b_margin:
            pdf.add_page()
            column, top = 0, pdf.t_margin
        _card(pdf, match, picture, MARGIN + column * (CARD_WIDTH + GUTTER), top)
        column += 1
        if column == 2:
            column, top = 0, top + CARD_HEIGHT + 4
    return bytes(pdf.output())


class _Pdf(FPDF):
    """A4 with our fonts, and the number of each page at its foot."""

    def __init__(self) -> None:
        super().__init__()
        self.set_margin(MARGIN)
        self.set_auto_page_break(False)
        self.b_margin = 14
        self.c_margin = 0
        fonts = font_roboto.font_files
        self.add_font("sans", "", fonts["Roboto"])
        self.add_font("sans", "B", fonts["RobotoMedium"])
        self._has_other = False
        self.set_title("Floors like yours")
        self.set_creator("Floorlens")
        self.set_lang("en")

    def footer(self) -> None:
        """Is called at the end of each page."""
        self.set_y(-11)
        self.put_font(7.5, SOFT)
        self.cell(0, 4, "Floorlens")
        self.set_x(self.l_margin)
        self.cell(0, 4, f"{self.page_no()} / {{nb}}", align="R")

    def put_font(self, size: float, colour: Colour = INK, style: str = "") -> None:
        """Sets what the next texts look like."""
        self.set_font("sans", style, size)
        self.set_text_color(*colour)

    def put_lines(
        self, text: str, x: float, y: float, width: float, height: float, most: int
    ) -> int:
        """Writes a text in at most so many lines, and returns in how many."""
        if not self._has_other and not _letters(_FONT).issuperset(map(ord, text)):
            # It takes a while to read, and few sheets need it.
            self.add_font("other", "", _FALLBACK)
            self.set_fallback_fonts(["other"], exact_match=False)
            self._has_other = True
        lines = _wrapped(text, width, self.get_string_width, most + 1)
        if len(lines) > most:
            last = lines[most - 1]
            while last and self.get_string_width(f"{last}…") > width:
                last = last[:-1]
            lines = [*lines[: most - 1], f"{last.rstrip()}…"]
        for number, line in enumerate(lines):
            self.set_xy(x, y + number * height)
            self.cell(width, height, line)
        return len(lines)


def _head(pdf: _Pdf, sheet: Sheet) -> None:
    pdf.put_font(21, INK, "B")
    pdf.set_xy(MARGIN, MARGIN - 2)
    pdf.cell(WIDTH, 9, "Floors like yours")
    pdf.put_font(9, SOFT)
    pdf.set_xy(MARGIN, MARGIN)
    pdf.cell(WIDTH, 7, f"{sheet.when.day} {sheet.when:%B %Y}", align="R")
    top = MARGIN + 11
    with Image.open(io.BytesIO(sheet.photo), formats=PILLOW_FORMATS) as image:
        scale = min(PHOTO_WIDTH / image.width, PHOTO_HEIGHT / image.height)
        width, height = image.width * scale, image.height * scale
    pdf.image(io.BytesIO(sheet.photo), MARGIN, top, width, height, alt_text="the room")
    x = MARGIN + width + GUTTER
    pdf.set_fill_color(*ACCENT)
    pdf.rect(x, top, 12, 1.2, "F")
    y = top + 4.5
    for number, line in enumerate(sheet.lines):
        pdf.put_font(*((11, INK, "B") if number == 0 else (9, SOFT, "")))
        step = 5.2 if number == 0 else 4.4
        y += step * pdf.put_lines(clean(line), x, y, MARGIN + WIDTH - x, step, 6) + 2
    below = max(top + height, y + PATCH + 5)
    pdf.image(io.BytesIO(_rounded(sheet.patch, (255, 255, 255))), x, below - PATCH, PATCH, PATCH)
    pdf.put_font(7.2, SOFT)
    pdf.set_xy(x, below - PATCH - 4.2)
    pdf.cell(PATCH, 4, "Your floor")
    pdf.set_y(below + 6)


def _card(pdf: _Pdf, match: Match, picture: bytes | None, x: float, y: float) -> None:
    pdf.set_fill_color(*PAPER)
    pdf.rect(x, y, CARD_WIDTH, CARD_HEIGHT, "F", round_corners=True, corner_radius=2.5)
    inside = (CARD_HEIGHT - PICTURE) / 2
    if picture is not None:
        cut = _rounded(picture, PAPER)
        pdf.image(io.BytesIO(cut), x + inside, y + inside, PICTURE, PICTURE, alt_text="")
    left = x + 2 * inside + PICTURE
    width = x + CARD_WIDTH - inside - left
    top = y + inside - 0.6
    top = _name(pdf, match, left, top, width)
    facts = " · ".join(_facts(match))
    if facts:
        pdf.put_font(8, SOFT)
        top += 3.7 * pdf.put_lines(clean(facts), left, top, width, 3.7, 1) + 0.6
    if match.word is not None:
        top = _word(pdf, match.word, left, top)
    bars = _bars(match)
    bottom = y + CARD_HEIGHT - inside - 3 * len(bars)
    if match.reason:
        pdf.put_font(7.2, SOFT)
        room = int((bottom - 0.8 - top) / 3.1)
        if room > 0:
            reason = clean(match.reason)
            pdf.put_lines(f"{reason[:1].upper()}{reason[1:]}", left, top, width, 3.1, room)
    for number, (name, share) in enumerate(bars):
        _bar(pdf, name, share, left, bottom + 3 * number, width)


def _name(pdf: _Pdf, match: Match, x: float, y: float, width: float) -> float:
    """Writes rank and name, which is a link where the product has one; returns what is below."""
    pdf.put_font(9.5, INK, "B")
    name = clean(f"{match.rank}  {match.product.name}")
    height = 4.1 * pdf.put_lines(name, x, y, width, 4.1, 2)
    address = link_of(match.product.metadata)
    if address is not None:
        pdf.link(x, y, width, height, address)
        pdf.set_draw_color(*ACCENT)
        pdf.set_line_width(0.25)
        pdf.line(x, y + height, x + min(width, pdf.get_string_width(name)), y + height)
    return y + height + 0.8


def _word(pdf: _Pdf, word: str, x: float, y: float) -> float:
    pdf.put_font(7.2, (255, 255, 255), "B")
    width = pdf.get_string_width(word) + 4
    pdf.set_fill_color(*WORDS.get(word, SOFT))
    pdf.rect(x, y, width, 4.2, "F", round_corners=True, corner_radius=2.1)
    pdf.set_xy(x, y)
    pdf.cell(width, 4.2, word, align="C")
    return y + 5.2


def _bar(pdf: _Pdf, name: str, share: float, x: float, y: float, width: float) -> None:
    pdf.put_font(6.4, SOFT)
    pdf.set_xy(x, y)
    pdf.cell(10, 3, name)
    full = width - 11
    pdf.set_fill_color(*LINE)
    pdf.rect(x + 11, y + 0.9, full, 1.3, "F", round_corners=True, corner_radius=0.65)
    length = full * min(1.0, max(0.0, share))
    if length > 1.4:
        pdf.set_fill_color(*ACCENT)
        pdf.rect(x + 11, y + 0.9, length, 1.3, "F", round_corners=True, corner_radius=0.65)


def _bars(match: Match) -> list[tuple[str, float]]:
    components = match.components or {}
    return [(name, components[name]) for name in BARS if name in components]


def _facts(match: Match) -> Iterator[str]:
    """Yields material and price."""
    offer = offer_of(match.product.metadata)
    look = match.attributes.get("material")
    material = offer.material or (None if look is None else str(look.value))
    yield from filter(None, (material, price_text(offer)))


def link_of(metadata: Mapping[str, Any]) -> str | None:
    """Returns the address of a product's page as a PDF can have it; None without one."""
    link = offer_of(metadata).link
    fits = link is not None and len(link) <= 2000 and link.isascii() and link.isprintable()
    return link if fits else None


def _rounded(picture: bytes, ground: Colour) -> bytes:
    """Returns the middle of a picture as a square with round corners, on some ground."""
    with Image.open(io.BytesIO(picture), formats=PILLOW_FORMATS) as image:
        square = ImageOps.fit(image.convert("RGB"), (PIXELS, PIXELS))
    mask = Image.new("L", (2 * PIXELS, 2 * PIXELS))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, 2 * PIXELS - 1, 2 * PIXELS - 1), 40, 255)
    card = Image.new("RGB", square.size, ground)
    card.paste(square, mask=mask.resize(square.size))
    return jpeg_bytes(np.asarray(card))


def clean(text: str) -> str:
    """Returns a text with "?" for each letter that no font of ours has, and without breaks."""
    line = " ".join(tidy(text[:2000]).split())
    known = _letters(_FONT)
    if not known.issuperset(map(ord, line)):
        known |= _letters(_FALLBACK)
    return "".join(letter if ord(letter) in known else "?" for letter in line)


@cache
def _letters(font: Path) -> frozenset[int]:
    """Returns the letters that a font has; none where it is not installed."""
    return frozenset(TTFont(font, lazy=True).getBestCmap()) if font.is_file() else frozenset()


def _wrapped(text: str, width: float, measure: Callable[[str], float], most: int) -> list[str]:
    """Returns the first lines of a text, none wider; a word that is wider is cut."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if measure(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        while len(lines) < most and measure(word) > width:
            # Long words are of hostile lists: each is measured a few times only.
            end = bisect_right(range(2, len(word)), width, key=lambda end: measure(word[:end])) + 1
            lines.append(word[:end])
            word = word[end:]
        if len(lines) >= most:
            return lines[:most]
        line = word
    return [*lines, line] if line else lines or [""]
