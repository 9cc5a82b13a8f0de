"""A product of a catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Product:
    """One product of a catalogue.

    Attributes:
        id: unique in the catalogue.
        name: for people.
        metadata: free fields: strings, numbers, booleans and lists of strings.
        images: where its pictures lie (absolute paths), the first one for display.
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
