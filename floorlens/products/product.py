"""A product of a catalogue, and what was read from a list of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_IMAGES = 8
"""Pictures of one product."""


@dataclass(frozen=True)
class Product:
    """One product of a catalogue.

    Attributes:
        id: its id, unique in the catalogue.
        name: what people call it.
        metadata: free fields: strings, numbers, booleans and lists of strings.
        images: the absolute paths of its pictures; the first one is for display.
    """

    id: str
    name: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    images: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Returns the product as plain JSON values."""
        return {
            "id": self.id,
            "name": self.name,
            "metadata": dict(self.metadata),
            "images": list(self.images),
        }


@dataclass(frozen=True)
class Refusal:
    """A row of a list, or a file of a folder, that is no product.

    Attributes:
        place: where it stands: "line 301", "row 12", "entry 3", or a file's path in its folder.
        id: the product's id, if it has one.
        cause: what is wrong and how to mend it, in one message.
    """

    place: str
    id: str | None
    cause: str


@dataclass(frozen=True)
class ProductList:
    """What was read from a list or folder.

    Attributes:
        products: in order of id.
        refusals: what could not be used, in order of place.
        notes: sentences for the report: what the reader decided or left out.
    """

    products: tuple[Product, ...]
    refusals: tuple[Refusal, ...] = ()
    notes: tuple[str, ...] = ()
