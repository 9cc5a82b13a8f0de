"""A catalogue's own pairs: a list of room photos whose product is known, and their features."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from floorlens.catalogue.batches import Progress, batches, workers
from floorlens.catalogue.known_rooms import KnownRoom, RoomPhoto
from floorlens.catalogue.rows import StoredProduct
from floorlens.errors import FloorlensError, ImageError, ProductSourceError, UsageError
from floorlens.images.addresses import shown_address
from floorlens.images.decoding import PICTURE_SECONDS, decode_photo
from floorlens.images.loading import read_bytes
from floorlens.pipeline import floor_region, floor_view
from floorlens.presets import Stages
from floorlens.products.columns import Columns, find_columns
from floorlens.products.delimited import read_delimited
from floorlens.products.export import of_spreadsheet_cell
from floorlens.products.places import Places
from floorlens.products.reading import read_list_bytes

COLUMNS = {"id": ("product",), "image": ("room",)}
"""The columns of a list of pairs, in the roles that they have in a list of products."""
LEAST_ROOMS, LEAST_PRODUCTS = 10, 5
"""Fewer usable rooms, or fewer products of theirs, say nothing of others."""


@dataclass(frozen=True)
class PairRow:
    """A row of a list of pairs, and what became of it.

    Attributes:
        id: the room photo, as the list names it.
        product: what the list says of the product; once that is found, its id.
        place: where the row stands in the list: "line 3".
        photo: the photo; None if the row cannot be used.
        reason: why it cannot be used; None if it can.
    """

    id: str
    product: str
    place: str
    photo: RoomPhoto | None = None
    reason: str | None = None

    @property
    def status(self) -> str:
        """ "usable" or "failed"."""
        return "usable" if self.reason is None else "failed"

    def failure(self, reason: str) -> PairRow:
        """Returns the row with the reason why it cannot be used."""
        return replace(self, photo=None, reason=reason)

    def as_dict(self) -> dict[str, str | None]:
        """Returns the row as plain JSON values."""
        return {
            "room": self.id,
            "product": self.product,
            "place": self.place,
            "status": self.status,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class PairList:
    """A list of pairs.

    Attributes:
        rows: one for each of its rows, in its order.
        rooms: those that can be used, sorted by product and photo.
    """

    rows: tuple[PairRow, ...]
    rooms: tuple[KnownRoom, ...]


def read_rooms(
    path: Path,
    products: Sequence[StoredProduct],
    stages: Stages,
    *,
    folder: Path | None = None,
    stored: Sequence[KnownRoom] = (),
    max_megapixels: float,
    picture_seconds: float = PICTURE_SECONDS,
    progress: Progress | None = None,
) -> PairList:
    """Returns a list of pairs, its rooms described; those that are stored already are not opened.

    Args:
        path, products, folder: as for `read_pairs`.
        stages, max_megapixels, picture_seconds, progress: as for `describe_rooms`.
        stored: rooms that these stages have described before.

    Raises:
        UsageError: too few of its rows can be used.
        ProductSourceError: as for `read_pairs`.

    Example:
        >>> read_rooms(Path("pairs.csv"), products, stages, max_megapixels=120)  # doctest: +SKIP
        PairList(rows=(PairRow(id='room.jpg', ...), ...), rooms=(KnownRoom(...), ...))
    """
    rows = read_pairs(path, products, folder)
    scenes = {room.photo.content_hash: room.scene for room in stored}
    photos = [row.photo for row in rows if row.photo is not None]
    new = [photo for photo in photos if photo.content_hash not in scenes]
    outcomes: dict[str, KnownRoom | str] = {
        photo.content_hash: KnownRoom(photo, scenes[photo.content_hash])
        for photo in photos
        if photo.content_hash in scenes
    }
    described = describe_rooms(
        new,
        stages,
        max_megapixels=max_megapixels,
        picture_seconds=picture_seconds,
        progress=progress,
    )
    outcomes |= {photo.content_hash: one for photo, one in zip(new, described, strict=True)}
    rooms = []
    for number, row in enumerate(rows):
        outcome = None if row.photo is None else outcomes[row.photo.content_hash]
        if isinstance(outcome, str):
            rows[number] = row.failure(outcome)
        elif outcome is not None:
            rooms.append(outcome)
    check_enough_rooms(path, rooms, products, rows)
    rooms.sort(key=lambda room: (room.photo.product_id, room.photo.content_hash))
    return PairList(tuple(rows), tuple(rooms))


def check_enough_rooms(
    path: Path,
    rooms: Sequence[KnownRoom],
    products: Sequence[StoredProduct],
    rows: Sequence[PairRow],
) -> None:
    """Returns if a list has enough rooms to be measured.

    Args:
        path: of the list, for the error.
        rooms: those that can be used.
        products: those of the catalogue, theirs among them.
        rows: of the list, for the error.

    Raises:
        UsageError: fewer than `LEAST_ROOMS`, or of fewer products than `LEAST_PRODUCTS`.

    Example:
        >>> check_enough_rooms(Path("pairs.csv"), [], [], [])
        Traceback (most recent call last):
        ...
        floorlens.errors.UsageError: pairs are learned from ... pairs.csv has 0 of 0
    """
    pictures = {one.product.id: tuple(sorted(one.content_hashes)) for one in products}
    different = len({pictures[room.photo.product_id] for room in rooms})
    if len(rooms) >= LEAST_ROOMS and different >= LEAST_PRODUCTS:
        return
    failed = [f"{row.place}: {row.reason}" for row in rows if row.reason is not None]
    more = f"; and {len(failed) - 3} more" if len(failed) > 3 else ""
    why = f". {len(failed)} rows cannot be used: {'; '.join(failed[:3])}{more}" if failed else ""
    raise UsageError(
        f"pairs are learned from if they are {LEAST_ROOMS} usable rooms of {LEAST_PRODUCTS} "
        f"different products or more: {path} has {len(rooms)} of {different}{why}"
    )


def read_pairs(
    path: Path, products: Sequence[StoredProduct], folder: Path | None = None
) -> list[PairRow]:
    r"""Returns the rows of a list of pairs, in their order; what cannot be used says why.

    Args:
        path: a CSV with the columns `room` and `product`, as spreadsheets write it; others do not
            count. A room is the path of a photo, relative to the list's folder; a product its id,
            or the file name of one of its pictures, with or without its ending.
        products: those of the catalogue.
        folder: a further folder in which photos may lie.

    Raises:
        ProductSourceError: the list is missing, is none, or lacks a column.
        UsageError: the further folder is none.

    Example:
        >>> _ = Path("pairs.csv").write_text("room,product\nroom.jpg,unknown\n")
        >>> [row.reason for row in read_pairs(Path("pairs.csv"), [])]
        ["the catalogue has no product 'unknown', and none with such a picture"]
    """
    if folder is not None and not folder.is_dir():
        raise UsageError(f"{folder}: no such folder of room photos: name the one in which they lie")
    places = Places(
        path.parent,
        pictures=() if folder is None else (folder,),
        address=_refuse_address,
        option="--rooms",
    )
    catalogue = _Names(products)
    lines: dict[str, str] = {}
    rows = []
    for row in _rows(path):
        if row.reason is None:
            try:
                row = _locate(row, places, catalogue, lines)
            except FloorlensError as error:
                row = row.failure(str(error).removeprefix(f"{row.place}: "))
        rows.append(row)
    return rows


def _refuse_address(address: str) -> str:
    raise ImageError(
        f"{shown_address(address)} is an address: save the photo, and name its file in the list"
    )


def _locate(row: PairRow, places: Places, catalogue: _Names, lines: dict[str, str]) -> PairRow:
    """Returns a row with its photo and its product; `lines` has where each photo stood before."""
    product_id = catalogue.product(row.product)
    path = places.find(row.id, row.place)
    if Path(path).is_dir():
        raise ProductSourceError(f"{row.id!r} is a folder: name one photo")
    content_hash = hashlib.sha256(read_bytes(Path(path))).hexdigest()
    if content_hash in lines:
        raise ProductSourceError(f"is the same photo as in {lines[content_hash]}")
    lines[content_hash] = row.place
    owner = catalogue.owners.get(content_hash)
    if owner is not None:
        raise ProductSourceError(
            f"is a picture of the product {owner!r} in the catalogue: nothing is learned from it"
        )
    return replace(row, product=product_id, photo=RoomPhoto(product_id, path, content_hash))


def _rows(path: Path) -> Iterator[PairRow]:
    data = read_list_bytes(path)
    try:
        table = read_delimited(data, _columns)
    except ProductSourceError as error:
        raise ProductSourceError(f"{path}: {error}") from error
    columns = _columns(table.header)
    if columns.id is None or columns.absent:
        raise ProductSourceError(
            f"{path}: lacks the column {' and '.join(columns.absent)}: a list of pairs is a CSV "
            f"with the columns room and product, and this one has {', '.join(table.header)}"
        )
    if not table.rows:
        raise ProductSourceError(f"{path}: holds no rows")
    for row in table.rows:
        cells = [str(cell or "").strip() for cell in row.cells] + [""] * len(table.header)
        pair = PairRow(cells[columns.images[0]], cells[columns.id], row.place)
        if row.fault is not None:
            yield pair.failure(row.fault)
        elif not pair.id or not pair.product:
            yield pair.failure(f"has no {'product' if pair.id else 'room'}")
        else:
            yield pair


def _columns(header: Sequence[str]) -> Columns:
    return find_columns(header, COLUMNS)


class _Names:
    """What the products of a catalogue may be called in a list."""

    def __init__(self, products: Sequence[StoredProduct]) -> None:
        self._ids = {stored.product.id for stored in products}
        self._by_file: dict[str, set[str]] = {}
        self.owners: dict[str, str] = {}
        for stored in products:
            for content_hash in stored.content_hashes:
                self.owners.setdefault(content_hash, stored.product.id)
            for uri in stored.product.images:
                for name in (Path(uri).name, Path(uri).stem):
                    self._by_file.setdefault(name.casefold(), set()).add(stored.product.id)

    def product(self, text: str) -> str:
        """Returns the id of the product that a text means.

        Raises:
            ProductSourceError: none, or more than one.
        """
        for product_id in (text, of_spreadsheet_cell(text)):
            if product_id in self._ids:
                return product_id
        ids = self._by_file.get(text.replace("\\", "/").rsplit("/", 1)[-1].casefold(), set())
        if len(ids) == 1:
            return next(iter(ids))
        if ids:
            raise ProductSourceError(
                f"{text!r} is a picture of {', '.join(sorted(ids)[:3])}: give the product's id"
            )
        raise ProductSourceError(
            f"the catalogue has no product {text!r}, and none with such a picture"
        )


def describe_rooms(
    photos: Sequence[RoomPhoto],
    stages: Stages,
    *,
    max_megapixels: float,
    picture_seconds: float = PICTURE_SECONDS,
    progress: Progress | None = None,
) -> list[KnownRoom | str]:
    """Returns each photo with the features that a search takes of it; else why that is impossible.

    Args:
        photos: the photos.
        stages: whose segmenter, normaliser and embedder describe them.
        max_megapixels: larger photos are refused.
        picture_seconds: how long decoding one may take.
        progress: called after each photo, with how many are done.

    Example:
        >>> from floorlens.testing import fake_stages
        >>> photo = RoomPhoto("oak", "room.jpg", "")
        >>> describe_rooms([photo], fake_stages(), max_megapixels=120)
        ['room.jpg: is another photo than it was']
    """
    outcomes: list[KnownRoom | str] = []

    def describe(photo: RoomPhoto) -> KnownRoom | str:
        try:
            return _describe(photo, stages, max_megapixels, picture_seconds)
        except FloorlensError as error:
            return str(error)

    with workers() as pool:
        for batch in batches(photos):
            for outcome in pool.map(describe, batch):
                outcomes.append(outcome)
                if progress is not None:
                    progress(len(outcomes), len(photos))
    return outcomes


def _describe(
    photo: RoomPhoto, stages: Stages, max_megapixels: float, seconds: float
) -> KnownRoom | str:
    picture = decode_photo(Path(photo.path), max_megapixels=max_megapixels, seconds=seconds)
    if picture.content_hash != photo.content_hash:
        return f"{photo.path}: is another photo than it was"
    floor = floor_region(picture, stages)
    view = floor_view(picture, floor.working_mask, stages, floor.turn)
    return KnownRoom(photo, stages.embedder.features({"scene": view}).aspects["scene"])
