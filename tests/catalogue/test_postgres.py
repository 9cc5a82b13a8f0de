"""A catalogue on a real PostgreSQL: addresses, permissions, and a server that fails."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import insert, select

pytestmark = pytest.mark.slow

psycopg = pytest.importorskip("psycopg", reason="needs the extra pgvector")

from floorlens import Floorlens
from floorlens.catalogue import postgres
from floorlens.catalogue.catalogue import Catalogue
from floorlens.catalogue.database import Database
from floorlens.catalogue.postgres import PostgresStore
from floorlens.catalogue.schema import SCHEMA_VERSION, metadata, products, state
from floorlens.doctor import examine
from floorlens.errors import CatalogueError, CatalogueNotFound, MissingDependency
from floorlens.settings import Settings
from floorlens.testing import fake_stages

SECRET = "s3cr:et"
QUOTED = "s3cr%3Aet"


def run(url: str, *statements: str) -> list[Any]:
    """Runs SQL as the administrator; returns the last one's rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def url(postgres_database: str) -> str:
    """A database of the test's own."""
    return postgres_database


@pytest.fixture
def role(url: str) -> Iterator[str]:
    """A user who may connect, and nothing else."""
    name = f"role_{os.urandom(6).hex()}"
    run(url, f"CREATE ROLE {name} LOGIN PASSWORD '{SECRET}'")
    yield name
    run(url, f"DROP OWNED BY {name}", f"DROP ROLE {name}")


def of(url: str, role: str) -> str:
    """Returns the URL of another user of the database."""
    return url.replace("postgres:@", f"{role}:{QUOTED}@")


def refused(location: str, *, create: bool = True) -> str:
    """Returns what opening says, which never is the password."""
    with pytest.raises(CatalogueError) as caught:
        Catalogue(location, create=create)
    text = str(caught.value)
    for secret in (SECRET, QUOTED, "s3c", "ret@"):
        assert secret not in text
    return text


# -- addresses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "shown", "connected"),
    [
        (
            "postgresql+psycopg://anna:s3cret@db:5433/floors",
            "postgresql://anna:***@db:5433/floors",
            "postgresql://anna:s3cret@db:5433/floors",
        ),
        ("postgres://anna@db/floors", "postgresql://anna@db/floors", "postgresql://anna@db/floors"),
        (
            "postgresql://anna:s3%40cr%2Fet@db/f?sslmode=require&floorlens_schema=shop_2",
            "postgresql://anna:***@db/f?floorlens_schema=shop_2",
            "postgresql://anna:s3%40cr%2Fet@db/f?sslmode=require",
        ),
        (
            "postgresql:///f?host=/run/pg&user=anna&password=s3cret&sslpassword=s3cret",
            "postgresql:///f?host=%2Frun%2Fpg&user=anna",
            "postgresql:///f?host=%2Frun%2Fpg&password=s3cret&sslpassword=s3cret&user=anna",
        ),
        ("postgresql:///floors", "postgresql:///floors", "postgresql:///floors"),
    ],
)
def test_addresses(given: str, shown: str, connected: str) -> None:
    """Shown without passwords; connected to with them, and without the option of our own."""
    store = PostgresStore(given)
    assert store.location == shown
    assert store.url == connected
    assert store.folder is None
    assert "s3c" not in repr(store.engine)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://anna:s3@cret@db/floors",
        "postgresql://anna:s3/cret@db/floors",
        "postgresql://anna:s3?cret@db/floors",
        "postgresql://anna:s3?a=cret@db/floors",
        "postgresql://anna:s3@cr/et@db/floors",
        "postgresql://db:5432/f?password=s3@cret",
        "postgresql://anna:x@db:s3cret/floors",
    ],
)
def test_an_address_that_can_be_read_two_ways_is_refused(address: str) -> None:
    """Read wrongly, a part of the password would pass for the host, and be shown."""
    with pytest.raises(CatalogueError, match="cannot be read: it is postgresql://") as caught:
        Database(address)
    for part in ("s3", "cret", "et@"):
        assert part not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("name", ["Shop", "pg_shop", "a-b", "x" * 64, "a;drop", '"a"'])
def test_a_schema_has_a_plain_name(name: str) -> None:
    """It goes into statements as it is."""
    with pytest.raises(CatalogueError, match="floorlens_schema"):
        Database(f"postgresql://anna@db/f?floorlens_schema={name}")


@pytest.mark.parametrize("scheme", ["postgresql+psycopg2", "postgresql+asyncpg", "mysql"])
def test_other_drivers_and_databases_are_refused(scheme: str) -> None:
    """Their address must not become a folder's name."""
    with pytest.raises(CatalogueError, match="not supported"):
        Database(f"{scheme}://anna:s3cret@db/floors")


def test_psycopg_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingDependency, match=r"pip install 'floorlens\[pgvector\]'"):
        Database("postgresql://anna@db/floors")


# -- several catalogues, absent ones, others' -----------------------------------------------------


def test_catalogues_of_one_database_do_not_know_of_each_other(url: str) -> None:
    one, two = Catalogue(url), Catalogue(f"{url}&floorlens_schema=two")
    with closing(one), closing(two):
        # The second would wait, were there one lock for both.
        with one.writing(), two.writing() as connection:
            row = {"id": "a", "name": "A", "metadata": "{}", "revision": 1}
            connection.execute(insert(products).values(row))
        assert (one.count(), two.count()) == (0, 1)
        assert (one.revision(), two.revision()) == (1, 1)
        assert one.facts()["bytes"] > 8192
        assert one.folder is None
    assert {row[0] for row in run(url, "SELECT schemaname FROM pg_tables")} >= {"floorlens", "two"}


def test_vectors_may_lie_in_the_same_database(url: str, tmp_path: Path) -> None:
    """Those of both catalogues; the engine is told nothing of the schema's option."""
    for number in range(3):
        Image.new("RGB", (32, 32), (40 * number, 90, 120)).save(tmp_path / f"{number}.png")
    room = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    for location in (url, f"{url}&floorlens_schema=two"):
        with Floorlens.open(location, stages=fake_stages(), index="pgvector") as lens:
            assert lens.add(tmp_path).not_synced is None
            assert len(lens.search(room).matches) == 3
            lens.remove(["1"])
            assert {match.product.id for match in lens.search(room).matches} == {"0", "2"}


def test_nothing_is_made_where_nothing_is_to_be_made(url: str) -> None:
    """A folder without a catalogue and a database without one say the same."""
    with pytest.raises(CatalogueNotFound, match="floorlens index"):
        Catalogue(url, create=False)
    assert run(url, "SELECT 1 FROM pg_namespace WHERE nspname = 'floorlens'") == []


def test_tables_of_another_application_are_left_alone(url: str) -> None:
    run(url, "CREATE SCHEMA shop", "CREATE TABLE shop.products (sku text)")
    assert "holds a table 'products' of another application" in refused(
        f"{url}&floorlens_schema=shop"
    )
    run(url, "CREATE SCHEMA app", "CREATE TABLE app.state (name text)")
    assert "holds tables of another application" in refused(f"{url}&floorlens_schema=app")
    tables = run(url, "SELECT tablename FROM pg_tables WHERE schemaname IN ('shop', 'app')")
    assert sorted(tables) == [("products",), ("state",)]


def test_a_database_that_is_not_of_unicode_is_refused(url: str) -> None:
    """Names would come back as other characters."""
    name = f"latin_{os.urandom(6).hex()}"
    run(url, f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    database = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    try:
        assert "has the encoding LATIN1" in refused(url.replace(f"/{database}", f"/{name}"))
    finally:
        run(url, f"DROP DATABASE {name} WITH (FORCE)")


def test_the_command_line_takes_the_address(url: str, tmp_path: Path) -> None:
    """From the setting; what it prints names no password."""
    Image.new("RGB", (40, 40), "tan").save(tmp_path / "oak.png")
    address = url.replace("postgres:@", f"postgres:{QUOTED}@")
    outputs = []
    for words in (["index", str(tmp_path)], ["info", "--json"], ["products", "list"], ["export"]):
        result = subprocess.run(
            [sys.executable, "-m", "floorlens", *words],
            env={**os.environ, "FLOORLENS_CATALOGUE": address},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert result.returncode == 0, result.stderr
        outputs.append(result.stdout)
        assert SECRET not in result.stdout + result.stderr
        assert QUOTED not in result.stdout + result.stderr
    facts = json.loads(outputs[1])
    assert (facts["products"], facts["searchable"]) == (1, 1)
    assert facts["catalogue"].startswith("postgresql://postgres:***@/")
    assert "oak" in outputs[2]
    assert str(tmp_path / "oak.png") in outputs[3]


# -- users and permissions -------------------------------------------------------------------------


def test_a_user_who_may_make_no_schema(url: str, role: str) -> None:
    """Told what an administrator has to do; done that, it works."""
    assert "CREATE SCHEMA floorlens AUTHORIZATION" in refused(of(url, role))
    run(url, f"CREATE SCHEMA floorlens AUTHORIZATION {role}")
    with closing(Catalogue(of(url, role))) as catalogue:
        assert catalogue.count() == 0


def test_a_user_who_may_only_read(url: str, role: str) -> None:
    Catalogue(url).close()
    assert "lacks a permission" in refused(of(url, role), create=False)
    run(url, f"GRANT USAGE ON SCHEMA floorlens TO {role}")
    assert "lacks a permission" in refused(of(url, role), create=False)
    run(url, f"GRANT SELECT ON ALL TABLES IN SCHEMA floorlens TO {role}")
    with closing(Catalogue(of(url, role))) as catalogue:
        assert catalogue.facts()["products"] == 0
        with pytest.raises(CatalogueError, match="could not be written: the user lacks a permis"):
            catalogue.remove(["a"])


@pytest.fixture
def passwords(postgres_server: Any, url: str, role: str) -> Iterator[None]:
    """The server asks this role for its password."""
    file = Path(postgres_server.pgdata) / "pg_hba.conf"
    before = file.read_text()
    file.write_text(f"local all {role} scram-sha-256\n{before}")
    run(url, "SELECT pg_reload_conf()")
    yield
    file.write_text(before)
    run(url, "SELECT pg_reload_conf()")


def test_a_wrong_password_and_none(passwords: None, url: str, role: str) -> None:
    for wrong in (f"{role}:wr0ng@", f"{role}@"):
        text = refused(url.replace("postgres:@", wrong))
        assert "refuses the user or the password" in text
        assert "wr0ng" not in text
    run(url, f"CREATE SCHEMA floorlens AUTHORIZATION {role}")
    with closing(Catalogue(of(url, role))) as catalogue:
        assert SECRET not in catalogue.location
        assert catalogue.count() == 0


def test_an_unknown_user_and_an_unknown_database(url: str) -> None:
    assert "refuses the user" in refused(url.replace("postgres:@", "nobody:s3cr%3Aet@"))
    database = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    assert "createdb" in refused(url.replace(f"/{database}", "/none"))


def test_a_password_is_shown_nowhere(passwords: None, url: str, role: str) -> None:
    """Not by the doctor, whether or not there is a catalogue; not in what is known of one."""
    run(url, f"CREATE SCHEMA floorlens AUTHORIZATION {role}")
    for _ in range(2):
        checks = examine(Settings(catalogue=of(url, role)))
        found = next(check for check in checks if check.name == "catalogue")
        assert found.ok, found
        assert f"{role}:***@" in found.found
        assert SECRET not in str(checks)
        assert QUOTED not in str(checks)
        with closing(Catalogue(of(url, role))) as catalogue:
            shown = f"{catalogue.facts()} {catalogue!r} {catalogue._store!r} {vars(catalogue)}"
            assert SECRET not in shown
            assert QUOTED not in shown


# -- servers that fail -----------------------------------------------------------------------------


def test_no_server(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for address in (
        f"anna:{QUOTED}@127.0.0.1:{port}/f",
        f"anna:{QUOTED}@/f?host={tmp_path}",
        f"anna:{QUOTED}@nowhere.invalid/f",
    ):
        assert "does not answer: check that it runs" in refused(f"postgresql://{address}")


def answering(answer: Callable[[socket.socket], object]) -> tuple[socket.socket, int]:
    """Returns a server that answers its first caller so, and its port."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        caller, _ = server.accept()
        with caller:
            answer(caller)

    threading.Thread(target=serve, daemon=True).start()
    return server, int(server.getsockname()[1])


def test_a_server_without_encryption() -> None:
    server, port = answering(lambda caller: caller.send(b"N") if caller.recv(8) else None)
    with server:
        text = refused(f"postgresql://anna:{QUOTED}@127.0.0.1:{port}/f?sslmode=require")
    assert "no encrypted connection could be made: check sslmode" in text


def test_what_is_no_postgres() -> None:
    server, port = answering(lambda caller: caller.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    with server:
        text = refused(f"postgresql://anna:{QUOTED}@127.0.0.1:{port}/f?sslmode=disable")
    assert "127.0.0.1" in text


@pytest.mark.parametrize("option", ["sslmode=s3cret", "nonesuch=s3cr:et", "connect_timeout=soon"])
def test_an_option_that_postgres_does_not_know(option: str) -> None:
    assert "an option of its address" in refused(f"postgresql://anna@127.0.0.1/f?{option}")


def ended(url: str) -> int:
    """Ends the server's side of all connections that a catalogue has; returns how many."""
    return len(
        run(
            url,
            "SELECT pg_terminate_backend(pid, 120000) FROM pg_stat_activity "
            "WHERE application_name = 'floorlens' AND datname = current_database()",
        )
    )


def test_a_restart_of_the_server_is_survived(url: str) -> None:
    """A transaction that it hits fails clearly; the next one connects anew."""
    with closing(Catalogue(url)) as catalogue:
        assert ended(url) == 1
        assert catalogue.count() == 0
        with (
            pytest.raises(CatalogueError, match="run the command again"),
            catalogue.writing() as connection,
        ):
            assert ended(url) == 1
            connection.execute(select(state))
        assert catalogue.revision() == 0
        with catalogue.writing():
            pass
        assert catalogue.revision() == 1


def test_a_lock_that_the_server_lost_is_told(url: str) -> None:
    """Another one may have been inside: what was done there wants to be done again."""
    with closing(Catalogue(url)) as catalogue:
        with (
            pytest.raises(CatalogueError, match="kept locked for 'push'"),
            catalogue.exclusive("push"),
        ):
            ended(url)
        with (
            pytest.raises(ZeroDivisionError),
            catalogue.exclusive("push", timeout=0),
        ):
            ended(url)
            raise ZeroDivisionError
        with catalogue.exclusive("push", timeout=0):
            pass


def test_a_server_that_ends_idle_connections(url: str) -> None:
    """The lock of a long push stays; the pool's connections are made anew."""
    database = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    run(url, f"ALTER DATABASE {database} SET idle_session_timeout TO '100ms'")
    with closing(Catalogue(url)) as catalogue:
        with catalogue.exclusive("push"):
            threading.Event().wait(0.5)
        assert catalogue.count() == 0


def test_connections_are_given_back(url: str) -> None:
    """Locks, errors and closing leave none behind."""
    open_ones = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'floorlens'"
    open_ones += " AND datname = current_database()"
    with closing(Catalogue(url)) as catalogue:
        for _ in range(30):
            with catalogue.exclusive("push"):
                pass
            with pytest.raises(ZeroDivisionError), catalogue.writing():
                raise ZeroDivisionError
        for _ in range(200):
            if run(url, open_ones) == [(1,)]:
                break
            threading.Event().wait(0.05)
        assert run(url, open_ones) == [(1,)]
    for _ in range(200):
        if run(url, open_ones) == [(0,)]:
            break
        threading.Event().wait(0.05)
    assert run(url, open_ones) == [(0,)]


def test_a_writer_does_not_wait_for_ever(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "WAIT", 1)
    with (
        closing(Catalogue(url)) as one,
        closing(Catalogue(url)) as two,
        ThreadPoolExecutor(1) as pool,
        one.writing(),
    ):
        waiting = pool.submit(two.remove, ["a"])
        with pytest.raises(CatalogueError, match="another process has been writing to it"):
            waiting.result(timeout=120)
        assert two.count() == 0, "readers do not wait"


def test_threads_share_a_catalogue(url: str) -> None:
    """More of them than it has connections."""
    with closing(Catalogue(url)) as catalogue:

        def work(_number: int) -> None:
            for _ in range(5):
                catalogue.revision()
                with catalogue.writing():
                    pass

        with ThreadPoolExecutor(30) as pool:
            list(pool.map(work, range(30)))
        assert catalogue.revision() == 150


FORK = """
import os, sys
from floorlens.catalogue.catalogue import Catalogue

catalogue = Catalogue(sys.argv[1])
with catalogue.writing():
    pass
for _ in range(3):
    child = os.fork()
    if child == 0:
        for _ in range(10):
            catalogue.revision()
            with catalogue.writing():
                pass
        catalogue.close()
        os._exit(0)
    for _ in range(10):
        catalogue.revision()
        with catalogue.writing():
            pass
    assert os.waitpid(child, 0)[1] == 0
    catalogue.revision()
print(catalogue.revision())
"""


def test_parent_and_child_do_not_share_connections(url: str) -> None:
    command = [sys.executable, "-c", FORK, url]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stdout, result.stderr) == (0, "61\n", "")


def test_a_schema_that_is_dropped_and_made_anew_is_followed(url: str, tmp_path: Path) -> None:
    """While it is gone that is an error; afterwards its vectors are searched, not the former."""
    colours = {"oak": (180, 140, 90), "slate": (80, 90, 100), "moss": (90, 120, 60)}
    for name, colour in colours.items():
        (tmp_path / name).mkdir()
        Image.new("RGB", (40, 40), colour).save(tmp_path / name / f"{name}.png")
    pixels = np.full((120, 160, 3), 230, np.uint8)
    pixels[60:] = colours["oak"]
    with Floorlens.open(url, stages=fake_stages()) as lens:
        lens.add(tmp_path / "oak")
        lens.add(tmp_path / "slate")
        assert len(lens.search(pixels).matches) == 2
        run(url, "DROP SCHEMA floorlens CASCADE")
        for call in (lens.check, lens.count, lambda: lens.search(pixels)):
            with pytest.raises(CatalogueError, match=r"gone|no catalogue"):
                call()
        with Floorlens.open(url, stages=fake_stages()) as other:
            other.add(tmp_path / "moss")
            other.add(tmp_path / "slate")
        assert {match.product.id for match in lens.search(pixels).matches} == {"moss", "slate"}
        lens.check()


# -- what is stored --------------------------------------------------------------------------------


def test_a_nul_character_is_refused_and_nothing_is_lost(url: str) -> None:
    """Product sources are checked before; this is for what comes by other ways."""
    with closing(Catalogue(url)) as catalogue:
        with (
            pytest.raises(CatalogueError, match="holds a NUL character"),
            catalogue.writing() as connection,
        ):
            row = {"id": "a", "name": "a\0b", "metadata": "{}", "revision": 1}
            connection.execute(insert(products).values(row))
        assert (catalogue.count(), catalogue.revision()) == (0, 0)


def test_ids_have_an_order_of_their_own(url: str) -> None:
    """That of code points, as in Python: this server's is so by itself, others' is a language's."""
    Catalogue(url).close()
    columns = run(
        url,
        "SELECT table_name, collation_name FROM information_schema.columns "
        "WHERE table_schema = 'floorlens' AND (column_name = 'product_id' "
        "OR (table_name = 'products' AND column_name = 'id'))",
    )
    holders = {name for name, table in metadata.tables.items() if "product_id" in table.c}
    assert dict(columns) == dict.fromkeys(holders | {"products"}, "C")
    assert len(holders) == 8


def test_a_catalogue_of_schema_version_2_is_brought_up_to_date(url: str) -> None:
    """By several processes' opening at once it is done once; what was stored stays."""
    Catalogue(url).close()
    run(
        url,
        "SET search_path TO floorlens",
        "DROP TABLE engines, removed",
        "ALTER TABLE state DROP COLUMN uid",
        "UPDATE state SET schema_version = 2, revision = 7",
        "INSERT INTO products VALUES ('a', 'Name', '{}', 3)",
    )

    def work(_number: int) -> None:
        with closing(Catalogue(url, create=False)) as catalogue:
            assert catalogue.revision() == 7
            assert catalogue.product("a").name == "Name"

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    with closing(Catalogue(url)) as catalogue:
        assert catalogue.facts()["schema_version"] == SCHEMA_VERSION
    columns = "SELECT table_name, column_name, data_type, collation_name, is_nullable "
    columns += "FROM information_schema.columns WHERE table_schema = '{}' ORDER BY 1, 2"
    Catalogue(f"{url}&floorlens_schema=fresh").close()
    made = run(url, columns.format("floorlens"))
    assert made == run(url, columns.format("fresh"))
    assert {row[0] for row in made} == set(metadata.tables)
