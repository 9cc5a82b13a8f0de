"""Searches over HTTP with the real models, on sample rooms: what the page will do."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="needs the extra api")

import httpx

from floorlens import Floorlens
from floorlens.images.loading import load_photo
from floorlens.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.slow


@pytest.fixture
def web(service: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service, timeout=300) as client:
        yield client


def search(web: httpx.Client, photo: bytes, **fields: Any) -> Any:
    data = {name: json.dumps(value) for name, value in fields.items()}
    answer = web.post("/v1/search", files={"photo": photo}, data=data)
    assert answer.status_code == 200, answer.text
    return answer.json()


def picture(answer: httpx.Response) -> NDArray[np.uint8]:
    assert answer.status_code == 200, answer.text
    return load_photo(answer.content).pixels


def test_a_large_photo_is_searched_corrected_and_compared(
    web: httpx.Client, rooms: Path, sample_settings: Settings
) -> None:
    """Its answers are the library's; all coordinates are those of the photo that was sent."""
    file = io.BytesIO()
    with Image.open(rooms / "bath-terrazzo.jpg") as image:
        image.resize((2048, 1536)).save(file, "JPEG", quality=92)
    photo = file.getvalue()
    first = search(web, photo)
    with Floorlens.open(sample_settings.catalogue) as lens:
        expected = lens.search(photo)
        boxed = lens.search(photo, region=(0, 900, 2048, 1536))
        explanation = lens.compare(photo, "terrazzo-grigio", region=expected.floor)
    assert [one["id"] for one in first["matches"]] == [one.product.id for one in expected]
    assert first["matches"][0]["id"] == "terrazzo-grigio"
    (floor,) = first["floors"]
    assert floor["photo_size"] == [2048, 1536]
    assert floor["box"] == list(expected.floor.box or ())
    corners = np.array(floor["polygons"][0][0])
    assert corners.max() > 1300
    address = f"/v1/searches/{first['id']}"
    # Kept as JPEG: the photo is not the same to the last bit, and the search is.
    box = web.post(f"{address}/refine", json={"region": [0, 900, 2048, 1536]}).json()
    assert [one["id"] for one in box["matches"]] == [one.product.id for one in boxed]
    assert [one["likeness"] for one in box["matches"]] == pytest.approx(
        [one.likeness for one in boxed], abs=0.05
    )
    tapped = web.post(
        f"{address}/refine", json={"clicks": [{"x": 1000, "y": 200, "floor": False}]}
    ).json()
    assert tapped["floors"][0]["source"] == "automatic+clicks"
    mask = picture(web.get(f"{address}/floor.png", params={"kind": "mask"}))
    assert mask.shape[:2] == (960, 1280)  # at working size, of a PNG of 2048 x 1536
    patch = picture(web.get(f"{address}/patch.png"))
    assert min(patch.shape[:2]) > 60
    said = web.get(f"{address}/matches/terrazzo-grigio").json()
    assert said["facts"]["product_pattern"] == explanation.facts.product_pattern  # type: ignore[union-attr]
    assert said["palettes"]["delta_e"] == pytest.approx(
        explanation.palette_differences.tolist(), abs=2.5
    )
    assert said["pairs"]
    assert picture(web.get(said["picture_url"])).shape[0] > 200


def test_a_mask_is_the_librarys(web: httpx.Client, rooms: Path, sample_settings: Settings) -> None:
    photo = (rooms / "living-oak-sun.jpg").read_bytes()
    with Floorlens.open(sample_settings.catalogue) as lens:
        floor = lens.mask(photo)
    rle = web.post("/v1/mask?format=rle", files={"photo": photo}).json()["rle"]
    values = np.repeat(np.arange(len(rle["counts"])) % 2 == 1, rle["counts"])
    assert np.array_equal(values.reshape(rle["size"], order="F"), floor.mask)
