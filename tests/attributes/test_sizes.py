"""Sizes in product data, as shops write them."""

from __future__ import annotations

from typing import Any

import pytest

from floorlens.attributes.sizes import stated_attributes


@pytest.mark.parametrize(
    ("metadata", "sides"),
    [
        ({"Format": "1220 x 180 x 5 mm"}, (180, 1220)),
        ({"size": "60x60"}, (600, 600)),
        ({"Abmessungen": "1285×192 mm"}, (192, 1285)),
        ({"dimensions": "120 x 20 cm"}, (200, 1200)),
        ({"format": '7" x 48"'}, (177.8, 1219.2)),
        ({"Stärke x Format": "12 mm x 19 cm"}, (None, None)),
        ({"Breite (mm)": 180, "Länge (mm)": 2200}, (180, 2200)),
        ({"width_mm": "145"}, (145, None)),
        ({"Breite": "18,5 cm"}, (185, None)),
        ({"width": 300, "length": "1.2 m"}, (None, 1200)),
        ({"length": "40 mm", "width": "50 mm"}, (40, 50)),
        ({"width": "wide", "size": "XL"}, (None, None)),
        ({"size": "150x150"}, (None, None)),
        ({"width": "4 mm"}, (None, None)),
        ({"width": True, "length": None, "format": ["60x60"]}, (None, None)),
    ],
)
def test_sizes(metadata: dict[str, Any], sides: tuple[float | None, float | None]) -> None:
    """Without a unit only a format that allows one is read; a thickness is no width."""
    stated = stated_attributes(metadata)
    values = tuple(
        stated[name].value if name in stated else None for name in ("width_mm", "length_mm")
    )
    assert values == sides
    assert all(item.origin == "stated" and item.unit == "mm" for item in stated.values())
