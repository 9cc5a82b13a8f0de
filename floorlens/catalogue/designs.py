"""Which products of a catalogue are variants of one design: computed of what is stored, when asked.

Nothing of it is stored, so nothing can be out of date: it follows from the pictures' hashes and
prints, the vectors and the names. What costs time is to lay one print over another: that is
remembered by the hashes of the two pictures, as long as the catalogue is open.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from floorlens.catalogue.database import Database
from floorlens.catalogue.rows import read_prints, read_revision
from floorlens.catalogue.schema import features, generations, images, prints, products, state
from floorlens.products.design_names import design_name
from floorlens.products.overlaps import Overlap, overlap
from floorlens.products.variants import (
    NEIGHBOURS,
    TEXTURE_NEIGHBOURS,
    Design,
    Look,
    Relation,
    designs,
    equal_pictures,
    namesakes,
    neighbours,
    one_design,
    relation,
)

Pairs = set[tuple[str, str]]


@dataclass(frozen=True)
class _Stored:
    """What is stored of all products that can be searched, in order of id.

    Attributes:
        revision: of the catalogue.
        looks: what tells variants.
        vectors, textures: float32 (n, d), unit vectors; the part of them that tells the texture.
    """

    revision: int
    looks: tuple[Look, ...]
    vectors: NDArray[np.float32]
    textures: NDArray[np.float32]


_NOTHING = np.zeros((0, 0), np.float32)


class Designs:
    """The designs of a catalogue. Safe to call from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._stored = _Stored(-1, (), _NOTHING, _NOTHING)
        self._near: Pairs = set()
        self._groups: tuple[Design, ...] = ()
        self._overlaps: dict[tuple[str, str], Overlap] = {}

    def groups(self) -> tuple[Design, ...]:
        """Returns all designs of two or more products, as they are now."""
        with self._lock:
            self._follow()
            return self._groups

    def of(self, product_id: str) -> Design | None:
        """Returns the design that a product belongs to; None if it has no variants."""
        return next((design for design in self.groups() if product_id in design.ids), None)

    def without_prints(self) -> int:
        """Returns of how many products no picture has a print: an earlier version stored them."""
        with self._lock:
            self._follow()
            return sum(not look.prints for look in self._stored.looks)

    def relations_of(self, ids: Collection[str]) -> tuple[Relation, ...]:
        """Returns the relations of some products to any others; those of others cost no time.

        Near are the nearest of these products. One that has others nearer to it may be near to a
        product that has none: only `groups`, which looks at all, tells that.
        """
        chosen = set(ids)
        if not chosen:
            return ()
        with self._lock, self._database.reading() as connection, connection.begin():
            stored = _read(connection)
        rows = [row for row, look in enumerate(stored.looks) if look.id in chosen]
        with self._lock:
            return tuple(self._relations(stored, _neighbours(stored, rows), chosen))

    def _follow(self) -> None:
        """Computes the designs anew if the catalogue was written to since."""
        with self._database.reading() as connection, connection.begin():
            if read_revision(connection) == self._stored.revision:
                return
            stored = _read(connection)
        self._near = self._near_in(stored)
        self._stored = stored
        self._groups = designs(self._relations(stored, self._near, None))

    def _near_in(self, stored: _Stored) -> Pairs:
        """Returns the ids of near products.

        If a vector has come, gone or changed, the nearest of all are looked for: that product may
        have been among the nearest of any other, or be so now. A revision that wrote something else
        leaves them as they are.
        """
        former = self._stored
        if (
            [look.id for look in stored.looks] == [look.id for look in former.looks]
            and np.array_equal(stored.vectors, former.vectors)
            and np.array_equal(stored.textures, former.textures)
        ):
            return self._near
        return _neighbours(stored, range(len(stored.looks)))

    def _relations(
        self, stored: _Stored, near: Pairs, chosen: Collection[str] | None
    ) -> list[Relation]:
        """Returns the relations between near products, namesakes and those with equal pictures.

        With `chosen` only those of these products.
        """
        looks = stored.looks
        row_of = {look.id: row for row, look in enumerate(looks)}
        names = [look.name for look in looks]
        same_names = namesakes(names)
        by_name = one_design(same_names, names, stored.textures)
        pairs = {(row_of[first], row_of[second]) for first, second in near}
        pairs |= same_names | equal_pictures([look.hashes for look in looks])
        relations = []
        for first, second in sorted(pairs):
            one, other = looks[first], looks[second]
            if chosen is not None and one.id not in chosen and other.id not in chosen:
                continue
            texture = float(stored.textures[first] @ stored.textures[second])
            each = relation(
                one,
                other,
                texture,
                self._overlap_of(one, other),
                by_name=(first, second) in by_name,
            )
            if each is not None:
                relations.append(each)
        return relations

    def _overlap_of(self, first: Look, second: Look) -> Callable[[str, str], Overlap]:
        """Returns what tells how a picture of one product overlaps one of another, by hashes."""

        def overlap_of(of_first: str, of_second: str) -> Overlap:
            # In one order, whichever product comes first.
            in_order = sorted([(of_first, first), (of_second, second)], key=_hash)
            (one, look_of_one), (other, look_of_other) = in_order
            known = self._overlaps.get((one, other))
            if known is None:
                known = overlap(look_of_one.prints[one], look_of_other.prints[other])
                self._overlaps[one, other] = known
            return known

        return overlap_of


def _hash(picture: tuple[str, Look]) -> str:
    return picture[0]


def _neighbours(stored: _Stored, rows: Sequence[int]) -> Pairs:
    ids = [look.id for look in stored.looks]
    return {
        (ids[first], ids[second])
        for vectors, count in (
            (stored.vectors, NEIGHBOURS),
            (stored.textures, TEXTURE_NEIGHBOURS),
        )
        for first, second in neighbours(vectors, rows, count)
    }


def _read(connection: Connection) -> _Stored:
    live = connection.execute(select(state.c.live)).scalar_one()
    rows = connection.execute(
        select(products.c.id, products.c.name, products.c.metadata, features.c.vector)
        .join(features, features.c.product_id == products.c.id)
        .where(features.c.generation == live)
        .order_by(products.c.id)
    ).all()
    hashes: dict[str, list[str]] = {}
    for row in connection.execute(
        select(images.c.product_id, images.c.content_hash).order_by(
            images.c.product_id, images.c.position
        )
    ):
        hashes.setdefault(row.product_id, []).append(row.content_hash)
    own = read_prints(connection.execute(select(prints)))
    looks = tuple(
        Look(
            row.id,
            design_name(row.name, json.loads(row.metadata)),
            tuple(hashes.get(row.id, ())),
            own.get(row.id, {}),
        )
        for row in rows
    )
    vectors = np.stack([np.frombuffer(row.vector, "<f4") for row in rows]) if rows else _NOTHING
    return _Stored(read_revision(connection), looks, vectors, _textures(connection, live, vectors))


def _textures(
    connection: Connection, live: int | None, vectors: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Returns the part of the vectors that tells the texture: what the projection makes."""
    stamp = connection.execute(select(generations.c.stamp).where(generations.c.id == live)).scalar()
    projection: Mapping[str, Any] = (json.loads(stamp) if stamp else {}).get("projection") or {}
    part = vectors[:, : projection.get("dimension") or vectors.shape[1]]
    lengths = np.linalg.norm(part, axis=1, keepdims=True)
    return np.asarray(part / np.maximum(lengths, 1e-6), np.float32)
