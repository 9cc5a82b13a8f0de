"""What people say of matches, right or wrong, with the photos and floors that they saw."""

from __future__ import annotations

import csv
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Literal, cast

from sqlalchemy import delete, exists, func, insert, select

from floorlens.errors import UsageError
from floorlens.images.formats import SUFFIXES
from floorlens.images.masks import mask_png
from floorlens.products.export import spreadsheet_cell
from floorlens.products.product import Product
from floorlens.service.schema import feedback, feedback_photos, photos, sights
from floorlens.service.searches import KeptSearch
from floorlens.service.sights import unpack_sight
from floorlens.service.store import Store

Verdict = Literal["right", "wrong"]
VERDICTS: tuple[Verdict, ...] = ("right", "wrong")
SOURCE = "feedback"
"""What `pairs.csv` says of where its pairs come from."""


@dataclass(frozen=True)
class Remark:
    """What one person says of one match.

    Attributes:
        search_id: of the search.
        product_id: of the product.
        verdict: whether that is the product on the floor.
        owner: the id of the key that said it; None: said without a key.
        created: when, in seconds since 1970.
    """

    search_id: str
    product_id: str
    verdict: Verdict
    owner: str | None
    created: float

    def as_dict(self) -> dict[str, Any]:
        """Returns it as plain JSON values."""
        return {
            "search_id": self.search_id,
            "product_id": self.product_id,
            "verdict": self.verdict,
            "created": self.created,
        }


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


class Feedback:
    """The feedback in a store. Safe to use from several threads and processes.

    Example:
        >>> from floorlens.service.store import Store
        >>> Feedback(Store("service/")).remarks()
        []
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.time) -> None:
        """Takes the store, and what tells the seconds since 1970."""
        self._store, self._clock = store, clock

    def say(
        self, search: KeptSearch, product_id: str, verdict: Verdict, owner: str | None
    ) -> Remark:
        """Keeps a verdict in the place of an earlier one; photos and floors are copied.

        Args:
            search: whose match it is of.
            product_id: of the product.
            verdict: right or wrong.
            owner: the id of the key that says it.

        Raises:
            StateError: it cannot be written.
        """
        remark = Remark(search.id, product_id, verdict, owner, self._clock())
        with self._store.writing() as connection:
            own = (feedback.c.search_id == search.id) & (feedback.c.product_id == product_id)
            connection.execute(delete(feedback).where(own))
            connection.execute(
                insert(feedback).values(
                    search_id=search.id,
                    product_id=product_id,
                    verdict=verdict,
                    key_id=owner,
                    created=remark.created,
                )
            )
            copied = select(feedback_photos.c.position).where(
                feedback_photos.c.search_id == search.id
            )
            if connection.execute(copied).first() is not None:
                return remark
            content = connection.execute(
                select(sights.c.content).where(sights.c.id == search.sight)
            ).scalar_one()
            rows = connection.execute(select(photos).where(photos.c.upload_id == search.upload))
            jpegs = {row.position: row.jpeg for row in rows}
            connection.execute(
                insert(feedback_photos),
                [
                    {
                        "search_id": search.id,
                        "position": position,
                        "jpeg": jpegs[position],
                        "mask": mask_png(floor.working_mask),
                    }
                    for position, floor in enumerate(unpack_sight(content).floors)
                    if floor is not None
                ],
            )
        return remark

    def take_back(self, search_id: str, product_id: str) -> bool:
        """Forgets a verdict, and the photos with the last one of their search.

        Returns whether there was one.

        Raises:
            StateError: it cannot be written.
        """
        with self._store.writing() as connection:
            own = (feedback.c.search_id == search_id) & (feedback.c.product_id == product_id)
            gone = connection.execute(delete(feedback).where(own)).rowcount
            others = exists().where(feedback.c.search_id == feedback_photos.c.search_id)
            connection.execute(
                delete(feedback_photos).where(
                    feedback_photos.c.search_id == search_id, ~others.correlate(feedback_photos)
                )
            )
            return bool(gone)

    def of_search(self, search_id: str) -> list[Remark]:
        """Returns what was said of a search, in order of product."""
        query = select(feedback).where(feedback.c.search_id == search_id)
        with self._store.reading() as connection:
            rows = connection.execute(query.order_by(feedback.c.product_id)).all()
        return [_remark(row) for row in rows]

    def count(self) -> int:
        """Returns how many verdicts there are."""
        with self._store.reading() as connection:
            return connection.execute(select(func.count()).select_from(feedback)).scalar_one()

    def remarks(self, offset: int = 0, limit: int | None = None) -> list[Remark]:
        """Returns what was said, the latest first.

        Args:
            offset: so many are passed over.
            limit: at most so many; None: all.
        """
        query = select(feedback).order_by(
            feedback.c.created.desc(), feedback.c.search_id, feedback.c.product_id
        )
        with self._store.reading() as connection:
            rows = connection.execute(query.offset(offset).limit(limit)).all()
        return [_remark(row) for row in rows]

    def write_evaluation_set(self, products: Sequence[Product], folder: Path) -> EvaluationSet:
        """Writes what was said as a folder that `floorlens eval pairs` reads.

        Beside what that reads (rooms/, products/, pairs.csv) there are masks/, the floors that
        people saw; adapt.csv, for `floorlens adapt --pairs`; and feedback.csv, all that was said.

        Args:
            products: of the catalogue: all are ranked, the first picture of each.
            folder: where to write; it is made, or is empty.

        Raises:
            UsageError: the folder is not empty, or cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise UsageError(f"{folder}: is not empty: name a folder that is, or a new one")
            return self._write(products, folder)
        except OSError as error:
            raise UsageError(f"{folder}: cannot be written ({error.strerror})") from error

    def _write(self, products: Sequence[Product], folder: Path) -> EvaluationSet:
        rooms, masks, pictures = (folder / name for name in ("rooms", "masks", "products"))
        for place in (rooms, masks, pictures):
            place.mkdir()
        remarks = self.remarks()
        rooms_of: dict[str, list[str]] = {}
        with self._store.reading() as connection:
            for row in connection.execution_options(yield_per=1).execute(select(feedback_photos)):
                # Ids of searches may begin with a hyphen, which commands take for an option.
                stem = f"room_{row.search_id}_{row.position + 1}"
                (rooms / f"{stem}.jpg").write_bytes(row.jpeg)
                (masks / f"{stem}.png").write_bytes(row.mask)
                rooms_of.setdefault(row.search_id, []).append(f"{stem}.jpg")
        files, missing = _copy_pictures(products, pictures)
        right = [
            (room, remark.product_id)
            for remark in reversed(remarks)
            if remark.verdict == "right"
            for room in rooms_of.get(remark.search_id, ())
        ]
        unknown = {product for _, product in right if product not in files}
        pairs = [(room, product) for room, product in right if product in files]
        _write_csv(
            folder / "pairs.csv",
            ("room", "product", "source"),
            ((room, files[product], SOURCE) for room, product in pairs),
        )
        _write_csv(
            folder / "adapt.csv",
            ("room", "product"),
            # A room teaches one product: the one that was said last.
            ((f"rooms/{room}", product) for room, product in dict(pairs).items()),
        )
        _write_csv(
            folder / "feedback.csv",
            ("search", "room", "product", "verdict", "created"),
            (
                # For people: a spreadsheet must compute nothing of an id.
                (
                    one.search_id,
                    room,
                    spreadsheet_cell(one.product_id),
                    one.verdict,
                    f"{one.created:.0f}",
                )
                for one in reversed(remarks)
                for room in rooms_of.get(one.search_id, ())
            ),
        )
        return EvaluationSet(
            rooms=sum(map(len, rooms_of.values())),
            pairs=len(pairs),
            products=len(files),
            missing=tuple(sorted(unknown | missing)),
        )


def _copy_pictures(products: Sequence[Product], folder: Path) -> tuple[dict[str, str], set[str]]:
    """Copies the first picture of each product; returns id -> file name, and ids without one."""
    files: dict[str, str] = {}
    missing: set[str] = set()
    for number, product in enumerate(products, 1):
        source = Path(product.images[0]) if product.images else None
        suffix = "" if source is None else source.suffix.lower()
        if source is None or suffix not in SUFFIXES:
            missing.add(product.id)
            continue
        # An evaluation takes a file's stem for the product's id; not every id can be one.
        name = f"{number:05d}-{_stem(product.id)}{suffix}"
        try:
            shutil.copyfile(source, folder / name)
        except OSError:
            missing.add(product.id)
            continue
        files[product.id] = name
    return files, missing


def _stem(product_id: str) -> str:
    letters = (letter if letter.isalnum() or letter in "-_" else "-" for letter in product_id)
    return PurePath("".join(letters)[:60]).name


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        # Ids come from elsewhere, and people open these files in spreadsheets.
        writer.writerows(map(spreadsheet_cell, row) for row in rows)


def _remark(row: Any) -> Remark:
    verdict = cast("Verdict", row.verdict)
    return Remark(row.search_id, row.product_id, verdict, row.key_id, row.created)
