"""One request of a client, and how its answer is read. Nothing is sent here."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from floorlens.errors import ServiceError, ServiceUnreachable

T = TypeVar("T")


class HasCursor(Protocol):
    """An answer that is a page of a list."""

    @property
    def next_cursor(self) -> str | None:
        """Where the next page begins; None after the last one."""


P = TypeVar("P", bound=HasCursor)


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        status: of HTTP.
        headers: name in lower case -> value.
        content: the body.
        base: the address of the service, without a slash at its end.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes
    base: str

    def json(self) -> Any:
        """Returns the body as a value of JSON.

        Raises:
            ServiceError: it is none, so that no service of ours has answered.
        """
        try:
            return json.loads(self.content)
        except ValueError as error:
            raise foreign_answer(self) from error


@dataclass(frozen=True)
class Part:
    """A file of a form: its field, what it is called, and its bytes or where they lie."""

    field: str
    name: str
    content: bytes | Path


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request, and how its answer is read.

    Attributes:
        method: of HTTP.
        path: below the address of the service.
        read: makes the result of an answer of a status that is expected.
        params: of the address.
        json: the body as a value of JSON; None: there is none.
        form: the fields of a multipart form.
        parts: its files.
        statuses: that are expected beside 2xx.
        repeatable: whether it does no harm if it is done twice.
        target: the file that the body of the answer is written to.
        progress: called with the name of each stage when it begins.
    """

    method: str
    path: str
    read: Callable[[Answer], T]
    params: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    statuses: tuple[int, ...] = ()
    repeatable: bool = True
    target: Path | None = None
    progress: Callable[[str], object] | None = None


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some things of a list, and the call for the next ones; None: these are the last."""

    items: tuple[T, ...]
    following: Call[Page[T]] | None


def paged(
    ask: Callable[[str | None], Call[P]],
    items: Callable[[P], tuple[T, ...]],
    first: P | None = None,
) -> Page[T]:
    """Returns the things of a list that comes in pages, each asked for when it is needed.

    Args:
        ask: returns the call for the page at a cursor; None: for the first one.
        items: returns the things of a page.
        first: the first page, if it is there already.

    Example:
        >>> from floorlens.client.products import list_products
        >>> oaks = paged(lambda cursor: list_products(cursor=cursor), lambda page: page.products)
        >>> oaks.items, oaks.following.path
        ((), '/v1/products')
    """

    def page(part: P) -> Page[T]:
        cursor = part.next_cursor
        return Page(items(part), None if cursor is None else following(cursor))

    def following(cursor: str | None) -> Call[Page[T]]:
        call = ask(cursor)
        return Call(call.method, call.path, lambda one: page(call.read(one)), params=call.params)

    return Page((), following(None)) if first is None else page(first)


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns those of some values that are not None.

    Example:
        >>> given({"limit": "20", "cursor": None})
        {'limit': '20'}
    """
    return {name: value for name, value in values.items() if value is not None}


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def reader(kind: type[T]) -> Callable[[Answer], T]:
    """Returns a function that reads an answer of JSON as an object of a class.

    It raises ServiceError if the answer lacks a field of the class.

    Example:
        >>> from floorlens.client.answers import Readiness
        >>> body = b'{"ready": true, "parts": {"models": true}, "new": 1}'
        >>> reader(Readiness)(Answer(200, {}, body, "http://127.0.0.1:8000"))
        Readiness(ready=True, parts={'models': True})
    """

    adapter = _adapter(cast(Hashable, kind))

    def read(answer: Answer) -> T:
        try:
            value: T = adapter.validate_python(answer.json(), context={"base": answer.base})
        except ValidationError as error:
            raise foreign_answer(answer) from error
        return value

    return read


def content_of(answer: Answer) -> bytes:
    """Returns the bytes of an answer.

    Example:
        >>> content_of(Answer(200, {}, b"png", "http://127.0.0.1:8000"))
        b'png'
    """
    return answer.content


def text_of(answer: Answer) -> str:
    """Returns the text of an answer, in UTF-8.

    Example:
        >>> text_of(Answer(200, {}, b"id,score", "http://127.0.0.1:8000"))
        'id,score'
    """
    return answer.content.decode("utf-8", "replace")


def nothing_of(answer: Answer) -> None:
    """Returns None: that the answer came is all there is to know.

    Example:
        >>> nothing_of(Answer(204, {}, b"", "http://127.0.0.1:8000"))
    """


def refusal_of(answer: Answer) -> ServiceError:
    """Returns the error of an answer that is none of those expected.

    Example:
        >>> body = b'{"code": "busy", "detail": "Try later.", "request_id": "x", "errors": []}'
        >>> refusal_of(Answer(503, {}, body, "http://127.0.0.1:8000")).code
        'busy'
    """
    try:
        body = json.loads(answer.content)
        return ServiceError(
            str(body["detail"]),
            str(body["code"]),
            status=answer.status,
            request_id=body.get("request_id"),
            fields={str(one["field"]): str(one["message"]) for one in body.get("errors", ())},
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return foreign_answer(answer)


def foreign_answer(answer: Answer) -> ServiceError:
    """Returns the error of an answer that no service of ours gives.

    Example:
        >>> str(foreign_answer(Answer(404, {}, b"<html>", "http://127.0.0.1:8000")))[:44]
        'the program at http://127.0.0.1:8000 is not '
    """
    if answer.status in (502, 503, 504):
        # A proxy answers because the service behind it does not.
        return ServiceUnreachable(
            f"a proxy answers at {answer.base}, but the service behind it does not: start that "
            "service, or ask its operator",
            status=answer.status,
        )
    return ServiceError(
        f"the program at {answer.base} is not a Floorlens service (status {answer.status}): "
        "check the address (FLOORLENS_API_URL)",
        status=answer.status,
    )
