"""The commands `attributes` and `facets`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def shop(run: Run, tmp_path: Path) -> None:
    """A catalogue with a dark product and a light one."""
    (tmp_path / "shop").mkdir()
    for name, grey in (("slate", 40), ("chalk", 230)):
        Image.new("RGB", (40, 40), (grey, grey, grey)).save(tmp_path / "shop" / f"{name}.png")
    run("index", "shop", "--no-adapt")


@pytest.mark.usefixtures("shop")
def test_attributes_are_shown_set_and_taken_back(run: Run) -> None:
    shown = json.loads(run("attributes", "slate", "--json").stdout)
    assert (shown["tone"]["value"], shown["tone"]["origin"]) == ("dark", "measured")
    text = run("attributes", "slate", "--set", "tone=medium", "--set", "joints=yes").stdout
    assert "edited" in text
    edited = json.loads(run("attributes", "slate", "--json").stdout)
    assert (edited["tone"]["value"], edited["joints"]["value"]) == ("medium", True)
    assert json.loads(run("facets", "--json").stdout)["tone"] == {"light": 1, "medium": 1}
    run("attributes", "slate", "--unset", "tone", "--unset", "joints")
    assert json.loads(run("attributes", "slate", "--json").stdout) == shown


@pytest.mark.usefixtures("shop")
def test_facets_of_what_passes(run: Run) -> None:
    counts = json.loads(run("facets", "--where", '{"tone": "dark"}', "--json").stdout)
    assert counts["colour"] == {"black": 1}
    assert "dark" in run("facets").stdout
    run("facets", "--where", "tone", code=2)


@pytest.mark.usefixtures("shop")
def test_measuring_again(run: Run) -> None:
    assert "2 unchanged" in run("attributes", "--measure").stdout
    assert "2 updated" in run("attributes", "--measure", "--anew").stdout


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 2),
        (("slate", "--measure"), 2),
        (("slate", "--anew"), 2),
        (("--measure", "--set", "tone=dark"), 2),
        (("slate", "--set", "tone"), 2),
        (("slate", "--set", "tone=dark", "--unset", "tone"), 2),
        (("slate", "--set", "tone=drak"), 2),
        (("slate", "--unset", "tones"), 2),
    ],
)
def test_what_makes_no_sense_is_refused(run: Run, arguments: tuple[str, ...], code: int) -> None:
    run("attributes", *arguments, code=code)
    assert json.loads(run("attributes", "slate", "--json").stdout)["tone"]["value"] == "dark"
