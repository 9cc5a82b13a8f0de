"""A photo that a decoder hangs on costs its request an answer, and nobody else anything."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="needs the extra api")

from floorlens.images import decoding
from floorlens.images.decoding import Decoders
from tests.doubles.hanging_decoder import decoder_command

if TYPE_CHECKING:
    from starlette.testclient import TestClient

pytestmark = pytest.mark.slow

FIELD = {"/search": "file", "/v1/mask": "photo"}

Serving = Callable[..., "TestClient"]


@pytest.fixture
def gif() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), "grey").save(file, "GIF")
    return file.getvalue()


@pytest.fixture
def decoders(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """`decoders(hook)`: all pictures go to decoders that `decoder_command` describes."""
    made = []

    def use(hook: str) -> None:
        made.append(Decoders(decoder_command(hook)))
        monkeypatch.setattr(decoding, "_SHARED", made[-1])

    yield use
    for one in made:
        one.close()


def test_a_photo_that_hangs_gets_an_answer_and_the_places_are_free(
    serving: Serving, decoders: Callable[[str], None], gif: bytes, room: Path
) -> None:
    """More at a time than the service has places for photos: each of them would be lost."""
    decoders("time.sleep(1000)")
    client = serving(picture_seconds=0.5)

    def post(route: str) -> tuple[int, str, str]:
        answer = client.post(route, files={FIELD[route]: gif})
        return answer.status_code, answer.json()["code"], answer.json()["detail"]

    with ThreadPoolExecutor(9) as pool:
        answers = list(pool.map(post, ["/search", "/v1/mask", "/search"] * 3))
    message = (
        "The photo takes longer to decode than 0.5 s, the limit of the service: save it anew as "
        "JPEG, or scale it down."
    )
    assert answers == [(422, "image-timeout", message)] * 9
    for route in ("/search", "/v1/mask"):
        good = client.post(route, files={FIELD[route]: room.read_bytes()})
        assert good.status_code == 200


def test_a_photo_that_crashes_its_decoder_is_unreadable(
    serving: Serving, decoders: Callable[[str], None], gif: bytes, room: Path
) -> None:
    decoders("os.abort()")
    client = serving()
    for _ in range(3):
        answer = client.post("/search", files={"file": gif})
        assert (answer.status_code, answer.json()["code"]) == (415, "image-unreadable")
    assert client.post("/search", files={"file": room.read_bytes()}).status_code == 200


def test_a_product_picture_that_hangs_is_not_there(
    serving: Serving, decoders: Callable[[str], None], gif: bytes, tmp_path: Path
) -> None:
    """The place for the next picture is free again.

    A GIF is decoded whole as well: only of JPEG, PNG and WebP what a camera wrote is cut out.
    """
    client = serving(picture_seconds=0.5)
    (tmp_path / "products" / "oak.png").write_bytes(gif)
    decoders("time.sleep(1000)")
    for _ in range(6):
        assert client.get("/v1/products/oak/image?width=32").status_code == 404
    assert client.get("/v1/products/ash/image?width=32").status_code == 200
    assert client.get("/v1/products/oak/image").status_code == 404
    assert client.get("/v1/products/ash/image").status_code == 200


def test_postscript_under_a_photos_name_is_unreadable(serving: Serving) -> None:
    body = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n{} loop\n"
    answer = serving().post("/search", files={"file": ("room.jpg", body, "image/jpeg")})
    assert (answer.status_code, answer.json()["code"]) == (415, "image-unreadable")
    assert "JPEG, PNG, WebP, HEIC" in answer.json()["detail"]
