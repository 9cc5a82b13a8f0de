"""The routes: the reference's shapes, every refusal with its code, no detail of the server."""

from __future__ import annotations

import io
import json
import logging
import os
import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

pytest.importorskip("fastapi", reason="needs the extra api")

from floorlens import Floorlens, presets
from floorlens.api import create_app, service
from floorlens.catalogue.catalogue import Catalogue
from floorlens.errors import CatalogueNotFound, EngineUnavailable, FloorlensError, StampMismatch
from floorlens.segmentation import Click, FloorProbability
from floorlens.settings import Settings
from floorlens.testing import FakeSegmenter, fake_stages

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    Serving = Callable[..., TestClient]

pytestmark = pytest.mark.slow


FIELD = {"/search": "file", "/v1/mask": "photo"}
"""What each route calls the photo: the reference design's has its own name for it."""


def photo(file: Path, route: str = "/search") -> dict[str, Any]:
    return {FIELD[route]: (file.name, file.read_bytes(), "image/png")}


def code(answer: Any) -> str:
    """Returns the code of a refusal, whose body is a problem and nothing more."""
    body = answer.json()
    fields = {"type", "title", "status", "code", "detail", "request_id", "errors"}
    assert set(body) == fields
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"]
    return str(body["code"])


# -- POST /search ------------------------------------------------------------------------------


def test_search_answers_in_the_references_shape(
    client: TestClient, lens: Floorlens, room: Path
) -> None:
    """A list of exactly id, score, name, in the order and with the scores of the library."""
    answer = client.post("/search", files=photo(room))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    hits = answer.json()
    assert [list(hit) for hit in hits] == [["id", "score", "name"]] * 6
    expected = lens.search(room).matches
    assert [(hit["id"], hit["score"], hit["name"]) for hit in hits] == [
        (match.product.id, match.score, match.product.name) for match in expected
    ]
    assert hits[0]["id"] == "oak"
    assert answer.headers["x-index"] == "exact"
    assert "x-degraded" not in answer.headers


@pytest.mark.parametrize("where", ["params", "data"])
def test_a_limit_may_stand_in_the_address_or_in_the_form(
    client: TestClient, room: Path, where: str
) -> None:
    request: dict[str, Any] = {where: {"limit": "2"}}
    assert len(client.post("/search", files=photo(room), **request).json()) == 2
    bad_request: dict[str, Any] = {where: {"limit": "0"}}
    answer = client.post("/search", files=photo(room), **bad_request)
    assert (answer.status_code, code(answer)) == (422, "request-invalid")
    assert "limit" in answer.json()["detail"]


def test_a_photo_without_a_floor_is_422(client: TestClient, blank: Path) -> None:
    for route in ("/search", "/v1/mask"):
        answer = client.post(route, files=photo(blank, route))
        assert (answer.status_code, code(answer)) == (422, "no-floor-found")


def test_an_empty_catalogue_is_404(serving: Serving, tmp_path: Path, room: Path) -> None:
    """`/mask` works without products."""
    Floorlens.open(tmp_path / "new", stages=fake_stages()).close()
    empty = serving(catalogue=str(tmp_path / "new"))
    answer = empty.post("/search", files=photo(room))
    assert (answer.status_code, code(answer)) == (404, "nothing-to-rank")
    assert empty.post("/v1/mask", files=photo(room, "/v1/mask")).status_code == 200
    assert empty.get("/v1/status").json()["products"] == 0


@pytest.mark.parametrize("data", [b"", b"not a picture", b"\x89PNG\r\n\x1a\nbroken", b"GIF89a"])
def test_what_is_no_image_is_415(client: TestClient, data: bytes) -> None:
    for route in ("/search", "/v1/mask"):
        answer = client.post(route, files={FIELD[route]: ("a.jpg", data)})
        assert (answer.status_code, code(answer)) == (415, "image-unreadable")


def test_too_many_pixels_are_413(client: TestClient) -> None:
    """A small file of many pixels."""
    file = io.BytesIO()
    Image.new("RGB", (1000, 1000)).save(file, "PNG")
    answer = client.post("/search", files={"file": ("a.png", file.getvalue())})
    assert (answer.status_code, code(answer)) == (413, "image-too-large")
    assert "0.1 megapixels" in answer.json()["detail"]


@pytest.mark.parametrize("size", [200_001, 400_000])
def test_too_many_bytes_are_413(client: TestClient, size: int) -> None:
    """The file's limit is exact, though the form around it has some room of its own."""
    answer = client.post("/search", files={"file": ("a.jpg", b"x" * size)})
    assert (answer.status_code, code(answer)) == (413, "upload-too-large")
    assert "0.2 MB" in answer.json()["detail"]
    largest = client.post("/search", files={"file": ("a.jpg", b"x" * 200_000)})
    assert code(largest) == "image-unreadable"


@pytest.mark.parametrize(
    ("request_parts", "status", "expected"),
    [
        ({}, 422, "file-missing"),
        ({"data": {"file": "text"}}, 422, "file-missing"),
        ({"files": {"photo": ("a.jpg", b"x")}}, 422, "file-missing"),
        ({"content": b"raw bytes", "headers": {"content-type": "image/jpeg"}}, 422, "file-missing"),
        (
            {"content": b"--x\r\nbroken", "headers": {"content-type": "multipart/form-data"}},
            400,
            "request-invalid",
        ),
    ],
)
def test_forms_without_the_file(
    client: TestClient, request_parts: dict[str, Any], status: int, expected: str
) -> None:
    answer = client.post("/search", **request_parts)
    assert (answer.status_code, code(answer)) == (status, expected)


def test_the_files_name_and_type_are_ignored(client: TestClient, room: Path) -> None:
    answer = client.post("/search", files={"file": ("../../x.txt", room.read_bytes(), "text/html")})
    assert answer.status_code == 200


# -- POST /mask --------------------------------------------------------------------------------


def test_mask_is_a_png_of_the_photos_size(client: TestClient, lens: Floorlens, room: Path) -> None:
    answer = client.post("/v1/mask?format=png", files=photo(room, "/v1/mask"))
    assert answer.headers["content-type"] == "image/png"
    floor = lens.mask(room)
    with Image.open(io.BytesIO(answer.content)) as picture:
        assert (picture.mode, picture.size) == ("L", (160, 120))
        assert np.array_equal(np.asarray(picture), floor.mask * np.uint8(255))
    assert json.loads(answer.headers["x-floor"]) == floor.as_dict()


def test_mask_and_search_of_one_photo_segment_it_once(serving: Serving, room: Path) -> None:
    """In either order and for every repeat; another photo is segmented once more."""
    calls: list[tuple[int, ...]] = []

    class Counting(FakeSegmenter):
        def segment(
            self, pixels: NDArray[np.uint8], clicks: Sequence[Click] = ()
        ) -> FloorProbability:
            calls.append(pixels.shape)
            return super().segment(pixels, clicks)

    stages = fake_stages()
    client = serving(replace(stages, segmenter=Counting(stages.segmenter.stamp)))
    calls.clear()
    for route in ("/v1/mask", "/search", "/v1/mask", "/search"):
        assert client.post(route, files=photo(room, route)).status_code == 200
    assert calls == [(120, 160, 3)]
    # The same picture as another file.
    other = ("b.png", room.read_bytes() + b" ")
    for route in ("/search", "/v1/mask"):
        assert client.post(route, files={FIELD[route]: other}).status_code == 200
    assert len(calls) == 2


# -- GET /healthz ------------------------------------------------------------------------------


def test_health_names_products_preset_and_models(client: TestClient, lens: Floorlens) -> None:
    body = client.get("/v1/status").json()
    assert (body["status"], body["products"], body["preset"]) == ("ok", 6, "fake")
    assert body["models"]["embedder"] == "fake-embedder 1"
    lens.remove(["moss"])
    assert client.get("/v1/status").json()["products"] == 5


def test_health_answers_head_requests(client: TestClient) -> None:
    """As load balancers do."""
    answer = client.head("/healthz")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"


def test_health_of_a_catalogue_that_was_rebuilt_with_other_models_is_503(
    client: TestClient, lens: Floorlens, room: Path
) -> None:
    """No search can work until the service is started anew."""
    assert lens.folder is not None
    Floorlens.rebuild(lens.folder, stages=fake_stages(version="2"))
    for answer in (client.get("/v1/status"), client.post("/search", files=photo(room))):
        assert (answer.status_code, code(answer)) == (503, "stamp-mismatch")


def test_health_of_a_catalogue_that_hangs_is_503(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer comes within seconds; however many requests come, one thread waits."""
    client = serving()
    release, calls = threading.Event(), threading.Semaphore(0)

    def hangs(_self: Catalogue) -> int:
        calls.release()
        assert release.wait(60)
        return 6

    monkeypatch.setattr(service, "HEALTH_SECONDS", 0.05)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(Catalogue, "count", hangs)
            for _ in range(5):
                answer = client.get("/v1/status")
                assert (answer.status_code, code(answer)) == (503, "catalogue")
            assert calls.acquire(timeout=60)
            assert not calls.acquire(blocking=False)
    finally:
        release.set()
    monkeypatch.setattr(service, "HEALTH_SECONDS", 60)
    assert client.get("/v1/status").json()["products"] == 6


# -- GET /products/{id}/image ------------------------------------------------------------------


def test_a_picture_is_sent_by_what_it_is_without_what_a_camera_wrote(
    client: TestClient, product_folder: Path
) -> None:
    """A PNG that is called .jpg is a PNG."""
    file = product_folder / "oak.png"
    answer = client.get("/v1/products/oak/image")
    assert answer.content == file.read_bytes()
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    exif = Image.Exif()
    exif[0x010F] = "a camera at home"
    Image.new("RGB", (60, 30), "red").save(file, "JPEG", exif=exif)
    answer = client.get("/v1/products/oak/image")
    assert answer.headers["content-type"] == "image/jpeg"
    assert b"at home" in file.read_bytes()
    assert b"at home" not in answer.content
    # Others must be decoded to take that out.
    Image.new("RGB", (60, 30), "red").save(file, "GIF", comment=b"at home")
    for _ in range(2):
        answer = client.get("/v1/products/oak/image")
        assert answer.headers["content-type"] == "image/png"
        assert b"at home" not in answer.content


def test_a_thumbnail_is_a_jpeg_of_at_most_that_size(
    client: TestClient, product_folder: Path
) -> None:
    Image.new("RGB", (200, 100), (180, 140, 90)).save(product_folder / "oak.png")
    for side, size in ((50, (50, 25)), (1600, (200, 100))):
        answer = client.get(f"/v1/products/oak/image?width={side}")
        assert answer.headers["content-type"] == "image/jpeg"
        with Image.open(io.BytesIO(answer.content)) as picture:
            assert picture.size == size
    for bad in ("31", "1601", "many", "-5"):
        answer = client.get(f"/v1/products/oak/image?width={bad}")
        assert (answer.status_code, code(answer)) == (422, "request-invalid")


def test_a_client_that_has_the_picture_gets_304(client: TestClient, product_folder: Path) -> None:
    first = client.get("/v1/products/oak/image?width=40")
    tag = first.headers["etag"]
    assert "max-age" in first.headers["cache-control"]
    for header in (tag, f'"other", W/{tag}', "*"):
        again = client.get("/v1/products/oak/image?width=40", headers={"if-none-match": header})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert client.get("/v1/products/oak/image?width=41").headers["etag"] != tag
    Image.new("RGB", (41, 41), "red").save(product_folder / "oak.png")
    answer = client.get("/v1/products/oak/image?width=40", headers={"if-none-match": tag})
    assert answer.status_code == 200


@pytest.mark.parametrize("query", ["", "?width=64"])
def test_pictures_that_are_not_there_are_404(
    client: TestClient, product_folder: Path, query: str
) -> None:
    """Also where another kind of file lies at the path now: it must not get out."""
    (product_folder / "ash.png").unlink()
    (product_folder / "moss.png").write_text("a secret of the server")
    (product_folder / "slate.png").unlink()
    (product_folder / "slate.png").mkdir()
    for product_id in ("ash", "moss", "slate"):
        answer = client.get(f"/v1/products/{product_id}/image{query}")
        assert (answer.status_code, code(answer)) == (404, "image-not-found")
    answer = client.get("/v1/products/oak/image", params={"index": 1})
    assert (answer.status_code, code(answer)) == (404, "image-not-found")


@pytest.mark.parametrize(
    "product_id", ["none", "%2e%2e%2fproducts.csv", "..%2F..%2Fetc%2Fpasswd", "oak%00", "%FF", " "]
)
def test_only_products_have_pictures(client: TestClient, product_id: str) -> None:
    answer = client.get(f"/v1/products/{product_id}/image")
    assert answer.status_code == 404
    assert code(answer) in ("product-not-found", "not-found")


def test_ids_of_any_letters(serving: Serving, lens: Floorlens, tmp_path: Path) -> None:
    from urllib.parse import quote

    name = "Eiche 14/189 50% #1? «natur» & 木"
    Image.new("RGB", (40, 40), "tan").save(tmp_path / "one.png")
    (tmp_path / "one.csv").write_text(f"id,image\n{name},one.png\n", "utf-8")
    assert lens.add(tmp_path / "one.csv").counts["added"] == 1
    client = serving()
    # Some proxies decode the slash on its way.
    for safe in ("", "/"):
        answer = client.get(f"/v1/products/{quote(name, safe=safe)}/image")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")


# -- errors ------------------------------------------------------------------------------------


def test_unknown_addresses_and_methods(client: TestClient) -> None:
    assert code(client.get("/nothing")) == "not-found"
    answer = client.get("/search")
    assert (answer.status_code, code(answer)) == (405, "method-not-allowed")
    assert answer.headers["allow"] == "POST"
    # All methods of an address, not those of its first route.
    assert client.put("/v1/imports").headers["allow"] == "GET, POST"
    assert client.put("/v1/products/oak").headers["allow"] == "DELETE, GET, PATCH"
    # An id may hold slashes, but no product is changed by the address of its picture.
    for part in ("image", "similar", "variants"):
        answer = client.patch(f"/v1/products/oak/{part}", json={})
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    # Behind a proxy a redirect would name the service's inner address.
    for address in ("/search/", "/healthz/"):
        answer = client.post(address, follow_redirects=False)
        assert (answer.status_code, code(answer)) == (404, "not-found")


@pytest.mark.parametrize(
    ("error", "status", "expected"),
    [
        (StampMismatch("/srv/secret was made with models of before"), 503, "stamp-mismatch"),
        (EngineUnavailable("postgresql://me:pw@secret/ is down"), 503, "engine-unavailable"),
        (FloorlensError("/srv/secret"), 500, "error"),
        (RuntimeError("/srv/secret: onnxruntime says no"), 500, "internal"),
        (MemoryError("secret"), 500, "internal"),
    ],
)
def test_an_inner_error_is_logged_and_not_shown(
    client: TestClient,
    room: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    status: int,
    expected: str,
) -> None:
    def fails(*_a: object, **_k: object) -> None:
        raise error

    monkeypatch.setattr(Floorlens, "search", fails)
    with caplog.at_level(logging.ERROR, logger="floorlens.api"):
        answer = client.post("/search", files=photo(room), headers={"x-request-id": "id-7"})
    assert (answer.status_code, code(answer)) == (status, expected)
    assert "secret" not in answer.text
    assert answer.headers["x-request-id"] == "id-7"
    assert "id-7" in caplog.text
    assert "secret" in caplog.text
    # The service still works.
    assert client.get("/v1/status").status_code == 200


def test_no_answer_names_a_place_of_the_server(
    client: TestClient, tmp_path: Path, blank: Path
) -> None:
    """No path, no library, no stack trace in any refusal."""
    answers = [
        client.post("/search", files=photo(blank)),
        client.post("/search", files={"file": ("a.jpg", b"x")}),
        client.post("/search"),
        client.post("/search", params={"limit": "<script>"}, files=photo(blank)),
        client.get("/v1/products/none/image"),
        client.get("/v1/products/oak/image?index=7"),
        client.get("/v1/status"),
    ]
    for answer in answers:
        text = answer.text + str(dict(answer.headers))
        for word in (str(tmp_path), "Traceback", "PIL", "pydantic", "sqlite", "<script>", ".py"):
            assert word not in text


def test_a_header_names_the_error_behind_a_fallback(
    client: TestClient, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client gets a ranking although the engine is down, and can see that."""
    whole = Floorlens.search

    def degraded(*arguments: Any, **options: Any) -> Any:
        return replace(whole(*arguments, **options), index="exact", degraded="engine-unavailable")

    monkeypatch.setattr(Floorlens, "search", degraded)
    answer = client.post("/search", files=photo(room))
    assert answer.status_code == 200
    assert answer.headers["x-degraded"] == "engine-unavailable"


# -- the application ---------------------------------------------------------------------------


def test_without_settings_the_catalogue_lies_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: Path
) -> None:
    """The models are loaded once, at the start; the catalogue is made only where that is asked."""
    from starlette.testclient import TestClient

    loads: list[object] = []

    def load(*_a: object, **_k: object) -> presets.Stages:
        loads.append(_a)
        return fake_stages()

    monkeypatch.setattr("floorlens.lens.load_stages", load)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FLOORLENS_NO_AUTH", "public")
    with pytest.raises(CatalogueNotFound), TestClient(create_app()):
        pass
    assert list(folder.iterdir()) == []
    app = create_app(create=True)
    assert loads == []
    with TestClient(app) as client:
        assert len(loads) == 1
        for _ in range(3):
            client.post("/v1/mask", files=photo(room))
            client.get("/v1/status")
    assert len(loads) == 1
    assert (folder / "catalogue" / "catalogue.sqlite").is_file()


def made_beside(lens: Floorlens, *remaining: str) -> Path:
    """Returns the folder of another catalogue, of some of the products of `lens`."""
    assert lens.folder is not None
    folder = lens.folder.with_name("beside")
    with Floorlens.open(folder, stages=fake_stages()) as other:
        other.add(lens.folder.with_name("products"))
        other.remove([product.id for product in other.products() if product.id not in remaining])
    return folder


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return sorted(hit["id"] for hit in answer.json())


def test_a_catalogue_put_in_the_place_of_the_open_one_is_served(
    client: TestClient, lens: Floorlens, room: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A nightly swap of folders needs no restart: searches, pictures and health follow it."""
    folder = lens.folder
    assert folder is not None
    beside = made_beside(lens, "oak", "slate")
    assert len(ids(client.post("/search", files=photo(room)))) == 6
    folder.rename(folder.with_name("yesterday"))
    beside.rename(folder)
    assert ids(client.post("/search", files=photo(room))) == ["oak", "slate"]
    assert client.get("/v1/status").json()["products"] == 2
    assert client.get("/v1/products/moss/image").status_code == 404
    assert any("another catalogue lies at" in record.getMessage() for record in caplog.records)
    # And back: yesterday's is a restored backup, whose revision is the higher one.
    folder.rename(beside)
    folder.with_name("yesterday").rename(folder)
    assert client.get("/v1/status").json()["products"] == 6
    assert len(ids(client.post("/search", files=photo(room)))) == 6


def test_a_catalogue_that_is_gone_is_unavailable_until_it_is_back(
    client: TestClient, lens: Floorlens, room: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not old data for ever: 503 everywhere but for masks, a line in the log, and no restart."""
    folder = lens.folder
    assert folder is not None
    assert len(ids(client.post("/search", files=photo(room)))) == 6
    elsewhere = folder.rename(folder.with_name("elsewhere"))
    for answer in (
        client.post("/search", files=photo(room)),
        client.get("/v1/status"),
        client.get("/v1/products/oak/image"),
    ):
        assert (answer.status_code, code(answer)) == (503, "catalogue-not-found")
        assert str(folder) not in answer.text
    assert "is gone: it was moved or deleted while it was open" in caplog.text
    assert not folder.exists()
    assert client.post("/v1/mask", files=photo(room, "/v1/mask")).status_code == 200
    elsewhere.rename(folder)
    assert client.get("/v1/status").status_code == 200
    assert len(ids(client.post("/search", files=photo(room)))) == 6


def test_a_catalogue_made_anew_in_the_same_folder_is_served(
    client: TestClient, lens: Floorlens, room: Path
) -> None:
    """`rm -rf` and another import: of the vectors that were in memory none is left."""
    folder = lens.folder
    assert folder is not None
    assert len(ids(client.post("/search", files=photo(room)))) == 6
    beside = made_beside(lens, "walnut")
    shutil.rmtree(folder)
    shutil.copytree(beside, folder)
    assert ids(client.post("/search", files=photo(room))) == ["walnut"]


def test_a_catalogue_of_other_models_in_its_place_is_refused(
    client: TestClient, lens: Floorlens, room: Path
) -> None:
    """Its vectors are not comparable with what the service's models make."""
    folder = lens.folder
    assert folder is not None
    shutil.rmtree(folder)
    with Floorlens.open(folder, stages=fake_stages(version="2")) as other:
        other.add(folder.with_name("products"))
    for answer in (client.post("/search", files=photo(room)), client.get("/v1/status")):
        assert (answer.status_code, code(answer)) == (503, "stamp-mismatch")


def test_the_callers_own_catalogue_is_served(
    lens: Floorlens, room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the settings' one, which is not even created; the caller's stays open afterwards."""
    from starlette.testclient import TestClient

    warm_ups: list[bool] = []
    monkeypatch.setattr(Floorlens, "warm_up", lambda _self: warm_ups.append(True))
    settings = Settings(catalogue=str(tmp_path / "other"), no_auth="public")
    app = create_app(settings, lens=lens)
    with TestClient(app) as client:
        assert client.get("/v1/status").json()["products"] == 6
        lens.remove(["moss"])
        assert client.get("/v1/status").json()["products"] == 5
        assert len(client.post("/search", files=photo(room)).json()) == 5
        assert client.get("/v1/products/oak/image").status_code == 200
    assert not (tmp_path / "other").exists()
    assert lens.count() == 5
    assert warm_ups == []


def test_the_models_run_once_before_the_first_request(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm_ups: list[bool] = []
    monkeypatch.setattr(Floorlens, "warm_up", lambda _self: warm_ups.append(True))
    serving()
    assert warm_ups == [True]


def test_the_models_work_beside_the_event_loop_and_few_at_once(
    serving: Serving, room: Path
) -> None:
    """While they are busy and others wait, health and pictures are answered."""
    gate, busy, lock = threading.Event(), threading.Semaphore(0), threading.Lock()
    gate.set()
    running = most = 0

    class Slow(FakeSegmenter):
        def segment(
            self, pixels: NDArray[np.uint8], clicks: Sequence[Click] = ()
        ) -> FloorProbability:
            nonlocal running, most
            with lock:
                running += 1
                most = max(most, running)
            busy.release()
            assert gate.wait(120)
            with lock:
                running -= 1
            return super().segment(pixels, clicks)

    stages = fake_stages()
    client = serving(replace(stages, segmenter=Slow(stages.segmenter.stamp)))
    gate.clear()
    most, slots = 0, min(8, max(2, (os.cpu_count() or 1) // 2))
    while busy.acquire(blocking=False):
        pass
    with ThreadPoolExecutor(slots + 4) as pool:
        try:
            # Bytes after a PNG's end make each another file, so that none comes from the cache.
            futures = [
                pool.submit(
                    client.post,
                    "/search",
                    files={"file": ("a.png", room.read_bytes() + bytes([number]))},
                )
                for number in range(slots + 4)
            ]
            for _ in range(slots):
                assert busy.acquire(timeout=120)
            for address in ("/v1/status", "/v1/products/oak/image?width=32"):
                assert client.get(address).status_code == 200
        finally:
            gate.set()
        assert [answer.result().status_code for answer in futures] == [200] * (slots + 4)
    assert most == slots


def test_a_client_that_leaves_before_its_turn_costs_no_model(serving: Serving, room: Path) -> None:
    """The request is complete, and its client has gone; the status is for the log."""
    import httpx

    calls: list[bool] = []

    class Counting(FakeSegmenter):
        def segment(
            self, pixels: NDArray[np.uint8], clicks: Sequence[Click] = ()
        ) -> FloorProbability:
            calls.append(True)
            return super().segment(pixels, clicks)

    stages = fake_stages()
    client = serving(replace(stages, segmenter=Counting(stages.segmenter.stamp)))
    assert client.portal is not None
    files = photo(room, "/v1/mask")
    request = httpx.Request("POST", "http://127.0.0.1/v1/mask", files=files)
    scope = {
        **{"type": "http", "method": "POST", "path": "/v1/mask", "query_string": b""},
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
    }
    for last, statuses in (({"type": "http.disconnect"}, [499]), (None, [200])):
        messages: list[dict[str, Any]] = [{"type": "http.request", "body": request.read()}]
        messages += [last] if last else []
        codes: list[int] = []

        async def receive(messages: list[dict[str, Any]] = messages) -> dict[str, Any]:
            if not messages:
                await anyio.sleep_forever()
            return messages.pop(0)

        async def send(message: Any, codes: list[int] = codes) -> None:
            if message["type"] == "http.response.start":
                codes.append(message["status"])

        calls.clear()
        client.portal.call(client.app, dict(scope), receive, send)
        assert codes == statuses
        assert calls == ([] if last else [True])


def test_operation_ids_are_stable(client: TestClient) -> None:
    """Client generators name their methods after them."""
    schema = client.get("/openapi.json").json()
    operation_ids = {
        f"{method.upper()} {path}": operation["operationId"]
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
    }
    assert (
        operation_ids.items()
        >= {
            "POST /search": "reference_search",
            "POST /v1/search": "search_floor",
            "GET /v1/searches/{search_id}": "read_search",
            "POST /v1/searches/{search_id}/refine": "refine_search",
            "GET /v1/searches/{search_id}/facets": "search_facets",
            "GET /v1/searches/{search_id}/photo.jpg": "search_photo",
            "GET /v1/searches/{search_id}/floor.png": "floor_picture",
            "GET /v1/searches/{search_id}/patch.png": "patch_picture",
            "GET /v1/searches/{search_id}/matches.csv": "matches_csv",
            "GET /v1/searches/{search_id}/matches.pdf": "matches_pdf",
            "GET /v1/searches/{search_id}/matches/{product_id}": "compare_match",
            "GET /v1/searches/{search_id}/matches/{product_id}/picture.png": "comparison_picture",
            "GET /v1/searches/{search_id}/matches/{product_id}/floor.jpg": "scaled_floor",
            "GET /v1/searches/{search_id}/matches/{product_id}/product.jpg": "scaled_product",
            "POST /v1/searches/{search_id}/feedback": "give_feedback",
            "DELETE /v1/searches/{search_id}/feedback/{product_id}": "take_feedback_back",
            "GET /v1/feedback": "list_feedback",
            "GET /v1/feedback/export.zip": "export_feedback",
            "POST /v1/mask": "mask",
            "GET /v1/status": "status",
            "GET /v1/key": "read_key",
            "GET /healthz": "health",
            "GET /readyz": "readiness",
            "GET /metrics": "metrics",
            "GET /v1/products/{product_id}/image": "product_image",
        }.items()
    )
    assert len(set(operation_ids.values())) == len(operation_ids)
    content = schema["paths"]["/search"]["post"]["responses"]["422"]["content"]
    assert content["application/problem+json"]["schema"]["$ref"].endswith("/Problem")
