"""The client of Pinecone's SDK: its control plane, its waits, and its errors as ours."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from floorlens.engines import CollectionSpec, Engine, Mode
from floorlens.engines.opening import not_found
from floorlens.errors import (
    CollectionNotFound,
    EngineDenied,
    EngineMismatch,
    EngineQuota,
    EngineUnavailable,
    EngineUnsupported,
    MissingDependency,
)

if TYPE_CHECKING:
    from pinecone import Pinecone
    from pinecone.models.indexes.index import IndexModel

METRIC = "cosine"
# How long an index may take to be made: seconds.
READY_SECONDS = 300.0
# States of an index that no waiting mends.
_LOST = ("InitializationFailed", "Terminating", "Disabled")
# The SDK tries four times, and its data plane takes no other number; the timeout is for all.
_ATTEMPTS = 4


@contextmanager
def connected(engine: Engine) -> Iterator[Pinecone]:
    """Yields the client of Pinecone's control plane.

    Raises:
        EngineDenied: there is no key, or it is none.
        EngineUnavailable: the address of the control plane is none.
        MissingDependency: the extra `pinecone` is not installed.
    """
    try:
        from httpx import InvalidURL
        from pinecone import Pinecone
        from pinecone.errors import PineconeValueError
    except ImportError as error:
        raise MissingDependency(
            "the engine 'pinecone' needs: pip install 'floorlens[pinecone]'"
        ) from error
    if not engine.api_key:
        raise EngineDenied("Pinecone needs a key: set PINECONE_API_KEY, also in .env")
    try:
        client = Pinecone(
            engine.api_key.strip(), host=engine.url, timeout=engine.timeout / _ATTEMPTS
        )
    except PineconeValueError as error:
        raise EngineDenied("PINECONE_API_KEY holds characters that no key has") from error
    except (ValueError, InvalidURL) as error:
        raise EngineUnavailable(
            "FLOORLENS_INDEX_URL (or PINECONE_CONTROLLER_HOST) is no address of Pinecone"
        ) from error
    try:
        yield client
    finally:
        client.close()


def host_of(
    client: Pinecone,
    name: str,
    engine: Engine,
    spec: CollectionSpec,
    mode: Mode,
) -> str:
    """Returns the address of an index's data plane, which is made and waited for if need be.

    Raises:
        CollectionNotFound: there is no such index, and the mode does not make one.
        EngineMismatch: it has another dimension or metric, and is to be more than inspected.
        EngineUnavailable: it is not ready in time, or never will be.
    """
    if _described(client, name) is None:
        if mode in ("existing", "inspect"):
            raise not_found(engine, f"{name}/{engine.namespace or spec.name}")
        _create(client, name, engine, spec.dimension)
    model = _ready(client, name)
    held = getattr(model, "dimension", None), getattr(model, "metric", None)
    if mode != "inspect" and held != (spec.dimension, METRIC):
        raise EngineMismatch(
            f"the Pinecone index {name!r} is of dimension {held[0]} and metric {held[1]}, and not "
            f"of {spec.dimension} and {METRIC}: name another one in FLOORLENS_INDEX_NAME"
        )
    return f"{model.host}"


def wait_until(done: Callable[[], bool], seconds: float, trouble: str) -> None:
    """Returns when something is done, asking ever more seldom.

    Raises:
        EngineUnavailable: it is not within so many seconds; the text begins with `trouble`.
    """
    end, pause = time.monotonic() + seconds, 0.05
    while not done():
        if time.monotonic() > end:
            raise EngineUnavailable(f"{trouble} after {seconds:.0f} s: try again later")
        time.sleep(pause)
        pause = min(1.5 * pause, 3.0)


@contextmanager
def translated_errors(name: str) -> Iterator[None]:
    """Raises ours for the SDK's, without its text, which may quote what was sent."""
    import httpx
    from pinecone import errors

    try:
        yield
    except (errors.UnauthorizedError, errors.ForbiddenError) as error:
        raise EngineDenied(
            f"Pinecone refuses the key, or its plan does not allow this (HTTP {error.status_code}):"
            " check PINECONE_API_KEY"
        ) from error
    except (errors.RateLimitError, errors.PaymentRequiredError) as error:
        raise EngineQuota(
            f"the limit of this Pinecone key or plan is used up (HTTP {error.status_code}): "
            "try again later"
        ) from error
    except errors.NotFoundError as error:
        raise CollectionNotFound(f"the Pinecone index {name!r} is gone: open it again") from error
    except (errors.PineconeValueError, errors.PineconeTypeError) as error:
        raise EngineUnsupported("Pinecone's SDK cannot send this request") from error
    except errors.ApiError as error:
        if error.status_code in (400, 413):
            raise EngineUnsupported(
                f"Pinecone refuses this request (HTTP {error.status_code})"
            ) from error
        raise EngineUnavailable(
            f"Pinecone does not answer (HTTP {error.status_code}): try again later"
        ) from error
    except (errors.PineconeError, httpx.HTTPError, httpx.InvalidURL) as error:
        raise EngineUnavailable(
            f"Pinecone does not answer, or too slowly ({type(error).__name__}): try again later"
        ) from error


def _described(client: Pinecone, name: str) -> IndexModel | None:
    from pinecone.errors import NotFoundError

    # `has_index` is this call, and forgets the answer.
    with translated_errors(name), suppress(NotFoundError):
        return client.describe_index(name)
    return None


def _create(client: Pinecone, name: str, engine: Engine, dimension: int) -> None:
    from pinecone import ServerlessSpec
    from pinecone.errors import ConflictError

    # A conflict: another process has just made it.
    with translated_errors(name), suppress(ConflictError):
        client.create_index(
            name=name,
            dimension=dimension,
            metric=METRIC,
            spec=ServerlessSpec(cloud=engine.cloud, region=engine.region),
            timeout=-1,
        )


def _ready(client: Pinecone, name: str) -> IndexModel:
    found: list[IndexModel] = []

    def ready() -> bool:
        model = _described(client, name)
        if model is not None and model.status.state in _LOST:
            raise EngineUnavailable(f"the Pinecone index {name!r} is {model.status.state}")
        if model is not None and model.status.ready and model.host:
            found.append(model)
        return bool(found)

    wait_until(ready, READY_SECONDS, f"the Pinecone index {name!r} is not ready")
    return found[0]
