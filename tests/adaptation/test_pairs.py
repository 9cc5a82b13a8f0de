"""A catalogue's own pairs: reading the list, what is learned from it, and what becomes of that."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from floorlens import Floorlens
from floorlens.adaptation import adapt as adaptation
from floorlens.adaptation.pairs import read_pairs
from floorlens.adaptation.rooms import simulate_view
from floorlens.adaptation.validation import Validation
from floorlens.catalogue.catalogue import Catalogue
from floorlens.catalogue.known_rooms import KnownRooms
from floorlens.catalogue.rows import StoredProduct
from floorlens.catalogue.schema import known_rooms
from floorlens.errors import ProductSourceError, UsageError
from floorlens.models.stamp import encoder_key
from floorlens.presets import Stages
from floorlens.products.product import Product
from floorlens.testing import fake_stages

if TYPE_CHECKING:
    from tests.conftest import Place

ROOT = Path(__file__).parents[2]
COUNT = 24
NEAR = 0.0015
"""Products whose likenesses differ by less may change places."""


@pytest.fixture(autouse=True)
def _small_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adaptation, "VIEWS", 2)
    monkeypatch.setattr(adaptation, "simulate_view", partial(simulate_view, size=(96, 72)))


def stages(version: str = "1") -> Stages:
    """Stages that rank by the vector, and so by the projection, but for the first product."""
    return fake_stages(version=version, adaptable=True, rerank_depth=1)


def opened(where: str | Path, backends: Stages | None = None) -> Floorlens:
    return Floorlens.open(where, stages=backends or stages())


def paint(path: Path, colour: tuple[float, float, float], *, room: bool = False) -> None:
    """Writes a picture of one colour; a room also has a wall."""
    pixels = np.full((40, 60, 3), np.rint(colour).clip(0, 255), np.uint8)
    if room:
        pixels[:10] = 255 - pixels[:10]
    Image.fromarray(pixels).save(path)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Products of many colours; rooms whose light makes them yellower or bluer, each otherwise."""
    folder, rng = tmp_path_factory.mktemp("shop"), np.random.default_rng(0)
    (folder / "products").mkdir()
    (folder / "rooms").mkdir()
    rows = ["room;product"]
    for number in range(COUNT):
        red, green, blue = rng.uniform(80, 180, 3)
        paint(folder / "products" / f"p{number:02}.png", (red, green, blue))
        for shot in range(2):
            cast = rng.normal(0, 25)
            path = folder / "rooms" / f"{number:02}-{shot}.png"
            paint(path, (red, green, blue + cast), room=True)
            rows.append(f"rooms/{number:02}-{shot}.png;p{number:02}")
    (folder / "pairs.csv").write_text("\n".join(rows))
    return folder


def room_rows(where: str | Path) -> list[tuple[Any, ...]]:
    with closing(Catalogue(where, create=False)) as catalogue, catalogue.reading() as connection:
        return sorted(tuple(row) for row in connection.execute(select(known_rooms)))


def mean_rank(lens: Floorlens, shop: Path) -> float:
    """Returns the mean reciprocal rank of the rooms, as searches answer."""
    found = []
    for path in sorted((shop / "rooms").iterdir()):
        ids = [match.product.id for match in lens.search(path).matches]
        found.append(1 / (1 + ids.index(f"p{path.name[:2]}")))
    return float(np.mean(found))


# -- what is learned -------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_rooms_teach_is_used_if_it_helps(place: Place, shop: Path) -> None:
    """The figures before are those of a search; afterwards searches find more."""
    with opened(place("c")) as lens:
        lens.add(shop / "products", adapt=True)
        before, plain = mean_rank(lens, shop), lens.stamp["projection"]["version"]
        steps: list[tuple[int, int]] = []
        report = lens.adapt(
            pairs=shop / "pairs.csv", rooms_progress=lambda *step: steps.append(step)
        )
        assert steps[-1] == (2 * COUNT, 2 * COUNT)
        assert report.pairs is not None
        figures = report.pairs.validation
        assert (report.pairs.used, report.rooms, report.described) == (True, 2 * COUNT, COUNT)
        assert (figures.rooms, figures.products) == (2 * COUNT, COUNT)
        assert figures.mrr.before == pytest.approx(before, abs=1e-6)
        assert figures.mrr.low > 0, "light of one kind: the gain is sure"
        assert figures.mrr.low <= figures.mrr.difference <= figures.mrr.high
        assert figures.top1.after > figures.top1.before
        after = mean_rank(lens, shop)
        assert after > before + 0.5 * figures.mrr.difference
        assert report.version not in (plain, None)
        assert lens.projection == {
            "version": report.version,
            **{"products": COUNT, "views": 2, "seed": 0, "rooms": 2 * COUNT},
        }
        # What was taught stays: no photo is needed, and nothing needs to be described anew.
        again = lens.adapt()
        assert (again.version, again.rooms, again.described) == (report.version, 2 * COUNT, 0)
        assert again.pairs is None
        # The same list again is measured without what it taught.
        same = lens.adapt(pairs=shop / "pairs.csv")
        assert same.pairs is not None
        assert same.version == report.version
        assert same.pairs.validation == figures


@pytest.mark.slow
def test_pairs_survive_what_happens_to_a_catalogue(
    tmp_path: Path, place: Place, shop: Path
) -> None:
    """More products, other pictures, a removal, other models."""
    folder = tmp_path / "products"
    shutil.copytree(shop / "products", folder)
    rooms = tmp_path / "rooms"
    shutil.copytree(shop / "rooms", rooms)
    shutil.copy(shop / "pairs.csv", tmp_path)
    with opened(place("c")) as lens:
        lens.add(folder, adapt=False)
        assert lens.adapt(pairs=tmp_path / "pairs.csv").pairs is not None
        paint(folder / "late.png", (50, 20, 20))
        paint(folder / "p01.png", (60, 20, 20))
        lens.add(folder)
        lens.remove(["p00"])
        report = lens.adapt()
        assert (report.products, report.rooms) == (COUNT, 2 * COUNT - 2)
        assert {row[0] for row in room_rows(place("c"))} == {f"p{n:02}" for n in range(1, COUNT)}
    (rooms / "05-0.png").unlink()
    newer = stages("2")
    rebuilt = Floorlens.rebuild(place("c"), stages=newer).adaptation
    assert rebuilt is not None
    assert rebuilt.rooms == 2 * COUNT - 3
    (unused,) = rebuilt.unused
    assert (unused.id, "05-0.png" in unused.reason) == ("p05", True)
    shutil.copy(shop / "rooms" / "05-0.png", rooms)
    with opened(place("c"), newer) as lens:
        assert lens.adapt().rooms == 2 * COUNT - 2
    assert len(room_rows(place("c"))) == 2 * COUNT - 2


@pytest.fixture
def even(tmp_path: Path, shop: Path) -> Path:
    """A list of twelve rooms that look as their swatches do: they teach nothing."""
    lines = ["room,product"]
    for number in range(12):
        with Image.open(shop / "products" / f"p{number:02}.png") as picture:
            red, green, blue = np.asarray(picture)[0, 0].tolist()
        paint(tmp_path / f"{number}.png", (red, green, blue), room=True)
        lines.append(f"{number}.png,p{number:02}")
    table = tmp_path / "even.csv"
    table.write_text("\n".join(lines))
    return table


def test_what_an_adaptation_brings_is_no_merit_of_the_list(
    tmp_path: Path, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not adapted, adapted to fewer products, or to these: the same is measured."""
    monkeypatch.setattr(Validation, "gain", False)
    folder = tmp_path / "products"
    shutil.copytree(shop / "products", folder)
    (folder / "p23.png").rename(tmp_path / "p23.png")
    with opened(tmp_path / "c") as lens:
        lens.add(folder, adapt=True)
        shutil.move(tmp_path / "p23.png", folder)
        lens.add(folder)
        stale = lens.adapt(pairs=shop / "pairs.csv")
        lens.adapt()
        fresh = lens.adapt(pairs=shop / "pairs.csv")
    with opened(tmp_path / "bare") as lens:
        lens.add(folder, adapt=False)
        bare = lens.adapt(pairs=shop / "pairs.csv")
        assert lens.projection == {"version": "1"}
    assert (bare.adapted, stale.adapted, fresh.adapted) == (False, True, True)
    assert bare.pairs is not None and stale.pairs is not None and fresh.pairs is not None
    assert bare.pairs.validation == stale.pairs.validation == fresh.pairs.validation
    assert not bare.pairs.used


def test_products_removed_while_the_list_is_read(tmp_path: Path, shop: Path, even: Path) -> None:
    """Too few rooms are left to be measured: said as plainly as of a short list."""
    with opened(tmp_path / "c") as lens, opened(tmp_path / "c") as other:
        lens.add(shop / "products", adapt=False)

        def remove(number: int, total: int) -> None:
            if number == total:
                other.remove([f"p{n:02}" for n in range(12)])

        with pytest.raises(UsageError, match=r"10 usable rooms of 5 .* has 0 of 0"):
            lens.adapt(pairs=even, rooms_progress=remove)


@pytest.mark.slow
def test_without_a_gain_nothing_changes(place: Place, shop: Path, even: Path) -> None:
    """Only the rooms of an earlier list are forgotten: none are in use that are not measured."""
    with opened(place("c")) as lens:
        lens.add(shop / "products", adapt=True)
        before = lens.projection
        report = lens.adapt(pairs=even)
        assert report.pairs is not None
        assert report.pairs.validation.mrr.difference <= 0
        assert (report.pairs.used, report.rooms, report.described) == (False, 0, 0)
        assert before is not None
        assert report.version == before["version"]
        assert lens.projection == before
        assert room_rows(place("c")) == []
        assert lens.adapt(pairs=shop / "pairs.csv").rooms == 2 * COUNT
        plain = lens.adapt(pairs=even)
        assert plain.pairs is not None
        assert (plain.pairs.used, plain.pairs.removals) == (False, 2 * COUNT)
        assert (plain.version, plain.rooms, plain.described) == (report.version, 0, COUNT)
        assert lens.projection == before
        assert room_rows(place("c")) == []


def test_too_few_pairs(tmp_path: Path, shop: Path) -> None:
    lines = (shop / "pairs.csv").read_text().splitlines()
    with opened(tmp_path / "c") as lens:
        lens.add(shop / "products", adapt=False)
        for name, rows in (("rooms", lines[:10]), ("products", lines[:9] * 2)):
            table = tmp_path / f"{name}.csv"
            table.write_text("\n".join(rows))
            with pytest.raises(UsageError, match=r"10 usable rooms of 5 .* has [98] of [54]"):
                lens.adapt(pairs=table, rooms=shop)
        with pytest.raises(UsageError, match="belongs to a list of pairs"):
            lens.adapt(rooms=shop)
        assert lens.projection == {"version": "1"}


def test_rows_that_cannot_be_used_are_named(tmp_path: Path, shop: Path) -> None:
    """None is lost: of each the report says what became of it."""
    shutil.copytree(shop / "rooms", tmp_path / "rooms")
    Image.new("RGB", (40, 40), "grey").save(tmp_path / "wall.png")
    (tmp_path / "damaged.png").write_bytes(b"nothing")
    shutil.copy(tmp_path / "rooms" / "00-0.png", tmp_path / "copy.png")
    shutil.copy(shop / "products" / "p03.png", tmp_path / "scene.png")
    bad = [
        ("absent.png,p01", "cannot be found"),
        ("rooms/00-1.png,unknown", "no product 'unknown'"),
        ("wall.png,p01", "no floor"),
        ("damaged.png,p01", "damaged.png"),
        ("copy.png,p01", "is the same photo as in line 2"),
        ("scene.png,p03", "is a picture of the product 'p03'"),
        (",p01", "has no room"),
        ("rooms/00-1.png,", "has no product"),
        ("rooms,p01", "is a folder"),
    ]
    good = [f"rooms/{number:02}-0.png,p{number:02}" for number in range(12)]
    table = tmp_path / "pairs.csv"
    table.write_text("\n".join(["room,product", *good, *(row for row, _ in bad)]))
    with opened(tmp_path / "c") as lens:
        lens.add(shop / "products", adapt=False)
        report = lens.adapt(pairs=table).pairs
    assert report is not None
    assert report.as_dict()["counts"] == {"usable": len(good), "failed": len(bad)}
    assert [row.place for row in report.rows] == [f"line {n + 2}" for n in range(len(good + bad))]
    assert [row.status for row in report.rows[: len(good)]] == ["usable"] * len(good)
    for row, (_, reason) in zip(report.failed, bad, strict=True):
        assert reason in (row.reason or ""), row


# -- the list --------------------------------------------------------------------------------------


def product(name: str, *images: str) -> StoredProduct:
    hashes = tuple(hashlib.sha256(image.encode()).hexdigest() for image in images)
    return StoredProduct(Product(name, name, {}, images), hashes, embedded=True)


@pytest.fixture
def listed(tmp_path: Path) -> Callable[..., list[str | None]]:
    """Writes a list with the photo room.png; returns the products or reasons of its rows."""
    Image.new("RGB", (8, 8), "red").save(tmp_path / "room.png")
    products = [
        product("oak", "/shop/oak.jpg", "/shop/oak-2.jpg"),
        product("ash", "/shop/ash.jpg", "/shop/both.jpg"),
        product("elm", "/shop/elm.jpg", "/other/both.jpg"),
        product("=1+1", "/shop/formula.jpg"),
    ]

    def read(*lines: str) -> list[str | None]:
        (tmp_path / "pairs.csv").write_text("\n".join(lines), encoding="utf-8-sig")
        rows = read_pairs(tmp_path / "pairs.csv", products)
        return [row.product if row.reason is None else row.reason for row in rows]

    return read


@pytest.mark.parametrize("name", ["oak", "oak.jpg", "OAK-2.JPG", r"C:\shop\oak.jpg", "oak-2"])
def test_a_product_is_named_by_its_id_or_a_picture(
    listed: Callable[..., list[str | None]], name: str
) -> None:
    assert listed("room,product,source", f"room.png,{name},shop") == ["oak"]
    assert listed("Product;Room", f"{name};ROOM.PNG") == ["oak"]


def test_an_id_is_read_as_an_export_writes_it(listed: Callable[..., list[str | None]]) -> None:
    """A spreadsheet would compute it; feedback is exported with an apostrophe before it."""
    for cell in ("'=1+1", "=1+1"):
        assert listed("room,product", f"room.png,{cell}") == ["=1+1"]
    assert "no product" in str(listed("room,product", "room.png,'oak"))


def test_a_name_of_two_products_is_none(listed: Callable[..., list[str | None]]) -> None:
    (reason,) = listed("room,product", "room.png,both.jpg")
    assert reason == "'both.jpg' is a picture of ash, elm: give the product's id"


def test_a_list_without_its_columns_is_refused(listed: Callable[..., list[str | None]]) -> None:
    with pytest.raises(ProductSourceError, match="lacks the column product"):
        listed("room,floor", "room.png,oak")
    with pytest.raises(ProductSourceError, match="holds no rows"):
        listed("room,product")
    with pytest.raises(ProductSourceError, match="cannot be read"):
        read_pairs(Path("nowhere.csv"), [])


def test_photos_elsewhere_are_refused_unless_their_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "list").mkdir()
    Image.new("RGB", (8, 8), "red").save(tmp_path / "room.png")
    table = tmp_path / "list" / "pairs.csv"
    table.write_text("room,product\n../room.png,oak")
    products = [product("oak", "/shop/oak.jpg")]
    (row,) = read_pairs(table, products)
    assert f"give --rooms {tmp_path}" in (row.reason or "")
    (row,) = read_pairs(table, products, tmp_path)
    assert row.photo is not None
    with pytest.raises(UsageError, match="no such folder of room photos: name the one"):
        read_pairs(table, products, tmp_path / "nowhere")


def test_each_cure_is_one_that_adapt_has(
    listed: Callable[..., list[str | None]], tmp_path: Path
) -> None:
    (tmp_path / "rooms").mkdir()
    Image.new("RGB", (8, 8), "red").save(tmp_path / "rooms" / "hall.png")
    address, file, photo = listed(
        "room,product", "https://a.test/hall.png,oak", f"{__file__},oak", "hall.png,oak"
    )
    assert address == (
        "the image https://a.test/hall.png is an address: save the photo, and name its file in the "
        "list"
    )
    assert "does not have the ending of a picture: name a picture" in (file or "")
    assert "--rooms" not in (file or "")
    assert (photo or "").endswith(f"give --rooms {tmp_path / 'rooms'}")


# -- with the real models --------------------------------------------------------------------------


@pytest.mark.slow
def test_the_sample_rooms_with_the_real_models(tmp_path: Path) -> None:
    """Twelve rooms of twelve products: whatever comes of it, figures and search agree."""
    samples = ROOT / "samples"
    with Floorlens.open(tmp_path / "c", threads=1) as lens:
        lens.add(samples / "products", adapt=False)
        lens.adapt(views=1)
        least = most = 0.0
        rows = (samples / "pairs.csv").read_text().splitlines()[1:]
        for row in rows:
            room, name, _ = row.split(",")
            ranking = lens.search(samples / "rooms" / room).matches
            likeness = {match.product.id: match.likeness or 0.0 for match in ranking}
            own = likeness.pop(Path(name).stem)
            others = likeness.values()
            # The projection is fitted anew for the figures: likenesses differ in the third digit.
            least += 1 / (1 + sum(other > own - NEAR for other in others)) / len(rows)
            most += 1 / (1 + sum(other > own + NEAR for other in others)) / len(rows)
        assert most - least < 0.1
        report = lens.adapt(views=1, pairs=samples / "pairs.csv", rooms=samples / "rooms")
        assert report.pairs is not None
        assert report.pairs.failed == ()
        assert least - 1e-6 <= report.pairs.validation.mrr.before <= most + 1e-6
        assert report.rooms == (len(rows) if report.pairs.used else 0)
        stored = KnownRooms(lens._catalogue, encoder_key(lens._stages.stamp())).load()
        assert len(stored) == (len(rows) if report.pairs.used else 0)
