"""Features of room photos whose product is known: every adaptation learns from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from floorlens.catalogue.database import Database
from floorlens.catalogue.rows import aspect_values, read_aspect
from floorlens.catalogue.schema import known_rooms, products
from floorlens.embedding import Aspect


@dataclass(frozen=True)
class RoomPhoto:
    """A room photo that shows a product of the catalogue.

    Attributes:
        product_id: the product on its floor.
        path: where the photo lies.
        content_hash: SHA-256 of it.
    """

    product_id: str
    path: str
    content_hash: str


@dataclass(frozen=True)
class KnownRoom:
    """Such a photo, and the features of its floor."""

    photo: RoomPhoto
    scene: Aspect


class KnownRooms:
    """The known rooms in a catalogue, described by one encoder.

    They stay if the pictures of their product change, and go with the product.
    """

    def __init__(self, database: Database, encoder: str) -> None:
        self._database = database
        self._encoder = encoder

    def load(self) -> list[KnownRoom]:
        """Returns all, sorted by product and photo."""
        query = select(known_rooms).where(known_rooms.c.encoder == self._encoder)
        with self._database.reading() as connection:
            rooms = [
                KnownRoom(RoomPhoto(row.product_id, row.uri, row.content_hash), read_aspect(row))
                for row in connection.execute(query)
            ]
        return sorted(rooms, key=lambda room: (room.photo.product_id, room.photo.content_hash))

    def of_others(self) -> list[RoomPhoto]:
        """Returns those that other encoders described and this one did not, sorted by product."""
        columns = (known_rooms.c.product_id, known_rooms.c.uri, known_rooms.c.content_hash)
        ours = known_rooms.c.encoder == self._encoder
        with self._database.reading() as connection:
            present = {
                (row.product_id, row.content_hash)
                for row in connection.execute(select(*columns).where(ours))
            }
            photos = {
                RoomPhoto(row.product_id, row.uri, row.content_hash)
                for row in connection.execute(select(*columns).where(~ours))
                if (row.product_id, row.content_hash) not in present
            }
        return sorted(photos, key=lambda photo: (photo.product_id, photo.content_hash))

    def replace(self, rooms: Sequence[KnownRoom]) -> None:
        """Stores rooms in the place of all, whatever encoder described them.

        None is stored of a product that is gone.
        """
        with self._database.writing(counted=False) as connection:
            connection.execute(delete(known_rooms))
            self._insert(connection, rooms)

    def add(self, rooms: Sequence[KnownRoom]) -> None:
        """Stores rooms beside the others, in the place of what any encoder made of these photos."""
        with self._database.writing(counted=False) as connection:
            for room in rooms:
                connection.execute(
                    delete(known_rooms).where(
                        known_rooms.c.product_id == room.photo.product_id,
                        known_rooms.c.content_hash == room.photo.content_hash,
                    )
                )
            self._insert(connection, rooms)

    def _insert(self, connection: Connection, rooms: Sequence[KnownRoom]) -> None:
        present = set(connection.execute(select(products.c.id)).scalars())
        values = [
            {
                "product_id": room.photo.product_id,
                "uri": room.photo.path,
                "content_hash": room.photo.content_hash,
                "encoder": self._encoder,
                **aspect_values(room.scene),
            }
            for room in rooms
            if room.photo.product_id in present
        ]
        if values:
            connection.execute(insert(known_rooms), values)
