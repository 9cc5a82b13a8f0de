"""Puts the application together: routes, limits and errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import TYPE_CHECKING

from anyio import to_thread
from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute
from starlette.formparsers import MultiPartParser
from threadpoolctl import threadpool_limits

from floorlens import __version__
from floorlens.api import docs, problems, scripts
from floorlens.api.description import Application
from floorlens.api.guard import Guard
from floorlens.api.limits import UploadLimit, limit_of
from floorlens.api.logs import Requests
from floorlens.api.metrics import Metrics
from floorlens.api.origins import AnswerHeaders, Origins
from floorlens.api.routes import (
    feedback,
    jobs,
    masks,
    match_files,
    products,
    reference,
    search_facets,
    searches,
    state,
)
from floorlens.api.service import Service
from floorlens.api.strictness import refuse_unknown_parameters
from floorlens.api.tracing import trace
from floorlens.lens import open_catalogue
from floorlens.service.store import Store

if TYPE_CHECKING:
    from fastapi import FastAPI

    from floorlens.lens import Floorlens
    from floorlens.presets import Stages
    from floorlens.settings import Settings


def build(
    settings: Settings, stages: Stages | None, lens: Floorlens | None, *, create: bool
) -> FastAPI:
    """Returns the application; see `floorlens.api.create_app`."""
    # Starlette would put files of more than 1 MB on the disk, also where nothing is to be kept.
    # What is held in memory is limited by UploadLimit.
    most = limit_of(settings, "POST", "/v1/search").most
    MultiPartParser.spool_max_size = max(MultiPartParser.spool_max_size, most)
    origins = Origins(settings)
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # Requests keep the cores busy. The threads of numpy's BLAS, which the small products of a
        # search start, only wait in busy loops: with them a fifth fewer searches are answered.
        with threadpool_limits(1, "blas"):
            async with open_service(app):
                yield

    @asynccontextmanager
    async def open_service(app: FastAPI) -> AsyncIterator[None]:
        active = lens
        if active is None:
            active = await to_thread.run_sync(
                partial(open_catalogue, settings, create=create, stages=stages)
            )
        try:
            if lens is None:
                await to_thread.run_sync(active.warm_up)
            store = await to_thread.run_sync(Store, settings.state_folder())
            try:
                service = app.state.service = Service(active, settings, store, metrics)
                service.dispatcher.start()
                tidying = asyncio.create_task(service.keep_tidy())
                try:
                    yield
                finally:
                    tidying.cancel()
                    service.close()
                    await to_thread.run_sync(service.dispatcher.close)
            finally:
                store.close()
        finally:
            if lens is None:
                active.close()

    app = Application(
        title="Floorlens",
        summary="Ranks a flooring catalogue by how closely each product matches the floor in a "
        "room photo.",
        version=__version__,
        lifespan=lifespan,
        # Those of FastAPI load scripts of another server; ours is below.
        docs_url=None,
        redoc_url=None,
        # Behind a proxy a redirect would name the service's inner address.
        redirect_slashes=False,
    )
    app.state.settings = settings
    app.router.routes.extend(_router().routes)
    # For what asks which of them an address has.
    app.state.addresses = [route for one in _ROUTERS for route in one.routes]
    problems.install(app)
    docs.install(app)
    scripts.install(app)
    app.add_middleware(UploadLimit, settings=settings)
    app.add_middleware(Guard, settings=settings, origins=origins)
    app.add_middleware(Requests, settings=settings, metrics=metrics)
    # The last one added is the outermost: no answer goes past it.
    app.add_middleware(AnswerHeaders, settings=settings, origins=origins)
    trace(app)
    return app


_ROUTERS = tuple(
    one.router
    for one in (
        reference,
        searches,
        search_facets,
        match_files,
        feedback,
        masks,
        products,
        jobs,
        state,
    )
)


@cache
def _router() -> APIRouter:
    """Returns all routes. FastAPI works out once what each needs, not anew for each application."""
    router = APIRouter(
        dependencies=[Depends(refuse_unknown_parameters)],
        generate_unique_id_function=_operation_id,
    )
    for one in _ROUTERS:
        router.include_router(one)
    return router


def _operation_id(route: APIRoute) -> str:
    # Generated clients name their methods after these ids: they stay when an address changes.
    return route.name
