"""The measured lens is the user's own Floorlens, with a segmenter that records its answers."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from floorlens import Floorlens, presets
from floorlens.errors import ImageError, NoFloorFound, SettingsError, UsageError
from floorlens.evaluation.measured import open_measured_lens, report_stamp, temporary_lens
from floorlens.ranking import SearchResult
from floorlens.testing import fake_stages


@pytest.fixture(autouse=True)
def _without_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "load_stages", lambda *_a, **_k: fake_stages())


def test_the_segmenters_answer_to_a_refused_photo_is_recorded() -> None:
    floor = np.zeros((40, 60, 3), dtype=np.uint8)
    floor[20:] = 200
    with temporary_lens(open_measured_lens, None) as lens:
        assert lens.take_visible() is None
        assert lens.mask(floor).share == 0.5
        assert lens.take_visible() == 1.0
        assert lens.take_visible() is None
        with pytest.raises(NoFloorFound):
            lens.mask(np.zeros_like(floor))
        assert lens.take_visible() == 0.0
        with pytest.raises(ImageError):
            lens.mask(b"no picture")
        assert lens.take_visible() is None
        assert set(report_stamp(lens)) >= {"floorlens", "preset", "segmenter", "embedder"}


def test_the_weights_reach_the_search_and_the_stamp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (24, 24), "grey").save(tmp_path / "a.png")
    photo = io.BytesIO()
    Image.new("L", (40, 60), 90).save(photo, "PNG")
    everywhere = np.ones((60, 40), np.bool_)
    calls: list[dict[str, object]] = []
    search = Floorlens.search

    def record(lens: Floorlens, source: Any, **options: Any) -> SearchResult:
        calls.append({name: options[name] for name in ("weights", "rerank")})
        return search(lens, source, **options)

    monkeypatch.setattr(Floorlens, "search", record)
    for options, weights in (
        ({}, {"colour": 0.5, "texture": 0.5}),
        ({"weights": {"colour": 0.25}}, {"colour": 0.2, "texture": 0.8}),
        ({"rerank": False}, None),
    ):
        with temporary_lens(partial(open_measured_lens, **options), None) as lens:
            lens.add(tmp_path)
            assert len(lens.search(photo.getvalue(), region=everywhere).matches) == 1
            assert report_stamp(lens)["weights"] == weights
        assert calls[-1] == {"weights": options.get("weights"), "rerank": weights is not None}


def test_weights_are_refused_before_anything_is_measured(tmp_path: Path) -> None:
    """They would fail for every single photo, and the figures would be those of no ranking."""
    with pytest.raises(UsageError, match="unknown component 'sound'"):
        open_measured_lens(tmp_path / "catalogue", None, weights={"sound": 1})
    with pytest.raises(UsageError, match="nothing is re-ranked"):
        open_measured_lens(tmp_path / "catalogue", None, weights={"colour": 1}, rerank=False)


def test_an_unknown_preset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="unknown preset"):
        open_measured_lens(tmp_path / "catalogue", "gone")
