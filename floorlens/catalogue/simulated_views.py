"""Features of simulated rooms, kept in the catalogue so that they are made once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import and_, delete, insert, select

from floorlens.catalogue.database import Database
from floorlens.catalogue.rows import from_half, half, image_hashes
from floorlens.catalogue.schema import simulated

View = tuple[str, int]
"""Which view of a product: SHA-256 of the picture that it shows, and its number."""


class SimulatedViews:
    """The simulated views in a catalogue, of one encoder and one recipe.

    If the pictures of a product change, its views are removed (`rows.write_product`).
    """

    def __init__(self, database: Database, encoder: str, recipe: str) -> None:
        """`recipe` says how the views are simulated: other ones are other views."""
        self._database = database
        self._encoder = encoder
        self._recipe = recipe
        self._ours = and_(simulated.c.encoder == encoder, simulated.c.recipe == recipe)

    def stored(self) -> dict[str, set[View]]:
        """Returns which views of which products are stored."""
        views: dict[str, set[View]] = {}
        columns = (simulated.c.product_id, simulated.c.content_hash, simulated.c.view)
        with self._database.reading() as connection:
            for row in connection.execute(select(*columns).where(self._ours)):
                views.setdefault(row.product_id, set()).add((row.content_hash, row.view))
        return views

    def load(self, product_id: str) -> dict[View, NDArray[np.float16]]:
        """Returns the stored features float16 (n, d0) of each view of a product."""
        query = select(simulated).where(self._ours, simulated.c.product_id == product_id)
        with self._database.reading() as connection:
            return {
                (row.content_hash, row.view): from_half(row.base).reshape(row.patches, -1)
                for row in connection.execute(query)
            }

    def put(
        self,
        product_id: str,
        content_hashes: tuple[str, ...],
        views: Mapping[View, NDArray[np.float16]],
    ) -> None:
        """Stores the features of views; none if the product's pictures are others by now."""
        with self._database.writing(counted=False) as connection:
            if image_hashes(connection, product_id) != content_hashes:
                return
            for (content_hash, view), base in views.items():
                row = {"product_id": product_id, "content_hash": content_hash, "view": view}
                key = [simulated.c[name] == value for name, value in row.items()]
                # Another process may have stored the same one meanwhile.
                connection.execute(delete(simulated).where(self._ours, *key))
                row |= {"encoder": self._encoder, "recipe": self._recipe, "patches": len(base)}
                connection.execute(insert(simulated).values(**row, base=half(base)))
