"""pgvector beyond the contract: logins, restarts, timeouts, and what PostgreSQL cannot keep."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import numpy as np
import pytest

pytestmark = pytest.mark.slow

psycopg = pytest.importorskip("psycopg", reason="needs the extra pgvector")

from floorlens.engines import CollectionSpec, CollectionStats, Engine, Mode, Record
from floorlens.engines.backends.pgvector import collection as pgvector
from floorlens.engines.backends.pgvector.collection import PgvectorCollection
from floorlens.engines.backends.pgvector.connections import Connections
from floorlens.engines.filters import Condition, parse_filter
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
from tests.doubles.postgres import running_postgres

PRODUCTS = CollectionSpec("products", 4, "stamp")


def records(count: int, dimension: int = 4, **metadata: Any) -> list[Record]:
    matrix = np.random.default_rng(0).normal(size=(count, dimension)).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    return [Record(f"p{i:05}", row, {"price": i, **metadata}) for i, row in enumerate(matrix)]


@pytest.fixture
def engine(postgres_database: str) -> Engine:
    return Engine("pgvector", url=postgres_database)


@pytest.fixture
def collection(engine: Engine) -> Iterator[PgvectorCollection]:
    collection = PgvectorCollection.open(engine, PRODUCTS)
    yield collection
    collection.close()


def execute(engine: Engine, *statements: str) -> None:
    with psycopg.connect(str(engine.url), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


# -- logins and addresses ----------------------------------------------------------------------


def test_the_address_of_a_catalogue_serves_too(engine: Engine) -> None:
    """SQLAlchemy's spelling, which names the driver."""
    url = str(engine.url).replace("postgresql://", "postgresql+psycopg://")
    assert PgvectorCollection.open(Engine("pgvector", url=url), PRODUCTS).stats().count == 0


def test_a_search_path_does_not_matter(engine: Engine) -> None:
    """The tables lie in a schema of their own, whoever opens them."""
    execute(engine, "create extension vector", "create schema other")
    elsewhere = Engine("pgvector", url=f"{engine.url}&options=-csearch_path%3Dother,public")
    PgvectorCollection.open(elsewhere, PRODUCTS).upsert(records(3))
    assert PgvectorCollection.open(engine, PRODUCTS, mode="existing").stats().count == 3
    with psycopg.connect(str(engine.url)) as connection:
        query = "select distinct schemaname from pg_tables where tablename like any(%s)"
        schemas = connection.execute(query, [["products%", "floorlens%"]]).fetchall()
    assert schemas == [("floorlens_vectors",)]


def test_looking_makes_nothing(engine: Engine) -> None:
    """Neither tables nor the extension."""
    with pytest.raises(CollectionNotFound, match="engine sync --to pgvector"):
        PgvectorCollection.open(engine, PRODUCTS, mode="existing")
    with psycopg.connect(str(engine.url)) as connection:
        query = "select count(*) from pg_tables where schemaname in ('public', 'floorlens_vectors')"
        assert connection.execute(query).fetchone() == (0,)
        query = "select count(*) from pg_extension where extname = 'vector'"
        assert connection.execute(query).fetchone() == (0,)


@pytest.mark.parametrize("url", [None, "", "postgresql://me:secret@host:port/x?nonsense=1"])
def test_an_address_that_cannot_be_meant(url: str | None) -> None:
    """The error shows how one looks, and nothing of a password."""
    with pytest.raises(SettingsError, match="postgresql://user") as caught:
        PgvectorCollection.open(Engine("pgvector", url=url), PRODUCTS)
    assert "secret" not in str(caught.value)


def test_no_server() -> None:
    engine = Engine("pgvector", url="postgresql://me:secret@127.0.0.1:1/x", timeout=2)
    with pytest.raises(EngineUnavailable, match="does not answer") as caught:
        PgvectorCollection.open(engine, PRODUCTS)
    assert "secret" not in str(caught.value)


def test_no_such_database(engine: Engine) -> None:
    url = str(engine.url).replace("/test_", "/none_")
    with pytest.raises(EngineUnavailable, match="no such database"):
        PgvectorCollection.open(Engine("pgvector", url=url), PRODUCTS)


def test_a_login_that_may_only_read(engine: Engine, collection: PgvectorCollection) -> None:
    """It opens and searches what is there; it can neither write nor make."""
    collection.upsert(records(3))
    role = f"reader_{os.urandom(4).hex()}"
    tables = 'floorlens_vectors."products", floorlens_vectors.floorlens_collections'
    execute(
        engine,
        f"create role {role} login",
        f"grant usage on schema floorlens_vectors to {role}",
        f"grant select on {tables} to {role}",
    )
    try:
        url = str(engine.url).replace("postgres:@", f"{role}@")
        reader = PgvectorCollection.open(Engine("pgvector", url=url), PRODUCTS)
        assert len(reader.query(records(1)[0].vector, 5)) == 3
        with pytest.raises(EngineDenied, match="grant it CREATE"):
            reader.upsert(records(1))
        with pytest.raises(EngineDenied, match="grant it CREATE"):
            PgvectorCollection.open(
                Engine("pgvector", url=url), CollectionSpec("other", 4, "stamp")
            )
        reader.close()
    finally:
        execute(engine, f"drop owned by {role}", f"drop role {role}")


def test_without_the_extra(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pgvector.psycopg", None)
    with pytest.raises(MissingDependency, match=r"floorlens\[pgvector\]"):
        PgvectorCollection.open(engine, PRODUCTS)


@pytest.mark.parametrize(
    ("error", "expected", "words"),
    [
        (psycopg.errors.UndefinedFile("extension control file"), EngineUnavailable, "no pgvector"),
        (psycopg.errors.InsufficientPrivilege("extension"), EngineDenied, "CREATE EXTENSION"),
        (psycopg.errors.DiskFull("could not extend file"), EngineQuota, "disk"),
        (psycopg.errors.TooManyConnections("slots"), EngineQuota, "connection"),
        (psycopg.errors.InvalidPassword("secret text"), EngineDenied, "user and password"),
        (psycopg.OperationalError("FATAL: sorry, too many clients already"), EngineQuota, "later"),
        (psycopg.InterfaceError("secret text"), EngineUnavailable, "does not answer"),
        (psycopg.errors.AdminShutdown("secret text"), EngineUnavailable, "does not answer"),
        (psycopg.errors.ConnectionFailure("secret text"), EngineUnavailable, "does not answer"),
        (psycopg.errors.DeadlockDetected("secret text"), EngineUnavailable, "SQLSTATE 40P01"),
        (psycopg.errors.ReadOnlySqlTransaction("secret text"), EngineDenied, "the primary"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_the_server_says_becomes_ours(
    engine: Engine, error: Exception, expected: type[EngineError], words: str
) -> None:
    """With a cure, and without the server's text."""
    connections = Connections(engine, "products")

    def work(_: Any) -> None:
        raise error

    with pytest.raises(expected, match=words) as caught:
        connections.run(work)
    assert "secret text" not in str(caught.value)


def test_an_old_pgvector_is_named(engine: Engine) -> None:
    class Old:
        def execute(self, _: str) -> Old:
            return self

        def fetchone(self) -> tuple[str]:
            return ("0.7.4",)

    with pytest.raises(EngineUnavailable, match=r"0\.7\.4.*ALTER EXTENSION"):
        pgvector._require_extension(Old())


# -- what it holds -----------------------------------------------------------------------------


def test_a_table_without_a_stamp(engine: Engine, collection: PgvectorCollection) -> None:
    """With records it is somebody's, and taken over on request; empty it is ours."""
    execute(engine, "delete from floorlens_vectors.floorlens_collections")
    assert PgvectorCollection.open(engine, PRODUCTS).stats().stamp == "stamp"
    collection.upsert(records(3))
    execute(engine, "delete from floorlens_vectors.floorlens_collections")
    with pytest.raises(EngineMismatch) as caught:
        PgvectorCollection.open(engine, PRODUCTS)
    assert caught.value.stamp == ""
    assert PgvectorCollection.open(engine, PRODUCTS, mode="take-over").stats().count == 3


@pytest.mark.parametrize("schema", ["public", "floorlens_vectors"])
@pytest.mark.parametrize("mode", get_args(Mode))
def test_a_table_of_another_application_is_left_alone(
    engine: Engine, schema: str, mode: Mode
) -> None:
    """Whatever it is called, wherever it lies, whatever is asked for."""
    execute(
        engine,
        f"create schema if not exists {schema}",
        f"create table {schema}.products (id int, title text)",
        f"insert into {schema}.products values (1, 'precious')",
    )
    try:
        collection = PgvectorCollection.open(engine, PRODUCTS, mode=mode)
    except CollectionNotFound:
        assert schema == "public"
        assert mode in ("existing", "inspect")
    except EngineMismatch as error:
        assert schema == "floorlens_vectors"
        assert "FLOORLENS_NAMESPACE" in str(error)
        assert mode != "inspect"
    else:
        if mode == "inspect":
            assert schema == "floorlens_vectors"
            for call in (
                collection.stats,
                lambda: list(collection.ids()),
                lambda: collection.fetch(["1"]),
            ):
                with pytest.raises(EngineMismatch, match="FLOORLENS_NAMESPACE"):
                    call()
        else:
            assert schema == "public"
            collection.upsert(records(2))
            collection.delete(None)
        collection.close()
    with psycopg.connect(str(engine.url)) as connection:
        rows = connection.execute(f"select id, title from {schema}.products".encode()).fetchall()
    assert rows == [(1, "precious")]


def test_a_table_that_is_in_no_list_is_not_dropped(
    engine: Engine, collection: PgvectorCollection
) -> None:
    """Neither for another dimension nor by delete(None): nothing says that it is ours."""
    collection.upsert(records(3))
    execute(engine, "delete from floorlens_vectors.floorlens_collections")
    with pytest.raises(EngineMismatch):
        PgvectorCollection.open(engine, CollectionSpec("products", 3, "stamp"), mode="take-over")
    with pytest.raises(EngineMismatch):
        collection.delete(None)
    other = PgvectorCollection.open(engine, CollectionSpec("products", 3, "other"), mode="inspect")
    assert other.stats() == CollectionStats(3, 4, "")
    assert len(other.fetch(["p00000", "p00001"])) == 2
    other.close()


def test_a_table_that_vanished(engine: Engine, collection: PgvectorCollection) -> None:
    PgvectorCollection.open(engine, PRODUCTS).delete(None)
    for call in (
        lambda: collection.query(records(1)[0].vector, 3),
        lambda: collection.upsert(records(1)),
        lambda: collection.delete(["p00000"]),
        lambda: collection.stats(),
    ):
        with pytest.raises(CollectionNotFound):
            call()


@pytest.mark.parametrize("metadata", [{"a": "b\0c"}, {"a\0": 1}, {"a": ["\ud800"]}], ids=repr)
def test_characters_that_postgresql_cannot_keep(
    collection: PgvectorCollection, metadata: dict[str, Any]
) -> None:
    """Refused by name before anything is stored; a filter with one passes what has none."""
    odd = Record("odd", records(1)[0].vector, metadata)
    with pytest.raises(EngineUnsupported, match=r"'odd'.*cannot keep"):
        collection.upsert([*records(2), odd])
    assert collection.stats().count == 0
    collection.upsert(records(2))
    ((field, value),) = metadata.items()
    text = value[0] if isinstance(value, list) else value
    for same, other, target in (("$eq", "$ne", text), ("$in", "$nin", ("x", text))):
        assert collection.query(odd.vector, 5, Condition(field, same, target)) == []
        assert len(collection.query(odd.vector, 5, Condition(field, other, target))) == 2
    assert len(collection.query(odd.vector, 5, Condition(field, "$exists", False))) == 2
    assert collection.query(odd.vector, 5, Condition(field, "$exists", True)) == []


def test_an_upsert_is_seen_whole_or_not_at_all(collection: PgvectorCollection) -> None:
    """One that fails at its last record leaves nothing of it."""
    collection.upsert(records(1))
    broken = [*records(500, more=1), Record("bad", records(1)[0].vector, {"a": "\0"})]
    with pytest.raises(EngineUnsupported):
        collection.upsert(broken)
    assert collection.stats().count == 1
    assert collection.fetch(["p00000"])[0].metadata == {"price": 0}


def test_vectors_too_long_for_hnsw_are_compared(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above 2,000 dimensions there is no index, whatever the size."""
    monkeypatch.setattr(pgvector, "INDEX_FROM", 5)
    for dimension, approximate in ((2000, True), (2001, False)):
        one = CollectionSpec(f"of_{dimension}", dimension, "stamp")
        collection = PgvectorCollection.open(engine, one)
        collection.upsert(records(8, dimension))
        assert collection.approximate is approximate
        hits = collection.query(records(8, dimension)[3].vector, 2)
        assert hits[0].id == "p00003"


def test_a_filter_that_leaves_few_finds_them_all(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index alone gives up after so many others: here after what it looks at anyway."""
    name = str(engine.url).split("/")[3].split("?")[0]
    execute(engine, f"alter database {name} set hnsw.max_scan_tuples = 1")
    monkeypatch.setattr(pgvector, "INDEX_FROM", 2000)
    collection = PgvectorCollection.open(engine, PRODUCTS)
    rows = records(2000)
    near, far = ({"kind": "rare"} for _ in range(2))
    collection.upsert(
        [*rows, Record("near", rows[0].vector, near), Record("far", -rows[0].vector, far)]
    )
    assert collection.approximate
    hits = collection.query(rows[0].vector, 3, parse_filter({"kind": "rare"}))
    assert [hit.id for hit in hits] == ["near", "far"]
    assert len(collection.query(rows[0].vector, 2002)) == 2002
    collection.close()


# -- waiting and restarts ----------------------------------------------------------------------


def test_what_takes_too_long_is_given_up(engine: Engine, collection: PgvectorCollection) -> None:
    """Here another connection holds the table; afterwards the same handle answers."""
    collection.upsert(records(3))
    hasty = PgvectorCollection.open(Engine("pgvector", url=engine.url, timeout=1), PRODUCTS)
    with psycopg.connect(str(engine.url)) as other, ThreadPoolExecutor(1) as pool:
        other.execute("lock table floorlens_vectors.products in access exclusive mode")
        query = pool.submit(hasty.query, records(1)[0].vector, 3)
        try:
            with pytest.raises(EngineUnavailable, match="longer than 1 s"):
                query.result(timeout=120)
        finally:
            other.rollback()
    assert len(hasty.query(records(1)[0].vector, 3)) == 3
    hasty.close()


def test_a_child_process_leaves_its_parents_connections_alone(
    collection: PgvectorCollection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It opens its own; what both talk on would garble, and closing it would cut the parent off."""
    collection.upsert(records(3))
    parents = {id(connection) for _, connection in collection._connections._idle}
    assert parents
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert collection.stats().count == 3
    assert not parents & {id(connection) for _, connection in collection._connections._idle}
    assert {id(connection) for connection in collection._connections._inherited} == parents
    assert not any(connection.closed for connection in collection._connections._inherited)


@pytest.fixture(scope="module")
def own_server() -> Iterator[Any]:
    """A server that a test may kill, and that asks the role `locked` for its password."""
    with running_postgres() as (server, folder):
        rules = folder / "pg_hba.conf"
        rules.write_text("local all locked scram-sha-256\n" + rules.read_text())
        server.psql(
            "CREATE ROLE locked LOGIN PASSWORD 'right';"
            "CREATE SCHEMA floorlens_vectors AUTHORIZATION locked;"
            "CREATE EXTENSION vector; SELECT pg_reload_conf();"
        )
        yield server


def test_a_wrong_password(own_server: Any) -> None:
    """The right one may come in the address or as the key; no error shows either."""
    url = own_server.get_uri().replace("postgres:@", "locked:wrong-one@")
    with pytest.raises(EngineDenied, match="check user and password") as caught:
        PgvectorCollection.open(Engine("pgvector", url=url), PRODUCTS)
    assert "wrong-one" not in str(caught.value)
    right = Engine("pgvector", url=url.replace("wrong-one", "right"))
    assert PgvectorCollection.open(right, PRODUCTS).stats().count == 0
    keyed = Engine("pgvector", url=url.replace(":wrong-one", ""), api_key="right")
    assert PgvectorCollection.open(keyed, PRODUCTS).stats().count == 0
    assert "right" not in repr(keyed)


def test_a_handle_outlives_the_server(own_server: Any) -> None:
    """kill -9: an error while it is down, then the same handle goes on with every record."""
    collection = PgvectorCollection.open(
        Engine("pgvector", url=own_server.get_uri(), timeout=5),
        CollectionSpec("lasting", 4, "stamp"),
    )
    collection.upsert(records(20))
    query = records(1)[0].vector
    os.kill(own_server.get_pid(), signal.SIGKILL)
    own_server.get_postmaster_info().process.wait(120)
    with pytest.raises(EngineUnavailable, match="does not answer"):
        collection.query(query, 3)
    own_server.ensure_postgres_running()
    assert len(collection.query(query, 30)) == 20
    collection.upsert(records(25))
    os.kill(own_server.get_pid(), signal.SIGKILL)
    own_server.get_postmaster_info().process.wait(120)
    own_server.ensure_postgres_running()
    # Its connection broke while nobody used it: that is not an error.
    assert collection.stats().count == 25
