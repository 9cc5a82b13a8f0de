"""Right or wrong: said, said again, taken back, exported; and whose searches are whose."""

from __future__ import annotations

import io
import json
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")

from sqlalchemy import func, select

from floorlens.api.paging import write_cursor
from floorlens.evaluation.datasets import read_pairs
from floorlens.service.feedback import Feedback
from floorlens.service.keys import Keys
from floorlens.service.schema import feedback_floors, feedback_photos
from floorlens.service.searches import Searches

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
    first = client.get("/v1/feedback", params={"limit": 1}).json()
    assert first["feedback"] == listed["feedback"][:1]
    cursor = first["next_cursor"]
    rest = client.get("/v1/feedback", params={"limit": 1, "cursor": cursor}).json()
    assert (rest["feedback"], rest["next_cursor"]) == (listed["feedback"][1:], None)
    for _ in range(2):
        assert client.delete(f"{address}/feedback/oak").status_code == 204
    assert client.get(address).json()["feedback"] == {"ash": "wrong"}


def service_of(client: TestClient) -> Any:
    return client.app.state.service  # type: ignore[attr-defined]


def copies(client: TestClient) -> tuple[int, int]:
    """Returns how many photos and floors are kept with feedback."""
    with service_of(client).store.reading() as connection:
        photos, floors = (
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (feedback_photos, feedback_floors)
        )
    return photos, floors


def say(client: TestClient, found: str, product: str = "oak", **options: Any) -> Any:
    body = {"product_id": product, "verdict": "right"}
    return client.post(f"/v1/searches/{found}/feedback", json=body, **options)


def refined(client: TestClient, found: str, **wishes: Any) -> str:
    return str(client.post(f"/v1/searches/{found}/refine", json=wishes).json()["id"])


def test_what_is_said_of_a_search_holds_for_those_refined_from_it(
    client: TestClient, room: Path
) -> None:
    """Also where the floor is another one, and from any of them; it is kept and counts once."""
    first = search(client, room)
    assert say(client, first).status_code == 200
    answer = client.post(f"/v1/searches/{first}/refine", json={"group": "design"}).json()
    assert answer["feedback"] == {"oak": "right"}
    grouped, corrected = answer["id"], refined(client, first, region=[0, 40, 60, 90])
    say(client, corrected, "ash")
    assert copies(client) == (1, 2)
    # Said again of another floor.
    assert say(client, corrected).json()["search_id"] == corrected
    assert copies(client) == (1, 1)
    said = {"oak": "right", "ash": "right"}
    for one in (first, grouped, corrected):
        assert client.get(f"/v1/searches/{one}").json()["feedback"] == said
    assert client.get("/v1/feedback").json()["total"] == 2
    with ZipFile(io.BytesIO(client.get("/v1/feedback/export.zip").content)) as archive:
        assert len(archive.read("feedback/pairs.csv").decode().splitlines()) == 1 + 2
    for one, left in ((grouped, {"ash": "right"}), (first, {"ash": "right"})):
        assert client.delete(f"/v1/searches/{one}/feedback/oak").status_code == 204
        assert client.get(f"/v1/searches/{corrected}").json()["feedback"] == left
    # By the id of any of them, too.
    assert client.delete(f"/v1/feedback/{grouped}").status_code == 204
    assert copies(client) == (0, 0)


def test_what_would_be_too_much_is_refused_and_nothing_is_lost(
    serving: Serving, room: Path
) -> None:
    client = serving()
    first, second = search(client, room), search(client, room)
    assert say(client, first).status_code == 200
    service = service_of(client)
    service.feedback = Feedback(service.store, 0.0001)
    for found, product in ((second, "oak"), (first, "ash")):
        answer = say(client, found, product)
        assert (answer.status_code, answer.json()["code"]) == (507, "feedback-full")
    assert copies(client) == (1, 1)
    assert client.get("/v1/feedback").json()["total"] == 1
    # A verdict that takes the place of another one needs no room.
    assert say(client, first).status_code == 200
    assert client.delete(f"/v1/searches/{first}/feedback/oak").status_code == 204
    small = serving(feedback_mb=0.0001)
    answer = say(small, search(small, room))
    assert (answer.status_code, answer.json()["code"]) == (507, "feedback-full")
    assert "0.0001 MB" in answer.json()["detail"]


def test_a_page_of_feedback_begins_after_the_one_before(client: TestClient, room: Path) -> None:
    """Also where much was said at one moment, and more meanwhile."""
    feedback = service_of(client).feedback
    feedback._clock = lambda: 1000.0
    said = []
    for found in (search(client, room), search(client, room)):
        for product in ("oak", "ash", "moss"):
            assert say(client, found, product).status_code == 200
            said.append((found, product))
    seen: list[tuple[str, str]] = []
    params: dict[str, Any] = {"limit": 2}
    for page in range(3):
        answer = client.get("/v1/feedback", params=params).json()
        seen += [(one["search_id"], one["product_id"]) for one in answer["feedback"]]
        params["cursor"] = answer["next_cursor"]
        feedback._clock = lambda: 2000.0
        assert say(client, said[0][0], f"{('slate', 'brick', 'walnut')[page]}").status_code == 200
    assert params["cursor"] is None
    assert seen == sorted(said)
    surrogate = '[1.0,"\\ud800","a"]'
    for text in ("3", "[1, 2]", '[1, "a", "b"]', "[1.0, 2, 3]", surrogate, "[" * 2000):
        answer = client.get("/v1/feedback", params={"cursor": write_cursor(text)})
        assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid"), text


def test_it_can_be_taken_back_when_the_search_has_gone(
    serving: Serving, keys: Keys, room: Path
) -> None:
    """By the key that said it and by admin: nobody else can know of it."""
    client = serving(no_auth=None)
    mine, others, admin = (
        {"Authorization": f"Bearer {keys.create(name, [scope])[1]}"}
        for name, scope in (("a", "search"), ("b", "search"), ("c", "admin"))
    )
    found = search(client, room, headers=mine)
    for product in ("oak", "ash"):
        assert say(client, found, product, headers=mine).status_code == 200
    Searches(service_of(client).store, 0, 1)
    address = f"/v1/searches/{found}/feedback"
    answer = client.delete(f"{address}/oak", headers=others)
    assert (answer.status_code, answer.json()["code"]) == (404, "search-not-found")
    assert client.delete(f"{address}/moss", headers=mine).status_code == 404
    assert client.get("/v1/feedback", headers=admin).json()["total"] == 2
    assert client.delete(f"{address}/oak", headers=mine).status_code == 204
    assert copies(client) == (1, 1)
    assert client.delete(f"{address}/ash", headers=admin).status_code == 204
    assert copies(client) == (0, 0)


def test_all_that_was_said_of_a_search_is_deleted(serving: Serving, keys: Keys, room: Path) -> None:
    """With the photos, which those that were refined from it share; others stay."""
    client = serving(no_auth=None)
    (own, admin) = (
        {"Authorization": f"Bearer {keys.create(scope, [scope])[1]}"}
        for scope in ("search", "admin")
    )
    client.headers.update(admin)
    found, other = search(client, room), search(client, room)
    for one, product in ((found, "oak"), (refined(client, found, limit=1), "ash"), (other, "oak")):
        assert say(client, one, product).status_code == 200
    assert client.delete(f"/v1/feedback/{found}", headers=own).status_code == 403
    assert copies(client) == (2, 2)
    Searches(service_of(client).store, 0, 1)
    assert client.delete(f"/v1/feedback/{found}").status_code == 204
    answer = client.delete(f"/v1/feedback/{found}")
    assert (answer.status_code, answer.json()["code"]) == (404, "feedback-not-found")
    assert copies(client) == (1, 1)
    listed = client.get("/v1/feedback").json()["feedback"]
    assert [one["search_id"] for one in listed] == [other]


def test_an_export_that_comes_too_late_leaves_nothing(
    serving: Serving, room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Photos of rooms must not lie where nobody looks for them."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    others = set(threading.enumerate())
    client = serving(deadline=1.0)
    say(client, search(client, room))
    service = service_of(client)
    before = {path.name for path in service.store.folder.iterdir()}
    gate, products = threading.Event(), service.lens.products

    def late() -> Any:
        gate.wait(120)
        return products()

    monkeypatch.setattr(service.lens, "products", late)
    answer = client.get("/v1/feedback/export.zip")
    assert (answer.status_code, answer.json()["code"]) == (503, "deadline")
    # The services of other tests may still have threads of these names.
    new_threads = set(threading.enumerate()) - others
    threads = [one for one in new_threads if one.name.startswith(("exports", "files"))]
    assert threads
    gate.set()
    for admission in (service._exports, service._files):
        admission.close()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    assert not list(place.iterdir())
    assert {path.name for path in service.store.folder.iterdir()} <= before


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
    assert pair.source == "feedback"
    assert pair.room.endswith("_2.jpg")
    assert pair.product.endswith("-oak.png")
    assert dataset.products.count == 6
    assert (folder / "masks" / pair.room.replace(".jpg", ".png")).is_file()
    assert (folder / "adapt.csv").read_text() == f"room,product\nrooms/{pair.room},oak\n"
    assert len((folder / "feedback.csv").read_text().splitlines()) == 3


def test_a_search_belongs_to_the_key_that_made_it(serving: Serving, keys: Keys, room: Path) -> None:
    """For another key it is not there, whatever is asked of it; admin sees all."""
    client = serving(no_auth=None, rate=0)
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
                *("/matches/oak", "/matches/oak/picture.png", "/matches/oak/floor.jpg"),
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
