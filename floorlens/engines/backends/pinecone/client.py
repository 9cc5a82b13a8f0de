"""Pinecone's SDK: its control plane, waiting for what it makes, and our errors for its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from floorlens.engines import CollectionSpec, Engine, Mode
from floorlens.engines.opening import not_found_error
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
READY_SECONDS = 300.0
"""How long an index may take to be made."""
# States of an index that do not improve by waiting.
_LOST = ("InitializationFailed", "Terminating", "Disabled")
# The SDK tries four times, which its data plane lets nobody change. Our timeout is for all four.
_ATTEMPTS = 4


@contextmanager
def connect(engine: Engine) -> Iterator[Pinecone]:
    """Yields the client of Pinecone's control plane, and closes it afterwards.

    Raises:
        EngineDenied: there is no key, or it has characters that no key has.
        EngineUnavailable: the address of the control plane is not an address.
        MissingDependency: the extra `pinecone` is not installed.

    Example:
        >>> with connect(Engine("pinecone", api_key="pcsk_...")) as client:  # doctest: +SKIP
        ...     client.list_indexes()
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
        raise EngineDenied(
            "PINECONE_API_KEY holds characters that no key has: copy it again"
        ) from error
    except (ValueError, InvalidURL) as error:
        raise EngineUnavailable(
            "FLOORLENS_INDEX_URL (or PINECONE_CONTROLLER_HOST) is not an address: remove it, or "
            "give one such as https://api.pinecone.io"
        ) from error
    try:
        yield client
    finally:
        client.close()


def prepare_index(
    client: Pinecone, name: str, engine: Engine, spec: CollectionSpec, mode: Mode
) -> str:
    """Returns the address of an index's data plane. An absent index is made and waited for.

    Raises:
        CollectionNotFound: there is no such index, and the mode does not make one.
        EngineMismatch: it has another dimension or metric, and the mode is not "inspect".
        EngineUnavailable: it is not ready in time, or never will be.

    Example:
        >>> spec = CollectionSpec("floors", 96, "stamp")
        >>> with connect(engine) as client:  # doctest: +SKIP
        ...     prepare_index(client, "floorlens-96", engine, spec, "create")
        'floorlens-96-1a2b3c4.svc.aped-4627-b74a.pinecone.io'
    """
    if _describe(client, name) is None:
        if mode in ("existing", "inspect"):
            raise not_found_error(engine, f"{name}/{engine.namespace or spec.name}")
        _create(client, name, engine, spec.dimension)
    model = _wait_for_index(client, name)
    dimension, metric = getattr(model, "dimension", None), getattr(model, "metric", None)
    if mode != "inspect" and (dimension, metric) != (spec.dimension, METRIC):
        raise EngineMismatch(
            f"the Pinecone index {name!r} is of dimension {dimension} and metric {metric}, and not "
            f"of {spec.dimension} and {METRIC}: name another one in FLOORLENS_INDEX_NAME"
        )
    return f"{model.host}"


def wait_until(condition: Callable[[], bool], seconds: float, problem: str) -> None:
    """Returns when a condition holds; it is checked less and less often.

    Raises:
        EngineUnavailable: it does not hold within that time; the message begins with `problem`.

    Example:
        >>> wait_until(lambda: True, seconds=5, problem="the index is not ready")
    """
    end, pause = time.monotonic() + seconds, 0.05
    while not condition():
        if time.monotonic() > end:
            raise EngineUnavailable(f"{problem} after {seconds:.0f} s: try again later")
        time.sleep(pause)
        pause = min(1.5 * pause, 3.0)


@contextmanager
def translate_errors(name: str) -> Iterator[None]:
    """Raises our errors for those of the SDK, without their text, which may quote the request.

    `name` is the index, for the messages.

    Example:
        >>> with translate_errors("floors"):  # doctest: +SKIP
        ...     index.query(vector=vector, top_k=10)
    """
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
        raise CollectionNotFound(
            f"the Pinecone index {name!r} was removed: open it again"
        ) from error
    except (errors.PineconeValueError, errors.PineconeTypeError) as error:
        raise EngineUnsupported(
            "Pinecone's SDK cannot send this request: simplify the filter or the metadata"
        ) from error
    except errors.ApiError as error:
        if error.status_code in (400, 413):
            raise EngineUnsupported(
                f"Pinecone refuses this request (HTTP {error.status_code}): simplify the filter "
                "or the metadata"
            ) from error
        raise EngineUnavailable(
            f"Pinecone does not answer (HTTP {error.status_code}): try again later"
        ) from error
    except (errors.PineconeError, httpx.HTTPError, httpx.InvalidURL) as error:
        raise EngineUnavailable(
            f"Pinecone does not answer, or too slowly ({type(error).__name__}): try again later"
        ) from error


def _describe(client: Pinecone, name: str) -> IndexModel | None:
    from pinecone.errors import NotFoundError

    # `has_index` makes the same call and drops the answer.
    with translate_errors(name), suppress(NotFoundError):
        return client.describe_index(name)
    return None


def _create(client: Pinecone, name: str, engine: Engine, dimension: int) -> None:
    from pinecone import ServerlessSpec
    from pinecone.errors import ConflictError

    # A conflict means that another process has just made it.
    with translate_errors(name), suppress(ConflictError):
        client.create_index(
            name=name,
            dimension=dimension,
            metric=METRIC,
            spec=ServerlessSpec(cloud=engine.cloud, region=engine.region),
            timeout=-1,
        )


def _wait_for_index(client: Pinecone, name: str) -> IndexModel:
    """Returns the description of an index as soon as it is ready."""
    models: list[IndexModel] = []

    def is_ready() -> bool:
        model = _describe(client, name)
        if model is not None and model.status.state in _LOST:
            raise EngineUnavailable(
                f"the Pinecone index {name!r} is {model.status.state}: name another one in "
                "FLOORLENS_INDEX_NAME"
            )
        if model is not None and model.status.ready and model.host:
            models.append(model)
        return bool(models)

    wait_until(is_ready, READY_SECONDS, f"the Pinecone index {name!r} is not ready")
    return models[0]
