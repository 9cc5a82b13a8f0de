"""`/v1/mask`: the floor as outlines, run lengths or a picture; found, drawn, corrected."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="needs the extra api")

from floorlens import Floorlens

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    Serving = Callable[..., TestClient]

pytestmark = pytest.mark.slow


def ask(client: TestClient, room: Path, query: str = "", **request: Any) -> Any:
    files = {"photo": (room.name, room.read_bytes(), "image/png")}
    return client.post(f"/v1/mask{query}", files=files, **request)


def test_outlines_are_the_answer_unless_a_picture_is_asked_for(
    client: TestClient, room: Path, lens: Floorlens
) -> None:
    expected = lens.mask(room).as_dict()
    for query, headers in (
        ("", {}),
        ("?format=polygon", {"Accept": "image/png"}),
        ("", {"Accept": "application/json"}),
    ):
        answer = ask(client, room, query, headers=headers)
        assert answer.headers["content-type"] == "application/json"
        facts = answer.json()
        assert facts.pop("polygons") == [[[[0, 60], [160, 60], [160, 120], [0, 120]]]]
        assert facts == expected
    for query, headers in (("?format=png", {}), ("", {"Accept": "image/png, */*;q=0.1"})):
        answer = ask(client, room, query, headers=headers)
        assert answer.headers["content-type"] == "image/png"
        assert json.loads(answer.headers["x-floor"]) == expected
        with Image.open(io.BytesIO(answer.content)) as picture:
            assert picture.size == (160, 120)


def test_run_lengths_are_those_of_coco(client: TestClient, room: Path, lens: Floorlens) -> None:
    answer = ask(client, room, "?format=rle", data={"region": "[10, 20, 30, 50]"}).json()
    mask = lens.mask(room, region=(10, 20, 30, 50)).mask
    assert answer["rle"]["size"] == [120, 160]
    values = np.repeat(np.arange(len(answer["rle"]["counts"])) % 2 == 1, answer["rle"]["counts"])
    assert np.array_equal(values.reshape((120, 160), order="F"), mask)
    assert answer["source"] == "box"
    assert answer["polygons"]


def test_a_floor_is_drawn_and_corrected(client: TestClient, room: Path, lens: Floorlens) -> None:
    clicks = [{"x": 80, "y": 20}, {"x": 10, "y": 110, "floor": False}]
    expected = lens.mask(room, clicks=[(80, 20), (10, 110, False)])
    form = ask(client, room, data={"clicks": json.dumps(clicks)}).json()
    photo = base64.b64encode(room.read_bytes()).decode()
    body = client.post("/v1/mask", json={"photo": photo, "clicks": clicks}).json()
    assert form == body
    assert form["share"] == pytest.approx(expected.share)
    assert form["source"] == "automatic+clicks"


def test_what_cannot_be_used_is_named(client: TestClient, room: Path) -> None:
    for data, field in (
        ({"clcks": "[]"}, "clcks"),
        ({"limit": "3"}, "limit"),
        ({"clicks": '[{"x": 1000, "y": 1}]'}, "clicks"),
        ({"region": "[[0, 0, 5, 5], [0, 0, 5, 5]]"}, "region"),
    ):
        answer = ask(client, room, data=data)
        assert answer.status_code == 422
        assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert ask(client, room, "?format=svg").status_code == 422
    two = [("photo", ("room.png", room.read_bytes()))] * 2
    answer = client.post("/v1/mask", files=two)
    assert [one["field"] for one in answer.json()["errors"]] == ["photo"]
