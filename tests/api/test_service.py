"""What requests share: floors that are kept, turns that are taken, the health that is told."""

from __future__ import annotations

import threading

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra api")

import anyio
from anyio import to_thread

from floorlens import Floorlens
from floorlens.api.service import KEPT_FLOORS, PICTURES_AT_ONCE, KeptFloors, Service
from floorlens.segmentation import FloorRegion
from floorlens.settings import Settings


def floor(confidence: float = 1.0) -> FloorRegion:
    mask = np.ones((12, 16), np.bool_)
    return FloorRegion(mask, confidence, 1.0, "automatic", (1600, 1200), ())


# -- kept floors -------------------------------------------------------------------------------


def test_no_mask_of_a_photos_size_is_kept() -> None:
    """Sixteen of 120 megapixels would be 1.9 GB; who asks for a mask makes it for himself."""
    kept, found = KeptFloors(), floor()
    assert found.mask.nbytes == 1600 * 1200
    kept.put(b"a", found)
    for _ in range(2):
        again = kept.get(b"a")
        assert again is not None
        assert "mask" not in vars(again)
        assert again.mask.shape == (1200, 1600)


def test_the_last_sixteen_floors_are_kept() -> None:
    """The one that was not asked for longest goes, whether it was found or asked for since."""
    kept = KeptFloors()
    keys = [bytes([number]) for number in range(KEPT_FLOORS)]
    for number, key in enumerate(keys):
        kept.put(key, floor(number / 100))
    assert kept.get(keys[0]) is not None
    kept.put(keys[1], floor(0.5))
    for key in (b"new", b"newer"):
        kept.put(key, floor())
    there = [number for number, key in enumerate(keys) if kept.get(key) is not None]
    assert there == [0, 1, *range(4, 16)]
    replaced = kept.get(keys[1])
    assert replaced is not None
    assert replaced.confidence == 0.5


# -- turns -------------------------------------------------------------------------------------


def test_pictures_have_threads_of_their_own_and_few(lens: Floorlens) -> None:
    """A page asks for many at once; neither they nor the other threads are to wait for all."""
    lock, gate = threading.Lock(), threading.Event()
    now = most = 0

    def work() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        assert gate.wait(120)
        with lock:
            now -= 1

    async def ask() -> None:
        service = Service(lens, Settings())
        async with anyio.create_task_group() as group:
            try:
                for _ in range(3 * PICTURES_AT_ONCE):
                    group.start_soon(service.with_pictures, work)
                with anyio.fail_after(120):
                    while now < PICTURES_AT_ONCE:
                        await anyio.sleep(0.01)
                assert to_thread.current_default_thread_limiter().borrowed_tokens == 0
            finally:
                gate.set()

    anyio.run(ask)
    assert most == PICTURES_AT_ONCE
