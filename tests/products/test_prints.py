"""Prints: of any picture, stored and read again."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from floorlens.errors import CatalogueError
from floorlens.products.prints import NOTHING, Print, pack, print_of, unpack

Pixels = NDArray[np.uint8]


def floor(seed: int, height: int = 300, width: int = 300) -> Pixels:
    """A floor of boards with a grain: streaks, each board another piece."""
    rng = np.random.default_rng(seed)
    sheet = np.empty((height, width))
    for left in range(0, width, 50):
        grain = rng.normal(0, 1, (24, 16)).cumsum(axis=0)
        picture = Image.fromarray(grain.astype(np.float32)).resize((50, height))
        sheet[:, left : left + 50] = np.asarray(picture)[:, : width - left] * 6 + rng.normal(0, 8)
    grey = np.clip(130 + sheet, 0, 255)
    return np.stack([grey, grey * 0.85, grey * 0.6], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("shape", [(300, 300), (60, 900), (900, 60), (5, 4000), (3, 3)])
def test_any_shape_is_stored_and_read_again(shape: tuple[int, int]) -> None:
    made = print_of(np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8))
    read = unpack(pack(made))
    assert np.array_equal(read.grey, made.grey)
    assert read.lab == pytest.approx(made.lab, abs=0.1)
    assert len(pack(made)) < 5000


@pytest.mark.parametrize("data", [b"", b"FLP1", b"FLP2" + pack(NOTHING)[4:], pack(NOTHING) + b"x"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(CatalogueError, match="attributes --measure --anew"):
        unpack(data)


def test_the_colour_is_the_mean_one() -> None:
    assert print_of(np.full((9, 9, 3), 255, np.uint8)).lab.tolist() == pytest.approx(
        [100, 0, 0], abs=0.1
    )
    assert isinstance(NOTHING, Print)
