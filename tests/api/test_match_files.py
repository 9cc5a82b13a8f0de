"""`matches.csv` and `matches.pdf` of a search: whole, or of a shortlist."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra api")

from floorlens import Floorlens, Product
from floorlens.api.sheet import Sheet, _wrapped, clean, floor_drawn, link_of, sheet_pdf
from floorlens.ranking import Match
from floorlens.service.keys import Keys

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    Serving = Callable[..., TestClient]

pytestmark = pytest.mark.slow


def search(client: TestClient, room: Path, **options: Any) -> str:
    files = {"photo": ("room.png", room.read_bytes())}
    page = client.post("/v1/search", files=files, **options).json()
    return f"/v1/searches/{page['id']}"


def pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b(?!s)", pdf))


def pictures(pdf: bytes) -> int:
    return pdf.count(b"/Subtype /Image")


def links(pdf: bytes) -> list[str]:
    return [text.decode() for text in re.findall(rb"/URI \((.*?)\)", pdf)]


def link_all(lens: Floorlens) -> None:
    for name in ("ash", "brick", "moss", "oak", "slate", "walnut"):
        lens.update(name, metadata={"url": f"https://shop.example/{name}"})


def test_a_sheet_has_a_card_for_each_match(client: TestClient, lens: Floorlens, room: Path) -> None:
    link_all(lens)
    path = search(client, room)
    answer = client.get(f"{path}/matches.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith("inline; filename=")
    whole = answer.content
    assert whole.startswith(b"%PDF-")
    assert pages(whole) == 1
    # The photo, its floor, six products.
    assert pictures(whole) == 8
    ranking = [one.product.id for one in lens.search(room).matches]
    assert links(whole) == [f"https://shop.example/{name}" for name in ranking]
    two = client.get(f"{path}/matches.pdf", params={"limit": 2}).content
    assert links(two) == links(whole)[:2]
    assert str(room.parent).encode() not in whole


def test_a_shortlist_is_printed_in_its_own_order(
    client: TestClient, lens: Floorlens, room: Path
) -> None:
    link_all(lens)
    path = search(client, room)
    ids = {"ids": ["walnut", "no product", "ash", "walnut"]}
    pdf = client.get(f"{path}/matches.pdf", params=ids).content
    assert links(pdf) == ["https://shop.example/walnut", "https://shop.example/ash"]
    rows = list(csv.DictReader(io.StringIO(client.get(f"{path}/matches.csv", params=ids).text)))
    assert [row["id"] for row in rows] == ["walnut", "ash"]
    ranking = [one.product.id for one in lens.search(room).matches]
    assert [int(row["rank"]) for row in rows] == [ranking.index(row["id"]) + 1 for row in rows]


def test_what_cannot_be_printed_is_named(client: TestClient, room: Path) -> None:
    path = search(client, room)
    for params, field in (
        ({"ids": ["no product"]}, "ids"),
        ({"ids": ["oak"] * 101}, "ids"),
        ({"limit": 101}, "limit"),
        ({"limits": 1}, "limits"),
    ):
        answer = client.get(f"{path}/matches.pdf", params=params)
        assert answer.status_code == 422, params
        assert {one["field"] for one in answer.json()["errors"]} == {field}


def test_a_picture_that_has_gone_leaves_its_place_empty(
    client: TestClient, lens: Floorlens, room: Path
) -> None:
    Path(lens.product("oak").images[0]).unlink()
    Path(lens.product("ash").images[0]).write_text("not a picture")
    pdf = client.get(f"{search(client, room)}/matches.pdf").content
    assert pictures(pdf) == 6


def test_a_sheet_belongs_to_the_key_that_searched(serving: Serving, keys: Keys, room: Path) -> None:
    own, other = ({"X-API-Key": keys.create(name, ["search"])[1]} for name in ("own", "other"))
    client = serving(no_auth=None)
    path = f"{search(client, room, headers=own)}/matches.pdf"
    assert [client.get(path, headers=one).status_code for one in (own, other, {})] == [
        200,
        404,
        401,
    ]


def test_a_long_sheet_has_pages_and_every_script(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a shop calls its products, and however long: nothing is raised, nothing logged."""
    pixels = np.full((60, 80, 3), 120, np.uint8)
    photo = floor_drawn(pixels, np.arange(60)[:, None] + np.zeros(80) > 30)
    names = ["Eiche Größe ÄÖÜ é", "Дуб", "木地板", "بلوط", "W" * 500, "", "a\nb\x00c", "🪵"]
    matches = [
        (
            Match(rank, Product(str(rank), name, {"price": "auf Anfrage"}), 0.5, {"colour": share}),
            None,
        )
        for rank, (name, share) in enumerate(
            ((name, share) for share in (-1.0, 0.0, 1.0, 2.0) for name in names), 1
        )
    ]
    pdf = sheet_pdf(Sheet(date(2026, 11, 29), photo, photo, ["One", "Two"], matches))
    assert pages(pdf) == 3
    assert not caplog.records


def test_a_name_without_end_takes_no_time() -> None:
    measured: list[int] = []

    def measure(text: str) -> float:
        measured.append(len(text))
        return len(text)

    assert _wrapped("W" * 2000, 30, measure, 3) == ["W" * 30] * 3
    assert len(measured) < 60
    assert _wrapped("abcdefghij kl m", 4, len, 9) == ["abcd", "efgh", "ij", "kl m"]
    assert _wrapped("abc", 0.5, len, 9) == ["a", "b", "c"]


def test_letters_that_no_font_has_become_question_marks() -> None:
    assert clean("Größe Дуб") == "Größe Дуб"
    assert clean(" a\n b\U0010ffff") == "a b?"


@pytest.mark.parametrize(
    ("metadata", "address"),
    [
        ({"url": "https://shop.example/oak?a=1#b"}, "https://shop.example/oak?a=1#b"),
        ({"url": "javascript:alert(1)", "link": "http://shop.example"}, "http://shop.example"),
        ({"url": "file:///etc/passwd"}, None),
        ({"Produktlink": "https://shop.example/oak"}, "https://shop.example/oak"),
        ({"url": "/oak"}, None),
        ({"url": "https://[broken"}, None),
        ({"url": "https://shop.example/a b"}, None),
        ({"url": "https://shop.example/größe"}, None),
        ({"url": 3}, None),
    ],
)
def test_only_addresses_of_the_web_are_links(metadata: dict[str, Any], address: str | None) -> None:
    assert link_of(metadata) == address
