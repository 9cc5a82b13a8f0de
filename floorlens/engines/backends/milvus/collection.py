"""Milvus: milvus-lite in a `.db` folder, a Milvus server or cluster by URL, or Zilliz Cloud.

milvus-lite compares every vector; a server has an HNSW index, Zilliz one of its own choice.
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
    expression,
    numbers,
    possible,
    tokens,
)
from floorlens.engines.opening import (
    check_same,
    checked_name,
    foreign_shape,
    not_found,
    replaced,
    shown_url,
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
LONGEST = 65_535
"""The longest text that Milvus keeps in a field, in bytes."""
TOKENS = 1900
"""How many tokens a record may have: what fits into a text of milvus-lite."""
FLUSH = {True: 1_000, False: 20_000}
"""After so many records a collection is flushed (lite, server): others are slow to search. A server
does it by itself before long, and limits how often it may be asked to."""
CANDIDATES = 400
LARGEST_EF = 32_768

_AT_WORK = threading.local()


class MilvusCollection:
    """A collection of id, vector, metadata as JSON, its tokens, and its numbers as dynamic fields.

    The stamp is a property of the collection. milvus-lite belongs to one process at a time.
    """

    most = 16_384

    def __init__(self, engine: Engine, spec: CollectionSpec, name: str, lite: bool) -> None:
        """Use `MilvusCollection.open`."""
        self._engine = engine
        self._spec = spec
        self._name = name
        self._lite = lite
        self._url = str(Path(str(engine.url)).resolve()) if lite else str(engine.url)
        self._lock: Any = nullcontext()
        self._leave: Any = nullcontext
        if lite:
            self._lock = milvus_lite.enter(self._url)
            # At the latest when the handle is forgotten.
            self._leave = finalize(self, milvus_lite.leave, self._url)
        self._client: Any = None
        self._unflushed = 0

    @classmethod
    def open(
        cls,
        engine: Engine,
        spec: CollectionSpec,
        *,
        mode: Mode = "create",
    ) -> MilvusCollection:
        """Returns a collection, made if absent.

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
                "the engine milvus needs a url: a file ending in .db, or http://host:19530"
            )
        lite = "://" not in url
        name = checked_name(engine, spec, r"[A-Za-z_][A-Za-z0-9_]*", 255)
        if lite and not Path(url).exists():
            if mode not in ("create", "take-over"):
                raise not_found(engine, name)
            try:
                Path(url).absolute().parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise EngineUnavailable(f"milvus: no folder can be made for {url}") from error
        collection = cls(engine, spec, name, lite)
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
            EngineUnsupported: metadata of another kind, or too much of it; nothing is stored.
        """
        check_records(records, self._spec.dimension)
        check_storable(records)
        unique = list({record.id: record for record in records}.values())
        rows = [self._row(record) for record in unique]
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            with self._calling():
                self._check_stamp()
                self._forget_numbers(batch)
                self._client.upsert(self._name, batch, timeout=self._engine.timeout)
        self._unflushed += len(rows)
        if self._unflushed >= FLUSH[self._lite]:
            with self._calling():
                self._client.flush(self._name)
            self._unflushed = 0

    def delete(self, ids: Iterable[str] | None) -> None:
        """Removes records, unknown ids are ignored; None removes the collection."""
        if ids is None:
            with self._calling():
                if self._client.has_collection(self._name):
                    self._described()
                    self._client.drop_collection(self._name)
            return
        gone = possible(ids)
        for start in range(0, len(gone), BATCH):
            with self._calling():
                self._check_stamp()
                self._client.delete(self._name, filter=_with_ids(gone[start : start + BATCH]))

    def query(self, vector: NDArray[np.float32], k: int, where: Filter | None = None) -> list[Hit]:
        """Returns the k most similar records that pass the filter, ties in order of id.

        Raises:
            EngineUnsupported: k is more than 16,384.
        """
        if k > self.most:
            raise EngineUnsupported(f"milvus finds at most {self.most} records, not {k}")
        if k <= 0:
            return []
        condition = "" if where is None else expression(where, self._has_any, _compare)

        def search(count: int) -> list[Hit]:
            wider = {"ef": min(LARGEST_EF, max(CANDIDATES, 2 * count))}
            found = self._client.search(
                self._name,
                data=[np.asarray(vector, np.float32)],
                anns_field="vector",
                limit=count,
                filter=condition,
                output_fields=["id"],
                search_params={"metric_type": "COSINE", "params": wider},
                consistency_level="Strong",
                timeout=self._engine.timeout,
            )
            return [Hit(str(hit["id"]), float(hit["distance"])) for hit in found[0]]

        with self._calling():
            return nearest(search, k, self.most)

    def fetch(self, ids: Iterable[str]) -> list[Record]:
        """Returns the records of `ids` in that order, unknown ones left out."""
        wanted = possible(ids)
        found: dict[str, Record] = {}
        with self._calling():
            self._described()
        for start in range(0, len(wanted), BATCH):
            condition = _with_ids(wanted[start : start + BATCH])
            for row in self._read(condition, ["id", "vector", "metadata"]):
                vector = np.array(row["vector"], np.float32)
                found[row["id"]] = Record(row["id"], vector, decode(row["metadata"]))
        return [found[record_id] for record_id in wanted if record_id in found]

    def ids(self) -> Iterator[list[str]]:
        """Yields all ids in pages; of milvus-lite, as of one moment, in one."""
        with self._calling():
            self._described()
        if self._lite:
            found = [row["id"] for row in self._read('id != ""', ["id"])]
            if found:
                yield found
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
            dimension, stamp = self._described()
        (counted,) = self._read("", ["count(*)"])
        return CollectionStats(int(counted["count(*)"]), dimension, stamp or "")

    def close(self) -> None:
        """Closes the connection; the last one of this process to a milvus-lite stops it."""
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
            # Without an index it was not made to the end, and nothing can be read from it.
            if not (
                self._client.has_collection(self._name) and self._client.list_indexes(self._name)
            ):
                raise not_found(self._engine, self._name)
            self._client.load_collection(self._name)

    def _prepare(self, mode: Mode) -> None:
        ours = self._spec
        with self._calling():
            there = self._client.has_collection(self._name)
            if not there and mode == "existing":
                raise not_found(self._engine, self._name)
            if there and mode == "take-over" and self._described()[0] != ours.dimension:
                self._client.drop_collection(self._name)
                there = False
            if not there:
                self._create()
            # Before anything is made on it: it may be another application's.
            self._described()
            # Made in two steps on a server: whoever made it may have been killed in between.
            if not self._client.list_indexes(self._name):
                self._client.create_index(self._name, self._index())
            self._client.load_collection(self._name)
            dimension, stamp = self._described()
            if mode != "take-over":
                # Counting takes a while: only where it matters.
                empty = stamp is None and self._read("", ["count(*)"])[0]["count(*)"] == 0
                check_same(self._engine, self._name, ours, dimension, stamp, empty)
            if stamp != ours.stamp:
                self._client.alter_collection_properties(self._name, {STAMP: ours.stamp})

    def _create(self) -> None:
        from pymilvus import DataType, MilvusException

        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=True)
        # 512 characters of four bytes each.
        schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=2048)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=self._spec.dimension)
        schema.add_field("metadata", DataType.VARCHAR, max_length=LONGEST)
        if self._lite:
            schema.add_field("tokens", DataType.VARCHAR, max_length=LONGEST)
        else:
            schema.add_field(
                "tokens",
                DataType.ARRAY,
                element_type=DataType.VARCHAR,
                max_capacity=TOKENS,
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
            # Another one may have made it at the same moment.
            if not self._client.has_collection(self._name):
                raise

    def _index(self) -> Any:
        kind, parameters = "HNSW", {"M": 16, "efConstruction": 200}
        if self._lite or "zilliz" in self._url:
            kind, parameters = "FLAT" if self._lite else "AUTOINDEX", {}
        params = self._client.prepare_index_params()
        params.add_index("vector", index_type=kind, metric_type="COSINE", params=parameters)
        return params

    def _described(self) -> tuple[int, str | None]:
        """Returns the dimension and the stamp of the collection, as of now.

        Raises:
            EngineMismatch: it lacks fields of ours: another application made it.
        """
        found = self._client.describe_collection(self._name)
        kinds = {one["name"]: one["type"].name for one in found["fields"]}
        ours = {"id": "VARCHAR", "vector": "FLOAT_VECTOR", "metadata": "VARCHAR"}
        if not kinds.items() >= ours.items() or "tokens" not in kinds:
            raise foreign_shape(self._engine, self._name)
        dimension = next(one["params"]["dim"] for one in found["fields"] if one["name"] == "vector")
        return int(dimension), found["properties"].get(STAMP)

    def _check_stamp(self) -> None:
        dimension, stamp = self._described()
        if (dimension, stamp) != (self._spec.dimension, self._spec.stamp):
            raise replaced(self._engine, self._name, stamp)

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

    def _row(self, record: Record) -> dict[str, Any]:
        text, words = encode(record.metadata), tokens(record.metadata)
        if len(text) > LONGEST or len(words) > TOKENS:
            raise EngineUnsupported(
                f"the metadata of the product {record.id!r} is too much for milvus, which keeps "
                f"{LONGEST} bytes and {TOKENS} values of a product: shorten it"
            )
        return {
            "id": record.id,
            "vector": np.asarray(record.vector, np.float32),
            "metadata": text,
            "tokens": " ".join(words) if self._lite else words,
            **numbers(record.metadata),
        }

    def _forget_numbers(self, rows: list[dict[str, Any]]) -> None:
        """Adds to rows, as None, the numbers that their records no longer have."""
        # An upsert of milvus-lite keeps dynamic fields of the old record that the new one lacks.
        if self._lite:
            condition = _with_ids([row["id"] for row in rows])
            found = self._read(condition, ["id", "metadata"])
            old = {row["id"]: numbers(decode(row["metadata"])) for row in found}
            for row in rows:
                row.update(dict.fromkeys(old.get(row["id"], {}).keys() - row.keys()))

    def _has_any(self, wanted: Sequence[str]) -> str:
        if not wanted:
            return '(id == "")'
        if self._lite:
            # It looks into texts all at once, into lists row by row with their vectors.
            return "(" + " or ".join(f'tokens like "%{token}%"' for token in wanted) + ")"
        return f"array_contains_any(tokens, {json.dumps(list(wanted))})"

    @contextmanager
    def _calling(self) -> Iterator[None]:
        """Holds the lock of a milvus-lite, and turns what pymilvus raises into our errors."""
        from pymilvus import MilvusException

        with self._lock:
            try:
                with _unlogged():
                    yield
            except MilvusException as error:
                raise _mapped(error, self._engine, self._name, self._lite) from error
            except (ValueError, OSError) as error:
                at = f"milvus at {shown_url(self._engine.url)}"
                raise EngineUnavailable(f"{at} cannot be used") from error


def _compare(column: str, sign: str, number: str) -> str:
    return f'($meta["{column}"] {sign} "{number}")'


def _with_ids(ids: Sequence[str]) -> str:
    return f"id in {json.dumps(list(ids), ensure_ascii=False)}"


def _is_foreign(_: logging.LogRecord) -> bool:
    return not getattr(_AT_WORK, "calls", 0)


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keeps pymilvus from logging the errors of this thread's calls, which become ours."""
    # It logs them as errors, with tracebacks and addresses, before it raises them.
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("pymilvus"):
            logging.getLogger(name).addFilter(_is_foreign)
    _AT_WORK.calls = getattr(_AT_WORK, "calls", 0) + 1
    try:
        yield
    finally:
        _AT_WORK.calls -= 1


def _mapped(error: Any, engine: Engine, name: str, lite: bool) -> EngineError:
    """Returns our error for one of pymilvus, without its text."""
    at = f"milvus at {shown_url(engine.url)}"
    text = str(error).lower()
    if error.code == 100 or "collection not found" in text:
        return not_found(engine, name)
    if error.code in (8, 9) or "rate limit" in text or "quota" in text:
        return EngineQuota(f"{at} takes no more for now (rate or quota): try again later")
    if any(word in text for word in ("unauthenticated", "auth check", "permission deny")):
        return EngineDenied(f"{at} refuses the token, or it may not do this: check the api key")
    if lite:
        return EngineUnavailable(
            f"{at} cannot be opened or used: another process may have it open, which "
            "milvus-lite does not share, or it is no folder of milvus-lite 3"
        )
    return EngineUnavailable(f"{at} does not answer: see that it runs and the url is right")
