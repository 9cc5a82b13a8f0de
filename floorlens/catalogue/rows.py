"""Rows of the catalogue: reading and writing them within one transaction."""

from __future__ import annotations

import json
from collections.abc import ItemsView, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from floorlens.attributes import Attribute, Origin, Value
from floorlens.attributes.sizes import stated_attributes
from floorlens.attributes.vocabulary import NAMES
from floorlens.catalogue.schema import (
    attributes,
    base_features,
    features,
    images,
    prints,
    products,
    removed,
    simulated,
    state,
)
from floorlens.embedding import ASPECTS, Aspect, FloorEmbedding, FloorFeatures
from floorlens.products.prints import Print, pack, unpack
from floorlens.products.product import Product

# A later one takes the place of an earlier one.
ORIGINS: tuple[Origin, ...] = ("measured", "stated", "edited")
# SQLite before 3.32 allowed 999 variables in a statement.
_CHUNK = 500


@dataclass(frozen=True)
class StoredProduct:
    """A product as it is stored: an import compares it with what it reads, to embed only changes.

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
        features, embedding: of its images; None leaves the stored ones alone (only metadata or
            paths changed).
        measured: attributes of its images; None leaves the stored ones alone.
        prints: of its images, by hash; stored with the features or with what was measured.
    """

    product: Product
    content_hashes: tuple[str, ...]
    features: FloorFeatures | None = None
    embedding: FloorEmbedding | None = None
    measured: Mapping[str, Attribute] | None = None
    prints: Mapping[str, Print] = field(default_factory=dict)


def dump(value: Mapping[str, Any]) -> str:
    """Returns JSON text that is equal for equal values.

    Example:
        >>> dump({"b": 1, "a": 2})
        '{"a": 2, "b": 1}'
    """
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def chunks(ids: list[str]) -> Iterator[list[str]]:
    """Yields the ids in lists short enough for one statement.

    Example:
        >>> [len(chunk) for chunk in chunks(["id"] * 1200)]
        [500, 500, 200]
    """
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]


def read_revision(connection: Connection) -> int:
    """Returns the catalogue's revision as this transaction sees it.

    Example:
        >>> from floorlens.catalogue.database import Database
        >>> with Database("catalogue/").reading() as connection:
        ...     read_revision(connection)
        0
    """
    return int(connection.execute(select(state.c.revision)).scalar_one())


def write_product(connection: Connection, entry: Entry, revision: int) -> None:
    """Stores a product and its images, replacing one of the same id; not its features.

    If its images are others than before, the features of the old ones are removed in every
    generation, and the attributes measured of them: nothing would tell them from those of the new
    ones. What a person set of its attributes stays.

    Args:
        connection: of a transaction that writes.
        entry: the product.
        revision: the catalogue's, which searches follow.

    Example:
        >>> from floorlens.catalogue.database import Database
        >>> with Database("catalogue/").writing() as connection:
        ...     oak = Product("oak", "Oak", {}, ("oak.jpg",))
        ...     write_product(connection, Entry(oak, ("00ff",)), 1)
        ...     [stored.product.name for stored in load_products(connection, select(products.c.id))]
        ['Oak']
    """
    product = entry.product
    if image_hashes(connection, product.id) != entry.content_hashes:
        for table in (features, base_features, simulated, prints):
            connection.execute(delete(table).where(table.c.product_id == product.id))
        write_attributes(connection, product.id, "measured", None)
    fields = {"name": product.name, "metadata": dump(product.metadata), "revision": revision}
    connection.execute(delete(removed).where(removed.c.product_id == product.id))
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
    write_attributes(connection, product.id, "stated", stated_attributes(product.metadata))
    if entry.measured is not None:
        write_attributes(connection, product.id, "measured", entry.measured)


def write_attributes(
    connection: Connection, product_id: str, origin: Origin, values: Mapping[str, Attribute] | None
) -> None:
    """Stores a product's attributes of one origin, in the place of those that are there.

    That nothing could be measured, as of a drawing, is stored as well: it need not be tried again.
    None forgets it.

    Example:
        >>> write_attributes(
        ...     connection, "oak", "edited", {"tone": Attribute("dark", origin="edited")}
        ... )  # doctest: +SKIP
    """
    own = (attributes.c.product_id == product_id) & (attributes.c.origin == origin)
    connection.execute(delete(attributes).where(own))
    if values or (origin == "measured" and values is not None):
        content = dump({name: [item.value, item.confidence] for name, item in values.items()})
        connection.execute(
            insert(attributes).values(product_id=product_id, origin=origin, content=content)
        )


class StoredAttributes(Mapping[str, Attribute]):
    """The attributes of a product, by name in the table's order; parsed when they are asked for.

    A search reads those of 20,000 products, and people look at few of them. What a person set comes
    before what the product data state, and that before what was measured. Names that this version
    does not know are left out.
    """

    __slots__ = ("_contents", "_values")

    def __init__(self, contents: Mapping[Origin, str]) -> None:
        """Takes the JSON of each origin, as it is stored."""
        self._contents = contents
        self._values: dict[str, Attribute] | None = None

    def __reduce__(self) -> tuple[type[dict[str, Attribute]], tuple[dict[str, Attribute]]]:
        # A dict: whoever opens a pickled result needs no database.
        return dict, (self._parsed(),)

    def _parsed(self) -> dict[str, Attribute]:
        if self._values is None:
            joined: dict[str, tuple[Value, float, Origin]] = {}
            for origin in ORIGINS:
                if content := self._contents.get(origin):
                    for name, (value, confidence) in json.loads(content).items():
                        joined[name] = value, confidence, origin
            self._values = {
                name: Attribute(*joined[name], NAMES[name].unit) for name in NAMES if name in joined
            }
        return self._values

    def __getitem__(self, name: str) -> Attribute:
        return self._parsed()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parsed())

    def __len__(self) -> int:
        return len(self._parsed())

    def items(self) -> ItemsView[str, Attribute]:
        """Returns names and attributes; `Mapping` looks each name up, which takes longer."""
        return self._parsed().items()

    def __repr__(self) -> str:
        return repr(self._parsed())


def read_attributes(rows: Iterable[Row[Any]]) -> dict[str, StoredAttributes]:
    """Returns the attributes in rows of `attributes`, by product.

    Example:
        >>> rows = connection.execute(select(attributes)).all()  # doctest: +SKIP
        >>> read_attributes(rows)["oak"]["tone"].value  # doctest: +SKIP
        'dark'
    """
    contents: dict[str, dict[Origin, str]] = {}
    for row in rows:
        contents.setdefault(row.product_id, {})[row.origin] = row.content
    return {product_id: StoredAttributes(texts) for product_id, texts in contents.items()}


def image_hashes(connection: Connection, product_id: str) -> tuple[str, ...]:
    """Returns the SHA-256 of each image of a product, in order; none for an unknown product.

    Example:
        >>> from floorlens.catalogue.database import Database
        >>> with Database("catalogue/").reading() as connection:
        ...     image_hashes(connection, "unknown")
        ()
    """
    query = select(images.c.content_hash).where(images.c.product_id == product_id)
    return tuple(connection.execute(query.order_by(images.c.position)).scalars())


def write_features(connection: Connection, entry: Entry, generation: int, encoder: str) -> None:
    """Stores the features, the prints and the embedding of an entry, in the place of others.

    Args:
        connection: of a transaction that writes.
        entry: without features or embedding nothing is stored.
        generation: which the embedding belongs to.
        encoder: which made the features (`models.stamp.encoder_key`).

    Example:
        >>> write_features(connection, entry, 1, "0123456789abcdef")  # doctest: +SKIP
    """
    if entry.features is None or entry.embedding is None:
        return
    write_base_features(connection, entry.product.id, entry.features, encoder)
    write_prints(connection, entry.product.id, entry.prints)
    write_embedding(connection, entry.product.id, entry.embedding, generation)


def write_embedding(
    connection: Connection, product_id: str, embedding: FloorEmbedding, generation: int
) -> None:
    """Stores a product's embedding in a generation, in the place of one that is there.

    Example:
        >>> write_embedding(connection, "oak", embedding, generation=1)  # doctest: +SKIP
    """
    connection.execute(
        delete(features).where(
            features.c.product_id == product_id, features.c.generation == generation
        )
    )
    connection.execute(
        insert(features).values(
            generation=generation,
            product_id=product_id,
            vector=embedding.vector.astype("<f4").tobytes(),
            signature=embedding.signature,
        )
    )


def write_prints(connection: Connection, product_id: str, values: Mapping[str, Print]) -> None:
    """Stores the prints of a product's pictures, by hash, in the place of those that are there.

    Example:
        >>> write_prints(connection, "oak", {"00ff": print_of(pixels)})  # doctest: +SKIP
    """
    connection.execute(delete(prints).where(prints.c.product_id == product_id))
    if values:
        connection.execute(
            insert(prints),
            [
                {"product_id": product_id, "content_hash": digest, "print": pack(value)}
                for digest, value in values.items()
            ],
        )


def read_prints(rows: Iterable[Row[Any]]) -> dict[str, dict[str, Print]]:
    """Returns the prints in rows of `prints`, by product and hash.

    Example:
        >>> rows = connection.execute(select(prints)).all()  # doctest: +SKIP
        >>> list(read_prints(rows)["oak"])  # doctest: +SKIP
        ['00ff']
    """
    stored: dict[str, dict[str, Print]] = {}
    for row in rows:
        stored.setdefault(row.product_id, {})[row.content_hash] = unpack(row.print)
    return stored


def write_base_features(
    connection: Connection, product_id: str, base: FloorFeatures, encoder: str
) -> None:
    """Stores a product's features of an encoder, in the place of those that are there.

    Example:
        >>> write_base_features(connection, "oak", base, "0123456789abcdef")  # doctest: +SKIP
    """
    connection.execute(
        delete(base_features).where(
            base_features.c.product_id == product_id, base_features.c.encoder == encoder
        )
    )
    connection.execute(
        insert(base_features),
        [
            {
                "product_id": product_id,
                "encoder": encoder,
                "aspect": name,
                **aspect_values(aspect),
            }
            for name, aspect in base.aspects.items()
        ],
    )


def read_base_features(rows: Iterable[Row[Any]]) -> dict[str, FloorFeatures]:
    """Returns the features in rows of `base_features` of one encoder, by product.

    Example:
        >>> rows = connection.execute(select(base_features)).all()  # doctest: +SKIP
        >>> list(read_base_features(rows)["oak"].aspects)  # doctest: +SKIP
        ['swatch', 'scene']
    """
    stored: dict[str, dict[str, Aspect]] = {}
    for row in rows:
        stored.setdefault(row.product_id, {})[row.aspect] = read_aspect(row)
    return {
        product_id: FloorFeatures({name: aspects[name] for name in ASPECTS if name in aspects})
        for product_id, aspects in stored.items()
    }


def aspect_values(aspect: Aspect) -> dict[str, Any]:
    """Returns the columns that hold an aspect, in `base_features` and in `known_rooms`.

    Example:
        >>> empty = np.zeros((0, 3), np.float16)
        >>> aspect_values(Aspect(empty, empty[:, 0], empty, empty[:, 0], empty[:, 0]))["patches"]
        0
    """
    return {
        "patches": aspect.base.shape[0],
        "base": half(aspect.base),
        "coverage": half(aspect.coverage),
        "colours": aspect.lab.shape[0],
        "lab": half(aspect.lab),
        "facts": half(aspect.facts),
        "trust": half(aspect.trust),
    }


def read_aspect(row: Row[Any]) -> Aspect:
    """Returns the aspect in a row of `base_features` or `known_rooms`.

    Example:
        >>> row = connection.execute(select(base_features)).first()  # doctest: +SKIP
        >>> read_aspect(row).base.dtype  # doctest: +SKIP
        dtype('float16')
    """
    return Aspect(
        base=from_half(row.base).reshape(row.patches, -1),
        coverage=from_half(row.coverage),
        lab=from_half(row.lab).reshape(row.colours, 3),
        facts=from_half(row.facts),
        trust=from_half(row.trust),
    )


def half(values: NDArray[np.float16]) -> bytes:
    r"""Returns values as the bytes of float16, little endian.

    Example:
        >>> half(np.array([1.0]))
        b'\x00<'
    """
    return np.asarray(values, "<f2").tobytes()


def from_half(data: bytes) -> NDArray[np.float16]:
    """Returns the values in bytes of float16, little endian: float16 (n,).

    Example:
        >>> from_half(half(np.array([1.0, -2.0]))).tolist()
        [1.0, -2.0]
    """
    return np.frombuffer(data, "<f2").astype(np.float16)


def record_metadata(
    metadata: Mapping[str, Any],
    uri: str | None,
    attributes: Mapping[str, Attribute] = MappingProxyType({}),
) -> dict[str, Any]:
    """Returns what an engine holds of a product beside its vector: the fields that filters see.

    `name` (the file name of its first picture), `type` and `source` (the picture's folder) are
    those of the reference design. Attributes stand under their names. Of one name, what a person
    set comes before a product's own field, and that before what was measured.

    Args:
        metadata: the product's own fields.
        uri: where its first picture lies; None if it has none.
        attributes: what the product is like.

    Example:
        >>> record_metadata({"material": "oak"}, "products/oak.jpg")
        {'name': 'oak.jpg', 'type': 'floor', 'source': 'products', 'material': 'oak'}
    """
    picture = PurePath(uri or "")
    edited = {name: one.value for name, one in attributes.items() if one.origin == "edited"}
    return {
        "name": picture.name,
        "type": "floor",
        "source": picture.parent.name,
        **{name: attribute.value for name, attribute in attributes.items()},
        **metadata,
        **edited,
    }


def load_products(
    connection: Connection, ids: Select[tuple[str]], generation: int = -1
) -> Iterator[StoredProduct]:
    """Yields the products whose ids a query selects, sorted by id.

    Args:
        connection: to read with.
        ids: the query.
        generation: which `StoredProduct.embedded` speaks of.

    Example:
        >>> from floorlens.catalogue.database import Database
        >>> with Database("catalogue/").reading() as connection:
        ...     list(load_products(connection, select(products.c.id)))
        []
    """
    subquery = ids.subquery()
    rows = connection.execute(
        select(products, images.c.uri, images.c.content_hash, features.c.generation)
        .join(subquery, subquery.c.id == products.c.id)
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
