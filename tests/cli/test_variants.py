"""`floorlens variants`, and searches that show each design once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from floorlens import Floorlens
from floorlens.cli import app
from floorlens.testing import fake_stages
from tests.products.test_prints import floor


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    source = tmp_path / "products"
    source.mkdir()
    for seed in range(2):
        Image.fromarray(floor(seed)).save(source / f"floor-{seed}.png")
    Image.fromarray(floor(0)[30:290, 20:280]).save(source / "cut-0.png")
    monkeypatch.setattr("floorlens.lens.load_stages", lambda *_, **__: fake_stages())
    with Floorlens.open(tmp_path / "catalogue", stages=fake_stages()) as lens:
        lens.add(source)
    return str(tmp_path / "catalogue")


def answer(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_designs_and_variants_are_listed(catalogue: str) -> None:
    (design,) = json.loads(answer("variants", "--catalogue", catalogue, "--json"))
    assert design["ids"] == ["cut-0", "floor-0"]
    (variant,) = json.loads(answer("variants", "floor-0", "--catalogue", catalogue, "--json"))
    assert (variant["id"], variant["kind"]) == ("cut-0", "same picture")
    assert "same picture" in answer("variants", "--catalogue", catalogue)
    assert "cut-0" in answer("variants", "floor-0", "--catalogue", catalogue)
    assert answer("variants", "floor-1", "--catalogue", catalogue) == "no variants of floor-1\n"


def test_a_search_shows_each_design_once(catalogue: str, tmp_path: Path) -> None:
    photo = tmp_path / "room.png"
    Image.fromarray(floor(0)).save(photo)
    place = ("search", str(photo), "--box", "0,0,300,300", "--catalogue", catalogue)
    found = json.loads(answer(*place, "--group", "design", "--json"))["matches"]
    assert sorted(len(match["variants"]) for match in found) == [0, 1]
    assert len(json.loads(answer(*place, "--json"))["matches"]) == 3
    assert "of this design also" in answer(*place, "--group", "design")


def test_an_unknown_group_and_an_unknown_product_are_named(catalogue: str, tmp_path: Path) -> None:
    photo = tmp_path / "room.png"
    Image.fromarray(floor(0)).save(photo)
    run = CliRunner().invoke
    refused = run(app, ["search", str(photo), "--group", "size", "--catalogue", catalogue])
    assert refused.exit_code != 0
    assert "'design'" in refused.output
    assert run(app, ["variants", "unknown", "--catalogue", catalogue]).exit_code != 0
