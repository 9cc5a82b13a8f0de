"""The indexes of the double of Pinecone: namespaces, vectors, and the limits on them."""

from __future__ import annotations

import json
import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.doubles.pinecone.filters import check_filter, passes_filter

MOST_HITS = 10_000
MOST_VECTORS = 1_000
MOST_IDS = 1_000
MOST_LISTED = 100
UPSERT_BYTES = 2 * 1024 * 1024
ANSWER_BYTES = 4 * 1024 * 1024
METADATA_BYTES = 40 * 1024
ID_LENGTH = 512
# The namespace of requests that name none.
DEFAULT = "__default__"


class Refused(Exception):
    """A request that Pinecone refuses: HTTP status and the text of its answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Stored:
    """One vector, float32 (d,), and its metadata."""

    values: NDArray[np.float32]
    metadata: Mapping[str, Any]


@dataclass
class StoredIndex:
    """One index. Reads see a write after its delay, in the order of the writes.

    Attributes:
        description: the control plane's answer without host and status.
        dimension, metric: of its dense vectors.
        ready_at: when it is ready, by `time.monotonic`.
        absent_differs: see `passes_filter`.
        namespaces: the visible vectors: namespace -> id -> vector.
    """

    description: Mapping[str, Any]
    dimension: int
    metric: str
    ready_at: float
    absent_differs: bool = False
    namespaces: dict[str, dict[str, Stored]] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)
    _pending: deque[tuple[float, Callable[[], None]]] = field(default_factory=deque)

    def settle(self, *, everything: bool = False) -> None:
        """Makes the writes visible whose delay has passed, or all of them."""
        while self._pending and (everything or self._pending[0][0] <= time.monotonic()):
            self._pending.popleft()[1]()

    def upsert(self, body: Mapping[str, Any], size: int, delay: float) -> dict[str, Any]:
        """Stores vectors, visible after `delay` seconds; all, or none if one is refused."""
        vectors = body.get("vectors")
        if size > UPSERT_BYTES:
            raise Refused(413, f"Request size {size} exceeds the maximum of {UPSERT_BYTES} bytes")
        if not isinstance(vectors, list) or not vectors:
            raise Refused(400, "Vectors must not be empty")
        if len(vectors) > MOST_VECTORS:
            raise Refused(400, f"Batch size of {len(vectors)} exceeds the limit of {MOST_VECTORS}")
        new = dict(self._vector(vector) for vector in vectors)
        name = _namespace(body)
        self._known.add(name)
        self._later(delay, lambda: self.namespaces.setdefault(name, {}).update(new))
        return {"upsertedCount": len(vectors)}

    def query(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the nearest vectors; equal scores come in falling order of id.

        Pinecone promises no order of equal scores, so no client may rely on the rising one.
        """
        k, where = body.get("topK"), body.get("filter", {})
        if not isinstance(k, int) or isinstance(k, bool) or not 1 <= k <= MOST_HITS:
            raise Refused(400, f"topK must be between 1 and {MOST_HITS}")
        _checked(where)
        records = self.namespaces.get(_namespace(body), {})
        if "id" in body:
            if body["id"] not in records:
                return self._matches(body, [])
            target = records[body["id"]].values
        else:
            target = self._values("the query", body.get("vector"))
        ids = sorted(
            (vector_id for vector_id, stored in records.items() if self._passes(where, stored)),
            reverse=True,
        )
        scores = self._scores(target, [records[vector_id].values for vector_id in ids])
        best = np.argsort(-scores, kind="stable")[:k]
        matches = [(ids[row], float(scores[row]), records[ids[row]]) for row in best]
        return self._matches(body, matches)

    def fetch(self, ids: list[str], namespace: str) -> dict[str, Any]:
        """Returns those vectors of these ids that exist."""
        if not 1 <= len(ids) <= MOST_IDS:
            raise Refused(400, f"the number of ids must be between 1 and {MOST_IDS}")
        name = namespace or DEFAULT
        records = self.namespaces.get(name, {})
        vectors = {
            vector_id: {
                "id": vector_id,
                "values": records[vector_id].values.tolist(),
                "metadata": records[vector_id].metadata,
            }
            for vector_id in ids
            if vector_id in records
        }
        return {"vectors": vectors, "namespace": namespace, "usage": {"readUnits": 1}}

    def list_page(self, namespace: str, prefix: str, limit: str, after: str) -> dict[str, Any]:
        """Returns one page of ids; `after` is the token of the page before."""
        if not limit.isdecimal() or not 1 <= int(limit) <= MOST_LISTED:
            raise Refused(400, f"limit must be between 1 and {MOST_LISTED}")
        rest = sorted(
            vector_id
            for vector_id in self.namespaces.get(namespace or DEFAULT, {})
            if vector_id.startswith(prefix) and vector_id > after
        )
        page = rest[: int(limit)]
        answer: dict[str, Any] = {
            "vectors": [{"id": vector_id} for vector_id in page],
            "namespace": namespace,
            "usage": {"readUnits": 1},
        }
        if len(rest) > len(page):
            answer["pagination"] = {"next": page[-1]}
        return answer

    def delete(self, body: Mapping[str, Any], delay: float) -> dict[str, Any]:
        """Removes vectors after `delay` seconds; the namespace itself stays."""
        name, ids, where = _namespace(body), body.get("ids"), body.get("filter")
        if [bool(ids), bool(where), body.get("deleteAll") is True].count(True) != 1:
            raise Refused(400, "exactly one of ids, filter and deleteAll must be given")
        if ids and len(ids) > MOST_IDS:
            raise Refused(400, f"the number of ids must be between 1 and {MOST_IDS}")
        if where:
            _checked(where)
        if name not in self._known:
            raise Refused(404, "Namespace not found")

        def apply() -> None:
            records = self.namespaces.setdefault(name, {})
            for vector_id in [
                vector_id
                for vector_id in (ids or records)
                if vector_id in records and (not where or self._passes(where, records[vector_id]))
            ]:
                del records[vector_id]

        self._later(delay, apply)
        return {}

    def update(self, body: Mapping[str, Any], delay: float) -> dict[str, Any]:
        """Sets values or metadata fields of one vector, visible after `delay` seconds."""
        vector_id = _checked_id(body.get("id"))
        fields = _checked_metadata(vector_id, body.get("setMetadata"))
        values = self._values(vector_id, body["values"]) if "values" in body else None
        name = _namespace(body)

        def apply() -> None:
            records = self.namespaces.get(name, {})
            if vector_id in records:
                old = records[vector_id]
                new_values = old.values if values is None else values
                records[vector_id] = Stored(new_values, {**old.metadata, **fields})

        self._later(delay, apply)
        return {}

    def stats(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Returns how many vectors each namespace holds."""
        if body.get("filter"):
            raise Refused(400, "Serverless indexes do not support describing stats with a filter")
        counts = {name: len(vectors) for name, vectors in self.namespaces.items()}
        return {
            "namespaces": {name: {"vectorCount": count} for name, count in counts.items()},
            "dimension": self.dimension,
            "indexFullness": 0,
            "totalVectorCount": sum(counts.values()),
            "metric": self.metric,
            "vectorType": "dense",
        }

    def _later(self, delay: float, apply: Callable[[], None]) -> None:
        self._pending.append((time.monotonic() + delay, apply))
        self.settle()

    def _passes(self, where: Mapping[str, Any], stored: Stored) -> bool:
        return passes_filter(where, stored.metadata, absent_differs=self.absent_differs)

    def _vector(self, vector: Any) -> tuple[str, Stored]:
        if not isinstance(vector, dict):
            raise Refused(400, "each vector must be an object")
        vector_id = _checked_id(vector.get("id"))
        values = self._values(vector_id, vector.get("values"))
        if not values.any():
            raise Refused(
                400, f"Dense vectors must contain at least one non-zero value. Vector: {vector_id}"
            )
        return vector_id, Stored(values, _checked_metadata(vector_id, vector.get("metadata")))

    def _values(self, what: str, values: Any) -> NDArray[np.float32]:
        if not isinstance(values, list) or not all(
            isinstance(value, int | float) and math.isfinite(value) for value in values
        ):
            raise Refused(400, f"the values of {what} must be an array of numbers")
        if len(values) != self.dimension:
            raise Refused(
                400,
                f"Vector dimension {len(values)} does not match the dimension of the index "
                f"{self.dimension}",
            )
        return np.asarray(values, np.float32)

    def _scores(
        self, target: NDArray[np.float32], rows: list[NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        matrix = np.stack(rows) if rows else np.empty((0, self.dimension), np.float32)
        # Not BLAS: equal vectors must score the same wherever they stand.
        scores: NDArray[np.float32] = np.einsum("ij,j->i", matrix, target)
        if self.metric == "cosine":
            lengths = np.linalg.norm(matrix, axis=1) * np.linalg.norm(target)
            scores /= np.maximum(lengths, np.finfo(np.float32).tiny)
        elif self.metric == "euclidean":
            scores = -np.square(matrix - target).sum(axis=1)
        return scores

    def _matches(
        self, body: Mapping[str, Any], hits: list[tuple[str, float, Stored]]
    ) -> dict[str, Any]:
        matches = []
        for vector_id, score, stored in hits:
            match: dict[str, Any] = {"id": vector_id, "score": score, "values": []}
            if body.get("includeValues"):
                match["values"] = stored.values.tolist()
            if body.get("includeMetadata"):
                match["metadata"] = stored.metadata
            matches.append(match)
        return {
            "matches": matches,
            "namespace": body.get("namespace", ""),
            "usage": {"readUnits": 1},
        }


def _namespace(body: Mapping[str, Any]) -> str:
    name = body.get("namespace") or DEFAULT
    if not isinstance(name, str) or not name.isascii() or "\0" in name or len(name) > ID_LENGTH:
        raise Refused(400, f"a namespace is 1 to {ID_LENGTH} ASCII characters, without NUL")
    return name


def _checked(where: Any) -> None:
    try:
        check_filter(where)
    except ValueError as error:
        raise Refused(400, f"{error}") from error


def _checked_id(vector_id: Any) -> str:
    if (
        not isinstance(vector_id, str)
        or not 1 <= len(vector_id) <= ID_LENGTH
        or not vector_id.isascii()
        or "\0" in vector_id
    ):
        raise Refused(400, f"a vector id is 1 to {ID_LENGTH} ASCII characters, without NUL")
    return vector_id


def _checked_metadata(vector_id: str, metadata: Any) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in (metadata or {}).items():
        if key.startswith("$"):
            raise Refused(400, f"metadata keys must not start with '$': '{key}'")
        if isinstance(value, str | bool):
            result[key] = value
        elif isinstance(value, int | float):
            # Pinecone stores all numbers as 64-bit floating point.
            result[key] = float(value)
        elif isinstance(value, list) and all(isinstance(item, str) for item in value):
            result[key] = value
        else:
            raise Refused(
                400,
                "Metadata value must be a string, number, boolean or list of strings, "
                f"got '{json.dumps(value)}' for field '{key}'",
            )
    size = len(json.dumps(metadata or {}, ensure_ascii=False, separators=(",", ":")).encode())
    if size > METADATA_BYTES:
        raise Refused(
            400,
            f"Metadata size is {size} bytes, which exceeds the limit of {METADATA_BYTES} bytes "
            f"per vector. Vector: {vector_id}",
        )
    return result
