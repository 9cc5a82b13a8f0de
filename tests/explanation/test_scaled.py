"""A floor and a product at one scale: what the two squares show, and what the scale rests on."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from floorlens.adaptation.rooms import simulate_view
from floorlens.attributes import Attribute
from floorlens.explanation.alignment import align
from floorlens.explanation.scaled import at_one_scale, first_swatch
from floorlens.explanation.squares import ScaledViews
from floorlens.images.loading import load_photo
from floorlens.products.pictures import ProductPicture

PRODUCTS = Path(__file__).resolve().parents[2] / "samples" / "products"


def swatch(pixels: NDArray[np.uint8], kind: str = "swatch") -> ProductPicture:
    return ProductPicture(kind, np.ones(pixels.shape[:2], np.bool_), 1.0)  # type: ignore[arg-type]


def views_of(name: str, metres: float, **options: object) -> ScaledViews:
    """Returns the views of a simulated room whose floor is a sample of that width."""
    product = load_photo(PRODUCTS / name)
    room = simulate_view(product.pixels, metres, np.random.default_rng(3), size=(1024, 768))
    scale = at_one_scale(room.rgb, room.mask, product, swatch(product.pixels), {})
    return scale.views(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("factor", [0.6, 1.0, 1.4])
@pytest.mark.parametrize("turn", [0, 90])
def test_a_part_of_a_picture_is_found_in_it(factor: float, turn: int) -> None:
    """Tiles from above, cut larger or smaller and turned: ratio and turn are known."""
    tiles = np.asarray(Image.open(PRODUCTS / "porcelain-sand-brick.jpg").convert("RGB"))
    side = int(min(tiles.shape[:2]) / 2)
    product = tiles[:side, :side]
    # Of the mirrored sheet, so that there is enough of it.
    sheet = np.pad(tiles, ((0, tiles.shape[0]), (0, tiles.shape[1]), (0, 0)), mode="symmetric")
    floor = np.rot90(sheet[: int(side * factor), : int(side * factor)], -turn // 90)
    alignment = align(np.ascontiguousarray(floor), product, usual=1.0)
    assert alignment.ratio == pytest.approx(factor, rel=0.1)
    assert abs(math.degrees(alignment.turn)) == pytest.approx(turn, abs=1)


def test_boards_and_tiles_are_as_large_in_both() -> None:
    """The checks of the product are as wide as those of the floor, whatever the room's scale."""
    for metres in (1.0, 2.0):
        views = views_of("check-black-white.jpg", metres)
        assert views.scale == "patterns"
        widths = [_checks(square) for square in (views.floor, views.product)]
        assert widths[0] == pytest.approx(widths[1], rel=0.15)


def _checks(square: NDArray[np.uint8]) -> float:
    """Returns how many pixels lie between two changes of black and white along rows and columns."""
    dark = square.mean(axis=2) < square.mean()
    changes = (dark[1:] != dark[:-1]).sum() + (dark[:, 1:] != dark[:, :-1]).sum()
    return float(2 * dark.size / changes)


def test_the_light_of_the_photo_changes_neither_scale_nor_place() -> None:
    even = views_of("check-black-white.jpg", 1.5, side=200)
    photo = views_of("check-black-white.jpg", 1.5, side=200, even_light=False)
    assert np.array_equal(even.product, photo.product)
    assert not np.array_equal(even.floor, photo.floor)
    assert np.corrcoef(even.floor.ravel(), photo.floor.ravel())[0, 1] > 0.9


def test_sizes_in_the_product_data_are_used_where_patterns_do_not_tell() -> None:
    """Of even colours no scale can be seen: a picture of 4 m shows more than one of 1.3 m."""
    plain = np.full((400, 400, 3), 150, np.uint8)
    plain[::2] += 20
    room = simulate_view(
        np.asarray(Image.open(PRODUCTS / "oak-natural-plank.jpg").convert("RGB")),
        1.5,
        np.random.default_rng(3),
        size=(640, 480),
    )
    sizes = {"width_mm": Attribute(200.0), "piece_width": Attribute(0.05)}
    product = load_photo(plain)
    views = at_one_scale(room.rgb, room.mask, product, swatch(product.pixels), sizes)
    assert views.scale == "sizes"
    assert at_one_scale(room.rgb, room.mask, product, swatch(product.pixels), {}).scale == "usual"


def test_without_a_plane_each_is_shown_whole() -> None:
    pixels = np.full((120, 160, 3), 200, np.uint8)
    mask = np.zeros((120, 160), np.bool_)
    mask[100:, 60:66] = True
    product = load_photo(PRODUCTS / "check-black-white.jpg")
    views = at_one_scale(pixels, mask, product, swatch(product.pixels), {}).views(64)
    assert views.scale == "unknown"
    assert views.floor.shape == views.product.shape == (64, 64, 3)


def test_a_swatch_goes_before_a_room() -> None:
    photo = load_photo(np.full((32, 32, 3), 90, np.uint8))
    room, drawing, alone = (swatch(photo.pixels, kind) for kind in ("room", "drawing", "framed"))
    assert first_swatch([(photo, room), (photo, alone)])[1] is alone
    assert first_swatch([(photo, drawing), (photo, room)])[1] is room
    assert first_swatch([(photo, drawing)])[1] is drawing
