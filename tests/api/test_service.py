"""What requests share: the cache of floors, and the threads for pictures."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra api")

import anyio
from anyio import to_thread

from floorlens import Floorlens
from floorlens.api.service import CACHED_FLOORS, PICTURES_AT_ONCE, FloorCache, Service
from floorlens.segmentation import FloorRegion
from floorlens.service.store import Store
from floorlens.settings import Settings


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


# -- threads -----------------------------------------------------------------------------------


def test_pictures_have_a_few_threads_of_their_own(lens: Floorlens, tmp_path: Path) -> None:
    """A page requests many at once; other requests must not wait for all of them."""
    lock, gate = threading.Lock(), threading.Event()
    running = most = 0

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        assert gate.wait(120)
        with lock:
            running -= 1

    async def ask() -> None:
        service = Service(lens, Settings(), store)
        async with anyio.create_task_group() as group:
            try:
                for _ in range(3 * PICTURES_AT_ONCE):
                    group.start_soon(service.run_with_pictures, work)
                with anyio.fail_after(120):
                    while running < PICTURES_AT_ONCE:
                        await anyio.sleep(0.01)
                assert to_thread.current_default_thread_limiter().borrowed_tokens == 0
            finally:
                gate.set()

    store = Store(tmp_path)
    anyio.run(ask)
    store.close()
    assert most == PICTURES_AT_ONCE
