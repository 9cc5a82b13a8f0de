"""Attributes in the catalogue: what people set is never overwritten, and everything follows it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import Engine, event, insert

from floorlens import Floorlens
from floorlens.catalogue.catalogue import FILE_NAME, Catalogue
from floorlens.catalogue.product_attributes import ProductAttributes
from floorlens.catalogue.rows import Entry, write_attributes
from floorlens.catalogue.schema import SCHEMA_VERSION, attributes, products
from floorlens.errors import CatalogueError, FilterError, NothingToRank, ProductNotFound, UsageError
from floorlens.importing import rebuild
from floorlens.presets import Stages
from floorlens.testing import fake_stages

PRESENT = Path(__file__).with_name("version_present") / FILE_NAME
COLOURS = {"dark": (60, 40, 30), "light": (220, 200, 170), "grey": (120, 120, 120)}


def paint(folder: Path) -> Path:
    """Writes a list of three products with a plain picture each; returns its path."""
    folder.mkdir(exist_ok=True)
    lines = ["id,image,Format,room,colour"]
    for name, colour in COLOURS.items():
        Image.new("RGB", (48, 32), colour).save(folder / f"{name}.png")
        lines.append(f"{name},{name}.png,1220 x 180 mm,hall,{'as it is' if name == 'grey' else ''}")
    (folder / "list.csv").write_text("\n".join(lines))
    return folder / "list.csv"


@pytest.fixture
def stages() -> Stages:
    return fake_stages()


@pytest.fixture
def lens(tmp_path: Path, location: str, stages: Stages) -> Iterator[Floorlens]:
    with Floorlens.open(location, stages=stages) as opened:
        opened.add(paint(tmp_path / "shop"))
        yield opened


def room(lightness: int) -> np.ndarray:
    """Returns a room with a grey floor in its lower half."""
    picture = np.full((60, 80, 3), 250, np.uint8)
    picture[30:] = lightness
    return picture


def test_products_are_measured_when_they_are_imported(lens: Floorlens) -> None:
    values = lens.attributes("dark")
    assert (values["tone"].value, values["colour"].value) == ("dark", "brown")
    assert (values["width_mm"].value, values["width_mm"].origin) == (180.0, "stated")
    assert {item.origin for item in values.values()} == {"measured", "stated"}
    with pytest.raises(ProductNotFound):
        lens.attributes("unknown")


def test_an_edit_survives_import_rebuild_and_measuring(
    lens: Floorlens, tmp_path: Path, location: str, stages: Stages
) -> None:
    """Also one of a new picture; taken back, what was measured last shows again."""
    lens.edit("dark", {"tone": "medium", "width_mm": 150})
    Image.new("RGB", (48, 32), (90, 20, 20)).save(tmp_path / "shop" / "dark.png")
    assert lens.add(tmp_path / "shop" / "list.csv").counts["updated"] == 1
    lens.measure_attributes(anew=True)
    assert not Floorlens.rebuild(location, stages=stages).failed
    values = lens.attributes("dark")
    assert (values["tone"].value, values["tone"].origin) == ("medium", "edited")
    assert values["tone"].confidence == 1
    assert values["width_mm"].value == 150
    assert values["lightness"].value == pytest.approx(18, abs=3), "measured of the new picture"
    back = lens.edit("dark", {"tone": None, "width_mm": None, "colour": None})
    assert (back["tone"].value, back["tone"].origin) == ("dark", "measured")
    assert (back["width_mm"].value, back["width_mm"].origin) == (180.0, "stated")


def test_what_cannot_be_set_changes_nothing(lens: Floorlens) -> None:
    revision = lens._catalogue.revision()
    with pytest.raises(UsageError, match="did you mean 'undertone'"):
        lens.edit("dark", {"tone": "medium", "undertones": "warm"})
    with pytest.raises(UsageError, match="did you mean 'medium'"):
        lens.edit("dark", {"colour": "red", "tone": "medum"})
    with pytest.raises(ProductNotFound, match="floorlens products list"):
        lens.edit("unknown", {"tone": "medium"})
    assert lens._catalogue.revision() == revision
    assert lens.attributes("dark")["tone"].value == "dark"


def test_filters_and_facets_follow_an_edit(lens: Floorlens) -> None:
    """So do matches; a field of the product's own takes the place of what was measured."""
    dark = {"tone": "dark"}
    assert [m.product.id for m in lens.search(room(60), where=dark).matches] == ["dark"]
    assert lens.facets()["tone"] == {"dark": 1, "light": 1, "medium": 1}
    lens.edit("light", {"tone": "dark"})
    found = lens.search(room(60), where=dark).matches
    assert {match.product.id for match in found} == {"dark", "light"}
    assert {match.attributes["tone"].origin for match in found} == {"measured", "edited"}
    assert lens.facets(where=dark)["room"] == {"hall": 2}
    assert lens.facets()["colour"] == {"as it is": 1, "beige": 1, "brown": 1}
    assert lens.search(room(60), where={"colour": "as it is"}).matches[0].product.id == "grey"
    assert "type" not in lens.facets()
    narrow = lens.search(room(60), where={"width_mm": {"$lt": 200}, "lightness": {"$gt": 60}})
    assert [match.product.id for match in narrow.matches] == ["light"]


def test_facets_refuse_a_field_that_nobody_has(lens: Floorlens) -> None:
    with pytest.raises(FilterError, match="did you mean 'room'"):
        lens.facets({"rom": "hall"})
    assert lens.facets({"rom": {"$ne": "hall"}})["room"] == {"hall": 3}


def test_an_edit_comes_before_a_field_of_the_list(lens: Floorlens, tmp_path: Path) -> None:
    """The list goes on saying what it said; the catalogue's engine follows the edit."""
    lens.edit("grey", {"colour": "black"})
    assert lens.facets()["colour"] == {"beige": 1, "black": 1, "brown": 1}
    black = {"colour": "black"}
    assert [m.product.id for m in lens.search(room(60), where=black)] == ["grey"]
    with pytest.raises(NothingToRank):
        lens.search(room(60), where={"colour": "as it is"})
    lens.add(tmp_path / "shop" / "list.csv")
    assert [m.product.id for m in lens.search(room(60), where=black)] == ["grey"]
    lens.edit("grey", {"colour": None})
    assert lens.facets(where={"colour": "as it is"})["room"] == {"hall": 1}


def test_equal_pictures_are_measured_once_and_removed_products_leave_nothing(
    lens: Floorlens, tmp_path: Path
) -> None:
    shutil.copy(tmp_path / "shop" / "dark.png", tmp_path / "shop" / "twin.png")
    (tmp_path / "shop" / "more.csv").write_text("id,image\ntwin,twin.png\n")
    lens.add(tmp_path / "shop" / "more.csv")
    assert lens.attributes("twin")["tone"] == lens.attributes("dark")["tone"]
    lens.edit("twin", {"tone": "light"})
    lens.remove(["twin"])
    lens.add(tmp_path / "shop" / "more.csv")
    assert lens.attributes("twin")["tone"].value == "dark"


def forget_looks(lens: Floorlens) -> None:
    """Makes the catalogue one of a version that took nothing but features of pictures."""
    with lens._catalogue.writing() as connection:
        connection.exec_driver_sql("DELETE FROM attributes")
        connection.exec_driver_sql("DELETE FROM prints")


def test_a_twin_of_what_an_earlier_version_stored_is_looked_at(
    lens: Floorlens, tmp_path: Path
) -> None:
    forget_looks(lens)
    shutil.copy(tmp_path / "shop" / "dark.png", tmp_path / "shop" / "twin.png")
    report = lens.add([{"id": "twin", "image": tmp_path / "shop" / "twin.png"}])
    assert report.counts["added"] == 1
    assert lens.attributes("twin")["tone"].value == "dark"
    assert lens._catalogue.prints("twin")
    assert lens._catalogue.attributes.measured_of("dark") is None


def test_new_product_data_are_read_without_measuring(lens: Floorlens, tmp_path: Path) -> None:
    table = tmp_path / "shop" / "list.csv"
    table.write_text(table.read_text().replace("1220 x 180 mm", "60x60"))
    lens.add(table)
    assert lens.attributes("dark")["width_mm"].value == 600
    assert lens.attributes("dark")["tone"].value == "dark"


def test_what_was_measured_of_other_pictures_is_not_stored(lens: Floorlens) -> None:
    """A picture that was replaced while it was measured."""
    (stored, *_) = lens._catalogue.embedded()
    other = Entry(stored.product, ("0" * 64,), measured={})
    assert lens._catalogue.attributes.put_measured([other]) == [stored.product.id]
    assert lens.attributes(stored.product.id)["tone"].origin == "measured"
    assert lens._catalogue.prints(stored.product.id)


def test_measuring_takes_the_prints_and_says_what_it_left(
    lens: Floorlens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One product is removed while it is measured, one has lost its features."""
    forget_looks(lens)
    assert lens._catalogue.designs.without_prints() == 3
    with lens._catalogue.writing() as connection:
        connection.exec_driver_sql("DELETE FROM base_features WHERE product_id = 'light'")
    put = lens._catalogue.attributes.put_measured

    def put_late(entries: Sequence[Entry]) -> list[str]:
        lens._catalogue.remove(["grey"])
        return put(entries)

    monkeypatch.setattr(lens._catalogue.attributes, "put_measured", put_late)
    report = lens.measure_attributes()
    assert {row.id: row.status for row in report.rows} == {
        "dark": "updated",
        "grey": "failed",
        "light": "failed",
    }
    reasons = {row.id: str(row.reason) for row in report.failed}
    assert "run the same command again" in reasons["grey"]
    assert "index --rebuild" in reasons["light"]
    assert lens._catalogue.designs.without_prints() == 1
    assert lens.attributes("dark")["tone"].value == "dark"


def test_prints_alone_are_taken_as_well_and_drawings_once(lens: Floorlens) -> None:
    """A drawing has no attributes: that is stored, and it is not due again."""
    with lens._catalogue.writing() as connection:
        connection.exec_driver_sql("DELETE FROM prints WHERE product_id = 'dark'")
        write_attributes(connection, "grey", "measured", {})
    assert lens.measure_attributes().counts["updated"] == 1
    assert lens._catalogue.designs.without_prints() == 0
    assert lens.measure_attributes().counts["unchanged"] == 3


def test_a_picture_that_is_gone_fails_its_product_alone(lens: Floorlens, tmp_path: Path) -> None:
    (tmp_path / "shop" / "dark.png").unlink()
    Image.new("RGB", (48, 32), "red").save(tmp_path / "shop" / "grey.png")
    assert lens.measure_attributes().counts == {
        "added": 0,
        "updated": 0,
        "unchanged": 3,
        "failed": 0,
    }
    report = lens.measure_attributes(anew=True)
    assert {row.id: row.status for row in report.rows} == {
        "dark": "failed",
        "grey": "failed",
        "light": "updated",
    }
    assert "import it again" in str(report.failed[1].reason)
    assert lens.attributes("dark")["tone"].value == "dark", "what was measured before stays"


def test_a_catalogue_of_schema_version_5_has_none_until_it_is_measured(tmp_path: Path) -> None:
    """It is searched as before, and a filter by an attribute says what to do."""
    (tmp_path / "old").mkdir()
    shutil.copy(PRESENT, tmp_path / "old")
    with closing(sqlite3.connect(tmp_path / "old" / FILE_NAME)) as before:
        assert before.execute("SELECT schema_version FROM state").fetchone() == (5,)
    with closing(Catalogue(tmp_path / "old")) as catalogue:
        assert catalogue.facts()["schema_version"] == SCHEMA_VERSION >= 6
        assert catalogue.attributes.of() == {}
        assert "tone" not in catalogue.fields()
        catalogue.attributes.edit("walnut-plank", {"tone": "dark"})
        assert (
            catalogue.snapshot(since=catalogue.revision() - 1).changed_records[0].metadata["tone"]
            == "dark"
        )
    with closing(sqlite3.connect(tmp_path / "old" / FILE_NAME)) as after:
        rows = after.execute("SELECT product_id, origin, content FROM attributes").fetchall()
    assert [(row[0], row[1], json.loads(row[2])) for row in rows] == [
        ("walnut-plank", "edited", {"tone": ["dark", 1.0]})
    ]


def test_a_filter_by_what_was_not_measured_says_so(lens: Floorlens) -> None:
    """Where something was measured, products that lack an attribute do not pass."""
    with lens._catalogue.writing() as connection:
        connection.exec_driver_sql("DELETE FROM attributes")
    with pytest.raises(FilterError, match=r"'tone'.*`floorlens attributes --measure`"):
        lens.search(room(60), where={"tone": "dark"})
    assert len(lens.search(room(60), where={"tone": {"$ne": "light"}})) == 3
    assert lens.measure_attributes().counts["updated"] == 3
    assert len(lens.search(room(60), where={"tone": "dark"})) == 1
    with pytest.raises(NothingToRank):
        lens.search(room(60), where={"pattern": "plank"})


def test_results_and_imports_say_how_many_were_not_measured(
    lens: Floorlens, tmp_path: Path
) -> None:
    """An older catalogue with one new product: the filter must not drop the others in silence."""
    forget_looks(lens)
    Image.new("RGB", (48, 32), (40, 30, 20)).save(tmp_path / "shop" / "new.png")
    report = lens.add([{"id": "new", "image": tmp_path / "shop" / "new.png"}])
    assert any("3 of the catalogue's products have no attributes" in note for note in report.notes)
    dark = lens.search(room(60), where={"tone": "dark"})
    assert [match.product.id for match in dark] == ["new"]
    (note,) = dark.notes
    assert "3 products were not measured yet" in note
    assert "`floorlens attributes --measure`" in note
    assert dark.as_dict()["notes"] == [note]
    assert lens.similar("light", where={"tone": "dark"}).notes == (note,)
    with pytest.raises(NothingToRank, match="3 products were not measured yet"):
        lens.search(room(60), where={"tone": "light"})
    assert lens.search(room(60)).notes == ()
    assert lens.search(room(60), where={"room": "hall"}).notes == ()
    lens.measure_attributes()
    again = lens.search(room(60), where={"tone": "dark"})
    assert (len(again), again.notes) == (2, ())
    assert not any("no attributes" in note for note in lens.add(tmp_path / "shop").notes)


def test_the_attributes_of_a_whole_catalogue_are_one_query(tmp_path: Path) -> None:
    """A search without a limit reads all; one by one chunk takes three times as long."""
    ids = [f"oak-{number}" for number in range(1100)]
    queries: list[str] = []

    def note(_: object, __: object, statement: str, *more: object) -> None:
        if "FROM attributes" in statement:
            queries.append(statement)

    with closing(Catalogue(tmp_path / "many")) as catalogue:
        with catalogue.writing() as connection:
            connection.execute(
                insert(products),
                [{"id": name, "name": "Oak", "metadata": "{}", "revision": 1} for name in ids],
            )
            content = '{"tone": ["dark", 0.9]}'
            connection.execute(
                insert(attributes),
                [{"product_id": n, "origin": "measured", "content": content} for n in ids],
            )
        event.listen(Engine, "before_cursor_execute", note)
        try:
            some = catalogue.attributes.of([*ids[:1000], "unknown"])
            assert len(queries) == 1
            few = catalogue.attributes.of(ids[:3])
            assert len(queries) == 2
        finally:
            event.remove(Engine, "before_cursor_execute", note)
    assert list(some) == ids[:1000]
    assert few == {name: some[name] for name in ids[:3]}
    assert few["oak-0"]["tone"].value == "dark"


def test_a_preset_that_takes_pictures_whole_measures_on_request_alone(
    tmp_path: Path, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then nobody has looked, which is another answer than that nothing was seen."""
    stages = fake_stages()
    whole = replace(stages, preset=replace(stages.preset, examine_products=False))
    products = paint(tmp_path / "shop")
    with Floorlens.open(location, stages=whole) as lens:
        assert lens.add(products).notes == ()
        assert "tone" not in lens.attributes("dark")
        with pytest.raises(FilterError, match=r"no attributes were measured .* `floorlens attr"):
            lens.search(room(60), where={"tone": "dark"})
        assert lens.measure_attributes().counts["updated"] == 3
        assert lens.attributes("dark")["tone"].value == "dark"
        assert rebuild(lens._catalogue, whole, max_megapixels=120).failed == ()
        assert lens.attributes("dark")["tone"].value == "dark", "a rebuild takes nothing away"
        monkeypatch.chdir(tmp_path)
        Image.new("RGB", (48, 32), (200, 10, 10)).save("twin.png")
        lens.add([{"id": "one", "image": "twin.png"}])
        twin = lens.add([{"id": "two", "image": "twin.png"}])
        assert "has the same pictures as one" in str(twin.rows[0].note)


def test_sizes_that_lists_alone_can_state_are_no_matter_of_measuring(
    lens: Floorlens, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProductAttributes, "unmeasured", lambda _: 1)
    wide = {"width_mm": {"$gt": 100}}
    assert lens.search(room(60), where=wide).notes == ()
    (note,) = lens.search(room(60), where={"tone": "dark"} | wide).notes
    assert "the filter by 'tone' can leave it out" in note


def test_a_print_of_another_version_is_taken_anew_without_embedding(lens: Floorlens) -> None:
    """As the error says; by itself `--measure` leaves products that have a print."""
    with lens._catalogue.writing() as connection:
        connection.exec_driver_sql("UPDATE prints SET print = 'old' WHERE product_id = 'dark'")
    with pytest.raises(CatalogueError, match="attributes --measure --anew"):
        lens.variants()
    assert not lens.measure_attributes(anew=True).failed
    assert lens.variants() is not None
