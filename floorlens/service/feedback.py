"""What people say of matches, right or wrong, with the photos and floors that they saw.

A verdict is of a product and the photos of a search: it holds for all searches that began as one,
also where the floor on the photos was corrected.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from sqlalchemy import Connection, Row, delete, exists, func, insert, select

from floorlens.errors import FeedbackFull, FeedbackNotFound, SearchNotFound
from floorlens.images.masks import mask_png
from floorlens.service.schema import (
    feedback,
    feedback_floors,
    feedback_photos,
    photos,
    searches,
    sights,
)
from floorlens.service.searches import KeptSearch
from floorlens.service.sights import unpack_sight
from floorlens.service.store import Store

Verdict = Literal["right", "wrong"]
VERDICTS: tuple[Verdict, ...] = ("right", "wrong")
FEEDBACK_MB = 1000.0
"""Megabytes (10⁶ bytes) that all feedback may take, unless the settings say otherwise."""
_ROW = 200
"""Bytes of a verdict in the store, beside its ids."""


@dataclass(frozen=True)
class Remark:
    """What one person says of one match.

    Attributes:
        search_id: of the search that it was said of last.
        product_id: of the product.
        verdict: whether that is the product on the floor.
        owner: the id of the key that said it; None: said without a key.
        created: when, in seconds since 1970.
        upload: names the photos, which searches that began as one share.
        floor: names the floors on them that were seen, which searches of the same share.
    """

    search_id: str
    product_id: str
    verdict: Verdict
    owner: str | None
    created: float
    upload: str
    floor: str

    def as_dict(self) -> dict[str, Any]:
        """Returns it as plain JSON values."""
        return {
            "search_id": self.search_id,
            "product_id": self.product_id,
            "verdict": self.verdict,
            "created": self.created,
        }


@dataclass(frozen=True)
class Room:
    """A photo whose floor somebody saw.

    Attributes:
        floor: as in `Remark`.
        number: of the photo among those of its search, from 1.
        jpeg: the photo at working size.
        mask: its floor, a PNG.
    """

    floor: str
    number: int
    jpeg: bytes
    mask: bytes


def latest_remarks(remarks: Iterable[Remark]) -> list[Remark]:
    """Returns of each product and the same photos what was said last, the latest last.

    An earlier Floorlens kept one verdict for each search of the photos.

    Args:
        remarks: the latest first.

    Example:
        >>> said = [Remark(one, "oak", "right", None, 0.0, "photos", "floor") for one in "ba"]
        >>> [remark.search_id for remark in latest_remarks(said)]
        ['b']
    """
    latest: dict[tuple[str, str], Remark] = {}
    for remark in remarks:
        latest.setdefault((remark.upload, remark.product_id), remark)
    return list(latest.values())[::-1]


class Feedback:
    """The feedback in a store. Safe to use from several threads and processes.

    Example:
        >>> from floorlens.service.store import Store
        >>> Feedback(Store("service/")).remarks()
        []
    """

    def __init__(
        self,
        store: Store,
        feedback_mb: float = FEEDBACK_MB,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Takes the store, megabytes that all may take, and what tells the seconds since 1970."""
        self._store, self._bytes, self._clock = store, feedback_mb * 1e6, clock

    def say(
        self, search: KeptSearch, product_id: str, verdict: Verdict, owner: str | None
    ) -> Remark:
        """Keeps a verdict in the place of an earlier one; photos and floors are copied.

        Searches that began as one share their photos, and their floors unless these were changed:
        the owner's earlier one may be of any of them.

        Args:
            search: whose match it is of.
            product_id: of the product.
            verdict: right or wrong.
            owner: the id of the key that says it.

        Raises:
            FeedbackFull: all feedback would take more than it may; nothing is changed.
            SearchNotFound: the search has gone meanwhile.
            StateError: it cannot be written.
        """
        created = self._clock()
        remark = Remark(search.id, product_id, verdict, owner, created, search.upload, search.sight)
        with self._store.writing() as connection:
            before = _bytes(connection)
            earlier = _is(search.upload, product_id)
            earlier &= _by(owner) | (feedback.c.search_id == search.id)
            replaces = connection.execute(delete(feedback).where(earlier)).rowcount > 0
            connection.execute(
                insert(feedback).values(
                    search_id=search.id,
                    product_id=product_id,
                    verdict=verdict,
                    key_id=owner,
                    created=created,
                    upload_id=search.upload,
                    sight_id=search.sight,
                    bytes=_ROW + len(search.id) + len(product_id.encode()),
                )
            )
            _copy(connection, search)
            if replaces:
                _drop_unused(connection)
            after = _bytes(connection)
            # A verdict that takes the place of another one adds nothing, but a larger floor does.
            if after > max(before, self._bytes):
                raise FeedbackFull(
                    f"feedback takes {self._bytes / 1e6:g} MB, as much as it may: export and "
                    "delete some, or raise FLOORLENS_FEEDBACK_MB"
                )
        return remark

    def take_back(
        self, search: KeptSearch | str, product_id: str, owner: str | None = None, *, every: bool
    ) -> bool:
        """Forgets a verdict, and photos and floors with the last one that needs them.

        Returns whether there was one.

        Args:
            search: any of the photos; once they are gone, the id of that which it was said of.
            product_id: of the product.
            owner: the id of the key that asks.
            every: whether it may be another one's.

        Raises:
            StateError: it cannot be written.
        """
        with self._store.writing() as connection:
            upload = _upload(connection, search) if isinstance(search, str) else search.upload
            own = _is(upload, product_id)
            if not every:
                own &= _by(owner)
            gone = connection.execute(delete(feedback).where(own)).rowcount
            _drop_unused(connection)
            return bool(gone)

    def delete(self, search_id: str) -> int:
        """Deletes all that was said of a search and of those that share its photos, and the photos.

        Returns how many verdicts that were.

        Raises:
            FeedbackNotFound: nothing was said of it.
            StateError: it cannot be written.
        """
        with self._store.writing() as connection:
            own = feedback.c.upload_id == _upload(connection, search_id)
            gone = connection.execute(delete(feedback).where(own)).rowcount
            if not gone:
                raise FeedbackNotFound(
                    f"nothing was said of a search {search_id!r}: `floorlens feedback list` shows "
                    "the searches of which something was"
                )
            _drop_unused(connection)
            return gone

    def of_search(self, search: KeptSearch) -> list[Remark]:
        """Returns what was said last of each product and the photos of a search."""
        query = select(feedback).where(feedback.c.upload_id == search.upload)
        query = query.order_by(feedback.c.created.desc(), feedback.c.search_id)
        with self._store.reading() as connection:
            rows = connection.execute(query).all()
        return latest_remarks(map(_remark, rows))

    def count(self) -> int:
        """Returns how many verdicts there are."""
        with self._store.reading() as connection:
            return connection.execute(select(func.count()).select_from(feedback)).scalar_one()

    def remarks(
        self, after: tuple[float, str, str] | None = None, limit: int | None = None
    ) -> list[Remark]:
        """Returns what was said, the latest first.

        Args:
            after: when the last one of the page before was said, of which search and product; None
                begins with the latest.
            limit: at most so many; None: all.
        """
        created, search_id, product_id = (
            feedback.c.created,
            feedback.c.search_id,
            feedback.c.product_id,
        )
        query = select(feedback).order_by(created.desc(), search_id, product_id)
        if after is not None:
            when, search, product = after
            further = (search_id > search) | ((search_id == search) & (product_id > product))
            query = query.where((created < when) | ((created == when) & further))
        with self._store.reading() as connection:
            rows = connection.execute(query.limit(limit)).all()
        return [_remark(row) for row in rows]

    def rooms(self) -> Iterator[Room]:
        """Yields the photos with a floor of which something was said, one at a time.

        Raises:
            StateError: they cannot be read.
        """
        query = (
            select(feedback_floors, feedback_photos.c.jpeg)
            .join(
                feedback_photos,
                (feedback_photos.c.upload_id == feedback_floors.c.upload_id)
                & (feedback_photos.c.position == feedback_floors.c.position),
            )
            .order_by(feedback_floors.c.sight_id, feedback_floors.c.position)
        )
        with self._store.reading() as connection:
            for row in connection.execution_options(yield_per=1).execute(query):
                yield Room(row.sight_id, row.position + 1, row.jpeg, row.mask)


def _is(upload: str | None, product_id: str) -> Any:
    return (feedback.c.upload_id == upload) & (feedback.c.product_id == product_id)


def _by(owner: str | None) -> Any:
    return feedback.c.key_id.is_(None) if owner is None else feedback.c.key_id == owner


def _upload(connection: Connection, search_id: str) -> str | None:
    """Returns the name of the photos of a search that is kept, or of which something was said."""
    for table, column in ((searches, searches.c.id), (feedback, feedback.c.search_id)):
        query = select(table.c.upload_id).where(column == search_id).limit(1)
        upload: str | None = connection.execute(query).scalar()
        if upload is not None:
            return upload
    return None


def _copy(connection: Connection, search: KeptSearch) -> None:
    """Copies photos and floors of a search that are not there yet."""
    floors = select(feedback_floors.c.position).where(feedback_floors.c.sight_id == search.sight)
    if connection.execute(floors).first() is not None:
        return
    query = select(sights.c.content).where(sights.c.id == search.sight)
    content = connection.execute(query).scalar()
    rows = connection.execute(select(photos).where(photos.c.upload_id == search.upload))
    jpegs: Mapping[int, bytes] = {row.position: row.jpeg for row in rows}
    if content is None or not jpegs:
        raise SearchNotFound(f"no search {search.id!r} is kept any more")
    copied = set(
        connection.execute(
            select(feedback_photos.c.position).where(feedback_photos.c.upload_id == search.upload)
        ).scalars()
    )
    masks = {
        position: mask_png(floor.working_mask)
        for position, floor in enumerate(unpack_sight(content).floors)
        if floor is not None
    }
    for position, mask in masks.items():
        own = {"upload_id": search.upload, "position": position}
        if position not in copied:
            jpeg = jpegs[position]
            values = {**own, "bytes": len(jpeg), "jpeg": jpeg}
            connection.execute(insert(feedback_photos).values(values))
        values = {**own, "sight_id": search.sight, "bytes": len(mask), "mask": mask}
        connection.execute(insert(feedback_floors).values(values))


def _bytes(connection: Connection) -> int:
    sizes = (
        select(func.coalesce(func.sum(table.c.bytes), 0))
        for table in (feedback, feedback_photos, feedback_floors)
    )
    return sum(int(connection.execute(size).scalar_one()) for size in sizes)


def _drop_unused(connection: Connection) -> None:
    """Deletes the photos and the floors that no verdict needs."""
    for table, name, column in (
        (feedback_floors, feedback_floors.c.sight_id, feedback.c.sight_id),
        (feedback_photos, feedback_photos.c.upload_id, feedback.c.upload_id),
    ):
        used = exists().where(column == name).correlate(table)
        connection.execute(delete(table).where(~used))


def _remark(row: Row[Any]) -> Remark:
    verdict = cast("Verdict", row.verdict)
    return Remark(
        *(row.search_id, row.product_id, verdict, row.key_id, row.created),
        *(row.upload_id, row.sight_id),
    )
