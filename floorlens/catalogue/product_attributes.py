"""The attributes of products: what was measured of them, what their data state, what people set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import func, select, update

from floorlens.attributes import Attribute, Value
from floorlens.attributes.vocabulary import check_value, meaning_of
from floorlens.catalogue.database import Database
from floorlens.catalogue.rows import (
    Entry,
    StoredAttributes,
    chunks,
    image_hashes,
    read_attributes,
    read_revision,
    write_attributes,
    write_prints,
)
from floorlens.catalogue.schema import attributes, features, prints, products, state
from floorlens.errors import ProductNotFound

# So many are read by their ids, however few the catalogue holds.
_FEW = 100


class ProductAttributes:
    """Reads and writes the attributes of a catalogue's products."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, ids: Iterable[str] | None = None) -> dict[str, StoredAttributes]:
        """Returns the attributes of products, by id and name: all, or those of `ids`.

        Products without any are left out. What a person set takes the place of what was measured.
        """
        query = select(attributes)
        names = None if ids is None else list(ids)
        with self._database.reading() as connection:
            if names is None:
                return read_attributes(connection.execute(query))
            count = connection.execute(select(func.count()).select_from(products)).scalar_one()
            if len(names) > _FEW and 2 * len(names) >= count:
                # Most of them are asked for: all at once take a third of the time.
                values = read_attributes(connection.execute(query))
                return {name: values[name] for name in names if name in values}
            return {
                product_id: values
                for chunk in chunks(names)
                for product_id, values in read_attributes(
                    connection.execute(query.where(attributes.c.product_id.in_(chunk)))
                ).items()
            }

    def examined(self) -> set[str]:
        """Returns the ids of the products that were measured, and whose pictures have prints."""
        query = select(attributes.c.product_id).where(
            attributes.c.origin == "measured",
            select(prints.c.product_id)
            .where(prints.c.product_id == attributes.c.product_id)
            .exists(),
        )
        with self._database.reading() as connection:
            return set(connection.execute(query).scalars())

    def are_measured(self) -> bool:
        """Returns whether something was measured of any product."""
        query = select(attributes.c.product_id).where(attributes.c.origin == "measured").limit(1)
        with self._database.reading() as connection:
            return connection.execute(query).first() is not None

    def unmeasured(self) -> int:
        """Returns how many products can be searched whose pictures nobody measured."""
        live = select(state.c.live).scalar_subquery()
        measured = select(attributes.c.product_id).where(
            attributes.c.product_id == features.c.product_id, attributes.c.origin == "measured"
        )
        query = select(func.count()).where(features.c.generation == live, ~measured.exists())
        with self._database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def measured_of(self, product_id: str) -> dict[str, Attribute] | None:
        """Returns what was measured of a product, whatever a person set of it.

        Empty where its pictures showed nothing, None where nobody looked at them.
        """
        query = select(attributes).where(
            attributes.c.product_id == product_id, attributes.c.origin == "measured"
        )
        with self._database.reading() as connection:
            values = read_attributes(connection.execute(query)).get(product_id)
        return None if values is None else dict(values)

    def edit(self, product_id: str, values: Mapping[str, Value | None]) -> None:
        """Stores what a person sets of a product; None takes an earlier edit of that name back.

        Raises:
            UsageError: there is no such attribute, or it cannot have this value.
            ProductNotFound: no product has that id.
        """
        changes: dict[str, Value | None] = {}
        for name, value in values.items():
            meaning_of(name)
            changes[name] = None if value is None else check_value(name, value)
        query = select(attributes).where(
            attributes.c.product_id == product_id, attributes.c.origin == "edited"
        )
        with self._database.writing() as connection:
            touched = connection.execute(
                update(products)
                .where(products.c.id == product_id)
                .values(revision=read_revision(connection))
            )
            if touched.rowcount == 0:
                raise ProductNotFound(f"the catalogue has no product {product_id!r}")
            edited = dict(read_attributes(connection.execute(query)).get(product_id, {}))
            for name, new in changes.items():
                if new is None:
                    edited.pop(name, None)
                else:
                    edited[name] = Attribute(new, origin="edited")
            write_attributes(connection, product_id, "edited", edited)

    def put_measured(self, entries: Sequence[Entry]) -> list[str]:
        """Stores what was measured of products, and their prints; what people set stays.

        Returns the ids of the products whose pictures are others now, or that are removed: of them
        nothing is stored.
        """
        stale = []
        with self._database.writing() as connection:
            revision = read_revision(connection)
            for entry in entries:
                product_id = entry.product.id
                if image_hashes(connection, product_id) != entry.content_hashes:
                    stale.append(product_id)
                    continue
                write_attributes(connection, product_id, "measured", entry.measured)
                write_prints(connection, product_id, entry.prints)
                connection.execute(
                    update(products).where(products.c.id == product_id).values(revision=revision)
                )
        return stale
