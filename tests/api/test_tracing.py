"""Traces for OpenTelemetry: a span for each request, and within it one for each stage."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("opentelemetry.sdk", reason="needs the extra otel")

from floorlens.api import create_app
from floorlens.api.tracing import VARIABLES
from floorlens.errors import MissingDependency
from floorlens.settings import Settings

if TYPE_CHECKING:
    from starlette.testclient import TestClient

pytestmark = pytest.mark.slow


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    """A server that takes traces, at the address that the variable of OpenTelemetry names."""
    bodies: list[bytes] = []

    class Take(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                import gzip

                body = gzip.decompress(body)
            bodies.append(body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Take) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv(VARIABLES[0], f"http://127.0.0.1:{server.server_port}")
        yield bodies
        server.shutdown()


def test_a_search_is_a_span_with_its_stages_in_it(
    collector: list[bytes], serving: Callable[..., TestClient], room: Path
) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    client = serving()
    assert client.post("/search", files={"file": room.read_bytes()}).status_code == 200
    assert client.get("/healthz").status_code == 200
    client.app.state.trace_provider.force_flush(120_000)  # type: ignore[attr-defined]
    spans = []
    for body in collector:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                spans += list(scope.spans)
    by_name = {span.name: span for span in spans}
    request = by_name["POST /search"]
    for stage in ("decode", "segment", "normalise", "embed", "retrieve", "rerank"):
        span = by_name[f"floorlens.{stage}"]
        assert span.trace_id == request.trace_id
        assert span.parent_span_id == request.span_id
        assert request.start_time_unix_nano <= span.start_time_unix_nano
        assert span.end_time_unix_nano <= request.end_time_unix_nano
    assert not [name for name in by_name if "healthz" in name]


def test_without_the_extra_the_variable_is_refused_with_the_cure(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """Traces that silently go nowhere would be looked for when they are needed."""
    import builtins

    real = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.startswith("opentelemetry.exporter"):
            raise ModuleNotFoundError(name)
        return real(name, *rest)  # type: ignore[arg-type]

    assert find_spec("opentelemetry.sdk")
    monkeypatch.setenv(VARIABLES[0], "http://127.0.0.1:1")
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependency, match=r"floorlens\[otel\]"):
        create_app(settings)
