"""The measured Floorlens is the user's own, with its segmenter overheard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from floorlens import presets
from floorlens.errors import ImageError, NoFloorFound, SettingsError
from floorlens.evaluation.measured import open_catalogue, opened, stamp_of
from floorlens.testing import fake_stages


@pytest.fixture(autouse=True)
def _without_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "load_stages", lambda *_a, **_k: fake_stages())


def test_what_the_segmenter_says_of_a_refused_photo_is_heard() -> None:
    floor = np.zeros((40, 60, 3), dtype=np.uint8)
    floor[20:] = 200
    with opened(open_catalogue, None) as lens:
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
        assert set(stamp_of(lens)) >= {"floorlens", "preset", "segmenter", "embedder"}


def test_an_unknown_preset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="unknown preset"):
        open_catalogue(tmp_path / "catalogue", "gone")
