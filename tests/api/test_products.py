"""`/v1/products`: pages, one product, its likes, its pictures, and changes."""

from __future__ import annotations

import base64
import io
import itertools
import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")

from PIL import Image

from floorlens import Floorlens
from floorlens.api.pictures import Thumbnails, _thumbnail
from floorlens.errors import EngineUnavailable
from floorlens.retrieval.retriever import Retriever

if TYPE_CHECKING:
    from starlette.testclient import TestClient

IDS = ["ash", "brick", "moss", "oak", "slate", "walnut"]


def picture(colour: str = "tan", *, note: bool = False) -> bytes:
    """Returns a JPEG, perhaps with what a camera writes beside it."""
    exif = Image.Exif()
    if note:
        exif[0x010F] = "a camera at home"
    file = io.BytesIO()
    Image.new("RGB", (40, 40), colour).save(file, "JPEG", exif=exif)
    return file.getvalue()


def problem(answer: Any, status: int, code: str) -> dict[str, str]:
    """Returns the fields that a problem names, after checking what it is."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["code"] == code
    return {error["field"]: error["message"] for error in body["errors"]}


def pages(client: TestClient, path: str, key: str, **parameters: Any) -> list[list[Any]]:
    """Returns what all pages of a list hold."""
    seen: list[list[Any]] = []
    while True:
        page = client.get(path, params=parameters).json()
        seen.append(page[key])
        if page["next_cursor"] is None:
            return seen
        parameters["cursor"] = page["next_cursor"]


# -- lists ---------------------------------------------------------------------------------------


def test_products_come_in_pages(client: TestClient) -> None:
    """The last page says that it is."""
    all_pages = pages(client, "/v1/products", "products", limit=4)
    assert [[one["id"] for one in page] for page in all_pages] == [IDS[:4], IDS[4:]]
    assert client.get("/v1/products", params={"limit": 6}).json()["next_cursor"] is None
    product = all_pages[0][3]
    assert product["images"] == ["/v1/products/oak/image"]
    assert client.get(product["thumbnail"]).headers["content-type"] == "image/jpeg"


def test_a_page_begins_after_the_last_id_whatever_happens_to_it(
    client: TestClient, lens: Floorlens
) -> None:
    cursor = client.get("/v1/products", params={"limit": 3}).json()["next_cursor"]
    lens.remove(["ash", "moss"])
    page = client.get("/v1/products", params={"cursor": cursor}).json()
    assert [one["id"] for one in page["products"]] == ["oak", "slate", "walnut"]
    assert page["total"] == 4


def test_lists_are_filtered(client: TestClient, lens: Floorlens) -> None:
    """By the filter language, and by a part of the id or name, page by page."""
    lens.update("oak", metadata={"rate": 40})
    lens.update("slate", metadata={"rate": 60})
    where = json.dumps({"rate": {"$lt": 50}})
    page = client.get("/v1/products", params={"where": where}).json()
    assert ([one["id"] for one in page["products"]], page["total"]) == (["oak"], 1)
    found = pages(client, "/v1/products", "products", q="A", limit=3)
    assert [[one["id"] for one in page] for page in found] == [["ash", "oak", "slate"], ["walnut"]]
    for bad in ("{", "[]", '"x"', "NaN", '{"rate": {"$lt": Infinity}}'):
        assert problem(client.get("/v1/products", params={"where": bad}), 422, "filter-invalid")
    unknown = client.get("/v1/products", params={"where": '{"prise": 1}'})
    problem(unknown, 422, "filter-invalid")


@pytest.mark.parametrize("cursor", ["%", "AA=", "ä", "b2Fr=", "b2Fq" * 900, "/w", ""])
def test_a_cursor_that_is_none_is_refused(client: TestClient, cursor: str) -> None:
    for path in ("/v1/products", "/v1/imports"):
        problem(client.get(path, params={"cursor": cursor}), 422, "request-invalid")
    problem(
        client.get("/v1/products/oak/similar", params={"cursor": "b2Fr"}), 422, "request-invalid"
    )


def test_facets_count_values(client: TestClient, lens: Floorlens) -> None:
    """Numbers, texts and booleans are told apart."""
    for name in IDS:
        lens.update(name, metadata={"grade": "rustic" if name == "oak" else "plain"})
    facets = client.get("/v1/products/facets").json()["facets"]
    assert facets["grade"] == [{"value": "plain", "count": 5}, {"value": "rustic", "count": 1}]
    narrow = client.get("/v1/products/facets", params={"where": '{"grade": "rustic"}'}).json()
    assert narrow["facets"]["grade"] == [{"value": "rustic", "count": 1}]


# -- one product ---------------------------------------------------------------------------------


def test_a_product_is_added_with_its_pictures(client: TestClient, lens: Floorlens) -> None:
    """As a form and as JSON; the pictures are kept without what the camera wrote."""
    form = client.post(
        "/v1/products",
        files=[("images", ("a.jpg", picture(note=True))), ("images", ("b.jpg", picture("red")))],
        data={"id": "cork/14", "name": "Cork", "metadata": '{"price": 3.5, "image 2": "blue"}'},
    )
    assert form.status_code == 201, form.text
    assert form.headers["location"] == "/v1/products/cork/14"
    product = client.get(form.headers["location"]).json()
    assert product == form.json()
    assert product["metadata"] == {"price": 3.5, "image 2": "blue"}
    assert len(product["images"]) == 2
    body = client.get(product["images"][0]).content
    assert body[:3] == b"\xff\xd8\xff"
    assert b"camera" not in body
    image = base64.b64encode(picture()).decode()
    as_json = client.post("/v1/products", json={"id": "cork 2", "images": [image]})
    assert as_json.status_code == 201
    assert as_json.json()["name"] == "cork 2"
    assert {"cork/14", "cork 2"} <= {match.product.id for match in lens.similar("oak").matches}


def test_a_product_is_not_replaced_by_mistake(client: TestClient) -> None:
    body = {"id": "oak", "images": [base64.b64encode(picture()).decode()]}
    problem(client.post("/v1/products", json=body), 409, "product-exists")
    assert client.post("/v1/products", json={**body, "replace": True}).status_code == 201
    assert client.get("/v1/products/oak").json()["name"] == "oak"


def test_of_several_at_once_one_adds_the_product(serving: Callable[..., TestClient]) -> None:
    """Also of two processes: each service here has its own threads and its own store."""
    clients = [serving(at_once=4), serving(at_once=4)]
    names = [f"Cork {number}" for number in range(4)]
    images = [base64.b64encode(picture()).decode()]
    ready = threading.Barrier(len(names))
    looks, together = itertools.count(), threading.Barrier(len(names))

    def add(number: int) -> Any:
        ready.wait(120)
        body = {"id": "cork", "name": names[number], "images": images}
        return clients[number % 2].post("/v1/products", json=body)

    def meeting(original: Callable[[str], Any]) -> Callable[[str], Any]:
        def product(product_id: str) -> Any:
            try:
                return original(product_id)
            finally:
                # All have seen that the id is free before any goes on.
                if next(looks) < len(names):
                    together.wait(120)

        return product

    for client in clients:
        lens = client.app.state.service.lens  # type: ignore[attr-defined]
        lens.product = meeting(lens.product)
    with ThreadPoolExecutor(len(names)) as pool:
        answers = list(pool.map(add, range(len(names))))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    (added,) = (answer for answer in answers if answer.status_code == 201)
    assert clients[0].get("/v1/products/cork").json()["name"] == added.json()["name"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"id": ""}, 422, "request-invalid"),
        ({"id": "a//b"}, 422, "product-source-invalid"),
        ({"id": "a\nb"}, 422, "product-source-invalid"),
        ({"id": " oak"}, 422, "product-source-invalid"),
        ({"id": " oak", "replace": True}, 422, "product-source-invalid"),
        ({"id": "facets"}, 422, "product-source-invalid"),
        ({"id": "oak/image"}, 422, "product-source-invalid"),
        ({"id": "a/b/similar"}, 422, "product-source-invalid"),
        ({"images": []}, 422, "request-invalid"),
        ({"images": ["*"]}, 422, "request-invalid"),
        ({"images": [""]}, 415, "image-unreadable"),
        ({"images": [base64.b64encode(b"no picture").decode()]}, 415, "image-unreadable"),
        ({"metadata": {"size": {"width": 3}}}, 422, "request-invalid"),
        ({"metadata": {"id": "x"}}, 422, "product-source-invalid"),
        ({"metadata": {"a\0": "x"}}, 422, "request-invalid"),
        ({"nmae": "Cork"}, 422, "request-invalid"),
    ],
)
def test_a_product_that_cannot_be_added_changes_nothing(
    client: TestClient, lens: Floorlens, change: dict[str, Any], status: int, code: str
) -> None:
    body = {"id": "cork", "images": [base64.b64encode(picture()).decode()], **change}
    problem(client.post("/v1/products", json=body), status, code)
    assert lens.count() == 6


def test_what_is_too_large_is_refused(serving: Callable[..., TestClient]) -> None:
    """In pixels and in bytes, each picture for itself."""
    client = serving(max_upload_mb=0.01)
    noise = io.BytesIO()
    Image.effect_noise((200, 200), 90).save(noise, "PNG")
    answer = client.post(
        "/v1/products", files=[("images", ("a.png", noise.getvalue()))], data={"id": "cork"}
    )
    problem(answer, 413, "upload-too-large")
    wide = io.BytesIO()
    Image.new("L", (1000, 1000)).save(wide, "PNG")
    answer = client.post(
        "/v1/products", files=[("images", ("a.png", wide.getvalue()))], data={"id": "cork"}
    )
    problem(answer, 413, "image-too-large")


def test_a_product_is_changed_without_being_embedded(client: TestClient) -> None:
    body = {
        "name": "Oak XL",
        "metadata": {"price": 40, "colours": ["tan"]},
        "attributes": {"tone": "dark"},
    }
    product = client.patch("/v1/products/oak", json=body).json()
    assert product["name"] == "Oak XL"
    assert product["metadata"]["colours"] == ["tan"]
    assert product["attributes"]["tone"]["origin"] == "edited"
    again = client.patch(
        "/v1/products/oak", json={"metadata": {"price": None}, "attributes": {"tone": None}}
    ).json()
    assert "price" not in again["metadata"]
    assert again["attributes"].get("tone", {}).get("origin") != "edited"
    unchanged = client.patch("/v1/products/oak", json={}).json()
    assert unchanged == again


def test_a_change_that_cannot_be_made_says_of_which_field(client: TestClient) -> None:
    """And of the others none is made."""
    before = client.get("/v1/products/oak").json()
    bad = client.patch("/v1/products/oak", json={"name": "X", "attributes": {"tone": "drak"}})
    assert "did you mean 'dark'" in problem(bad, 422, "usage")["attributes"]
    bad = client.patch("/v1/products/oak", json={"name": "X", "metadata": {"name": "Y"}})
    assert "metadata" in problem(bad, 422, "product-source-invalid")
    problem(client.patch("/v1/products/oak", json={"nmae": "X"}), 422, "request-invalid")
    problem(client.patch("/v1/products/oak", data={"name": "X"}), 415, "media-type-unsupported")
    assert client.get("/v1/products/oak").json() == before


def test_a_product_is_removed(client: TestClient) -> None:
    answer = client.delete("/v1/products/oak")
    assert (answer.status_code, answer.content) == (204, b"")
    for method in ("get", "delete"):
        problem(getattr(client, method)("/v1/products/oak"), 404, "product-not-found")
    problem(client.patch("/v1/products/oak", json={}), 404, "product-not-found")
    for part in ("image", "similar", "variants"):
        problem(client.get(f"/v1/products/oak/{part}"), 404, "product-not-found")


def test_a_change_is_stored_although_the_engine_is_down(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next search tells it: a client that tried again would only be confused."""

    def push(_: object) -> None:
        raise EngineUnavailable("no answer from http://10.0.0.7:6333")

    monkeypatch.setattr(Retriever, "push", push)
    assert client.patch("/v1/products/oak", json={"name": "Oak XL"}).json()["name"] == "Oak XL"
    assert client.delete("/v1/products/oak").status_code == 204


def test_similar_products_come_in_pages(client: TestClient) -> None:
    """Over the whole ranking, each once, in the order of the library."""
    all_pages = pages(client, "/v1/products/oak/similar", "matches", limit=2)
    ids = [match["product"]["id"] for page in all_pages for match in page]
    assert sorted(ids) == sorted(set(IDS) - {"oak"})
    assert [match["rank"] for page in all_pages for match in page] == [1, 2, 3, 4, 5]
    grouped = client.get("/v1/products/oak/similar", params={"group": "design"})
    assert grouped.status_code == 200


def test_variants_are_listed(client: TestClient) -> None:
    oak = client.get("/v1/products/oak/image").content
    body = {"id": "oak copy", "images": [base64.b64encode(oak).decode()]}
    assert client.post("/v1/products", json=body).status_code == 201
    (variant,) = client.get("/v1/products/oak/variants").json()["variants"]
    assert variant["product"]["id"] == "oak copy"
    assert client.get("/v1/products/ash/variants").json() == {"variants": []}


# -- thumbnails ----------------------------------------------------------------------------------


def test_a_thumbnail_is_made_once_for_each_state_of_a_picture(
    client: TestClient, lens: Floorlens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all processes; another picture at the same path has another one."""
    made: list[object] = []

    def thumbnail(*arguments: Any) -> bytes:
        made.append(arguments)
        return _thumbnail(*arguments)

    monkeypatch.setattr("floorlens.api.pictures._thumbnail", thumbnail)
    address = "/v1/products/oak/image?width=64"
    first = client.get(address)
    again = client.get(address)
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    assert len(made) == 1
    client.get("/v1/products/oak/image?width=65")
    assert len(made) == 2
    path = Path(lens.product("oak").images[0])
    Image.new("RGB", (80, 50), "navy").save(path)
    assert client.get(address).content != first.content
    assert len(made) == 3


def test_the_oldest_thumbnails_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And none is needed: where nothing can be written, it is made again."""
    monkeypatch.setattr("floorlens.api.pictures._PRUNE_EVERY", 1)
    thumbnails = Thumbnails(tmp_path / "thumbnails", most=250)
    for number in range(4):
        thumbnails.put(f'"{number:032}"', bytes([number]) * 100)
        for path in (tmp_path / "thumbnails").glob("*/*"):
            os.utime(path, (path.stat().st_mtime - 10, path.stat().st_mtime - 10))
    assert [thumbnails.get(f'"{number:032}"') is not None for number in range(4)] == [
        False,
        False,
        True,
        True,
    ]
    (tmp_path / "file").write_text("")
    blocked = Thumbnails(tmp_path / "file")
    blocked.put('"aa"', b"x")
    assert blocked.get('"aa"') is None
