"""`Client` and `AsyncClient`: they send the calls that other modules build."""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import update_wrapper
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from floorlens.client import jobs as job_calls
from floorlens.client import products as product_calls
from floorlens.client import searches as search_calls
from floorlens.client import state as state_calls
from floorlens.client.answers import Job
from floorlens.client.attempts import Attempts, Patience, Silence
from floorlens.client.calls import Answer, Call, Page, refusal_of
from floorlens.client.events import MEDIA_TYPE, Events
from floorlens.errors import InputError, MissingDependency, ServiceUnreachable, SettingsError

if TYPE_CHECKING:
    import httpx

P = ParamSpec("P")
T = TypeVar("T")

DEFAULT_URL = "http://127.0.0.1:8000"
_CONNECT_SECONDS = 5.0
KEEP_SECONDS = 4.0
"""Shorter than the service keeps an idle connection: a request on one that it closes is lost."""
_MOST_CONNECTIONS, _MOST_IDLE = 100, 20


class _Connection:
    """Where a service is, and how it is asked; shared by both clients."""

    def __init__(self, url: str | None, key: str | None, timeout: float, patience: Patience):
        try:
            import httpx
        except ImportError as error:
            raise MissingDependency(
                "the client needs httpx, which is not installed: pip install 'floorlens[client]'"
            ) from error
        given = url if url is not None else os.environ.get("FLOORLENS_API_URL") or DEFAULT_URL
        key = key if key is not None else os.environ.get("FLOORLENS_API_KEY")
        wrong = f"{given!r} is not an address: use http://HOST:PORT"
        try:
            parsed = httpx.URL(given)
        except httpx.InvalidURL as error:
            raise SettingsError(wrong) from error
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise SettingsError(wrong)
        if key and not key.isascii():
            raise SettingsError("the API key is none: it has letters that no key has")
        # Without a password, since this URL is shown.
        self.url = str(parsed.copy_with(username=None, password=None)).rstrip("/")
        self.patience = patience
        headers = {"X-API-Key": key.strip()} if key and key.strip() else {}
        if headers and not parsed.userinfo:
            headers = {"Authorization": f"Bearer {headers['X-API-Key']}"}
        self.options: dict[str, Any] = {
            "base_url": parsed,
            "headers": {"Accept": "*/*", "User-Agent": "floorlens", **headers},
            "timeout": httpx.Timeout(timeout, connect=_CONNECT_SECONDS),
            "limits": connection_limits(),
            # A proxy for the internet cannot reach this machine.
            "trust_env": parsed.host not in ("127.0.0.1", "localhost", "::1"),
        }

    def attempts(self, call: Call[Any]) -> Attempts:
        return Attempts(self.patience, repeatable=call.repeatable)

    @contextmanager
    def request(self, call: Call[Any]) -> Iterator[dict[str, Any]]:
        """Yields the arguments of a request, with the files open that it sends."""
        arguments: dict[str, Any] = {"method": call.method, "url": call.path}
        if call.progress is not None:
            arguments["headers"] = {"Accept": MEDIA_TYPE}
        if call.params:
            arguments["params"] = dict(call.params)
        if call.json is not None:
            arguments["json"] = call.json
        if call.form:
            arguments["data"] = dict(call.form)
        with ExitStack() as stack:
            if call.parts:
                try:
                    arguments["files"] = [
                        (
                            part.field,
                            (
                                part.name,
                                part.content
                                if isinstance(part.content, bytes)
                                else stack.enter_context(part.content.open("rb")),
                            ),
                        )
                        for part in call.parts
                    ]
                except OSError as error:
                    raise InputError(f"{error.filename}: {error.strerror}") from error
            yield arguments

    def answer(self, status: int, headers: Mapping[str, str], content: bytes) -> Answer:
        """Returns an answer as the calls read it."""
        return Answer(
            status, {name.lower(): one for name, one in headers.items()}, content, self.url
        )

    def wait_or_raise(self, attempts: Attempts, error: Exception) -> float:
        """Returns how long to wait before the next attempt, after one without an answer.

        Raises:
            ServiceUnreachable: there is none.
        """
        silence = silence_of(error)
        wait = attempts.after_silence(silence)
        if wait is not None:
            return wait
        if silence is Silence.TOO_SLOW:
            raise ServiceUnreachable(
                f"the service at {self.url} takes longer than the client waits: try again later, "
                "or give the client a longer timeout"
            ) from error
        raise ServiceUnreachable(
            f"nothing answers at {self.url}: start the service with `floorlens serve`, or set "
            "FLOORLENS_API_URL to its address"
        ) from error

    def result(self, call: Call[T], attempts: Attempts, answer: Answer) -> tuple[T] | float:
        """Returns the result of a call, or how long to wait before the next attempt.

        Raises:
            ServiceError: the service refuses.
        """
        if 200 <= answer.status < 300 or answer.status in call.statuses:
            return (call.read(answer),)
        wait = attempts.after(answer)
        if wait is None:
            raise refusal_of(answer)
        return wait


def connection_limits() -> httpx.Limits:
    """Returns how many connections to a service there may be at a time, and how long idle ones.

    Example:
        >>> connection_limits().keepalive_expiry
        4.0
    """
    import httpx

    return httpx.Limits(
        max_connections=_MOST_CONNECTIONS,
        max_keepalive_connections=_MOST_IDLE,
        keepalive_expiry=KEEP_SECONDS,
    )


def silence_of(error: Exception) -> Silence:
    """Returns what an error of httpx says of a request that got no answer.

    Example:
        >>> import httpx
        >>> silence_of(httpx.ConnectTimeout("")).name
        'NOT_SENT'
    """
    import httpx

    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return Silence.NOT_SENT
    if isinstance(error, httpx.TimeoutException):
        return Silence.TOO_SLOW
    ours = isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol)
    return (
        Silence.CUT_OFF if isinstance(error, httpx.HTTPError) and not ours else Silence.IMPOSSIBLE
    )


def _failures() -> tuple[type[Exception], ...]:
    import httpx

    # The last two are for impossible host names, which httpx only checks when it connects.
    return (httpx.HTTPError, httpx.InvalidURL, UnicodeError)


def _goes_to_file(call: Call[Any], response: httpx.Response) -> bool:
    return call.target is not None and response.is_success


def _in_parts(call: Call[Any], response: httpx.Response) -> Events | None:
    """Returns what reads an answer that comes in parts; None if it comes in one piece."""
    if call.progress is None or MEDIA_TYPE not in response.headers.get("content-type", ""):
        return None
    return Events(call.progress)


def _unwritable(call: Call[Any], error: OSError) -> InputError:
    return InputError(f"{call.target} cannot be written: {error.strerror}")


def _like(build: Callable[..., Any], method: Any, kind: str = "") -> Any:
    """Returns a method with name, text and parameters of the function that builds its call.

    Its result is what the call or page holds, in a `kind` of iterator if there is one.
    """
    own = inspect.signature(build)
    result = str(own.return_annotation).removeprefix("Call[").removeprefix("Page[")[:-1]
    self_ = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    update_wrapper(method, build)
    del method.__wrapped__
    method.__signature__ = own.replace(
        parameters=[self_, *own.parameters.values()],
        return_annotation=f"{kind}[{result}]" if kind else result,
    )
    return method


# -- one after the other -----------------------------------------------------------------------


def _sends(build: Callable[P, Call[T]]) -> Callable[Concatenate[Client, P], T]:
    """Returns the method of `Client` that sends the call that a function builds."""

    def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._send(build(*args, **kwargs))

    return _like(build, method)  # type: ignore[no-any-return]


def _yields(build: Callable[P, Page[T]]) -> Callable[Concatenate[Client, P], Iterator[T]]:
    """The same for the things of a list, page after page."""

    def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        page = build(*args, **kwargs)
        yield from page.items
        while page.following is not None:
            page = self._send(page.following)
            yield from page.items

    return _like(build, method, "Iterator")  # type: ignore[no-any-return]


class Client:
    """A Floorlens service. Several threads may use one client at a time.

    Every method raises ServiceUnreachable if nothing answers, and ServiceError if the service
    refuses: it has the service's `code`, `status`, text, `request_id` and `fields`. What does no
    harm if it is done twice is tried again while the service is busy or cannot be connected.

    Example:
        >>> with Client(client.url, key="the secret of a key") as shop:
        ...     shop.search("room.jpg").matches[0].id
        'oak-natural-plank'
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        key: str | None = None,
        timeout: float = 60.0,
        retries: int = 4,
        deadline: float = 60.0,
    ) -> None:
        """Connects at the first call.

        Args:
            url: of the service; None: FLOORLENS_API_URL, or http://127.0.0.1:8000.
            key: an API key; None: FLOORLENS_API_KEY. A service without keys needs none.
            timeout: seconds that the service may be silent.
            retries: how often a call is tried again, at most.
            deadline: so many seconds after its start a call is not tried again any more.

        Raises:
            SettingsError: that is no address, or no key.
            MissingDependency: the extra `[client]` is not installed.
        """
        import httpx

        self._connection = _Connection(url, key, timeout, Patience(retries, deadline))
        self._failures = _failures()
        self._http = httpx.Client(**self._connection.options)

    @property
    def url(self) -> str:
        """The address of the service, without a password."""
        return self._connection.url

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _send(self, call: Call[T]) -> T:
        attempts = self._connection.attempts(call)
        while True:
            try:
                result = self._connection.result(call, attempts, self._answer(call))
            except self._failures as error:
                result = self._connection.wait_or_raise(attempts, error)
            if isinstance(result, tuple):
                return result[0]
            time.sleep(result)

    def _answer(self, call: Call[Any]) -> Answer:
        with (
            self._connection.request(call) as arguments,
            self._http.stream(**arguments) as response,
        ):
            if (events := _in_parts(call, response)) is not None:
                for line in response.iter_lines():
                    events.feed(line)
                return events.answer(self.url)
            content = b""
            if _goes_to_file(call, response):
                try:
                    with call.target.open("wb") as file:  # type: ignore[union-attr]
                        for chunk in response.iter_bytes():
                            file.write(chunk)
                except OSError as error:
                    raise _unwritable(call, error) from error
            else:
                content = response.read()
            return self._connection.answer(response.status_code, response.headers, content)

    search = _sends(search_calls.search)
    refine = _sends(search_calls.refine)
    get_search = _sends(search_calls.get_search)
    matches = _yields(search_calls.matches)
    search_facets = _sends(search_calls.search_facets)
    search_photo = _sends(search_calls.search_photo)
    floor_picture = _sends(search_calls.floor_picture)
    patch_picture = _sends(search_calls.patch_picture)
    matches_csv = _sends(search_calls.matches_csv)
    matches_pdf = _sends(search_calls.matches_pdf)
    compare = _sends(search_calls.compare)
    comparison_picture = _sends(search_calls.comparison_picture)
    scaled_floor = _sends(search_calls.scaled_floor)
    scaled_product = _sends(search_calls.scaled_product)
    find_floor = _sends(search_calls.find_floor)
    mask = _sends(search_calls.mask)
    give_feedback = _sends(search_calls.give_feedback)
    take_feedback_back = _sends(search_calls.take_feedback_back)
    list_feedback = _sends(search_calls.list_feedback)
    remarks = _yields(search_calls.remarks)
    export_feedback = _sends(search_calls.export_feedback)
    delete_feedback = _sends(search_calls.delete_feedback)
    list_products = _sends(product_calls.list_products)
    products = _yields(product_calls.products)
    get_product = _sends(product_calls.get_product)
    add_product = _sends(product_calls.add_product)
    change_product = _sends(product_calls.change_product)
    delete_product = _sends(product_calls.delete_product)
    product_image = _sends(product_calls.product_image)
    similar_products = _sends(product_calls.similar_products)
    product_facets = _sends(product_calls.product_facets)
    product_variants = _sends(product_calls.product_variants)
    start_import = _sends(job_calls.start_import)
    start_adaptation = _sends(job_calls.start_adaptation)
    start_rebuild = _sends(job_calls.start_rebuild)
    start_evaluation = _sends(job_calls.start_evaluation)
    evaluation_picture = _sends(job_calls.evaluation_picture)
    list_jobs = _sends(job_calls.list_jobs)
    get_job = _sends(job_calls.get_job)
    job_rows = _yields(job_calls.job_rows)
    cancel_job = _sends(job_calls.cancel_job)
    status = _sends(state_calls.status)
    key_state = _sends(state_calls.key_state)
    health = _sends(state_calls.health)
    readiness = _sends(state_calls.readiness)
    metrics = _sends(state_calls.metrics)

    def wait(
        self, job: Job, progress: Callable[[Job], object] | None = None, *, every: float = 1.0
    ) -> Job:
        """Waits until a job has ended, and returns it: done, or cancelled.

        Args:
            job: the job.
            progress: called with the job each time that the service was asked.
            every: seconds between two questions.

        Raises:
            ServiceError: the job failed; `code` says why. Or the service refuses.
            ServiceUnreachable: no service answers any more; the job goes on without a client.

        Example:
            >>> client.wait(client.cancel_job(client.start_rebuild()), every=0.1).has_ended
            True
        """
        while True:
            if progress is not None:
                progress(job)
            if job.has_ended:
                break
            time.sleep(every)
            job = self.get_job(job.kind, job.id)
        if (failure := job_calls.failure_of(job)) is not None:
            raise failure
        return job


# -- many at a time ----------------------------------------------------------------------------


def _awaits(build: Callable[P, Call[T]]) -> Callable[Concatenate[AsyncClient, P], Awaitable[T]]:
    """Returns the method of `AsyncClient` that sends the call that a function builds."""

    async def method(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        # Files are read here, not where the event loop runs.
        call = await asyncio.to_thread(lambda: build(*args, **kwargs))
        return await self._send(call)

    return _like(build, method)  # type: ignore[no-any-return]


def _iterates(
    build: Callable[P, Page[T]],
) -> Callable[Concatenate[AsyncClient, P], AsyncIterator[T]]:
    """The same for the things of a list, page after page."""

    async def method(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        page = build(*args, **kwargs)
        for item in page.items:
            yield item
        while page.following is not None:
            page = await self._send(page.following)
            for item in page.items:
                yield item

    return _like(build, method, "AsyncIterator")  # type: ignore[no-any-return]


class AsyncClient:
    """A Floorlens service, asked by `await`. The methods are those of `Client`.

    Example:
        >>> import asyncio
        >>> async def closest(*photos):
        ...     async with AsyncClient(client.url) as shop:
        ...         pages = await asyncio.gather(*(shop.search(photo) for photo in photos))
        ...         return [page.matches[0].id for page in pages]
        >>> asyncio.run(closest("room.jpg", "room.jpg"))
        ['oak-natural-plank', 'oak-natural-plank']
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        key: str | None = None,
        timeout: float = 60.0,
        retries: int = 4,
        deadline: float = 60.0,
    ) -> None:
        """Arguments and errors are those of `Client`."""
        import httpx

        self._connection = _Connection(url, key, timeout, Patience(retries, deadline))
        self._failures = _failures()
        self._http = httpx.AsyncClient(**self._connection.options)

    @property
    def url(self) -> str:
        """The address of the service, without a password."""
        return self._connection.url

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _send(self, call: Call[T]) -> T:
        attempts = self._connection.attempts(call)
        while True:
            try:
                result = self._connection.result(call, attempts, await self._answer(call))
            except self._failures as error:
                result = self._connection.wait_or_raise(attempts, error)
            if isinstance(result, tuple):
                return result[0]
            await asyncio.sleep(result)

    async def _answer(self, call: Call[Any]) -> Answer:
        with self._connection.request(call) as arguments:
            async with self._http.stream(**arguments) as response:
                if (events := _in_parts(call, response)) is not None:
                    async for line in response.aiter_lines():
                        events.feed(line)
                    return events.answer(self.url)
                content = b""
                if _goes_to_file(call, response):
                    try:
                        with call.target.open("wb") as file:  # type: ignore[union-attr]
                            async for chunk in response.aiter_bytes():
                                file.write(chunk)
                    except OSError as error:
                        raise _unwritable(call, error) from error
                else:
                    content = await response.aread()
                return self._connection.answer(response.status_code, response.headers, content)

    search = _awaits(search_calls.search)
    refine = _awaits(search_calls.refine)
    get_search = _awaits(search_calls.get_search)
    matches = _iterates(search_calls.matches)
    search_facets = _awaits(search_calls.search_facets)
    search_photo = _awaits(search_calls.search_photo)
    floor_picture = _awaits(search_calls.floor_picture)
    patch_picture = _awaits(search_calls.patch_picture)
    matches_csv = _awaits(search_calls.matches_csv)
    matches_pdf = _awaits(search_calls.matches_pdf)
    compare = _awaits(search_calls.compare)
    comparison_picture = _awaits(search_calls.comparison_picture)
    scaled_floor = _awaits(search_calls.scaled_floor)
    scaled_product = _awaits(search_calls.scaled_product)
    find_floor = _awaits(search_calls.find_floor)
    mask = _awaits(search_calls.mask)
    give_feedback = _awaits(search_calls.give_feedback)
    take_feedback_back = _awaits(search_calls.take_feedback_back)
    list_feedback = _awaits(search_calls.list_feedback)
    remarks = _iterates(search_calls.remarks)
    export_feedback = _awaits(search_calls.export_feedback)
    delete_feedback = _awaits(search_calls.delete_feedback)
    list_products = _awaits(product_calls.list_products)
    products = _iterates(product_calls.products)
    get_product = _awaits(product_calls.get_product)
    add_product = _awaits(product_calls.add_product)
    change_product = _awaits(product_calls.change_product)
    delete_product = _awaits(product_calls.delete_product)
    product_image = _awaits(product_calls.product_image)
    similar_products = _awaits(product_calls.similar_products)
    product_facets = _awaits(product_calls.product_facets)
    product_variants = _awaits(product_calls.product_variants)
    start_import = _awaits(job_calls.start_import)
    start_adaptation = _awaits(job_calls.start_adaptation)
    start_rebuild = _awaits(job_calls.start_rebuild)
    start_evaluation = _awaits(job_calls.start_evaluation)
    evaluation_picture = _awaits(job_calls.evaluation_picture)
    list_jobs = _awaits(job_calls.list_jobs)
    get_job = _awaits(job_calls.get_job)
    job_rows = _iterates(job_calls.job_rows)
    cancel_job = _awaits(job_calls.cancel_job)
    status = _awaits(state_calls.status)
    key_state = _awaits(state_calls.key_state)
    health = _awaits(state_calls.health)
    readiness = _awaits(state_calls.readiness)
    metrics = _awaits(state_calls.metrics)

    async def wait(
        self, job: Job, progress: Callable[[Job], object] | None = None, *, every: float = 1.0
    ) -> Job:
        """Waits until a job has ended, and returns it; as `Client.wait`."""
        while True:
            if progress is not None:
                progress(job)
            if job.has_ended:
                break
            await asyncio.sleep(every)
            job = await self.get_job(job.kind, job.id)
        if (failure := job_calls.failure_of(job)) is not None:
            raise failure
        return job
