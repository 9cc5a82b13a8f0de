"""What all requests share: the catalogue with its models, what is kept, queues for threads."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, TypeVar
from urllib.parse import quote, urlencode

import anyio
from anyio import to_thread
from fastapi import Depends, Request
from pydantic import BaseModel, Field

from floorlens import __version__
from floorlens.api.admission import Admission
from floorlens.api.exchange import checkpoint, exchange_of, note_timings, seconds_left
from floorlens.api.metrics import Metrics
from floorlens.api.pictures import Thumbnails
from floorlens.api.problems import LOG
from floorlens.api.tracing import trace_stages
from floorlens.errors import CatalogueError, FloorlensError, StampMismatch
from floorlens.lens import Floorlens
from floorlens.recent import Recent, forget_old
from floorlens.service.dispatcher import Dispatcher
from floorlens.service.feedback import Feedback
from floorlens.service.keys import Keys
from floorlens.service.rates import Rates
from floorlens.service.searches import Searches
from floorlens.service.searching import Searching
from floorlens.service.signatures import Signature, Signatures
from floorlens.service.store import Store

if TYPE_CHECKING:
    from floorlens.ranking import SearchResult
    from floorlens.segmentation import Click, FloorRegion
    from floorlens.service.queries import Region
    from floorlens.settings import Settings

T = TypeVar("T")

CACHED_FLOORS = 16
FILES_AT_ONCE, FILES_WAITING = 4, 256
EXPORTS_WAITING = SHEETS_WAITING = 4
RANKINGS_AT_ONCE = 2
TIDY_SECONDS = 60.0
HEALTH_SECONDS = 5.0
_STAGES = ("segmenter", "normaliser", "embedder", "reranker")


def models_at_once() -> int:
    """Returns how many searches run at a time in one process, unless the settings say otherwise.

    Two keep the cores busy: while one is decoded, cut and ranked, the models of the other run.
    """
    return min(8, max(2, (os.cpu_count() or 1) // 2))


class Health(BaseModel):
    """What the service searches, and with which models."""

    status: str = Field(description='"ok"')
    version: str = Field(description="of Floorlens")
    products: int = Field(description="how many the catalogue holds")
    preset: str
    models: dict[str, str] = Field(description='stage -> "model version"')
    engine: str | None = Field(
        description="code of the error for which the vector engine cannot be searched; null if "
        "it can"
    )


class FloorCache:
    """The floors of the last few photos, so that mask and search of one photo segment it once.

    Safe to call from several threads. A floor takes at most 1,280 x 1,280 bytes: a region caches
    its mask at the photo's own size, and this class leaves that cache out.
    """

    def __init__(self, capacity: int = CACHED_FLOORS) -> None:
        self._floors = Recent["FloorRegion"](capacity)

    def get(self, key: bytes) -> FloorRegion | None:
        """Returns the floor of the photo with this hash, None if it is not in the cache."""
        floor = self._floors.get(key)
        return None if floor is None else replace(floor)

    def put(self, key: bytes, floor: FloorRegion) -> None:
        """Stores a floor; the least recently used one goes."""
        # A copy leaves out the mask that the region has cached.
        self._floors.put(key, replace(floor))


class Service:
    """The catalogue of an application that has started."""

    def __init__(
        self,
        lens: Floorlens,
        settings: Settings,
        store: Store,
        metrics: Metrics | None = None,
    ) -> None:
        """Must be called where the event loop runs; the caller closes `lens` and `store`."""
        self.lens = lens
        self.settings = settings
        self.store = store
        self.metrics = metrics or Metrics()
        self.keys = Keys(store)
        self.rates = Rates(store)
        # It begins to look for jobs when the application starts.
        self.dispatcher = Dispatcher(lens, settings, store)
        self.thumbnails = Thumbnails(store.folder / "thumbnails")
        self.searching = Searching(
            lens,
            Searches(store, settings.keep_hours, settings.keep_mb),
            max_megapixels=settings.max_megapixels,
            picture_seconds=settings.picture_seconds,
            seconds_left=seconds_left,
        )
        self.feedback = Feedback(store, settings.feedback_mb)
        self._signatures = Signatures(store)
        self._floors = FloorCache()
        self._models = Admission(
            settings.at_once or models_at_once(), settings.queue, "models", self.metrics.note_load
        )
        # What takes some hundredths of a second must not wait for what takes half of one.
        self._rankings = Admission(RANKINGS_AT_ONCE, settings.queue, "rankings")
        self._files = Admission(FILES_AT_ONCE, FILES_WAITING, "files")
        # Each needs as much of the disk as the pictures of all products, and all of its speed.
        self._exports = Admission(1, EXPORTS_WAITING, "exports")
        # A sheet to print takes seconds of one core, and who refines a search must not wait for it.
        self._sheets = Admission(1, SHEETS_WAITING, "sheets")
        self._probe: Future[Health] | None = None

    def close(self) -> None:
        """Takes no more work."""
        queues = (self._models, self._rankings, self._files, self._exports, self._sheets)
        for admission in queues:
            admission.close()

    async def keep_tidy(self) -> None:
        """Deletes every minute, until it is cancelled, what is not to be kept any longer.

        That is on the disk, and in the memory of this process.

        Every search that is kept does the same; a service that is asked nothing keeps nothing
        either.
        """
        while True:
            await asyncio.sleep(TIDY_SECONDS)
            forget_old()
            try:
                await to_thread.run_sync(self.searching.searches.purge)
                await to_thread.run_sync(self.store.forget)
            except FloorlensError as error:
                LOG.warning("searches that are too old could not be deleted: %s", error)

    async def run_with_models(self, request: Request, work: Callable[[], T]) -> T:
        """Runs `work` in one of the few threads for models, when its turn comes.

        `work` should pass `floorlens.api.exchange.checkpoint` on as `progress`, so that it ends
        soon after nobody waits for it any more.

        Raises:
            Refusal: the service is too busy, the request took too long, or its client has gone.
        """
        exchange = exchange_of(request.scope)
        try:
            return await self._models.run(exchange, request.scope["route"].path, work)
        finally:
            trace_stages(request.app, exchange.timings)

    async def run_with_rankings(self, request: Request, work: Callable[[], T]) -> T:
        """Runs `work`, which ranks a floor that was seen before, in a thread of its own.

        Raises:
            Refusal: as for `run_with_models`.
        """
        exchange = exchange_of(request.scope)
        try:
            return await self._rankings.run(exchange, request.scope["route"].path, work)
        finally:
            trace_stages(request.app, exchange.timings)

    async def run_with_files(self, request: Request, work: Callable[[], T]) -> T:
        """Runs `work`, which waits for disks or the database, in a thread apart from the models'.

        Raises:
            Refusal: as for `run_with_models`.
        """
        exchange = exchange_of(request.scope)
        return await self._files.run(exchange, request.scope["route"].path, work)

    async def run_with_exports(self, request: Request, work: Callable[[], T]) -> T:
        """Runs `work`, which copies much from disk to disk: one such piece at a time.

        `work` should call `floorlens.api.exchange.checkpoint` now and then.

        Raises:
            Refusal: as for `run_with_models`.
        """
        exchange = exchange_of(request.scope)
        return await self._exports.run(exchange, request.scope["route"].path, work)

    async def run_with_sheets(self, request: Request, work: Callable[[], T]) -> T:
        """Runs `work`, which composes a document: one at a time.

        Raises:
            Refusal: as for `run_with_models`.
        """
        exchange = exchange_of(request.scope)
        return await self._sheets.run(exchange, request.scope["route"].path, work)

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
        result = self.lens.search(
            photo, limit=limit, region=self._floors.get(key), progress=checkpoint
        )
        self._floors.put(key, result.floor)
        note_timings(result.timings)
        return result

    def mask(
        self, photo: bytes, region: Region | None = None, clicks: Sequence[Click] = ()
    ) -> FloorRegion:
        """Returns the floor of a photo, as `Floorlens.mask` does."""
        if region is not None or clicks:
            decoded = self.searching.decode(photo, checkpoint)
            drawn = self.searching.region(region, decoded.size, checkpoint)
            return self.lens.mask(decoded, region=drawn, clicks=clicks)
        key = hashlib.sha256(photo).digest()
        floor = self._floors.get(key) or self.lens.mask(photo)
        self._floors.put(key, floor)
        return floor

    async def readiness(self) -> dict[str, bool]:
        """Returns what a search needs, and whether it is there: models, catalogue, stamp, engine.

        The models are: without them the service does not start.
        """
        try:
            health = await self.health()
        except StampMismatch:
            return {"models": True, "catalogue": True, "stamp": False, "engine": True}
        except FloorlensError:
            return {"models": True, "catalogue": False, "stamp": False, "engine": True}
        self.metrics.note_products(health.products)
        return {"models": True, "catalogue": True, "stamp": True, "engine": health.engine is None}

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
            engine=self.lens.engine_failure(),
        )


def service_of(request: Request) -> Service:
    """Returns the service that all requests share."""
    service: Service = request.app.state.service
    return service


ServiceOf = Annotated[Service, Depends(service_of)]
