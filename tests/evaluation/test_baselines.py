"""Simple systems: what they describe of a picture, by hand."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from floorlens.errors import ImageError, NoFloorFound
from floorlens.evaluation.baselines import BoxCrop, MeanColour
from floorlens.evaluation.datasets import read_products
from floorlens.testing import fake_stages

if TYPE_CHECKING:
    from tests.evaluation.conftest import PairsFolder


def room(floor: int, wall: int) -> bytes:
    """The fake segmenter finds the floor in the lower half."""
    pixels = np.full((24, 32, 3), wall, np.uint8)
    pixels[12:] = floor
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize("baseline", [MeanColour, BoxCrop])
def test_products_of_the_floors_colour_come_first(
    pairs_folder: PairsFolder, baseline: type[MeanColour]
) -> None:
    """Grey 60 is p3; the white wall does not count."""
    products = read_products(pairs_folder.path / "products")
    matches = baseline(fake_stages(), products).search(room(60, 255)).matches
    assert [match.rank for match in matches] == list(range(1, 13))
    assert matches[0].product.id == "p3"
    assert {match.product.id for match in matches[1:3]} == {"p2", "p4"}
    scores = [match.score for match in matches]
    assert scores == sorted(scores, reverse=True)
    assert 0 <= scores[-1] < scores[0] <= 1


def test_a_box_takes_what_stands_in_it_and_a_mean_does_not(pairs_folder: PairsFolder) -> None:
    """A drawn floor of two corners: all between them lies in the box."""
    products = read_products(pairs_folder.path / "products")
    pixels = np.full((24, 32, 3), 200, np.uint8)
    mask = np.zeros((24, 32), np.bool_)
    mask[:2, :2] = mask[-2:, -2:] = True
    pixels[mask] = 0
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    stages = fake_stages()
    photo = stream.getvalue()
    colour = MeanColour(stages, products).search(photo, region=mask).matches
    assert colour[0].product.id == "p0"
    box = BoxCrop(stages, products).search(photo, region=mask).matches
    assert box[0].product.id in ("p10", "p11")


def test_pictures_and_photos_that_cannot_be_used(pairs_folder: PairsFolder) -> None:
    (pairs_folder.path / "products" / "p3.png").write_bytes(b"x")
    products = read_products(Path(pairs_folder.path / "products"))
    baseline = MeanColour(fake_stages(), products)
    assert len(baseline.search(room(60, 255)).matches) == 11
    with pytest.raises(NoFloorFound):
        baseline.search(room(60, 60))
    with pytest.raises(ImageError):
        baseline.search(b"x")
