"""What all requests share: the catalogue with its models, and a limit on work at a time."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, TypeVar
from urllib.parse import quote, urlencode

import anyio
from anyio import to_thread
from fastapi import Depends, Request
from pydantic import BaseModel, Field

from floorlens import __version__
from floorlens.api.problems import Refusal
from floorlens.errors import CatalogueError
from floorlens.lens import Floorlens
from floorlens.service.keys import Keys
from floorlens.service.rates import Rates
from floorlens.service.signatures import Signature, Signatures
from floorlens.service.store import Store

if TYPE_CHECKING:
    from floorlens.ranking import SearchResult
    from floorlens.segmentation import FloorRegion
    from floorlens.settings import Settings

T = TypeVar("T")

CACHED_FLOORS = 16
PICTURES_AT_ONCE = 4
HEALTH_SECONDS = 5.0
_STAGES = ("segmenter", "normaliser", "embedder", "reranker")


class Health(BaseModel):
    """What the service searches, and with which models."""

    status: str = Field(description='"ok"')
    version: str = Field(description="of Floorlens")
    products: int = Field(description="how many the catalogue holds")
    preset: str
    models: dict[str, str] = Field(description='stage -> "model version"')


class FloorCache:
    """The floors of the last few photos, so that mask and search of one photo segment it once.

    Safe to call from several threads. A floor takes at most 1,280 x 1,280 bytes: a region caches
    its mask at the photo's own size, and this class leaves that cache out.
    """

    def __init__(self, capacity: int = CACHED_FLOORS) -> None:
        self._capacity = capacity
        self._floors: OrderedDict[bytes, FloorRegion] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes) -> FloorRegion | None:
        """Returns the floor of the photo with this hash, None if it is not in the cache."""
        with self._lock:
            floor = self._floors.get(key)
            if floor is not None:
                self._floors.move_to_end(key)
            return None if floor is None else replace(floor)

    def put(self, key: bytes, floor: FloorRegion) -> None:
        """Stores a floor; the least recently used one goes."""
        with self._lock:
            # A copy leaves out the mask that the region has cached.
            self._floors[key] = replace(floor)
            self._floors.move_to_end(key)
            while len(self._floors) > self._capacity:
                self._floors.popitem(last=False)


class Service:
    """The catalogue of an application that has started."""

    def __init__(self, lens: Floorlens, settings: Settings, store: Store) -> None:
        """Must be called where the event loop runs; the caller closes `lens` and `store`."""
        self.lens = lens
        self.settings = settings
        self.store = store
        self.keys = Keys(store)
        self.rates = Rates(store)
        self._signatures = Signatures(store)
        self._floors = FloorCache()
        # The models use several cores for one photo; more photos at once only delay each other.
        cores = os.cpu_count() or 1
        self._models = anyio.CapacityLimiter(min(8, max(2, cores // 2)))
        self._pictures = anyio.CapacityLimiter(PICTURES_AT_ONCE)
        self._probe: Future[Health] | None = None

    async def run_with_models(self, request: Request, work: Callable[[], T]) -> T:
        """Runs `work` in a thread as soon as one is free for the models; returns its result.

        Raises:
            Refusal: the client has disconnected meanwhile.
        """
        async with self._models:
            if await request.is_disconnected():
                raise Refusal(499, "client-gone")
            return await to_thread.run_sync(work)

    async def run_with_pictures(self, work: Callable[[], T]) -> T:
        """Runs `work` in a thread for pictures, apart from the models'; returns its result."""
        return await to_thread.run_sync(work, limiter=self._pictures)

    def image_url(self, product_id: str, width: int | None = None, index: int = 0) -> str:
        """Returns the address of a product's picture, as `<img>` can fetch it: without a key.

        It begins with `/v1/`. Where the service asks for keys it is signed, and valid for at least
        24 hours; for a day it stays the same, so that caches know it again.

        Args:
            product_id: whose picture.
            width: for a JPEG with at most so many pixels on its longer side; None: the file.
            index: which of the product's pictures, from 0.
        """
        facts: dict[str, str | int] = {} if width is None else {"width": width}
        if index:
            facts["index"] = index
        if self.settings.no_auth is None:
            signature = self._signatures.sign("image", product_id, index, width)
            facts |= {"expires": signature.expires, "signature": signature.text}
        address = f"/v1/products/{quote(product_id)}/image"
        return f"{address}?{urlencode(facts)}" if facts else address

    def is_image_url(
        self, product_id: str, width: int | None, index: int, signature: Signature
    ) -> bool:
        """Returns whether `image_url` gave out the address of these facts, and it still counts."""
        return self._signatures.check(signature, "image", product_id, index, width)

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
            CatalogueError: the catalogue cannot be read within 5 seconds.
            StampMismatch: it was rebuilt with other models meanwhile, so that no search works.
        """
        probe = self._probe
        if probe is None or probe.done():
            # A thread cannot be stopped: while a catalogue hangs, all calls wait for one thread.
            probe = self._probe = Future()
            probe.set_running_or_notify_cancel()
            threading.Thread(target=self._run_probe, args=(probe,), daemon=True).start()
        with anyio.move_on_after(HEALTH_SECONDS):
            return await asyncio.wrap_future(probe)
        raise CatalogueError(f"the catalogue did not answer within {HEALTH_SECONDS:g} s")

    def _run_probe(self, probe: Future[Health]) -> None:
        try:
            probe.set_result(self._read_health())
        except Exception as error:  # noqa: BLE001 - raised where the probe is awaited
            probe.set_exception(error)

    def _read_health(self) -> Health:
        self.lens.check()
        stamp = self.lens.stamp
        models = {stage: stamp[stage] for stage in _STAGES}
        return Health(
            status="ok",
            version=__version__,
            products=self.lens.count(),
            preset=str(stamp["preset"]),
            models={stage: f"{one['model_id']} {one['version']}" for stage, one in models.items()},
        )


def service_of(request: Request) -> Service:
    """Returns the service that all requests share."""
    service: Service = request.app.state.service
    return service


ServiceOf = Annotated[Service, Depends(service_of)]
