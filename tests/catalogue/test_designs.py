"""The designs of a catalogue: of what is stored, as it is now, also after changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from floorlens import Floorlens
from floorlens.catalogue.catalogue import Catalogue
from floorlens.catalogue.rows import Entry
from floorlens.embedding import Aspect, FloorEmbedding, FloorFeatures
from floorlens.errors import ProductNotFound, UsageError
from floorlens.products.overlaps import Overlap
from floorlens.products.prints import Print
from floorlens.products.product import Product
from floorlens.products.variants import Design
from floorlens.testing import fake_stages
from tests.products.test_prints import floor


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four floors; one of them cut, one in another colour, one twice as it is."""
    source = tmp_path / "products"
    source.mkdir()
    for seed in range(4):
        Image.fromarray(floor(seed)).save(source / f"floor-{seed}.png")
    Image.fromarray(floor(0)[30:290, 20:280]).save(source / "cut-0.png")
    darker = (floor(1) * 0.55).astype(np.uint8)
    Image.fromarray(darker).save(source / "dark-1.png")
    (source / "twin-2.png").write_bytes((source / "floor-2.png").read_bytes())
    return source


@pytest.fixture
def lens(tmp_path: Path, folder: Path) -> Iterator[Floorlens]:
    with Floorlens.open(tmp_path / "catalogue", stages=fake_stages()) as opened:
        opened.add(folder)
        yield opened


def groups(lens: Floorlens) -> dict[tuple[str, ...], tuple[str, ...]]:
    return {design.ids: design.kinds for design in lens.variants()}


FOUND = {
    ("cut-0", "floor-0"): ("same picture",),
    ("dark-1", "floor-1"): ("other colour",),
    ("floor-2", "twin-2"): ("equal picture",),
}


def test_variants_are_told_by_their_pictures(lens: Floorlens) -> None:
    assert groups(lens) == FOUND
    (variant,) = lens.variants("floor-1")
    assert (variant.product.id, variant.kind) == ("dark-1", "other colour")
    assert variant.as_dict()["id"] == "dark-1"
    assert lens.variants("floor-3") == ()
    with pytest.raises(ProductNotFound):
        lens.variants("unknown")


def test_the_import_says_so(tmp_path: Path, folder: Path) -> None:
    with Floorlens.open(tmp_path / "new", stages=fake_stages()) as lens:
        notes = lens.add(folder).notes
        assert any(
            "2 show a picture that another product shows, in another file" in n for n in notes
        )
        assert any("2 are formats or colours of a design" in note for note in notes)
        assert not any("floorlens variants" in note for note in lens.add(folder).notes)


def test_designs_follow_the_catalogue(lens: Floorlens, folder: Path) -> None:
    """Also what another process writes: the answer is that of a fresh look."""
    groups(lens)
    lens.remove(["cut-0"])
    Image.fromarray(floor(3)[:, ::-1]).save(folder / "floor-2.png")
    lens.add(folder)
    assert ("dark-1", "floor-1") in groups(lens)
    assert ("floor-2", "twin-2") not in groups(lens)
    with Floorlens.open(lens.location, stages=fake_stages()) as fresh:
        assert groups(fresh) == groups(lens)


@pytest.mark.slow
def test_designs_do_not_depend_on_what_was_there_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A product that comes, goes or changes may alter the nearest of any other."""
    monkeypatch.setattr("floorlens.catalogue.designs.overlap", lambda *_: Overlap(0.95, 1.0, 0))
    rng = np.random.default_rng(7)
    none = np.zeros((1, 1), np.float16)
    nothing = Aspect(base=none, coverage=none[0], lab=none, facts=none[0], trust=none[0])
    mark = Print(np.zeros((8, 8), np.uint8), np.zeros(3, np.float32))

    def entry(number: int) -> Entry:
        name, digest = f"p{number:03}", f"{number:064x}"
        vector = rng.normal(size=6).astype(np.float32)
        return Entry(
            Product(name, name, {}, (f"{name}.jpg",)),
            (digest,),
            FloorFeatures({"swatch": nothing}),
            FloorEmbedding(vector / np.linalg.norm(vector), b""),
            prints={digest: mark},
        )

    def fresh() -> tuple[Design, ...]:
        with closing(Catalogue(tmp_path)) as other:
            return other.designs.groups()

    with closing(Catalogue(tmp_path)) as catalogue:
        generation = catalogue.generations.live({"preset": "fake"})
        catalogue.put([entry(number) for number in range(200)], generation)
        assert catalogue.designs.groups() == fresh()
        for start in range(0, 60, 20):
            catalogue.remove([f"p{number:03}" for number in range(start, start + 5)])
            assert catalogue.designs.groups() == fresh()
            catalogue.put([entry(number) for number in range(start + 5, start + 10)], generation)
            assert catalogue.designs.groups() == fresh()
            catalogue.put([entry(200 + start)], generation)
            assert catalogue.designs.groups() == fresh()


def test_the_nearest_are_looked_for_only_where_vectors_changed(
    lens: Floorlens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a person sets of a product writes to the catalogue as well."""
    before = groups(lens)
    monkeypatch.setattr("floorlens.catalogue.designs.neighbours", None)
    lens.edit("floor-3", {"tone": "dark"})
    assert groups(lens) == before


def test_a_rebuild_and_new_names_keep_the_prints(lens: Floorlens, folder: Path) -> None:
    lens.close()
    report = Floorlens.rebuild(lens.location, stages=fake_stages())
    assert not report.failed
    with Floorlens.open(lens.location, stages=fake_stages()) as after:
        assert groups(after) == FOUND
        (folder / "list.csv").write_text("id,image,name\ndark-1,dark-1.png,Another name\n")
        after.add(folder / "list.csv")
        assert groups(after) == FOUND


def test_a_search_by_design_shows_each_design_once(lens: Floorlens) -> None:
    plain = lens.search(floor(1), region=np.ones((300, 300), bool))
    result = lens.search(floor(1), region=np.ones((300, 300), bool), group="design")
    assert [match.rank for match in result.matches] == list(range(1, len(result.matches) + 1))
    place = {match.product.id: match.rank for match in plain.matches}
    members = []
    for match in result.matches:
        own = [match.product, *match.variants]
        assert sorted(own, key=lambda product: place[product.id]) == own
        members += [product.id for product in own]
    assert sorted(members) == sorted(place)
    assert len(result.matches) == 4
    two = lens.search(floor(1), region=np.ones((300, 300), bool), group="design", limit=2)
    assert [match.as_dict() for match in two.matches] == [
        match.as_dict() for match in result.matches[:2]
    ]


def test_an_unknown_group_is_refused(lens: Floorlens) -> None:
    with pytest.raises(UsageError, match="'design'"):
        lens.search(floor(1), group="colour")  # type: ignore[arg-type]
