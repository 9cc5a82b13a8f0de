"""Importing: embed what changed, keep what did not, report every row."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from floorlens import Floorlens, importing
from floorlens.catalogue.batches import BATCH
from floorlens.catalogue.catalogue import Catalogue
from floorlens.catalogue.generations import Generations
from floorlens.errors import ProductSourceError, SettingsError, StampMismatch
from floorlens.importing import ImportRow
from floorlens.presets import Stages
from floorlens.products.reading import read_products
from floorlens.testing import FakeEmbedder, fake_stages
from tests.doubles.picture_server import HOST, png, reachable, response, serving, url


class CountingEmbedder(FakeEmbedder):
    """Counts the views that it is given."""

    calls = 0

    def features(self, views: Any) -> Any:
        type(self).calls += len(views)
        return super().features(views)


@pytest.fixture
def counting() -> Stages:
    CountingEmbedder.calls = 0
    stages = fake_stages()
    return replace(stages, embedder=CountingEmbedder(stages.embedder.stamp))


def paint(folder: Path, names: str, start: int = 0) -> Path:
    """Writes one plain picture for each letter; returns the folder."""
    folder.mkdir(exist_ok=True)
    for i, name in enumerate(names):
        colour = (20 + 10 * (start + i) % 200, 120, 200 - 7 * i)
        Image.new("RGB", (32, 32), colour).save(folder / f"{name}.png")
    return folder


def statuses(rows: tuple[ImportRow, ...]) -> dict[str, str]:
    """Returns id -> status."""
    return {row.id: row.status for row in rows}


def test_only_what_changed_is_embedded(tmp_path: Path, location: str, counting: Stages) -> None:
    """Unchanged pictures are never embedded twice; a new picture, and only it, is."""
    products = paint(tmp_path / "products", "abc")
    with Floorlens.open(location, stages=counting) as lens:
        first = lens.add(products)
        assert first.counts == {"added": 3, "updated": 0, "unchanged": 0, "failed": 0}
        assert CountingEmbedder.calls == 3
        Image.new("RGB", (32, 32), (1, 2, 3)).save(products / "b.png")
        paint(products, "d", start=9)
        second = lens.add(products)
    assert statuses(second.rows) == {
        "a": "unchanged",
        "b": "updated",
        "c": "unchanged",
        "d": "added",
    }
    assert CountingEmbedder.calls == 5


def test_pictures_at_addresses_are_fetched_once_and_kept_with_the_catalogue(
    tmp_path: Path, counting: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has not changed on the server is not embedded again; a failure fails its product."""
    reachable(monkeypatch)
    bodies = {"/a.png": png("red"), "/b.png": png("tan"), "/c": b"no picture" * 20}

    def answer(path: str, headers: dict[str, str]) -> bytes:
        body = bodies[path]
        tag = f'"{len(body)}-{hash(body)}"'
        if headers.get("If-None-Match") == tag:
            return response(status="304 Not Modified", Content_Length="")
        return response(body, ETag=tag)

    with serving(answer) as server:
        hosts = [f"{HOST}:{server.port}"]
        rows = [f"{name},{url(server, path)}" for name, path in zip("xyz", bodies, strict=True)]
        rows += [f"twice,{url(server, '/a.png')}|here.png", "other,http://other.test/a.png"]
        paint(tmp_path / "shop", "h")
        (tmp_path / "shop" / "h.png").rename(tmp_path / "shop" / "here.png")
        table = tmp_path / "shop" / "list.csv"
        table.write_text("\n".join(["id,image", *rows]))
        with Floorlens.open(tmp_path / "at", stages=counting, fetch_hosts=hosts) as lens:
            first = lens.add(table, fetch=True)
            assert statuses(first.rows) == {
                **{"x": "added", "y": "added", "z": "failed"},
                **{"twice": "added", "other": "failed"},
            }
            reasons = {row.id: row.reason or "" for row in first.rows}
            assert "is no picture" in reasons["z"]
            assert "add other.test to FLOORLENS_FETCH_HOSTS" in reasons["other"]
            # It is refused while the list is read.
            assert [row.place for row in first.rows if row.id == "other"] == ["line 6"]
            image = Path(lens.product("x").images[0])
            assert image.parent == tmp_path / "at" / "pictures"
            assert image.read_bytes() == bodies["/a.png"]
            assert lens.product("twice").images[0] == str(image)
            embedded = CountingEmbedder.calls
            # The picture of two products is asked for once.
            assert sum(path == "/a.png" for path, _ in server.requests) == 1

            again = lens.add(table, fetch=True)
            assert again.counts["unchanged"] == 3
            assert CountingEmbedder.calls == embedded
            bodies["/b.png"] = png("blue")
            assert lens.add(table, fetch=True).counts["updated"] == 1
            asked = len(server.requests)
            assert statuses(lens.add(table).rows)["y"] == "unchanged"
            assert len(server.requests) == asked
        with Floorlens.open(tmp_path / "new", stages=counting, fetch_hosts=hosts) as lens:
            with pytest.raises(ProductSourceError, match="nothing is fetched unless you ask"):
                lens.add(table)
            assert len(server.requests) == asked
        with Floorlens.open(tmp_path / "none", stages=counting) as lens:
            with pytest.raises(SettingsError, match=r"FLOORLENS_FETCH_HOSTS .* names no host"):
                lens.add(table, fetch=True)
            assert lens.products() == []


def test_new_metadata_is_stored_without_embedding(
    tmp_path: Path, location: str, counting: Stages
) -> None:
    """A price change costs no inference, and reaches the search filter."""
    paint(tmp_path, "a")
    table = tmp_path / "products.csv"
    table.write_text("id,image,price\nplank,a.png,10\n")
    with Floorlens.open(location, stages=counting) as lens:
        lens.add(table)
        room = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
        assert lens.search(room, where={"price": 10}).matches
        table.write_text("id,image,price\nplank,a.png,12\n")
        assert statuses(lens.add(table).rows) == {"plank": "updated"}
        assert CountingEmbedder.calls == 2, "one product and one query"
        assert lens.search(room, where={"price": 12}).matches


def test_moved_pictures_are_followed(tmp_path: Path, location: str, counting: Stages) -> None:
    """The same pictures in another folder are unchanged, and found at their new place."""
    paint(tmp_path / "old", "a")
    with Floorlens.open(location, stages=counting) as lens:
        lens.add(tmp_path / "old")
        (tmp_path / "old").rename(tmp_path / "new")
        assert statuses(lens.add(tmp_path / "new").rows) == {"a": "unchanged"}
        assert Path(lens.product("a").images[0]).parent.name == "new"


def test_bad_pictures_fail_their_row_alone(tmp_path: Path, location: str) -> None:
    """One broken file neither stops an import nor replaces what was stored of the product."""
    products = paint(tmp_path / "products", "ab")
    (products / "c.jpg").write_text("I am no picture")
    with Floorlens.open(location, stages=fake_stages()) as lens:
        report = lens.add(products)
        assert statuses(report.rows) == {"a": "added", "b": "added", "c": "failed"}
        assert "c.jpg" in str(report.failed[0].reason)
        (products / "b.png").write_bytes(b"")
        assert statuses(lens.add(products).rows)["b"] == "failed"
        assert [product.id for product in lens.products()] == ["a", "b"]


def test_nothing_is_removed_silently(tmp_path: Path, location: str) -> None:
    """A source that no longer names a product leaves it in the catalogue."""
    with Floorlens.open(location, stages=fake_stages()) as lens:
        lens.add(paint(tmp_path / "one", "ab"))
        lens.add(paint(tmp_path / "two", "c"))
        assert [product.id for product in lens.products()] == ["a", "b", "c"]


def test_bad_rows_of_a_list_are_all_reported_and_the_others_stored(
    tmp_path: Path, location: str
) -> None:
    """One run names every row that cannot be used; the report says where each of them stands."""
    paint(tmp_path, "a")
    nine = "|".join(["a.png"] * 9)
    table = tmp_path / "products.csv"
    rows = [f"p{i:03},a.png,{i}" for i in range(300)]
    rows[10], rows[70], rows[120] = "p010,,1", f"p070,{nine},1", ",a.png,1"
    rows[180], rows[250] = "p180,a.png,Weiss, breit,1", "p002,a.png,other"
    table.write_text("id,image,name\n" + "\n".join([*rows, ",,"]) + "\n")
    calls: list[tuple[int, int, str]] = []
    with Floorlens.open(location, stages=fake_stages()) as lens:
        report = lens.add(table, progress=lambda done, of, row: calls.append((done, of, row.id)))
        assert report.counts == {"added": 294, "updated": 0, "unchanged": 0, "failed": 6}
        assert [(row.place, row.id) for row in report.failed] == [
            ("line 4", "p002"),
            ("line 12", "p010"),
            ("line 72", "p070"),
            ("line 122", "line 122"),
            ("line 182", "p180"),
            ("line 252", "p002"),
        ]
        assert all(row.reason for row in report.failed)
        assert str(report.failed[1].reason).startswith("line 12: names no picture")
        assert report.notes[0] == "empty rows skipped: 1 (line 302)"
        assert report.as_dict()["notes"] == list(report.notes)
        assert report.as_dict()["rows"][-1]["place"] == "line 252"
        assert (calls[-1][:2], len(calls)) == ((300, 300), 300)
        assert len(lens.products()) == 294


def test_strict_stores_nothing_and_names_every_bad_row(tmp_path: Path, location: str) -> None:
    paint(tmp_path, "a")
    table = tmp_path / "products.csv"
    bad = "".join(f"x{i},\n" for i in range(25))
    table.write_text("id,image\ny,a.png\n" + bad)
    with Floorlens.open(location, stages=fake_stages()) as lens:
        with pytest.raises(ProductSourceError, match="25 rows cannot be used") as caught:
            lens.add(table, strict=True)
        lines = str(caught.value).splitlines()
        assert (len(lines), lines[1][:8], lines[-1].strip()) == (22, "  line 3", "… and 5 more")
        assert lens.products() == []
        assert lens.add(table).counts["added"] == 1


def test_a_source_without_one_good_row_stores_nothing(tmp_path: Path, location: str) -> None:
    """Two rows of one id cannot both be meant."""
    paint(tmp_path, "ab")
    table = tmp_path / "products.csv"
    table.write_text("id,image,name\nx,a.png,one\nx,b.png,two\n")
    with Floorlens.open(location, stages=fake_stages()) as lens:
        with pytest.raises(ProductSourceError, match="more than once"):
            lens.add(table)
        assert lens.products() == []


def test_progress_comes_after_the_commit(tmp_path: Path, location: str) -> None:
    """What was reported as done can be read by another process at that moment."""
    count = BATCH + 3
    names = [f"{i:02}" for i in range(count)]
    products = tmp_path / "products"
    products.mkdir()
    for i, name in enumerate(names):
        Image.new("RGB", (32, 32), (i, 2 * i, 9)).save(products / f"{name}.png")
    seen: list[tuple[int, int]] = []
    with (
        Floorlens.open(location, stages=fake_stages()) as lens,
        Floorlens.open(location, stages=fake_stages()) as other,
    ):

        def progress(done: int, total: int, row: ImportRow) -> None:
            seen.append((done, total))
            assert other.product(row.id)

        lens.add(products, progress=progress)
    assert seen == [(i + 1, count) for i in range(count)]


def test_several_pictures_make_one_product(tmp_path: Path, location: str) -> None:
    """All pictures count, and their order in the table is kept for display."""
    Image.new("RGB", (32, 32), (200, 0, 0)).save(tmp_path / "red.png")
    Image.new("RGB", (32, 32), (0, 0, 200)).save(tmp_path / "blue.png")
    (tmp_path / "p.csv").write_text("id,image\nboth,red.png|blue.png\nred,red.png\n")
    with Floorlens.open(location, stages=fake_stages()) as lens:
        lens.add(tmp_path / "p.csv")
        assert [Path(p).name for p in lens.product("both").images] == ["red.png", "blue.png"]
        room = np.full((64, 64, 3), (200, 0, 0), np.uint8)
        room[0] = 0
        scores = {m.product.id: m.score for m in lens.search(room).matches}
    assert scores["red"] > scores["both"] > 0


def test_the_report_says_what_each_picture_shows(tmp_path: Path, location: str) -> None:
    """A shop learns which pictures are no swatches, and which of them were left out."""
    rng = np.random.default_rng(0)
    grain = rng.integers(60, 160, (320, 320, 3), dtype=np.uint8)
    board = np.full((320, 320, 3), 255, np.uint8)
    board[100:220, 40:280] = grain[:120, :240]
    room = np.full((320, 320, 3), 90, np.uint8)
    room[:, :2] = 60
    room[:160, 210:] = rng.integers(0, 255, (160, 110, 3), dtype=np.uint8)
    room[160:] = grain[:160] // 2
    for name, pixels in (("swatch", grain), ("board", board), ("room", room)):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    table = tmp_path / "p.csv"
    rooms = "|".join(f"{place}/room.png" for place in "abcde")
    for place in "abcde":
        (tmp_path / place).mkdir()
        shutil.copy(tmp_path / "room.png", tmp_path / place)
    table.write_text(
        f"id,image\nall,swatch.png|room.png|board.png\nrooms,{rooms}\nalone,room.png\n"
    )
    where = location
    with Floorlens.open(where, stages=fake_stages()) as lens:
        report = lens.add(table)
        again = lens.add(table)
    everything, alone, rooms_alone = report.rows
    assert everything.pictures == ("swatch", "room", "boards")
    assert "room" not in str(everything.note), "swatch and scene both describe it"
    assert rooms_alone.note == "2 room scenes left out: 3 others show the product well enough"
    assert (alone.pictures, alone.note) == (("room",), None)
    assert report.pictures == {"swatch": 1, "boards": 1, "framed": 0, "room": 7, "drawing": 0}
    assert report.as_dict()["rows"][0]["pictures"] == ["swatch", "room", "boards"]
    assert {row.pictures for row in again.rows} == {()}, "unchanged: not looked at"
    rebuilt = Floorlens.rebuild(where, stages=fake_stages(version="2"))
    assert rebuilt.pictures == report.pictures
    assert statuses(rebuilt.rows) == {"all": "updated", "alone": "updated", "rooms": "updated"}


def fail_on(folder: Path, name: str) -> Callable[[], None]:
    """Breaks a product's picture; returns what mends it."""
    path = folder / f"{name}.png"
    good = path.read_bytes()
    path.write_bytes(b"broken")

    def mend() -> None:
        path.write_bytes(good)

    return mend


def test_equal_pictures_are_embedded_once(tmp_path: Path, location: str, counting: Stages) -> None:
    """Under however many ids, in one run or in several; the report groups the ids."""
    paint(tmp_path, "abc")
    many = "".join(f"p{number:03},a.png\n" for number in range(100))
    (tmp_path / "one.csv").write_text(
        "id,image\n" + many + "q,a.png|b.png\nr,b.png|a.png\nz,c.png\n"
    )
    with Floorlens.open(location, stages=counting) as lens:
        report = lens.add(tmp_path / "one.csv")
        assert report.counts["added"] == 103
        assert CountingEmbedder.calls == 4
        assert report.imported.same_pictures == (
            tuple(f"p{number:03}" for number in range(100)),
            ("q", "r"),
        )
        assert report.as_dict()["same_pictures"][1] == ["q", "r"]
        assert report.notes[0].startswith("p000, p001 and 98 more show the same picture")
        assert report.notes[1].startswith("q and r show the same picture")
        vectors = {one.id: one.vector for one in lens._catalogue.snapshot().changed_records}
        assert np.array_equal(vectors["p000"], vectors["p099"])
        assert not np.array_equal(vectors["p000"], vectors["z"])
        # Another run knows them from the catalogue, and describes them just as before.
        (tmp_path / "two.csv").write_text("id,image\nlater,c.png\nother,b.png\n")
        later, other = lens.add(tmp_path / "two.csv").rows
        assert CountingEmbedder.calls == 5
        assert (later.status, later.note) == ("added", "has the same pictures as z")
        assert (other.status, other.note) == ("added", None)
        vectors = {one.id: one.vector for one in lens._catalogue.snapshot().changed_records}
        assert np.array_equal(vectors["later"], vectors["z"])
        assert lens.add(tmp_path / "one.csv").imported.same_pictures[1] == ("q", "r")
        assert CountingEmbedder.calls == 5
    # What is made anew is made anew, and once.
    CountingEmbedder.calls = 0
    rebuilt = Floorlens.rebuild(location, stages=counting)
    assert CountingEmbedder.calls == 5
    assert rebuilt.imported.same_pictures[1:] == (("later", "z"), ("q", "r"))


def test_a_picture_that_products_of_different_names_share_is_reported(
    tmp_path: Path, location: str
) -> None:
    """One placeholder as the second picture of many; a name in two colours may share one."""
    paint(tmp_path, "abcdexyz")
    rows = [f"{name},{name}.png|x.png,Floor {name}" for name in "abcd"]
    rows += [f"{name}{n},{name}.png|y.png,Floor y" for n, name in enumerate("abc")]
    rows += ["e,e.png|z.png,Floor e", "f,d.png|z.png,Floor f"]
    (tmp_path / "list.csv").write_text("\n".join(["id,image,name", *rows]))
    with Floorlens.open(location, stages=fake_stages()) as lens:
        for _ in range(2):
            report = lens.add(tmp_path / "list.csv")
            assert report.imported.shared_pictures == (("a", "b", "c", "d"),)
            assert report.imported.same_pictures == ()
            (note,) = [note for note in report.notes if "share one of their pictures" in note]
            assert note.startswith("a, b and 2 more share")
        assert report.as_dict()["shared_pictures"] == [["a", "b", "c", "d"]]
    rebuilt = Floorlens.rebuild(location, stages=fake_stages())
    assert rebuilt.imported.shared_pictures == (("a", "b", "c", "d"),)


def test_equal_bad_pictures_fail_each_by_its_own_name(tmp_path: Path, location: str) -> None:
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(b"no picture")
    with Floorlens.open(location, stages=fake_stages()) as lens:
        report = lens.add(tmp_path)
    for row in report.failed:
        assert f"{row.id}.png" in str(row.reason)
    assert (len(report.failed), report.imported.same_pictures) == (2, ())


def test_drawings_are_reported_and_left_out_where_there_is_more(
    tmp_path: Path, location: str
) -> None:
    """A shop learns which products lack a picture; they are stored all the same."""
    grain = np.random.default_rng(0).integers(60, 160, (160, 160, 3), dtype=np.uint8)
    Image.fromarray(grain).save(tmp_path / "oak.png")
    drawing = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(drawing).text((60, 80), "no picture yet", fill="grey", font_size=28)
    drawing.save(tmp_path / "none.png")
    (tmp_path / "p.csv").write_text("id,image\nboth,oak.png|none.png\nnone,none.png\noak,oak.png\n")
    with Floorlens.open(location, stages=fake_stages()) as lens:
        report = lens.add(tmp_path / "p.csv")
        both, none, _ = report.rows
        assert both.pictures == ("swatch", "drawing")
        assert str(both.note).startswith("1 drawing left out")
        assert (none.status, none.pictures) == ("added", ("drawing",))
        assert "shows no floor but writing" in str(none.note)
        (note,) = report.notes
        assert note.startswith("none shows no floor but writing, an icon or a logo")
        vectors = {one.id: one.vector for one in lens._catalogue.snapshot().changed_records}
        assert np.array_equal(vectors["both"], vectors["oak"])


def test_another_version_is_refused_until_rebuilt(tmp_path: Path, location: str) -> None:
    """A changed model fails loudly with the command that mends it, and the rebuild does."""
    products = paint(tmp_path / "products", "abc")
    where = location
    with Floorlens.open(where, stages=fake_stages(version="1")) as lens:
        lens.add(products)
    with pytest.raises(StampMismatch, match="floorlens index --rebuild"):
        Floorlens.open(where, stages=fake_stages(version="2"))
    report = Floorlens.rebuild(where, stages=fake_stages(version="2"))
    assert statuses(report.rows) == {"a": "updated", "b": "updated", "c": "updated"}
    with Floorlens.open(where, stages=fake_stages(version="2")) as lens:
        assert len(lens.products()) == 3
    with pytest.raises(StampMismatch):
        Floorlens.open(where, stages=fake_stages(version="1"))


def test_a_rebuild_that_cannot_finish_changes_nothing_live(tmp_path: Path, location: str) -> None:
    """With a picture gone the old features stay in use; mended, the rebuild goes on from there."""
    products = paint(tmp_path / "products", "abc")
    where = location
    with Floorlens.open(where, stages=fake_stages(version="1")) as lens:
        lens.add(products)
    mend = fail_on(products, "b")
    report = Floorlens.rebuild(where, stages=fake_stages(version="2"))
    assert statuses(report.rows) == {"a": "updated", "b": "failed", "c": "updated"}
    Floorlens.open(where, stages=fake_stages(version="1")).close()
    mend()
    report = Floorlens.rebuild(where, stages=fake_stages(version="2"))
    assert statuses(report.rows) == {"b": "updated"}, "a and c were kept"
    Floorlens.open(where, stages=fake_stages(version="2")).close()


def test_a_product_added_just_before_the_swap_is_embedded_too(
    tmp_path: Path, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rebuild that reports no failure has swapped, also when the first try was refused."""
    where = location
    with Floorlens.open(where, stages=fake_stages(version="1")) as lens:
        lens.add(paint(tmp_path / "one", "ab"))
        late = paint(tmp_path / "two", "c", start=5)
        tries: list[bool] = []
        swap = Generations.swap

        def adding(generations: Generations, generation: int, **options: bool) -> bool:
            if not tries:
                lens.add(late)
            tries.append(swap(generations, generation, **options))
            return tries[-1]

        monkeypatch.setattr(Generations, "swap", adding)
        report = Floorlens.rebuild(where, stages=fake_stages(version="2"))
    assert tries == [False, True]
    assert statuses(report.rows) == {"a": "updated", "b": "updated", "c": "updated"}
    Floorlens.open(where, stages=fake_stages(version="2")).close()


def test_a_running_search_notices_a_rebuild(tmp_path: Path, location: str) -> None:
    """An open catalogue of the old version refuses to mix its query with new vectors."""
    where = location
    room = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    with Floorlens.open(where, stages=fake_stages(version="1")) as lens:
        lens.add(paint(tmp_path / "products", "ab"))
        assert len(lens.search(room).matches) == 2
        Floorlens.rebuild(where, stages=fake_stages(version="2"))
        with pytest.raises(StampMismatch):
            lens.search(room)


def test_a_rebuild_while_the_source_is_read_is_noticed(
    tmp_path: Path, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Features of two models must not get into one generation."""
    folder = paint(tmp_path / "products", "ab")
    with Floorlens.open(location, stages=fake_stages()) as lens:
        lens.add(folder)
        newer = fake_stages(version="2")

        def reading(source: Any, **options: Any) -> Any:
            Floorlens.rebuild(location, stages=newer)
            return read_products(source, **options)

        monkeypatch.setattr(importing, "read_products", reading)
        paint(folder, "abc")
        with pytest.raises(StampMismatch, match="cannot be compared"):
            lens.add(folder)
    with Floorlens.open(location, stages=newer) as lens:
        assert len(lens.products()) == 2


def test_a_product_removed_while_its_metadata_changes_is_embedded_again(
    tmp_path: Path, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stored without features it could never be found."""
    paint(tmp_path, "a")
    table = tmp_path / "products.csv"
    table.write_text("id,image,price\nplank,a.png,10\n")
    room = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    with Floorlens.open(location, stages=fake_stages()) as lens:
        lens.add(table)
        table.write_text("id,image,price\nplank,a.png,12\n")
        put = Catalogue.put

        def removed_before(catalogue: Catalogue, entries: Any, generation: int) -> list[str]:
            if entries[0].embedding is None:
                catalogue.remove(["plank"])
            return put(catalogue, entries, generation)

        monkeypatch.setattr(Catalogue, "put", removed_before)
        assert statuses(lens.add(table).rows) == {"plank": "added"}
        assert [m.product.metadata["price"] for m in lens.search(room).matches] == [12]


def test_threads_adding_at_once_lose_nothing(tmp_path: Path, location: str) -> None:
    """One opened catalogue may be used from several threads."""
    folders = [paint(tmp_path / f"f{i}", "abcdefgh"[i * 2 : i * 2 + 2], start=i) for i in range(4)]
    with Floorlens.open(location, stages=fake_stages()) as lens:
        threads = [threading.Thread(target=lens.add, args=(folder,)) for folder in folders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=120)
        assert [product.id for product in lens.products()] == list("abcdefgh")


def test_the_report_says_what_was_left_out_of_a_picture(tmp_path: Path, location: str) -> None:
    products = tmp_path / "products"
    products.mkdir()
    grain = np.random.default_rng(0).normal(0, 14, (240, 240, 1))
    floor = Image.fromarray(np.clip(np.array((180, 140, 90)) + grain, 0, 255).astype(np.uint8))
    floor.save(products / "plain.png")
    padded = Image.new("RGB", (240, 320), (238, 238, 238))
    padded.paste(floor, (0, 40))
    padded.save(products / "padded.png")
    with Floorlens.open(location, stages=fake_stages()) as lens:
        with_bars, plain = lens.add(products).rows
    assert (with_bars.pictures, with_bars.note) == (("framed",), "bars at the sides left out")
    assert (plain.pictures, plain.note) == (("swatch",), None)
