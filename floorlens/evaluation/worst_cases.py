"""The page of worst cases: what went worst in an evaluation, with pictures, since figures hide
causes.

The commands say what is on it (`RoomCase`, `MaskCase`); this module reads, draws and writes the
pictures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from floorlens import html as pages
from floorlens.errors import FloorlensError
from floorlens.evaluation.datasets import ProductFolder, read_full_size, read_true_mask
from floorlens.evaluation.metrics import resize_nearest
from floorlens.images.drawing import overlay, picture_file
from floorlens.segmentation import FloorRegion

MOST = 40
"""How many cases a page shows."""
CASES = "cases.json"
"""The file beside a page that says the same for programs (`CasePicture`)."""
_PHOTO_SIDE, _PRODUCT_SIDE = 720, 320
_MISSED = np.array([235, 60, 60], dtype=np.float32)
_EXTRA = np.array([70, 120, 255], dtype=np.float32)

FindMask = Callable[[bytes], FloorRegion]
"""Finds the floor in the bytes of a photo; it may raise."""


@dataclass(frozen=True)
class Card:
    """A product beside a room.

    Attributes:
        product: its id.
        score: 0..1; None where it was not ranked.
        right: whether it is an answer that was wanted; its picture gets an outline.
        place: its rank from 1; None: it is shown as the true product.
        grade: its judgment; None where there are no grades.
        ranking: the heading of the ranking that it belongs to; "" where there is one alone.
    """

    product: str
    score: float | None
    right: bool
    place: int | None = None
    grade: int | None = None
    ranking: str = ""


@dataclass(frozen=True)
class RoomCase:
    """A room and the products that were ranked for it.

    Attributes:
        title: what happened, in a line.
        reason: why nothing was ranked; "" if something was.
        name: what the photo is called.
        photo: the file, or its pixels, uint8 (h, w, 3); None where there is none to show.
        cards: the products, in the order of the page; those of one ranking side by side.
    """

    title: str
    reason: str
    name: str
    photo: Path | NDArray[np.uint8] | None
    cards: tuple[Card, ...]


@dataclass(frozen=True)
class MaskCase:
    """A photo and its true mask.

    Attributes:
        title: what happened, in a line.
        reason: why there is no mask; "" if there is one.
        name: what the photo is called.
        image: the photo; None where it is missing.
        mask: the true mask; None where it is missing.
    """

    title: str
    reason: str
    name: str
    image: Path | None
    mask: Path | None


@dataclass(frozen=True)
class CasePicture:
    """A picture of a case.

    Attributes:
        file: its name; None where it cannot be read.
        shows: "room" (with its floor drawn) or "product"; of masks "photo", "true", "predicted" or
            "difference".
        product: the id, of a product.
        place, score, grade, right: of a product, as in `Card`.
    """

    file: str | None
    shows: str
    product: str | None = None
    place: int | None = None
    score: float | None = None
    grade: int | None = None
    right: bool | None = None


def write_rooms(
    folder: Path,
    title: str,
    lead: str,
    cases: Sequence[RoomCase],
    products: ProductFolder,
    find_mask: FindMask | None = None,
) -> Path:
    """Writes a page of rooms, each with its floor drawn and products beside it.

    Returns the page's path.

    Args:
        folder: where index.html and its pictures go; made if absent.
        title: the page's title, plain text.
        lead: what stands below it, plain text.
        cases: the rooms, in the order of the page.
        products: where the products' pictures lie.
        find_mask: the measured pipeline's own, called for each room; None draws no floors.

    Example:
        >>> from pathlib import Path
        >>> from floorlens import Floorlens
        >>> from floorlens.evaluation.datasets import read_products
        >>> from floorlens.evaluation.worst_cases import Card, RoomCase, write_rooms
        >>> card = Card("oak-natural-plank", 0.7, right=True, place=1)
        >>> case = RoomCase("room: rank 1 of 3", "", "room", Path("room.jpg"), (card,))
        >>> products = read_products(Path("products"))
        >>> with Floorlens.open("catalogue") as lens:
        ...     write_rooms(Path("worst"), "Rooms", "One room.", [case], products, lens.mask)
        PosixPath('worst/index.html')
    """
    album = _Album(folder, products)
    sections, described = [], []
    for number, case in enumerate(cases, start=1):
        room = CasePicture(album.write_room(number, case, find_mask), "room")
        pictures = [room] if case.photo is not None else []
        figures: dict[str, list[str]] = {}
        for card in case.cards:
            file = album.write_product(card.product)
            figures.setdefault(card.ranking, []).append(_card_figure(card, file))
            pictures.append(
                CasePicture(
                    file,
                    "product",
                    card.product,
                    card.place,
                    card.score,
                    card.grade,
                    card.right,
                )
            )
        sections.append(_section(case.title, case.reason, _room_figure(case, room), figures))
        described.append(_described(case, pictures))
    return _write_page(folder, title, lead, sections, described)


def write_masks(
    folder: Path, title: str, lead: str, cases: Sequence[MaskCase], find_mask: FindMask
) -> Path:
    """Writes a page of photos: as they are, with the true floor, the predicted one, the difference.

    Returns the page's path; the arguments are those of `write_rooms`.

    Example:
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from floorlens import Floorlens
        >>> from floorlens.evaluation.worst_cases import MaskCase, write_masks
        >>> Image.new("L", (40, 30), 255).save("mask.png")
        >>> case = MaskCase("room: IoU 0.3", "", "room", Path("room.jpg"), Path("mask.png"))
        >>> with Floorlens.open("catalogue") as lens:
        ...     write_masks(Path("worst"), "Masks", "One mask.", [case], lens.mask)
        PosixPath('worst/index.html')
    """
    sections, described = [], []
    for number, case in enumerate(cases, start=1):
        pictures = _write_masks(folder, number, case, find_mask)
        figures = [
            pages.figure(str(one.file), one.shows, alt=f"{case.name}: {one.shows}")
            for one in pictures
        ]
        sections.append(_section(case.title, case.reason, "", {"": figures}))
        described.append(_described(case, pictures))
    return _write_page(folder, title, lead, sections, described)


class _Album:
    """Writes pictures into the page's folder, each product once, and returns their names."""

    def __init__(self, folder: Path, products: ProductFolder) -> None:
        self._folder = folder
        self._products = products
        self._name_of: dict[str, str | None] = {}

    def write_room(self, number: int, case: RoomCase, find_mask: FindMask | None) -> str | None:
        """Writes the room with its mask drawn, or the photo alone; None: it cannot be read."""
        if case.photo is None:
            return None
        target = self._folder / f"room-{number:03d}.jpg"
        if isinstance(case.photo, Path):
            try:
                drawing = read_full_size(case.photo)
            except FloorlensError:
                return None
            if find_mask is not None:
                mask = _prediction(case.photo, find_mask, drawing.shape[:2])
                drawing = drawing if mask is None else overlay(drawing, mask)
        else:
            drawing = case.photo
        picture_file(drawing, target, _PHOTO_SIDE)
        return target.name

    def write_product(self, product: str) -> str | None:
        """Writes a product's picture, if that was not done before; None where it has none."""
        if product not in self._name_of:
            self._name_of[product] = self._write_product(product)
        return self._name_of[product]

    def _write_product(self, product: str) -> str | None:
        name = self._products.file_of.get(product)
        if name is None:
            return None
        # Numbered, since a product's id may hold what a file name or an address may not.
        target = self._folder / f"product-{len(self._name_of):04d}.jpg"
        try:
            picture_file(read_full_size(self._products.folder / name), target, _PRODUCT_SIDE)
        except FloorlensError:
            return None
        return target.name


def _room_figure(case: RoomCase, room: CasePicture) -> str:
    if case.photo is None:
        return ""
    if room.file is None:
        return "<p class='warn'>The photo cannot be read.</p>"
    alt = f"Room {case.name} with the floor outlined"
    return pages.figure(room.file, escape(case.name), alt=alt)


def _card_figure(card: Card, file: str | None) -> str:
    caption = _caption(card)
    if file is None:
        return f"<figure><figcaption>{caption} (no picture)</figcaption></figure>"
    kind = "true" if card.right else ""
    return pages.figure(file, caption, alt=f"Product {card.product}", kind=kind)


def _caption(card: Card) -> str:
    place = "<b>true</b>:" if card.place is None else f"{card.place}."
    grade = "" if card.grade is None else f": <b>grade {card.grade}</b>"
    score = "not ranked" if card.score is None else f"score {card.score:.3f}"
    bar = "" if card.place is None or card.score is None else pages.score_bar(card.score)
    return f"{place} {escape(card.product)}{grade}<br>{score}{bar}"


def _write_masks(
    folder: Path, number: int, case: MaskCase, find_mask: FindMask
) -> list[CasePicture]:
    """Writes the four pictures of a case and returns them; none where one is missing."""
    if case.image is None or case.mask is None:
        return []
    try:
        pixels, truth = read_full_size(case.image), read_true_mask(case.mask)
    except FloorlensError:
        return []
    shape = pixels.shape[:2]
    floor, ignored = resize_nearest(truth.floor, shape), resize_nearest(truth.ignored, shape)
    prediction = _prediction(case.image, find_mask, shape)
    if prediction is None:
        prediction = np.zeros(shape, dtype=np.bool_)
    pictures = []
    for name, picture in (
        ("photo", pixels),
        ("true", overlay(pixels, floor)),
        ("predicted", overlay(pixels, prediction)),
        ("difference", _difference(pixels, floor, prediction, ignored)),
    ):
        target = folder / f"mask-{number:03d}-{name}.jpg"
        picture_file(picture, target, _PHOTO_SIDE)
        pictures.append(CasePicture(target.name, name))
    return pictures


def _difference(
    pixels: NDArray[np.uint8],
    floor: NDArray[np.bool_],
    prediction: NDArray[np.bool_],
    ignored: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """Returns the photo in grey, missed floor red, wrong floor blue: uint8 (h, w, 3)."""
    grey = np.repeat(pixels.mean(axis=-1, keepdims=True), 3, axis=-1).astype(np.float32)
    for wrong, colour in ((floor & ~prediction, _MISSED), (prediction & ~floor, _EXTRA)):
        grey[wrong & ~ignored] = 0.4 * grey[wrong & ~ignored] + 0.6 * colour
    return grey.astype(np.uint8)


def _prediction(
    path: Path, find_mask: FindMask, shape: tuple[int, ...]
) -> NDArray[np.bool_] | None:
    """Returns the predicted mask at the photo's size, None where it has none."""
    try:
        return resize_nearest(find_mask(path.read_bytes()).mask, (shape[0], shape[1]))
    except Exception:  # noqa: BLE001
        # The measurement has listed why; the page still shows the photo.
        return None


def _section(title: str, reason: str, photo: str, rankings: Mapping[str, Sequence[str]]) -> str:
    """Returns a section of the page; `rankings` are figures by the heading above them."""
    warning = f'<p class="warn">{escape(reason)}</p>' if reason else ""
    kind = "grid" if photo else "grid wide"
    body = ""
    for heading, figures in rankings.items():
        body += f"<p><b>{escape(heading)}</b></p>" if heading else ""
        body += f'<div class="{kind}">{"".join(figures)}</div>'
    if photo:
        body = f'<div class="split"><div>{photo}</div><div>{body}</div></div>'
    return f"<section><h2>{escape(title)}</h2>{warning}{body}</section>"


def _described(case: RoomCase | MaskCase, pictures: Sequence[CasePicture]) -> dict[str, Any]:
    """Returns a case as plain JSON values."""
    return {
        "title": case.title,
        "name": case.name,
        "reason": case.reason,
        "pictures": [asdict(picture) for picture in pictures],
    }


def _write_page(
    folder: Path,
    title: str,
    lead: str,
    sections: Sequence[str],
    described: Sequence[Mapping[str, Any]],
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CASES).write_text(json.dumps(described), encoding="utf-8")
    target = folder / "index.html"
    body = f"<p>{escape(lead)}</p>\n" + "\n".join(sections)
    target.write_text(pages.page(title, body), encoding="utf-8")
    return target
