"""The HTML report of a demo: each room with its mask drawn, and the ranking beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from floorlens.errors import FloorlensError
from floorlens.html import figure, page, score_bar
from floorlens.images.drawing import overlay, picture_file
from floorlens.images.loading import load_photo
from floorlens.products.product import Product
from floorlens.reranking import Evidence

if TYPE_CHECKING:
    from floorlens.ranking import Match, SearchResult

#: What a match rests on, in words.
_EVIDENCE: Mapping[Evidence | None, str] = {
    None: "",
    "swatch": "by its swatch",
    "scene": "by its room scene",
    "both": "by its swatch and its room scene",
}
ROOM_SIDE = 900
PRODUCT_SIDE = 320


@dataclass(frozen=True)
class RoomOutcome:
    """The result for one room photo of a demo.

    Attributes:
        name: the photo's file name.
        pixels: uint8 (h, w, 3) sRGB; None if the photo could not be read.
        result: the ranking; None if there is none.
        problem: why there is no ranking; None if there is.
        truth: the id of the product that is on the floor, where it is known.
    """

    name: str
    pixels: NDArray[np.uint8] | None
    result: SearchResult | None
    problem: str | None = None
    truth: str | None = None


def write_report(path: Path, rooms: Sequence[RoomOutcome], *, title: str, cards: int = 12) -> Path:
    """Writes the report and, in a folder beside it, its pictures; returns the report's path.

    Args:
        path: the HTML file; its folder is made if absent.
        rooms: one section each, in this order.
        title: the page's title, plain text.
        cards: how many products of a ranking have a picture; the others are listed by name.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.demo.report import RoomOutcome, write_report
        >>> outcome = RoomOutcome("hall.jpg", None, None, problem="cannot be read")
        >>> write_report(Path("report.html"), [outcome], title="Floors")
        PosixPath('report.html')
    """
    pictures = path.parent / "pictures"
    thumbnails: dict[str, str | None] = {}
    sections = [
        _section(room, number, pictures, thumbnails, cards)
        for number, room in enumerate(rooms, start=1)
    ]
    body = f"<p>{escape(_summary(rooms))}</p>" + "".join(sections) + _FOOTER
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(title, body), encoding="utf-8")
    return path


_FOOTER = (
    "<footer>A percentage is the probability that this is the product on the floor, if the "
    "catalogue holds it, learned on rooms whose product is known. The bar is the likeness, the "
    "weighted mean of the components below it.</footer>"
)


def _summary(rooms: Sequence[RoomOutcome]) -> str:
    results = [room.result for room in rooms if room.result is not None]
    pairs = [
        (room.result, room.truth)
        for room in rooms
        if room.result is not None and room.truth is not None
    ]
    text = f"{len(rooms)} room photos, {results[0].total if results else 0} products."
    if pairs:
        first = sum(result.matches[0].product.id == truth for result, truth in pairs)
        text += f" The product that is on the floor is outlined; it comes first in {first} of "
        text += f"{len(pairs)} rooms."
    return text


def _section(
    room: RoomOutcome,
    number: int,
    pictures: Path,
    thumbnails: dict[str, str | None],
    count: int,
) -> str:
    heading = f"<h2>{escape(room.name)}</h2>"
    if room.result is None:
        photo = ""
        if room.pixels is not None:
            file = picture_file(room.pixels, pictures / f"room-{number}.jpg", ROOM_SIDE)
            photo = figure(f"{pictures.name}/{file.name}", "", alt=room.name)
        problem = f'<p class="warn">{escape(room.problem or "")}</p>'
        return f'<section>{heading}<div class="split">{photo}<div>{problem}</div></div></section>'
    result = room.result
    if room.pixels is not None:
        drawing = overlay(room.pixels, result.floor.working_mask)
        picture_file(drawing, pictures / f"room-{number}.jpg", ROOM_SIDE)
    caption = (
        f"The floor: {result.floor.share:.0%} of the photo, confidence "
        f"{result.floor.confidence:.0%}. Ranked in {result.timings['total'] * 1000:.0f} ms. "
        f"{escape(result.verdict)}"
    )
    photo = figure(f"{pictures.name}/room-{number}.jpg", caption, alt=f"{room.name}, floor drawn")
    cards = "".join(
        _card(match, pictures, thumbnails, match.product.id == room.truth, _score(result, match))
        for match in result.matches[:count]
    )
    rest = result.matches[count:]
    more = ""
    if rest:
        rows = "".join(
            f'<tr><td class="number">{m.rank}</td><td>{escape(m.product.name)}</td>'
            f'<td>{m.word or ""}</td><td class="number">{_score(result, m)}</td></tr>'
            for m in rest
        )
        more = (
            f"<details><summary>{len(rest)} more products</summary>"
            f'<div class="scroll"><table>{rows}</table></div></details>'
        )
    return (
        f'<section>{heading}<div class="split">{photo}<div><div class="grid">{cards}</div>'
        f"{more}</div></div></section>"
    )


def _score(result: SearchResult, match: Match) -> str:
    """Returns a score as it is written: in per cent where it is a probability."""
    if not result.equals:
        return f"{match.score * 100:.0f}"
    return f"{match.score:.0%}" if match.score >= 0.005 else "&lt;1%"


def _card(
    match: Match,
    pictures: Path,
    thumbnails: dict[str, str | None],
    is_truth: bool,
    score: str,
) -> str:
    product = match.product
    if product.id not in thumbnails:
        thumbnails[product.id] = _thumbnail(product, pictures, len(thumbnails))
    source = thumbnails[product.id]
    parts = [
        f"{escape(name)} {value * 100:.0f}" for name, value in (match.components or {}).items()
    ]
    facts = "&nbsp;· ".join(filter(None, (", ".join(parts), _EVIDENCE[match.evidence])))
    bar = score_bar(match.score if match.likeness is None else match.likeness)
    word = f"{match.word}&nbsp;· " if match.word else ""
    caption = (
        f"<b>{match.rank}. {escape(product.name)}</b>&nbsp;· {word}{score}{bar}<span>{facts}</span>"
    )
    if match.reason:
        caption += f"<br><span>{escape(match.reason)}</span>"
    if source is None:
        caption += "<br>(its picture cannot be read any more)"
        return f"<figure><figcaption>{caption}</figcaption></figure>"
    return figure(source, caption, alt=product.name, kind="true" if is_truth else "")


def _thumbnail(product: Product, pictures: Path, number: int) -> str | None:
    try:
        pixels = load_photo(product.images[0], working_side=PRODUCT_SIDE).pixels
    except FloorlensError:
        return None
    file = picture_file(pixels, pictures / f"product-{number}.jpg", PRODUCT_SIDE)
    return f"{pictures.name}/{file.name}"
