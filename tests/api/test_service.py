"""What requests share: the cache of floors."""

from __future__ import annotations

import time

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra api")

from floorlens.api import service
from floorlens.api.server import running_service
from floorlens.api.service import CACHED_FLOORS, FloorCache
from floorlens.recent import Recent
from floorlens.segmentation import FloorRegion
from floorlens.settings import Settings
from floorlens.testing import fake_stages


def floor(confidence: float = 1.0) -> FloorRegion:
    mask = np.ones((12, 16), np.bool_)
    return FloorRegion(mask, confidence, 1.0, "automatic", (1600, 1200), ())


# -- the cache of floors -----------------------------------------------------------------------


def test_no_mask_of_a_photos_size_is_cached() -> None:
    """Sixteen masks of 120 megapixels would take 1.9 GB; each caller gets its own."""
    cache, region = FloorCache(), floor()
    assert region.mask.nbytes == 1600 * 1200
    cache.put(b"a", region)
    for _ in range(2):
        again = cache.get(b"a")
        assert again is not None
        assert "mask" not in vars(again)
        assert again.mask.shape == (1200, 1600)


def test_the_last_sixteen_floors_are_cached() -> None:
    """The least recently used one goes; both `get` and `put` count as a use."""
    cache = FloorCache()
    keys = [bytes([number]) for number in range(CACHED_FLOORS)]
    for number, key in enumerate(keys):
        cache.put(key, floor(number / 100))
    assert cache.get(keys[0]) is not None
    cache.put(keys[1], floor(0.5))
    for key in (b"new", b"newer"):
        cache.put(key, floor())
    survivors = [number for number, key in enumerate(keys) if cache.get(key) is not None]
    assert survivors == [0, 1, *range(4, 16)]
    region = cache.get(keys[1])
    assert region is not None
    assert region.confidence == 0.5


# -- what is in memory -------------------------------------------------------------------------


def test_an_idle_service_forgets_what_it_was_asked(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pixels of photos must not lie in its memory until somebody asks again."""
    monkeypatch.setattr(service, "TIDY_SECONDS", 0.05)
    now = 0.0
    recent = Recent[str](1, seconds=300, now=lambda: now)
    recent.put("a", "A")
    with running_service(settings, stages=fake_stages()):
        time.sleep(0.5)
        assert len(recent) == 1
        now = 301.0
        limit = time.monotonic() + 120
        while len(recent):
            assert time.monotonic() < limit
            time.sleep(0.05)
