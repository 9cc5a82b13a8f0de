"""A catalogue that an earlier version wrote opens, ranks and is named as it was, or says why not.

`version_present` has the present stamp: what this version writes, later ones of the same stamp must
read (`write_version.py` made it). `version_2026_11_25` has an earlier stamp and schema.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from floorlens import Floorlens
from floorlens.catalogue.catalogue import Catalogue
from floorlens.catalogue.rows import half
from floorlens.engines import Engine
from floorlens.errors import StampMismatch
from floorlens.retrieval.placement import collection_spec, engine_key, place_engine

ROOT = Path(__file__).resolve().parents[2]
PRESENT = Path(__file__).with_name("version_present")
OLDER = Path(__file__).with_name("version_2026_11_25")
EXPECTED: dict[str, Any] = json.loads((PRESENT / "expected.json").read_text(encoding="utf-8"))
BEFORE: dict[str, Any] = json.loads((OLDER / "expected.json").read_text(encoding="utf-8"))


def copied(version: Path, folder: Path) -> Path:
    """Returns a copy of a catalogue: opening one may write to it."""
    folder.mkdir()
    shutil.copy(version / "catalogue.sqlite", folder)
    return folder


@pytest.fixture
def older(tmp_path: Path) -> Path:
    return copied(OLDER, tmp_path / "older")


@pytest.fixture
def lens(tmp_path: Path) -> Iterator[Floorlens]:
    with Floorlens.open(copied(PRESENT, tmp_path / "present"), create=False) as opened:
        yield opened


def test_an_older_one_is_refused_with_the_command_that_cures_it(older: Path) -> None:
    """Its signatures hold one aspect: nothing of it may be compared with what is made now."""
    with pytest.raises(StampMismatch, match="floorlens index --rebuild --preset builtin"):
        Floorlens.open(older, create=False)


def test_an_older_one_keeps_its_products_and_features_when_its_tables_change(
    older: Path, tmp_path: Path
) -> None:
    """They are what a rebuild starts from, and presets whose stamp is the same go on with them."""
    unchanged = copied(OLDER, tmp_path / "unchanged")
    with closing(sqlite3.connect(unchanged / "catalogue.sqlite")) as before:
        stored = before.execute("SELECT product_id, base, lab FROM base_features ORDER BY 1")
        rows = stored.fetchall()
    with closing(Catalogue(older)) as catalogue:
        assert [product.as_dict() for product in catalogue.products()] == BEFORE["products"]
        features = catalogue.base_features([row[0] for row in rows], BEFORE["stamp"])
    assert len(rows) == len(features) == len(BEFORE["products"])
    for product_id, base, lab in rows:
        (swatch,) = features[product_id].aspects.items()
        assert swatch[0] == "swatch"
        assert (half(swatch[1].base), half(swatch[1].lab)) == (base, lab)
        assert swatch[1].trust.size == 0
    with sqlite3.connect(older / "catalogue.sqlite") as after:
        tables = after.execute("select sql from sqlite_master where sql is not null")
        assert sorted(sql for (sql,) in tables) == EXPECTED["schema"]


@pytest.mark.slow
def test_it_ranks_the_same(lens: Floorlens) -> None:
    """The scores may differ in the last digits, as they do from one processor to the next."""
    for room, ranking in EXPECTED["rankings"].items():
        matches = lens.search(ROOT / "samples" / "rooms" / f"{room}.jpg").matches
        assert [match.product.id for match in matches] == [row[0] for row in ranking]
        for match, (_, score, components, evidence) in zip(matches, ranking, strict=True):
            assert match.score == pytest.approx(score, abs=1e-4)
            assert dict(match.components or {}) == pytest.approx(components, abs=1e-4)
            assert match.evidence == evidence


def test_stamps_and_products_are_the_same(lens: Floorlens) -> None:
    """To the last character: another stamp would ask every user for a rebuild.

    But for the segmenter, which finds floors in photos: nothing of it is in a catalogue.
    """
    stamps = dict(lens.stamp), dict(EXPECTED["stamp"])
    assert stamps[0].pop("segmenter")["model_id"] == stamps[1].pop("segmenter")["model_id"]
    assert stamps[0] == stamps[1]
    assert lens.projection == EXPECTED["projection"]
    assert [product.as_dict() for product in lens.products()] == EXPECTED["products"]


def test_the_projection_is_in_use_already(lens: Floorlens) -> None:
    """Its version is made of products and recipe: another one would describe everything anew.

    The pictures are not there, and need not be.
    """
    report = lens.adapt(views=1)
    assert (report.version, report.simulated, report.described) == (
        EXPECTED["projection"]["version"],
        0,
        0,
    )


def test_its_tables_are_those_of_a_new_one(tmp_path: Path) -> None:
    Catalogue(tmp_path / "new").close()
    with sqlite3.connect(tmp_path / "new" / "catalogue.sqlite") as database:
        rows = database.execute("select sql from sqlite_master where sql is not null")
        assert sorted(sql for (sql,) in rows) == EXPECTED["schema"]


def test_its_collections_in_engines_are_found_again(lens: Floorlens) -> None:
    """Under another name or stamp every engine would be filled anew."""
    catalogue, stages = lens._catalogue, lens._stages
    version = EXPECTED["projection"]["version"]
    lancedb = place_engine(Engine("lancedb"), catalogue)
    pinecone = Engine("pinecone", api_key="k", index="floors")
    pgvector = Engine("pgvector", url="postgresql://me:secret@db/floors")
    for engine in (lancedb, pinecone):
        collection = collection_spec(engine, catalogue, stages, version)
        place = [engine_key(engine, catalogue), collection.name, collection.stamp]
        assert place == EXPECTED["collections"][engine.name]
    assert [engine_key(pgvector, catalogue)] == EXPECTED["collections"]["pgvector"]
