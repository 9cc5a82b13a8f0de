"""LanceDB beyond the contract: its upkeep, several processes, kills, and errors."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

pytest.importorskip("lancedb", reason="needs the extra lancedb")

from floorlens.engines import CollectionSpec, Engine, Mode, Record
from floorlens.engines.backends.lancedb import upkeep as lance_upkeep
from floorlens.engines.backends.lancedb.collection import LanceCollection, _translate_errors
from floorlens.engines.backends.lancedb.upkeep import Upkeep, count_partitions
from floorlens.engines.filters import parse_filter
from floorlens.errors import (
    CollectionNotFound,
    EngineDenied,
    EngineError,
    EngineMismatch,
    EngineQuota,
    EngineUnavailable,
    EngineUnsupported,
    MissingDependency,
    SettingsError,
)

pytestmark = pytest.mark.slow

PRODUCTS = CollectionSpec("products", 4, "stamp")


def records(count: int, seed: int = 0, **metadata: Any) -> list[Record]:
    matrix = np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    return [Record(f"p{i:05}", row, {"price": i, **metadata}) for i, row in enumerate(matrix)]


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine("lancedb", url=str(tmp_path / "lance"))


@pytest.fixture
def collection(engine: Engine) -> LanceCollection:
    return LanceCollection.open(engine, PRODUCTS)


# -- upkeep ------------------------------------------------------------------------------------


def test_an_index_is_made_and_made_anew_when_outgrown(
    engine: Engine, collection: LanceCollection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sqrt(n) partitions; four times as many records later there are twice as many."""
    monkeypatch.setattr(lance_upkeep, "INDEX_FROM", 400)
    collection.upsert(records(399))
    assert not collection.approximate
    collection.upsert(records(401))
    assert count_partitions(collection._table) == 20
    collection.upsert(records(1500))
    assert count_partitions(collection._table) == 20
    collection.upsert(records(1700))
    assert count_partitions(collection._table) == 41
    assert LanceCollection.open(engine, PRODUCTS).approximate
    hits = collection.query(records(1)[0].vector, 3, parse_filter({"price": {"$lt": 1000}}))
    assert hits[0].id == "p00000"


def test_columns_that_come_later_are_indexed_too(
    collection: LanceCollection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the next upkeep, so that filters on them stay fast."""
    monkeypatch.setattr(lance_upkeep, "INDEX_FROM", 300)
    monkeypatch.setattr(lance_upkeep, "EVERY", 1)
    collection.upsert(records(300))
    collection.upsert(records(20, later=5))
    columns = {column for one in collection._table.list_indices() for column in one.columns}
    assert columns == set(collection._table.schema.names) - {"metadata"}


def test_files_are_compacted_after_a_number_of_writes(
    collection: LanceCollection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each write leaves a file that every search opens."""
    monkeypatch.setattr(lance_upkeep, "EVERY", 8)
    files = []
    for i in range(24):
        collection.upsert([Record(f"p{i}", records(1)[0].vector, {})])
        files.append(collection._table.stats()["fragment_stats"]["num_fragments"])
    assert max(files) <= 9
    assert collection.stats().count == 24


def test_old_versions_go_at_last(
    collection: LanceCollection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They hold every record that was ever replaced."""
    monkeypatch.setattr(lance_upkeep, "EVERY", 4)
    monkeypatch.setattr(lance_upkeep, "RETENTION", timedelta(milliseconds=1))
    for i in range(40):
        collection.upsert(records(5, seed=i))
    assert len(collection._table.list_versions()) < 12


def test_a_conflict_in_upkeep_is_no_error(collection: LanceCollection) -> None:
    """What was to be stored is stored; another process is doing the same."""

    class Busy:
        version = 0

        def count_rows(self) -> int:
            return 3

        def list_indices(self) -> list[Any]:
            return []

        def optimize(self, **_: Any) -> None:
            raise RuntimeError("Retryable commit conflict for version 3")

    busy = Busy()
    upkeep = Upkeep(busy)
    busy.version = 10 * lance_upkeep.EVERY
    upkeep.run_if_due()


# -- several processes -------------------------------------------------------------------------

WRITER = """
import sys
import numpy as np
from floorlens.engines import CollectionSpec, Engine, Mode, Record
from floorlens.engines.backends.lancedb.collection import LanceCollection

url, number = sys.argv[1], int(sys.argv[2])
spec = CollectionSpec("products", 4, "stamp")
collection = LanceCollection.open(Engine("lancedb", url=url), spec)
print("open", flush=True)
sys.stdin.readline()
vector = np.array([1, 0, 0, 0], np.float32)
for batch in range(int(sys.argv[3])):
    fields = {"batch": batch, f"field {number} {batch % 3}": number}
    collection.upsert([Record(f"p{batch % 30}-{i}", vector, fields) for i in range(20)])
"""


def start(engine: Engine, count: int, batches: int) -> list[subprocess.Popen[str]]:
    """Returns processes that begin to write at the same moment."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(engine.url), str(number), str(batches)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(count)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    return writers


def test_two_processes_write_the_same_products(engine: Engine, collection: LanceCollection) -> None:
    """No write fails, no product is there twice, and its numbers are those of its metadata."""
    for writer in start(engine, 2, 30):
        assert writer.wait(timeout=240) == 0
    ids = [record_id for page in collection.ids() for record_id in page]
    assert len(ids) == len(set(ids)) == 30 * 20
    ids_of_field: dict[str, set[str]] = {}
    for record in collection.fetch(ids):
        (field,) = record.metadata.keys() - {"batch"}
        ids_of_field.setdefault(field, set()).add(record.id)
    for field, expected in ids_of_field.items():
        hits = collection.query(records(1)[0].vector, 1000, parse_filter({field: {"$gte": 0}}))
        assert {hit.id for hit in hits} == expected


def test_a_column_that_comes_during_a_write(
    engine: Engine, collection: LanceCollection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process adds a field of numbers to a record that this one is just replacing."""
    other = LanceCollection.open(engine, PRODUCTS)
    vector = records(1)[0].vector
    look = collection._add_columns

    def late(needed: set[str]) -> Any:
        schema = look(needed)
        if not other.stats().count:
            other.upsert([Record("a", vector, {"late": 5})])
        return schema

    monkeypatch.setattr(collection, "_add_columns", late)
    collection.upsert([Record("a", vector, {"price": 1})])
    assert collection.fetch(["a"])[0].metadata == {"price": 1}
    assert collection.query(vector, 5, parse_filter({"late": {"$gt": 0}})) == []


def test_a_killed_writer_leaves_whole_batches(engine: Engine, collection: LanceCollection) -> None:
    """kill -9 at any moment: a batch is there or not, and writing goes on."""
    (writer,) = start(engine, 1, 100_000)
    until = time.monotonic() + 120
    while collection.stats().count < 100:
        assert time.monotonic() < until
    writer.send_signal(signal.SIGKILL)
    writer.wait(timeout=120)
    again = LanceCollection.open(engine, PRODUCTS, mode="existing")
    ids = [record_id for page in again.ids() for record_id in page]
    batches = [int(record.metadata["batch"]) for record in again.fetch(ids)]
    assert all(batches.count(batch) == 20 for batch in set(batches))
    again.upsert(records(3))
    assert again.stats().count == len(ids) + 3


# -- opening and errors ------------------------------------------------------------------------


def test_a_table_that_is_not_ours_is_refused(engine: Engine, collection: LanceCollection) -> None:
    """Records without a stamp: taken over on request, and kept. Without records they are ours."""
    bare = collection._table
    bare.update_field_metadata(
        {"path": "vector", "metadata": {"floorlens-stamp": None}, "replace": True}
    )
    assert LanceCollection.open(engine, PRODUCTS).stats().stamp == "stamp"
    collection.upsert(records(3))
    bare.update_field_metadata(
        {"path": "vector", "metadata": {"floorlens-stamp": None}, "replace": True}
    )
    with pytest.raises(EngineMismatch) as caught:
        LanceCollection.open(engine, PRODUCTS)
    assert caught.value.stamp == ""
    assert LanceCollection.open(engine, PRODUCTS, mode="take-over").stats().count == 3


@pytest.mark.parametrize("mode", get_args(Mode))
@pytest.mark.parametrize("column", ["title", "vector"])
def test_a_table_of_another_application_is_left_alone(
    engine: Engine, mode: Mode, column: str
) -> None:
    """Also where it has a column of a name of ours."""
    import lancedb

    rows = [{"id": 1, column: "precious"}]
    lancedb.connect(str(engine.url)).create_table("products", rows)
    if mode == "inspect":
        collection = LanceCollection.open(engine, PRODUCTS, mode=mode)
        for call in (
            collection.stats,
            lambda: list(collection.ids()),
            lambda: collection.fetch(["1"]),
            lambda: collection.delete(None),
        ):
            with pytest.raises(EngineMismatch, match="FLOORLENS_NAMESPACE"):
                call()
    else:
        with pytest.raises(EngineMismatch, match="FLOORLENS_NAMESPACE"):
            LanceCollection.open(engine, PRODUCTS, mode=mode)
    assert lancedb.connect(str(engine.url)).open_table("products").to_arrow().to_pylist() == rows


def test_metadata_that_is_not_ours_is_none(engine: Engine, collection: LanceCollection) -> None:
    """What another program wrote into our columns can be looked at."""
    collection.upsert(records(2))
    collection._table.update(where="id = 'p00000'", values={"metadata": "no JSON"})
    collection._table.update(where="id = 'p00001'", values={"metadata": "[1]"})
    other = LanceCollection.open(engine, CollectionSpec("products", 3, "other"), mode="inspect")
    assert [record.metadata for record in other.fetch(["p00000", "p00001"])] == [{}, {}]


def test_looking_makes_no_folder(tmp_path: Path) -> None:
    engine = Engine("lancedb", url=str(tmp_path / "none"))
    with pytest.raises(CollectionNotFound, match="engine sync --to lancedb"):
        LanceCollection.open(engine, PRODUCTS, mode="existing")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("url", ["s3://me:s3cret@bucket/x", "postgresql://me:s3cret@host/x"])
def test_no_error_shows_a_password(url: str) -> None:
    engine = Engine("lancedb", url=url, timeout=2)
    with (
        pytest.raises(EngineError, match=r"me:\*\*\*@") as caught,
        _translate_errors(engine, "products"),
    ):
        raise RuntimeError("whatever")
    assert "s3cret" not in str(caught.value) + repr(engine)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("text")
    with pytest.raises(EngineUnavailable, match="see that it is a folder"):
        LanceCollection.open(Engine("lancedb", url=str(file)), PRODUCTS)


def test_a_place_and_a_name_are_needed(engine: Engine) -> None:
    with pytest.raises(SettingsError, match="folder or URI"):
        LanceCollection.open(Engine("lancedb"), PRODUCTS)
    with pytest.raises(EngineUnsupported, match="FLOORLENS_NAMESPACE"):
        LanceCollection.open(engine, CollectionSpec("it's/mine", 4, ""))


def test_without_the_extra(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lancedb", None)
    with pytest.raises(MissingDependency, match=r"floorlens\[lancedb\]"):
        LanceCollection.open(engine, PRODUCTS)


def test_a_table_that_vanished(engine: Engine, collection: LanceCollection) -> None:
    """Removed through another handle: reads and writes say so."""
    LanceCollection.open(engine, PRODUCTS).delete(None)
    for call in (
        lambda: collection.query(records(1)[0].vector, 3),
        lambda: collection.upsert(records(1)),
        lambda: collection.stats(),
    ):
        with pytest.raises(CollectionNotFound):
            call()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("object store: 403 Forbidden, AccessDenied"), EngineDenied),
        (PermissionError(13, "Permission denied"), EngineDenied),
        (RuntimeError("object store: 429 SlowDown"), EngineQuota),
        (RuntimeError("lance error: Not found: x/_versions"), CollectionNotFound),
        (OSError(28, "No space left on device"), EngineUnavailable),
        (ValueError("whatever else"), EngineUnavailable),
    ],
)
def test_what_lancedb_says_becomes_ours(
    engine: Engine, error: Exception, expected: type[EngineError]
) -> None:
    """It has no error classes; none of its text is passed on."""
    with pytest.raises(expected) as caught, _translate_errors(engine, "products"):
        raise error
    assert str(error) not in str(caught.value)
