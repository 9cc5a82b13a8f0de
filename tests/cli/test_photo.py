"""The commands on a photo: clicks that correct the floor, and the warning about a doubtful one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import Result

from floorlens import Floorlens
from floorlens.errors import ImageError
from tests.doubles.picture_server import HOST, reachable, response, serving, url

Run = Callable[..., Result]


@pytest.fixture
def half_moss(tmp_path: Path) -> Path:
    """A room whose floor is of oak on the left and of moss on the right."""
    pixels = np.full((120, 160, 3), 230, np.uint8)
    # A window, or else the wall would be an even bar.
    pixels[:40, 30:60] = (160, 190, 220)
    pixels[60:, :80] = (180, 140, 90)
    pixels[60:, 80:] = (90, 120, 60)
    file = tmp_path / "half.png"
    Image.fromarray(pixels).save(file)
    return file


def document(result: Result) -> Any:
    return json.loads(result.stdout)


def test_clicks_are_the_librarys(run: Run, lens: Floorlens, half_moss: Path) -> None:
    """In both commands, with "floor" or without it, alone and on a region by hand."""
    away = ["--click", "20,100,other", "--click", "150,100,floor"]
    out = document(run("search", half_moss, "--json", *away))
    expected = lens.search(half_moss, clicks=[(20, 100, False), (150, 100)]).as_dict()
    assert out["matches"] == expected["matches"]
    assert out["floor"] == expected["floor"]
    assert out["matches"][0]["id"] == "moss"
    for option, source in (
        (["--box", "0,60,160,120"], "box+clicks"),
        (["--polygon", "0,60 160,60 160,120 0,120"], "polygon+clicks"),
        ([], "automatic+clicks"),
    ):
        floor = document(run("mask", half_moss, "--json", "--click", " 20, 100, other", *option))
        assert floor["source"] == source
        assert floor["share"] == pytest.approx(0.25, abs=0.03)
    floor = document(run("mask", half_moss, "--json", "--box", "80,60,160,120", "--click=20,100"))
    assert floor["share"] == pytest.approx(0.5, abs=0.03)


def test_a_click_on_floor_overrules_that_there_is_none(run: Run, blank: Path) -> None:
    run("mask", blank, code=4)
    run("mask", blank, "--click", "5,5,other", code=4)
    run("mask", blank, "--click", "5,5")


@pytest.mark.parametrize(
    ("click", "problem"),
    [
        ("5", "--click '5' is not a click: give x,y in photo pixels"),
        ("5,5,wall", "--click '5,5,wall' is not a click"),
        ("5,5,other,6", "--click: '5,5,other,6' is not a list of numbers"),
        ("left,top", "--click: 'left,top' is not a list of numbers"),
        ("160,5", "outside the photo, which is 160 x 120 pixels"),
        ("-1,5,other", "outside the photo"),
        ("nan,5", "must be finite"),
    ],
)
@pytest.mark.parametrize("command", ["search", "mask"])
def test_clicks_without_meaning_exit_2(
    run: Run, lens: Floorlens, room: Path, command: str, click: str, problem: str
) -> None:
    failure = run(command, room, "--click", click, code=2)
    assert problem in " ".join(failure.stderr.split())


def test_clicks_that_leave_nothing_exit_2(run: Run, room: Path) -> None:
    failure = run("mask", room, "--click", "80,100,other", "--json", code=2)
    assert json.loads(failure.stderr)["error"]["code"] == "region-invalid"
    assert "leave nothing of the floor" in failure.stderr


def test_a_doubtful_floor_is_reported(run: Run, lens: Floorlens, room: Path) -> None:
    """`mask` prints it with the rest, `search` before the ranking, JSON as a list."""
    small = ["--box", "0,100,20,110"]
    reason = "too small: the floor is only 1.0% of the photo"
    assert f"\ndoubtful: {reason}\n" in run("mask", room, *small).stdout
    result = run("search", room, *small)
    assert result.stderr == ""
    assert result.stdout.startswith(f"room.png: The floor is in doubt ({reason}).")
    for command in ("mask", "search"):
        out = run(command, room, *small, "--json")
        assert out.stderr == ""
        floor = document(out)
        assert floor.get("floor", floor)["reasons"] == [reason]
        assert "doubtful" not in (fine := run(command, room)).stdout + fine.stderr


def test_a_photo_at_an_address_is_fetched_only_if_both_are_said(
    run: Run, lens: Floorlens, half_moss: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--fetch`, and the host in FLOORLENS_FETCH_HOSTS; the library has the same rule."""
    reachable(monkeypatch)
    answer = response(half_moss.read_bytes())
    with serving(lambda *_: answer) as server:
        address = url(server, "/half.png?token=s3cret")
        for command in ("search", "mask"):
            result = run(command, address, code=3)
            assert "give --fetch (fetch=True) and name the host" in result.stderr
            result = run(command, address, "--fetch", code=3)
            assert f"add {HOST}:{server.port} to FLOORLENS_FETCH_HOSTS (now: none)" in result.stderr
            assert "s3cret" not in result.stderr
        assert not server.requests
        monkeypatch.setenv("FLOORLENS_FETCH_HOSTS", f"other.test, {HOST}:{server.port}")
        expected = document(run("search", half_moss, "--json"))["matches"]
        assert document(run("search", address, "--fetch", "--json"))["matches"] == expected
        assert "/half.png: floor on" in run("mask", address, "--fetch").stdout
        assert len(server.requests) == 2
        run("search", address, code=3)
        with pytest.raises(ImageError, match="may not be asked"):
            lens.search(address, fetch=True)
        with pytest.raises(ImageError, match="nothing is fetched"):
            lens.mask(address)
    monkeypatch.setenv("FLOORLENS_FETCH_HOSTS", "https://cdn.example.test/")
    run("search", address, "--fetch", code=2)


def test_compare_is_the_librarys(run: Run, lens: Floorlens, room: Path, tmp_path: Path) -> None:
    expected = lens.compare(room, "walnut")
    out = run("compare", room, "walnut", "--json", "--picture", "new/pairs.png")
    assert document(out) == json.loads(json.dumps(expected.as_dict()))
    with Image.open(tmp_path / "new" / "pairs.png") as picture:
        assert picture.size[::-1] == expected.picture().shape[:2]
    assert expected.match is not None
    text = run("compare", room, "walnut").stdout
    assert f"rank {expected.match.rank}, score {expected.match.score:.3f}" in text
    boxed = document(run("compare", room, "walnut", "--json", "--box", "0,60,80,120"))
    assert boxed["floor"]["source"] == "box"
    failure = run("compare", room, "ebony", "--json", code=3)
    assert json.loads(failure.stderr)["error"]["code"] == "product-not-found"
    run("compare", room, "oak", "--picture", "pairs.nothing", code=2)
