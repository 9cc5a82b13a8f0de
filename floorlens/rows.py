"""Rows of the catalogue: what is read and written within one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from floorlens.embedding import FloorEmbedding, FloorFeatures
from floorlens.errors import CatalogueError
from floorlens.products import Product
from floorlens.schema import features, generations, images, products, state

# SQLite before 3.32 allowed 999 variables in a statement.
_CHUNK = 500


@dataclass(frozen=True)
class StoredProduct:
    """What an import needs to know to leave alone what has not changed.

    Attributes:
        product: as stored.
        content_hashes: SHA-256 of each of its images.
        embedded: whether its features exist in the generation that was asked for.
    """

    product: Product
    content_hashes: tuple[str, ...]
    embedded: bool


@dataclass(frozen=True)
class Entry:
    """A product to store.

    Attributes:
        product: its images' references included.
        content_hashes: SHA-256 of each of its images.
        features, embedding: what was made of its images; None leaves what is stored alone (only
            metadata or paths changed).
    """

    product: Product
    content_hashes: tuple[str, ...]
    features: FloorFeatures | None = None
    embedding: FloorEmbedding | None = None


def dump(value: Mapping[str, Any]) -> str:
    """Returns JSON text that is equal for equal values."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def chunks(ids: list[str]) -> Iterator[list[str]]:
    """Yields the ids in lists short enough for one statement."""
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]


def read_revision(connection: Connection) -> int:
    """Returns the catalogue's revision as this transaction sees it."""
    return int(connection.execute(select(state.c.revision)).scalar_one())


def new_generation(connection: Connection, stamp: Mapping[str, Any]) -> int:
    """Makes a generation; returns its number."""
    made = connection.execute(insert(generations).values(stamp=dump(stamp)))
    key = made.inserted_primary_key
    if key is None:
        raise CatalogueError("the database did not number the new generation")
    return int(key[0])


def drop_generation(connection: Connection, generation: int) -> None:
    """Removes a generation with its features."""
    connection.execute(delete(features).where(features.c.generation == generation))
    connection.execute(delete(generations).where(generations.c.id == generation))


def write_product(connection: Connection, entry: Entry, revision: int) -> None:
    """Stores a product and its images, replacing one of the same id; not its features."""
    product = entry.product
    fields = {"name": product.name, "metadata": dump(product.metadata), "revision": revision}
    connection.execute(delete(images).where(images.c.product_id == product.id))
    changed = connection.execute(update(products).where(products.c.id == product.id).values(fields))
    if changed.rowcount == 0:
        connection.execute(insert(products).values(id=product.id, **fields))
    connection.execute(
        insert(images),
        [
            {"product_id": product.id, "position": i, "uri": uri, "content_hash": digest}
            for i, (uri, digest) in enumerate(
                zip(product.images, entry.content_hashes, strict=True)
            )
        ],
    )


def write_features(connection: Connection, entry: Entry, generation: int) -> None:
    """Stores an entry's features, if it has any, in a generation that has none of it."""
    made, embedding = entry.features, entry.embedding
    if made is None or embedding is None:
        return
    connection.execute(
        insert(features).values(
            generation=generation,
            product_id=entry.product.id,
            base=made.base.astype("<f2").tobytes(),
            base_rows=made.base.shape[0],
            vector=embedding.vector.astype("<f4").tobytes(),
            signature=embedding.signature,
        )
    )


def without_features(generation: int) -> Select[tuple[str]]:
    """Returns the query for the ids of products that lack features in a generation."""
    return select(products.c.id).where(
        ~select(features.c.product_id)
        .where(features.c.product_id == products.c.id, features.c.generation == generation)
        .exists()
    )


def load_products(
    connection: Connection, ids: Select[tuple[str]], generation: int = -1
) -> Iterator[StoredProduct]:
    """Yields the products whose ids a query selects, sorted by id."""
    wanted = ids.subquery()
    rows = connection.execute(
        select(products, images.c.uri, images.c.content_hash, features.c.generation)
        .join(wanted, wanted.c.id == products.c.id)
        .outerjoin(images, images.c.product_id == products.c.id)
        .outerjoin(
            features,
            (features.c.product_id == products.c.id) & (features.c.generation == generation),
        )
        .order_by(products.c.id, images.c.position)
    )
    group: list[Row[Any]] = []
    for row in rows:
        if group and group[0].id != row.id:
            yield _stored(group)
            group = []
        group.append(row)
    if group:
        yield _stored(group)


def _stored(rows: list[Row[Any]]) -> StoredProduct:
    first = rows[0]
    pictures = [row for row in rows if row.uri is not None]
    return StoredProduct(
        Product(
            first.id,
            first.name,
            json.loads(first.metadata),
            tuple(row.uri for row in pictures),
        ),
        tuple(row.content_hash for row in pictures),
        embedded=first.generation is not None,
    )
