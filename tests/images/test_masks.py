"""Masks: written so that they can be read back as a region, and resized."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from floorlens.errors import ImageError, UsageError
from floorlens.images.loading import load_photo
from floorlens.images.masks import load_mask, mask_png, resize_mask, save_mask, save_overlay
from floorlens.segmentation.region import region_by_hand


@pytest.mark.parametrize("ending", [".png", ".tif", ".BMP"])
def test_a_saved_mask_comes_back_as_the_same_region(
    tmp_path: Path, picture: Any, ending: str
) -> None:
    """At the photo's own size, also where the photo is larger than we work at."""
    photo = load_photo(picture(1600, 40))
    floor = region_by_hand(photo, (100, 10, 900, 40))
    file = tmp_path / "new folder" / f"mask{ending}"
    save_mask(floor.mask, file)
    with Image.open(file) as written:
        assert (written.mode, written.size) == ("L", (1600, 40))
        assert set(np.unique(np.asarray(written))) == {0, 255}
    again = load_mask(file)
    assert np.array_equal(again, floor.mask)
    assert region_by_hand(photo, again).share == pytest.approx(floor.share, abs=0.01)


def test_a_mask_is_cut_at_half_brightness(tmp_path: Path) -> None:
    """Grey edges, colour and JPEG noise of a drawing program do no harm."""
    levels = np.repeat(np.array([[0, 100, 160, 255]], np.uint8), 20, axis=0).repeat(10, axis=1)
    Image.fromarray(levels).convert("RGB").save(tmp_path / "mask.png")
    mask = load_mask(tmp_path / "mask.png")
    assert mask[0].tolist() == [False] * 20 + [True] * 20


def test_a_mask_as_bytes_is_the_file_that_would_be_written(tmp_path: Path, picture: Any) -> None:
    mask = region_by_hand(load_photo(picture(1600, 40)), (100, 10, 900, 40)).mask
    (tmp_path / "mask.png").write_bytes(mask_png(mask))
    with Image.open(tmp_path / "mask.png") as written:
        assert (written.format, written.mode, written.size) == ("PNG", "L", (1600, 40))
    assert np.array_equal(load_mask(tmp_path / "mask.png"), mask)


@pytest.mark.parametrize("name", ["mask.jpg", "mask", "mask.webp"])
def test_a_mask_is_written_in_lossless_formats_only(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"a mask is written as \.png"):
        save_mask(np.ones((9, 9), bool), tmp_path / name)
    assert not (tmp_path / name).exists()


def test_the_overlay_keeps_the_floors_colours(tmp_path: Path, picture: Any) -> None:
    pixels = load_photo(picture()).pixels
    mask = np.zeros(pixels.shape[:2], bool)
    mask[24:] = True
    save_overlay(pixels, mask, tmp_path / "overlay.png")
    overlay = load_photo(tmp_path / "overlay.png").pixels
    assert np.array_equal(overlay[30:], pixels[30:])
    assert overlay[:20].mean() < pixels[:20].mean() / 2


def test_files_that_cannot_be_written_or_read(tmp_path: Path) -> None:
    pixels, mask = np.zeros((20, 20, 3), np.uint8), np.ones((20, 20), bool)
    (tmp_path / "a file").write_bytes(b"x")
    with pytest.raises(UsageError, match="cannot be written as a picture"):
        save_mask(mask, tmp_path / "a file" / "mask.png")
    with pytest.raises(UsageError, match=r"name the picture \.jpg, "):
        save_overlay(pixels, mask, tmp_path / "overlay.unknown")
    with pytest.raises(ImageError, match="no such file"):
        load_mask(tmp_path / "gone.png")


def test_mask_is_resampled_at_half_coverage() -> None:
    mask = np.zeros((40, 60), bool)
    mask[20:] = True
    assert resize_mask(mask, (40, 60)) is mask
    for shape in ((80, 120), (20, 30), (41, 33)):
        resized = resize_mask(mask, shape)
        assert resized.shape == shape
        assert resized.dtype == bool
        assert abs(float(resized.mean()) - 0.5) < 0.03


def test_mask_from_a_one_bit_picture_survives_resampling() -> None:
    """Pillow's one-bit pictures become bool arrays whose True is the byte 255."""
    mask = np.asarray(Image.new("1", (40, 30), 1), dtype=bool)
    assert resize_mask(mask, (60, 80)).all()
