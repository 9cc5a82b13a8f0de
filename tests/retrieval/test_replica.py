"""The replica of a catalogue in each engine: the same answers, in step, repaired, replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import SecretStr

from floorlens import Floorlens
from floorlens.engines import Collection, Engine, Record, open_collection
from floorlens.errors import (
    CatalogueBusy,
    CollectionNotFound,
    EngineDenied,
    EngineMismatch,
    EngineRefused,
    EngineUnavailable,
    SettingsError,
    UsageError,
)
from floorlens.ranking import SearchResult
from floorlens.retrieval.placement import collection_spec, engine_key, place_engine
from floorlens.settings import Settings
from floorlens.testing import fake_stages

pytestmark = pytest.mark.slow

STAGES = fake_stages()


@pytest.fixture(params=["lancedb", "milvus", "pgvector", "pinecone"])
def engine(request: pytest.FixtureRequest, engine_of: Callable[[str], Engine]) -> Engine:
    return engine_of(request.param)


@pytest.fixture
def pinecone(engine_of: Callable[[str], Engine]) -> Engine:
    return engine_of("pinecone")


@pytest.fixture
def double(pinecone_double: Any) -> Iterator[Any]:
    yield pinecone_double
    pinecone_double.faults.clear()
    pinecone_double.visible_after = 0.0
    pinecone_double.settle()


@pytest.fixture
def other_products(tmp_path: Path) -> Path:
    folder = tmp_path / "more"
    folder.mkdir()
    for name, colour in {"sand": (220, 200, 160), "ink": (20, 20, 40)}.items():
        Image.new("RGB", (32, 32), colour).save(folder / f"{name}.png")
    return folder


def open_lens(tmp_path: Path, engine: Engine | str = "exact", **options: Any) -> Floorlens:
    return Floorlens.open(tmp_path / "catalogue", index=engine, **({"stages": STAGES, **options}))


def ranking(result: SearchResult) -> list[tuple[str, float]]:
    return [(match.product.id, round(match.score, 5)) for match in result.matches]


def collection_of(lens: Floorlens, engine: Engine) -> Collection:
    """Opens what the engine holds of a catalogue, past the catalogue."""
    catalogue = lens._catalogue
    projection = catalogue.snapshot().projection
    spec = collection_spec(engine, catalogue, lens._stages, projection)
    return open_collection(engine, spec, mode="existing")


def test_every_engine_gives_the_same_ranking(
    tmp_path: Path, engine: Engine, product_csv: Path, room: Path
) -> None:
    """Ids, scores, filters: those of the exact engine; the result names who found them."""
    with open_lens(tmp_path, engine) as lens, open_lens(tmp_path) as exact:
        report = lens.add(product_csv)
        assert report.not_synced is None
        assert lens.replica.compare().in_step, "an import tells the engine at once"
        for where in (None, {"material": "wood"}, {"price": {"$lt": 35}}, {"type": "floor"}):
            result, expected = lens.search(room, where=where), exact.search(room, where=where)
            assert ranking(result) == ranking(expected)
            assert (result.index, result.degraded) == (engine.name, None)
            assert expected.index == "exact"
        assert [m.product.id for m in lens.search(room, where={"name": "oak.png"}).matches] == [
            "oak"
        ]


def test_changes_reach_the_engine(
    tmp_path: Path, engine: Engine, product_csv: Path, other_products: Path, room: Path
) -> None:
    """Also those made without it, or by another process; switching engines loses nothing."""
    with open_lens(tmp_path, engine) as lens:
        lens.add(product_csv)
        lens.remove(["oak"])
        assert lens.replica.compare().in_step
        with open_lens(tmp_path) as other:
            other.add(other_products)
            other.remove(["moss"])
        missing = lens.replica.compare()
        assert (missing.missing, missing.unknown) == (("ink", "sand"), ("moss",))
        assert not missing.in_step
        assert {match.product.id for match in lens.search(room).matches} == {
            *("ash", "brick", "slate", "walnut"),
            *("ink", "sand"),
        }
        assert lens.replica.compare().in_step, "a search brings the engine into step"
    with open_lens(tmp_path) as exact, open_lens(tmp_path, engine) as again:
        assert ranking(again.search(room)) == ranking(exact.search(room))


def test_sync_writes_only_what_differs(
    tmp_path: Path, engine: Engine, product_csv: Path, room: Path
) -> None:
    """What was lost, changed or put there by others, the catalogue's truth replaces."""
    with open_lens(tmp_path, engine) as lens, open_lens(tmp_path) as exact:
        lens.add(product_csv)
        collection = collection_of(lens, engine)
        oak, ash = collection.fetch(["oak", "ash"])
        collection.delete(["slate"])
        collection.upsert(
            [
                Record("oak", np.roll(oak.vector, 1), oak.metadata),
                Record("ash", ash.vector, {**ash.metadata, "price": 1}),
                Record("stranger", ash.vector, {}),
            ]
        )
        collection.close()
        comparison = lens.replica.compare()
        assert (comparison.missing, comparison.unknown) == (("slate",), ("stranger",))
        assert not comparison.in_step
        report = lens.replica.sync()
        counts = (report.added, report.updated, report.removed, report.unchanged)
        assert counts == (1, 2, 1, 3)
        assert lens.replica.compare().in_step
        again = lens.replica.sync()
        assert (again.added, again.updated, again.removed, again.unchanged) == (0, 0, 0, 6)
        assert ranking(lens.search(room)) == ranking(exact.search(room))


def test_an_emptied_engine_is_filled_again(
    tmp_path: Path, engine: Engine, product_csv: Path, room: Path
) -> None:
    """It is derived: whoever deletes it loses nothing."""
    with open_lens(tmp_path, engine) as lens:
        lens.add(product_csv)
        collection_of(lens, engine).delete(None)
        assert lens.replica.compare().stamp == "absent"
    with open_lens(tmp_path, engine) as again:
        assert len(again.search(room).matches) == 6
        assert again.replica.compare().in_step


def test_a_new_generation_replaces_the_old_one(
    tmp_path: Path, engine: Engine, product_csv: Path, room: Path
) -> None:
    """Each kind of vectors has a collection of its own; the old one goes, readers follow."""
    newer = fake_stages(version="2")
    with open_lens(tmp_path, engine) as lens:
        lens.add(product_csv)
        old = collection_spec(engine, lens._catalogue, STAGES, None)
        report = Floorlens.rebuild(tmp_path / "catalogue", index=engine, stages=newer)
        assert report.not_synced is None
    with open_lens(tmp_path, engine, stages=newer) as lens:
        assert lens.replica.compare().in_step
        assert len(lens.search(room).matches) == 6
    with pytest.raises(CollectionNotFound):
        open_collection(engine, old, mode="existing")


def test_a_namespace_of_ones_own_is_filled_anew(
    tmp_path: Path, engine: Engine, product_csv: Path, room: Path
) -> None:
    """Our own older vectors in it need no permission to be replaced."""
    engine = replace(engine, namespace=f"mine_{tmp_path.name}"[:40])
    newer = fake_stages(version="2")
    with open_lens(tmp_path, engine) as lens:
        lens.add(product_csv)
    Floorlens.rebuild(tmp_path / "catalogue", index=engine, stages=newer)
    with open_lens(tmp_path, engine, stages=newer) as lens:
        assert lens.replica.compare().in_step
        assert len(lens.search(room).matches) == 6


def test_what_another_catalogue_has_put_there_is_not_touched_unasked(
    tmp_path: Path, engine: Engine, product_csv: Path, other_products: Path, room: Path
) -> None:
    """Two catalogues under one name: a clear error, and the cure that it names works."""
    engine = replace(engine, namespace=f"both_{tmp_path.name}"[:40])
    with open_lens(tmp_path, engine) as first:
        first.add(product_csv)
    with open_lens(tmp_path / "second", engine) as second:
        report = second.add(other_products)
        assert report.not_synced is not None
        assert "--take-over" in report.not_synced
        with pytest.raises(EngineMismatch, match="--take-over"):
            second.search(room)
        comparison = second.replica.compare()
        assert (comparison.stamp, comparison.in_step) == ("other", False)
        assert (comparison.records, comparison.missing) == (6, ("ink", "sand"))
        assert len(comparison.unknown) == 6
        assert "--take-over" in comparison.cure
        assert "6 unknown" in comparison.cure
        with open_lens(tmp_path, engine) as first:
            assert first.replica.compare().in_step, "nothing was lost"
        sync = second.replica.sync(take_over=True)
        assert (sync.added, sync.removed) == (2, 6)
        assert {match.product.id for match in second.search(room).matches} == {"ink", "sand"}
    with open_lens(tmp_path, engine) as first, pytest.raises(EngineMismatch):
        first.search(room)


def test_several_writers_at_once(
    tmp_path: Path, engine: Engine, product_csv: Path, room: Path
) -> None:
    """Each with a handle of its own, as processes have: one writes at a time, nothing is lost."""
    with open_lens(tmp_path) as exact:
        exact.add(product_csv)

    def work(number: int) -> int:
        with open_lens(tmp_path, engine) as lens:
            count = len(lens.search(room).matches)
            if number == 0:
                lens.remove(["moss"])
            return count

    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(work, range(4)))
    assert set(counts) <= {5, 6}
    with open_lens(tmp_path, engine) as lens:
        assert len(lens.search(room).matches) == 5
        assert lens.replica.compare().in_step


def test_a_copy_that_is_deleted_while_it_is_open(
    tmp_path: Path, engine: Engine, product_csv: Path, other_products: Path, room: Path
) -> None:
    """A running process fills it again, at its next search; a new one finds it whole."""
    with open_lens(tmp_path, engine) as lens:
        lens.add(product_csv)
        lens.search(room)
        collection_of(lens, engine).delete(None)
        assert len(lens.search(room).matches) == 6
        assert lens.replica.compare().in_step
        collection_of(lens, engine).delete(None)
        assert lens.add(other_products).not_synced is None
        assert len(lens.search(room).matches) == 8
    with open_lens(tmp_path, engine) as again:
        assert len(again.search(room).matches) == 8
        assert again.replica.compare().in_step


def test_a_copy_that_is_taken_over_while_it_is_open(
    tmp_path: Path,
    engine: Engine,
    product_csv: Path,
    other_products: Path,
    room: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another catalogue's vectors are not searched: it is noticed within `RECHECK` seconds."""
    engine = replace(engine, namespace=f"taken_{tmp_path.name}"[:40])
    with open_lens(tmp_path, engine) as first, open_lens(tmp_path / "second", engine) as second:
        first.add(product_csv)
        first.search(room)
        second.add(other_products)
        second.replica.sync(take_over=True)
        for module in ("replica", "retriever"):
            monkeypatch.setattr(f"floorlens.retrieval.{module}.RECHECK", 0.0)
        with pytest.raises(EngineMismatch):
            first.search(room)
        with pytest.raises(EngineMismatch):
            first.remove(["oak"])
        assert second.replica.compare().in_step


def test_an_import_is_not_in_step_while_another_process_writes(
    tmp_path: Path,
    engine: Engine,
    product_csv: Path,
    other_products: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It waits for its turn, and says so if that does not come."""
    monkeypatch.setattr("floorlens.retrieval.replica.WAIT", 0.2)
    with open_lens(tmp_path, engine) as lens:
        lens.add(product_csv)
        with lens._catalogue.exclusive(
            engine_key(place_engine(engine, lens._catalogue), lens._catalogue)
        ):
            report = lens.add(other_products)
            assert report.not_synced is not None
            assert "another process" in report.not_synced
            assert lens.replica.compare().missing == ("ink", "sand")
            with pytest.raises(CatalogueBusy):
                lens.replica.sync()


# -- faults, with the double of Pinecone -------------------------------------------------------


def test_an_engine_that_fails_loses_nothing(
    tmp_path: Path, pinecone: Engine, double: Any, product_csv: Path, room: Path
) -> None:
    """Products are stored, the report says what is amiss, the next search mends it."""
    with open_lens(tmp_path, pinecone) as lens:
        double.fail(403, times=1000)
        report = lens.add(product_csv)
        assert report.counts["added"] == 6
        assert report.not_synced is not None
        assert report.as_dict()["not_synced"] == report.not_synced
        with pytest.raises(EngineDenied):
            lens.search(room)
        with pytest.raises(EngineDenied):
            lens.remove(["oak"])
        assert len(lens.products()) == 5, "removed all the same"
        double.faults.clear()
        assert len(lens.search(room).matches) == 5
        assert lens.replica.compare().in_step


def test_half_a_push_is_taken_up_again(
    tmp_path: Path, pinecone: Engine, double: Any, room: Path, product_csv: Path
) -> None:
    """What was written before the failure stays; the catalogue does not call it in step."""
    with open_lens(tmp_path, pinecone) as lens:
        lens.add(product_csv)
        with open_lens(tmp_path) as exact:
            exact.remove(["oak"])
            Image.new("RGB", (32, 32), (9, 9, 9)).save(tmp_path / "soot.png")
            (tmp_path / "soot.csv").write_text("id,image\nsoot,soot.png\n")
            exact.add(tmp_path / "soot.csv")
        double.fail(403, times=1000, path="/vectors/delete")
        with pytest.raises(EngineDenied):
            lens.search(room)
        comparison = lens.replica.compare()
        assert (comparison.missing, comparison.unknown) == ((), ("oak",)), "the upsert came through"
        double.faults.clear()
        assert "soot" in {match.product.id for match in lens.search(room).matches}
        assert lens.replica.compare().in_step


def test_search_can_fall_back_on_memory(
    tmp_path: Path,
    pinecone: Engine,
    double: Any,
    product_csv: Path,
    room: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On request, and the result says so; the engine is asked again after a pause."""
    with open_lens(tmp_path, pinecone, fallback="exact") as lens, open_lens(tmp_path) as exact:
        lens.add(product_csv)
        double.fail(403, times=1000)
        result = lens.search(room)
        assert (result.index, result.degraded) == ("exact", "engine-denied")
        assert result.as_dict()["degraded"] == "engine-denied"
        assert ranking(result) == ranking(exact.search(room))
        calls = len(double.calls)
        assert lens.search(room).degraded == "engine-denied"
        assert len(double.calls) == calls, "an engine that just failed is left alone"
        double.faults.clear()
        monkeypatch.setattr("floorlens.retrieval.retriever.PAUSE", 0.0)
        assert (lens.search(room).index, lens.search(room).degraded) == ("pinecone", None)


def test_an_engine_that_another_process_fills(
    tmp_path: Path,
    pinecone: Engine,
    product_csv: Path,
    room: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is not there yet is waited for, or memory serves; what is a bit behind is searched."""
    with open_lens(tmp_path) as exact:
        exact.add(product_csv)
    with (
        open_lens(tmp_path, pinecone, fallback="exact") as patient,
        open_lens(tmp_path, pinecone) as lens,
        open_lens(tmp_path) as exact,
    ):
        work = exact._catalogue.exclusive(engine_key(pinecone, exact._catalogue))
        monkeypatch.setattr("floorlens.retrieval.replica.WAIT", 0.2)
        monkeypatch.setattr("floorlens.retrieval.retriever.SOON", 0.0)
        with work:
            with pytest.raises(EngineUnavailable, match="another process is filling"):
                lens.search(room)
            assert patient.search(room).degraded == "engine-unavailable"
        assert lens.search(room).index == "pinecone"
        exact.remove(["oak"])
        with exact._catalogue.exclusive(engine_key(pinecone, exact._catalogue)):
            result = lens.search(room)
            assert (result.index, len(result.matches)) == ("pinecone", 5)
            assert lens.replica.compare().unknown == ("oak",)
        assert len(lens.search(room).matches) == 5
        assert lens.replica.compare().in_step


def test_what_is_not_seen_yet_is_not_shown_wrongly(
    tmp_path: Path, pinecone: Engine, double: Any, product_csv: Path, room: Path
) -> None:
    """Pinecone shows writes late: a removed product is left out at once, and comes never back."""
    with open_lens(tmp_path, replace(pinecone, fresh=False)) as lens:
        lens.add(product_csv)
        double.settle()
        double.visible_after = 3600.0
        lens.remove(["oak"])
        result = lens.search(room)
        assert "oak" not in {match.product.id for match in result.matches}
        assert [match.rank for match in result.matches] == [1, 2, 3, 4, 5]
        assert lens.replica.compare().unknown == ("oak",)
        double.settle()
        assert len(lens.search(room).matches) == 5
        assert lens.replica.compare().in_step


def test_a_filter_is_the_catalogues(
    tmp_path: Path, pinecone: Engine, double: Any, product_csv: Path, room: Path
) -> None:
    """What an engine still shows with its old metadata does not pass by them."""
    with open_lens(tmp_path, replace(pinecone, fresh=False)) as lens:
        lens.add(product_csv)
        double.settle()
        double.visible_after = 3600.0
        product_csv.write_text(product_csv.read_text().replace(",Oak floor,wood", ",Oak,stone"))
        assert lens.add(product_csv).counts["updated"] == 1
        result = lens.search(room, where={"material": "wood"})
        assert "oak" not in {match.product.id for match in result.matches}
        assert result.matches


def test_an_engine_that_shows_nothing_yet(
    tmp_path: Path, pinecone: Engine, double: Any, product_csv: Path, room: Path
) -> None:
    """That is no empty catalogue: it says so, or memory serves."""
    slow = replace(pinecone, fresh=False)
    with open_lens(tmp_path) as exact:
        exact.add(product_csv)
        open_collection(slow, collection_spec(slow, exact._catalogue, STAGES, None)).close()
    double.visible_after = 3600.0
    with open_lens(tmp_path, slow) as lens, pytest.raises(EngineUnavailable, match="shows none"):
        lens.search(room)
    with open_lens(tmp_path, slow, fallback="exact") as lens:
        assert lens.search(room).degraded == "engine-unavailable"


def test_a_product_that_an_engine_cannot_keep(
    tmp_path: Path, pinecone: Engine, product_folder: Path, room: Path
) -> None:
    """It is the engine's failure, not the searcher's: named, with the cure, and memory serves."""
    (product_folder / "oak.png").rename(product_folder / "größe.png")
    with open_lens(tmp_path, pinecone) as lens:
        report = lens.add(product_folder)
        assert report.not_synced is not None
        assert "größe" in report.not_synced
        with pytest.raises(EngineRefused, match="choose another engine"):
            lens.search(room)
    with open_lens(tmp_path, pinecone, fallback="exact") as lens:
        result = lens.search(room)
        assert (result.degraded, len(result.matches)) == ("engine-refused", 6)


def test_a_replaced_collection_is_dropped_later_if_it_must(
    tmp_path: Path, pinecone: Engine, double: Any, product_csv: Path, room: Path
) -> None:
    """The new copy is whole all the same, and the old one is remembered."""
    newer = fake_stages(version="2")
    with open_lens(tmp_path, pinecone) as lens:
        lens.add(product_csv)
        old = collection_spec(pinecone, lens._catalogue, STAGES, None)
    double.fail(403, times=1000, path="/vectors/delete")
    report = Floorlens.rebuild(tmp_path / "catalogue", index=pinecone, stages=newer)
    assert report.not_synced is None
    assert open_collection(pinecone, old, mode="existing").stats().count == 6
    double.faults.clear()
    with open_lens(tmp_path, pinecone, stages=newer) as lens:
        lens.remove(["oak"])
        assert lens.replica.compare().in_step
    with pytest.raises(CollectionNotFound):
        open_collection(pinecone, old, mode="existing")


def test_more_products_than_an_engine_returns(
    tmp_path: Path,
    pinecone: Engine,
    product_csv: Path,
    room: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pinecone returns 10,000 at most: of more the nearest are ranked, and `total` tells."""
    monkeypatch.setattr(
        "floorlens.engines.backends.pinecone.collection.PineconeCollection.max_k", 4
    )
    with open_lens(tmp_path, pinecone) as lens:
        lens.add(product_csv)
        result = lens.search(room)
        assert (len(result.matches), result.total) == (4, 6)


def test_the_records_are_those_of_the_reference(
    tmp_path: Path, pinecone: Engine, double: Any, product_csv: Path
) -> None:
    """What reads the reference's index finds its fields: name, type, material, source.

    Beside them are what the products are like, of presets that examine product pictures.
    """
    engine = replace(pinecone, namespace=f"fields_{tmp_path.name}"[:40])
    with open_lens(tmp_path, engine) as lens:
        lens.add(product_csv)
        (record,) = collection_of(lens, engine).fetch(["oak"])
        attributes = {name: value.value for name, value in lens.attributes("oak").items()}
    assert "tone" in attributes
    assert record.metadata == attributes | {
        "name": "oak.png",
        "type": "floor",
        "source": "products",
        "material": "wood",
        "price": 40,
        "stock": False,
    }


# -- which engine ------------------------------------------------------------------------------


def test_engines_that_cannot_be_are_refused(tmp_path: Path) -> None:
    """Before anything is opened there, with what to write instead."""
    with pytest.raises(SettingsError, match="exact, lancedb, milvus, pgvector, pinecone"):
        open_lens(tmp_path, "faiss")
    with pytest.raises(SettingsError, match="FLOORLENS_INDEX_URL"):
        open_lens(tmp_path, "pgvector")
    with pytest.raises(SettingsError, match="fallback"):
        open_lens(tmp_path, fallback="pinecone")
    with open_lens(tmp_path) as lens, pytest.raises(UsageError, match="no copy"):
        lens.replica.compare()


def test_pgvector_lies_in_the_catalogues_own_database(
    postgres_database: str, product_csv: Path, room: Path
) -> None:
    """A catalogue on PostgreSQL needs no second address; lancedb has no folder there to lie in."""
    with Floorlens.open(postgres_database, index="pgvector", stages=STAGES) as lens:
        lens.add(product_csv)
        result = lens.search(room)
        assert (result.index, len(result.matches)) == ("pgvector", 6)
        assert lens.replica.compare().in_step
    with pytest.raises(SettingsError, match="FLOORLENS_INDEX_URL"):
        Floorlens.open(postgres_database, index="lancedb", stages=STAGES)


def test_the_key_of_an_engine_holds_no_secret(tmp_path: Path) -> None:
    """It is stored; another password is still the same engine, another place is not."""
    with open_lens(tmp_path) as lens:
        catalogue = lens._catalogue

        def key(engine: Engine, **changed: Any) -> str:
            return engine_key(place_engine(replace(engine, **changed), catalogue), catalogue)

        one = Engine("pgvector", url="postgresql://me:secret@host/db")
        assert "secret" not in key(one)
        assert len(key(one)) <= 55
        assert key(one) == key(one, url="postgresql://you:other@host/db/")
        assert key(one) != key(one, url="postgresql://me:secret@host/other")
        assert key(one) != key(one, namespace="floors")
        assert key(Engine("pinecone", api_key="a")) != key(Engine("pinecone", api_key="b")), (
            "two projects have indexes of the same name"
        )


def test_an_address_is_the_same_from_every_folder(
    tmp_path: Path,
    product_csv: Path,
    other_products: Path,
    room: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A relative one means two places: what one of them holds is not what the other does."""
    for name, source in (("left", product_csv), ("right", None), ("left", other_products)):
        (tmp_path / name).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / name)
        with open_lens(tmp_path, Engine("lancedb", url="lance")) as lens:
            if source is not None:
                lens.add(source)
            lens.search(room)
    monkeypatch.chdir(tmp_path / "right")
    with open_lens(tmp_path, Engine("lancedb", url="lance")) as lens:
        assert len(lens.search(room).matches) == 8
        assert lens.replica.compare().in_step


def test_options_of_another_engine_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--to pinecone` where pgvector is set must not send PostgreSQL's password to Pinecone."""
    settings = Settings(
        index="pgvector",
        index_url="postgresql://me:secret@host/db",
        index_key=SecretStr("token"),
        index_name="shop",
        pinecone_api_key=SecretStr("key"),
        namespace="floors",
    )
    other = settings.for_engine("pinecone").engine()
    assert other == Engine("pinecone", api_key="key", namespace="floors")
    assert settings.for_engine("pgvector") == settings == settings.for_engine(None)
    other_engine = settings.model_copy(update={"index": None}).for_engine("milvus").engine()
    assert other_engine is not None
    assert (other_engine.url, other_engine.api_key) == ("postgresql://me:secret@host/db", "token")
