"""The log: a line for each request, with what an operator needs and nothing of the pictures."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")

from floorlens.api.logs import JsonLines, Requests, TextLines, configuration
from floorlens.api.metrics import Metrics
from floorlens.service.keys import Keys
from floorlens.settings import Settings

if TYPE_CHECKING:
    from starlette.testclient import TestClient

pytestmark = pytest.mark.slow


def facts(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [record.facts for record in caplog.records if hasattr(record, "facts")]


def test_a_search_is_logged_with_its_stages(
    client: TestClient, room: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "floorlens.api.access")
    answer = client.post("/search", files={"file": room.read_bytes()})
    (line,) = facts(caplog)
    assert line["request_id"] == answer.headers["x-request-id"]
    assert (line["method"], line["route"], line["status"]) == ("POST", "/search", 200)
    assert line["code"] is None
    assert line["bytes"] == len(answer.content)
    assert {"decode", "segment", "normalise", "embed", "retrieve", "total"} <= set(line["stages"])
    assert 0 < line["stages"]["total"] <= line["seconds"]


def test_a_refusal_is_logged_with_its_code(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    """And by the pattern of its route: ids of products would fill the metrics."""
    caplog.set_level(logging.INFO, "floorlens.api.access")
    client.post("/search", files={"file": b"no picture"})
    client.get("/v1/products/none/image")
    client.get("/nowhere")
    assert [(line["route"], line["status"], line["code"]) for line in facts(caplog)] == [
        ("/search", 415, "image-unreadable"),
        ("/v1/products/{product_id:path}/image", 404, "product-not-found"),
        ("none", 404, "not-found"),
    ]


def test_the_key_is_logged_by_its_id_and_never_its_secret(
    serving: Callable[..., TestClient], keys: Keys, room: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor the signature of an address."""
    caplog.set_level(logging.DEBUG)
    client = serving(no_auth=None)
    key, secret = keys.create("shop", ["search"])
    own = {"Authorization": f"Bearer {secret}"}
    client.post("/v1/mask", files={"photo": room.read_bytes()}, headers=own)
    client.post("/v1/mask", headers={"X-API-Key": secret[:-1]})
    url = client.app.state.service.image_url("oak", 64)  # type: ignore[attr-defined]
    assert client.get(url).status_code == 200
    lines = [(line["status"], line["code"], line["key_id"]) for line in facts(caplog)]
    assert lines == [(200, None, key.id), (401, "key-invalid", None), (200, None, None)]
    ours = [record for record in caplog.records if record.name.startswith("floorlens")]
    text = "".join(JsonLines().format(record) for record in ours)
    assert secret[-43:][:20] not in text
    assert url.rpartition("=")[2] not in text


@pytest.mark.parametrize(("parts", "status"), [(2, 200), (1, 499)])
def test_who_goes_with_the_whole_answer_was_served(
    settings: Settings, caplog: pytest.LogCaptureFixture, parts: int, status: int
) -> None:
    """Something may be tidied up after the last part; before it, the client has given up."""
    caplog.set_level(logging.INFO, "floorlens.api.access")

    async def app(scope: Any, _: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for part in range(parts):
            await send({"type": "http.response.body", "body": b"1234", "more_body": part == 0})
        scope["state"]["exchange"].leave()

    async def ignore(*_: Any) -> Any:
        return None

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    asyncio.run(Requests(app, settings, Metrics())(scope, ignore, ignore))
    (line,) = facts(caplog)
    assert (line["status"], line["bytes"]) == (status, 4 * parts)


def test_health_checks_are_not_logged(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    """A load balancer asks every few seconds."""
    caplog.set_level(logging.INFO, "floorlens.api.access")
    for address in ("/healthz", "/readyz", "/metrics"):
        assert client.get(address).status_code == 200
    assert not facts(caplog)


@pytest.mark.parametrize("formatter", [JsonLines(), TextLines()])
def test_what_a_client_sends_makes_no_line_of_its_own(formatter: logging.Formatter) -> None:
    record = logging.LogRecord("floorlens", logging.INFO, "f", 1, "path %s", ("a\nb\r",), None)
    assert "\n" not in formatter.format(record)
    assert "\r" not in formatter.format(record)


def test_json_lines_are_json_and_text_lines_name_their_facts() -> None:
    record = logging.LogRecord("floorlens", logging.INFO, "f", 1, "GET / 200", (), None)
    record.facts = {"request_id": "a", "code": None, "stages": {"embed": 0.5}}
    line = json.loads(JsonLines().format(record))
    assert (line["level"], line["message"], line["request_id"]) == ("info", "GET / 200", "a")
    assert line["time"].endswith("+00:00")
    text = TextLines().format(record)
    assert text.endswith("info     GET / 200 request_id=a stages=embed:0.5")


def test_the_configuration_can_be_used() -> None:
    """In a process of its own: it changes the loggers of the one that it is used in."""
    code = (
        "import logging, logging.config, json\n"
        f"logging.config.dictConfig({configuration('json', 'info')!r})\n"
        "logging.getLogger('floorlens.api').warning('hello')"
    )
    code = code.replace("<class 'floorlens.api.logs.JsonLines'>", "'floorlens.api.logs.JsonLines'")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert json.loads(done.stderr)["message"] == "hello"
