"""The catalogue: what is stored stays, across processes, rebuilds and bad files."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Connection

from floorlens import schema
from floorlens.catalogue import FILE_NAME, Catalogue
from floorlens.embedding import FloorEmbedding, FloorFeatures
from floorlens.errors import (
    CatalogueError,
    CatalogueNotFound,
    ProductNotFound,
    SchemaMismatch,
    StampMismatch,
)
from floorlens.products import Product
from floorlens.rows import Entry

STAMP = {"preset": "fake", "embedder": {"version": "1"}}


def embedding(seed: int) -> FloorEmbedding:
    rng = np.random.default_rng(seed)
    vector = rng.normal(size=4).astype(np.float32)
    return FloorEmbedding(vector / np.linalg.norm(vector), rng.bytes(16))


def made_features(seed: int) -> FloorFeatures:
    rng = np.random.default_rng(seed)
    return FloorFeatures(
        base=rng.normal(size=(6, 5)).astype(np.float16),
        coverage=rng.random(6).astype(np.float16),
        lab=rng.normal(size=(9, 3)).astype(np.float16),
        facts=rng.random(2).astype(np.float16),
    )


def entry(product_id: str, seed: int = 0, digest: str = "a", **metadata: object) -> Entry:
    product = Product(product_id, f"Name {product_id}", metadata, (f"/pictures/{product_id}.jpg",))
    return Entry(product, (digest * 64,), made_features(seed), embedding(seed))


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return Catalogue(tmp_path / "catalogue")


def test_a_product_comes_back_as_it_went_in(catalogue: Catalogue) -> None:
    """Names, nested text, lists and numbers survive; order is by id."""
    generation = catalogue.live_generation(STAMP)
    second = entry("b", price=12.5, tags=["oak", "würzig"], sold=True)
    catalogue.put([second, entry("a")], generation)
    assert [product.id for product in catalogue.products()] == ["a", "b"]
    assert catalogue.product("b") == second.product
    with pytest.raises(ProductNotFound, match="zzz"):
        catalogue.product("zzz")


def test_index_rows_carry_changes_only(catalogue: Catalogue) -> None:
    """An index that follows revisions gets what changed, and learns what went."""
    generation = catalogue.live_generation(STAMP)
    catalogue.put([entry("a", 1), entry("b", 2)], generation)
    first = catalogue.snapshot()
    assert [record.id for record in first.changed] == ["a", "b"]
    np.testing.assert_array_equal(first.changed[0].vector, embedding(1).vector)
    catalogue.put([entry("b", 3)], generation)
    catalogue.remove(["a", "unknown"])
    later = catalogue.snapshot(since=first.revision)
    assert later.revision > first.revision
    assert [record.id for record in later.changed] == ["b"]
    assert later.ids == {"b"}


def test_signatures_and_base_features_are_stored(catalogue: Catalogue) -> None:
    """Re-ranking and later adaptation read these without opening an image."""
    generation = catalogue.live_generation(STAMP)
    catalogue.put([entry("a", 7)], generation)
    assert catalogue.signatures(["a", "b"], generation) == {"a": embedding(7).signature}
    found = catalogue.base_features(["a", "b"], STAMP)
    assert set(found) == {"a"}
    for name in ("base", "coverage", "lab", "facts"):
        stored, made = getattr(found["a"], name), getattr(made_features(7), name)
        assert stored.dtype == np.float16
        np.testing.assert_array_equal(stored, made)
    assert catalogue.base_features(["a"], {"preset": "fake", "embedder": {"version": "2"}}) == {}


def test_metadata_changes_keep_the_features(catalogue: Catalogue) -> None:
    """An entry without embedding updates text alone."""
    generation = catalogue.live_generation(STAMP)
    catalogue.put([entry("a", 1)], generation)
    renamed = Entry(Product("a", "New", {}, ("/elsewhere/a.jpg",)), ("a" * 64,))
    catalogue.put([renamed], generation)
    assert catalogue.stored(["a"], generation)["a"].embedded
    assert catalogue.product("a").name == "New"


def test_a_rebuild_serves_the_old_until_all_is_there(catalogue: Catalogue) -> None:
    """The swap refuses while a product lacks features, and then is complete."""
    live = catalogue.live_generation(STAMP)
    catalogue.put([entry("a", 1), entry("b", 2)], live)
    beside = catalogue.begin_rebuild({"preset": "new"})
    first, second = catalogue.missing_features(beside)
    assert catalogue.put_features(first, entry("a", 11), beside)
    assert not catalogue.swap(beside)
    assert catalogue.live_stamp() == STAMP
    assert catalogue.signatures(["a"], live)["a"] == embedding(1).signature
    assert catalogue.begin_rebuild({"preset": "new"}) == beside, "an unfinished one is resumed"
    assert catalogue.put_features(second, entry("b", 12), beside)
    revision = catalogue.revision()
    assert catalogue.swap(beside)
    assert catalogue.live_stamp() == {"preset": "new"}
    assert catalogue.signatures(["a"], beside)["a"] == embedding(11).signature
    assert len(catalogue.snapshot(since=revision).changed) == 2, (
        "indexes in other processes must fetch all vectors anew"
    )


def test_a_rebuild_does_not_overwrite_a_change_made_meanwhile(catalogue: Catalogue) -> None:
    """Features of a picture that was replaced during the rebuild are thrown away."""
    live = catalogue.live_generation(STAMP)
    catalogue.put([entry("a", 1, digest="a")], live)
    beside = catalogue.begin_rebuild({"preset": "new"})
    (before,) = catalogue.missing_features(beside)
    catalogue.put([entry("a", 2, digest="b")], live)
    assert not catalogue.put_features(before, entry("a", 11, digest="a"), beside)
    assert [stored.content_hashes for stored in catalogue.missing_features(beside)] == [("b" * 64,)]


def test_replacing_a_picture_invalidates_every_generation(catalogue: Catalogue) -> None:
    """New pictures never live beside features of the old ones."""
    live = catalogue.live_generation(STAMP)
    catalogue.put([entry("a", 1)], live)
    beside = catalogue.begin_rebuild({"preset": "new"})
    (before,) = catalogue.missing_features(beside)
    catalogue.put_features(before, entry("a", 11), beside)
    catalogue.put([entry("a", 2, digest="b")], live)
    assert len(catalogue.missing_features(beside)) == 1


def test_commits_are_fsynced(catalogue: Catalogue) -> None:
    """The truth survives a power loss: WAL with synchronous = FULL on every connection."""
    with catalogue.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_opening_what_is_not_there(tmp_path: Path) -> None:
    """Without leave to create, nothing is created, and the cure is named."""
    with pytest.raises(CatalogueNotFound, match="floorlens index"):
        Catalogue(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()


def test_opening_what_is_no_catalogue(tmp_path: Path) -> None:
    """A foreign file of that name is reported and not touched."""
    (tmp_path / FILE_NAME).write_text("this is not a database, but a long enough text " * 20)
    with pytest.raises(CatalogueError, match="cannot be opened as a catalogue"):
        Catalogue(tmp_path)
    assert (tmp_path / FILE_NAME).read_text().startswith("this is not")


def test_a_sound_file_that_cannot_be_opened_is_not_called_damaged(tmp_path: Path) -> None:
    """Whoever is told to move a catalogue away may lose it: only a foreign file deserves that."""
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(CatalogueError, match="cannot be opened: ") as caught:
        Catalogue(tmp_path)
    assert "Move it away" not in str(caught.value)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A file in the way of the folder is a clear error."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(CatalogueError, match="cannot be made"):
        Catalogue(tmp_path / "file" / "catalogue")


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """An older Floorlens never writes into a newer catalogue."""
    Catalogue(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("UPDATE state SET schema_version = 99")
    connection.close()
    with pytest.raises(SchemaMismatch, match="update"):
        Catalogue(tmp_path)


def test_an_older_schema_is_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening runs each step once, in order, in one transaction, and keeps the products."""
    with closing(Catalogue(tmp_path)) as catalogue:
        catalogue.put([entry("a")], catalogue.live_generation(STAMP))
    steps: list[int] = []

    def step(version: int) -> Callable[[Connection], None]:
        def apply(connection: Connection) -> None:
            connection.exec_driver_sql(f"ALTER TABLE products ADD COLUMN extra{version} TEXT")
            steps.append(version)

        return apply

    newest = schema.SCHEMA_VERSION + 2
    for version in range(schema.SCHEMA_VERSION, newest):
        monkeypatch.setitem(schema.MIGRATIONS, version, step(version))
    monkeypatch.setattr(schema, "SCHEMA_VERSION", newest)
    for _ in range(2):
        with closing(Catalogue(tmp_path)) as catalogue:
            assert catalogue.product("a").name == "Name a"
            assert catalogue.facts()["schema_version"] == newest
    assert steps == [newest - 2, newest - 1]


def test_a_sqlite_url_names_the_file(tmp_path: Path) -> None:
    """A folder and the URL of its file are the same catalogue."""
    with closing(Catalogue(tmp_path / "shop")) as catalogue:
        catalogue.put([entry("a")], catalogue.live_generation(STAMP))
    with closing(Catalogue(f"sqlite:///{tmp_path}/shop/{FILE_NAME}", create=False)) as catalogue:
        assert catalogue.product("a").name == "Name a"


def test_an_import_notices_a_rebuild(catalogue: Catalogue) -> None:
    """Features of the old models never get into the new generation."""
    live = catalogue.live_generation(STAMP)
    assert catalogue.swap(catalogue.begin_rebuild({"preset": "new"}))
    with pytest.raises(StampMismatch, match="run the same command again"):
        catalogue.put([entry("a")], live)
    assert catalogue.products() == []


def test_urls_of_other_databases_are_refused_clearly() -> None:
    """Postgres comes later; until then its URL must not become a folder name."""
    with pytest.raises(CatalogueError, match="not supported"):
        Catalogue("postgresql+psycopg://somewhere/db")
