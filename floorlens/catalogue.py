"""The catalogue: the truth about the products, in SQL. Vector indexes are derived from it.

A *generation* is the set of features made with one stamp (preset, models, preprocessing). One
generation is live; a rebuild fills another one beside it and swaps them in one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import (
    URL,
    Connection,
    create_engine,
    delete,
    event,
    func,
    inspect,
    select,
    update,
)
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError

from floorlens.errors import CatalogueError, CatalogueNotFound, ProductNotFound, StampMismatch
from floorlens.index import Record, Snapshot
from floorlens.products import Product
from floorlens.rows import (
    Entry,
    StoredProduct,
    chunks,
    drop_generation,
    dump,
    load_products,
    new_generation,
    read_revision,
    without_features,
    write_features,
    write_product,
)
from floorlens.schema import features, generations, images, is_current, migrate, products, state

FILE_NAME = "catalogue.sqlite"


class Catalogue:
    """Products, their images' references, features and embeddings, in one SQLite file.

    Safe to use from several threads and processes at once: SQLite in WAL mode, every commit
    fsynced; a writer waits for another writer up to a minute.
    """

    def __init__(self, location: str | Path, *, create: bool = True) -> None:
        """Opens the catalogue in a folder, or at a `sqlite:///path/of/file` URL.

        Raises:
            CatalogueNotFound: nothing is there and `create` is False.
            SchemaMismatch: a newer Floorlens made it.
            CatalogueError: it cannot be opened as a database.
        """
        self.file = file = _file_of(str(location))
        self.folder = file.parent
        if not file.exists() and not create:
            raise CatalogueNotFound(
                f"there is no catalogue at {self.folder}: make one with `floorlens index "
                f"PRODUCTS --catalogue {self.folder}`"
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CatalogueError(
                f"{self.folder}: cannot be made a folder ({error.strerror})"
            ) from error
        self._engine = create_engine(
            URL.create("sqlite", database=str(file)), connect_args={"timeout": 60}
        )
        event.listen(self._engine, "connect", _configure_sqlite)
        event.listen(self._engine, "begin", _begin_sqlite)
        try:
            with self._engine.connect() as connection:
                fresh = not inspect(connection).has_table(state.name)
                current = not fresh and is_current(connection)
            if not current:
                with self._engine.execution_options(writes=True).begin() as connection:
                    migrate(connection, fresh=fresh)
        except OperationalError as error:
            # Locked, read-only, or the disk is full: nothing is wrong with the file itself.
            raise CatalogueError(f"{file} cannot be opened: {error.orig}") from error
        except DatabaseError as error:
            raise CatalogueError(
                f"{file} cannot be opened as a catalogue: {error.orig}. Move it away, or restore "
                "it from a backup"
            ) from error

    def close(self) -> None:
        """Releases the file; the catalogue cannot be used afterwards."""
        self._engine.dispose()

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        """A transaction that holds the write lock from its start and counts one revision."""
        try:
            with self._engine.execution_options(writes=True).begin() as connection:
                connection.execute(update(state).values(revision=state.c.revision + 1))
                yield connection
        except SQLAlchemyError as error:
            raise CatalogueError(
                f"the catalogue in {self.folder} could not be written: {_cause(error)}"
            ) from error

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise CatalogueError(
                f"the catalogue in {self.folder} could not be read: {_cause(error)}"
            ) from error

    # -- state ---------------------------------------------------------------------------------

    def revision(self) -> int:
        """Returns a number that grows with every write by any process."""
        with self._read() as connection:
            return int(connection.execute(select(state.c.revision)).scalar_one())

    def count(self) -> int:
        """Returns the number of products."""
        with self._read() as connection:
            return int(connection.execute(select(func.count()).select_from(products)).scalar_one())

    def live_stamp(self) -> dict[str, Any] | None:
        """Returns the stamp of the live generation, None before the first product."""
        with self._read() as connection:
            row = connection.execute(
                select(generations.c.stamp).join(state, state.c.live == generations.c.id)
            ).first()
        return None if row is None else json.loads(row.stamp)

    def facts(self) -> dict[str, Any]:
        """Returns what the catalogue holds and what made it, as plain JSON values."""
        with self._read() as connection:
            live = connection.execute(select(state.c.live)).scalar_one()
            counts = {
                "products": select(func.count()).select_from(products),
                "searchable": select(func.count()).where(features.c.generation == live),
                "images": select(func.count()).select_from(images),
                "revision": select(state.c.revision),
                "schema_version": select(state.c.schema_version),
            }
            found = {name: connection.execute(q).scalar_one() for name, q in counts.items()}
        return {
            "catalogue": str(self.folder),
            **found,
            "bytes": self.file.stat().st_size,
            "stamp": self.live_stamp() or {},
        }

    def live_generation(self, stamp: Mapping[str, Any]) -> int:
        """Returns the live generation's number; makes one with `stamp` if there is none."""
        with self._write() as connection:
            live = connection.execute(select(state.c.live)).scalar_one()
            if live is None:
                live = new_generation(connection, stamp)
                connection.execute(update(state).values(live=live))
        return int(live)

    # -- products ------------------------------------------------------------------------------

    def products(self, ids: Iterable[str] | None = None) -> list[Product]:
        """Returns products: all sorted by id, or those of `ids` in that order, unknown left out."""
        with self._read() as connection:
            if ids is None:
                return [
                    stored.product for stored in load_products(connection, select(products.c.id))
                ]
            wanted = list(ids)
            found = {
                stored.product.id: stored.product
                for chunk in chunks(wanted)
                for stored in load_products(
                    connection, select(products.c.id).where(products.c.id.in_(chunk))
                )
            }
        return [found[product_id] for product_id in wanted if product_id in found]

    def product(self, product_id: str) -> Product:
        """Returns one product.

        Raises:
            ProductNotFound: none has that id.
        """
        found = self.products([product_id])
        if not found:
            raise ProductNotFound(f"the catalogue has no product {product_id!r}")
        return found[0]

    def stored(self, ids: Sequence[str], generation: int) -> dict[str, StoredProduct]:
        """Returns what is stored of the products of `ids`, by id."""
        with self._read() as connection:
            return {
                row.product.id: row
                for chunk in chunks(list(ids))
                for row in load_products(
                    connection, select(products.c.id).where(products.c.id.in_(chunk)), generation
                )
            }

    def put(self, entries: Sequence[Entry], generation: int) -> list[str]:
        """Stores products, replacing those of the same id; committed and fsynced on return.

        Returns the ids that were left alone: entries without an embedding whose stored features
        another process has removed, or replaced by those of other pictures.

        Raises:
            StampMismatch: another process has rebuilt the catalogue meanwhile.
        """
        stale = []
        with self._write() as connection:
            revision = read_revision(connection)
            if connection.execute(select(state.c.live)).scalar_one() != generation:
                raise StampMismatch(
                    f"the catalogue in {self.folder} was rebuilt by another process meanwhile: "
                    "run the same command again; what was stored is kept"
                )
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
                if entry.embedding is not None:
                    # Features of other pictures than those now stored must survive in no
                    # generation.
                    connection.execute(
                        delete(features).where(features.c.product_id == entry.product.id)
                    )
                    write_features(connection, entry, generation)
        return stale

    def remove(self, ids: Sequence[str]) -> list[str]:
        """Removes products with all that is stored of them; returns the ids that existed."""
        removed = []
        with self._write() as connection:
            for product_id in ids:
                for table in (features, images):
                    connection.execute(delete(table).where(table.c.product_id == product_id))
                gone = connection.execute(delete(products).where(products.c.id == product_id))
                if gone.rowcount:
                    removed.append(product_id)
        return removed

    # -- features ------------------------------------------------------------------------------

    def snapshot(self, *, since: int = -1) -> Snapshot:
        """Returns what a vector index needs to catch up from revision `since`."""
        with self._read() as connection, connection.begin():
            revision = read_revision(connection)
            live = connection.execute(select(state.c.live)).scalar_one()
            joined = (
                select(products.c.id, products.c.metadata, features.c.vector)
                .join(features, features.c.product_id == products.c.id)
                .where(features.c.generation == live)
                .order_by(products.c.id)
            )
            rows = [
                Record(row.id, np.frombuffer(row.vector, "<f4"), json.loads(row.metadata))
                for row in connection.execute(joined.where(products.c.revision > since))
            ]
            ids = set(
                connection.execute(
                    select(features.c.product_id).where(features.c.generation == live)
                ).scalars()
            )
        return Snapshot(revision, live, rows, ids)

    def signatures(self, ids: Sequence[str], generation: int) -> dict[str, bytes]:
        """Returns the signature in a generation of each product of `ids` that has one there."""
        with self._read() as connection:
            return {
                row.product_id: row.signature
                for chunk in chunks(list(ids))
                for row in connection.execute(
                    select(features.c.product_id, features.c.signature).where(
                        features.c.generation == generation, features.c.product_id.in_(chunk)
                    )
                )
            }

    # -- rebuild -------------------------------------------------------------------------------

    def begin_rebuild(self, stamp: Mapping[str, Any]) -> int:
        """Returns a generation to fill beside the live one: an unfinished one of this stamp or new.

        Unfinished generations of other stamps are dropped.
        """
        with self._write() as connection:
            live = connection.execute(select(state.c.live)).scalar_one()
            unfinished = [row for row in connection.execute(select(generations)) if row.id != live]
            resumed = next((row.id for row in unfinished if row.stamp == dump(stamp)), None)
            for row in unfinished:
                if row.id != resumed:
                    drop_generation(connection, row.id)
            return new_generation(connection, stamp) if resumed is None else int(resumed)

    def missing_features(self, generation: int) -> list[StoredProduct]:
        """Returns the products, sorted by id, that have no features in a generation."""
        with self._read() as connection:
            return list(load_products(connection, without_features(generation), generation))

    def put_features(self, stored: StoredProduct, entry: Entry, generation: int) -> bool:
        """Stores the features of an entry in a generation, beside those of other generations.

        Returns False, changing nothing, if the product changed since `stored` was read.
        """
        product_id = stored.product.id
        with self._write() as connection:
            one = select(products.c.id).where(products.c.id == product_id)
            now = next(load_products(connection, one), None)
            if now is None or now.content_hashes != stored.content_hashes:
                return False
            if entry.content_hashes != stored.content_hashes:
                write_product(connection, entry, read_revision(connection))
            if entry.embedding is not None:
                connection.execute(
                    delete(features).where(
                        features.c.product_id == product_id, features.c.generation == generation
                    )
                )
                write_features(connection, entry, generation)
        return True

    def swap(self, generation: int) -> bool:
        """Makes a generation the live one and drops the old, at once.

        Returns False, changing nothing, if a product still lacks features in it.
        """
        with self._write() as connection:
            if connection.execute(without_features(generation).limit(1)).first() is not None:
                return False
            live = connection.execute(select(state.c.live)).scalar_one()
            connection.execute(update(state).values(live=generation))
            # Indexes in other processes follow revisions: every product now has new features.
            connection.execute(update(products).values(revision=read_revision(connection)))
            if live is not None and live != generation:
                drop_generation(connection, live)
        return True


def _file_of(location: str) -> Path:
    """Returns the database file behind a folder or a `sqlite:///path/of/file` URL."""
    scheme, separator, rest = location.partition("://")
    if not separator:
        return Path(location) / FILE_NAME
    if scheme != "sqlite" or not rest.strip("/"):
        raise CatalogueError(
            f"{scheme}:// catalogues are not supported by this version: give a folder or "
            "sqlite:///path/of/file.sqlite"
        )
    return Path(rest.removeprefix("/"))


def _configure_sqlite(connection: Any, _record: Any) -> None:
    # SQLAlchemy starts transactions itself (see _begin_sqlite): the driver must not.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes the lock at once: a reader that turns writer half-way fails instead of waiting.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _cause(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or type(error).__name__)
