"""The catalogue's tables and their migrations. Portable SQL, for SQLite and PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

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
    bindparam,
    insert,
    select,
    text,
    update,
)

from floorlens.errors import SchemaMismatch

SCHEMA_VERSION = 7

metadata = MetaData()

# Sorted by code point as Python and SQLite do, whatever the language of a PostgreSQL database.
_PRODUCT_ID = String(512).with_variant(String(512, collation="C"), "postgresql")

# One row: the version of the schema, how often it was written to, which generation is searched,
# whether the user declined an adaptation (1) or one is to follow the import that has begun (2), and
# a name of its own for engines, hexadecimal.
state = Table(
    "state",
    metadata,
    Column("schema_version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("live", Integer, ForeignKey("generations.id"), nullable=True),
    Column("adaptation_declined", Integer, nullable=False, server_default="0"),
    Column("uid", String(32), nullable=False),
)

generations = Table(
    "generations",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("stamp", Text, nullable=False),
    # A number must never name two generations: a replica might still follow the first.
    sqlite_autoincrement=True,
)

products = Table(
    "products",
    metadata,
    Column("id", _PRODUCT_ID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Index("products_by_revision", "revision"),
)

# Products that were removed, and at which revision: replicas in engines follow.
removed = Table(
    "removed",
    metadata,
    Column("product_id", _PRODUCT_ID, primary_key=True),
    Column("revision", Integer, nullable=False),
    Index("removed_by_revision", "revision"),
)

images = Table(
    "images",
    metadata,
    Column("product_id", _PRODUCT_ID, ForeignKey("products.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("uri", Text, nullable=False),
    Column("content_hash", String(64), nullable=False),
)

# What products are like, a row for each origin: "measured" of the pictures, "stated" by the product
# data, "edited" by a person. content: JSON, name -> [value, confidence]. Not a row for each
# attribute: a search reads those of 20,000 products.
attributes = Table(
    "attributes",
    metadata,
    Column("product_id", _PRODUCT_ID, ForeignKey("products.id"), primary_key=True),
    Column("origin", String(16), primary_key=True),
    Column("content", Text, nullable=False),
)

# What tells a picture from others (floorlens.products.prints), of each picture of a product.
prints = Table(
    "prints",
    metadata,
    Column("product_id", _PRODUCT_ID, ForeignKey("products.id"), primary_key=True),
    Column("content_hash", String(64), primary_key=True),
    Column("print", LargeBinary, nullable=False),
)

# What is searched. vector: float32 little-endian, L2-normalised.
features = Table(
    "features",
    metadata,
    Column("generation", Integer, ForeignKey("generations.id"), primary_key=True),
    Column("product_id", _PRODUCT_ID, ForeignKey("products.id"), primary_key=True),
    Column("vector", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Index("features_by_product", "product_id"),
)


def _aspect() -> list[Column[Any]]:
    """Returns the columns of an `Aspect`: float16 little-endian arrays, and how many rows."""
    return [
        Column("patches", Integer, nullable=False),
        Column("base", LargeBinary, nullable=False),
        Column("coverage", LargeBinary, nullable=False),
        Column("colours", Integer, nullable=False),
        Column("lab", LargeBinary, nullable=False),
        Column("facts", LargeBinary, nullable=False),
        Column("trust", LargeBinary, nullable=False),
    ]


# The features that embeddings are made from, of each encoder in use, a row an aspect (swatch,
# scene); float16 little-endian. base: patches x d0, coverage: patches, lab: colours x 3.
base_features = Table(
    "base_features",
    metadata,
    Column("product_id", _PRODUCT_ID, ForeignKey("products.id"), primary_key=True),
    Column("encoder", String(64), primary_key=True),
    Column("aspect", String(16), primary_key=True),
    *_aspect(),
)

# How far the replica in each engine follows: it holds what was searchable at `revision`.
engines = Table(
    "engines",
    metadata,
    Column("engine", String(64), primary_key=True),
    Column("collection", Text, nullable=False),
    Column("stamp", Text, nullable=False),
    Column("revision", Integer, nullable=False),
)

# blob: an .npz file (floorlens.embedding.projection). made_from: JSON, what it was fitted on; {} is
# the package's own.
projections = Table(
    "projections",
    metadata,
    Column("version", String(64), primary_key=True),
    Column("blob", LargeBinary, nullable=False),
    Column("made_from", Text, nullable=False),
)

# Features of simulated rooms, so that an adaptation does not make them twice. recipe: simulation
# and seed. base: float16 little-endian, patches x d0.
simulated = Table(
    "simulated",
    metadata,
    Column("product_id", _PRODUCT_ID, ForeignKey("products.id"), primary_key=True),
    Column("content_hash", String(64), primary_key=True),
    Column("encoder", String(64), primary_key=True),
    Column("recipe", String(64), primary_key=True),
    Column("view", Integer, primary_key=True),
    Column("patches", Integer, nullable=False),
    Column("base", LargeBinary, nullable=False),
)

# Features of room photos whose product is known (`floorlens adapt --pairs`), as in base_features.
# uri, content_hash: of the photo, from which another encoder describes it anew.
known_rooms = Table(
    "known_rooms",
    metadata,
    Column("product_id", _PRODUCT_ID, ForeignKey("products.id"), primary_key=True),
    Column("content_hash", String(64), primary_key=True),
    Column("encoder", String(64), primary_key=True),
    Column("uri", Text, nullable=False),
    *_aspect(),
)


def _split_features(connection: Connection) -> None:
    """Version 1 to 2: features apart from embeddings, and projections.

    Version 1 stored neither coverage nor colours, so base features begin empty. Such a catalogue
    has another stamp than this version, which asks for a rebuild before a search.
    """
    connection.execute(
        text("ALTER TABLE state ADD COLUMN adaptation_declined INTEGER NOT NULL DEFAULT 0")
    )
    connection.execute(text("DROP INDEX features_by_product"))
    connection.execute(text("ALTER TABLE features RENAME TO features_of_version_1"))
    metadata.create_all(connection)
    connection.execute(
        text(
            "INSERT INTO features (generation, product_id, vector, signature) "
            "SELECT generation, product_id, vector, signature FROM features_of_version_1"
        )
    )
    connection.execute(text("DROP TABLE features_of_version_1"))


def _add_engines(connection: Connection) -> None:
    """Version 2 to 3: what replicas in engines need to follow a catalogue."""
    connection.execute(text("ALTER TABLE state ADD COLUMN uid VARCHAR(32) NOT NULL DEFAULT ''"))
    connection.execute(update(state).values(uid=uuid.uuid4().hex))
    metadata.create_all(connection)


def _add_aspects(connection: Connection) -> None:
    """Version 3 to 4: features of swatch and scene apart.

    What is stored becomes the swatch, without any trust. Only presets that take product pictures
    whole go on with it; the stamp of the others asks for a rebuild.
    """
    # A copy, since a renamed table would keep the name of its primary key in PostgreSQL.
    connection.execute(text("CREATE TABLE features_of_version_3 AS SELECT * FROM base_features"))
    connection.execute(text("DROP TABLE base_features"))
    metadata.create_all(connection)
    connection.execute(
        text(
            "INSERT INTO base_features (product_id, encoder, patches, base, coverage, colours, "
            "lab, facts, aspect, trust) SELECT product_id, encoder, patches, base, coverage, "
            "colours, lab, facts, 'swatch', :trust FROM features_of_version_3"
        ).bindparams(bindparam("trust", b"", LargeBinary))
    )
    connection.execute(text("DROP TABLE features_of_version_3"))


def _add_known_rooms(connection: Connection) -> None:
    """Version 4 to 5: rooms whose product is known; there are none yet."""
    metadata.create_all(connection)


def _add_attributes(connection: Connection) -> None:
    """Version 5 to 6: attributes; a rebuild, or `floorlens attributes --measure`, measures them."""
    metadata.create_all(connection)


def _add_prints(connection: Connection) -> None:
    """Version 6 to 7: prints of pictures.

    Those of pictures that are there are made by `floorlens attributes --measure`, without
    embedding, or by a rebuild.
    """
    metadata.create_all(connection)


# MIGRATIONS[v] turns a catalogue of schema version v into one of version v + 1.
MIGRATIONS: dict[int, Callable[[Connection], None]] = {
    1: _split_features,
    2: _add_engines,
    3: _add_aspects,
    4: _add_known_rooms,
    5: _add_attributes,
    6: _add_prints,
}


def is_current(connection: Connection) -> bool:
    """Returns whether the tables are those of this version, so that no migration is needed.

    Example:
        >>> from floorlens.catalogue.database import Database
        >>> with Database("catalogue/").reading() as connection:
        ...     is_current(connection)
        True
    """
    return connection.execute(select(state.c.schema_version)).scalar() == SCHEMA_VERSION


def migrate(connection: Connection, *, fresh: bool) -> None:
    """Makes the tables in an empty database, or brings older ones up to date.

    Args:
        connection: of a transaction that writes.
        fresh: whether there were no tables. Another process may have made them meanwhile.

    Raises:
        SchemaMismatch: the catalogue was made by a newer Floorlens.

    Example:
        >>> with engine.begin() as connection:  # doctest: +SKIP
        ...     migrate(connection, fresh=True)
    """
    if fresh:
        metadata.create_all(connection)
    present = connection.execute(select(state.c.schema_version)).scalar()
    if present is None:
        connection.execute(
            insert(state).values(
                schema_version=SCHEMA_VERSION, revision=0, live=None, uid=uuid.uuid4().hex
            )
        )
        return
    if present > SCHEMA_VERSION:
        raise SchemaMismatch(
            f"the catalogue has schema version {present}, this Floorlens knows {SCHEMA_VERSION}: "
            "update with `pip install --upgrade floorlens`"
        )
    for version in range(present, SCHEMA_VERSION):
        MIGRATIONS[version](connection)
        connection.execute(update(state).values(schema_version=version + 1))
