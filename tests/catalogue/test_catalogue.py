"""The catalogue: what is stored stays, across processes, rebuilds and bad files."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Connection

from floorlens.catalogue import schema
from floorlens.catalogue.catalogue import FILE_NAME, Catalogue
from floorlens.catalogue.rows import Entry
from floorlens.catalogue.snapshot import EnginePosition
from floorlens.embedding import Aspect, AspectName, FloorEmbedding, FloorFeatures
from floorlens.embedding.projection import Projection
from floorlens.errors import (
    CatalogueError,
    CatalogueNotFound,
    GenerationChanged,
    ProductNotFound,
    StampMismatch,
)
from floorlens.models.stamp import Stamp
from floorlens.products.product import Product
from floorlens.testing import fake_projection

STAMP = {"preset": "fake", "embedder": {"version": "1"}}


def embedding(seed: int) -> FloorEmbedding:
    rng = np.random.default_rng(seed)
    vector = rng.normal(size=4).astype(np.float32)
    return FloorEmbedding(vector / np.linalg.norm(vector), rng.bytes(16))


def made_features(seed: int) -> FloorFeatures:
    """Returns both aspects for an odd seed, the swatch alone for an even one."""
    rng = np.random.default_rng(seed)
    names: tuple[AspectName, ...] = ("swatch", "scene") if seed % 2 else ("swatch",)
    return FloorFeatures(
        {
            name: Aspect(
                base=rng.normal(size=(patches, 5)).astype(np.float16),
                coverage=rng.random(patches).astype(np.float16),
                lab=rng.normal(size=(9, 3)).astype(np.float16),
                facts=rng.random(2).astype(np.float16),
                trust=rng.random(4).astype(np.float16),
            )
            for name, patches in zip(names, (6, 4), strict=False)
        }
    )


def entry(product_id: str, seed: int = 0, digest: str = "a", **metadata: object) -> Entry:
    product = Product(product_id, f"Name {product_id}", metadata, (f"/pictures/{product_id}.jpg",))
    return Entry(product, (digest * 64,), made_features(seed), embedding(seed))


@pytest.fixture
def catalogue(location: str) -> Iterator[Catalogue]:
    """An empty one, of each kind of database."""
    with closing(Catalogue(location)) as opened:
        yield opened


def test_a_product_comes_back_as_it_went_in(catalogue: Catalogue) -> None:
    """Names, nested text, lists and numbers survive; order is by id."""
    generation = catalogue.generations.live(STAMP)
    second = entry("b", price=12.5, tags=["oak", "würzig"], sold=True)
    catalogue.put([second, entry("a")], generation)
    assert [product.id for product in catalogue.products()] == ["a", "b"]
    assert catalogue.product("b") == second.product
    with pytest.raises(ProductNotFound, match="zzz"):
        catalogue.product("zzz")


def test_an_id_that_is_too_long_to_be_one_is_compared_with_none(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of millions of letters that takes seconds, in which no other thread runs."""
    looks: list[str] = []
    monkeypatch.setattr(
        "floorlens.catalogue.catalogue.get_close_matches", lambda text, *_, **__: looks.append(text)
    )
    for product_id in ("o" * 512, "o" * 513):
        with pytest.raises(ProductNotFound):
            catalogue.product(product_id)
    assert looks == ["o" * 512]


def test_index_rows_carry_changes_only(catalogue: Catalogue) -> None:
    """An index that follows revisions gets what changed, and learns what went."""
    generation = catalogue.generations.live(STAMP)
    catalogue.put([entry("a", 1), entry("b", 2)], generation)
    first = catalogue.snapshot()
    assert [record.id for record in first.changed_records] == ["a", "b"]
    np.testing.assert_array_equal(first.changed_records[0].vector, embedding(1).vector)
    catalogue.put([entry("b", 3)], generation)
    catalogue.remove(["a", "unknown"])
    later = catalogue.snapshot(since=first.revision)
    assert later.revision > first.revision
    assert [record.id for record in later.changed_records] == ["b"]
    assert later.removed_ids == ["a"]
    catalogue.put([entry("a", 1)], generation)
    again = catalogue.snapshot(since=later.revision)
    assert ([record.id for record in again.changed_records], again.removed_ids) == (["a"], [])
    assert catalogue.searchable() == 2


def test_index_rows_carry_the_fields_of_the_reference(catalogue: Catalogue) -> None:
    """File name, type and folder of the first picture; a product's own fields go before them."""
    generation = catalogue.generations.live(STAMP)
    catalogue.put([entry("a"), entry("b", material="oak", source="mill")], generation)
    first, second = catalogue.snapshot().changed_records
    picture = Path(catalogue.product("a").images[0])
    assert first.metadata == {
        "name": picture.name,
        "type": "floor",
        "source": picture.parent.name,
    }
    assert (second.metadata["material"], second.metadata["source"]) == ("oak", "mill")


def test_how_far_an_engine_follows_is_remembered(tmp_path: Path) -> None:
    """Beside the catalogue's own name, in the catalogue; it is no change that searches follow."""
    position = EnginePosition("floors", "a stamp", 7)
    with closing(Catalogue(tmp_path)) as catalogue:
        uid, revision = catalogue.uid(), catalogue.revision()
        assert catalogue.engine_position("lancedb") is None
        catalogue.set_engine_position("lancedb", position)
        catalogue.set_engine_position("lancedb", position)
    with closing(Catalogue(tmp_path)) as catalogue:
        assert (catalogue.uid(), catalogue.revision()) == (uid, revision)
        assert len(uid) == 32
        assert catalogue.engine_position("lancedb") == position
        assert catalogue.engine_position("milvus") is None
        catalogue.set_engine_position("lancedb", None)
        assert catalogue.engine_position("lancedb") is None
    with closing(Catalogue(tmp_path / "other")) as other:
        assert other.uid() != uid


def test_signatures_and_base_features_are_stored(catalogue: Catalogue) -> None:
    """Re-ranking and later adaptation read these without opening an image."""
    generation = catalogue.generations.live(STAMP)
    catalogue.put([entry("a", 7)], generation)
    assert catalogue.signatures(["a", "b"], generation) == {"a": embedding(7).signature}
    found = catalogue.base_features(["a", "b"], STAMP)
    assert set(found) == {"a"}
    made = made_features(7).aspects
    assert list(found["a"].aspects) == list(made) == ["swatch", "scene"]
    for aspect, wanted in made.items():
        for name in ("base", "coverage", "lab", "facts", "trust"):
            stored = getattr(found["a"].aspects[aspect], name)
            assert stored.dtype == np.float16
            np.testing.assert_array_equal(stored, getattr(wanted, name))
    catalogue.put([entry("a", 8, "b")], generation)
    assert list(catalogue.base_features(["a"], STAMP)["a"].aspects) == ["swatch"], "no old scene"
    assert catalogue.base_features(["a"], {"preset": "fake", "embedder": {"version": "2"}}) == {}


def test_metadata_changes_keep_the_features(catalogue: Catalogue) -> None:
    """An entry without embedding updates text alone."""
    generation = catalogue.generations.live(STAMP)
    catalogue.put([entry("a", 1)], generation)
    renamed = Entry(Product("a", "New", {}, ("/elsewhere/a.jpg",)), ("a" * 64,))
    catalogue.put([renamed], generation)
    assert catalogue.stored(["a"], generation)["a"].embedded
    assert catalogue.product("a").name == "New"


def test_a_rebuild_serves_the_old_until_all_is_there(catalogue: Catalogue) -> None:
    """The swap refuses while a product lacks features, and then is complete."""
    live = catalogue.generations.live(STAMP)
    catalogue.put([entry("a", 1), entry("b", 2)], live)
    beside = catalogue.generations.begin({"preset": "new"})
    first, second = catalogue.generations.missing(beside)
    assert catalogue.generations.put_features(first, entry("a", 11), beside)
    assert not catalogue.generations.swap(beside)
    assert catalogue.live_stamp() == STAMP
    assert catalogue.signatures(["a"], live)["a"] == embedding(1).signature
    assert catalogue.generations.begin({"preset": "new"}) == beside, "an unfinished one is resumed"
    assert catalogue.generations.put_features(second, entry("b", 12), beside)
    revision = catalogue.revision()
    assert catalogue.generations.swap(beside)
    assert catalogue.live_stamp() == {"preset": "new"}
    assert catalogue.signatures(["a"], beside)["a"] == embedding(11).signature
    assert len(catalogue.snapshot(since=revision).changed_records) == 2, (
        "indexes in other processes must fetch all vectors anew"
    )


def test_a_rebuild_does_not_overwrite_a_change_made_meanwhile(catalogue: Catalogue) -> None:
    """Features of a picture that was replaced during the rebuild are thrown away."""
    live = catalogue.generations.live(STAMP)
    catalogue.put([entry("a", 1, digest="a")], live)
    beside = catalogue.generations.begin({"preset": "new"})
    (before,) = catalogue.generations.missing(beside)
    catalogue.put([entry("a", 2, digest="b")], live)
    assert not catalogue.generations.put_features(before, entry("a", 11, digest="a"), beside)
    assert [stored.content_hashes for stored in catalogue.generations.missing(beside)] == [
        ("b" * 64,)
    ]


def test_replacing_a_picture_invalidates_every_generation(catalogue: Catalogue) -> None:
    """New pictures never live beside features of the old ones."""
    live = catalogue.generations.live(STAMP)
    catalogue.put([entry("a", 1)], live)
    beside = catalogue.generations.begin({"preset": "new"})
    (before,) = catalogue.generations.missing(beside)
    catalogue.generations.put_features(before, entry("a", 11), beside)
    catalogue.put([entry("a", 2, digest="b")], live)
    assert len(catalogue.generations.missing(beside)) == 1


def test_a_rebuild_that_finds_another_picture_invalidates_the_old_features(
    catalogue: Catalogue,
) -> None:
    """Stopped there, an import must see that the live features are not of what is stored now."""
    live = catalogue.generations.live(STAMP)
    catalogue.put([entry("a", 1), entry("b", 2)], live)
    beside = catalogue.generations.begin({"preset": "new"})
    before = catalogue.generations.missing(beside)
    assert catalogue.generations.put_features(before[0], entry("a", 11, digest="b"), beside)
    assert catalogue.generations.put_features(before[1], entry("b", 12), beside)
    stored = catalogue.stored(["a", "b"], live)
    assert (stored["a"].content_hashes, stored["a"].embedded) == (("b" * 64,), False)
    assert stored["b"].embedded
    half = catalogue.snapshot()
    assert ([record.id for record in half.changed_records], half.removed_ids) == (["b"], ["a"])
    assert catalogue.generations.swap(beside)
    whole = catalogue.snapshot(since=half.revision)
    assert ([record.id for record in whole.changed_records], whole.removed_ids) == (["a", "b"], [])


def test_commits_are_fsynced(tmp_path: Path) -> None:
    """The truth survives a power loss: WAL with synchronous = FULL on every connection."""
    with closing(Catalogue(tmp_path)) as catalogue, catalogue.reading() as connection:
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


def test_an_older_schema_is_migrated(location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening runs each step once, in order, in one transaction, and keeps the products."""
    with closing(Catalogue(location)) as catalogue:
        catalogue.put([entry("a")], catalogue.generations.live(STAMP))
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
        with closing(Catalogue(location)) as catalogue:
            assert catalogue.product("a").name == "Name a"
            assert catalogue.facts()["schema_version"] == newest
    assert steps == [newest - 2, newest - 1]


# What Floorlens made before schema version 2.
VERSION_1 = """
CREATE TABLE generations (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, stamp TEXT NOT NULL);
CREATE TABLE state (schema_version INTEGER NOT NULL, revision INTEGER NOT NULL, live INTEGER,
    FOREIGN KEY(live) REFERENCES generations (id));
CREATE TABLE products (id VARCHAR(512) NOT NULL PRIMARY KEY, name TEXT NOT NULL,
    metadata TEXT NOT NULL, revision INTEGER NOT NULL);
CREATE INDEX products_by_revision ON products (revision);
CREATE TABLE images (product_id VARCHAR(512) NOT NULL, position INTEGER NOT NULL,
    uri TEXT NOT NULL, content_hash VARCHAR(64) NOT NULL, PRIMARY KEY (product_id, position),
    FOREIGN KEY(product_id) REFERENCES products (id));
CREATE TABLE features (generation INTEGER NOT NULL, product_id VARCHAR(512) NOT NULL,
    vector BLOB NOT NULL, signature BLOB NOT NULL, base_rows INTEGER NOT NULL, base BLOB NOT NULL,
    PRIMARY KEY (generation, product_id), FOREIGN KEY(generation) REFERENCES generations (id),
    FOREIGN KEY(product_id) REFERENCES products (id));
CREATE INDEX features_by_product ON features (product_id);
INSERT INTO generations VALUES (3, '{"preset": "old"}');
INSERT INTO state VALUES (1, 17, 3);
INSERT INTO products VALUES ('a', 'Name a', '{"price": 5}', 16);
INSERT INTO images VALUES ('a', 0, '/pictures/a.jpg', 'h');
INSERT INTO features VALUES (3, 'a', X'0000803F', X'5349', 1, X'003C');
"""


def test_a_catalogue_of_schema_version_1_is_brought_up_to_date(tmp_path: Path) -> None:
    """What was stored stays; a rebuild, which its old stamp asks for, works on it."""
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as old:
        old.executescript(VERSION_1)
    with closing(Catalogue(tmp_path)) as catalogue:
        facts = catalogue.facts()
        assert facts["schema_version"] == schema.SCHEMA_VERSION
        assert (facts["revision"], facts["searchable"]) == (17, 1)
        assert facts["projection"] is None
        assert not catalogue.projections.declined()
        assert catalogue.product("a").metadata == {"price": 5}
        assert catalogue.live_stamp() == {"preset": "old"}
        assert catalogue.signatures(["a"], 3) == {"a": b"SI"}
        assert catalogue.snapshot().changed_records[0].vector.tolist() == [1.0]
        beside = catalogue.generations.begin(STAMP)
        (stored,) = catalogue.generations.missing(beside)
        again = Entry(stored.product, stored.content_hashes, made_features(1), embedding(1))
        assert catalogue.generations.put_features(stored, again, beside)
        assert catalogue.generations.swap(beside)
        assert set(catalogue.base_features(["a"], STAMP)) == {"a"}
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as new:
        columns = [row[1] for row in new.execute("PRAGMA table_info(features)")]
        assert columns == ["generation", "product_id", "vector", "signature"]
        assert new.execute("PRAGMA foreign_key_check").fetchall() == []
    with closing(Catalogue(tmp_path / "fresh")) as fresh, fresh.reading() as connection:
        query = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name != 'state'"
        wanted = {row[0]: row[1] for row in connection.exec_driver_sql(query)}
    with closing(Catalogue(tmp_path)) as catalogue, catalogue.reading() as connection:
        found = {row[0]: row[1] for row in connection.exec_driver_sql(query)}
    made = {"features", "features_by_product", "base_features", "projections", "simulated"}
    assert found.keys() == wanted.keys()
    assert {name: found[name] for name in made} == {name: wanted[name] for name in made}


def projection(version: str) -> Projection:
    return replace(
        fake_projection("1"), stamp=Stamp("fake-projection", version, 3, "Apache-2.0", "none")
    )


def test_generations_keep_their_projections(catalogue: Catalogue) -> None:
    """Two of one encoder share what it was made from; what nobody uses is dropped."""
    live = catalogue.generations.live(STAMP, projection("own"))
    catalogue.put([entry("a", 1)], live)
    assert catalogue.snapshot().projection == "own"
    assert catalogue.projections.in_use() == {"version": "own"}
    beside = catalogue.generations.begin(STAMP, projection("new"), made_from={"products": 8})
    assert catalogue.snapshot().projection == "own", "the one that is searched"
    kept = catalogue.projections.of(beside)
    assert kept is not None
    assert kept.stamp.version == "new"
    (stored,) = catalogue.generations.missing(beside)
    catalogue.generations.put_embeddings([(stored, embedding(2))], beside)
    assert catalogue.generations.swap(beside, same_encoder=True)
    assert catalogue.projections.in_use() == {"version": "new", "products": 8}
    assert set(catalogue.base_features(["a"], STAMP)) == {"a"}, "of the encoder, still in use"
    with pytest.raises(GenerationChanged):
        catalogue.projections.get("own")
    with pytest.raises(GenerationChanged):
        catalogue.projections.of(live)
    other = catalogue.generations.begin({"preset": "other"})
    catalogue.generations.put_features(stored, entry("a", 3), other)
    assert catalogue.generations.swap(other)
    assert catalogue.base_features(["a"], STAMP) == {}
    assert catalogue.projections.in_use() is None


def test_what_another_process_dropped_is_not_written_to(catalogue: Catalogue) -> None:
    """An adaptation beside a rebuild never puts the old models back, and says why it ended."""
    live = catalogue.generations.live(STAMP)
    catalogue.put([entry("a", 1)], live)
    adapted = catalogue.generations.begin(STAMP, projection("new"), alone=False)
    (stored,) = catalogue.generations.missing(adapted)
    newer = catalogue.generations.begin(
        {"preset": "newer", "embedder": {"version": "2"}}, alone=False
    )
    catalogue.generations.put_features(stored, entry("a", 2), newer)
    assert catalogue.generations.swap(newer)
    catalogue.generations.put_embeddings([(stored, embedding(3))], adapted)
    with pytest.raises(GenerationChanged, match="other models"):
        catalogue.generations.swap(adapted, same_encoder=True)
    catalogue.generations.begin({"preset": "newest"})
    for act in (
        lambda: catalogue.generations.put_embeddings([(stored, embedding(3))], adapted),
        lambda: catalogue.generations.put_features(stored, entry("a", 3), adapted),
        lambda: catalogue.generations.swap(adapted),
    ):
        with pytest.raises(GenerationChanged, match="run the same command again"):
            act()


def test_embeddings_of_replaced_pictures_are_thrown_away(catalogue: Catalogue) -> None:
    live = catalogue.generations.live(STAMP)
    catalogue.put([entry("a", 1), entry("b", 1)], live)
    beside = catalogue.generations.begin(STAMP, projection("new"), alone=False)
    before = catalogue.generations.missing(beside)
    catalogue.put([entry("a", 2, digest="b")], live)
    catalogue.remove(["b"])
    catalogue.generations.put_embeddings([(stored, embedding(9)) for stored in before], beside)
    assert [stored.product.id for stored in catalogue.generations.missing(beside)] == ["a"]


def test_a_sqlite_url_names_the_file(tmp_path: Path) -> None:
    """A folder and the URL of its file are the same catalogue."""
    with closing(Catalogue(tmp_path / "shop")) as catalogue:
        catalogue.put([entry("a")], catalogue.generations.live(STAMP))
    with closing(Catalogue(f"sqlite:///{tmp_path}/shop/{FILE_NAME}", create=False)) as catalogue:
        assert catalogue.product("a").name == "Name a"


def test_an_import_notices_a_rebuild(catalogue: Catalogue) -> None:
    """Features of the old models never get into the new generation."""
    live = catalogue.generations.live(STAMP)
    assert catalogue.generations.swap(catalogue.generations.begin({"preset": "new"}))
    with pytest.raises(StampMismatch, match="run the same command again"):
        catalogue.put([entry("a")], live)
    assert catalogue.products() == []
