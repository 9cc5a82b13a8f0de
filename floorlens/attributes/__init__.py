"""What a floor is like, in words and numbers: tone, colour, pattern, boards, marks, gloss.

Measured of a product's pictures when it is imported, and of the floor in a photo in the same way,
so that the two can be compared. `vocabulary.py` is the table of them, `measuring.py` measures all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Value = str | float | bool
Origin = Literal["measured", "stated", "edited"]


@dataclass(frozen=True)
class Attribute:
    """One attribute of a floor.

    Attributes:
        value: a word of the attribute's vocabulary, a number, or True or False.
        confidence: 0..1, how often such a value is right; 1 where a person or the product data
            say it.
        origin: "measured" of a picture, "stated" by the product data, or "edited" by a person. What
            a person set is never overwritten.
        unit: of a number: "mm", "share", "L*"; "" for words.
    """

    value: Value
    confidence: float = 1.0
    origin: Origin = "measured"
    unit: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Returns the attribute as plain JSON values."""
        return {
            "value": self.value,
            "confidence": self.confidence,
            "origin": self.origin,
            "unit": self.unit,
        }
