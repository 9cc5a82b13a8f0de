"""The tests of the package: Floorlens's own checks, and what the package promises itself."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from floorlens import Floorlens
from floorlens.presets import load_stages, preset_named
from floorlens.testing import check_stages

COLOURS = {"brick": (160, 70, 50), "oak": (180, 140, 90), "slate": (80, 90, 100)}


def test_the_stages_keep_what_their_contracts_promise() -> None:
    check_stages(load_stages(preset_named("colours"), threads=1))


def test_a_floor_finds_the_product_of_its_colour(tmp_path: Path) -> None:
    """By the package's preset and in its engine, also when the catalogue is opened again."""
    products = tmp_path / "products"
    products.mkdir()
    for name, colour in COLOURS.items():
        Image.new("RGB", (200, 200), colour).save(products / f"{name}.png")
    room = Image.new("RGB", (320, 240), "white")
    room.paste((176, 138, 92), (0, 120, 320, 240))
    with Floorlens.open(tmp_path / "catalogue", preset="colours", index="sqlite") as lens:
        lens.add(products, adapt=False)
    with Floorlens.open(tmp_path / "catalogue", index="sqlite") as lens:
        matches = lens.search(room, region=(0, 120, 320, 240)).matches
        assert lens.replica.compare().in_step
    assert matches[0].product.id == "oak"
    assert set(matches[0].components or {}) == {"colour", "histogram"}
