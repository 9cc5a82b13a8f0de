"""The double of Pinecone: it must be as strict as Pinecone, or our mistakes pass the tests."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

pytestmark = pytest.mark.slow

httpx = pytest.importorskip("httpx")
pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("uvicorn", reason="needs the extra api")

from tests.doubles.pinecone.filters import check_filter, passes_filter
from tests.doubles.pinecone.server import Double, create_double, running_double

NUMBERS = count(1)
# Answers come within milliseconds; the machine may be busy.
PATIENCE = 120

Send = Callable[..., Any]


@pytest.fixture(scope="module")
def double() -> Iterator[Double]:
    with running_double() as running:
        yield running


@pytest.fixture
def control(double: Double) -> Iterator[Any]:
    """A client of the control plane, with the right key."""
    double.faults.clear()
    double.visible_after = double.ready_after = 0
    with httpx.Client(
        base_url=double.url, headers={"Api-Key": double.api_key}, timeout=PATIENCE
    ) as client:
        yield client


def order(name: str, dimension: Any = 3, metric: str = "cosine", **others: Any) -> dict[str, Any]:
    """The body with which SDK 10 creates an index."""
    vectors = {"type": "dense_vector", "dimension": dimension, "metric": metric}
    return {
        "name": name,
        "schema": {"fields": {"_values": vectors}},
        "deployment": {"deployment_type": "managed", "cloud": "aws", "region": "us-east-1"},
        **others,
    }


@pytest.fixture
def send(control: Any) -> Send:
    """Sends to the data plane of a fresh index: `send("POST", "/query", …)`."""
    host = control.post("/indexes", json=order(f"index-{next(NUMBERS)}")).json()["host"]

    def request(method: str, path: str, **what: Any) -> Any:
        return control.request(method, host + path, **what)

    return request


def vector(vector_id: str = "a", /, **fields: Any) -> dict[str, Any]:
    return {"id": vector_id, "values": [1, 2, 3], "metadata": fields}


def upsert(send: Send, *vectors: Any, namespace: str = "") -> Any:
    return send("POST", "/vectors/upsert", json={"vectors": list(vectors), "namespace": namespace})


def query(send: Send, **what: Any) -> Any:
    return send("POST", "/query", json={"topK": 10, "vector": [1, 2, 3], **what})


# -- the control plane -------------------------------------------------------------------------


def test_an_index_from_birth_to_end(control: Any) -> None:
    """Each answer has the form that the SDK gets from Pinecone."""
    answer = control.post("/indexes", json=order("floors"))
    assert answer.status_code == 201
    facts = answer.json()
    assert facts["host"].endswith("/data/floors")
    assert facts["status"] == {"ready": True, "state": "Ready"}
    assert facts["deployment"]["environment"]
    assert facts["schema"]["fields"]["_values"]["dimension"] == 3
    assert control.get("/indexes/floors").json() == facts
    assert facts in control.get("/indexes").json()["indexes"]
    again = control.post("/indexes", json=order("floors"))
    assert (again.status_code, again.json()["error"]["code"]) == (409, "ALREADY_EXISTS")
    assert control.delete("/indexes/floors").status_code == 202
    answer = control.get("/indexes/floors")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert control.post(f"{facts['host']}/query", json={}).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        order("Floors"),
        order("-floors"),
        order("floors-"),
        order("floors_1"),
        order(""),
        order("f" * 46),
        order("fine", dimension=0),
        order("fine", dimension=20_001),
        order("fine", dimension="8"),
        order("fine", metric="manhattan"),
        order("fine", schema={"fields": {"text": {"type": "string"}}}),
        order("fine", deployment={"deployment_type": "managed", "cloud": "aws"}),
        order("fine", deployment={}),
    ],
    ids=str,
)
def test_an_index_that_pinecone_would_refuse(control: Any, body: dict[str, Any]) -> None:
    answer = control.post("/indexes", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]
    assert control.get("/indexes/fine").status_code == 404


def test_a_new_index_is_not_ready_at_once(double: Double, control: Any) -> None:
    """A client that does not wait is refused, with a status that no client retries."""
    double.ready_after = 0.3
    answer = control.post("/indexes", json=order("slow")).json()
    assert answer["status"] == {"ready": False, "state": "Initializing"}
    assert control.post(f"{answer['host']}/describe_index_stats", json={}).status_code == 400
    end = time.monotonic() + PATIENCE
    while not control.get("/indexes/slow").json()["status"]["ready"]:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert control.post(f"{answer['host']}/describe_index_stats", json={}).status_code == 200


def test_both_planes_check_the_key(control: Any, send: Send) -> None:
    wrong = {"Api-Key": "wrong"}
    assert control.get("/indexes", headers=wrong).json()["status"] == 401
    answer = send("POST", "/query", json={}, headers=wrong)
    assert (answer.status_code, answer.json()["code"]) == (401, 16)


# -- limits of the data plane ------------------------------------------------------------------


def test_a_batch_of_a_thousand_and_of_two_megabytes(send: Send) -> None:
    """One vector, one byte more is refused, and then nothing is stored."""
    assert upsert(send, *(vector(f"{i}") for i in range(1000))).json() == {"upsertedCount": 1000}
    answer = upsert(send, *(vector(f"more {i}") for i in range(1001)))
    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    large = [vector(f"large {i}", text="x" * 40_000) for i in range(53)]
    assert upsert(send, *large).status_code == 413
    assert upsert(send, *large[:52]).status_code == 200
    stats = send("POST", "/describe_index_stats", json={}).json()
    assert stats["totalVectorCount"] == 1052
    assert stats["dimension"] == 3


@pytest.mark.parametrize(
    "broken",
    [
        {"id": ""},
        {"id": "i" * 513},
        {"id": "größe"},
        {"id": "a\0"},
        {"id": 5},
        {"values": [1, 2]},
        {"values": [0, 0, 0]},
        {"values": [1, 2, "3"]},
        {"values": None},
        {"metadata": {"a": None}},
        {"metadata": {"a": {"b": 1}}},
        {"metadata": {"a": [1, 2]}},
        {"metadata": {"a": ["b", None]}},
        {"metadata": {"$a": 1}},
        {"metadata": {"a": "x" * 41_000}},
    ],
    ids=lambda broken: f"{broken}"[:40],
)
def test_a_vector_that_pinecone_would_refuse(send: Send, broken: dict[str, Any]) -> None:
    """All or none: the valid one of the same call is not stored either."""
    answer = upsert(send, vector("sound"), {**vector("other"), **broken})
    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    assert query(send).json()["matches"] == []


def test_numbers_and_vectors_come_back_as_floats(send: Send) -> None:
    metadata = {"price": 5, "new": True, "rooms": ["hall"], "none": [], "name": "oak"}
    upsert(send, {"id": "a", "values": [0.1, 2, 3], "metadata": metadata})
    answer = send("GET", "/vectors/fetch", params={"ids": "a"}).json()["vectors"]["a"]
    assert answer["metadata"] == metadata
    assert isinstance(answer["metadata"]["price"], float)
    assert answer["metadata"]["new"] is True
    # The nearest float32.
    assert answer["values"][0] == pytest.approx(0.1, abs=1e-8)
    assert answer["values"][0] != 0.1


@pytest.mark.parametrize(
    "what",
    [
        {"topK": 0},
        {"topK": 10_001},
        {"topK": "5"},
        {"vector": [1, 2]},
        {"vector": None},
        {"filter": {"a": None}},
        {"filter": {"a": {"$contains": 1}}},
    ],
    ids=str,
)
def test_a_query_that_pinecone_refuses(send: Send, what: dict[str, Any]) -> None:
    assert query(send, **what).status_code == 400
    assert query(send, topK=10_000).status_code == 200


def test_an_answer_of_more_than_four_megabytes(send: Send) -> None:
    large = [vector(f"{i}", text="x" * 40_000) for i in range(110)]
    for start in range(0, 110, 50):
        upsert(send, *large[start : start + 50])
    assert query(send, topK=200, includeMetadata=True).status_code == 400
    assert len(query(send, topK=200).json()["matches"]) == 110


def test_fetch_and_delete_take_a_thousand_ids(send: Send) -> None:
    names = [f"{i}" for i in range(1001)]
    upsert(send, *(vector(name) for name in names[:1000]))
    assert send("GET", "/vectors/fetch", params={"ids": names}).status_code == 400
    assert send("GET", "/vectors/fetch").status_code == 400
    answer = send("GET", "/vectors/fetch", params={"ids": names[:1000]})
    assert len(answer.json()["vectors"]) == 1000
    assert send("POST", "/vectors/delete", json={"ids": names}).status_code == 400
    assert send("POST", "/vectors/delete", json={"ids": names[:1000]}).json() == {}
    assert query(send).json()["matches"] == []


@pytest.mark.parametrize(
    "body", [{}, {"ids": []}, {"ids": ["a"], "deleteAll": True}, {"ids": ["a"], "filter": {"b": 1}}]
)
def test_a_delete_says_one_thing(send: Send, body: dict[str, Any]) -> None:
    upsert(send, vector("a"))
    assert send("POST", "/vectors/delete", json=body).status_code == 400
    assert len(query(send).json()["matches"]) == 1


def test_a_namespace_without_vectors_cannot_be_deleted_from(send: Send) -> None:
    """Pinecone answers 404; reading from it finds nothing."""
    answer = send("POST", "/vectors/delete", json={"ids": ["a"], "namespace": "none"})
    assert (answer.status_code, answer.json()["code"]) == (404, 5)
    assert query(send, namespace="none").json()["matches"] == []


# -- what it does ------------------------------------------------------------------------------


def test_namespaces_do_not_see_each_other(send: Send) -> None:
    """That of requests without a namespace is called __default__, also in the statistics."""
    upsert(send, vector("a"))
    upsert(send, vector("b"), vector("c"), namespace="other")
    counts = send("POST", "/describe_index_stats", json={}).json()["namespaces"]
    assert counts == {"__default__": {"vectorCount": 1}, "other": {"vectorCount": 2}}
    assert [m["id"] for m in query(send, namespace="__default__").json()["matches"]] == ["a"]
    send("POST", "/vectors/delete", json={"deleteAll": True, "namespace": "other"})
    assert query(send, namespace="other").json()["matches"] == []
    assert len(query(send).json()["matches"]) == 1


def test_ranking_and_what_a_match_carries(send: Send) -> None:
    """Ties come in falling order of id: Pinecone promises no order, so nobody may rely on one."""
    upsert(
        send,
        {"id": "near", "values": [1, 2, 3.1]},
        {"id": "far", "values": [-1, -2, -3]},
        {"id": "t1", "values": [3, 2, 1]},
        {"id": "t2", "values": [3, 2, 1], "metadata": {"price": 2}},
    )
    matches = query(send, includeValues=True, includeMetadata=True).json()["matches"]
    assert [match["id"] for match in matches] == ["near", "t2", "t1", "far"]
    assert matches[3]["score"] == pytest.approx(-1)
    assert matches[1]["metadata"] == {"price": 2}
    assert matches[1]["values"] == [3, 2, 1]
    assert "metadata" not in query(send).json()["matches"][0]
    by_id = {"topK": 1, "id": "far"}
    assert send("POST", "/query", json=by_id).json()["matches"][0]["id"] == "far"
    only = query(send, filter={"price": {"$gte": 2}}, topK=1).json()["matches"]
    assert [match["id"] for match in only] == ["t2"]


def test_list_gives_pages(send: Send) -> None:
    upsert(send, *(vector(f"p{i:03}") for i in range(250)), vector("q"))
    names: list[str] = []
    params: dict[str, Any] = {"prefix": "p"}
    for size in (100, 100, 50):
        page = send("GET", "/vectors/list", params=params).json()
        assert len(page["vectors"]) == size
        names += [item["id"] for item in page["vectors"]]
        params["paginationToken"] = page.get("pagination", {}).get("next")
    assert names == [f"p{i:03}" for i in range(250)]
    assert params["paginationToken"] is None
    for limit in (0, 101, "x"):
        assert send("GET", "/vectors/list", params={"limit": limit}).status_code == 400


def test_update_sets_single_fields(send: Send) -> None:
    upsert(send, vector("a", price=1, name="oak"))
    send("POST", "/vectors/update", json={"id": "a", "setMetadata": {"price": 2}})
    answer = send("GET", "/vectors/fetch", params={"ids": "a"}).json()["vectors"]["a"]
    assert answer["metadata"] == {"price": 2, "name": "oak"}


def test_writes_become_visible_later_and_in_their_order(double: Double, send: Send) -> None:
    double.visible_after = 3600
    upsert(send, vector("a", version=1), vector("b"))
    upsert(send, vector("a", version=2))
    send("POST", "/vectors/delete", json={"ids": ["b"]})
    assert query(send).json()["matches"] == []
    assert send("POST", "/describe_index_stats", json={}).json()["totalVectorCount"] == 0
    double.settle()
    matches = query(send, includeMetadata=True).json()["matches"]
    assert [(match["id"], match["metadata"]) for match in matches] == [("a", {"version": 2})]


def test_faults_have_a_number_and_a_path(double: Double, send: Send, control: Any) -> None:
    double.fail(429, times=2, retry_after=7, path="/query")
    double.fail(503, path="/indexes")
    double.calls.clear()
    assert upsert(send, vector()).status_code == 200
    for _ in range(2):
        answer = query(send)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
        assert answer.json()["code"] == 8
    assert query(send).status_code == 200
    assert control.get("/indexes").json() == {
        "error": {"code": "UNAVAILABLE", "message": "injected"},
        "status": 503,
    }
    assert [call.status for call in double.calls] == [200, 429, 429, 200, 503]
    assert [call.status for call in double.called("/query")] == [429, 429, 200]
    assert double.called("/upsert")[0].items == 1


def test_a_reset_connection_and_a_slow_answer(double: Double, send: Send) -> None:
    double.fail("reset", path="/query")
    with pytest.raises(httpx.TransportError):
        query(send)
    assert query(send).status_code == 200
    double.fail("slow", path="/query", seconds=1)
    with pytest.raises(httpx.ReadTimeout):
        send("POST", "/query", json={"topK": 1, "vector": [1, 2, 3]}, timeout=0.2)


def test_a_body_that_is_not_json(send: Send) -> None:
    for content in (b"{", b"[1]", b"\xff"):
        assert send("POST", "/query", content=content).status_code == 400


def test_the_application_can_run_elsewhere() -> None:
    """`create_double` gives an ASGI application with its state."""
    app = create_double(Double(api_key="mine"))
    assert app.state.double.api_key == "mine"
    paths = {getattr(route, "path", "") for route in app.routes}
    assert {"/indexes", "/data/{name}/query"} <= paths


def test_it_runs_by_hand() -> None:
    """It prints its address and key as variables that the SDK reads."""
    command = [sys.executable, "-m", "tests.doubles.pinecone.server", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline().strip() for _ in range(2)]
            variables = dict(line.split("=", 1) for line in lines)
            answer = httpx.get(
                f"{variables['PINECONE_CONTROLLER_HOST']}/indexes",
                headers={"Api-Key": variables["PINECONE_API_KEY"]},
                timeout=PATIENCE,
            )
            assert answer.json() == {"indexes": []}
        finally:
            process.kill()


# -- filters -----------------------------------------------------------------------------------

OAK = {"material": "oak", "price": 40.0, "new": True, "rooms": ["hall", "bath"], "none": []}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, True),
        ({"material": "oak"}, True),
        ({"material": {"$ne": "oak"}}, False),
        ({"price": 40}, True),
        ({"price": "40"}, False),
        ({"new": True}, True),
        ({"new": 1}, False),
        ({"price": {"$gt": 39, "$lt": 41}}, True),
        ({"material": {"$gt": 1}}, False),
        ({"new": {"$gt": 0}}, False),
        ({"rooms": "hall"}, True),
        ({"rooms": {"$in": ["bath", "kitchen"]}}, True),
        ({"rooms": {"$nin": ["bath"]}}, False),
        ({"rooms": {"$ne": "kitchen"}}, True),
        ({"none": {"$exists": True}}, True),
        ({"none": {"$ne": "x"}}, True),
        ({"colour": {"$exists": False}}, True),
        ({"colour": "red"}, False),
        ({"colour": {"$gt": 0}}, False),
        ({"colour": {"$ne": "red"}}, False),
        ({"colour": {"$nin": ["red"]}}, False),
        ({"price": {"$ne": "40"}}, True),
        ({"$or": [{"colour": "red"}, {"new": True}]}, True),
        ({"$and": [{"colour": "red"}, {"new": True}]}, False),
        ({"new": True, "price": 1}, False),
    ],
    ids=str,
)
def test_which_records_pass_a_filter(where: dict[str, Any], expected: bool) -> None:
    """Unlike ours, `$ne` and `$nin` need the field."""
    check_filter(where)
    assert passes_filter(where, OAK) is expected


def test_the_other_reading_of_a_field_that_is_absent() -> None:
    for where in ({"colour": {"$ne": "red"}}, {"colour": {"$nin": ["red"]}}):
        assert passes_filter(where, OAK, absent_differs=True)
    assert not passes_filter({"colour": "red"}, OAK, absent_differs=True)


@pytest.mark.parametrize(
    "where",
    [
        [],
        {"$not": {"a": 1}},
        {"a": {"$regex": "x"}},
        {"a": {}},
        {"a": None},
        {"a": {"$gt": "1"}},
        {"a": {"$gt": True}},
        {"a": {"$in": []}},
        {"a": {"$in": "x"}},
        {"a": {"$in": [1, "x"]}},
        {"a": {"$nin": [True]}},
        {"a": {"$in": [[1]]}},
        {"a": {"$in": list(range(10_001))}},
        {"a": {"$exists": 1}},
        {"a": [1, 2]},
        {"$and": []},
        {"$or": {"a": 1}},
        {"$or": [{"a": {"$x": 1}}]},
    ],
    ids=lambda where: f"{where}"[:40],
)
def test_a_filter_that_is_refused(where: Any) -> None:
    """Also what Pinecone's documentation leaves open, so that we do not rely on it."""
    with pytest.raises(ValueError, match=r"filter|operator|valid|condition|array"):
        check_filter(where)
