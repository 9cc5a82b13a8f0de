"""`/v1/searches/{id}/facets`, and how many products a search says that it ranks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")

from floorlens.service.keys import Keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.testclient import TestClient

    Serving = Callable[..., TestClient]

pytestmark = pytest.mark.slow


def search(client: TestClient, room: Path, headers: dict[str, str] | None = None) -> Any:
    files = {"photo": ("room.png", room.read_bytes())}
    return client.post("/v1/search", files=files, headers=headers or {}).json()


def test_a_page_narrows_by_sending_filters_back(client: TestClient, room: Path) -> None:
    page = search(client, room)
    facets = client.get(f"/v1/searches/{page['id']}/facets").json()
    assert facets["total"] == page["total"] == 6
    material = next(one for one in facets["facets"] if one["field"] == "material")
    assert {one["value"]: one["count"] for one in material["values"]} == {"stone": 2, "wood": 4}
    wood = next(one for one in material["values"] if one["value"] == "wood")
    wishes = {"where": wood["where"], "unlike": ["ash"]}
    narrowed = client.post(f"/v1/searches/{page['id']}/refine", json=wishes).json()
    again = client.get(f"/v1/searches/{narrowed['id']}/facets").json()
    assert again["total"] == narrowed["total"] == len(narrowed["matches"]) == 3
    material = next(one for one in again["facets"] if one["field"] == "material")
    assert {one["value"]: one["count"] for one in material["values"]} == {"stone": 2, "wood": 3}
    assert [one["selected"] for one in material["values"] if one["value"] == "wood"] == [True]


def test_a_total_counts_what_passes(client: TestClient, room: Path) -> None:
    """Also on a page that shows fewer, and where a design stands for its variants."""
    files = {"photo": ("room.png", room.read_bytes())}
    for fields, total in (
        ({"where": '{"material": "wood"}', "limit": "1"}, 4),
        ({"where": '{"material": {"$ne": "wood"}}', "unlike": '["slate"]'}, 1),
        ({"unlike": '["slate"]'}, 5),
        ({"group": "design", "limit": "2"}, 6),
    ):
        page = client.post("/v1/search", files=files, data=fields).json()
        assert page["total"] == total, fields
        assert client.get(f"/v1/searches/{page['id']}").json()["total"] == total


def test_facets_belong_to_the_key_that_searched(serving: Serving, keys: Keys, room: Path) -> None:
    client = serving(no_auth=None)
    own, other, admin = (
        {"X-API-Key": keys.create(name, [scope])[1]}
        for name, scope in (("own", "search"), ("other", "search"), ("admin", "admin"))
    )
    path = f"/v1/searches/{search(client, room, own)['id']}/facets"
    statuses = [client.get(path, headers=one).status_code for one in (own, other, admin, {})]
    assert statuses == [200, 404, 200, 401]
    answer = client.get(path, headers=other).json()
    assert answer["code"] == "search-not-found"
