"""The figures for Prometheus: what was asked, how long it took, over all processes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from starlette.testclient import TestClient

pytestmark = pytest.mark.slow


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Returns (name, labels) -> value."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def labels(**values: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(values.items()))


def test_requests_stages_and_problems_are_counted(client: TestClient, room: Path) -> None:
    for _ in range(2):
        client.post("/search", files={"file": room.read_bytes()})
    client.post("/search", files={"file": b"no picture"})
    client.get("/readyz")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    values = samples(answer.text)
    count = "floorlens_requests_total"
    assert values[count, labels(route="/search", method="POST", status="200")] == 2
    assert values[count, labels(route="/search", method="POST", status="415")] == 1
    assert values["floorlens_problems_total", labels(code="image-unreadable")] == 1
    assert values["floorlens_request_seconds_count", labels(route="/search")] == 3
    assert values["floorlens_stage_seconds_count", labels(stage="embed")] == 2
    assert values["floorlens_at_work", ()] == values["floorlens_waiting", ()] == 0
    assert values["floorlens_products", ()] == 6


def test_what_clients_make_up_makes_no_figures_of_its_own(client: TestClient) -> None:
    """Each would be there for ever: a way to fill the memory."""
    for number in range(5):
        client.request(f"MADEUP{number}", f"/nowhere/{number}")
        client.get(f"/v1/products/none{number}/image")
    text = client.get("/metrics").text
    assert "MADEUP" not in text
    assert "none4" not in text
    assert 'method="other"' in text


def test_two_applications_count_apart(serving: object, client: TestClient, room: Path) -> None:
    """Tests, and programs with two catalogues, have several in one process."""
    other = serving()  # type: ignore[operator]
    client.post("/search", files={"file": room.read_bytes()})
    assert "/search" not in other.get("/metrics").text
