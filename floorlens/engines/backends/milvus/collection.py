"""Milvus: milvus-lite in a `.db` folder, a Milvus server or cluster by URL, or Zilliz Cloud.

milvus-lite compares every vector. A server has an HNSW index, Zilliz an index of its own choice.
Searches are consistent: they see every write that returned before.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from floorlens.engines import (
    CollectionSpec,
    CollectionStats,
    Engine,
    Hit,
    Mode,
    Record,
    check_records,
)
from floorlens.engines.backends.milvus import lite as milvus_lite
from floorlens.engines.filters import Filter
from floorlens.engines.metadata import (
    check_storable,
    decode,
    encode,
    filter_expression,
    numbers,
    tokens,
    valid_ids,
)
from floorlens.engines.opening import (
    check_comparable,
    check_name,
    foreign_shape_error,
    hide_secrets,
    not_found_error,
    taken_over_error,
)
from floorlens.engines.ties import nearest
from floorlens.errors import (
    EngineDenied,
    EngineError,
    EngineQuota,
    EngineUnavailable,
    EngineUnsupported,
    MissingDependency,
    SettingsError,
)

STAMP = "floorlens.stamp"
BATCH = 500
"""How many records one call writes or reads."""
LONGEST_TEXT = 65_535
"""The longest text that Milvus keeps in a field, in bytes."""
MAX_TOKENS = 1900
"""How many tokens a record may have: as many as fit into a text of milvus-lite."""
FLUSH = {True: 1_000, False: 20_000}
"""After how many records a collection is flushed (True: milvus-lite, False: a server).

Records that are not flushed are slow to search. A server soon flushes by itself, and limits how
often a client may do it.
"""
CANDIDATES = 400
"""How many candidates a search of the HNSW index considers at least (`ef`)."""
LARGEST_EF = 32_768

_CALLS = threading.local()
"""`_CALLS.count`: how many of our calls of pymilvus this thread is in."""


class MilvusCollection:
    """A collection of id, vector, metadata as JSON, its tokens, and its numbers as dynamic fields.

    The stamp is a property of the collection. Only one process at a time can use a milvus-lite.
    """

    max_k = 16_384

    def __init__(self, engine: Engine, spec: CollectionSpec, lite: bool) -> None:
        """Use `MilvusCollection.open`."""
        self._engine = engine
        self._spec = spec
        self._name = spec.name
        self._lite = lite
        self._url = str(Path(str(engine.url)).resolve()) if lite else str(engine.url)
        self._lock: Any = nullcontext()
        self._leave: Any = nullcontext
        if lite:
            self._lock = milvus_lite.enter(self._url)
            # At the latest when this object is garbage-collected.
            self._leave = finalize(self, milvus_lite.leave, self._url)
        self._client: Any = None
        self._unflushed = 0

    @classmethod
    def open(
        cls, engine: Engine, spec: CollectionSpec, *, mode: Mode = "create"
    ) -> MilvusCollection:
        """Returns a collection, opened as the mode says.

        Raises:
            EngineMismatch: it has another dimension, another stamp, or records and no stamp.
            CollectionNotFound: there is none, and the mode does not make one.
            EngineUnavailable: the server does not answer, or another process has the file open.
            EngineDenied: the server refuses the token.
            MissingDependency: pymilvus is not installed.
        """
        try:
            import_module("pymilvus")
        except ImportError as error:
            raise MissingDependency(
                "the engine milvus needs its libraries: pip install 'floorlens[milvus]'"
            ) from error
        url = engine.url or ""
        if "://" not in url and not url.endswith(".db"):
            raise SettingsError(
                "the engine milvus needs a url: a file ending in .db, or http://host:19530 "
                "(FLOORLENS_INDEX_URL)"
            )
        lite = "://" not in url
        check_name(engine, spec.name, r"[A-Za-z_][A-Za-z0-9_]*", 255)
        if lite and not Path(url).exists():
            if mode not in ("create", "take-over"):
                raise not_found_error(engine, spec.name)
            try:
                Path(url).absolute().parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise EngineUnavailable(
                    f"milvus: the folder of {url} cannot be made: name another place in "
                    "FLOORLENS_INDEX_URL"
                ) from error
        collection = cls(engine, spec, lite)
        try:
            collection._connect()
            if mode == "inspect":
                collection._load()
            else:
                collection._prepare(mode)
        except EngineError:
            collection.close()
            raise
        return collection

    def upsert(self, records: Sequence[Record]) -> None:
        """Stores records, replacing those of the same id, in batches of 500.

        Raises:
            EngineMismatch: a vector has another dimension; nothing is stored.
            EngineUnsupported: metadata is of another kind, or too much; nothing is stored.
        """
        check_records(records, self._spec.dimension)
        check_storable(records)
        unique = list({record.id: record for record in records}.values())
        rows = [self._row(record) for record in unique]
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            with self._calling():
                self._check_stamp()
                self._clear_old_numbers(batch)
                self._client.upsert(self._name, batch, timeout=self._engine.timeout)
        self._unflushed += len(rows)
        if self._unflushed >= FLUSH[self._lite]:
            with self._calling():
                self._client.flush(self._name)
            self._unflushed = 0

    def delete(self, ids: Iterable[str] | None) -> None:
        """Removes records and ignores unknown ids; None removes the collection."""
        if ids is None:
            with self._calling():
                if self._client.has_collection(self._name):
                    self._describe()
                    self._client.drop_collection(self._name)
            return
        valid = valid_ids(ids)
        for start in range(0, len(valid), BATCH):
            with self._calling():
                self._check_stamp()
                self._client.delete(self._name, filter=_with_ids(valid[start : start + BATCH]))

    def query(self, vector: NDArray[np.float32], k: int, where: Filter | None = None) -> list[Hit]:
        """Returns the k most similar records that pass the filter, ties in order of id.

        Raises:
            EngineUnsupported: k is more than 16,384.
        """
        if k > self.max_k:
            raise EngineUnsupported(
                f"milvus returns at most {self.max_k} records, not {k}: ask for fewer"
            )
        if k <= 0:
            return []
        condition = "" if where is None else filter_expression(where, self._has_any, _compare)

        def search(count: int) -> list[Hit]:
            ef = min(LARGEST_EF, max(CANDIDATES, 2 * count))
            answers = self._client.search(
                self._name,
                data=[np.asarray(vector, np.float32)],
                anns_field="vector",
                limit=count,
                filter=condition,
                output_fields=["id"],
                search_params={"metric_type": "COSINE", "params": {"ef": ef}},
                consistency_level="Strong",
                timeout=self._engine.timeout,
            )
            return [Hit(str(hit["id"]), float(hit["distance"])) for hit in answers[0]]

        with self._calling():
            return nearest(search, k, self.max_k)

    def fetch(self, ids: Iterable[str]) -> list[Record]:
        """Returns the records of `ids` in that order; unknown ids are left out."""
        valid = valid_ids(ids)
        records: dict[str, Record] = {}
        with self._calling():
            self._describe()
        for start in range(0, len(valid), BATCH):
            condition = _with_ids(valid[start : start + BATCH])
            for row in self._read(condition, ["id", "vector", "metadata"]):
                vector = np.array(row["vector"], np.float32)
                records[row["id"]] = Record(row["id"], vector, decode(row["metadata"]))
        return [records[record_id] for record_id in valid if record_id in records]

    def ids(self) -> Iterator[list[str]]:
        """Yields all ids in pages; those of milvus-lite in one page, as of one moment."""
        with self._calling():
            self._describe()
        if self._lite:
            all_ids = [row["id"] for row in self._read('id != ""', ["id"])]
            if all_ids:
                yield all_ids
            return
        with self._calling():
            pages = self._client.query_iterator(
                self._name, batch_size=10_000, output_fields=["id"], consistency_level="Strong"
            )
        while True:
            with self._calling():
                page = pages.next()
            if not page:
                return
            yield [row["id"] for row in page]

    def stats(self) -> CollectionStats:
        """Returns how many records there are, their dimension and their stamp."""
        with self._calling():
            dimension, stamp = self._describe()
        return CollectionStats(self._count(), dimension, stamp or "")

    def close(self) -> None:
        """Closes the connection. When this process closes its last one, milvus-lite stops."""
        if self._client is not None:
            self._client.close()
            self._client = None
        self._leave()

    # -- what the calls are made of ------------------------------------------------------------

    def _connect(self) -> None:
        from pymilvus import MilvusClient  # type: ignore[import-untyped]

        login: dict[str, Any] = {}
        if not self._lite:
            login = {"token": self._engine.api_key or "", "timeout": self._engine.timeout}
        with self._calling():
            self._client = MilvusClient(uri=self._url, **login)

    def _load(self) -> None:
        with self._calling():
            # Without an index it was not made to the end, and cannot be read.
            if not (
                self._client.has_collection(self._name) and self._client.list_indexes(self._name)
            ):
                raise not_found_error(self._engine, self._name)
            self._client.load_collection(self._name)

    def _prepare(self, mode: Mode) -> None:
        spec = self._spec
        with self._calling():
            exists = self._client.has_collection(self._name)
            if not exists and mode == "existing":
                raise not_found_error(self._engine, self._name)
            if exists and mode == "take-over" and self._describe()[0] != spec.dimension:
                self._client.drop_collection(self._name)
                exists = False
            if not exists:
                self._create()
            # Raises if it is another application's: then nothing may be made on it.
            self._describe()
            # A server makes it in two steps, and the process may have been killed in between.
            if not self._client.list_indexes(self._name):
                self._client.create_index(self._name, self._index_params())
            self._client.load_collection(self._name)
            dimension, stamp = self._describe()
            if mode != "take-over":
                # Counting takes a while, and matters only without a stamp.
                empty = stamp is None and self._count() == 0
                check_comparable(
                    self._engine, self._name, spec, dimension=dimension, stamp=stamp, empty=empty
                )
            if stamp != spec.stamp:
                self._client.alter_collection_properties(self._name, {STAMP: spec.stamp})

    def _create(self) -> None:
        from pymilvus import DataType, MilvusException

        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=True)
        # 512 characters of four bytes each.
        schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=2048)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=self._spec.dimension)
        schema.add_field("metadata", DataType.VARCHAR, max_length=LONGEST_TEXT)
        if self._lite:
            schema.add_field("tokens", DataType.VARCHAR, max_length=LONGEST_TEXT)
        else:
            schema.add_field(
                "tokens",
                DataType.ARRAY,
                element_type=DataType.VARCHAR,
                max_capacity=MAX_TOKENS,
                max_length=32,
            )
        try:
            self._client.create_collection(
                self._name,
                schema=schema,
                properties={STAMP: self._spec.stamp},
                consistency_level="Strong",
            )
        except MilvusException:
            # Another process may have made it at the same moment.
            if not self._client.has_collection(self._name):
                raise

    def _index_params(self) -> Any:
        kind, parameters = "HNSW", {"M": 16, "efConstruction": 200}
        if self._lite or "zilliz" in self._url:
            kind, parameters = "FLAT" if self._lite else "AUTOINDEX", {}
        params = self._client.prepare_index_params()
        params.add_index("vector", index_type=kind, metric_type="COSINE", params=parameters)
        return params

    def _describe(self) -> tuple[int, str | None]:
        """Returns the dimension and the stamp (None for none) of the collection, as they are now.

        Raises:
            EngineMismatch: it lacks fields of ours, so another application made it.
        """
        description = self._client.describe_collection(self._name)
        fields = {field["name"]: field for field in description["fields"]}
        types = {name: field["type"].name for name, field in fields.items()}
        ours = {"id": "VARCHAR", "vector": "FLOAT_VECTOR", "metadata": "VARCHAR"}
        if not types.items() >= ours.items() or "tokens" not in types:
            raise foreign_shape_error(self._engine, self._name)
        dimension = fields["vector"]["params"]["dim"]
        return int(dimension), description["properties"].get(STAMP)

    def _check_stamp(self) -> None:
        dimension, stamp = self._describe()
        if (dimension, stamp) != (self._spec.dimension, self._spec.stamp):
            raise taken_over_error(self._engine, self._name, stamp)

    def _read(self, condition: str, fields: list[str]) -> list[dict[str, Any]]:
        with self._calling():
            return list(
                self._client.query(
                    self._name,
                    filter=condition,
                    output_fields=fields,
                    consistency_level="Strong",
                    timeout=self._engine.timeout,
                )
            )

    def _count(self) -> int:
        (row,) = self._read("", ["count(*)"])
        return int(row["count(*)"])

    def _row(self, record: Record) -> dict[str, Any]:
        text, words = encode(record.metadata), tokens(record.metadata)
        if len(text) > LONGEST_TEXT or len(words) > MAX_TOKENS:
            raise EngineUnsupported(
                f"the metadata of the product {record.id!r} is too much for milvus, which keeps "
                f"{LONGEST_TEXT} bytes and {MAX_TOKENS} values of a product: shorten it"
            )
        return {
            "id": record.id,
            "vector": np.asarray(record.vector, np.float32),
            "metadata": text,
            "tokens": " ".join(words) if self._lite else words,
            **numbers(record.metadata),
        }

    def _clear_old_numbers(self, rows: list[dict[str, Any]]) -> None:
        """Adds to rows, as None, the numbers that their records no longer have."""
        # An upsert of milvus-lite keeps dynamic fields of the old record that the new one lacks.
        if self._lite:
            condition = _with_ids([row["id"] for row in rows])
            old_rows = self._read(condition, ["id", "metadata"])
            old = {row["id"]: numbers(decode(row["metadata"])) for row in old_rows}
            for row in rows:
                row.update(dict.fromkeys(old.get(row["id"], {}).keys() - row.keys()))

    def _has_any(self, texts: Sequence[str]) -> str:
        if not texts:
            return '(id == "")'
        if self._lite:
            # It searches texts all at once, but lists row by row, together with the vectors.
            return "(" + " or ".join(f'tokens like "%{text}%"' for text in texts) + ")"
        return f"array_contains_any(tokens, {json.dumps(list(texts))})"

    @contextmanager
    def _calling(self) -> Iterator[None]:
        """Holds the lock of a milvus-lite, and raises our errors for those of pymilvus."""
        from pymilvus import MilvusException

        with self._lock:
            try:
                with _silence_logging():
                    yield
            except MilvusException as error:
                raise _translate_error(error, self._engine, self._name, self._lite) from error
            except (ValueError, OSError) as error:
                raise EngineUnavailable(
                    f"milvus at {hide_secrets(self._engine.url)} cannot be used: check "
                    "FLOORLENS_INDEX_URL"
                ) from error


def _compare(column: str, sign: str, number: str) -> str:
    return f'($meta["{column}"] {sign} "{number}")'


def _with_ids(ids: Sequence[str]) -> str:
    return f"id in {json.dumps(list(ids), ensure_ascii=False)}"


def _is_not_ours(_: logging.LogRecord) -> bool:
    return not getattr(_CALLS, "count", 0)


@contextmanager
def _silence_logging() -> Iterator[None]:
    """Keeps pymilvus from logging the errors of this thread's calls, which become ours."""
    # It logs them as errors, with tracebacks and addresses, before it raises them.
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("pymilvus"):
            logging.getLogger(name).addFilter(_is_not_ours)
    _CALLS.count = getattr(_CALLS, "count", 0) + 1
    try:
        yield
    finally:
        _CALLS.count -= 1


def _translate_error(error: Any, engine: Engine, name: str, lite: bool) -> EngineError:
    """Returns our error for one of pymilvus, without its text."""
    place = f"milvus at {hide_secrets(engine.url)}"
    text = str(error).lower()
    if error.code == 100 or "collection not found" in text:
        return not_found_error(engine, name)
    if error.code in (8, 9) or "rate limit" in text or "quota" in text:
        return EngineQuota(f"{place} accepts no more for now (rate or quota): try again later")
    if any(word in text for word in ("unauthenticated", "auth check", "permission deny")):
        return EngineDenied(
            f"{place} refuses the token, or the token may not do this: check FLOORLENS_INDEX_KEY"
        )
    if lite:
        return EngineUnavailable(
            f"{place} cannot be opened or used: another process may have it open, which "
            "milvus-lite does not share, or it is no folder of milvus-lite 3"
        )
    return EngineUnavailable(f"{place} does not answer: see that it runs and the url is right")
