"""Feedback as an evaluation set, which `floorlens eval pairs` and `adapt --pairs` read.

It has rooms/, products/ and pairs.csv; masks/, the floors that people saw; adapt.csv, for
`floorlens adapt --pairs`; and feedback.csv, all that was said.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO, Protocol
from zipfile import ZIP_STORED, ZipFile

from floorlens.errors import UsageError
from floorlens.images.formats import SUFFIXES
from floorlens.products.export import spreadsheet_cell
from floorlens.products.product import Product
from floorlens.service.feedback import Feedback, latest_remarks

SOURCE = "feedback"
"""What `pairs.csv` says of where its pairs come from."""
FOLDER = "feedback"
"""The folder in an archive."""


@dataclass(frozen=True)
class EvaluationSet:
    """What an export wrote.

    Attributes:
        rooms: photos.
        pairs: rows of pairs.csv, rooms with their product.
        products: pictures in products/.
        missing: ids of products whose picture cannot be read any more, and of those that were said
            to be right and are not in the catalogue.
    """

    rooms: int
    pairs: int
    products: int
    missing: tuple[str, ...]


def write_folder(feedback: Feedback, products: Sequence[Product], folder: Path) -> EvaluationSet:
    """Writes feedback as a folder, and returns what was written.

    Args:
        feedback: what was said.
        products: of the catalogue: all are ranked, the first picture of each.
        folder: where to write; it is made, or is empty.

    Raises:
        UsageError: the folder is not empty, or cannot be written.
        StateError: the feedback cannot be read.

    Example:
        >>> from floorlens.service.store import Store
        >>> write_folder(Feedback(Store("service/")), [], Path("said")).pairs
        0
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UsageError(f"{folder}: is not empty: name a folder that is, or a new one")
        for name in ("rooms", "masks", "products"):
            (folder / name).mkdir()
        return _write(feedback, products, _Folder(folder), lambda: None)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written ({error.strerror})") from error


def write_archive(
    feedback: Feedback,
    products: Sequence[Product],
    file: IO[bytes],
    progress: Callable[[], None] = lambda: None,
) -> EvaluationSet:
    """Writes feedback as a ZIP with such a folder, and returns what was written.

    Args:
        feedback, products: as for `write_folder`.
        file: where to write.
        progress: called before each file; what it raises ends the work.

    Raises:
        OSError: the file cannot be written.
        StateError: the feedback cannot be read.

    Example:
        >>> from floorlens.service.store import Store
        >>> file = io.BytesIO()
        >>> written = write_archive(Feedback(Store("service/")), [], file)
        >>> ZipFile(file).namelist()
        ['feedback/pairs.csv', 'feedback/adapt.csv', 'feedback/feedback.csv']
    """
    # Pictures are compressed already.
    with ZipFile(file, "w", ZIP_STORED) as archive:
        return _write(feedback, products, _Archive(archive), progress)


class _Target(Protocol):
    def write(self, name: str, data: bytes) -> None: ...

    def copy(self, name: str, source: Path) -> bool:
        """Copies a file; returns whether it can be read."""


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, data: bytes) -> None:
        (self._folder / name).write_bytes(data)

    def copy(self, name: str, source: Path) -> bool:
        try:
            shutil.copyfile(source, self._folder / name)
        except OSError:
            return False
        return True


class _Archive:
    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive

    def write(self, name: str, data: bytes) -> None:
        self._archive.writestr(f"{FOLDER}/{name}", data)

    def copy(self, name: str, source: Path) -> bool:
        # At once, so that a file that cannot be read leaves nothing half-written.
        try:
            data = source.read_bytes()
        except OSError:
            return False
        self.write(name, data)
        return True


def _write(
    feedback: Feedback,
    products: Sequence[Product],
    target: _Target,
    progress: Callable[[], None],
) -> EvaluationSet:
    remarks = feedback.remarks()
    rooms_of: dict[str, list[tuple[int, str]]] = {}
    for room in feedback.rooms():
        progress()
        # Ids may begin with a hyphen, which commands take for an option.
        stem = f"room_{room.floor}_{room.number}"
        target.write(f"rooms/{stem}.jpg", room.jpeg)
        target.write(f"masks/{stem}.png", room.mask)
        rooms_of.setdefault(room.floor, []).append((room.number, f"{stem}.jpg"))
    files, missing = _copy_pictures(products, target, progress)
    # What was said last of a photo and a product counts, whichever of its searches it was said of.
    right = [
        remark
        for remark in latest_remarks(remarks)
        if remark.verdict == "right" and remark.floor in rooms_of
    ]
    unknown = {remark.product_id for remark in right if remark.product_id not in files}
    pairs = [
        (remark, number, room)
        for remark in right
        if remark.product_id in files
        for number, room in rooms_of[remark.floor]
    ]
    # A photo teaches one product: the one that was said last, on whichever of its floors.
    lessons = {
        (remark.upload, number): (f"rooms/{room}", remark.product_id)
        for remark, number, room in pairs
    }
    _write_csv(
        target,
        "pairs.csv",
        ("room", "product", "source"),
        ((room, files[remark.product_id], SOURCE) for remark, _, room in pairs),
    )
    _write_csv(target, "adapt.csv", ("room", "product"), lessons.values())
    _write_csv(
        target,
        "feedback.csv",
        ("search", "room", "product", "verdict", "created"),
        (
            (remark.search_id, room, remark.product_id, remark.verdict, f"{remark.created:.0f}")
            for remark in reversed(remarks)
            for _, room in rooms_of.get(remark.floor, ())
        ),
    )
    return EvaluationSet(
        rooms=sum(map(len, rooms_of.values())),
        pairs=len(pairs),
        products=len(files),
        missing=tuple(sorted(unknown | missing)),
    )


def _copy_pictures(
    products: Sequence[Product], target: _Target, progress: Callable[[], None]
) -> tuple[dict[str, str], set[str]]:
    """Copies the first picture of each product; returns id -> file name, and ids without one."""
    files: dict[str, str] = {}
    missing: set[str] = set()
    for number, product in enumerate(products, 1):
        progress()
        source = Path(product.images[0]) if product.images else None
        suffix = "" if source is None else source.suffix.lower()
        # An evaluation takes a file's stem for the product's id; not every id can be one.
        name = f"{number:05d}-{_stem(product.id)}{suffix}"
        if source is None or suffix not in SUFFIXES or not target.copy(f"products/{name}", source):
            missing.add(product.id)
        else:
            files[product.id] = name
    return files, missing


def _stem(product_id: str) -> str:
    letters = (letter if letter.isalnum() or letter in "-_" else "-" for letter in product_id)
    return PurePath("".join(letters)[:60]).name


def _write_csv(
    target: _Target, name: str, columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    # Ids come from elsewhere, and people open these files in spreadsheets.
    writer.writerows(map(spreadsheet_cell, row) for row in rows)
    target.write(name, text.getvalue().encode())
