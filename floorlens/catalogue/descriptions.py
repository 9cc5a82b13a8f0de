"""What the pictures of products show, described once for equal pictures under several ids."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from floorlens.attributes import Attribute
from floorlens.catalogue.catalogue import Catalogue
from floorlens.embedding import FloorEmbedding, FloorFeatures
from floorlens.embedding.projection import Projection
from floorlens.errors import FloorlensError
from floorlens.products.prints import Print

LAST = 64
"""So many descriptions are kept in memory."""


@dataclass(frozen=True)
class Description:
    """What the pictures of a product show.

    Attributes:
        features: of all pictures that describe the product.
        pictures: the kind of each picture, in order; empty where the features were stored already.
        note: what a report says of the pictures.
        measured: attributes of the pictures; None where nobody looked for them.
        prints: of the pictures, by hash.
    """

    features: FloorFeatures
    pictures: tuple[str, ...]
    note: str | None
    measured: Mapping[str, Attribute] | None = None
    prints: Mapping[str, Print] = field(default_factory=dict)


class Descriptions:
    """The descriptions that an import makes. Safe to call from several threads.

    The last ones are kept. Others are in the catalogue: of them 64 bits each are kept, so that only
    pictures which are likely there are looked for.
    """

    def __init__(
        self, catalogue: Catalogue | None, stamp: Mapping[str, Any], *, measuring: bool = True
    ) -> None:
        """Begins with none.

        Args:
            catalogue: whose features are taken over; None: only those are that are described now.
            stamp: of the models that describe the pictures.
            measuring: whether attributes belong to a description.
        """
        self._catalogue = catalogue
        self._measuring = measuring
        self._stamp = stamp
        self._last: OrderedDict[tuple[str, ...], Future[Description]] = OrderedDict()
        self._embeddings: OrderedDict[tuple[str, ...], tuple[Projection | None, FloorEmbedding]] = (
            OrderedDict()
        )
        self._stored: NDArray[np.uint64] | None = None
        self._new: set[int] = set()
        self._lock = threading.Lock()

    def get(
        self, product_id: str, hashes: tuple[str, ...], describe: Callable[[], Description]
    ) -> Description:
        """Returns the description of a product's pictures.

        Args:
            product_id: the product.
            hashes: SHA-256 of each of its pictures, in order; one or more.
            describe: makes the description, unless equal pictures have one.

        Raises:
            FloorlensError: what `describe` raises.

        Example:
            >>> hashes = ("00" * 32,)
            >>> descriptions = Descriptions(None, {})
            >>> descriptions.get("a", hashes, make) is descriptions.get(
            ...     "b", hashes, make
            ... )  # doctest: +SKIP
            True
        """
        with self._lock:
            future = self._last.get(hashes)
            first = future is None
            if future is None:
                future = self._last[hashes] = Future()
                if len(self._last) > LAST:
                    self._last.popitem(last=False)
            self._last.move_to_end(hashes)
        if not first:
            try:
                return future.result()
            except FloorlensError:
                # The message would name a file of another product.
                return describe()
        try:
            description = self._stored_description(product_id, hashes) or describe()
        except BaseException as error:
            with self._lock:
                self._last.pop(hashes, None)
            future.set_exception(error)
            raise
        future.set_result(description)
        with self._lock:
            self._new.add(_code(hashes))
        return description

    def embedding(
        self,
        hashes: tuple[str, ...],
        projection: Projection | None,
        embed: Callable[[], FloorEmbedding],
    ) -> FloorEmbedding:
        """Returns the embedding of the pictures with these hashes.

        Args:
            hashes: as for `get`.
            projection: what the features are described with.
            embed: makes the embedding, unless equal pictures have one of that projection.

        Example:
            >>> Descriptions(None, {}).embedding(("00" * 32,), None, make)  # doctest: +SKIP
            FloorEmbedding(vector=array([...], dtype=float32), signature=b'...')
        """
        with self._lock:
            made_with, embedding = self._embeddings.get(hashes, (None, None))
        if embedding is not None and made_with is projection:
            return embedding
        embedding = embed()
        with self._lock:
            self._embeddings[hashes] = projection, embedding
            self._embeddings.move_to_end(hashes)
            if len(self._embeddings) > LAST:
                self._embeddings.popitem(last=False)
        return embedding

    def _stored_description(self, product_id: str, hashes: tuple[str, ...]) -> Description | None:
        if self._catalogue is None:
            return None
        code = _code(hashes)
        with self._lock:
            if self._stored is None:
                self._stored = self._catalogue.picture_codes()
            known = code in self._new
        place = int(np.searchsorted(self._stored, np.uint64(code)))
        if not known and not (place < len(self._stored) and int(self._stored[place]) == code):
            return None
        twin = self._catalogue.features_of_pictures(hashes, self._stamp)
        if twin is None:
            return None
        twin_id, features, measured = twin
        prints = self._catalogue.prints(twin_id)
        if (measured is None and self._measuring) or not prints:
            # An earlier version described the twin, and took less of its pictures.
            return None
        note = None if twin_id == product_id else f"has the same pictures as {twin_id}"
        return Description(features, (), note, measured, prints)


def _code(hashes: tuple[str, ...]) -> int:
    return int(hashes[0][:16], 16)
