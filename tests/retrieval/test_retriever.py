"""The live index: one projection at a time, whatever other processes do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from floorlens import Floorlens
from floorlens.catalogue.projections import Projections
from floorlens.embedding.projection import Projection
from floorlens.errors import CatalogueError, GenerationChanged
from floorlens.testing import fake_stages

ROOM = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)


@pytest.fixture
def lens(tmp_path: Path, location: str) -> Iterator[Floorlens]:
    folder = tmp_path / "products"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (32, 32), (60 * number, 90, 120)).save(folder / f"{number}.png")
    with Floorlens.open(location, stages=fake_stages(adaptable=True)) as opened:
        opened.add(folder)
        yield opened


def counted(monkeypatch: pytest.MonkeyPatch, failures: int) -> list[str]:
    """Counts readings of a projection, the first of which find it dropped."""
    calls: list[str] = []
    real = Projections.get

    def get(store: Projections, version: str) -> Projection:
        calls.append(version)
        if len(calls) <= failures:
            raise GenerationChanged("gone")
        return real(store, version)

    monkeypatch.setattr(Projections, "get", get)
    return calls


def test_a_projection_is_read_once(lens: Floorlens, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is some hundred kilobytes: a price change must not read it again."""
    calls = counted(monkeypatch, failures=0)
    lens.search(ROOM)
    lens.remove(["0"])
    assert lens.search(ROOM).total == 2
    assert calls == ["1"]


def test_a_swap_while_catching_up_takes_the_next_snapshot(
    lens: Floorlens, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = counted(monkeypatch, failures=2)
    assert len(lens.search(ROOM).matches) == 3
    assert len(calls) == 3


def test_changes_without_end_are_an_error(lens: Floorlens, monkeypatch: pytest.MonkeyPatch) -> None:
    counted(monkeypatch, failures=1000)
    with pytest.raises(CatalogueError, match="search again"):
        lens.search(ROOM)
