"""All attributes of a floor, of a product's picture or of the straightened floor in a photo."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from floorlens.attributes import Attribute, Value
from floorlens.attributes.colour import (
    family_of,
    several_colours,
    tone_of,
    undertone_of,
)
from floorlens.attributes.confidence import measured_confidence
from floorlens.attributes.joints import find_joints, piece_size
from floorlens.attributes.layout import joint_share, layout_shares
from floorlens.attributes.material import material_shares
from floorlens.attributes.sample import sample_of
from floorlens.attributes.surface import (
    Marks,
    gloss_of,
    marks_of,
    marks_word,
    spread_and_grain,
    variation_of,
)
from floorlens.attributes.vocabulary import NAMES

#: Layouts of which the joints along the picture's sides bound a piece.
WITH_SIZES = ("plank", "tile", "mosaic")


def measure(
    pixels: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    pattern: NDArray[np.floating] | None = None,
) -> dict[str, Attribute]:
    """Returns the attributes of a floor, by name, in the order of `NAMES`.

    Those that the picture does not show are left out: sizes where no joints are seen, gloss of a
    white floor, knots of stone, veins of wood, marks of carpet and terrazzo.

    Args:
        pixels: uint8 (h, w, 3) sRGB: a swatch, or a floor seen from above. Of a floor in
            perspective sizes mean nothing.
        mask: bool (h, w), True on floor, at least once.
        pattern: (13,), the probabilities of `embedding.pattern.CLASSES`; None leaves out pattern,
            material and joints.

    Example:
        >>> from PIL import Image
        >>> oak = np.asarray(Image.open("products/oak-natural-plank.jpg"))
        >>> values = measure(oak, np.ones(oak.shape[:2], bool))
        >>> values["tone"].value, values["colour"].value, values["undertone"].value
        ('light', 'beige', 'warm')
    """
    sample = sample_of(pixels, mask)
    colours = sample.colours
    median = np.median(colours, axis=0)
    lightness = float(median[0])
    colour = "multicolour" if several_colours(colours) else family_of(median)
    spread, grain = spread_and_grain(sample)
    values: dict[str, Value | None] = {
        "tone": tone_of(lightness),
        "lightness": lightness,
        "colour": colour,
        "undertone": undertone_of(median),
        "variation": variation_of(spread),
        "spread": spread,
        "grain": grain,
        "gloss": gloss_of(sample),
    }
    shares: dict[str, float] = {}
    if pattern is not None:
        layouts = layout_shares(pattern)
        materials = material_shares(pattern, colour)
        laid = joint_share(layouts)
        values["pattern"] = max(layouts, key=lambda word: layouts[word])
        values["material"] = max(materials, key=lambda word: materials[word])
        values["joints"] = laid > 0.5
        shares = {
            "pattern": layouts[str(values["pattern"])],
            "material": materials[str(values["material"])],
            "joints": max(laid, 1 - laid),
        }
    # What is long and thin in wood is grain; compact marks of stone are its chips.
    marks, material = marks_of(sample), values.get("material")
    if material not in ("carpet", "terrazzo"):
        wood = material == "wood look"
        marks = Marks(marks.knots if wood else 0.0, 0.0 if wood else marks.veins)
        values["knots" if wood else "veins"] = marks.knots + marks.veins
        values["marks"] = marks_word(marks)
    if sample.upright and values.get("pattern") in (*WITH_SIZES, None):
        values["piece_width"], values["piece_length"] = piece_size(find_joints(sample.lightness))
    return {
        name: Attribute(
            round(value, 3) if isinstance(value, float) else value,
            measured_confidence(name, value, lightness, shares.get(name)),
            unit=meaning.unit,
        )
        for name, meaning in NAMES.items()
        if (value := values.get(name)) is not None
    }
