"""Broken pictures: whatever a file holds, it is a picture or our own error, and starts nothing."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections import Counter
from functools import cache

import numpy as np
import pytest

from floorlens.errors import ImageError
from floorlens.images.formats import FORMATS
from floorlens.images.loading import load_photo
from tests.doubles.mutations import mutated, originals

COUNT = 500
STARTING = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.spawn")
# What started a process since the last test began to watch.
_EVENTS: list[str] = []


@cache
def _watch() -> None:
    # Once: an audit hook stays as long as the process.
    sys.addaudithook(lambda event, _: _EVENTS.append(event) if event in STARTING else None)


@pytest.fixture
def started() -> list[str]:
    """The events of what starts a process while the test runs."""
    _watch()
    _EVENTS.clear()
    return _EVENTS


@pytest.fixture(autouse=True)
def _heif() -> None:
    pytest.importorskip("pi_heif", reason="needs the extra heif")


def test_the_originals_are_of_all_formats_and_can_be_read() -> None:
    assert {name.split(":")[0] for name in originals()} == {one.name for one in FORMATS}
    for name, data in originals().items():
        assert min(load_photo(data, name=name).size) >= 16


def test_a_broken_picture_is_a_picture_or_an_image_error(started: list[str]) -> None:
    outcomes: Counter[str] = Counter()
    for number in range(COUNT):
        name, data = mutated(number)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                photo = load_photo(data, max_megapixels=4, name=f"{number} ({name})")
            except ImageError as error:
                assert str(error).startswith(f"{number} ({name}): ")
                outcomes[type(error).__name__] += 1
                continue
        assert photo.pixels.dtype == np.uint8
        assert photo.pixels.ndim == 3
        assert max(photo.pixels.shape) <= 1280
        outcomes["picture"] += 1
    assert started == []
    # Neither is everything refused at the door nor do the changes change nothing.
    assert outcomes["picture"] > COUNT // 20
    assert outcomes["ImageError"] > COUNT // 4


def test_the_watch_sees_a_process(started: list[str]) -> None:
    subprocess.run([sys.executable, "-c", ""], check=True, timeout=120)
    assert "subprocess.Popen" in started
