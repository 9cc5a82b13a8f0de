"""The service: Floorlens over HTTP, with FastAPI and uvicorn (extra `[api]`).

```
app          create_app: the routes, limits and errors of one catalogue
routes/      a file for each kind of thing: searches, products, jobs
bodies       the JSON that routes share
security     who may ask what: keys, scopes, rates, signed addresses
guard        what is refused before a route is chosen and a body is read
loopback     which addresses are of this machine alone
origins      pages of other sites, and what browsers are told of answers
description  /openapi.json: what all routes have in common
docs         /docs: the same as a page without scripts
search_…     bodies: what a search asks; answers: what the library found, as bodies
uploads      requests with photos, as a form or as JSON
json_texts   JSON, read so strictly that all of it can be stored and sent again
events       answers that come in parts, stage by stage
strictness   parameters and fields that nobody reads are refused
field_errors what is wrong with a request, field by field
scripts      /embed/…: the JavaScript for pages of other sites
problems     every error -> status, code and a text that is safe to show to strangers
forms        bodies that come as JSON or as a form; files go to the disk as they come
paging       how many a page holds, and where the next one begins
status       what /v1/status says
exchange     one request and its answer, as the layers around the routes see it
admission    which requests get the models, and which are refused at once
limits       the bytes of a request, their time, and who has gone meanwhile
connections  uvicorn's protocol with limits on time and number
logs         a line for each request
metrics      figures for Prometheus
tracing      spans for OpenTelemetry
service      what all requests share: catalogue, models, what is kept
pictures     product pictures, whole or as thumbnails
server       runs the application with uvicorn
workers      several processes at one port
```
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from floorlens.errors import MissingDependency

if TYPE_CHECKING:
    from fastapi import FastAPI

    from floorlens.lens import Floorlens
    from floorlens.presets import Stages
    from floorlens.settings import Settings

__all__ = ["create_app"]


def create_app(
    settings: Settings | None = None,
    *,
    stages: Stages | None = None,
    lens: Floorlens | None = None,
    create: bool = False,
) -> FastAPI:
    """Returns the service of one catalogue as an ASGI application.

    When the application starts, it opens the catalogue and loads the models once.
    `uvicorn --factory floorlens.api:create_app` serves it.

    Args:
        settings: which catalogue, and the limits; None: `FLOORLENS_*` and `.env`.
        stages: backends of your own, instead of a preset's.
        lens: an open catalogue; the caller warms it up and closes it.
        create: whether to make an empty catalogue where there is none; otherwise the start fails
            with CatalogueNotFound.

    Raises:
        MissingDependency: the extra `[api]` is not installed.
        SettingsError: the environment's settings cannot be used.
    """
    require_extra()
    from floorlens.api.app import build
    from floorlens.settings import load_settings

    if settings is None:
        settings = load_settings()
    return build(settings, stages, lens, create=create)


def require_extra() -> None:
    """Checks that the extra `[api]` is installed.

    Raises:
        MissingDependency: it is not.
    """
    for module in ("fastapi", "prometheus_client", "python_multipart", "uvicorn"):
        if find_spec(module) is None:
            raise MissingDependency(
                f"the service needs {module}, which is not installed: pip install 'floorlens[api]'"
            )
