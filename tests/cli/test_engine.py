"""`floorlens engine`, and what the other commands print about a vector engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

pytestmark = pytest.mark.slow

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def double(pinecone_double: Any, tmp_path: Path, run: Run) -> Iterator[Any]:
    """A `.env` as the reference design has it, in the folder where commands run."""
    (tmp_path / ".env").write_text(
        f"PINECONE_API_KEY={pinecone_double.api_key}\n"
        f"PINECONE_CONTROLLER_HOST={pinecone_double.url}\n"
        "FLOORLENS_FRESH=1\n",
        encoding="utf-8",
    )
    yield pinecone_double
    pinecone_double.faults.clear()


def test_fill_compare_and_search(
    run: Run, product_csv: Path, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From memory to Pinecone by one command; both rank alike."""
    run("index", product_csv)
    before = json.loads(run("search", room, "--json").stdout)
    out = run("engine", "verify", "--to", "pinecone", code=6).stdout
    assert "stamp absent" in out
    assert "6 missing: ash, brick, moss" in out
    assert "floorlens engine sync --to pinecone" in out
    assert (
        "6 added, 0 updated, 0 removed, 0 unchanged"
        in run("engine", "sync", "--to", "pinecone").stdout
    )
    assert run("engine", "verify", "--to", "pinecone").stdout.endswith("in step\n")
    monkeypatch.setenv("FLOORLENS_INDEX", "pinecone")
    after = json.loads(run("search", room, "--json").stdout)
    assert after["matches"] == before["matches"]
    assert (after["index"], before["index"]) == ("pinecone", "exact")
    again = json.loads(run("engine", "sync", "--json").stdout)
    assert (again["added"], again["unchanged"]) == (0, 6)
    assert json.loads(run("engine", "verify", "--json").stdout)["in_step"] is True
    assert "engine: pinecone-" in run("info").stdout
    assert json.loads(run("info", "--json").stdout)["engines"][0]["collection"]


def test_the_engine_that_is_no_copy(run: Run, product_csv: Path) -> None:
    run("index", product_csv)
    for command in ("sync", "verify"):
        assert "no copy" in run("engine", command, code=2).stderr


def test_a_failing_engine_is_reported_and_loses_nothing(
    run: Run, product_csv: Path, room: Path, double: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 6, for programs too; the search names its fallback."""
    monkeypatch.setenv("FLOORLENS_INDEX", "pinecone")
    double.fail(403, times=1000)
    failure = run("index", product_csv, code=6)
    assert "6 added" in failure.stdout
    assert "not in step" in failure.stderr
    assert "floorlens engine sync" in failure.stderr
    assert json.loads(run("index", product_csv, "--json", code=6).stdout)["not_synced"]
    assert "PINECONE_API_KEY" in run("search", room, code=6).stderr
    monkeypatch.setenv("FLOORLENS_FALLBACK", "exact")
    assert "engine-denied" in run("search", room).stdout
    double.faults.clear()
    assert "6 added" in run("engine", "sync").stdout


def test_the_doctor_looks_at_the_engine(
    run: Run, product_csv: Path, double: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It checks that the engine answers and is in step, and changes nothing."""
    assert "engine" not in run("doctor").stdout.replace("ENGINE", "")
    monkeypatch.setenv("FLOORLENS_INDEX", "pinecone")
    run("index", product_csv)
    assert "in step with the catalogue" in run("doctor").stdout
    monkeypatch.setenv("FLOORLENS_NAMESPACE", "elsewhere")
    assert "floorlens engine sync --to pinecone" in run("doctor", code=1).stdout
    double.fail(403, times=1000)
    assert "PINECONE_API_KEY" in run("doctor", code=1).stdout


def test_a_removed_product_leaves_the_engine(
    run: Run, product_csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOORLENS_INDEX", "pinecone")
    run("index", product_csv)
    run("products", "remove", "oak")
    assert "1 removed, 5 unchanged" in run("engine", "sync").stdout
