"""The HTML report of a demo: each room with its floor drawn, and the ranking beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from floorlens.errors import FloorlensError
from floorlens.explanation.above import floor_patch
from floorlens.html import figure, page, table
from floorlens.images.drawing import overlay, picture_file
from floorlens.images.loading import Photo, load_photo
from floorlens.look.parts import product_card, word_badge
from floorlens.products.offer import offer_of, price_text
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
ROOM_SIDE = 1000
PATCH_SIDE = 240
PRODUCT_SIDE = 400


@dataclass(frozen=True)
class RoomOutcome:
    """The result for one room photo of a demo.

    Attributes:
        name: the photo's file name.
        photo: the photo; None if it could not be read.
        result: the ranking; None if there is none.
        problem: why there is no ranking; None if there is.
        truth: the id of the product that is on the floor, where it is known.
    """

    name: str
    photo: Photo | None
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
    body = f'<p class="lead">{escape(_summary(rooms))}</p>' + "".join(sections) + _FOOTER
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(title, body), encoding="utf-8")
    return path


_FOOTER = (
    "<footer><p>The word says how close a product looks. The bars say how alike floor and product "
    "are in each respect. A percentage is the probability that this is the product on the floor, "
    "if the catalogue holds it, learned on rooms whose product is known; products that are "
    "further away have none.</p></footer>"
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
        shown = ""
        if room.photo is not None:
            file = picture_file(room.photo.pixels, pictures / f"room-{number}.jpg", ROOM_SIDE)
            shown = figure(f"{pictures.name}/{file.name}", "", alt=room.name)
        problem = f'<p class="fl-note fl-error">{escape(room.problem or "")}</p>'
        return f'<section>{heading}<div class="split"><div>{shown}</div>{problem}</div></section>'
    floor = _floor(room.name, room.photo, room.result, number, pictures)
    ranking = _ranking(room.result, room.truth, pictures, thumbnails, count)
    return (
        f'<section>{heading}<div class="split"><div>{floor}</div><div>{ranking}</div></div>'
        "</section>"
    )


def _floor(
    name: str, photo: Photo | None, result: SearchResult, number: int, pictures: Path
) -> str:
    """Returns the photo with its floor drawn, a piece of the floor, and what is said of both."""
    text = (
        f"The floor: {result.floor.share:.0%} of the photo, confidence "
        f"{result.floor.confidence:.0%}. Ranked in {result.timings['total'] * 1000:.0f} ms."
    )
    verdict = f'<p class="fl-note">{escape(result.verdict)}</p>' if result.verdict else ""
    if photo is None:
        return f'<p class="soft">{text}</p>{verdict}'
    drawing = overlay(photo.pixels, result.floor.working_mask)
    file = picture_file(drawing, pictures / f"room-{number}.jpg", ROOM_SIDE)
    drawn = figure(f"{pictures.name}/{file.name}", text, alt=f"{name}, floor drawn")
    patch = floor_patch(photo, result.floor)
    file = picture_file(patch.pixels, pictures / f"floor-{number}.jpg", PATCH_SIDE)
    caption = "A piece of the floor" + (", seen from above" if patch.straight else "")
    piece = figure(f"{pictures.name}/{file.name}", caption, alt=f"{name}, {caption}", kind="patch")
    return f"{drawn}{piece}{verdict}"


def _ranking(
    result: SearchResult,
    truth: str | None,
    pictures: Path,
    thumbnails: dict[str, str | None],
    count: int,
) -> str:
    """Returns cards of the first products, those that cannot be told apart by themselves."""
    cards = [
        _card(match, pictures, thumbnails, match.product.id == truth, _score(result, match))
        for match in result.matches[:count]
    ]
    equals = 0 if result.nothing_close else min(result.equals, len(cards))
    groups = (
        (f"Most likely one of these {equals}" if equals > 1 else "Closest", cards[:equals]),
        ("Then" if equals else "Nearest", cards[equals:]),
    )
    text = "".join(
        f'<h3>{title}</h3><div class="fl-cards">{"".join(group)}</div>'
        for title, group in groups
        if group
    )
    rest = result.matches[count:]
    if rest:
        rows = [
            [
                f"{match.rank}",
                escape(match.product.name),
                escape(" · ".join(_facts(match.product))),
                word_badge(match.word),
            ]
            for match in rest
        ]
        text += (
            f"<details><summary>{len(rest)} more products</summary>"
            f"{table(('rank', 'product', 'material', 'how close'), rows)}</details>"
        )
    return text


def _score(result: SearchResult, match: Match) -> str:
    """Returns a score as it is written: in per cent where it is a probability.

    It is "" for products that are too far away for a word: their figures say nothing.
    """
    if not result.equals:
        return "" if result.nothing_close else f"score {match.score * 100:.0f}"
    if match.word is None:
        return ""
    return f"{match.score:.0%}" if match.score >= 0.005 else ""


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
    notes = (
        _EVIDENCE[match.evidence],
        "its picture cannot be read any more" if thumbnails[product.id] is None else "",
        "the product on this floor" if is_truth else "",
    )
    return product_card(
        match.rank,
        product.name,
        thumbnails[product.id],
        facts=_facts(product),
        price=price_text(offer_of(product.metadata)) or "",
        word=match.word,
        score=score,
        components=match.components,
        reason=match.reason,
        note="; ".join(filter(None, notes)),
        mark=is_truth,
    )


def _facts(product: Product) -> list[str]:
    """Returns what a shop says first of a product: its material and its kind."""
    values = (product.metadata.get(name) for name in ("material", "family"))
    return list(dict.fromkeys(str(value) for value in values if value))


def _thumbnail(product: Product, pictures: Path, number: int) -> str | None:
    try:
        pixels = load_photo(product.images[0], working_side=PRODUCT_SIDE).pixels
    except FloorlensError:
        return None
    file = picture_file(pixels, pictures / f"product-{number}.jpg", PRODUCT_SIDE)
    return f"{pictures.name}/{file.name}"
