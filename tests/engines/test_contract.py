"""The contract of collections, the same tests for every engine: `pytest -k contract`.

The oracle is the exact engine and, for filters, `Condition.matches`. Another engine may differ from
it by float32 rounding, and in the order of what ties within that.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorlens.engines import Collection, CollectionSpec, Engine, Hit, Record
from floorlens.engines.backends.exact import ExactCollection
from floorlens.engines.filters import Filter, parse_filter
from floorlens.errors import CollectionNotFound, EngineMismatch, EngineUnsupported

Opener = Callable[..., Collection]

DIMENSION = 8
ROUNDING = 1e-4
# The exact engine of one process stores nothing, so there is nothing to mismatch.
keeping = pytest.mark.parametrize(
    "engine", ["lancedb", "pinecone", "pgvector", "milvus", "sqlite"], indirect=True
)
# Engines with an approximate index, and from how many records on they use it.
approximate = pytest.mark.parametrize("engine", ["lancedb", "pgvector"], indirect=True)

# Names and values that break a query put together from strings.
ODD = """it's "odd" \\ %_ $x; -- größe 木"""
FIELDS = ("material", "price", "new", "rooms", "mixed", ODD, "a.b")
TEXTS = ("oak", "Oak", "", "40", "true", "o'ak", 'o"ak', "o\\ak", "%", "größe 木 🪵", "null")
NUMBERS = (0, 1, 40, -3, 40.5, 0.1, 1e-7, -1e21, 12345678.25)
SCALARS = (*TEXTS, *NUMBERS, True, False)
LISTS: tuple[list[str], ...] = ([], ["oak"], ["hall", "o'ak"], ["true", "40"], ["", "größe 木 🪵"])


def unit(values: Any) -> np.ndarray:
    vector = np.asarray(values, np.float32)
    return vector / np.linalg.norm(vector)


def vectors(count: int, seed: int, dimension: int = DIMENSION) -> list[np.ndarray]:
    matrix = np.random.default_rng(seed).normal(size=(count, dimension))
    return [unit(row) for row in matrix]


def product_metadata(rng: np.random.Generator) -> dict[str, Any]:
    """Each field may lack; `mixed` and the odd ones hold a value of any kind."""
    metadata: dict[str, Any] = {
        "material": TEXTS[rng.integers(len(TEXTS))],
        "price": NUMBERS[rng.integers(len(NUMBERS))],
        "new": bool(rng.integers(2)),
        "rooms": LISTS[rng.integers(len(LISTS))],
    }
    anything: tuple[Any, ...] = (*SCALARS, *LISTS)
    metadata.update({name: anything[rng.integers(len(anything))] for name in ("mixed", ODD, "a.b")})
    return {name: value for name, value in metadata.items() if rng.random() < 0.7}


def products(count: int, seed: int = 0, prefix: str = "p") -> list[Record]:
    rng = np.random.default_rng(seed + 1000)
    matrix = vectors(count, seed)
    return [Record(f"{prefix}{i:05}", matrix[i], product_metadata(rng)) for i in range(count)]


def oracle(records: Sequence[Record], dimension: int = DIMENSION) -> ExactCollection:
    exact = ExactCollection.open(Engine(), CollectionSpec("oracle", dimension, ""))
    exact.upsert(records)
    return exact


def agree(
    hits: Sequence[Hit],
    exact: ExactCollection,
    vector: np.ndarray,
    k: int,
    where: Filter | None = None,
) -> None:
    """Checks that hits are the oracle's: the same ids in the same order, but for what ties."""
    expected = exact.query(vector, k, where)
    assert len(hits) == len(expected), (hits, expected)
    assert len({hit.id for hit in hits}) == len(hits)
    records = {record.id: record for record in exact.fetch(hit.id for hit in hits)}
    for hit, other in zip(hits, expected, strict=True):
        assert hit.similarity == pytest.approx(other.similarity, abs=ROUNDING)
        # Another id than the oracle's in this place must be as near as the oracle's.
        true = float(records[hit.id].vector.astype(float) @ vector.astype(float))
        assert true == pytest.approx(other.similarity, abs=ROUNDING), (hit, other)
        assert where is None or where.matches(records[hit.id].metadata), (hit, where)


def same_records(records: Sequence[Record], expected: Sequence[Record]) -> None:
    assert [record.id for record in records] == [record.id for record in expected]
    for one, other in zip(records, expected, strict=True):
        assert {**one.metadata} == {**other.metadata}
        assert one.vector.dtype == np.float32
        assert one.vector == pytest.approx(other.vector, abs=1e-6)


def all_ids(collection: Collection) -> list[str]:
    return [record_id for page in collection.ids() for record_id in page]


# -- filters -----------------------------------------------------------------------------------

CONDITIONS = st.one_of(
    st.tuples(st.sampled_from(["$eq", "$ne"]), st.sampled_from(SCALARS)),
    st.tuples(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), st.sampled_from(NUMBERS)),
    st.tuples(
        st.sampled_from(["$in", "$nin"]), st.lists(st.sampled_from(SCALARS), max_size=4).map(list)
    ),
    st.tuples(st.just("$exists"), st.booleans()),
)
LEAVES = st.builds(
    lambda field, pair: {field: {pair[0]: pair[1]}},
    st.sampled_from((*FIELDS, "nowhere")),
    CONDITIONS,
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda key, parts: {key: parts},
        st.sampled_from(["$and", "$or"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=5,
)


def test_random_filters(engine: Engine, spec: CollectionSpec, open_collection: Opener) -> None:
    """130 filters of the whole language, on metadata of every kind."""
    records = products(120)
    collection = open_collection(engine, spec)
    collection.upsert(records)
    exact = oracle(records)
    query = vectors(1, 77)[0]
    passing = []

    @settings(max_examples=130, deadline=None, derandomize=True, database=None)
    @given(FILTERS, st.sampled_from([1, 7, 200]))
    def check(where: dict[str, Any], k: int) -> None:
        condition = parse_filter(where)
        hits = collection.query(query, k, condition)
        agree(hits, exact, query, k, condition)
        passing.append(len(hits))

    check()
    assert len(passing) >= 130
    # Which filters hypothesis draws depends on the text of this test: enough must find something.
    assert sum(count > 0 for count in passing) > 50


EDGES: list[dict[str, Any]] = [
    *(
        {field: {operator: value}}
        for field in ("mixed", ODD)
        for operator in ("$eq", "$ne")
        for value in (1, True, "true", "o'ak", "größe 木 🪵", 0.1, 40, "40")
    ),
    *({"mixed": {operator: 40}} for operator in ("$gt", "$gte", "$lt", "$lte")),
    {"rooms": {"$exists": True}},
    {"rooms": {"$exists": False}},
    {"rooms": "hall"},
    {"rooms": {"$ne": "hall"}},
    {"rooms": {"$nin": ["hall", "oak"]}},
    {"mixed": {"$in": []}},
    {"mixed": {"$nin": []}},
    {"mixed": {"$in": [1, "oak", True]}},
    {"material": {"$in": [f"text {i}" for i in range(200)] + ["oak"]}},
    {"nowhere": {"$gt": 1}},
    {"nowhere": {"$ne": 1}},
    {"$or": [{"nowhere": 1}, {"$and": [{"new": True}, {"price": {"$lt": 1}}]}]},
]


def test_filters_at_the_edges(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """Kinds that look alike, lists and their members, fields that no product has."""
    records = products(150, seed=1)
    collection = open_collection(engine, spec)
    collection.upsert(records)
    exact = oracle(records)
    query = vectors(1, 78)[0]
    for where in EDGES:
        condition = parse_filter(where)
        agree(collection.query(query, 150, condition), exact, query, 150, condition)


def test_deeply_nested_filters(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """As deep as the language allows."""
    records = products(30, seed=2)
    collection = open_collection(engine, spec)
    collection.upsert(records)
    where: dict[str, Any] = {"new": True}
    for depth in range(30):
        key = "$and" if depth % 2 else "$or"
        where = {key: [where, {"price": {"$gte": 0}}]}
    condition = parse_filter(where)
    query = vectors(1, 79)[0]
    hits = collection.query(query, 30, condition)
    assert hits
    agree(hits, oracle(records), query, 30, condition)


@pytest.mark.parametrize(
    "engine", ["exact", "lancedb", "pgvector", "milvus", "sqlite"], indirect=True
)
def test_numbers_that_doubles_hardly_tell_apart(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """Whole numbers beyond 2**53, neighbours, both zeros. (Pinecone: doubles.)"""
    values = [2**53, 2**53 + 1, 2**53 + 2, float(2**53), 1e23, 10**23, -(2**64) - 1, -(2.0**64)]
    values += [0, 0.0, -0.0, 5e-324, -5e-324, 1.7976931348623157e308, 0.1, 0.1 + 2**-56, 3 * 10**30]
    records = [
        Record(f"p{i:02}", vector, {"n": number, "twice": [str(number)]})
        for i, (number, vector) in enumerate(zip(values, vectors(len(values), 40), strict=True))
    ]
    collection = open_collection(engine, spec)
    collection.upsert(records)
    exact = oracle(records)
    query = vectors(1, 41)[0]
    for bound in values:
        for operator in ("$eq", "$ne", "$gt", "$gte", "$lt", "$lte"):
            condition = parse_filter({"n": {operator: bound}})
            expected = {hit.id for hit in exact.query(query, 50, condition)}
            ids = {hit.id for hit in collection.query(query, 50, condition)}
            assert ids == expected, (operator, bound)
    for record in collection.fetch(record.id for record in records):
        assert record.metadata["n"] == values[int(record.id[1:])]


# -- queries -----------------------------------------------------------------------------------


def test_queries_rank_as_the_oracle(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """Similarities are cosines of -1..1, also those of the opposite direction."""
    records = products(300, seed=3)
    collection = open_collection(engine, spec)
    collection.upsert(records)
    exact = oracle(records)
    for seed, k in ((80, 1), (81, 10), (82, 299), (83, 300), (84, 1000)):
        query = vectors(1, seed)[0]
        agree(collection.query(query, k), exact, query, k)
    hits = collection.query(-records[0].vector, 300)
    assert hits[-1].id == "p00000"
    assert hits[-1].similarity == pytest.approx(-1, abs=ROUNDING)
    assert all(isinstance(hit.similarity, float) for hit in hits)


def test_nothing_to_find_is_an_empty_answer(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """An empty collection, no k, and a filter that nothing passes."""
    collection = open_collection(engine, spec)
    query = vectors(1, 85)[0]
    assert collection.query(query, 5) == []
    assert collection.query(query, 5, parse_filter({"new": True})) == []
    assert collection.fetch(["p00000"]) == []
    assert all_ids(collection) == []
    collection.upsert(products(3))
    assert collection.query(query, 0) == []
    assert collection.query(query, 5, parse_filter({"material": "no such"})) == []
    assert len(collection.query(query, 5)) == 3


def test_ties_come_in_order_of_id(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """The same picture sold under several ids scores the same each time."""
    twin, other = vectors(2, 4)
    collection = open_collection(engine, spec)
    names = [f"t{i:02}" for i in range(20)]
    collection.upsert([Record(name, twin, {}) for name in reversed(names)])
    collection.upsert([Record(f"p{i}", v, {}) for i, v in enumerate(vectors(30, 5))])
    hits = collection.query(twin, 50)
    assert [hit.id for hit in hits][:20] == names
    assert len({hit.similarity for hit in hits[:20]}) == 1
    assert len(collection.query(other, 50)) == 50


@pytest.mark.parametrize(
    "engine", ["exact", "lancedb", "pgvector", "milvus", "sqlite"], indirect=True
)
def test_a_cut_through_ties_keeps_the_first_ids(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """Not so of Pinecone: which of the tied it returns is its own choice."""
    collection = open_collection(engine, spec)
    twin = vectors(1, 6)[0]
    collection.upsert(
        [Record(f"t{i:02}", twin, {}) for i in (7, 3, 11, 1, 9, 5, 2, 8, 4, 6, 10, 0)]
    )
    assert [hit.id for hit in collection.query(twin, 3)] == ["t00", "t01", "t02"]


def test_k_up_to_the_engines_largest(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """The largest k is served, a larger one refused; exact and SQL have no bound of their own."""
    collection = open_collection(engine, spec)
    collection.upsert(products(5))
    query = vectors(1, 86)[0]
    assert len(collection.query(query, collection.max_k)) == 5
    if collection.max_k < sys.maxsize:
        with pytest.raises(EngineUnsupported, match=f"{collection.max_k}"):
            collection.query(query, collection.max_k + 1)


# -- writes ------------------------------------------------------------------------------------


def test_random_writes(engine: Engine, spec: CollectionSpec, open_collection: Opener) -> None:
    """Upserts, re-upserts with other vectors and metadata, deletes: always the oracle's state."""
    rng = np.random.default_rng(9)
    collection = open_collection(engine, spec)
    exact = oracle([])
    for step in range(12):
        candidates = products(40, seed=100 + step)
        batch = [
            replace(record, id=f"p{rng.integers(90):05}")
            for record in candidates[: rng.integers(1, 40)]
        ]
        removals = [f"p{rng.integers(90):05}" for _ in range(rng.integers(0, 25))]
        for one in (collection, exact):
            one.upsert(batch)
            one.delete(removals)
        expected = all_ids(exact)
        assert sorted(all_ids(collection)) == expected
        assert collection.stats().count == len(expected)
        same_records(collection.fetch(expected), exact.fetch(expected))
        query = vectors(1, 200 + step)[0]
        agree(collection.query(query, 15), exact, query, 15)
        condition = parse_filter({"$or": [{"new": True}, {"price": {"$lt": 1}}]})
        agree(collection.query(query, 60, condition), exact, query, 60, condition)


def test_writes_are_idempotent(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """A retry of what was done already changes nothing; a repeated id keeps its last record."""
    collection = open_collection(engine, spec)
    records = products(10, seed=7)
    collection.upsert(records)
    collection.upsert(records)
    collection.delete(["p00003", "unknown", "it's", "p00003"])
    collection.delete(["p00003"])
    collection.delete([])
    collection.upsert([])
    assert sorted(all_ids(collection)) == [r.id for r in records if r.id != "p00003"]
    twice = [replace(records[0], metadata={"price": 1}), replace(records[0], metadata={"price": 2})]
    collection.upsert(twice)
    assert collection.fetch(["p00000"])[0].metadata == {"price": 2}
    assert collection.stats().count == 9


def test_a_replaced_record_leaves_no_trace(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """Neither its old vector nor its old fields are found any more."""
    collection = open_collection(engine, spec)
    first, second = vectors(2, 8)
    collection.upsert([Record("a", first, {"old": "yes", "price": 5, "both": 1})])
    collection.upsert([Record("a", second, {"both": "text"})])
    for where in ({"old": "yes"}, {"price": {"$gt": 0}}, {"both": 1}, {"both": {"$gt": 0}}):
        assert collection.query(first, 5, parse_filter(where)) == [], where
    assert collection.query(second, 5)[0].similarity == pytest.approx(1, abs=ROUNDING)
    assert collection.fetch(["a"])[0].metadata == {"both": "text"}


def test_another_dimension_is_refused_and_nothing_stored(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """Not even the records of the same call that would fit."""
    collection = open_collection(engine, spec)
    with pytest.raises(EngineMismatch, match="shape"):
        collection.upsert([*products(3), Record("x", unit([1, 2]), {})])
    assert collection.stats().count == 0
    assert all_ids(collection) == []


@keeping
@pytest.mark.parametrize(
    "value", [{"a": 1}, [1, 2], ["a", None], float("nan"), float("inf"), b"x"], ids=repr
)
def test_a_value_that_no_engine_keeps_is_refused(
    engine: Engine, spec: CollectionSpec, open_collection: Opener, value: Any
) -> None:
    """By the names of product and field, and before anything is stored."""
    collection = open_collection(engine, spec)
    records = [*products(3), Record("odd one", vectors(1, 1)[0], {"fine": 1, "strange": value})]
    with pytest.raises(EngineUnsupported, match=r"odd one[^|]*strange"):
        collection.upsert(records)
    assert collection.stats().count == 0


def test_ids_of_any_text(engine: Engine, spec: CollectionSpec, open_collection: Opener) -> None:
    """What a query put together from strings would break on, and the longest id."""
    names = ["it's", 'the "5"', "100%_", "a b", "x; --", "$a", "{}", "[0]", "#'#", "i" * 512]
    collection = open_collection(engine, spec)
    records = [Record(name, v, {"n": name}) for name, v in zip(names, vectors(10, 3), strict=True)]
    collection.upsert(records)
    same_records(collection.fetch(names), records)
    assert sorted(all_ids(collection)) == sorted(names)
    assert {hit.id for hit in collection.query(records[0].vector, 10)} == set(names)
    collection.delete(names[:5])
    assert sorted(all_ids(collection)) == sorted(names[5:])


# -- reading -----------------------------------------------------------------------------------


def test_fetch_keeps_the_order_asked_for(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """Vectors and metadata come back as they were; unknown ids are left out."""
    records = products(50, seed=11)
    collection = open_collection(engine, spec)
    collection.upsert(records)
    selection = [records[i] for i in (31, 4, 49, 0, 17)]
    fetched = collection.fetch(iter(["none", *(record.id for record in selection), "nothing"]))
    same_records(fetched, selection)
    assert collection.fetch([]) == []


def test_many_records(engine: Engine, spec: CollectionSpec, open_collection: Opener) -> None:
    """More than a page, a batch and a call of any engine hold: nothing is lost or doubled."""
    records = products(2500, seed=12)
    collection = open_collection(engine, spec)
    collection.upsert(records)
    names = [record.id for record in records]
    assert sorted(all_ids(collection)) == names
    same_records(collection.fetch(names), records)
    assert collection.stats().count == 2500
    query = vectors(1, 87)[0]
    agree(collection.query(query, 2000), oracle(records), query, 2000)
    collection.delete(names[:1700])
    assert sorted(all_ids(collection)) == names[1700:]
    assert collection.stats().count == 800


def test_stats_say_what_was_opened(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """Count, dimension, and the stamp as it was given."""
    strange = replace(spec, stamp="""{"it's": "größe 木", "v": 1}\n""")
    collection = open_collection(engine, strange)
    collection.upsert(products(7))
    stats = collection.stats()
    assert (stats.count, stats.dimension, stats.stamp) == (7, 8, strange.stamp)


def test_delete_none_removes_everything(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """And once more is no error."""
    collection = open_collection(engine, spec)
    collection.upsert(products(7))
    collection.delete(None)
    collection.delete(None)
    again = open_collection(engine, spec)
    assert again.stats().count == 0
    assert all_ids(again) == []
    again.upsert(products(3))
    assert again.stats().count == 3


# -- collections -------------------------------------------------------------------------------


@keeping
def test_what_is_not_there_is_not_made_unasked(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """Nor is it there again after `delete(None)`, whatever stamp comes next."""
    with pytest.raises(CollectionNotFound, match=spec.name):
        open_collection(engine, spec, mode="existing")
    collection = open_collection(engine, spec)
    assert open_collection(engine, spec, mode="existing").stats().count == 0
    collection.delete(None)
    with pytest.raises(CollectionNotFound):
        open_collection(engine, spec, mode="existing")
    assert open_collection(engine, replace(spec, stamp="other")).stats().stamp == "other"


@keeping
def test_reopening_keeps_everything(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """A collection outlives the handle that filled it."""
    records = products(60, seed=13)
    first = open_collection(engine, spec)
    first.upsert(records)
    first.close()
    again = open_collection(engine, spec, mode="existing")
    same_records(again.fetch([r.id for r in records]), records)
    query = vectors(1, 88)[0]
    agree(again.query(query, 20), oracle(records), query, 20)
    condition = parse_filter({"price": {"$lte": 1}})
    agree(again.query(query, 60, condition), oracle(records), query, 60, condition)


@keeping
def test_another_stamp_is_refused(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """Vectors of two models never mix; the error says whose they are and what can be done."""
    collection = open_collection(engine, spec)
    collection.upsert(products(5))
    for mode in ("create", "existing"):
        with pytest.raises(EngineMismatch, match="--take-over") as caught:
            open_collection(engine, replace(spec, stamp="stamp 2"), mode=mode)
        assert caught.value.stamp == "stamp 1"
    assert open_collection(engine, spec).stats().count == 5


@keeping
def test_another_dimension_is_refused_at_opening(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """Even under the same stamp; what is there stays as it is."""
    open_collection(engine, spec).upsert(products(5))
    with pytest.raises(EngineMismatch):
        open_collection(engine, replace(spec, dimension=4))
    assert open_collection(engine, spec).stats().count == 5


@keeping
def test_take_over_keeps_records_of_our_dimension(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """And gives them our stamp, for good."""
    records = products(5)
    open_collection(engine, spec).upsert(records)
    ours = replace(spec, stamp="stamp 2")
    collection = open_collection(engine, ours, mode="take-over")
    same_records(collection.fetch([r.id for r in records]), records)
    assert collection.stats().stamp == "stamp 2"
    assert open_collection(engine, ours, mode="existing").stats().count == 5
    with pytest.raises(EngineMismatch):
        open_collection(engine, spec)


@pytest.mark.parametrize("engine", ["lancedb", "pgvector", "milvus", "sqlite"], indirect=True)
def test_take_over_drops_records_of_another_dimension(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """They could not be compared with anything. (Pinecone refuses: its index is not ours alone.)"""
    open_collection(engine, spec).upsert(products(5))
    smaller = CollectionSpec(spec.name, 4, "stamp 2")
    collection = open_collection(engine, smaller, mode="take-over")
    assert (collection.stats().count, collection.stats().dimension) == (0, 4)
    collection.upsert([Record("a", unit([1, 2, 3, 4]), {"price": 3})])
    assert [hit.id for hit in collection.query(unit([1, 2, 3, 4]), 5)] == ["a"]
    with pytest.raises(EngineMismatch):
        open_collection(engine, spec)


@keeping
def test_who_was_taken_over_from_writes_no_more(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """A process of the old stamp must not mix its vectors into the new one's."""
    collection = open_collection(engine, spec)
    collection.upsert(products(3))
    other = open_collection(engine, replace(spec, stamp="stamp 2"), mode="take-over")
    with pytest.raises(EngineMismatch) as caught:
        collection.upsert(products(5))
    assert caught.value.stamp == "stamp 2"
    assert other.stats().count == 3


@keeping
def test_inspecting_reads_what_another_stamp_made(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """As it is: its own stamp, its own dimension; and nothing of it changes."""
    records = products(5)
    open_collection(engine, spec).upsert(records)
    for ours in (
        replace(spec, stamp="stamp 2"),
        replace(spec, dimension=4),
        CollectionSpec(spec.name, 4, "stamp 2"),
    ):
        collection = open_collection(engine, ours, mode="inspect")
        stats = collection.stats()
        assert (stats.count, stats.dimension, stats.stamp) == (5, 8, "stamp 1")
        assert sorted(all_ids(collection)) == [record.id for record in records]
        same_records(collection.fetch([record.id for record in records]), records)
        collection.close()
    assert open_collection(engine, spec, mode="existing").stats().count == 5


@keeping
def test_inspecting_makes_nothing(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """What is absent stays absent, also beside another collection."""
    for _ in range(2):
        with pytest.raises(CollectionNotFound, match=spec.name):
            open_collection(engine, spec, mode="inspect")
    open_collection(engine, replace(spec, name=f"{spec.name}_near"))
    with pytest.raises(CollectionNotFound, match=spec.name):
        open_collection(engine, spec, mode="inspect")


@keeping
def test_collections_do_not_see_each_other(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """Neither in searches nor when one is removed."""
    other = replace(spec, name=f"{spec.name}_b", stamp="stamp 2")
    left, right = open_collection(engine, spec), open_collection(engine, other)
    left.upsert(products(4, prefix="l"))
    right.upsert(products(6, prefix="r"))
    query = vectors(1, 89)[0]
    assert {hit.id[0] for hit in left.query(query, 20)} == {"l"}
    assert {hit.id[0] for hit in right.query(query, 20)} == {"r"}
    left.delete(None)
    assert right.stats().count == 6
    assert open_collection(engine, other, mode="existing").stats().stamp == "stamp 2"


# -- at the same time --------------------------------------------------------------------------


@keeping
def test_a_write_of_one_handle_is_seen_by_the_other(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """Also by one that has answered before, and fields that it has not seen yet."""
    writer, reader = open_collection(engine, spec), open_collection(engine, spec)
    query = vectors(1, 90)[0]
    assert reader.query(query, 5) == []
    records = products(20, seed=14)
    writer.upsert(records)
    assert reader.stats().count == 20
    agree(reader.query(query, 20), oracle(records), query, 20)
    writer.upsert([Record("new", query, {"never seen before": 5, "rooms": ["hall"]})])
    for where in ({"never seen before": {"$gt": 4}}, {"never seen before": 5}):
        assert [hit.id for hit in reader.query(query, 5, parse_filter(where))] == ["new"]
    reader.upsert([Record("newer", query, {"another": 1})])
    assert {record.id for record in writer.fetch(["new", "newer"])} == {"new", "newer"}
    writer.delete(["new"])
    assert reader.fetch(["new"]) == []
    assert reader.query(query, 1)[0].id == "newer"


def test_threads(engine: Engine, spec: CollectionSpec, open_collection: Opener) -> None:
    """Four threads write, overwrite, delete and search one handle; no record is lost or doubled."""
    collection = open_collection(engine, spec)
    shared = products(10, seed=15, prefix="shared")
    barrier = threading.Barrier(4)

    def work(number: int) -> None:
        own = products(30, seed=20 + number, prefix=f"t{number}-")
        query = vectors(1, 91 + number)[0]
        barrier.wait(timeout=120)
        for start in range(0, 30, 10):
            collection.upsert(own[start : start + 10])
            collection.upsert(shared)
            hits = collection.query(query, 50, parse_filter({"price": {"$gte": 0}}))
            assert len({hit.id for hit in hits}) == len(hits)
            assert {r.id for r in own[:start]} <= set(all_ids(collection))
        collection.delete([own[0].id])

    with ThreadPoolExecutor(4) as pool:
        for task in [pool.submit(work, number) for number in range(4)]:
            task.result(timeout=240)
    expected = [f"t{number}-{i:05}" for number in range(4) for i in range(1, 30)]
    expected += [record.id for record in shared]
    assert sorted(all_ids(collection)) == sorted(expected)
    assert collection.stats().count == len(expected)


@keeping
def test_two_threads_open_a_collection_at_once(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """Both get the same one, whoever made it."""
    barrier = threading.Barrier(2)

    def work() -> Collection:
        barrier.wait(timeout=120)
        return open_collection(engine, spec)

    with ThreadPoolExecutor(2) as pool:
        first, second = [
            task.result(timeout=240) for task in [pool.submit(work), pool.submit(work)]
        ]
    first.upsert(products(3))
    assert second.stats().count == 3


# -- approximate indexes -----------------------------------------------------------------------


@approximate
def test_recall_of_an_approximate_index(
    engine: Engine, spec: CollectionSpec, open_collection: Opener
) -> None:
    """Above the size where an index is made: recall, also behind filters, and fresh writes."""
    count, dimension = 21_000, 16
    rng = np.random.default_rng(30)
    centres = rng.normal(size=(60, dimension))
    points = centres[rng.integers(60, size=count)] + 0.5 * rng.normal(size=(count, dimension))
    matrix = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    records = [
        Record(f"p{i:05}", row, {"price": i % 100, "rare": i % 5000 == 0, "kind": f"k{i % 7}"})
        for i, row in enumerate(matrix)
    ]
    collection: Any = open_collection(engine, replace(spec, dimension=dimension))
    for start in range(0, count, 7000):
        collection.upsert(records[start : start + 7000])
    exact = oracle(records, dimension)
    filters = [None, {"price": {"$lt": 5}}, {"kind": "k3"}, {"rare": True}, {"price": {"$ne": 3}}]

    def recall(k: int) -> float:
        matches = total = 0
        for number in range(5):
            query = unit(matrix[rng.integers(count)] + 0.2 * rng.normal(size=dimension))
            for where in filters:
                condition = parse_filter(where)
                expected = [hit.id for hit in exact.query(query, k, condition)]
                hits = collection.query(query, k, condition)
                assert len(hits) == len(expected), (where, number)
                matches += len({hit.id for hit in hits} & set(expected))
                total += len(expected)
        return matches / total

    assert collection.approximate
    assert recall(10) >= 0.99
    assert recall(200) >= 0.99
    fresh = Record("fresh", unit(rng.normal(size=dimension)), {"price": 1000})
    collection.upsert([fresh])
    collection.delete(["p00000"])
    assert collection.query(fresh.vector, 1)[0].id == "fresh"
    assert collection.query(fresh.vector, 5, parse_filter({"price": {"$gt": 500}}))[0].id == "fresh"
    assert collection.query(records[0].vector, 1)[0].id != "p00000"
    assert collection.stats().count == count
