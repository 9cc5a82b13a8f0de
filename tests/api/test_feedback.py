"""Right or wrong: said, said again, taken back, exported; and whose searches are whose."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")

from floorlens.evaluation.datasets import read_pairs
from floorlens.service.keys import Keys

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    Serving = Callable[..., TestClient]

pytestmark = pytest.mark.slow


def search(client: TestClient, room: Path, **options: Any) -> str:
    answer = client.post("/v1/search", files={"photo": room.read_bytes()}, **options)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def test_a_verdict_is_replaced_and_taken_back(client: TestClient, room: Path) -> None:
    address = f"/v1/searches/{search(client, room)}"
    for verdict in ("wrong", "right"):
        body = {"product_id": "oak", "verdict": verdict}
        said = client.post(f"{address}/feedback", json=body).json()
        assert (said["product_id"], said["verdict"]) == ("oak", verdict)
    client.post(f"{address}/feedback", json={"product_id": "ash", "verdict": "wrong"})
    assert client.get(address).json()["feedback"] == {"oak": "right", "ash": "wrong"}
    listed = client.get("/v1/feedback").json()
    assert listed["total"] == 2
    assert [one["product_id"] for one in listed["feedback"]] == ["ash", "oak"]
    assert len(client.get("/v1/feedback?limit=1&offset=1").json()["feedback"]) == 1
    for _ in range(2):
        assert client.delete(f"{address}/feedback/oak").status_code == 204
    assert client.get(address).json()["feedback"] == {"ash": "wrong"}


def test_what_cannot_be_said(client: TestClient, room: Path) -> None:
    address = f"/v1/searches/{search(client, room)}/feedback"
    for body, status, field in (
        ({"product_id": "oak", "verdict": "perhaps"}, 422, "verdict"),
        ({"product_id": "oak"}, 422, "verdict"),
        ({"product": "oak", "verdict": "right"}, 422, "product"),
        ({"product_id": "none", "verdict": "right"}, 404, None),
    ):
        answer = client.post(address, json=body)
        assert answer.status_code == status
        assert [one["field"] for one in answer.json()["errors"]] == ([field] if field else [])
    body = {"product_id": "oak", "verdict": "right"}
    answer = client.post("/v1/searches/unknown/feedback", json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "search-not-found")


def test_the_export_is_an_evaluation_set(
    client: TestClient, room: Path, blank: Path, tmp_path: Path
) -> None:
    """Also of searches that are gone; a photo without a floor is no pair."""
    files = [("photo", ("room.png", one.read_bytes())) for one in (blank, room)]
    found = client.post("/v1/search", files=files).json()["id"]
    for product, verdict in (("oak", "right"), ("ash", "wrong")):
        body = {"product_id": product, "verdict": verdict}
        client.post(f"/v1/searches/{found}/feedback", json=body)
    service = client.app.state.service  # type: ignore[attr-defined]
    type(service.searching.searches)(service.store, 0, 1)
    assert client.get(f"/v1/searches/{found}").status_code == 404
    answer = client.get("/v1/feedback/export.zip")
    assert answer.headers["content-type"] == "application/zip"
    with ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extractall(tmp_path / "export")
    folder = tmp_path / "export" / "feedback"
    dataset = read_pairs(folder)
    (pair,) = dataset.pairs
    assert (pair.room, pair.source) == (f"room_{found}_2.jpg", "feedback")
    assert pair.product.endswith("-oak.png")
    assert dataset.products.count == 6
    assert (folder / "masks" / f"room_{found}_2.png").is_file()
    assert (folder / "adapt.csv").read_text() == f"room,product\nrooms/{pair.room},oak\n"
    assert len((folder / "feedback.csv").read_text().splitlines()) == 3


def test_a_search_belongs_to_the_key_that_made_it(serving: Serving, keys: Keys, room: Path) -> None:
    """For another key it is not there, whatever is asked of it; admin sees all."""
    client = serving(no_auth=None)
    mine, others, admin = (
        {"Authorization": f"Bearer {keys.create(name, [scope])[1]}"}
        for name, scope in (("a", "search"), ("b", "search"), ("c", "admin"))
    )
    found = search(client, room, headers=mine)
    address = f"/v1/searches/{found}"
    requests: list[tuple[str, str, Any]] = [
        *(
            ("GET", address + path, None)
            for path in (
                *("", "/floor.png", "/patch.png", "/photo.jpg", "/matches.csv"),
                *("/matches/oak", "/matches/oak/picture.png"),
            )
        ),
        ("POST", f"{address}/refine", {"limit": 2}),
        ("POST", f"{address}/feedback", {"product_id": "oak", "verdict": "right"}),
        ("DELETE", f"{address}/feedback/oak", None),
    ]
    for method, path, body in requests:
        answer = client.request(method, path, json=body, headers=others)
        assert (answer.status_code, answer.json()["code"]) == (404, "search-not-found"), path
        unknown = path.replace(found, "A" * 22)
        same = client.request(method, unknown, json=body, headers=others)
        assert same.json() | {"request_id": ""} == answer.json() | {"request_id": ""}
        assert client.request(method, path, json=body).status_code == 401
        assert client.request(method, path, json=body, headers=mine).status_code in (200, 204)
        assert client.request(method, path, json=body, headers=admin).status_code in (200, 204)
    for path in ("/v1/feedback", "/v1/feedback/export.zip"):
        assert client.get(path, headers=mine).status_code == 403
        assert client.get(path, headers=admin).status_code == 200


def test_pictures_of_a_card_need_no_key(serving: Serving, keys: Keys, room: Path) -> None:
    client = serving(no_auth=None)
    own = {"Authorization": f"Bearer {keys.create('a', ['search'])[1]}"}
    answer = client.post("/v1/search", files={"photo": room.read_bytes()}, headers=own)
    assert client.get(answer.json()["matches"][0]["image_url"]).status_code == 200


def test_its_json_is_json(client: TestClient, room: Path) -> None:
    """As strict readers read it: no NaN, no Infinity."""
    answer = client.post("/v1/search", files={"photo": room.read_bytes()})

    def refuse(name: str) -> None:
        raise AssertionError(name)

    json.loads(answer.text, parse_constant=refuse)
