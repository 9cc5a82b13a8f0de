"""The catalogue: the truth about the products, in SQL. Replicas in engines are derived from it."""

from __future__ import annotations

import json
import threading
import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, func, insert, select

from floorlens.attributes import Attribute
from floorlens.catalogue.database import FILE_NAME, Database
from floorlens.catalogue.designs import Designs
from floorlens.catalogue.field_values import FieldValues
from floorlens.catalogue.generations import Generations, projection_version, stamp_of
from floorlens.catalogue.product_attributes import ProductAttributes
from floorlens.catalogue.projections import Projections
from floorlens.catalogue.rows import (
    Entry,
    StoredProduct,
    chunks,
    load_products,
    read_attributes,
    read_base_features,
    read_prints,
    read_revision,
    record_metadata,
    write_features,
    write_product,
)
from floorlens.catalogue.schema import (
    attributes,
    base_features,
    engines,
    features,
    generations,
    images,
    known_rooms,
    prints,
    products,
    removed,
    simulated,
    state,
)
from floorlens.catalogue.snapshot import EnginePosition, Snapshot
from floorlens.embedding import FloorFeatures
from floorlens.engines import Record
from floorlens.errors import GenerationChanged, ProductNotFound
from floorlens.models.stamp import encoder_key
from floorlens.products.ids import MAX_ID_LENGTH
from floorlens.products.prints import Print
from floorlens.products.product import Product
from floorlens.products.variants import Variant

__all__ = ["FILE_NAME", "Catalogue", "Page"]

_NOTICEABLE = 0.2
"""Seconds: what takes less is read anew whenever the catalogue has changed."""
_SERVES = 10


@dataclass(frozen=True)
class Page:
    """Some of the products, in order of id.

    Attributes:
        products: these.
        attributes: of each of them that has some, by id.
        total: how many there are on all pages.
        more: whether further ones follow.
    """

    products: tuple[Product, ...]
    attributes: Mapping[str, Mapping[str, Attribute]]
    total: int
    more: bool


@dataclass(frozen=True)
class _Table:
    """What was read of all products: at which revision, when, and how long that took."""

    values: FieldValues
    revision: int
    moment: float
    seconds: float


class Catalogue(Database):
    """Products, their images' references, features and embeddings, in SQL.

    Safe to use from several threads and processes at once.

    Attributes:
        generations: the sets of features made with one stamp each, of which one is live.
        projections: which projection makes the embeddings.
        attributes: what the products are like.
        designs: which products are variants of one design.
    """

    def __init__(self, location: str | Path, *, create: bool = True) -> None:
        """Opens a catalogue as `Database` does."""
        super().__init__(location, create=create)
        self.generations = Generations(self)
        self.projections = Projections(self)
        self.attributes = ProductAttributes(self)
        self.designs = Designs(self)
        self._fields: tuple[int, Mapping[str, bool]] | None = None
        self._table: _Table | None = None
        self._table_lock = threading.Lock()

    # -- state ---------------------------------------------------------------------------------

    def revision(self) -> int:
        """Returns a number that grows with every write, by any process, that searches follow.

        Raises:
            CatalogueReplaced: another catalogue lies in its place.
        """
        with self.reading() as connection:
            return self.check_revision(connection)

    def count(self) -> int:
        """Returns the number of products."""
        with self.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(products)).scalar_one())

    def live_stamp(self) -> dict[str, Any] | None:
        """Returns the stamp of the live generation, None before the first product."""
        with self.reading() as connection:
            row = connection.execute(
                select(generations.c.stamp).join(state, state.c.live == generations.c.id)
            ).first()
        return None if row is None else json.loads(row.stamp)

    def uid(self) -> str:
        """Returns the catalogue's own name, 32 hexadecimal digits, made with it."""
        with self.reading() as connection:
            return str(connection.execute(select(state.c.uid)).scalar_one())

    def searchable(self) -> int:
        """Returns how many products can be found now."""
        with self.reading() as connection:
            query = select(func.count()).select_from(features)
            live = select(state.c.live).scalar_subquery()
            return int(connection.execute(query.where(features.c.generation == live)).scalar_one())

    def pictures(self) -> set[str]:
        """Returns the whole paths of all its products' pictures."""
        with self.reading() as connection:
            return set(connection.execute(select(images.c.uri)).scalars())

    def facts(self) -> dict[str, Any]:
        """Returns what the catalogue holds and what made it, as plain JSON values."""
        with self.reading() as connection:
            live = connection.execute(select(state.c.live)).scalar_one()
            counts = {
                "products": select(func.count()).select_from(products),
                "searchable": select(func.count()).where(features.c.generation == live),
                "images": select(func.count()).select_from(images),
                "revision": select(state.c.revision),
                "schema_version": select(state.c.schema_version),
            }
            numbers = {name: connection.execute(q).scalar_one() for name, q in counts.items()}
            replicas = [
                {"engine": row.engine, "collection": row.collection, "revision": row.revision}
                for row in connection.execute(select(engines).order_by(engines.c.engine))
            ]
        return {
            "catalogue": self.location,
            **numbers,
            "bytes": self.size(),
            "engines": replicas,
            "projection": self.projections.in_use(),
            "stamp": self.live_stamp() or {},
        }

    # -- products ------------------------------------------------------------------------------

    def products(self, ids: Iterable[str] | None = None) -> list[Product]:
        """Returns products: all sorted by id, or those of `ids` in that order, unknown left out."""
        with self.reading() as connection:
            if ids is None:
                return [
                    stored.product for stored in load_products(connection, select(products.c.id))
                ]
            names = list(ids)
            product_of = {
                stored.product.id: stored.product
                for chunk in chunks(names)
                for stored in load_products(
                    connection, select(products.c.id).where(products.c.id.in_(chunk))
                )
            }
        return [product_of[name] for name in names if name in product_of]

    def page(self, after: str | None, limit: int, ids: Sequence[str] | None = None) -> Page:
        """Returns the products that follow an id in the order of ids; only these are read.

        Args:
            after: the last id of the page before, whether or not it is still there; None: begins.
            limit: at most so many.
            ids: only of these, which are in order; None: of all.
        """
        with self.reading() as connection, connection.begin():
            if ids is None:
                query = select(products.c.id).order_by(products.c.id)
                if after is not None:
                    query = query.where(products.c.id > after)
                names = list(connection.execute(query.limit(limit + 1)).scalars())
                count = select(func.count()).select_from(products)
                total = int(connection.execute(count).scalar_one())
            else:
                start = 0 if after is None else bisect_right(ids, after)
                names, total = list(ids[start : start + limit + 1]), len(ids)
            wanted = products.c.id.in_(names[:limit])
            stored = load_products(connection, select(products.c.id).where(wanted))
            of_page = tuple(row.product for row in stored)
            own = attributes.c.product_id.in_(names[:limit])
            values = read_attributes(connection.execute(select(attributes).where(own)))
        return Page(of_page, values, total, len(names) > limit)

    def update(
        self, product_id: str, *, name: str | None, metadata: Mapping[str, Any]
    ) -> StoredProduct:
        """Stores another name, or other metadata, of a product; what was measured of it stays.

        Args:
            product_id: of the product.
            name: the new one; None: as it is.
            metadata: field -> its new value; None takes the field away. Others stay.

        Raises:
            ProductNotFound: none has that id.
        """
        one = select(products.c.id).where(products.c.id == product_id)
        with self.writing() as connection:
            stored = next(load_products(connection, one), None)
            if stored is None:
                raise ProductNotFound(f"the catalogue has no product {product_id!r}")
            values = {**stored.product.metadata, **metadata}
            product = replace(
                stored.product,
                name=stored.product.name if name is None else name,
                metadata={field: value for field, value in values.items() if value is not None},
            )
            revision = read_revision(connection)
            write_product(connection, Entry(product, stored.content_hashes), revision)
        return replace(stored, product=product)

    def product(self, product_id: str) -> Product:
        """Returns one product.

        Raises:
            ProductNotFound: none has that id.
        """
        products = self.products([product_id])
        if not products:
            raise ProductNotFound(
                f"the catalogue has no product {product_id!r}{self._nearest_id(product_id)}: "
                "`floorlens products list` names all"
            )
        return products[0]

    def _nearest_id(self, product_id: str) -> str:
        """Returns what a message adds about the id that is most like an unknown one."""
        if len(product_id) > MAX_ID_LENGTH:
            # No id is like it, and to compare them with millions of letters takes seconds.
            return ""
        with self.reading() as connection:
            # Those with the same beginning, as far as looking at all of them is quick.
            start = products.c.id.startswith(product_id[:2], autoescape=True)
            ids = connection.execute(select(products.c.id).where(start).limit(2000)).scalars()
            near = get_close_matches(product_id, list(ids), n=1)
        return f" (did you mean {near[0]!r}?)" if near else ""

    def fields(self) -> Mapping[str, bool]:
        """Returns field -> whether all its values are texts, of whichever product has one.

        By these products can be filtered. Every product is read, once a revision.
        """
        with self.reading() as connection, connection.begin():
            revision = self.check_revision(connection)
            if self._fields is not None and self._fields[0] == revision:
                return self._fields[1]
            fields = dict.fromkeys(record_metadata({}, None), True)
            values = read_attributes(connection.execute(select(attributes)))
            for row in connection.execute(select(products.c.id, products.c.metadata)):
                record = record_metadata(json.loads(row.metadata), None, values.get(row.id, {}))
                for field, value in record.items():
                    fields[field] = fields.get(field, True) and isinstance(value, str | list)
        self._fields = revision, fields
        return self._fields[1]

    def unknown_fields(self, names: Iterable[str]) -> list[str]:
        """Returns those names that are no product's field, in their order.

        One that some product had before may be missing: products are only read anew for a name
        that none has had.
        """
        names = list(names)
        known = {} if self._fields is None else self._fields[1]
        if any(name not in known for name in names):
            known = self.fields()
        return [name for name in names if name not in known]

    def field_values(self) -> FieldValues:
        """Returns what the products that can be found have in each field, for filters and counts.

        Every product is read, once a revision. Where that takes a while, as of 100,000 products
        while an import adds others, the table of an earlier revision serves ten times as long.
        """
        with self._table_lock:
            table, now = self._table, time.monotonic()
            fresh = table is not None and table.seconds > _NOTICEABLE
            if table is not None and fresh and now - table.moment < _SERVES * table.seconds:
                return table.values
            if table is not None and table.revision == self.revision():
                return table.values
            with self.reading() as connection, connection.begin():
                revision = self.check_revision(connection)
                values = FieldValues.of(_field_rows(connection))
            ended = time.monotonic()
            self._table = _Table(values, revision, ended, ended - now)
            return values

    def names(self) -> dict[str, str]:
        """Returns the name of each product by its id, in order of id."""
        with self.reading() as connection:
            query = select(products.c.id, products.c.name).order_by(products.c.id)
            return {row.id: row.name for row in connection.execute(query)}

    def named_records(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields of each product its id and the fields that filters see, in order of id."""
        for row, values in self._rows_with_attributes():
            yield row.id, record_metadata(json.loads(row.metadata), row.uri, values)

    def records(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Yields of each product the fields that filters see, and its own of them, in order of id.

        Its own are its metadata and attributes; not its own are where its pictures lie.
        """
        for row, of_row in self._rows_with_attributes():
            metadata = json.loads(row.metadata)
            record = record_metadata(metadata, row.uri, of_row)
            own = metadata.keys() | of_row.keys()
            yield record, {field: value for field, value in record.items() if field in own}

    def _rows_with_attributes(self) -> Iterator[tuple[Any, Mapping[str, Attribute]]]:
        query = (
            select(products.c.id, products.c.metadata, images.c.uri)
            .outerjoin(images, (images.c.product_id == products.c.id) & (images.c.position == 0))
            .order_by(products.c.id)
        )
        with self.reading() as connection, connection.begin():
            values = read_attributes(connection.execute(select(attributes)))
            rows = connection.execute(query).all()
        for row in rows:
            yield row, values.get(row.id, {})

    def stored(self, ids: Sequence[str], generation: int) -> dict[str, StoredProduct]:
        """Returns what is stored of the products of `ids`, by id."""
        with self.reading() as connection:
            return {
                row.product.id: row
                for chunk in chunks(list(ids))
                for row in load_products(
                    connection, select(products.c.id).where(products.c.id.in_(chunk)), generation
                )
            }

    def picture_codes(self) -> NDArray[np.uint64]:
        """Returns the first 64 bits of the hash of each product's first picture, sorted."""
        with self.reading() as connection:
            hashes = connection.execute(
                select(images.c.content_hash).where(images.c.position == 0)
            ).scalars()
            codes = np.fromiter((int(digest[:16], 16) for digest in hashes), np.uint64)
        return np.sort(codes)

    def features_of_pictures(
        self, hashes: Sequence[str], stamp: Mapping[str, Any]
    ) -> tuple[str, FloorFeatures, dict[str, Attribute] | None] | None:
        """Returns a product with just these pictures, its features and measured attributes.

        None if no product has them; no attributes (None) if they were never measured.

        Args:
            hashes: SHA-256 of each picture, in order.
            stamp: whose encoder made the features.
        """
        first = select(images.c.product_id.label("id")).where(
            images.c.position == 0, images.c.content_hash == hashes[0]
        )
        with self.reading() as connection:
            stored = load_products(connection, first)
            twins = [one.product.id for one in stored if one.content_hashes == tuple(hashes)]
        for product_id, base in self.base_features(twins, stamp).items():
            return product_id, base, self.attributes.measured_of(product_id)
        return None

    def put(self, entries: Sequence[Entry], generation: int) -> list[str]:
        """Stores products, replacing those of the same id; committed and fsynced on return.

        Returns the ids that were left alone: entries without an embedding whose stored features
        another process has removed, or replaced by those of other pictures.

        Raises:
            GenerationChanged: another process has rebuilt or adapted the catalogue meanwhile.
        """
        stale = []
        with self.writing() as connection:
            revision = read_revision(connection)
            if connection.execute(select(state.c.live)).scalar_one() != generation:
                raise GenerationChanged(
                    f"the catalogue {self.location} was rebuilt or adapted by another process "
                    "meanwhile: run the same command again; what was stored is kept"
                )
            encoder = encoder_key(stamp_of(connection, generation))
            for entry in entries:
                if entry.embedding is None:
                    one = select(products.c.id).where(products.c.id == entry.product.id)
                    now = next(load_products(connection, one, generation), None)
                    if now is None or (now.embedded, now.content_hashes) != (
                        True,
                        entry.content_hashes,
                    ):
                        stale.append(entry.product.id)
                        continue
                write_product(connection, entry, revision)
                write_features(connection, entry, generation, encoder)
        return stale

    def remove(self, ids: Sequence[str]) -> list[str]:
        """Removes products with all that is stored of them; returns the ids that existed."""
        existed = []
        with self.writing() as connection:
            revision = read_revision(connection)
            for product_id in ids:
                for table in (
                    features,
                    base_features,
                    simulated,
                    prints,
                    known_rooms,
                    images,
                    attributes,
                ):
                    connection.execute(delete(table).where(table.c.product_id == product_id))
                deletion = connection.execute(delete(products).where(products.c.id == product_id))
                if deletion.rowcount:
                    connection.execute(
                        insert(removed).values(product_id=product_id, revision=revision)
                    )
                    existed.append(product_id)
        return existed

    def embedded(self) -> list[StoredProduct]:
        """Returns the products, sorted by id, that can be searched."""
        with self.reading() as connection, connection.begin():
            live = connection.execute(select(state.c.live)).scalar_one()
            own = (features.c.product_id == products.c.id) & (features.c.generation == live)
            return list(load_products(connection, select(products.c.id).join(features, own)))

    # -- features ------------------------------------------------------------------------------

    def snapshot(self, *, since: int = -1) -> Snapshot:
        """Returns what a vector engine needs to catch up from revision `since`."""
        with self.reading() as connection, connection.begin():
            revision = read_revision(connection)
            live = connection.execute(select(state.c.live)).scalar_one()
            stamp = None if live is None else stamp_of(connection, live)
            query = (
                select(products.c.id, products.c.metadata, images.c.uri, features.c.vector)
                .outerjoin(
                    features,
                    (features.c.product_id == products.c.id) & (features.c.generation == live),
                )
                .outerjoin(
                    images, (images.c.product_id == products.c.id) & (images.c.position == 0)
                )
                .where(products.c.revision > since)
                .order_by(products.c.id)
            )
            rows = connection.execute(query).all()
            changed_ids = select(products.c.id).where(products.c.revision > since)
            values = read_attributes(
                connection.execute(
                    select(attributes).where(attributes.c.product_id.in_(changed_ids))
                )
            )
            removed_ids = list(
                connection.execute(
                    select(removed.c.product_id).where(removed.c.revision > since)
                ).scalars()
            )
        changed = [_record(row, values.get(row.id, {})) for row in rows if row.vector is not None]
        removed_ids += [row.id for row in rows if row.vector is None]
        return Snapshot(revision, live, stamp, projection_version(stamp), changed, removed_ids)

    def engine_position(self, engine: str) -> EnginePosition | None:
        """Returns how far a vector engine follows; None if nothing was ever put into it."""
        with self.reading() as connection:
            row = connection.execute(select(engines).where(engines.c.engine == engine)).first()
        return None if row is None else EnginePosition(row.collection, row.stamp, row.revision)

    def set_engine_position(self, engine: str, position: EnginePosition | None) -> None:
        """Stores how far a vector engine follows; None: that nothing is known of it."""
        with self.writing(counted=False) as connection:
            connection.execute(delete(engines).where(engines.c.engine == engine))
            if position is not None:
                connection.execute(insert(engines).values(engine=engine, **asdict(position)))

    def signatures(self, ids: Sequence[str], generation: int) -> dict[str, bytes]:
        """Returns the signature in a generation of each product of `ids` that has one there."""
        with self.reading() as connection:
            return {
                row.product_id: row.signature
                for chunk in chunks(list(ids))
                for row in connection.execute(
                    select(features.c.product_id, features.c.signature).where(
                        features.c.generation == generation, features.c.product_id.in_(chunk)
                    )
                )
            }

    def base_features(
        self, ids: Sequence[str], stamp: Mapping[str, Any]
    ) -> dict[str, FloorFeatures]:
        """Returns the features of each product of `ids` that has some of a stamp's encoder."""
        encoder = encoder_key(stamp)
        with self.reading() as connection:
            return read_base_features(
                row
                for chunk in chunks(list(ids))
                for row in connection.execute(
                    select(base_features).where(
                        base_features.c.encoder == encoder, base_features.c.product_id.in_(chunk)
                    )
                )
            )

    def variants(self, product_id: str) -> tuple[Variant, ...]:
        """Returns the other products of a product's design, the surest first.

        Raises:
            ProductNotFound: none has that id.
        """
        own = self.product(product_id)
        design = self.designs.of(own.id)
        links = {} if design is None else design.links(own.id)
        return tuple(Variant(product, *links[product.id]) for product in self.products(links))

    def prints(self, product_id: str) -> dict[str, Print]:
        """Returns the prints of a product's pictures, by hash."""
        with self.reading() as connection:
            rows = connection.execute(select(prints).where(prints.c.product_id == product_id))
            return read_prints(rows).get(product_id, {})


def _record(row: Any, values: Mapping[str, Attribute]) -> Record:
    metadata = record_metadata(json.loads(row.metadata), row.uri, values)
    return Record(row.id, np.frombuffer(row.vector, "<f4"), metadata)


def _field_rows(
    connection: Connection,
) -> Iterator[tuple[str, Mapping[str, Any], Iterable[str]]]:
    """Yields of each product that can be found its id, what filters see, and its own fields."""
    live = select(state.c.live).scalar_subquery()
    query = (
        select(products.c.id, products.c.metadata, images.c.uri)
        .select_from(products)
        .join(features, (features.c.product_id == products.c.id) & (features.c.generation == live))
        .outerjoin(images, (images.c.product_id == products.c.id) & (images.c.position == 0))
        .order_by(products.c.id)
    )
    values = read_attributes(connection.execute(select(attributes)))
    for row in connection.execute(query):
        metadata = json.loads(row.metadata)
        # Its text goes as soon as it has been read: there may be 100,000 of them.
        of_row: Mapping[str, Attribute] = values.pop(row.id, {})
        own = metadata.keys() | of_row.keys()
        yield row.id, record_metadata(metadata, row.uri, of_row), own
