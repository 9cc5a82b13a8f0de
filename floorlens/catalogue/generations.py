"""Generations: each is the set of features made with one stamp (preset, models, preprocessing).

One generation is live. A rebuild or an adaptation fills another one beside it and swaps them in one
transaction.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select, update

from floorlens.attributes.sizes import stated_attributes
from floorlens.catalogue.batches import batches
from floorlens.catalogue.database import Database
from floorlens.catalogue.rows import (
    Entry,
    StoredProduct,
    dump,
    load_products,
    read_revision,
    write_attributes,
    write_embedding,
    write_features,
    write_product,
)
from floorlens.catalogue.schema import (
    base_features,
    features,
    generations,
    products,
    projections,
    simulated,
    state,
)
from floorlens.embedding import FloorEmbedding
from floorlens.embedding.projection import Projection, save_projection
from floorlens.errors import CatalogueError, GenerationChanged
from floorlens.models.stamp import encoder_key, generation_stamp

FillBatch = Callable[[Sequence[StoredProduct]], Iterable[str]]
"""Stores what a generation lacks of some products; returns the ids of those that it cannot."""


class Generations:
    """The generations of a catalogue: making, filling and swapping them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def live(self, stamp: Mapping[str, Any], projection: Projection | None = None) -> int:
        """Returns the live generation's number; makes one, with a projection, if there is none."""
        with self._database.writing() as connection:
            live = connection.execute(select(state.c.live)).scalar_one()
            if live is None:
                live = _insert_generation(connection, stamp, projection)
                connection.execute(update(state).values(live=live))
        return int(live)

    def begin(
        self,
        stamp: Mapping[str, Any],
        projection: Projection | None = None,
        *,
        made_from: Mapping[str, Any] | None = None,
        alone: bool = True,
    ) -> int:
        """Returns the number of a generation to fill beside the live one.

        An unfinished one of this stamp is resumed.

        Args:
            stamp: of the stages that make its features.
            projection: which makes its embeddings. What is stored under its version stays.
            made_from: what the projection was fitted on, if it is not the package's own.
            alone: whether to drop unfinished generations of other stamps.
        """
        text = dump(generation_stamp(stamp, None if projection is None else projection.stamp))
        with self._database.writing() as connection:
            live = connection.execute(select(state.c.live)).scalar_one()
            unfinished = [row for row in connection.execute(select(generations)) if row.id != live]
            same = next((int(row.id) for row in unfinished if row.stamp == text), None)
            if alone:
                _drop_generations(connection, [row.id for row in unfinished if row.id != same])
            if same is not None:
                return same
            return _insert_generation(connection, stamp, projection, made_from)

    def missing(self, generation: int) -> list[StoredProduct]:
        """Returns the products, sorted by id, that have no features in a generation."""
        with self._database.reading() as connection:
            return list(load_products(connection, _without_features(generation), generation))

    def fill_and_swap(
        self, generation: int, fill: FillBatch, *, same_encoder: bool = False
    ) -> set[str]:
        """Fills a generation batch by batch until no product is missing, then makes it live.

        Other processes may add or change products meanwhile, also between the last look and the
        swap, which then refuses: so it looks again until none is missing.

        Args:
            generation: as `begin` returned it.
            fill: stores what is missing of a batch, with `put_features` or `put_embeddings`.
            same_encoder: as for `swap`.

        Returns:
            The ids that could not be filled; nothing is swapped while one of them is missing.

        Raises:
            GenerationChanged: as for `swap`.
        """
        failed: set[str] = set()
        while True:
            missing = [item for item in self.missing(generation) if item.product.id not in failed]
            if not missing and (self.swap(generation, same_encoder=same_encoder) or failed):
                return failed
            for batch in batches(missing):
                failed.update(fill(batch))

    def put_features(self, stored: StoredProduct, entry: Entry, generation: int) -> bool:
        """Stores the features of an entry in a generation, beside those of other generations.

        What was measured of its pictures takes the place of what was measured before, at once. If
        the entry's pictures are others than those stored, the others' features go.

        Returns False, changing nothing, if the product changed since `stored` was read.

        Raises:
            GenerationChanged: another process has dropped the generation.
        """
        with self._database.writing() as connection:
            encoder = encoder_key(stamp_of(connection, generation))
            now = _read_product(connection, stored.product.id)
            if now is None or now.content_hashes != stored.content_hashes:
                return False
            revision = read_revision(connection)
            if entry.content_hashes != stored.content_hashes:
                write_product(connection, entry, revision)
            elif entry.measured is not None:
                write_attributes(connection, stored.product.id, "measured", entry.measured)
                stated = stated_attributes(now.product.metadata)
                write_attributes(connection, stored.product.id, "stated", stated)
                own = products.c.id == stored.product.id
                connection.execute(update(products).where(own).values(revision=revision))
            write_features(connection, entry, generation, encoder)
        return True

    def put_embeddings(
        self, embeddings: Sequence[tuple[StoredProduct, FloorEmbedding]], generation: int
    ) -> None:
        """Stores embeddings made of stored features; not of products that changed since.

        Raises:
            GenerationChanged: another process has dropped the generation.
        """
        with self._database.writing(counted=False) as connection:
            stamp_of(connection, generation)
            for stored, embedding in embeddings:
                now = _read_product(connection, stored.product.id)
                if now is not None and now.content_hashes == stored.content_hashes:
                    write_embedding(connection, stored.product.id, embedding, generation)

    def swap(self, generation: int, *, same_encoder: bool = False) -> bool:
        """Makes a generation the live one and drops the old, at once.

        With the old one go unfinished ones of the same encoder. Returns False, changing nothing,
        if a product still lacks features in it.

        Raises:
            GenerationChanged: another process has dropped the generation, or, where the old one
                must be of the `same_encoder`, has made one of another encoder live.
        """
        with self._database.writing() as connection:
            key = encoder_key(stamp_of(connection, generation))
            if connection.execute(_without_features(generation).limit(1)).first() is not None:
                return False
            live = connection.execute(select(state.c.live)).scalar_one()
            if same_encoder and encoder_key(stamp_of(connection, live)) != key:
                raise GenerationChanged("the catalogue was rebuilt with other models meanwhile")
            connection.execute(update(state).values(live=generation))
            # Replicas in other processes follow revisions: every product now has new features.
            connection.execute(update(products).values(revision=read_revision(connection)))
            obsolete = [
                row.id
                for row in connection.execute(select(generations))
                if row.id != generation
                and (row.id == live or encoder_key(json.loads(row.stamp)) == key)
            ]
            _drop_generations(connection, obsolete)
        return True


def stamp_of(connection: Connection, generation: int) -> dict[str, Any]:
    """Returns the stamp of a generation.

    Raises:
        GenerationChanged: another process has dropped it.

    Example:
        >>> with catalogue.reading() as connection:  # doctest: +SKIP
        ...     stamp_of(connection, 1)["preset"]
        'builtin'
    """
    stamp = connection.execute(
        select(generations.c.stamp).where(generations.c.id == generation)
    ).scalar()
    if stamp is None:
        raise GenerationChanged(
            "the catalogue was rebuilt or adapted by another process meanwhile: run the same "
            "command again; what was stored is kept"
        )
    return dict(json.loads(stamp))


def projection_version(stamp: Mapping[str, Any] | None) -> str | None:
    """Returns the version of the projection in a generation's stamp; None where there is none.

    Example:
        >>> projection_version({"preset": "builtin", "projection": {"version": "1"}})
        '1'
    """
    version = ((stamp or {}).get("projection") or {}).get("version")
    return None if version is None else str(version)


def _read_product(connection: Connection, product_id: str) -> StoredProduct | None:
    one = select(products.c.id).where(products.c.id == product_id)
    return next(load_products(connection, one), None)


def _insert_generation(
    connection: Connection,
    stamp: Mapping[str, Any],
    projection: Projection | None = None,
    made_from: Mapping[str, Any] | None = None,
) -> int:
    """Makes a generation, and stores its projection; returns its number."""
    if projection is not None:
        version = projection.stamp.version
        # What is stored under a version stays: vectors may already have been made with it.
        same = select(projections.c.version).where(projections.c.version == version)
        if connection.execute(same).first() is None:
            file = io.BytesIO()
            save_projection(projection, file)
            connection.execute(
                insert(projections).values(
                    version=version, blob=file.getvalue(), made_from=dump(made_from or {})
                )
            )
    text = dump(generation_stamp(stamp, None if projection is None else projection.stamp))
    key = connection.execute(insert(generations).values(stamp=text)).inserted_primary_key
    if key is None:
        raise CatalogueError("the database did not number the new generation")
    return int(key[0])


def _drop_generations(connection: Connection, numbers: Sequence[int]) -> None:
    """Removes generations, and what is stored for their encoders and projections alone."""
    for generation in numbers:
        connection.execute(delete(features).where(features.c.generation == generation))
        connection.execute(delete(generations).where(generations.c.id == generation))
    stamps = [json.loads(row.stamp) for row in connection.execute(select(generations.c.stamp))]
    encoders = {encoder_key(stamp) for stamp in stamps}
    for table in (base_features, simulated):
        connection.execute(delete(table).where(table.c.encoder.not_in(encoders)))
    versions = {projection_version(stamp) for stamp in stamps} - {None}
    connection.execute(delete(projections).where(projections.c.version.not_in(versions)))


def _without_features(generation: int) -> Select[tuple[str]]:
    """Returns the query for the ids of products that lack features in a generation."""
    return select(products.c.id).where(
        ~select(features.c.product_id)
        .where(features.c.product_id == products.c.id, features.c.generation == generation)
        .exists()
    )
