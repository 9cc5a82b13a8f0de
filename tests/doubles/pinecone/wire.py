"""The HTTP side of Pinecone's double: its state, its faults, and the answer to each request."""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from tests.doubles.pinecone.store import ANSWER_BYTES, Refused, StoredIndex

if TYPE_CHECKING:
    from starlette.requests import Request

METRICS = ("cosine", "dotproduct", "euclidean")
MOST_DIMENSIONS = 20_000
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,43}[a-z0-9])?")
# The codes that go with a status: of the control plane, and of gRPC in the data plane.
_CODES = {
    400: ("INVALID_ARGUMENT", 3),
    401: ("UNAUTHENTICATED", 16),
    403: ("FORBIDDEN", 7),
    404: ("NOT_FOUND", 5),
    409: ("ALREADY_EXISTS", 6),
    413: ("INVALID_ARGUMENT", 3),
    429: ("RESOURCE_EXHAUSTED", 8),
    503: ("UNAVAILABLE", 14),
}


@dataclass(frozen=True)
class Call:
    """One request that the double answered.

    Attributes:
        method, path: such as POST and /data/floors/vectors/upsert.
        status: of the answer; 0 for a connection that was reset.
        size: of the body, in bytes.
        items: how many vectors or ids it carried.
        body: the body but for vectors, or the parameters of the address.
    """

    method: str
    path: str
    status: int
    size: int
    items: int
    body: Mapping[str, Any]


@dataclass
class Fault:
    """A fault of `Double.fail`, and how often it is still to happen."""

    kind: int | str
    times: int
    path: str
    retry_after: float | None
    seconds: float


@dataclass
class Double:
    """A running double; tests read and change it.

    Attributes:
        url: the address of the control plane; empty while it does not run.
        api_key: the only key that it accepts.
        visible_after: seconds until reads see a write.
        ready_after: seconds until a new index is ready.
        absent_differs: see `passes_filter`.
        indexes: its indexes, by name.
        calls: the last 10,000 requests, oldest first.
    """

    url: str = ""
    api_key: str = "test"
    visible_after: float = 0.0
    ready_after: float = 0.0
    absent_differs: bool = False
    indexes: dict[str, StoredIndex] = field(default_factory=dict)
    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=10_000))
    faults: list[Fault] = field(default_factory=list)
    connections: dict[Any, Any] = field(default_factory=dict)

    def fail(
        self,
        kind: int | Literal["slow", "reset"],
        *,
        times: int = 1,
        path: str = "",
        retry_after: float | None = None,
        seconds: float = 1.0,
    ) -> None:
        """Lets the next requests fail.

        Args:
            kind: an HTTP status; "slow" answers late, "reset" ends the connection unanswered.
            times: how many requests.
            path: only requests whose path holds this text.
            retry_after: the header Retry-After, in seconds.
            seconds: how late, for "slow".
        """
        self.faults.append(Fault(kind, times, path, retry_after, seconds))

    def settle(self) -> None:
        """Makes all writes visible now."""
        for index in self.indexes.values():
            index.settle(everything=True)

    def called(self, path: str) -> list[Call]:
        """Returns the calls whose path holds this text."""
        return [call for call in self.calls if path in call.path]

    def next_fault(self, path: str) -> Fault | None:
        """Returns the fault for this request, if any, and counts it."""
        for fault in self.faults:
            if fault.times > 0 and fault.path in path:
                fault.times -= 1
                return fault
        return None


def parsed_body(raw: bytes) -> dict[str, Any]:
    """Returns the JSON object of a request.

    Raises:
        Refused: the body is something else.
    """
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise Refused(400, "the body is not JSON") from error
    if not isinstance(body, dict):
        raise Refused(400, "the body must be an object")
    return body


def error_body(path: str, refusal: Refused) -> dict[str, Any]:
    """Returns the body of an error, in the form of the control or the data plane (by the path)."""
    name, code = _CODES.get(refusal.status, ("UNKNOWN", 2))
    if path.startswith("/data/"):
        return {"code": code, "message": f"{refusal}", "details": []}
    return {"error": {"code": name, "message": f"{refusal}"}, "status": refusal.status}


def _list_indexes(double: Double, request: Request, body: Any) -> Any:
    return {"indexes": [_described(index, request) for index in double.indexes.values()]}


def _create_index(double: Double, request: Request, body: Any) -> Any:
    name = body.get("name")
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise Refused(400, "Name must consist of 1 to 45 lower case characters, digits and '-'")
    if name in double.indexes:
        raise Refused(409, f"Resource {name} already exists")
    schema, deployment = body.get("schema") or {}, body.get("deployment") or {}
    vectors = (schema.get("fields") or {}).get("_values") or {}
    dimension, metric = vectors.get("dimension"), vectors.get("metric", "cosine")
    if vectors.get("type") != "dense_vector" or metric not in METRICS:
        raise Refused(400, "this double serves indexes of one dense vector, '_values', alone")
    if not isinstance(dimension, int) or not 1 <= dimension <= MOST_DIMENSIONS:
        raise Refused(400, f"dimension must be between 1 and {MOST_DIMENSIONS}")
    if deployment.get("deployment_type") != "managed" or not (
        deployment.get("cloud") in ("aws", "azure", "gcp") and deployment.get("region")
    ):
        raise Refused(400, "this double serves managed deployments alone: cloud and region")
    description = {
        "name": name,
        "schema": schema,
        "deployment": {**deployment, "environment": f"{deployment['cloud']}-double"},
        "deletion_protection": body.get("deletion_protection", "disabled"),
        "tags": body.get("tags"),
        "read_capacity": {"mode": "OnDemand", "status": {"state": "Ready"}},
    }
    ready_at = time.monotonic() + double.ready_after
    index = StoredIndex(description, dimension, metric, ready_at, double.absent_differs)
    double.indexes[name] = index
    return 201, _described(index, request)


def _describe_index(double: Double, request: Request, body: Any) -> Any:
    return _described(_index(double, request), request)


def _delete_index(double: Double, request: Request, body: Any) -> Any:
    _index(double, request)
    del double.indexes[request.path_params["name"]]
    return 202, {}


def _described(index: StoredIndex, request: Request) -> dict[str, Any]:
    ready = time.monotonic() >= index.ready_at
    return {
        **index.description,
        "host": f"{request.base_url}data/{index.description['name']}",
        "status": {"ready": ready, "state": "Ready" if ready else "Initializing"},
    }


def _index(double: Double, request: Request) -> StoredIndex:
    name = request.path_params["name"]
    if name not in double.indexes:
        raise Refused(404, f"Resource {name} not found")
    return double.indexes[name]


def _ready(double: Double, request: Request) -> StoredIndex:
    index = _index(double, request)
    if time.monotonic() < index.ready_at:
        # A status that the SDK does not retry, so that a client which did not wait sees it.
        raise Refused(400, "the index is not ready yet")
    index.settle()
    return index


def _upsert(double: Double, request: Request, body: Any) -> Any:
    size = int(request.headers.get("Content-Length", "0"))
    return _ready(double, request).upsert(body, size, double.visible_after)


def _delete(double: Double, request: Request, body: Any) -> Any:
    return _ready(double, request).delete(body, double.visible_after)


def _update(double: Double, request: Request, body: Any) -> Any:
    return _ready(double, request).update(body, double.visible_after)


def _fetch(double: Double, request: Request, body: Any) -> Any:
    ids = request.query_params.getlist("ids")
    return _ready(double, request).fetch(ids, body.get("namespace", ""))


def _list(double: Double, request: Request, body: Any) -> Any:
    return _ready(double, request).list_page(
        body.get("namespace", ""),
        body.get("prefix", ""),
        body.get("limit", "100"),
        body.get("paginationToken", ""),
    )


def _query(double: Double, request: Request, body: Any) -> Any:
    answer = _ready(double, request).query(body)
    size = len(json.dumps(answer))
    if size > ANSWER_BYTES:
        raise Refused(400, f"Query result of {size} bytes exceeds the limit of {ANSWER_BYTES}")
    return answer


def _stats(double: Double, request: Request, body: Any) -> Any:
    return _ready(double, request).stats(body)


# Method, path, and what answers: the body, or status and body.
ANSWERS: tuple[tuple[str, str, Callable[[Double, Request, Any], Any]], ...] = (
    ("GET", "/indexes", _list_indexes),
    ("POST", "/indexes", _create_index),
    ("GET", "/indexes/{name}", _describe_index),
    ("DELETE", "/indexes/{name}", _delete_index),
    ("POST", "/data/{name}/vectors/upsert", _upsert),
    ("POST", "/data/{name}/vectors/delete", _delete),
    ("POST", "/data/{name}/vectors/update", _update),
    ("GET", "/data/{name}/vectors/fetch", _fetch),
    ("GET", "/data/{name}/vectors/list", _list),
    ("POST", "/data/{name}/query", _query),
    ("POST", "/data/{name}/describe_index_stats", _stats),
)
