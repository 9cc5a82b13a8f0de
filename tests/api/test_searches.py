"""`/v1/search` and what follows: pages, wishes without another upload, pictures, feedback."""

from __future__ import annotations

import base64
import csv
import io
import json
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import select

pytest.importorskip("fastapi", reason="needs the extra api")

from floorlens import Floorlens
from floorlens.api import create_app, field_errors, service
from floorlens.api.server import running_service
from floorlens.embedding import AspectName, FloorFeatures
from floorlens.images.loading import load_photo
from floorlens.images.masks import mask_png
from floorlens.normalisation import FloorView
from floorlens.segmentation import Click, FloorProbability
from floorlens.service.schema import photos
from floorlens.service.store import Store
from floorlens.settings import Settings
from floorlens.testing import FakeEmbedder, FakeSegmenter, fake_stages
from tests.api.conftest import local_client

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    Serving = Callable[..., TestClient]

pytestmark = pytest.mark.slow

JSON = {"content-type": "application/json"}
PATHS = (
    *("", "/facets", "/floor.png", "/patch.png", "/photo.jpg"),
    *("/matches.csv", "/matches.pdf", "/matches/oak"),
)
"""Of what is read of a search."""


def ask(client: TestClient, *photos: Path, **fields: Any) -> Any:
    """Posts a form to /v1/search; what is no text is JSON in it."""
    files = [("photo", (photo.name, photo.read_bytes(), "image/png")) for photo in photos]
    data = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in fields.items()
    }
    return client.post("/v1/search", files=files, data=data)


def errors(answer: Any) -> dict[str, str]:
    """Returns field -> message of a refusal."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return {one["field"]: one["message"] for one in answer.json()["errors"]}


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [match["id"] for match in answer.json()["matches"]]


class CountingEmbedder(FakeEmbedder):
    """Counts how often a photo is embedded."""

    seen: list[int] = []  # noqa: RUF012 - shared by the copies of a frozen dataclass

    def features(self, views: Mapping[AspectName, FloorView]) -> FloorFeatures:
        self.seen.append(1)
        return super().features(views)


@pytest.fixture
def counting(serving: Serving) -> tuple[TestClient, list[int]]:
    """A client, and a list that grows with each embedding."""
    stages = fake_stages()
    embedder = CountingEmbedder(stages.embedder.stamp)
    client = serving(stages=replace(stages, embedder=embedder))
    embedder.seen.clear()
    return client, embedder.seen


# -- POST /v1/search ---------------------------------------------------------------------------


def test_a_search_says_all_that_a_card_shows(
    client: TestClient, lens: Floorlens, room: Path
) -> None:
    answer = ask(client, room, limit=3).json()
    expected = lens.search(room, limit=3)
    assert [match["id"] for match in answer["matches"]] == [match.product.id for match in expected]
    first = answer["matches"][0]
    assert set(first) == {
        *("rank", "id", "name", "score", "word", "reason", "likeness", "components", "evidence"),
        *("attributes", "metadata", "image_url", "variants"),
    }
    assert first["rank"] == 1
    assert first["metadata"] == expected[0].product.metadata
    assert first["components"] == pytest.approx(expected[0].components)
    assert client.get(first["image_url"]).headers["content-type"] == "image/jpeg"
    assert answer["total"] == 6
    assert answer["index"] == "exact"
    assert answer["degraded"] is None
    assert answer["expires"].endswith("Z")
    assert {"decode", "segment", "embed", "retrieve", "store", "total"} <= set(answer["timings"])
    (floor,) = answer["floors"]
    assert floor["photo_size"] == [160, 120]
    assert floor["box"] == [0, 60, 160, 120]
    assert floor["polygons"] == [[[[0, 60], [160, 60], [160, 120], [0, 120]]]]
    assert floor["source"] == "automatic"


def test_a_form_and_json_ask_the_same(client: TestClient, room: Path) -> None:
    fields: dict[str, Any] = {
        "region": [[0, 60], [160, 60], [160, 120]],
        "clicks": [{"x": 80, "y": 100}, {"x": 5, "y": 5, "floor": False}],
        "where": {"material": "wood"},
        "weights": {"colour": 3},
        "like": ["oak"],
        "unlike": ["ash"],
        "group": "design",
        "limit": 2,
    }
    form = ask(client, room, **fields)
    photo = base64.b64encode(room.read_bytes()).decode()
    for value in (photo, [photo]):
        body = client.post("/v1/search", json={"photo": value, **fields})
        assert ids(body) == ids(form)
        same = ("query", "floors", "total", "verdict", "weights", "notes", "matches")
        assert [body.json()[name] for name in same] == [form.json()[name] for name in same]
    query = form.json()["query"]
    assert query == {
        **{name: fields[name] for name in ("where", "weights", "like", "unlike", "group")},
        "region": [fields["region"]],
        "clicks": [[{"x": 80, "y": 100, "floor": True}, {"x": 5, "y": 5, "floor": False}]],
    }


def test_several_photos_of_one_floor(client: TestClient, room: Path, blank: Path) -> None:
    """Of each its own region and clicks; one without a floor is left out, and said to be."""
    answer = ask(client, room, blank).json()
    assert [floor is None for floor in answer["floors"]] == [False, True]
    assert "photo 2" in answer["notes"][0]
    drawn = ask(client, room, blank, region=[None, [0, 0, 64, 64]], clicks=[[], []]).json()
    assert [floor["source"] for floor in drawn["floors"]] == ["automatic", "box"]
    for fields in ({"region": [0, 0, 9, 9]}, {"clicks": [{"x": 1, "y": 1}]}):
        (field,) = fields
        answer = ask(client, room, blank, **fields)
        assert answer.status_code == 422
        assert errors(answer) == {
            field: "is given for 1 of 2 photos: give a list with one entry for each"
        }


def test_a_mask_by_hand_may_be_a_file(client: TestClient, room: Path, lens: Floorlens) -> None:
    mask = np.zeros((120, 160), np.bool_)
    mask[80:, :50] = True
    png = mask_png(mask)
    expected = lens.search(room, region=mask).floor
    files = [("photo", ("room.png", room.read_bytes())), ("region", ("mask.png", png))]
    as_file = client.post("/v1/search", files=files).json()
    text = base64.b64encode(png).decode()
    as_text = ask(client, room, region=text).json()
    for answer in (as_file, as_text):
        assert answer["floors"][0]["source"] == "mask"
        assert answer["floors"][0]["box"] == list(expected.box or ())
    again = client.post(f"/v1/searches/{as_text['id']}/refine", json={"like": ["oak"]})
    assert again.json()["query"]["region"] == [text]
    for bad in ("AAAA", "no base64!"):
        answer = ask(client, room, region=bad)
        assert answer.status_code == 422
        assert answer.json()["code"] == "region-invalid"
        assert "region" in errors(answer)


REFUSALS: tuple[tuple[dict[str, Any], dict[str, str]], ...] = (
    ({"limt": 3}, {"limt": "is not known; did you mean 'limit'?"}),
    ({"filter": {}}, {"filter": "is not known; known are"}),
    ({"limit": 0}, {"limit": "must be greater than or equal to 1"}),
    ({"limit": 201}, {"limit": "must be less than or equal to 200"}),
    ({"limit": "many"}, {"limit": "is no JSON"}),
    ({"limit": 1.5}, {"limit": "must be a valid integer"}),
    ({"group": "colour"}, {"group": "must be 'design'"}),
    ({"region": [1, 2, 3]}, {"region": "must be a box [left, top, right, bottom]"}),
    ({"clicks": [{"x": 1}]}, {"clicks": "must be a list of clicks"}),
    ({"clicks": [{"x": 1, "y": 1, "flor": 1}]}, {"clicks.0.flor": "did you mean 'floor'?"}),
    ({"like": ["a"] * 21}, {"like": "at most 20 items"}),
    ({"like": ["a" * 513]}, {"like.0": "at most 512 characters"}),
    ({"unlike": ["oak", "a" * 513]}, {"unlike.1": "at most 512 characters"}),
    ({"weights": {"colour": -1}}, {"weights.colour": "greater than or equal to 0"}),
    ({"weights": dict.fromkeys(map(str, range(21)), -1)}, {"weights": "at most 20 items"}),
    ({"weights": {"color": 1}}, {"weights": "unknown component 'color': known are colour"}),
    ({"where": [1]}, {"where": "must be an object"}),
    ({"where": {"pirce": 1}}, {"where": "(did you mean 'price'?)"}),
    ({"where": {"price": {"$near": 1}}}, {"where": "unknown operator '$near'"}),
    ({"where": {"price": {"$lt": 10**400}}}, {"where": "$lt on 'price' takes a number of at most"}),
    ({"where": '{"price": 1e400}'}, {"where": "$eq on 'price' takes a finite number"}),
    ({"where": '{"price": NaN}'}, {"where": "is no JSON"}),
    ({"where": '{"material": "\\ud800"}'}, {"where": "lone surrogate"}),
    ({"where": '{"material": "\\u0000"}'}, {"where": "U+0000"}),
    ({"where": "[" * 5000}, {"where": "is no JSON"}),
    ({"cursor": "abc"}, {"cursor": "none of this search"}),
    ({"region": [0, 0, 0, 0]}, {"region": "has no area"}),
    ({"clicks": [{"x": 999, "y": 1}]}, {"clicks": "lies outside the photo"}),
)


def test_what_cannot_be_used_is_named(client: TestClient, room: Path) -> None:
    """Field by field, with the nearest one that is known; and nothing of the server."""
    for fields, expected in REFUSALS:
        answer = ask(client, room, **fields)
        assert answer.status_code == 422, answer.text
        said = errors(answer)
        assert set(said) == set(expected)
        for field, text in expected.items():
            assert text in said[field]
            assert field in answer.json()["detail"]
        assert str(room.parent) not in answer.text


def test_of_many_unknown_fields_the_first_are_told(client: TestClient, room: Path) -> None:
    """Anybody may send them, without a key too, and the nearest one takes long to find."""
    names = [f"limit{number}" for number in range(1000)]
    found = ask(client, room).json()["id"]
    many, long = dict.fromkeys(names, 1), "limit" * 1000
    for answer in (
        client.post(f"/v1/searches/{found}/refine", json=many),
        client.post("/v1/search", json=many),
        client.get("/healthz", params=many),
        client.post(f"/v1/searches/{found}/refine", json={"where": {}, "region": [[1]] * 1000}),
    ):
        assert answer.status_code == 422
        assert 0 < len(errors(answer)) <= 20
        assert len(answer.content) < 5000
    answer = client.post(f"/v1/searches/{found}/refine", json={long: 1})
    assert list(errors(answer).values()) == ["is not known"]


def test_the_first_bad_click_is_told(
    client: TestClient, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each unknown field of each of 1,600 clicks would be looked up."""
    looks: list[str] = []
    monkeypatch.setattr(
        field_errors, "get_close_matches", lambda name, *_, **__: looks.append(name)
    )
    click = {"x": 1, "y": 1, **{f"flor{number}": 1 for number in range(25)}}
    found = ask(client, room).json()["id"]
    answer = client.post(f"/v1/searches/{found}/refine", json={"clicks": [[click] * 20] * 8})
    assert len(errors(answer)) == 20
    assert len(looks) <= 40


def test_a_body_that_is_none(client: TestClient, room: Path) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "", "image/png"):
        answer = client.post(
            "/v1/search", content=room.read_bytes(), headers={"content-type": kind}
        )
        assert (answer.status_code, answer.json()["code"]) == (415, "media-type-unsupported")
    headers = {"content-type": "application/json"}
    for body in (
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"3",
        b'{"photo": 3}',
        b'{"photo": "no base64"}',
        b"{}",
    ):
        answer = client.post("/v1/search", content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid"), body
    answer = client.post("/v1/search", data={"limit": "3"}, files={"other": b"x"})
    assert set(errors(answer)) == {"other"}
    answer = client.post("/v1/search", files={"photo": (None, "text")})
    assert "send the file" in errors(answer)["photo"]
    nine = [("photo", ("room.png", room.read_bytes()))] * 9
    assert "at most 8" in errors(client.post("/v1/search", files=nine))["photo"]


def test_unknown_parameters_of_every_address_are_refused(client: TestClient, room: Path) -> None:
    search = ask(client, room).json()["id"]
    for method, path in (
        ("GET", "/healthz"),
        ("GET", "/v1/status"),
        ("GET", f"/v1/searches/{search}"),
        ("GET", f"/v1/searches/{search}/floor.png"),
        ("GET", f"/v1/searches/{search}/matches.csv"),
        ("GET", "/v1/products/oak/image"),
        ("GET", "/v1/feedback"),
    ):
        answer = client.request(method, f"{path}?limti=3&zz=1")
        assert answer.status_code == 422, path
        assert set(errors(answer)) == {"limti", "zz"}
    answer = client.get(f"/v1/searches/{search}?limti=3")
    assert errors(answer) == {"limti": "is not known; did you mean 'limit'?"}
    files = {"file": ("room.png", room.read_bytes())}
    answer = client.post("/search?limt=2", files=files)
    assert errors(answer) == {"limt": "is not known; did you mean 'limit'?"}
    answer = client.post("/search", files=files, data={"where": "{}"})
    assert set(errors(answer)) == {"where"}


def test_the_library_says_what_is_wrong_with_a_filter_without_naming_the_server(
    client: TestClient, room: Path
) -> None:
    answer = ask(client, room, where={"material": "wodo"})
    assert (answer.status_code, answer.json()["code"]) == (404, "nothing-to-rank")
    assert "did you mean 'wood'?" in errors(answer)["where"]
    assert "catalogue" not in errors(answer)["where"]


# -- pages -------------------------------------------------------------------------------------


@hypothesis_settings(
    deadline=None,
    derandomize=True,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    sizes=st.lists(st.integers(1, 7), min_size=6, max_size=6),
    wishes=st.sampled_from(
        [{}, {"where": {"stock": True}}, {"unlike": ["oak"]}, {"group": "design"}]
    ),
)
def test_no_product_is_missing_or_twice(
    client: TestClient, room: Path, sizes: list[int], wishes: dict[str, Any]
) -> None:
    """Whatever the sizes of the pages, also by posting the photo again."""
    whole = ids(ask(client, room, limit=200, **wishes))
    answer = ask(client, room, limit=sizes[0], **wishes)
    search, seen, cursor = answer.json()["id"], ids(answer), answer.json()["next_cursor"]
    for turn, size in enumerate(sizes[1:]):
        if cursor is None:
            break
        if turn % 2:
            answer = ask(client, room, limit=size, cursor=cursor, **wishes)
        else:
            answer = client.get(f"/v1/searches/{search}", params={"limit": size, "cursor": cursor})
        page = answer.json()
        assert not page["catalogue_changed"]
        assert [match["rank"] for match in page["matches"]] == list(
            range(len(seen) + 1, len(seen) + 1 + len(page["matches"]))
        )
        seen += ids(answer)
        cursor = page["next_cursor"]
    assert seen == whole[: len(seen)]
    assert cursor is None or len(seen) < len(whole)
    assert cursor is not None or len(seen) == len(whole)


def test_a_cursor_belongs_to_its_search(client: TestClient, room: Path) -> None:
    first, other = (ask(client, room, limit=2, **wish) for wish in ({}, {"unlike": ["ash"]}))
    cursor = first.json()["next_cursor"]
    address = f"/v1/searches/{other.json()['id']}"
    for text in (cursor, cursor[:-1] + "!", cursor[:-2] + "AA", cursor + "A", "x" * 100, ""):
        answer = client.get(address, params={"cursor": text})
        assert answer.status_code == 422
        assert set(errors(answer)) == {"cursor"}


def test_a_page_says_when_the_catalogue_changed(
    client: TestClient, room: Path, lens: Floorlens
) -> None:
    first = ask(client, room, limit=2).json()
    lens.remove([first["matches"][0]["id"]])
    address = f"/v1/searches/{first['id']}"
    second = client.get(address, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert second["catalogue_changed"]
    assert len(second["matches"]) == 2
    third = client.get(address, params={"limit": 2, "cursor": second["next_cursor"]}).json()
    assert not third["catalogue_changed"]


# -- asked anew --------------------------------------------------------------------------------


def test_wishes_need_no_upload_and_no_embedding(
    counting: tuple[TestClient, list[int]], room: Path, lens: Floorlens
) -> None:
    client, embeddings = counting
    first = ask(client, room).json()
    assert len(embeddings) == 1
    for changes in (
        {"where": {"material": "stone"}},
        {"weights": {"colour": 5, "texture": 0}},
        {"like": ["walnut"], "unlike": ["oak"]},
        {"group": "design", "limit": 3},
        {},
    ):
        answer = client.post(f"/v1/searches/{first['id']}/refine", json=changes)
        arguments: dict[str, Any] = {"limit": 20, **changes}
        expected = lens.search(room, **arguments)
        assert ids(answer) == [match.product.id for match in expected]
        page = answer.json()
        assert [match["score"] for match in page["matches"]] == pytest.approx(
            [match.score for match in expected], abs=0.02
        )
        assert page["id"] != first["id"]
        assert "embed" not in page["timings"]
        # What is said of weights does not change what they are by default.
        assert page["default_weights"] == pytest.approx(first["default_weights"])
    # The library's own answers are another lens's.
    assert len(embeddings) == 1
    # The link to the first search shows what it always showed.
    again = client.get(f"/v1/searches/{first['id']}").json()
    assert again["matches"] == first["matches"]
    assert again["query"] == first["query"]
    assert len(embeddings) == 1


def test_wishes_add_up_and_can_be_taken_back(client: TestClient, room: Path) -> None:
    first = ask(client, room, where={"material": "wood"}, like=["oak"])
    address = f"/v1/searches/{first.json()['id']}/refine"
    more = client.post(address, json={"unlike": ["ash"]}).json()
    assert more["query"]["where"] == {"material": "wood"}
    assert more["query"]["like"] == ["oak"]
    address = f"/v1/searches/{more['id']}/refine"
    less = client.post(address, json={"where": None, "like": [], "unlike": []})
    assert ids(less) == ids(ask(client, room))


def test_another_region_is_seen_anew(
    counting: tuple[TestClient, list[int]], room: Path, lens: Floorlens
) -> None:
    client, embeddings = counting
    first = ask(client, room).json()
    address = f"/v1/searches/{first['id']}/refine"
    box = client.post(address, json={"region": [0, 0, 160, 50]}).json()
    assert len(embeddings) == 2
    assert box["floors"][0]["source"] == "box"
    assert box["floors"][0]["photo_size"] == [160, 120]
    expected = lens.search(room, region=(0, 0, 160, 50))
    assert [match["id"] for match in box["matches"]] == [one.product.id for one in expected]
    address = f"/v1/searches/{box['id']}/refine"
    clicked = client.post(address, json={"clicks": [{"x": 80, "y": 110}]}).json()
    assert len(embeddings) == 3
    assert clicked["floors"][0]["source"] == "box+clicks"
    assert clicked["query"]["region"] == [[0, 0, 160, 50]]
    # Back to what the service finds.
    address = f"/v1/searches/{clicked['id']}/refine"
    found = client.post(address, json={"region": None, "clicks": []}).json()
    assert found["floors"] == first["floors"]
    assert len(embeddings) == 4


def test_only_the_photo_that_changes_is_segmented_anew(
    client: TestClient, room: Path, tmp_path: Path
) -> None:
    second = tmp_path / "second.png"
    Image.fromarray(load_photo(room).pixels[:, ::-1]).save(second)
    first = ask(client, room, second).json()
    address = f"/v1/searches/{first['id']}/refine"
    changed = client.post(address, json={"region": [None, [0, 60, 80, 120]]}).json()
    assert changed["floors"][0] == first["floors"][0]
    assert changed["floors"][1]["source"] == "box"


def test_refining_is_strict(client: TestClient, room: Path) -> None:
    search = ask(client, room).json()["id"]
    address = f"/v1/searches/{search}/refine"
    for body, field in (
        ({"wher": {}}, "wher"),
        ({"photo": "AAAA"}, "photo"),
        ({"limit": 0}, "limit"),
        ({"region": [[0, 0, 1, 1], None]}, "region"),
        ({"where": {"pirce": 1}}, "where"),
    ):
        answer = client.post(address, json=body)
        assert answer.status_code == 422
        assert set(errors(answer)) == {field}
    assert client.post(address, data={"limit": "3"}).status_code == 415
    for unknown in ("unknown", "../secrets", search + "x"):
        answer = client.post(f"/v1/searches/{unknown}/refine", json={})
        assert answer.status_code == 404


# -- for whom, and for how long ----------------------------------------------------------------


def test_two_processes_know_the_same_searches(
    serving: Serving, room: Path, settings: Settings
) -> None:
    """Two applications over one store, as two workers have it."""
    one, other = serving(), serving()
    search = ask(one, room, limit=2).json()
    again = other.get(f"/v1/searches/{search['id']}", params={"limit": 2}).json()
    assert again["matches"] == search["matches"]
    assert again["next_cursor"] == search["next_cursor"]
    refined = other.post(f"/v1/searches/{search['id']}/refine", json={"region": [0, 0, 160, 50]})
    for path in PATHS:
        assert one.get(f"/v1/searches/{refined.json()['id']}{path}").status_code == 200


def test_nothing_is_kept_with_keep_hours_0(
    serving: Serving, room: Path, settings: Settings
) -> None:
    client = serving(keep_hours=0)
    answer = ask(client, room, limit=4).json()
    assert answer["id"] is None
    assert answer["expires"] is None
    rest = ask(client, room, limit=4, cursor=answer["next_cursor"]).json()
    assert [match["rank"] for match in rest["matches"]] == [5, 6]
    data = b"".join(path.read_bytes() for path in settings.state_folder().iterdir())
    assert b"JFIF" not in data
    assert client.get("/v1/searches/None").status_code == 404


def test_a_search_ends_after_its_time(
    serving: Serving, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serving(keep_hours=1)
    search = ask(client, room).json()["id"]
    searches = client.app.state.service.searching.searches  # type: ignore[attr-defined]
    now = searches._clock()
    monkeypatch.setattr(searches, "_clock", lambda: now + 3601)
    for path in PATHS:
        answer = client.get(f"/v1/searches/{search}{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "search-not-found")


def test_other_models_see_the_photos_anew(serving: Serving, room: Path, settings: Settings) -> None:
    """After a rebuild with them: the floor by hand is the same, its features are theirs."""
    search = ask(serving(), room, region=[0, 0, 160, 50]).json()
    Floorlens.rebuild(settings.catalogue, stages=fake_stages(version="2"))
    with local_client(create_app(settings, stages=fake_stages(version="2"))) as client:
        again = client.get(f"/v1/searches/{search['id']}").json()
        assert [one["id"] for one in again["matches"]] == [one["id"] for one in search["matches"]]
        assert again["floors"] == search["floors"]
        kept = client.app.state.service.searching  # type: ignore[attr-defined]
        assert kept.searches.get(search["id"], None).encoder == kept._encoder()


# -- pictures, export, comparison --------------------------------------------------------------


def test_the_floor_can_be_looked_at(client: TestClient, room: Path, blank: Path) -> None:
    search = ask(client, room, blank).json()["id"]
    address = f"/v1/searches/{search}"
    overlay = client.get(f"{address}/floor.png")
    assert overlay.headers["content-type"] == "image/png"
    assert load_photo(overlay.content).size == (160, 120)
    mask = load_photo(client.get(f"{address}/floor.png?kind=mask").content).pixels
    assert (mask[:60] == 0).all()
    assert (mask[60:] == 255).all()
    patch = load_photo(client.get(f"{address}/patch.png").content).pixels
    assert abs(patch.mean(axis=(0, 1)) - (180, 140, 90)).max() < 3
    photo = client.get(f"{address}/photo.jpg")
    assert photo.headers["content-type"] == "image/jpeg"
    assert "private" in photo.headers["cache-control"]
    assert client.get(f"{address}/photo.jpg?photo=1").status_code == 200
    for path in (
        "floor.png?photo=1",
        "patch.png?photo=1",
        "floor.png?photo=7",
        "photo.jpg?photo=2",
    ):
        answer = client.get(f"{address}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "floor-not-found")
    assert client.get(f"{address}/floor.png?kind=svg").status_code == 422
    assert client.get(f"{address}/floor.png?photo=8").status_code == 422


def test_what_a_camera_wrote_is_not_kept(
    client: TestClient, tmp_path: Path, settings: Settings, room: Path
) -> None:
    file = tmp_path / "camera.jpg"
    exif = Image.Exif()
    exif[0x010F] = "SECRETCAMERA"
    Image.open(room).convert("RGB").save(file, exif=exif, quality=95)
    assert b"SECRETCAMERA" in file.read_bytes()
    search = ask(client, file).json()["id"]
    for path in ("photo.jpg", "floor.png"):
        assert b"SECRETCAMERA" not in client.get(f"/v1/searches/{search}/{path}").content
    data = b"".join(path.read_bytes() for path in settings.state_folder().iterdir())
    assert b"JFIF" in data
    assert b"SECRETCAMERA" not in data


def test_the_export_is_the_whole_ranking(client: TestClient, room: Path, lens: Floorlens) -> None:
    lens.add([{"id": "=cmd", "name": "@SUM(A1)", "image": str(room), "note": "+1", "price": -4}])
    search = ask(client, room, limit=1).json()["id"]
    answer = client.get(f"/v1/searches/{search}/matches.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [int(row["rank"]) for row in rows] == list(range(1, 8))
    (formula,) = [row for row in rows if row["id"] == "'=cmd"]
    assert (formula["name"], formula["note"], formula["price"]) == ("'@SUM(A1)", "'+1", "-4")
    oak = next(row for row in rows if row["id"] == "oak")
    assert oak["material"] == "wood"


def test_one_match_is_compared(client: TestClient, room: Path, lens: Floorlens) -> None:
    search = ask(client, room).json()["id"]
    answer = client.get(f"/v1/searches/{search}/matches/oak")
    expected = lens.compare(room, "oak").as_dict()
    said = answer.json()
    assert said["id"] == "oak"
    assert said["match"]["rank"] == expected["match"]["rank"]
    assert said["reason"] == expected["reason"]
    assert len(said["pairs"]) == len(expected["pairs"])
    assert said["pairs"][0]["product"]["picture"] == 0
    assert said["pairs"][0]["floor"]["picture"] is None
    assert len(said["palettes"]["delta_e"]) == 5
    assert said["palettes"]["product_hex"][0] == "#b48c5a"
    assert str(room.parent) not in answer.text
    alone = client.get(said["picture_url"], params={"layout": "patches", "side": 20})
    with Image.open(io.BytesIO(alone.content)) as patches:
        assert patches.size == (20 * len(said["pairs"]), 40)
    picture = client.get(said["picture_url"])
    assert picture.headers["content-type"] == "image/png"
    assert said["scaled"]["scale"] == expected["scale"]
    for name in ("floor_url", "product_url"):
        square = client.get(said["scaled"][name])
        assert square.headers["content-type"] == "image/jpeg"
        assert "private" in square.headers["cache-control"]
    for name in ("unknown", "unknown/floor.jpg", "unknown/product.jpg"):
        answer = client.get(f"/v1/searches/{search}/matches/{name}")
        assert (answer.status_code, answer.json()["code"]) == (404, "product-not-found")
    answer = client.get(f"/v1/searches/{search}/matches/oak?photo=1")
    assert (answer.status_code, answer.json()["code"]) == (404, "floor-not-found")
    Path(lens.product("oak").images[0]).unlink()
    answer = client.get(f"/v1/searches/{search}/matches/oak")
    assert (answer.status_code, answer.json()["code"]) == (404, "image-not-found")
    assert str(room.parent) not in answer.text


def events(answer: Any) -> list[tuple[str, Any]]:
    """Returns the name and the data of each event."""
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    parts = [part.split("\n") for part in answer.text.strip().split("\n\n")]
    return [
        (name.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
        for name, data in parts
    ]


def test_the_stages_of_a_search_can_be_followed(
    client: TestClient, room: Path, blank: Path
) -> None:
    """What is wrong with the request is told as ever; what fails later is an event."""
    accept = {"Accept": "text/event-stream"}
    files = {"photo": room.read_bytes()}
    parts = events(client.post("/v1/search", files=files, headers=accept))
    assert [name for name, _ in parts[:-1]] == ["stage"] * (len(parts) - 1)
    stages = [data["stage"] for _, data in parts[:-1]]
    assert list(dict.fromkeys(stages)) == [
        *("decode", "segment", "normalise", "embed", "retrieve", "rerank", "collect")
    ]
    name, result = parts[-1]
    assert name == "result"
    assert result["matches"] == ask(client, room).json()["matches"]
    assert client.get(f"/v1/searches/{result['id']}").status_code == 200
    files = {"photo": blank.read_bytes()}
    name, problem = events(client.post("/v1/search", files=files, headers=accept))[-1]
    assert (name, problem["status"], problem["code"]) == ("problem", 422, "no-floor-found")
    answer = client.post("/v1/search", files=files, data={"limt": "1"}, headers=accept)
    assert (answer.status_code, set(errors(answer))) == (422, {"limt"})


HUGE = 10**400
ODD: tuple[dict[str, Any], ...] = (
    {"where": {"price": {"$lt": HUGE}}},
    {"where": {"price": HUGE}},
    {"where": {"price": {"$in": [HUGE, 1e308, True, "a"]}}},
    {"where": {"$or": [{"price": -HUGE}, {"name": "a" * 10_000}]}},
    {"where": {"": ""}},
    {"where": {"$and": [{"$or": [{"price": 1}]}] * 40}},
    {"region": [0, 0, 1e308, 1e308]},
    {"region": [-1e308, -1e308, 1e308, 1e308]},
    {"region": [[-1e308, 0], [1e308, 0], [0, 1e308]]},
    {"region": [[0, 0], [160, 0], [160, 120]] * 600},
    {"region": [HUGE, 0, 1, 1]},
    {"clicks": [{"x": 1e308, "y": 0}]},
    {"clicks": [{"x": 159.9999, "y": 119.9999}] * 200},
    {"clicks": [{"x": 80, "y": 100, "floor": False}]},
    {"weights": {"colour": 1e308, "texture": 1e308}},
    {"weights": {"colour": 0, "texture": 0}},
    {"weights": {"colour": 5e-324, "texture": 0}},
    {"like": ["oak"] * 20},
    {"like": ["oak"], "unlike": ["oak"]},
    {"like": ["\U0001f408"]},
    {"unlike": ["ash", "brick", "moss", "oak", "slate", "walnut"]},
)
names = ("region", "clicks", "where", "weights", "like", "unlike", "group", "limit", "cursor")
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["oak", "price", "$lt", "$in", "design", HUGE, 1e308, "\x00", "\ud800"])
)
json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from(["x", "y", "floor", "price", "$or"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@hypothesis_settings(
    deadline=None,
    derandomize=True,
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    fields=st.dictionaries(st.sampled_from(names), json_values, max_size=3) | st.sampled_from(ODD),
)
def test_whatever_is_asked_has_an_answer(
    client: TestClient, room: Path, fields: dict[str, Any]
) -> None:
    """Never a 500, and every answer is one that the description has."""
    check(client, room, fields)


def test_odd_wishes_have_an_answer(client: TestClient, room: Path) -> None:
    for fields in ODD:
        check(client, room, fields)


def check(client: TestClient, room: Path, fields: dict[str, Any]) -> None:
    photo = base64.b64encode(room.read_bytes()).decode()
    answer = client.post("/v1/search", content=json.dumps({"photo": photo, **fields}), headers=JSON)
    assert answer.status_code in (200, 404, 422), (fields, answer.text)
    if answer.status_code == 200:
        search = answer.json()["id"]
        fields = {name: value for name, value in fields.items() if name != "cursor"}
        again = client.post(
            f"/v1/searches/{search}/refine", content=json.dumps(fields), headers=JSON
        )
        assert ids(again) == ids(answer)
    for kind in ("multipart", "mask"):
        data = {name: json.dumps(value) for name, value in fields.items()}
        address = "/v1/search" if kind == "multipart" else "/v1/mask"
        answer = client.post(address, files={"photo": room.read_bytes()}, data=data)
        assert answer.status_code in (200, 404, 422), (fields, answer.text)


def test_a_refined_search_does_not_wait_for_those_that_embed(
    settings: Settings, room: Path
) -> None:
    """It takes hundredths of a second, and its user has waited once already."""
    gate, begun = threading.Event(), threading.Event()

    class Slow(FakeSegmenter):
        def segment(
            self, pixels: NDArray[np.uint8], clicks: Sequence[Click] = ()
        ) -> FloorProbability:
            if waiting:
                begun.set()
                assert gate.wait(120)
            return super().segment(pixels, clicks)

    waiting: list[bool] = []
    stages = fake_stages()
    stages = replace(stages, segmenter=Slow(stages.segmenter.stamp))
    own = settings.model_copy(update={"at_once": 1})
    with running_service(own, stages=stages) as url, ThreadPoolExecutor(1) as pool:
        with httpx.Client(base_url=url, timeout=120, trust_env=False) as web:
            photo = {"photo": room.read_bytes()}
            first = web.post("/v1/search", files=photo).json()
            waiting.append(True)
            # Another file, since the floors of files that were seen are remembered.
            other = {"photo": room.read_bytes() + b" "}
            slow = pool.submit(httpx.post, f"{url}/v1/search", files=other, timeout=120)
            try:
                assert begun.wait(120)
                address = f"/v1/searches/{first['id']}"
                refined = web.post(f"{address}/refine", json={"limit": 1})
                assert refined.status_code == 200
                assert web.get(address).status_code == 200
                assert web.get("/v1/products/oak/similar").status_code == 200
                assert not slow.done()
            finally:
                gate.set()
        assert slow.result().status_code == 200


def test_an_idle_service_deletes_what_is_too_old(
    settings: Settings, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Photos must not lie there until somebody searches again."""
    monkeypatch.setattr(service, "TIDY_SECONDS", 0.05)
    own = settings.model_copy(update={"keep_hours": 1.0 / 3600})
    store = Store(own.state_folder())
    with running_service(own, stages=fake_stages()) as url:
        answer = httpx.post(f"{url}/v1/search", files={"photo": room.read_bytes()}, timeout=120)
        assert answer.json()["id"]
        limit = time.monotonic() + 120
        while True:
            with store.reading() as connection:
                if not connection.execute(select(photos.c.upload_id)).all():
                    break
            assert time.monotonic() < limit
            time.sleep(0.05)
    store.close()


def test_what_is_kept_of_wishes_is_limited_and_counted(
    serving: Serving, settings: Settings, room: Path
) -> None:
    """Filters and masks are kept with a search: they must not fill the disk past `keep_mb`."""
    client = serving(keep_mb=1.0)
    first = ask(client, room).json()["id"]
    long = {"$or": [{"name": "x" * 20_000}]}
    answer = client.post(f"/v1/searches/{first}/refine", json={"where": long})
    assert errors(answer) == {"where": "is longer than 16384 characters"}
    wishes = {"where": {"$or": [{"name": {"$ne": "x" * 15_000}}]}}
    for _ in range(100):
        answer = client.post(f"/v1/searches/{first}/refine", json=wishes)
        if answer.status_code == 404:
            # Those with long wishes have pushed out the first.
            break
        assert answer.status_code == 200, answer.text
    else:
        raise AssertionError("a hundred of 15 KB were kept in 1 MB")


def test_those_who_wait_for_a_page_and_go_are_noticed(settings: Settings, room: Path) -> None:
    """A request without a body has nothing to read, at which its client could be seen to go."""
    own = settings.model_copy(update={"at_once": 1})
    gate, begun = threading.Event(), threading.Event()
    with (
        running_service(own, stages=fake_stages()) as url,
        httpx.Client(base_url=url, timeout=120, trust_env=False) as web,
    ):
        kept = web.post("/v1/search", files={"photo": room.read_bytes()}).json()["id"]
        original = Floorlens.compare

        def slow(self: Floorlens, *arguments: Any, **options: Any) -> Any:
            begun.set()
            assert gate.wait(120)
            return original(self, *arguments, **options)

        with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as pool:
            patch.setattr(Floorlens, "compare", slow)
            path = f"/v1/searches/{kept}/matches/oak"
            first = pool.submit(web.get, path)
            assert begun.wait(120)
            parts = httpx.URL(url)
            gone = [socket.create_connection((parts.host, parts.port)) for _ in range(5)]
            for one in gone:
                one.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            wait_for_figure(web, "floorlens_waiting", 5.0)
            for one in gone:
                one.close()
            wait_for_figure(web, "floorlens_waiting", 0.0)
            gate.set()
            assert first.result().status_code == 200


def wait_for_figure(web: httpx.Client, name: str, value: float) -> None:
    limit = time.monotonic() + 120
    while f"{name} {value}" not in web.get("/metrics").text:
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_a_file_of_an_unknown_name_is_told_what_a_photo_is_called(
    client: TestClient, room: Path
) -> None:
    """`POST /search` of the reference design calls it `file`."""
    answer = client.post("/v1/search", files={"file": room.read_bytes()})
    assert errors(answer) == {"file": "is not known; send the photo as the file 'photo'"}
