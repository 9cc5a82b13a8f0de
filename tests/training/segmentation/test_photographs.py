"""Which files of packages are taken, and what a camera in a panorama sees."""

from __future__ import annotations

from csv import DictReader

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs the extra train")

from training.segmentation.photographs import TABLE, develop, view, wanted


def test_the_table_is_complete() -> None:
    """Every package has a pinned version (of Debian, the distribution pins it) and a licence."""
    with TABLE.open() as lines:
        rows = list(DictReader(lines))
    assert len(rows) > 20
    for row in rows:
        assert row["kind"] in ("deb", "npm", "pip")
        assert row["licence"] and row["pictures"].split() and row["group"]
        version = {"deb": "", "npm": "@", "pip": "=="}[row["kind"]]
        assert version in row["package"][1:]


def test_pictures_are_chosen_by_name() -> None:
    assert wanted("data/samples/data/home.jpg", "samples/data", ["home", "aero*"])
    assert wanted("data/samples/data/aero1.png", "", ["home", "aero*"])
    assert wanted("usr/wallpapers/Kite/contents/images/2560x1600.jpg", "", ["Kite*/2560x1600"])
    assert not wanted("data/samples/data/home.jpg", "landscapes", ["home"])
    assert not wanted("data/other/chome.jpg", "", ["home"])
    assert not wanted("data/home.txt", "", ["home"])


def test_a_camera_looks_where_it_is_told() -> None:
    """The panorama's colours say which way: red to the right, green upwards."""
    rows, columns = np.mgrid[0:180, 0:360].astype(np.float32)
    panorama = np.stack([columns, 180 - rows, rows * 0], axis=2)
    straight = view(panorama, 0.0, 0.0, np.deg2rad(60), (40, 60))
    assert straight[20, 30, 0] == pytest.approx(180, abs=2)
    assert straight[20, 30, 1] == pytest.approx(90, abs=2)
    # Right in the picture is right in the panorama, up is up; 60 degrees from side to side.
    assert straight[20, 59, 0] - straight[20, 0, 0] == pytest.approx(60, abs=3)
    assert straight[0, 30, 1] > straight[39, 30, 1]
    down = view(panorama, np.pi / 2, np.deg2rad(-30), np.deg2rad(60), (40, 60))
    assert down[20, 30, 0] == pytest.approx(270, abs=2)
    assert down[20, 30, 1] == pytest.approx(60, abs=2)


def test_developing_keeps_the_order_of_light() -> None:
    light = np.linspace(0, 40, 50, dtype=np.float32)[:, None, None] * np.ones(3, np.float32)
    pixels = develop(light, 1.0)[:, 0, 0].astype(int)
    assert (np.diff(pixels) >= 0).all()
    assert pixels[0] == 0 and pixels[-1] > 120
