"""Where training pictures come from: licences are told apart, tiles are never laid as boards."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("cv2", reason="needs the extra train")

from training.matching.pack import SIDE, SIMULATED, SWATCH
from training.matching.sources import made_pictures, may_show_one_board, texture_pictures
from training.matching.squares import draw_squares

pytestmark = pytest.mark.slow

HEADER = "file,class,asset,library,licence,licence_how_known,tileable,real_cm\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "textures" / "images"
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    for name in ("known.png", "unsure.png"):
        Image.fromarray(pixels).save(folder / name)
    (tmp_path / "textures" / "textures.csv").write_text(
        HEADER
        + "known.png,plank,K,library,CC0 1.0,asset library licence,yes,100.0x100.0\n"
        + "unsure.png,tile,U,library,MIT,package licence; texture source not stated,yes,\n"
    )
    return tmp_path


def test_textures_come_with_rooms_and_say_whether_their_licence_is_known(data: Path) -> None:
    pictures = list(texture_pictures(data, rooms=2))
    assert [picture.side for picture in pictures] == 2 * [SWATCH, SIMULATED, SIMULATED]
    assert [picture.licensed for picture in pictures] == 3 * [True] + 3 * [False]
    assert {picture.source for picture in pictures} == {"textures/library"}
    assert all(picture.patches for picture in pictures)
    again = list(texture_pictures(data, rooms=2))
    for one, two in zip(pictures, again, strict=True):
        for patch, same in zip(one.patches, two.patches, strict=True):
            np.testing.assert_array_equal(patch, same)


def test_made_products_have_swatches_and_rooms() -> None:
    pictures = list(islice(made_pictures(2), 3))
    assert [picture.side for picture in pictures] == [SWATCH, SWATCH, SIMULATED]
    assert {picture.label for picture in pictures} == {"made-00000"}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("vinyl plank herringbone", True),
        ("laminate", True),
        ("wpc deck", True),
        ("vinyl tile", False),
        ("homogeneous vinyl", False),
        ("ceramic tile (wall/floor, stone or plain look)", False),
        ("carpet", False),
    ],
)
def test_tiles_and_carpets_are_never_laid_as_boards(kind: str, expected: bool) -> None:
    assert may_show_one_board(kind) == expected


def test_small_squares_keep_their_own_resolution_and_hardly_any_floor_is_left_out() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    mask = np.zeros((300, 400), bool)
    mask[150:, :] = True
    cut = draw_squares(pixels, mask, 9, np.random.default_rng(1))
    sides = [patch.shape[0] for patch in cut]
    assert all(patch.shape == (side, side, 3) for patch, side in zip(cut, sides, strict=True))
    assert min(sides) < 100 and max(sides) <= SIDE
    mask[:] = False
    mask[::4, ::4] = True
    assert draw_squares(pixels, mask, 9, np.random.default_rng(1)) == []
