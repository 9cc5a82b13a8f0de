"""The catalogue's tables and their migrations. Portable SQL: SQLite today, PostgreSQL later."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    insert,
    select,
    update,
)

from floorlens.errors import SchemaMismatch

SCHEMA_VERSION = 1

metadata = MetaData()

# One row: which schema this is, how often it was written to, which generation is searched.
state = Table(
    "state",
    metadata,
    Column("schema_version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("live", Integer, ForeignKey("generations.id"), nullable=True),
)

generations = Table(
    "generations",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("stamp", Text, nullable=False),
    # A number must never name two generations: an index might still follow the first.
    sqlite_autoincrement=True,
)

products = Table(
    "products",
    metadata,
    Column("id", String(512), primary_key=True),
    Column("name", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Index("products_by_revision", "revision"),
)

images = Table(
    "images",
    metadata,
    Column("product_id", String(512), ForeignKey("products.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("uri", Text, nullable=False),
    Column("content_hash", String(64), nullable=False),
)

# base: float16 little-endian, base_rows x d0; vector: float32 little-endian, L2-normalised.
features = Table(
    "features",
    metadata,
    Column("generation", Integer, ForeignKey("generations.id"), primary_key=True),
    Column("product_id", String(512), ForeignKey("products.id"), primary_key=True),
    Column("vector", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("base_rows", Integer, nullable=False),
    Column("base", LargeBinary, nullable=False),
    Index("features_by_product", "product_id"),
)

# MIGRATIONS[v] turns a catalogue of schema version v into one of version v + 1.
MIGRATIONS: dict[int, Callable[[Connection], None]] = {}


def is_current(connection: Connection) -> bool:
    """Returns whether the tables are those of this version: nothing is to be written."""
    return connection.execute(select(state.c.schema_version)).scalar() == SCHEMA_VERSION


def migrate(connection: Connection, *, fresh: bool) -> None:
    """Makes the tables in an empty database, or brings older ones up to date.

    Raises:
        SchemaMismatch: the catalogue was made by a newer Floorlens.
    """
    if fresh:
        # Another process may have made them since the caller looked.
        metadata.create_all(connection)
    found = connection.execute(select(state.c.schema_version)).scalar()
    if found is None:
        connection.execute(
            insert(state).values(schema_version=SCHEMA_VERSION, revision=0, live=None)
        )
        return
    if found > SCHEMA_VERSION:
        raise SchemaMismatch(
            f"the catalogue has schema version {found}, this Floorlens knows {SCHEMA_VERSION}: "
            "update with `pip install --upgrade floorlens`"
        )
    for version in range(found, SCHEMA_VERSION):
        MIGRATIONS[version](connection)
        connection.execute(update(state).values(schema_version=version + 1))
