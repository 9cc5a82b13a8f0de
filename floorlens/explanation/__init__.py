"""Why one product is like the floor in a photo: facts, patches that correspond, palettes."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.attributes import Attribute
from floorlens.errors import UsageError
from floorlens.explanation.squares import SIDE, OneScale, Scale, ScaledViews
from floorlens.images.colour import delta_e76
from floorlens.images.drawing import one_above_other, side_by_side
from floorlens.products.product import Product
from floorlens.ranking import Match
from floorlens.ranking.reasons import Facts
from floorlens.segmentation import FloorRegion

SHORTEST_SIDE = 16
"""Of a patch in the picture of an explanation, in pixels."""


@dataclass(frozen=True, eq=False)
class Patch:
    """A square of floor, cut out of a picture.

    Attributes:
        pixels: uint8 (s, s, 3) sRGB; equally large for all patches of an explanation.
        place: its centre x, y and its side, in pixels of the upright working picture; of a product
            picture, of the part that shows the product. None where the preset does not tell it.
        picture: the path of the product's picture; "" for the photo.
    """

    pixels: NDArray[np.uint8] = field(repr=False)
    place: tuple[float, float, float] | None = None
    picture: str = ""

    def __eq__(self, other: object) -> bool:
        return _equal(self, other) if isinstance(other, Patch) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def as_dict(self) -> dict[str, Any]:
        """Returns where the patch lies, as plain JSON values, of the picture its file's name."""
        return {
            "picture": PurePath(self.picture).name or None,
            "place": None if self.place is None else [round(value, 1) for value in self.place],
        }


@dataclass(frozen=True)
class PatchPair:
    """A patch of the floor and the patch of the product that looks most like it.

    The scale is the one at which they look most alike: each was cut in several sizes, and the
    sizes were free to choose. Boards are then about as wide in both. How many millimetres that is
    a photo does not tell, and a product picture does not either.

    Attributes:
        floor: of the photo, as the camera saw it or from above.
        product: of one of the product's pictures.
        similarity: cosine of their features, -1..1.
    """

    floor: Patch
    product: Patch
    similarity: float

    def as_dict(self) -> dict[str, Any]:
        """Returns the pair as plain JSON values, without the pixels."""
        return {
            "similarity": round(self.similarity, 4),
            "floor": self.floor.as_dict(),
            "product": self.product.as_dict(),
        }


@dataclass(frozen=True, repr=False, eq=False)
class Explanation:
    """What is alike in a photo's floor and one product, and what differs.

    Attributes:
        product: that product.
        match: its place in a search with this photo; None where the ranking does not reach so far
            (catalogues of more than 20,000 products). Its components and its reason are those of a
            close look, also where a search would not have re-ranked it.
        reason: the facts that matter, in one sentence; "" where `facts` is None.
        facts: the numbers behind it; None for presets that measure none.
        floor: where the floor is in the photo.
        pairs: patches that correspond, most alike first, each from another spot of the floor and
            of the product.
        floor_palette, product_palette: float32 (k, 3), CIELAB (D65): the mean colours of the
            darkest to the lightest part, each as large as the others. Slow shading of a room is
            divided out.
        floor_attributes: what was measured of the floor, seen from above, by name
            (`floorlens.attributes.vocabulary.NAMES`); empty where the photo does not allow that.
        product_attributes: those of the product, measured or edited.
        squares: floor and product at one scale; None: they were not laid on each other.
    """

    product: Product
    match: Match | None
    reason: str
    facts: Facts | None
    floor: FloorRegion
    pairs: tuple[PatchPair, ...]
    floor_palette: NDArray[np.float32]
    product_palette: NDArray[np.float32]
    floor_attributes: Mapping[str, Attribute] = field(default_factory=dict)
    product_attributes: Mapping[str, Attribute] = field(default_factory=dict)
    squares: OneScale | None = field(default=None, repr=False)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Explanation):
            return NotImplemented
        # Of the squares, the scale: they follow from the photo and from the product.
        return self.scale == other.scale and _equal(self, other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        reason = self.reason or "no reason"
        return f"Explanation({self.product.id!r}: {reason}; pairs: {len(self.pairs)})"

    def _repr_png_(self) -> bytes:
        """Returns `picture` as a notebook shows it."""
        file = io.BytesIO()
        Image.fromarray(self.picture()).save(file, "PNG")
        return file.getvalue()

    @property
    def scale(self) -> Scale:
        """Where the scale comes from at which `scaled_views` shows floor and product."""
        return "unknown" if self.squares is None else self.squares.scale

    def scaled_views(self, side: int = SIDE, *, even_light: bool = True) -> ScaledViews:
        """Returns floor and product as `Floorlens.scaled_views` does, without looking at them anew.

        Args:
            side: of the squares in pixels.
            even_light: whether slow shading of the room is divided out.

        Raises:
            UsageError: they were not laid on each other.

        Example:
            >>> explanation = lens.compare("room.jpg", "oak-natural-plank")  # doctest: +SKIP
            >>> explanation.scaled_views(320).product.shape  # doctest: +SKIP
            (320, 320, 3)
        """
        if self.squares is None:
            raise UsageError("this explanation has no squares: compare the product anew")
        return self.squares.views(side, even_light=even_light)

    @property
    def palette_differences(self) -> NDArray[np.float32]:
        """float32 (k,), CIE 1976 colour differences of the palettes, from dark to light."""
        return np.asarray(delta_e76(self.floor_palette, self.product_palette), np.float32)

    def as_dict(self) -> dict[str, Any]:
        """Returns the explanation as plain JSON values, without pixels, mask and folders."""
        pictures = [PurePath(path).name for path in self.product.images]
        return {
            "product": self.product.as_dict() | {"images": pictures},
            "match": None if self.match is None else self.match.as_dict(),
            "reason": self.reason,
            "facts": None if self.facts is None else self.facts.as_dict(),
            "floor": self.floor.as_dict(),
            "attributes": {
                "floor": {name: each.as_dict() for name, each in self.floor_attributes.items()},
                "product": {name: each.as_dict() for name, each in self.product_attributes.items()},
            },
            "scale": self.scale,
            "pairs": [pair.as_dict() for pair in self.pairs],
            "palettes": {
                "floor": self.floor_palette.round(1).tolist(),
                "product": self.product_palette.round(1).tolist(),
                "delta_e": self.palette_differences.round(1).tolist(),
            },
        }

    def picture(self, side: int = 240) -> NDArray[np.uint8]:
        """Returns the pairs side by side, and both palettes below: uint8 (h, w, 3) sRGB.

        Beside a pair stands its similarity, beside two colours of the palettes their difference.

        Args:
            side: of a patch in the picture, in pixels, 16 or more.

        Raises:
            UsageError: the side is too short.
        """
        _check_side(side)
        return side_by_side(
            [
                (pair.floor.pixels, pair.product.pixels, f"{pair.similarity:.2f} alike")
                for pair in self.pairs
            ],
            ("floor", self.product.name),
            (self.floor_palette, self.product_palette),
            [f"differ by {difference:.1f}" for difference in self.palette_differences],
            side,
        )

    def patches(self, side: int = 240) -> NDArray[np.uint8]:
        """Returns the pairs alone, the floor's patches above: uint8 (2 side, n side, 3) sRGB.

        Args:
            side: of a patch in the picture, in pixels, 16 or more.

        Raises:
            UsageError: the side is too short.
        """
        _check_side(side)
        return one_above_other(
            [(pair.floor.pixels, pair.product.pixels) for pair in self.pairs], side
        )


def _check_side(side: object) -> None:
    if not isinstance(side, int | np.integer) or side < SHORTEST_SIDE:
        raise UsageError(f"side must be a whole number, {SHORTEST_SIDE} or more, not {side!r}")


def _equal(one: Patch | Explanation, other: Patch | Explanation) -> bool:
    """Returns whether all values are equal; a dataclass by itself asks arrays for their truth."""
    return all(
        np.array_equal(value, vars(other)[name])
        if isinstance(value, np.ndarray)
        else bool(value == vars(other)[name])
        for name, value in vars(one).items()
        if name != "squares"
    )
