"""What all requests share: the catalogue with its models, and whose turn it is to use them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import anyio
from anyio import to_thread
from fastapi import Request

from floorlens import __version__
from floorlens.api.answers import Health
from floorlens.api.problems import Refused
from floorlens.errors import CatalogueError
from floorlens.lens import Floorlens

if TYPE_CHECKING:
    from floorlens.ranking import SearchResult
    from floorlens.segmentation import FloorRegion
    from floorlens.settings import Settings

T = TypeVar("T")

KEPT_FLOORS = 16
PICTURES_AT_ONCE = 4
HEALTH_SECONDS = 5.0
_STAGES = ("segmenter", "normaliser", "embedder", "reranker")


class KeptFloors:
    """The floors of the last few photos, so that mask and search of one photo segment it once.

    Safe to call from several threads. A floor is at most 1,280 x 1,280 bytes: the mask of the
    photo's own size, which a region keeps once it was asked for, is not kept here.
    """

    def __init__(self, most: int = KEPT_FLOORS) -> None:
        self._most = most
        self._floors: OrderedDict[bytes, FloorRegion] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes) -> FloorRegion | None:
        """Returns the floor that was found in a photo of this hash, None if it is not kept."""
        with self._lock:
            floor = self._floors.get(key)
            if floor is not None:
                self._floors.move_to_end(key)
            return None if floor is None else replace(floor)

    def put(self, key: bytes, floor: FloorRegion) -> None:
        """Keeps a floor; the one that was not asked for longest goes."""
        with self._lock:
            # A copy has none of what was computed from it.
            self._floors[key] = replace(floor)
            self._floors.move_to_end(key)
            while len(self._floors) > self._most:
                self._floors.popitem(last=False)


class Service:
    """The catalogue of an application that has started."""

    def __init__(self, lens: Floorlens, settings: Settings) -> None:
        """Must be called where the event loop runs; the caller closes `lens`."""
        self.lens = lens
        self.settings = settings
        self._floors = KeptFloors()
        # The models take several cores for one photo; more at once only makes all of them late.
        cores = os.cpu_count() or 1
        self._models = anyio.CapacityLimiter(min(8, max(2, cores // 2)))
        self._pictures = anyio.CapacityLimiter(PICTURES_AT_ONCE)
        self._probe: Future[Health] | None = None

    async def with_models(self, request: Request, work: Callable[[], T]) -> T:
        """Returns what `work` returns, run in a thread when its turn comes.

        Raises:
            Refused: the client has left meanwhile.
        """
        async with self._models:
            if await request.is_disconnected():
                raise Refused(499, "client-gone")
            return await to_thread.run_sync(work)

    async def with_pictures(self, work: Callable[[], T]) -> T:
        """Returns what `work` returns, run in a thread beside the models'."""
        return await to_thread.run_sync(work, limiter=self._pictures)

    def search(self, photo: bytes, limit: int | None) -> SearchResult:
        """Returns the ranking for a photo, as `Floorlens.search` does."""
        key = hashlib.sha256(photo).digest()
        result = self.lens.search(photo, limit=limit, region=self._floors.get(key))
        self._floors.put(key, result.floor)
        return result

    def mask(self, photo: bytes) -> FloorRegion:
        """Returns the floor of a photo, as `Floorlens.mask` does."""
        key = hashlib.sha256(photo).digest()
        floor = self._floors.get(key) or self.lens.mask(photo)
        self._floors.put(key, floor)
        return floor

    async def health(self) -> Health:
        """Returns what the service searches, and with which models.

        Raises:
            CatalogueError: the catalogue cannot be read, or not within 5 seconds.
            StampMismatch: it was rebuilt with other models meanwhile: no search can work.
        """
        probe = self._probe
        if probe is None or probe.done():
            # A thread cannot be ended: of a catalogue that hangs one waits, not one for each probe.
            probe = self._probe = Future()
            probe.set_running_or_notify_cancel()
            threading.Thread(target=self._examine, args=(probe,), daemon=True).start()
        with anyio.move_on_after(HEALTH_SECONDS):
            return await asyncio.wrap_future(probe)
        raise CatalogueError(f"the catalogue was not counted within {HEALTH_SECONDS:g} s")

    def _examine(self, probe: Future[Health]) -> None:
        try:
            probe.set_result(self._health())
        except Exception as error:  # noqa: BLE001 - raised where the probe is awaited
            probe.set_exception(error)

    def _health(self) -> Health:
        self.lens.check()
        stamp = self.lens.stamp
        made = {stage: stamp[stage] for stage in _STAGES}
        return Health(
            status="ok",
            version=__version__,
            products=self.lens.count(),
            preset=str(stamp["preset"]),
            models={stage: f"{one['model_id']} {one['version']}" for stage, one in made.items()},
        )
