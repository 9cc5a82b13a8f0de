"""Traces of requests and their stages for OpenTelemetry (extra `[otel]`).

They are sent where the variables of OpenTelemetry itself say, such as
`OTEL_EXPORTER_OTLP_ENDPOINT`; without one of them nothing is traced.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from floorlens.errors import MissingDependency

if TYPE_CHECKING:
    from fastapi import FastAPI

VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def trace(app: FastAPI) -> None:
    """Has the requests of an application traced, if a variable says where to.

    Raises:
        MissingDependency: one does, and the extra `[otel]` is not installed.
    """
    if not any(os.environ.get(name) for name in VARIABLES):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        raise MissingDependency(
            f"{VARIABLES[0]} is set, but OpenTelemetry is not installed: "
            "pip install 'floorlens[otel]', or unset it"
        ) from error

    service = os.environ.get("OTEL_SERVICE_NAME", "floorlens")
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    FastAPIInstrumentor.instrument_app(
        app, tracer_provider=provider, excluded_urls="healthz,readyz,metrics"
    )
    app.state.trace_provider = provider
    app.state.tracer = provider.get_tracer("floorlens")


def trace_stages(app: FastAPI, timings: Mapping[str, float]) -> None:
    """Adds the stages of a search that has just ended to the trace of its request.

    Args:
        app: the application.
        timings: seconds by stage, in their order, and "total".
    """
    tracer: Any = getattr(app.state, "tracer", None)
    if tracer is None:
        return
    now = time.time_ns()
    begin = now - int(timings.get("total", sum(timings.values())) * 1e9)
    for stage, seconds in timings.items():
        if stage == "total":
            continue
        end = begin + int(seconds * 1e9)
        tracer.start_span(f"floorlens.{stage}", start_time=begin).end(end)
        begin = end
