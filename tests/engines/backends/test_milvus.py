"""Milvus beyond the contract: milvus-lite's one process, kills, limits, and errors."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pymilvus", reason="needs the extra milvus")

from floorlens.engines import Collection, Engine, Record
from floorlens.engines.backends.milvus import collection as milvus
from floorlens.engines.backends.milvus import lite as milvus_lite
from floorlens.engines.backends.milvus.collection import MilvusIndex
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

PRODUCTS = Collection("products", 4, "stamp")


def records(count: int, **metadata: Any) -> list[Record]:
    drawn = np.random.default_rng(0).normal(size=(count, 4)).astype(np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return [Record(f"p{i:05}", row, {"price": i, **metadata}) for i, row in enumerate(drawn)]


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine("milvus", url=str(tmp_path / "milvus.db"))


@pytest.fixture
def index(engine: Engine) -> Iterator[MilvusIndex]:
    opened = MilvusIndex.open(engine, PRODUCTS)
    yield opened
    opened.close()


# -- one process at a time ---------------------------------------------------------------------

OTHER = """
import sys
import numpy as np
from floorlens.errors import EngineUnavailable
from floorlens.engines import Collection, Engine, Record
from floorlens.engines.backends.milvus.collection import MilvusIndex

try:
    index = MilvusIndex.open(
        Engine("milvus", url=sys.argv[1]), Collection("products", 4, "stamp")
    )
except EngineUnavailable as error:
    sys.exit(f"unavailable: {error}")
vector = np.array([1, 0, 0, 0], np.float32)
for batch in range(int(sys.argv[2])):
    index.upsert([Record(f"b{batch:05}-{i}", vector, {"batch": batch}) for i in range(20)])
    print(batch, flush=True)
index.close()
"""


def start(engine: Engine, batches: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", OTHER, str(engine.url), str(batches)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_another_process_is_told_who_has_it(engine: Engine, index: MilvusIndex) -> None:
    """And gets in as soon as the last handle here is closed."""
    second = MilvusIndex.open(engine, PRODUCTS)
    index.upsert(records(3))
    index.close()
    other = start(engine, 1)
    _, error = other.communicate(timeout=240)
    assert "another process may have it open" in error
    assert second.stats().count == 3
    second.close()
    other = start(engine, 1)
    assert other.wait(timeout=240) == 0
    again = MilvusIndex.open(engine, PRODUCTS, create=False)
    assert again.stats().count == 23
    again.close()


def test_a_forgotten_handle_lets_go(engine: Engine, index: MilvusIndex) -> None:
    """Whoever drops a handle without closing it does not keep the files for ever."""
    path = index._url
    forgotten = MilvusIndex.open(engine, PRODUCTS)
    assert milvus_lite._LITES[path].users == 2
    del forgotten
    gc.collect()
    assert milvus_lite._LITES[path].users == 1
    index.close()
    index.close()
    assert path not in milvus_lite._LITES


def test_an_opening_that_fails_lets_go(engine: Engine, index: MilvusIndex) -> None:
    with pytest.raises(EngineMismatch):
        MilvusIndex.open(engine, Collection("products", 4, "other"))
    gc.collect()
    assert milvus_lite._LITES[index._url].users == 1


def test_a_killed_writer_loses_nothing_that_was_done(engine: Engine) -> None:
    """kill -9: every batch whose upsert returned is there, whole."""
    writer = start(engine, 100_000)
    assert writer.stdout is not None
    for _ in range(8):
        done = int(writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    writer.communicate(timeout=120)
    index = MilvusIndex.open(engine, PRODUCTS, create=False)
    names = [f"b{batch:05}-{i}" for batch in range(done + 1) for i in range(20)]
    assert len(index.fetch(names)) == len(names)
    index.upsert(records(3))
    assert len(index.fetch(["p00000", "p00002"])) == 2
    index.close()


def test_many_records_are_flushed(
    engine: Engine, index: MilvusIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Searches of what lies in the log alone are slow: it becomes files before long."""
    monkeypatch.setitem(milvus.FLUSH, True, 50)
    files = Path(str(engine.url))
    index.upsert(records(49))
    assert not list(files.rglob("*.parquet"))
    index.upsert(records(1))
    assert list(files.rglob("*.parquet"))
    assert index.stats().count == 49
    assert index.query(records(1)[0].vector, 1)[0].id == "p00000"


def test_numbers_do_not_outlive_their_record(index: MilvusIndex) -> None:
    """milvus-lite merges the dynamic fields of an upsert into the old ones."""
    index.upsert(records(3, size=7))
    vector = records(1)[0].vector
    index.upsert([Record("p00000", vector, {"price": "on request"})])
    for where in ({"size": {"$gt": 0}}, {"price": {"$gte": 0}}):
        found = {hit.id for hit in index.query(vector, 5, parse_filter(where))}
        assert found == {"p00001", "p00002"}
    index.upsert([Record("p00000", vector, {"size": 9})])
    assert index.query(vector, 5, parse_filter({"size": {"$gt": 8}}))[0].id == "p00000"


# -- limits ------------------------------------------------------------------------------------


def test_metadata_beyond_milvus_is_refused_by_name(index: MilvusIndex) -> None:
    """Before anything is stored; what just fits is kept."""
    vector = records(1)[0].vector
    for metadata in ({"text": "x" * 65_536}, {"list": [str(i) for i in range(1900)]}):
        with pytest.raises(EngineUnsupported, match=r"'long'.*shorten it"):
            index.upsert([*records(2), Record("long", vector, metadata)])
    assert index.stats().count == 0
    fits = {"text": "x" * 40_000, "list": [str(i) for i in range(1897)]}
    index.upsert([Record("fits", vector, fits)])
    assert index.fetch(["fits"])[0].metadata == fits
    assert len(index.query(vector, 3, parse_filter({"list": "1896"}))) == 1


def test_ids_of_512_characters_of_four_bytes(index: MilvusIndex) -> None:
    """Milvus counts bytes, products count characters; milvus-lite does not count."""
    (field,) = [
        one
        for one in index._client.describe_collection("products")["fields"]
        if one["name"] == "id"
    ]
    assert field["params"]["max_length"] == 4 * 512
    record = Record("木🪵" * 256, records(1)[0].vector, {})
    index.upsert([record])
    assert index.query(record.vector, 1)[0].id == record.id
    assert index.fetch([record.id])[0].id == record.id
    index.delete([record.id])
    assert index.stats().count == 0


# -- opening and errors ------------------------------------------------------------------------


def test_a_collection_that_is_not_ours_is_refused(engine: Engine, index: MilvusIndex) -> None:
    """Records without a stamp: taken over on request, and kept. Without records they are ours."""
    index._client.drop_collection_properties("products", [milvus.STAMP])
    opened = MilvusIndex.open(engine, PRODUCTS)
    assert opened.stats().stamp == "stamp"
    index.upsert(records(3))
    index._client.drop_collection_properties("products", [milvus.STAMP])
    with pytest.raises(EngineMismatch) as caught:
        MilvusIndex.open(engine, PRODUCTS)
    assert caught.value.found == ""
    taken = MilvusIndex.open(engine, PRODUCTS, take_over=True)
    assert taken.stats().count == 3
    opened.close()
    taken.close()


@pytest.mark.parametrize("how", [{}, {"create": False}, {"take_over": True}, {"foreign": True}])
def test_a_collection_of_another_application_is_left_alone(
    engine: Engine, how: dict[str, bool]
) -> None:
    from pymilvus import DataType, MilvusClient  # type: ignore[import-untyped]

    client = MilvusClient(uri=str(engine.url))
    schema = client.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("emb", DataType.FLOAT_VECTOR, dim=4)
    parameters = client.prepare_index_params()
    parameters.add_index("emb", index_type="FLAT", metric_type="COSINE")
    client.create_collection("products", schema=schema, index_params=parameters)
    client.insert("products", [{"id": 1, "emb": [1.0, 0.0, 0.0, 0.0]}])
    client.close()
    if "foreign" in how:
        opened = MilvusIndex.open(engine, PRODUCTS, **how)
        for call in (
            opened.stats,
            lambda: list(opened.ids()),
            lambda: opened.fetch(["1"]),
            lambda: opened.delete(None),
        ):
            with pytest.raises(EngineMismatch, match="FLOORLENS_NAMESPACE"):
                call()
        opened.close()
    else:
        with pytest.raises(EngineMismatch, match="FLOORLENS_NAMESPACE"):
            MilvusIndex.open(engine, PRODUCTS, **how)
    client = MilvusClient(uri=str(engine.url))
    client.load_collection("products")
    assert len(client.query("products", filter="id == 1", output_fields=["id"])) == 1
    client.close()


def test_a_collection_half_made_is_finished(engine: Engine, index: MilvusIndex) -> None:
    """On a server collection and index are made one after the other."""
    index._client.release_collection("products")
    index._client.drop_index("products", "vector")
    again = MilvusIndex.open(engine, PRODUCTS)
    again.upsert(records(3))
    assert len(again.query(records(1)[0].vector, 5)) == 3
    again.close()


def test_looking_makes_no_files(tmp_path: Path) -> None:
    engine = Engine("milvus", url=str(tmp_path / "none" / "milvus.db"))
    with pytest.raises(CollectionNotFound, match="engine sync --to milvus"):
        MilvusIndex.open(engine, PRODUCTS, create=False)
    assert not (tmp_path / "none").exists()
    opened = MilvusIndex.open(engine, PRODUCTS)
    assert opened.stats().count == 0
    opened.close()


@pytest.mark.parametrize("url", [None, "", "milvus.sqlite", "localhost:19530"])
def test_an_address_that_cannot_be_meant(url: str | None) -> None:
    with pytest.raises(SettingsError, match=r"\.db, or http"):
        MilvusIndex.open(Engine("milvus", url=url), PRODUCTS)


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    """Such as that of an older milvus-lite."""
    file = tmp_path / "old.db"
    file.write_bytes(b"SQLite format 3\0")
    with pytest.raises(EngineUnavailable, match="no folder of milvus-lite"):
        MilvusIndex.open(Engine("milvus", url=str(file)), PRODUCTS)
    below = Engine("milvus", url=str(file / "milvus.db"))
    with pytest.raises(EngineUnavailable):
        MilvusIndex.open(below, PRODUCTS)


def test_no_server() -> None:
    with pytest.raises(EngineUnavailable, match="does not answer"):
        MilvusIndex.open(
            Engine("milvus", url="http://127.0.0.1:1", api_key="secret", timeout=2), PRODUCTS
        )


@pytest.mark.parametrize("url", ["http://root:s3cret@127.0.0.1:1", "http://s3cret@127.0.0.1:1"])
def test_no_server_and_a_password(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """The error does not show it; what pymilvus would log of it, a traceback, is left out."""
    engine = Engine("milvus", url=url, timeout=2)
    with pytest.raises(EngineUnavailable, match=r"http://\*\*\*@127") as caught:
        MilvusIndex.open(engine, PRODUCTS)
    assert "s3cret" not in str(caught.value) + repr(engine)
    assert [one for one in caplog.records if one.name.startswith("pymilvus")] == []


def test_pymilvus_logs_what_is_not_ours(
    index: MilvusIndex, caplog: pytest.LogCaptureFixture
) -> None:
    """Its other users in this process miss nothing."""
    from pymilvus import MilvusException

    with pytest.raises(CollectionNotFound), index._calling():
        index._client.query("nowhere", filter='id == "a"')
    assert not [one for one in caplog.records if one.name.startswith("pymilvus")]
    with pytest.raises(MilvusException):
        index._client.query("nowhere", filter='id == "a"')
    assert [one for one in caplog.records if one.name.startswith("pymilvus")]


def test_a_name_that_milvus_does_not_take(engine: Engine) -> None:
    with pytest.raises(EngineUnsupported, match="FLOORLENS_NAMESPACE"):
        MilvusIndex.open(engine, Collection("my-floors", 4, ""))


def test_without_the_extra(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(MissingDependency, match=r"floorlens\[milvus\]"):
        MilvusIndex.open(engine, PRODUCTS)


def test_a_collection_that_vanished(engine: Engine, index: MilvusIndex) -> None:
    other = MilvusIndex.open(engine, PRODUCTS)
    other.delete(None)
    other.close()
    for call in (
        lambda: index.query(records(1)[0].vector, 3),
        lambda: index.upsert(records(1)),
        lambda: index.delete(["p00000"]),
        lambda: index.stats(),
        lambda: list(index.ids()),
    ):
        with pytest.raises(CollectionNotFound):
            call()


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        (8, "request is rejected by limiter", EngineQuota),
        (9, "quota exceeded: disk", EngineQuota),
        (65535, "auth check failure, please check api key is correct", EngineDenied),
        (1, "<_InactiveRpcError: StatusCode.UNAUTHENTICATED>", EngineDenied),
        (65535, "PrivilegeInsert: permission deny", EngineDenied),
        (100, "collection not found", CollectionNotFound),
        (1, "deadline exceeded: secret text", EngineUnavailable),
    ],
)
def test_what_milvus_says_becomes_ours(
    index: MilvusIndex, code: int, message: str, expected: type[EngineError]
) -> None:
    """With a cure, and without Milvus's text."""
    from pymilvus import MilvusException

    with pytest.raises(expected) as caught, index._calling():
        raise MilvusException(code=code, message=message)
    assert message not in str(caught.value)
