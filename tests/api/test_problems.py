"""Errors as answers: every error has a public text, and no text names anything of the server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")

import floorlens.api
from floorlens import errors
from floorlens.api.problems import TEXTS, problem
from floorlens.errors import FloorlensError
from floorlens.settings import Settings

PACKAGE = Path(floorlens.api.__file__).parent


def tree(kind: type[FloorlensError] = FloorlensError) -> Iterator[type[FloorlensError]]:
    """Yields an error class and all its subclasses."""
    yield kind
    for below in kind.__subclasses__():
        yield from tree(below)


ALL = [kind for kind in tree() if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_has_a_public_text(kind: type[FloorlensError]) -> None:
    """A new class without one would answer with the text of another."""
    assert kind.code in TEXTS
    assert 400 <= kind.status < 600


def test_the_walk_reaches_every_error() -> None:
    """So that the test above cannot pass on an empty list."""
    classes = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, FloorlensError)
    ]
    assert set(ALL) == set(classes)
    assert len(ALL) > 20


def test_every_code_that_the_service_refuses_with_has_a_text() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    codes = set(re.findall(r'(?:Refusal|problem)\(\s*\d+,\s*"([a-z-]+)"', sources))
    assert {"upload-too-large", "file-missing", "image-not-found", "internal"} <= codes
    assert codes <= set(TEXTS)


def documented() -> dict[str, set[int]]:
    """Returns code -> its statuses, of the table in docs/service.md."""
    text = (PACKAGE.parents[1] / "docs" / "service.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| ([0-9, ]+) \| .+ \|$", text, re.MULTILINE)
    assert len(rows) == len({code for code, _ in rows}), "a code stands there twice"
    return {code: {int(status) for status in statuses.split(",")} for code, statuses in rows}


def test_every_code_is_documented_with_its_status_and_none_else() -> None:
    """Clients are written by that table."""
    statuses: dict[str, set[int]] = {code: set() for code in TEXTS}
    for kind in ALL:
        statuses[kind.code].add(kind.status)
    sources = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    for status, code in re.findall(r'(?:efusal|problem)\(\s*(\d+),\s*"([a-z-]+)"', sources):
        statuses[code].add(int(status))
    # What Starlette itself raises: an unknown address or method, a form that is broken.
    statuses["not-found"].add(404)
    statuses["method-not-allowed"].add(405)
    statuses["request-invalid"].add(400)
    # Of the table of limits, by path.
    statuses["import-too-large"].add(413)
    # Of a job, and never the code of an answer.
    assert statuses.pop("job-crashed") == set()
    assert documented() == statuses


@pytest.mark.parametrize("code", TEXTS)
def test_texts_name_the_limits_and_nothing_else(code: str) -> None:
    """No braces are left, the sentence ends, and the numbers are those of the settings."""
    body = problem(
        400, code, Settings(max_megapixels=12.5, max_upload_mb=3, max_import_mb=3), "id"
    ).body
    text = str(json.loads(bytes(body))["detail"])
    assert not re.search(r"megapixels\}|megabytes\}", text)
    assert text.endswith(".")
    if "too-large" in code:
        assert ("12.5" if code == "image-too-large" else "3 MB") in text
