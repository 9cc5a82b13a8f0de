"""Searches that a service keeps for a while, to be asked again by whichever process is asked."""

from __future__ import annotations

import io
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from sqlalchemy import Connection, delete, exists, func, insert, select, update

from floorlens.errors import SearchNotFound
from floorlens.images.loading import Photo, load_photo
from floorlens.search import Sight
from floorlens.service.queries import SearchQuery
from floorlens.service.schema import photos, searches, sights
from floorlens.service.sights import pack_sight, unpack_sight
from floorlens.service.store import Store

QUALITY = 95
"""Of the photos, as JPEG with colours at full resolution."""
_RECENT = 8
"""So many photos, the last ones, also stay in memory with their pixels, 4 MB each at most: what is
asked of a search is mostly asked soon after it."""
_TO = 0.95
"""When there is too much, so much of the limit stays: the next writes have room."""


@dataclass(frozen=True)
class KeptSearch:
    """A search that is kept.

    Attributes:
        id: 128 random bits, safe in an address.
        owner: the id of the key that made it; None: made without a key.
        expires: until when it is kept, in seconds since 1970.
        query: what it asks.
        upload: names its photos, which searches that began as one share.
        sight: names what its photos show.
        encoder: which models made the features of that.
    """

    id: str
    owner: str | None
    expires: float
    query: SearchQuery
    upload: str
    sight: str
    encoder: str


class Searches:
    """The searches in a store. Safe to use from several threads and processes.

    Args:
        store: where they are kept.
        keep_hours: how long each is kept; 0 keeps none, and forgets those that were.
        keep_mb: how many megabytes (10⁶ bytes) all of them may take; the oldest go first.
        clock: tells the seconds since 1970.

    Example:
        >>> from floorlens.service.store import Store
        >>> kept = Searches(Store("service/"), keep_hours=24, keep_mb=100)
        >>> kept.get("unknown", None)
        Traceback (most recent call last):
        floorlens.errors.SearchNotFound: no search 'unknown' is kept: ...
    """

    def __init__(
        self,
        store: Store,
        keep_hours: float,
        keep_mb: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._clock = store, clock
        self._seconds, self._bytes = keep_hours * 3600, keep_mb * 1e6
        self._recent: OrderedDict[str, tuple[float, tuple[Photo, ...]]] = OrderedDict()
        self._recency = threading.Lock()
        self.purge()

    @property
    def kept(self) -> bool:
        """Whether searches are kept at all."""
        return self._seconds > 0

    def add(
        self,
        owner: str | None,
        query: SearchQuery,
        sight: Sight,
        encoder: str,
        taken: Sequence[Photo],
    ) -> KeptSearch | None:
        """Keeps a search with its photos, and returns it; None where none are kept.

        Args:
            owner: the id of the key that makes it.
            query: what it asks.
            sight: what its photos show.
            encoder: which models made the features of the sight.
            taken: the photos. Their pixels are kept as JPEG, and nothing of their files.

        Raises:
            StateError: it cannot be written.
        """
        if not self.kept:
            return None
        upload = _new_id()
        rows: list[dict[str, Any]] = [
            {
                "upload_id": upload,
                "position": position,
                "bytes": len(jpeg),
                "content_hash": photo.content_hash,
                "width": photo.size[0],
                "height": photo.size[1],
                "jpeg": jpeg,
            }
            for position, photo in enumerate(taken)
            for jpeg in [_jpeg(photo)]
        ]
        content = pack_sight(sight)
        # A power cut may take the last ones along: nobody waits for the disk because of that.
        with self._store.writing(durable=False) as connection:
            self._purge(connection, len(content) + sum(len(row["jpeg"]) for row in rows))
            connection.execute(insert(photos), rows)
            search = self._insert(connection, owner, query, upload, content, encoder)
        self._remember(upload, tuple(taken))
        return search

    def refine(
        self,
        search: KeptSearch,
        owner: str | None,
        query: SearchQuery,
        sight: Sight | None,
        encoder: str,
    ) -> KeptSearch | None:
        """Keeps a search of the same photos, and returns it; None where none are kept.

        Args:
            search: the one that it begins with.
            owner, query, encoder: as for `add`.
            sight: what its photos show; None: the same as in `search`, which is stored once.

        Raises:
            SearchNotFound: `search` has gone meanwhile.
            StateError: it cannot be written.
        """
        if not self.kept:
            return None
        content = None if sight is None else pack_sight(sight)
        with self._store.writing(durable=False) as connection:
            # Not purged yet: the photos are those of a search that may be about to go.
            present = select(searches.c.sight_id).where(searches.c.id == search.id)
            if connection.execute(present).scalar() is None:
                raise _not_found(search.id)
            refined = self._insert(
                connection,
                owner,
                query,
                search.upload,
                search.sight if content is None else content,
                encoder,
            )
            self._purge(connection)
            return refined

    def get(self, search_id: str, owner: str | None, *, every: bool = False) -> KeptSearch:
        """Returns a search.

        Args:
            search_id: of the search.
            owner: the id of the key that asks.
            every: whether it may be another one's.

        Raises:
            SearchNotFound: none of that id is kept, or it is another one's.
            StateError: what is kept cannot be read.
        """
        query = (
            select(searches, sights.c.encoder)
            .join(sights, sights.c.id == searches.c.sight_id)
            .where(searches.c.id == search_id, searches.c.expires > self._clock())
        )
        with self._store.reading() as connection:
            row = connection.execute(query).first()
        if row is None or not self.kept or not (every or row.key_id == owner):
            raise _not_found(search_id)
        return KeptSearch(
            row.id,
            row.key_id,
            row.expires,
            SearchQuery.from_json(row.query),
            row.upload_id,
            row.sight_id,
            row.encoder,
        )

    def sight(self, search: KeptSearch) -> Sight:
        """Returns what the photos of a search show.

        Raises:
            SearchNotFound: it has gone meanwhile.
            StateError: it cannot be read.
        """
        with self._store.reading() as connection:
            content = connection.execute(
                select(sights.c.content).where(sights.c.id == search.sight)
            ).scalar()
        if content is None:
            raise _not_found(search.id)
        return unpack_sight(content)

    def see_anew(self, search: KeptSearch, sight: Sight, encoder: str) -> None:
        """Puts what other models see in the place of what a search's photos show.

        Raises:
            StateError: it cannot be written.
        """
        content = pack_sight(sight)
        own = sights.c.id == search.sight
        with self._store.writing() as connection:
            connection.execute(
                update(sights)
                .where(own)
                .values(content=content, bytes=len(content), encoder=encoder)
            )

    def hashes(self, search: KeptSearch) -> tuple[str, ...]:
        """Returns the SHA-256 of the file of each photo of a search.

        Raises:
            SearchNotFound: it has gone meanwhile.
        """
        query = select(photos.c.content_hash).where(photos.c.upload_id == search.upload)
        with self._store.reading() as connection:
            hashes = tuple(connection.execute(query.order_by(photos.c.position)).scalars())
        if not hashes:
            raise _not_found(search.id)
        return hashes

    def photos(self, search: KeptSearch) -> tuple[Photo, ...]:
        """Returns the photos of a search, at working size.

        Raises:
            SearchNotFound: it has gone meanwhile.
        """
        with self._recency:
            recent = self._recent.get(search.upload)
        if recent is not None:
            # They are gone with the search, however recent they are.
            self.hashes(search)
            return recent[1]
        query = select(photos).where(photos.c.upload_id == search.upload)
        with self._store.reading() as connection:
            rows = connection.execute(query.order_by(photos.c.position)).all()
        if not rows:
            raise _not_found(search.id)
        taken = tuple(
            Photo(load_photo(row.jpeg).pixels, (row.width, row.height), row.content_hash)
            for row in rows
        )
        self._remember(search.upload, taken)
        return taken

    def _remember(self, upload: str, taken: tuple[Photo, ...]) -> None:
        with self._recency:
            self._recent[upload] = (self._clock() + self._seconds, taken)
            while sum(len(one) for _, one in self._recent.values()) > _RECENT:
                self._recent.popitem(last=False)

    def _forget_old(self) -> None:
        now = self._clock()
        with self._recency:
            for upload in [one for one, (end, _) in self._recent.items() if end <= now]:
                del self._recent[upload]

    def jpeg(self, search: KeptSearch, position: int) -> bytes | None:
        """Returns a photo of a search, from 0, as it is kept; None if it has not so many."""
        own = (photos.c.upload_id == search.upload) & (photos.c.position == position)
        with self._store.reading() as connection:
            jpeg: bytes | None = connection.execute(select(photos.c.jpeg).where(own)).scalar()
        return jpeg

    def purge(self) -> None:
        """Deletes what is too old, and the oldest of what is too much.

        Raises:
            StateError: it cannot be written.
        """
        with self._store.writing() as connection:
            self._purge(connection)

    def _insert(
        self,
        connection: Connection,
        owner: str | None,
        query: SearchQuery,
        upload: str,
        sight: str | bytes,
        encoder: str,
    ) -> KeptSearch:
        if isinstance(sight, bytes):
            content, sight = sight, _new_id()
            connection.execute(
                insert(sights).values(
                    id=sight, bytes=len(content), encoder=encoder, content=content
                )
            )
        now = self._clock()
        written = query.as_json()
        search = KeptSearch(_new_id(), owner, now + self._seconds, query, upload, sight, encoder)
        connection.execute(
            insert(searches).values(
                id=search.id,
                key_id=owner,
                created=now,
                expires=search.expires,
                upload_id=upload,
                sight_id=sight,
                bytes=len(written),
                query=written,
            )
        )
        return search

    def _purge(self, connection: Connection, coming: int = 0) -> None:
        """Deletes what is too old or too much; `coming` bytes are going to be written."""
        self._forget_old()
        old = searches.c.expires <= self._clock() if self.kept else searches.c.id.is_not(None)
        if connection.execute(delete(searches).where(old)).rowcount:
            _drop_unused(connection)
        if _bytes(connection) + coming <= self._bytes:
            return
        while _bytes(connection) + coming > _TO * self._bytes:
            # The oldest hundredth at a time: searches that began as one share what they take.
            count = connection.execute(select(func.count()).select_from(searches)).scalar_one()
            oldest = select(searches.c.id).order_by(searches.c.created).limit(1 + count // 100)
            if not connection.execute(delete(searches).where(searches.c.id.in_(oldest))).rowcount:
                return
            _drop_unused(connection)


def _bytes(connection: Connection) -> int:
    sizes = (
        select(func.coalesce(func.sum(table.c.bytes), 0)) for table in (photos, sights, searches)
    )
    return sum(int(connection.execute(size).scalar_one()) for size in sizes)


def _drop_unused(connection: Connection) -> None:
    """Deletes the photos and the sights that no search has."""
    for table, name, column in (
        (photos, photos.c.upload_id, searches.c.upload_id),
        (sights, sights.c.id, searches.c.sight_id),
    ):
        used = exists().where(column == name).correlate(table)
        connection.execute(delete(table).where(~used))


def _jpeg(photo: Photo) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(photo.pixels)).save(
        file, "JPEG", quality=QUALITY, subsampling=0
    )
    return file.getvalue()


def _new_id() -> str:
    return secrets.token_urlsafe(16)


def _not_found(search_id: str) -> SearchNotFound:
    return SearchNotFound(
        f"no search {search_id!r} is kept: it never was, is too old, or belongs to another key"
    )
