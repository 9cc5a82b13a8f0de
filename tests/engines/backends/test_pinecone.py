"""The Pinecone adapter, over the real SDK and the double: what the contract suite does not ask."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.slow

pinecone = pytest.importorskip("pinecone", reason="needs the extra pinecone")
pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("uvicorn", reason="needs the extra api")

from floorlens.engines import CollectionSpec, Engine, Record
from floorlens.engines.backends.pinecone import client
from floorlens.engines.backends.pinecone import collection as adapter
from floorlens.engines.backends.pinecone.collection import STAMPS, PineconeCollection
from floorlens.engines.backends.pinecone.values import (
    fetch_batches,
    translate_filter,
    upsert_batches,
    vector_item,
)
from floorlens.engines.filters import MAX_DEPTH, parse_filter
from floorlens.errors import (
    CollectionNotFound,
    EngineDenied,
    EngineMismatch,
    EngineUnavailable,
    EngineUnsupported,
    MissingDependency,
)
from tests.doubles.pinecone.filters import check_filter, passes_filter
from tests.doubles.pinecone.server import Double, running_double

# Before the fixture of all tests takes it out of the environment: for the one live test.
LIVE_KEY = os.environ.get("PINECONE_API_KEY")
KEY = "secret-key-of-a-test"
NUMBERS = count(1)

Open = Callable[..., PineconeCollection]


@pytest.fixture(scope="module")
def double() -> Iterator[Double]:
    with running_double(api_key=KEY) as running:
        yield running


@pytest.fixture
def engine(double: Double) -> Engine:
    """An engine with an index of its own."""
    double.faults.clear()
    double.calls.clear()
    double.visible_after = double.ready_after = 0
    return Engine("pinecone", url=double.url, api_key=KEY, index=f"test-{next(NUMBERS)}")


@pytest.fixture
def spec() -> CollectionSpec:
    return CollectionSpec("floors", 4, "stamp 1")


@pytest.fixture
def open_collection() -> Iterator[Open]:
    handles: list[PineconeCollection] = []

    def opener(*what: Any, **options: Any) -> PineconeCollection:
        handles.append(PineconeCollection.open(*what, **options))
        return handles[-1]

    yield opener
    for handle in handles:
        handle.close()


def unit(*values: float) -> np.ndarray:
    vector = np.asarray(values, np.float32)
    return vector / np.linalg.norm(vector)


def record(record_id: str = "oak", /, **metadata: Any) -> Record:
    return Record(record_id, unit(1, 2, 3, 4), metadata)


def raw(engine: Engine) -> Any:
    """The SDK's own client of the engine's index, as another application has it."""
    control = pinecone.Pinecone(KEY, host=engine.url)
    return control.index(engine.index)


def all_ids(collection: PineconeCollection) -> list[str]:
    return sorted(name for page in collection.ids() for name in page)


# -- opening -----------------------------------------------------------------------------------


def test_an_index_is_made_as_the_settings_say_and_waited_for(
    double: Double, engine: Engine, spec: CollectionSpec, open_collection: Open
) -> None:
    """Nothing is sent to an index that is not ready: the double would refuse it."""
    double.ready_after = 0.4
    collection = open_collection(replace(engine, cloud="gcp", region="europe-west4"), spec)
    description = double.indexes[f"{engine.index}"].description
    assert description["deployment"]["cloud"] == "gcp"
    assert description["deployment"]["region"] == "europe-west4"
    assert description["schema"]["fields"]["_values"]["dimension"] == 4
    assert description["schema"]["fields"]["_values"]["metric"] == "cosine"
    collection.upsert([record()])
    assert {call.status for call in double.called("/data/")} == {200}
    open_collection(engine, spec)
    assert sum(call.method == "POST" for call in double.calls if call.path == "/indexes") == 1


def test_an_index_that_is_never_ready(
    double: Double,
    engine: Engine,
    spec: CollectionSpec,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "READY_SECONDS", 0.2)
    double.ready_after = 3600
    with pytest.raises(EngineUnavailable, match=f"{engine.index}.* is not ready"):
        PineconeCollection.open(engine, spec)


def test_an_existing_collection_is_not_made(
    double: Double, engine: Engine, spec: CollectionSpec, open_collection: Open
) -> None:
    """Neither the index nor a stamp in one that is there."""
    with pytest.raises(CollectionNotFound, match=f"{engine.index}.*floors"):
        PineconeCollection.open(engine, spec, mode="existing")
    assert engine.index not in double.indexes
    open_collection(engine, spec)
    with pytest.raises(CollectionNotFound, match="other"):
        open_collection(engine, replace(spec, name="other"), mode="existing")
    assert set(raw(engine).describe_index_stats().namespaces) == {STAMPS}


@pytest.mark.parametrize(("dimension", "metric"), [(8, "cosine"), (4, "dotproduct")])
def test_an_index_of_another_kind_is_refused(
    engine: Engine, spec: CollectionSpec, open_collection: Open, dimension: int, metric: str
) -> None:
    """Also to be taken over: it is not ours alone, so that it is not made anew."""
    control = pinecone.Pinecone(KEY, host=engine.url)
    serverless = pinecone.ServerlessSpec(cloud="aws", region="us-east-1")
    control.create_index(
        name=f"{engine.index}", dimension=dimension, metric=metric, spec=serverless, timeout=-1
    )
    for mode in ("create", "take-over"):
        with pytest.raises(EngineMismatch, match=f"{dimension} .*{metric}.*FLOORLENS_INDEX_NAME"):
            open_collection(engine, spec, mode=mode)


def test_one_default_index_for_each_dimension(
    double: Double, engine: Engine, spec: CollectionSpec, open_collection: Open
) -> None:
    """An index holds one dimension: catalogues of two presets must not meet."""
    open_collection(replace(engine, index=None), spec)
    open_collection(replace(engine, index=None), replace(spec, dimension=7))
    assert {f"floorlens-{spec.dimension}", "floorlens-7"} <= set(double.indexes)


@pytest.mark.parametrize("name", ["Floors", "floor_1", "-floors", "floors-", "f" * 46, "größe"])
def test_a_name_that_no_index_can_have(
    double: Double, engine: Engine, spec: CollectionSpec, name: str
) -> None:
    with pytest.raises(EngineUnsupported, match="FLOORLENS_INDEX_NAME"):
        PineconeCollection.open(replace(engine, index=name), spec)
    assert not double.calls


@pytest.mark.parametrize("name", [STAMPS, "größe", "n" * 513, "a\0"])
def test_a_name_that_no_namespace_can_have(
    double: Double, engine: Engine, spec: CollectionSpec, name: str
) -> None:
    with pytest.raises(EngineUnsupported, match="FLOORLENS_NAMESPACE"):
        PineconeCollection.open(replace(engine, namespace=name), spec)
    assert not double.calls


def test_what_the_reference_application_filled_can_be_taken_over(
    engine: Engine, spec: CollectionSpec, open_collection: Open
) -> None:
    """Its records have no stamp and lie in the namespace of requests that name none."""
    open_collection(engine, spec)
    theirs = [
        {"id": f"floor_{i}", "values": [1.0, i, 0, 0], "metadata": {"type": "floor"}}
        for i in range(1, 4)
    ]
    raw(engine).upsert(vectors=theirs)
    default = replace(engine, namespace="__default__")
    for mode in ("create", "existing"):
        with pytest.raises(EngineMismatch, match="--take-over") as caught:
            open_collection(default, spec, mode=mode)
        assert caught.value.stamp == ""
    collection = open_collection(default, spec, mode="take-over")
    assert collection.stats().count == 3
    assert all_ids(collection) == ["floor_1", "floor_2", "floor_3"]
    hits = collection.query(unit(1, 1, 0, 0), 1, parse_filter({"type": "floor"}))
    assert [hit.id for hit in hits] == ["floor_1"]
    # From now on it is ours; a setting that is empty means the same namespace.
    again = open_collection(replace(engine, namespace=""), spec, mode="existing")
    assert again.stats().count == 3


def test_the_stamp_is_no_record(
    engine: Engine, spec: CollectionSpec, open_collection: Open
) -> None:
    """Nobody who reads the collection sees it; `delete(None)` takes it away, not the index."""
    collection, other = (
        open_collection(engine, spec),
        open_collection(engine, replace(spec, name="other")),
    )
    assert (all_ids(collection), collection.stats().count) == ([], 0)
    assert collection.query(unit(1, 0, 0, 0), 10) == []
    assert sorted(raw(engine).fetch(ids=["floors", "other"], namespace=STAMPS).vectors) == [
        "floors",
        "other",
    ]
    collection.upsert([record()])
    collection.delete(None)
    assert list(raw(engine).fetch(ids=["floors", "other"], namespace=STAMPS).vectors) == ["other"]
    with pytest.raises(CollectionNotFound, match="open it again"):
        collection.upsert([record()])
    assert open_collection(engine, replace(spec, stamp="stamp 2")).stats().count == 0
    assert other.stats().count == 0


def test_a_namespace_that_was_taken_over_takes_no_more(
    engine: Engine, spec: CollectionSpec, open_collection: Open
) -> None:
    """Else vectors of two models would mix."""
    theirs = replace(spec, stamp="stamp 2")
    first = open_collection(engine, spec)
    second = open_collection(engine, theirs, mode="take-over")
    second.upsert([record("new")])
    with pytest.raises(EngineMismatch, match="taken over") as caught:
        first.upsert([record("old")])
    assert caught.value.stamp == "stamp 2"
    assert all_ids(first) == ["new"]


def test_who_was_taken_over_from_removes_nothing(
    engine: Engine, spec: CollectionSpec, open_collection: Open
) -> None:
    """Its ids may be those of other products by now."""
    first = open_collection(engine, spec)
    open_collection(engine, replace(spec, stamp="stamp 2"), mode="take-over").upsert(
        [record("new")]
    )
    with pytest.raises(EngineMismatch, match="taken over") as caught:
        first.delete(["new"])
    assert caught.value.stamp == "stamp 2"
    assert all_ids(first) == ["new"]


def test_a_namespace_that_was_emptied_is_not_filled_without_its_stamp(
    engine: Engine, spec: CollectionSpec, open_collection: Open
) -> None:
    """Else nobody, its own processes not either, could open it again."""
    first = open_collection(engine, spec)
    first.upsert([record()])
    open_collection(engine, spec).delete(None)
    with pytest.raises(CollectionNotFound, match="open it again"):
        first.upsert([record()])
    with pytest.raises(CollectionNotFound, match="open it again"):
        first.delete(["oak"])
    again = open_collection(engine, spec)
    again.upsert([record("new")])
    first.upsert([record("old")])
    assert all_ids(open_collection(engine, spec, mode="existing")) == ["new", "old"]


def test_two_stamps_that_claim_a_namespace_at_once(
    engine: Engine, spec: CollectionSpec, open_collection: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last one has it; the other is told so, and does not wait for its own."""
    open_collection(engine, replace(spec, name="elsewhere"))
    theirs = vector_item(Record("floors", unit(1, 0, 0, 0), {"stamp": "stamp 2"}))
    batches = upsert_batches

    def batches_of_another(items: Any) -> Iterator[Any]:
        yield from batches(items)
        raw(engine).upsert(vectors=[theirs], namespace=STAMPS)

    monkeypatch.setattr(adapter, "upsert_batches", batches_of_another)
    monkeypatch.setattr(adapter, "FRESH_SECONDS", 3.0)
    for mode in ("create", "take-over"):
        raw(engine).delete(ids=["floors"], namespace=STAMPS)
        with pytest.raises(EngineMismatch, match="taken over") as caught:
            open_collection(engine, spec, mode=mode)
        assert caught.value.stamp == "stamp 2"


def test_inspecting_reads_an_index_of_another_kind(
    engine: Engine, spec: CollectionSpec, open_collection: Open
) -> None:
    """Another dimension and metric, no stamp: as the reference application may have left it."""
    control = pinecone.Pinecone(KEY, host=engine.url)
    serverless = pinecone.ServerlessSpec(cloud="aws", region="us-east-1")
    control.create_index(name=engine.index, dimension=3, metric="euclidean", spec=serverless)
    with pytest.raises(CollectionNotFound):
        open_collection(engine, spec, mode="inspect")
    raw(engine).upsert(vectors=[{"id": "a", "values": [1.0, 2.0, 3.0]}], namespace="floors")
    collection = open_collection(engine, spec, mode="inspect")
    stats = collection.stats()
    assert (stats.count, stats.dimension, stats.stamp) == (1, 3, "")
    assert all_ids(collection) == ["a"]
    (only,) = collection.fetch(["a"])
    assert (only.vector.tolist(), only.metadata) == ([1, 2, 3], {})


# -- keys --------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [None, ""])
def test_without_a_key_nothing_is_sent(
    double: Double,
    engine: Engine,
    spec: CollectionSpec,
    key: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Settings read the variable; the adapter takes no key from elsewhere."""
    monkeypatch.setenv("PINECONE_API_KEY", KEY)
    with pytest.raises(EngineDenied, match="set PINECONE_API_KEY"):
        PineconeCollection.open(replace(engine, api_key=key), spec)
    assert not double.calls


def test_a_wrong_key_is_denied_and_not_shown(engine: Engine, spec: CollectionSpec) -> None:
    for key in ("another-key", "another\nkey"):
        with pytest.raises(EngineDenied, match="PINECONE_API_KEY") as caught:
            PineconeCollection.open(replace(engine, api_key=key), spec)
        assert "another" not in str(caught.value)


def test_white_space_around_a_key_is_not_of_it(
    engine: Engine, spec: CollectionSpec, open_collection: Open
) -> None:
    """As a key that is read from a file has."""
    open_collection(replace(engine, api_key=f" {KEY}\n"), spec)


def test_without_the_sdk_the_extra_is_named(
    engine: Engine, spec: CollectionSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pinecone", None)
    with pytest.raises(MissingDependency, match=r"pip install 'floorlens\[pinecone\]'"):
        PineconeCollection.open(engine, spec)


# -- writes ------------------------------------------------------------------------------------


def test_batches_keep_both_limits(
    double: Double, engine: Engine, spec: CollectionSpec, open_collection: Open
) -> None:
    """1,000 vectors and 2 MB; the double refuses more. No batch is needlessly small."""
    collection = open_collection(engine, spec)
    double.calls.clear()
    collection.upsert([record(f"p{i:04}") for i in range(2500)])
    assert [call.items for call in double.called("/upsert")] == [1000, 1000, 500]
    double.calls.clear()
    collection.upsert([record(f"p{i:04}", text="ö" * 19_000) for i in range(120)])
    calls = double.called("/upsert")
    assert sum(call.items for call in calls) == 120
    assert all(call.size <= 2 * 1024 * 1024 for call in calls)
    assert len(calls) == 3
    assert collection.stats().count == 2500


def test_wide_vectors_are_batched_by_their_bytes() -> None:
    """What is estimated is never less than what the SDK sends."""
    from pinecone._internal.http_client import _encode_json

    rng = np.random.default_rng(0)
    # Small numbers are the longest in JSON: -1.2345678901234567e-05.
    rows = [-np.abs(rng.normal(size=512)).astype(np.float32) * 1e-5 for _ in range(400)]
    items = [
        vector_item(Record(f'"{i}"\t', row, {"name": "größe \\ 木", "price": 1e-7}))
        for i, row in enumerate(rows)
    ]
    batches = list(upsert_batches(items))
    assert [item for batch in batches for item in batch] == items
    sizes = [len(_encode_json({"vectors": batch, "namespace": "n" * 512})) for batch in batches]
    assert max(sizes) <= 2_000_000
    assert len(batches) < 2 * sum(sizes) / 2_000_000


def test_of_several_records_of_one_id_one_is_sent(
    double: Double, engine: Engine, spec: CollectionSpec, open_collection: Open
) -> None:
    collection = open_collection(engine, spec)
    double.calls.clear()
    collection.upsert([record("a", n=1), record("b"), record("a", n=2)])
    assert [call.items for call in double.called("/upsert")] == [2]
    assert collection.fetch(["a"])[0].metadata == {"n": 2}


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"fine": 1, "strange": 2**53 + 1}, "strange"),
        ({"strange": 10**400}, "strange"),
        ({"strange": -(10**400)}, "strange"),
        ({"strange": "\ud800"}, "strange"),
        ({"strange": ["a", "\udfff"]}, "strange"),
        ({"$strange": 1}, "strange"),
        ({"strange\ud800": 1}, "strange"),
        ({"fine": "x", "strange": "y" * 41_000}, "strange"),
        ({"strange": [True]}, "strange"),
    ],
    ids=lambda value: f"{value!r}"[:30],
)
def test_metadata_that_pinecone_cannot_keep(
    double: Double,
    engine: Engine,
    spec: CollectionSpec,
    open_collection: Open,
    metadata: dict[str, Any],
    field: str,
) -> None:
    """The error names product and field, and nothing is sent."""
    collection = open_collection(engine, spec)
    double.calls.clear()
    with pytest.raises(EngineUnsupported, match=rf"odd one[^|]*{field}"):
        collection.upsert([record("fine"), record("odd one", **metadata)])
    assert not double.calls


def test_metadata_comes_back_as_it_was(
    engine: Engine, spec: CollectionSpec, open_collection: Open
) -> None:
    """Numbers as floats, which are equal to their integers; a field without a value is left out."""
    collection = open_collection(engine, spec)
    metadata = {"price": 5, "big": 2**70, "new": True, "rooms": ("a", "b"), "none": [], "name": "x"}
    collection.upsert([record(**metadata, absent=None)])
    assert collection.fetch(["oak"])[0].metadata == {**metadata, "rooms": ["a", "b"]}
    assert collection.fetch(["oak"])[0].metadata["new"] is True
    assert collection.query(unit(1, 2, 3, 4), 5, parse_filter({"absent": {"$exists": False}}))


@pytest.mark.parametrize("name", ["", "größe", "i" * 513, "a\0b"])
def test_an_id_that_pinecone_cannot_keep(
    double: Double, engine: Engine, spec: CollectionSpec, open_collection: Open, name: str
) -> None:
    """It is refused; to read or to delete it is to name an id that is not there."""
    collection = open_collection(engine, spec)
    collection.upsert([record("fine")])
    double.calls.clear()
    with pytest.raises(EngineUnsupported, match="ids of 1 to 512 ASCII characters"):
        collection.upsert([record(name)])
    assert collection.fetch([name]) == []
    collection.delete([name])
    assert not double.calls
    assert [one.id for one in collection.fetch([name, "fine"])] == ["fine"]


@pytest.mark.parametrize("values", [(0, 0, 0, 0), (1, 0, 0, np.nan), (np.inf, 0, 0, 0)])
def test_a_vector_without_direction(
    double: Double,
    engine: Engine,
    spec: CollectionSpec,
    open_collection: Open,
    values: tuple[float, ...],
) -> None:
    collection = open_collection(engine, spec)
    double.calls.clear()
    with pytest.raises(EngineUnsupported, match="odd one"):
        collection.upsert([Record("odd one", np.asarray(values, np.float32), {})])
    assert not double.calls


def test_long_ids_fit_into_addresses(
    double: Double, engine: Engine, spec: CollectionSpec, open_collection: Open
) -> None:
    """`fetch` puts ids into the address: of the longest ones few go into one call."""
    collection = open_collection(engine, spec)
    names = [f"{i:03}" + "#" * 509 for i in range(30)]
    collection.upsert([record(name) for name in names])
    double.calls.clear()
    assert [one.id for one in collection.fetch(names)] == names
    # A # is sent as %23; many proxies end an address at 8,192 characters.
    assert all(call.items * (3 + 3 * 509 + len("&ids=")) < 8000 for call in double.called("/fetch"))
    batches = list(fetch_batches([f"floor_{i}" for i in range(2500)]))
    assert max(len(batch) for batch in batches) > 300
    collection.delete(names)
    assert all_ids(collection) == []


# -- delayed visibility ------------------------------------------------------------------------


def test_fresh_writes_are_seen_when_they_return(
    double: Double, engine: Engine, spec: CollectionSpec, open_collection: Open
) -> None:
    """New records, new vectors and new metadata of old ones, and removals."""
    double.visible_after = 0.25
    collection = open_collection(replace(engine, fresh=True), spec)
    records = [record(f"p{i}", n=i, rooms=["hall"], none=[]) for i in range(5)]
    collection.upsert(records)
    assert all_ids(collection) == [one.id for one in records]
    collection.upsert([record("p0", n=100)])
    assert collection.query(unit(1, 1, 1, 1), 5, parse_filter({"n": 100}))[0].id == "p0"
    collection.upsert([Record("p1", unit(1, 0, 0, 0), records[1].metadata)])
    assert collection.query(unit(1, 0, 0, 0), 1)[0].id == "p1"
    collection.delete(["p0", "p1"])
    assert all_ids(collection) == ["p2", "p3", "p4"]


def test_other_writes_are_seen_later(
    double: Double, engine: Engine, spec: CollectionSpec, open_collection: Open
) -> None:
    """They are kept, and nothing waits for them."""
    collection = open_collection(engine, spec)
    double.visible_after = 3600
    collection.upsert([record()])
    assert collection.query(unit(1, 2, 3, 4), 5) == []
    double.settle()
    assert [hit.id for hit in collection.query(unit(1, 2, 3, 4), 5)] == ["oak"]
    collection.delete(["oak"])
    assert collection.stats().count == 1
    double.settle()
    assert collection.stats().count == 0


def test_the_stamp_and_the_end_are_always_waited_for(
    double: Double, engine: Engine, spec: CollectionSpec, open_collection: Open
) -> None:
    """Else the next one to open would take the records for somebody else's."""
    double.visible_after = 0.25
    collection = open_collection(engine, spec)
    collection.upsert([record()])
    assert open_collection(engine, spec, mode="existing").stats().stamp == "stamp 1"
    collection.delete(None)
    with pytest.raises(CollectionNotFound):
        open_collection(engine, spec, mode="existing")
    assert open_collection(engine, replace(spec, stamp="stamp 2")).stats().count == 0


def test_a_write_that_is_never_seen(
    double: Double,
    engine: Engine,
    spec: CollectionSpec,
    open_collection: Open,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    collection = open_collection(replace(engine, fresh=True), spec)
    monkeypatch.setattr(adapter, "FRESH_SECONDS", 0.2)
    double.visible_after = 3600
    with pytest.raises(EngineUnavailable, match="does not show it"):
        collection.upsert([record()])
    double.settle()
    assert collection.stats().count == 1


# -- queries and filters -----------------------------------------------------------------------


def test_ties_are_put_into_order_of_id(
    engine: Engine, spec: CollectionSpec, open_collection: Open
) -> None:
    """The double returns them the other way round."""
    collection = open_collection(engine, spec)
    collection.upsert([record(name) for name in ("c", "a", "b")])
    query = unit(4, 3, 2, 1)
    sent = raw(engine).query(vector=query.tolist(), top_k=5, namespace="floors").matches
    assert [match.id for match in sent] == ["c", "b", "a"]
    assert [hit.id for hit in collection.query(query, 5)] == ["a", "b", "c"]


def test_what_cannot_match_is_not_sent(
    double: Double, engine: Engine, spec: CollectionSpec, open_collection: Open
) -> None:
    collection = open_collection(engine, spec)
    collection.upsert([record(price=1)])
    double.calls.clear()
    query = unit(1, 2, 3, 4)
    assert collection.query(query, 5, parse_filter({"price": {"$in": []}})) == []
    assert collection.query(query, 0) == []
    assert not double.calls
    assert len(collection.query(query, 5, parse_filter({"price": {"$nin": []}}))) == 1
    assert "filter" not in double.calls[0].body
    with pytest.raises(EngineUnsupported, match="at most 10000 hits, not 10001"):
        collection.query(query, 10_001)
    with pytest.raises(EngineMismatch, match="shape"):
        collection.query(unit(1, 2, 3), 5)


@pytest.mark.parametrize(
    "where",
    [
        {"price": 2**53 + 1},
        {"price": {"$in": [1, 2**53 + 1]}},
        {"price": {"$nin": list(range(10_001))}},
        {"name": "\ud800"},
    ],
    ids=lambda where: f"{where}"[:30],
)
def test_a_filter_that_pinecone_cannot_apply(
    double: Double,
    engine: Engine,
    spec: CollectionSpec,
    open_collection: Open,
    where: dict[str, Any],
) -> None:
    collection = open_collection(engine, spec)
    double.calls.clear()
    with pytest.raises(EngineUnsupported):
        collection.query(unit(1, 2, 3, 4), 5, parse_filter(where))
    assert not double.calls


TEXTS = ("oak", "", "1", "true")
SCALARS = st.sampled_from((*TEXTS, 0, 1, 1.0, 2.5, -1, 2**60, True, False))
HELD = st.dictionaries(
    st.sampled_from("abc"), SCALARS | st.lists(st.sampled_from(TEXTS), max_size=3), max_size=3
)
CONDITIONS = st.one_of(
    st.builds(lambda name, value: {name: value}, st.sampled_from(["$eq", "$ne"]), SCALARS),
    st.builds(
        lambda name, value: {name: value},
        st.sampled_from(["$gt", "$gte", "$lt", "$lte"]),
        st.sampled_from((0, 1, 1.0, 2.5, -1, 2**60)),
    ),
    st.builds(
        lambda name, values: {name: values},
        st.sampled_from(["$in", "$nin"]),
        st.lists(SCALARS, max_size=4),
    ),
    st.builds(lambda value: {"$exists": value}, st.booleans()),
)
FILTERS = st.recursive(
    st.builds(lambda field, test: {field: test}, st.sampled_from("abcd"), CONDITIONS),
    lambda inner: st.builds(
        lambda key, parts: {key: parts},
        st.sampled_from(["$and", "$or"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=6,
)


@settings(deadline=None, derandomize=True, max_examples=600, database=None)
@given(where=FILTERS, metadata=HELD, absent_differs=st.booleans())
def test_translated_filters_mean_the_same(
    where: dict[str, Any], metadata: dict[str, Any], absent_differs: bool
) -> None:
    """Whatever Pinecone makes of a record that lacks the field of a `$ne`."""
    condition = parse_filter(where)
    assert condition is not None
    request = translate_filter(condition)
    if isinstance(request, dict):
        check_filter(json.loads(json.dumps(request)))
        passes = passes_filter(request, metadata, absent_differs=absent_differs)
    else:
        passes = request
    assert passes is condition.matches(metadata), request


def test_the_deepest_filter_is_sent(
    engine: Engine, spec: CollectionSpec, open_collection: Open
) -> None:
    """Each level of ours becomes two at most."""
    collection = open_collection(engine, spec)
    collection.upsert([record(a=1)])
    where: dict[str, Any] = {"a": {"$nin": [2, "x", True]}}
    for depth in range(MAX_DEPTH):
        where = {("$and", "$or")[depth % 2]: [where, {"b": {"$exists": bool(depth % 2)}}]}
    condition = parse_filter(where)
    assert condition is not None
    assert len(collection.query(unit(1, 2, 3, 4), 5, condition)) == condition.matches({"a": 1})


# -- faults ------------------------------------------------------------------------------------

# The SDK counts faults for each host and process, and gives up retrying after some fifty:
# these run in a process of their own, whose answers are printed.
FAULTS = """
import json, time
import numpy as np
from floorlens.errors import FloorlensError
from floorlens.engines import CollectionSpec, Engine, Record
from floorlens.engines.backends.pinecone.collection import PineconeCollection
from tests.doubles.pinecone.server import running_double

oak = Record("oak", np.eye(1, 4, dtype=np.float32)[0], {"price": 1})

def tell(name, action):
    double.calls.clear()
    try:
        answer = action()
    except FloorlensError as error:
        answer = type(error).__name__ + ": " + str(error)
    double.faults.clear()
    print(json.dumps([name, answer, [call.status for call in double.calls]]), flush=True)

def wait_for_queries(count):
    # Who has given up does not hear it, but late answers are counted as well.
    end = time.monotonic() + 120
    while len(double.called("/query")) < count and time.monotonic() < end:
        time.sleep(0.02)

def search(collection):
    return [hit.id for hit in collection.query(oak.vector, 5)]

def late(action, seconds=1.2):
    engine = Engine("pinecone", double.url, "key", timeout=seconds)
    return lambda: action(PineconeCollection.open(engine, CollectionSpec("floors", 4, "stamp")))

with running_double(api_key="key") as double:
    engine = Engine("pinecone", double.url, "key", timeout=20)
    collection = PineconeCollection.open(engine, CollectionSpec("floors", 4, "stamp"))
    double.fail(429, times=2, retry_after=0.01, path="/upsert")
    tell("429 passes", lambda: collection.upsert([oak]))
    double.fail(503, times=3, retry_after=0.01, path="/query")
    tell("503 passes", lambda: search(collection))
    double.fail("reset", path="/query")
    tell("reset passes", lambda: search(collection))
    double.fail(429, times=4, retry_after=0.01, path="/query")
    tell("429 stays", lambda: search(collection))
    double.fail(503, times=4, retry_after=0.01, path="/query")
    tell("503 stays", lambda: search(collection))
    double.fail(500, times=4, retry_after=0.01, path="/upsert")
    tell("500 stays", lambda: collection.upsert([oak]))
    double.fail(429, times=4, retry_after=0.01, path="/indexes")
    tell("429 at the control plane", late(lambda collection: None))
    double.fail("slow", times=1, seconds=2, path="/query")
    tell("slow passes", late(search))
    wait_for_queries(2)
    double.fail("slow", times=4, seconds=2, path="/query")
    tell("slow stays", late(lambda collection: collection.query(oak.vector, 5)))
    wait_for_queries(4)
    for status in (400, 401, 402, 403, 404, 412, 413):
        double.fail(status, path="/query")
        tell(f"{status}", lambda: search(collection))
    double.fail(403, path="/indexes")
    tell("403 at the control plane", late(lambda collection: None))
    double.fail(401, path="/delete")
    tell("401 at delete", lambda: collection.delete(["oak"]))
    double.fail(401, path="/list")
    tell("401 at ids", lambda: list(collection.ids()))
    double.fail(401, path="/fetch")
    tell("401 at fetch", lambda: collection.fetch(["oak"]))
    double.fail(401, path="/describe_index_stats")
    tell("401 at stats", lambda: collection.stats())
    tell("afterwards", lambda: search(collection))
    url = double.url
for name, address in (
    ("nobody there", url), ("no address", "http://[1"), ("no port", "http://a:b"),
):
    tell(name, lambda: PineconeCollection.open(
        Engine("pinecone", address, "key", timeout=8), CollectionSpec("floors", 4, "stamp")))
"""


@pytest.fixture(scope="module")
def faults() -> dict[str, tuple[Any, list[int]]]:
    """What came of each fault: the answer or the error, and the statuses that were sent."""
    ended = subprocess.run(
        [sys.executable, "-c", FAULTS], capture_output=True, text=True, timeout=240
    )
    assert ended.returncode == 0, ended.stderr
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    return {name: (answer, statuses) for name, answer, statuses in lines}


@pytest.mark.parametrize(
    ("name", "expected", "statuses"),
    [
        ("429 passes", None, [200, 429, 429, 200]),
        ("503 passes", ["oak"], [503, 503, 503, 200]),
        ("reset passes", ["oak"], [0, 200]),
        ("429 stays", "EngineQuota: ", [429] * 4),
        ("503 stays", "EngineUnavailable: ", [503] * 4),
        ("500 stays", "EngineUnavailable: ", [200, *[500] * 4]),
        ("429 at the control plane", "EngineQuota: ", [429] * 4),
        ("slow passes", ["oak"], None),
        ("slow stays", "EngineUnavailable: ", None),
        ("400", "EngineUnsupported: ", [400]),
        ("401", "EngineDenied: ", [401]),
        ("402", "EngineQuota: ", [402]),
        ("403", "EngineDenied: ", [403]),
        ("404", "CollectionNotFound: ", [404]),
        ("412", "EngineUnavailable: ", [412]),
        ("413", "EngineUnsupported: ", [413]),
        ("403 at the control plane", "EngineDenied: ", [403]),
        ("401 at delete", "EngineDenied: ", [200, 401]),
        ("401 at ids", "EngineDenied: ", [401]),
        ("401 at fetch", "EngineDenied: ", [401]),
        ("401 at stats", "EngineDenied: ", [401]),
        ("afterwards", ["oak"], [200]),
        ("nobody there", "EngineUnavailable: ", []),
        ("no address", "EngineUnavailable: ", []),
        ("no port", "EngineUnavailable: ", []),
    ],
)
def test_faults(
    faults: dict[str, tuple[Any, list[int]]],
    name: str,
    expected: Any,
    statuses: list[int] | None,
) -> None:
    """What passes is retried by the SDK; what stays is our error, without the server's words."""
    answer, calls = faults[name]
    if isinstance(expected, str):
        assert answer.startswith(expected)
        assert "injected" not in answer
    else:
        assert answer == expected
    assert statuses is None or calls == statuses


# -- the real one ------------------------------------------------------------------------------


@pytest.mark.skipif(LIVE_KEY is None, reason="PINECONE_API_KEY is not set")
def test_the_real_pinecone(open_collection: Open) -> None:
    """What the double cannot prove: limits, filters and lag are as we take them to be.

    It makes a serverless index of its own and removes it.
    """
    name = f"floorlens-test-{uuid.uuid4().hex[:12]}"
    engine = Engine("pinecone", api_key=LIVE_KEY, index=name, fresh=True)
    control = pinecone.Pinecone(LIVE_KEY)
    try:
        collection = open_collection(engine, CollectionSpec("live", 4, "stamp 1"))
        values: list[dict[str, Any]] = [
            {"n": 1, "mixed": 1},
            {"n": 2, "mixed": "1"},
            {"n": 3, "mixed": True},
            {"n": 4, "mixed": ["1", "oak"]},
            {"n": 5, "mixed": []},
            {"n": 6},
        ]
        rng = np.random.default_rng(0)
        records = [
            Record(f"p{i}", unit(*rng.normal(size=4)), metadata)
            for i, metadata in enumerate(values)
        ]
        collection.upsert(records)
        assert all_ids(collection) == [one.id for one in records]
        for one, other in zip(collection.fetch(one.id for one in records), records, strict=True):
            assert one.metadata == other.metadata
            assert one.vector == pytest.approx(other.vector, abs=1e-6)
        query = unit(1, 2, 3, 4)
        tests: list[dict[str, Any]] = [
            {"$eq": 1},
            {"$ne": 1},
            {"$eq": "1"},
            {"$ne": "1"},
            {"$eq": True},
            {"$ne": True},
            {"$in": [1, "oak", True]},
            {"$nin": [1, "oak", True]},
            {"$gt": 0},
            {"$exists": True},
            {"$exists": False},
        ]
        for test in tests:
            condition = parse_filter({"mixed": test})
            assert condition is not None
            expected = {one.id for one in records if condition.matches(one.metadata)}
            assert {hit.id for hit in collection.query(query, 10, condition)} == expected, test
        similarities = {hit.id: hit.similarity for hit in collection.query(query, collection.max_k)}
        for one in records:
            assert similarities[one.id] == pytest.approx(float(one.vector @ query), abs=1e-3)
        with pytest.raises(EngineMismatch):
            open_collection(engine, CollectionSpec("live", 4, "stamp 2"))
        collection.delete(["p0"])
        assert "p0" not in all_ids(collection)
        collection.delete(None)
        with pytest.raises(CollectionNotFound):
            open_collection(engine, CollectionSpec("live", 4, "stamp 1"), mode="existing")
        with pytest.raises(EngineDenied):
            PineconeCollection.open(
                replace(engine, api_key=f"{LIVE_KEY}x"), CollectionSpec("live", 4, "stamp 1")
            )
    finally:
        if control.has_index(name):
            control.delete_index(name, timeout=300)
