"""Figures for Prometheus: requests, stages, who waits; over all processes of a service.

Several processes write into files of one folder (`PROMETHEUS_MULTIPROC_DIR`, which `floorlens
serve --workers` sets), and any of them answers for all.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

if TYPE_CHECKING:
    from floorlens.api.exchange import Exchange

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60)


class Metrics:
    """The figures of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "floorlens_requests",
            "Requests by route, method and status of the answer; 499: the client had gone.",
            ("route", "method", "status"),
            registry=self._registry,
        )
        self._problems = Counter(
            "floorlens_problems",
            "Answers that are problems, by code.",
            ("code",),
            registry=self._registry,
        )
        self._request_seconds = Histogram(
            "floorlens_request_seconds",
            "Seconds from the head of a request to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._stage_seconds = Histogram(
            "floorlens_stage_seconds",
            "Seconds of the stages of a search.",
            ("stage",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._at_work = self._gauge("floorlens_at_work", "Requests that have a model now.")
        self._waiting = self._gauge("floorlens_waiting", "Requests that wait for a model now.")
        self._products = Gauge(
            "floorlens_products",
            "Products of the catalogue.",
            registry=self._registry,
            multiprocess_mode="livemax",
        )

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self._registry, multiprocess_mode="livesum")

    def note(
        self, method: str, route: str, status: int, seconds: float, exchange: Exchange
    ) -> None:
        """Counts a request that was answered."""
        self._requests.labels(route, method, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)
        if exchange.code is not None:
            self._problems.labels(exchange.code).inc()
        for stage, value in exchange.timings.items():
            self._stage_seconds.labels(stage).observe(value)

    def note_load(self, at_work: int, waiting: int) -> None:
        """Notes how many requests have a model now, and how many wait for one."""
        self._at_work.set(at_work)
        self._waiting.set(waiting)

    def note_products(self, count: int) -> None:
        """Notes how many products the catalogue holds."""
        self._products.set(count)

    def text(self) -> bytes:
        """Returns the figures of all processes, in Prometheus's text format."""
        if FOLDER not in os.environ:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
