"""Milvus beyond the contract: milvus-lite's one process, kills, limits, and errors."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

pytest.importorskip("pymilvus", reason="needs the extra milvus")

from floorlens.engines import CollectionSpec, Engine, Mode, Record
from floorlens.engines.backends.milvus import collection as milvus
from floorlens.engines.backends.milvus import lite as milvus_lite
from floorlens.engines.backends.milvus.collection import MilvusCollection
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


def records(count: int, **metadata: Any) -> list[Record]:
    matrix = np.random.default_rng(0).normal(size=(count, 4)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    return [Record(f"p{i:05}", row, {"price": i, **metadata}) for i, row in enumerate(matrix)]


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine("milvus", url=str(tmp_path / "milvus.db"))


@pytest.fixture
def collection(engine: Engine) -> Iterator[MilvusCollection]:
    collection = MilvusCollection.open(engine, PRODUCTS)
    yield collection
    collection.close()


# -- one process at a time ---------------------------------------------------------------------

OTHER = """
import sys
import numpy as np
from floorlens.errors import EngineUnavailable
from floorlens.engines import CollectionSpec, Engine, Mode, Record
from floorlens.engines.backends.milvus.collection import MilvusCollection

try:
    collection = MilvusCollection.open(
        Engine("milvus", url=sys.argv[1]), CollectionSpec("products", 4, "stamp")
    )
except EngineUnavailable as error:
    sys.exit(f"unavailable: {error}")
vector = np.array([1, 0, 0, 0], np.float32)
for batch in range(int(sys.argv[2])):
    collection.upsert([Record(f"b{batch:05}-{i}", vector, {"batch": batch}) for i in range(20)])
    print(batch, flush=True)
collection.close()
"""


def start(engine: Engine, batches: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", OTHER, str(engine.url), str(batches)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_another_process_is_told_who_has_it(engine: Engine, collection: MilvusCollection) -> None:
    """And gets in as soon as the last handle here is closed."""
    second = MilvusCollection.open(engine, PRODUCTS)
    collection.upsert(records(3))
    collection.close()
    other = start(engine, 1)
    _, error = other.communicate(timeout=240)
    assert "another process may have it open" in error
    assert second.stats().count == 3
    second.close()
    other = start(engine, 1)
    assert other.wait(timeout=240) == 0
    again = MilvusCollection.open(engine, PRODUCTS, mode="existing")
    assert again.stats().count == 23
    again.close()


def test_a_forgotten_handle_lets_go(engine: Engine, collection: MilvusCollection) -> None:
    """Whoever drops a handle without closing it does not keep the files for ever."""
    path = collection._url
    unclosed = MilvusCollection.open(engine, PRODUCTS)
    assert milvus_lite._LITES[path].users == 2
    del unclosed
    gc.collect()
    assert milvus_lite._LITES[path].users == 1
    collection.close()
    collection.close()
    assert path not in milvus_lite._LITES


def test_an_opening_that_fails_lets_go(engine: Engine, collection: MilvusCollection) -> None:
    with pytest.raises(EngineMismatch):
        MilvusCollection.open(engine, CollectionSpec("products", 4, "other"))
    gc.collect()
    assert milvus_lite._LITES[collection._url].users == 1


def test_a_killed_writer_loses_nothing_that_was_done(engine: Engine) -> None:
    """kill -9: every batch whose upsert returned is there, whole."""
    writer = start(engine, 100_000)
    assert writer.stdout is not None
    for _ in range(8):
        last_batch = int(writer.stdout.readline())
    writer.send_signal(signal.SIGKILL)
    writer.communicate(timeout=120)
    collection = MilvusCollection.open(engine, PRODUCTS, mode="existing")
    names = [f"b{batch:05}-{i}" for batch in range(last_batch + 1) for i in range(20)]
    assert len(collection.fetch(names)) == len(names)
    collection.upsert(records(3))
    assert len(collection.fetch(["p00000", "p00002"])) == 2
    collection.close()


def test_many_records_are_flushed(
    engine: Engine, collection: MilvusCollection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Searches of what lies in the log alone are slow: it becomes files before long."""
    monkeypatch.setitem(milvus.FLUSH, True, 50)
    files = Path(str(engine.url))
    collection.upsert(records(49))
    assert not list(files.rglob("*.parquet"))
    collection.upsert(records(1))
    assert list(files.rglob("*.parquet"))
    assert collection.stats().count == 49
    assert collection.query(records(1)[0].vector, 1)[0].id == "p00000"


def test_numbers_do_not_outlive_their_record(collection: MilvusCollection) -> None:
    """milvus-lite merges the dynamic fields of an upsert into the old ones."""
    collection.upsert(records(3, size=7))
    vector = records(1)[0].vector
    collection.upsert([Record("p00000", vector, {"price": "on request"})])
    for where in ({"size": {"$gt": 0}}, {"price": {"$gte": 0}}):
        ids = {hit.id for hit in collection.query(vector, 5, parse_filter(where))}
        assert ids == {"p00001", "p00002"}
    collection.upsert([Record("p00000", vector, {"size": 9})])
    assert collection.query(vector, 5, parse_filter({"size": {"$gt": 8}}))[0].id == "p00000"


# -- limits ------------------------------------------------------------------------------------


def test_metadata_beyond_milvus_is_refused_by_name(collection: MilvusCollection) -> None:
    """Before anything is stored; what just fits is kept."""
    vector = records(1)[0].vector
    for metadata in ({"text": "x" * 65_536}, {"list": [str(i) for i in range(1900)]}):
        with pytest.raises(EngineUnsupported, match=r"'long'.*shorten it"):
            collection.upsert([*records(2), Record("long", vector, metadata)])
    assert collection.stats().count == 0
    fits = {"text": "x" * 40_000, "list": [str(i) for i in range(1897)]}
    collection.upsert([Record("fits", vector, fits)])
    assert collection.fetch(["fits"])[0].metadata == fits
    assert len(collection.query(vector, 3, parse_filter({"list": "1896"}))) == 1


def test_ids_of_512_characters_of_four_bytes(collection: MilvusCollection) -> None:
    """Milvus counts bytes, products count characters; milvus-lite does not count."""
    (field,) = [
        one
        for one in collection._client.describe_collection("products")["fields"]
        if one["name"] == "id"
    ]
    assert field["params"]["max_length"] == 4 * 512
    record = Record("木🪵" * 256, records(1)[0].vector, {})
    collection.upsert([record])
    assert collection.query(record.vector, 1)[0].id == record.id
    assert collection.fetch([record.id])[0].id == record.id
    collection.delete([record.id])
    assert collection.stats().count == 0


# -- opening and errors ------------------------------------------------------------------------


def test_a_collection_that_is_not_ours_is_refused(
    engine: Engine, collection: MilvusCollection
) -> None:
    """Records without a stamp: taken over on request, and kept. Without records they are ours."""
    collection._client.drop_collection_properties("products", [milvus.STAMP])
    other = MilvusCollection.open(engine, PRODUCTS)
    assert other.stats().stamp == "stamp"
    collection.upsert(records(3))
    collection._client.drop_collection_properties("products", [milvus.STAMP])
    with pytest.raises(EngineMismatch) as caught:
        MilvusCollection.open(engine, PRODUCTS)
    assert caught.value.stamp == ""
    ours = MilvusCollection.open(engine, PRODUCTS, mode="take-over")
    assert ours.stats().count == 3
    other.close()
    ours.close()


@pytest.mark.parametrize("mode", get_args(Mode))
def test_a_collection_of_another_application_is_left_alone(engine: Engine, mode: Mode) -> None:
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
    if mode == "inspect":
        other = MilvusCollection.open(engine, PRODUCTS, mode=mode)
        for call in (
            other.stats,
            lambda: list(other.ids()),
            lambda: other.fetch(["1"]),
            lambda: other.delete(None),
        ):
            with pytest.raises(EngineMismatch, match="FLOORLENS_NAMESPACE"):
                call()
        other.close()
    else:
        with pytest.raises(EngineMismatch, match="FLOORLENS_NAMESPACE"):
            MilvusCollection.open(engine, PRODUCTS, mode=mode)
    client = MilvusClient(uri=str(engine.url))
    client.load_collection("products")
    assert len(client.query("products", filter="id == 1", output_fields=["id"])) == 1
    client.close()


def test_a_collection_half_made_is_finished(engine: Engine, collection: MilvusCollection) -> None:
    """On a server collection and index are made one after the other."""
    collection._client.release_collection("products")
    collection._client.drop_index("products", "vector")
    again = MilvusCollection.open(engine, PRODUCTS)
    again.upsert(records(3))
    assert len(again.query(records(1)[0].vector, 5)) == 3
    again.close()


def test_looking_makes_no_files(tmp_path: Path) -> None:
    engine = Engine("milvus", url=str(tmp_path / "none" / "milvus.db"))
    with pytest.raises(CollectionNotFound, match="engine sync --to milvus"):
        MilvusCollection.open(engine, PRODUCTS, mode="existing")
    assert not (tmp_path / "none").exists()
    collection = MilvusCollection.open(engine, PRODUCTS)
    assert collection.stats().count == 0
    collection.close()


@pytest.mark.parametrize("url", [None, "", "milvus.sqlite", "localhost:19530"])
def test_an_address_that_cannot_be_meant(url: str | None) -> None:
    with pytest.raises(SettingsError, match=r"\.db, or http"):
        MilvusCollection.open(Engine("milvus", url=url), PRODUCTS)


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    """Such as that of an older milvus-lite."""
    file = tmp_path / "old.db"
    file.write_bytes(b"SQLite format 3\0")
    with pytest.raises(EngineUnavailable, match="no folder of milvus-lite"):
        MilvusCollection.open(Engine("milvus", url=str(file)), PRODUCTS)
    below = Engine("milvus", url=str(file / "milvus.db"))
    with pytest.raises(EngineUnavailable):
        MilvusCollection.open(below, PRODUCTS)


def test_no_server() -> None:
    with pytest.raises(EngineUnavailable, match="does not answer"):
        MilvusCollection.open(
            Engine("milvus", url="http://127.0.0.1:1", api_key="secret", timeout=2), PRODUCTS
        )


@pytest.mark.parametrize("url", ["http://root:s3cret@127.0.0.1:1", "http://s3cret@127.0.0.1:1"])
def test_no_server_and_a_password(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """The error does not show it; what pymilvus would log of it, a traceback, is left out."""
    engine = Engine("milvus", url=url, timeout=2)
    with pytest.raises(EngineUnavailable, match=r"http://\*\*\*@127") as caught:
        MilvusCollection.open(engine, PRODUCTS)
    assert "s3cret" not in str(caught.value) + repr(engine)
    assert [one for one in caplog.records if one.name.startswith("pymilvus")] == []


def test_pymilvus_logs_what_is_not_ours(
    collection: MilvusCollection, caplog: pytest.LogCaptureFixture
) -> None:
    """Its other users in this process miss nothing."""
    from pymilvus import MilvusException

    with pytest.raises(CollectionNotFound), collection._calling():
        collection._client.query("nowhere", filter='id == "a"')
    assert not [one for one in caplog.records if one.name.startswith("pymilvus")]
    with pytest.raises(MilvusException):
        collection._client.query("nowhere", filter='id == "a"')
    assert [one for one in caplog.records if one.name.startswith("pymilvus")]


def test_a_name_that_milvus_does_not_take(engine: Engine) -> None:
    with pytest.raises(EngineUnsupported, match="FLOORLENS_NAMESPACE"):
        MilvusCollection.open(engine, CollectionSpec("my-floors", 4, ""))


def test_without_the_extra(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(MissingDependency, match=r"floorlens\[milvus\]"):
        MilvusCollection.open(engine, PRODUCTS)


def test_a_collection_that_vanished(engine: Engine, collection: MilvusCollection) -> None:
    other = MilvusCollection.open(engine, PRODUCTS)
    other.delete(None)
    other.close()
    for call in (
        lambda: collection.query(records(1)[0].vector, 3),
        lambda: collection.upsert(records(1)),
        lambda: collection.delete(["p00000"]),
        lambda: collection.stats(),
        lambda: list(collection.ids()),
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
    collection: MilvusCollection, code: int, message: str, expected: type[EngineError]
) -> None:
    """With a cure, and without Milvus's text."""
    from pymilvus import MilvusException

    with pytest.raises(expected) as caught, collection._calling():
        raise MilvusException(code=code, message=message)
    assert message not in str(caught.value)
