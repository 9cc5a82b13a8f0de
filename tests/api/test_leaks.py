"""No answer names a place of the server, shows an exception or a trace: every route, every error.

The routes are those of the description, so that a new one is tried by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")

from floorlens.api.description import operations
from floorlens.errors import (
    CatalogueError,
    EngineUnavailable,
    FloorlensError,
    ImageError,
    MissingDependency,
    StateError,
)

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    Serving = Callable[..., TestClient]

pytestmark = pytest.mark.slow

SECRET = "/srv/private/catalogue.sqlite of postgresql://me:hunter2@db.internal"
# Names of ours, of Python and of libraries that a text for strangers has no use for.
INSIDE = re.compile(
    r"Traceback|\.py\b|site-packages|sqlalchemy|sqlite3|pydantic|starlette|fastapi|uvicorn|"
    r"hunter2|/srv/|db\.internal|Errno|Error\(|Exception|object at 0x",
    re.IGNORECASE,
)
PATHS = ("oak", "nobody", "..%2F..%2Fetc%2Fpasswd", "%00", "%FF", "a" * 300, "%F0%9F%90%88")
QUERIES = ("", "?limit=0", "?limit=x&width=-1&index=1e9&expires=&cursor=%00", "?width=64&index=7")


class Failing:
    """Whatever is asked of it raises."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        raise self._error


def requests(client: TestClient, room: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yields method, address and arguments of many requests to each route."""
    document = client.get("/openapi.json").json()
    form = {"file": ("../../etc/passwd", room.read_bytes(), "image/png")}
    bodies: tuple[dict[str, Any], ...] = (
        {},
        {"files": form},
        {"files": {"file": ("a.jpg", b"\xff\xd8\xff nothing", "image/jpeg")}},
        {"files": form, "data": {"limit": "x", "where": "{", "region": "[[[", "box": "1,2"}},
        {"json": {}},
        {"json": {"unknown": SECRET, "photos": ["!"], "products": [{"id": None}]}},
        {"content": b"{", "headers": {"Content-Type": "application/json"}},
        {"content": b"\xff\xfe", "headers": {"Content-Type": "application/json"}},
        {"content": b"--b", "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
        {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}},
        {"content": b"x" * 400_000},
    )
    for path, item in document["paths"].items():
        for method, operation in operations({"paths": {path: item}}):
            names = PATHS if "{" in path else PATHS[:1]
            for name in names:
                for query in QUERIES:
                    address = re.sub(r"\{[^}]+\}", name, path) + query
                    if "requestBody" not in operation:
                        yield method, address, {}
                    elif query == QUERIES[0] or name == PATHS[0]:
                        yield from ((method, address, body) for body in bodies)


def check(answer: Any, *places: Path) -> None:
    """Checks one answer: its body if it is an error, and its headers."""
    facts = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    if answer.status_code >= 400:
        facts += "\n" + answer.text
    assert not INSIDE.search(facts), facts
    for place in places:
        assert str(place) not in facts


def test_nothing_that_is_sent_brings_the_inside_out(
    client: TestClient, room: Path, tmp_path: Path
) -> None:
    statuses = set()
    for method, address, arguments in requests(client, room):
        answer = client.request(method, address, **arguments)
        check(answer, tmp_path)
        assert answer.status_code != 500, (method, address, arguments)
        statuses.add(answer.status_code)
    assert {200, 404, 413, 415, 422} <= statuses


ERRORS: dict[str, Exception] = {
    "RuntimeError": RuntimeError(SECRET),
    "OSError": OSError(2, "No such file or directory", "/srv/private"),
    "KeyError": KeyError(SECRET),
    "UnicodeDecodeError": UnicodeDecodeError("utf-8", SECRET.encode(), 0, 1, SECRET),
    "FloorlensError": FloorlensError(SECRET),
    "ImageError": ImageError(SECRET),
    "CatalogueError": CatalogueError(SECRET),
    "EngineUnavailable": EngineUnavailable(SECRET),
    "StateError": StateError(SECRET),
    "MissingDependency": MissingDependency(SECRET),
}


@pytest.mark.parametrize("name", ERRORS)
def test_nothing_that_fails_shows_why(
    serving: Serving, room: Path, tmp_path: Path, name: str
) -> None:
    """Whatever the catalogue, its models and what the service keeps raise."""
    client = serving()
    service = client.app.state.service  # type: ignore[attr-defined]
    failing = Failing(ERRORS[name])
    kept = service.lens, service.store
    service.lens = service.store = failing
    try:
        statuses = set()
        for method, address, arguments in requests(client, room):
            if re.search(r"nobody|[?%]|aaa", address) or not set(arguments) <= {"files", "json"}:
                continue
            answer = client.request(method, address, **arguments)
            check(answer, tmp_path)
            statuses.add(answer.status_code)
            if answer.status_code >= 400 and not address.startswith("/readyz"):
                assert answer.json()["request_id"] == answer.headers["x-request-id"]
    finally:
        service.lens, service.store = kept
    assert getattr(ERRORS[name], "status", 500) in statuses


def test_a_text_of_the_inside_is_noticed() -> None:
    for text in (SECRET, 'File "a.py"', "[Errno 2]", "<object at 0x7f>", "pydantic"):
        assert INSIDE.search(text)
