"""A product of a catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
