"""Adapting a catalogue: from its own pictures, repeatable, resumable, swapped at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from floorlens import Floorlens
from floorlens.adaptation import adapt as adaptation
from floorlens.adaptation.adapt import LEAST, simulated_room
from floorlens.adaptation.rooms import simulate_view
from floorlens.catalogue import batches
from floorlens.catalogue.catalogue import Catalogue
from floorlens.catalogue.generations import Generations
from floorlens.catalogue.schema import metadata
from floorlens.embedding import AspectName, FloorEmbedding, FloorFeatures
from floorlens.embedding.projection import Projection
from floorlens.embedding.scatter import pair_scatter_of, scatter_of
from floorlens.errors import UsageError
from floorlens.images.loading import load_photo
from floorlens.normalisation import FloorView
from floorlens.presets import Stages
from floorlens.testing import FakeEmbedder, fake_stages

if TYPE_CHECKING:
    from tests.conftest import Place

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
SAMPLES = sorted((ROOT / "samples" / "products").glob("*.jpg"))[::4]
ROOM = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven sample products, small."""
    folder = tmp_path_factory.mktemp("products")
    for path in SAMPLES:
        with Image.open(path) as picture:
            picture.resize((96, 96)).save(folder / f"{path.stem}.png")
    return folder


@pytest.fixture(autouse=True)
def _small_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small pictures of fewer rooms are as good for what surrounds them."""
    monkeypatch.setattr(adaptation, "VIEWS", 2)
    monkeypatch.setattr(adaptation, "WORTH", LEAST)
    small = partial(simulate_view, size=(96, 72))
    monkeypatch.setattr(adaptation, "simulate_view", small)


def stages() -> Stages:
    return fake_stages(adaptable=True)


def opened(where: str | Path, backends: Stages | None = None) -> Floorlens:
    return Floorlens.open(where, stages=backends or stages())


def rows(where: str | Path, table: str) -> list[tuple[Any, ...]]:
    """Returns all that a table of a catalogue holds, generation numbers apart."""
    wanted = [column for column in metadata.tables[table].c if column.name != "generation"]
    with closing(Catalogue(where, create=False)) as catalogue, catalogue.reading() as connection:
        return sorted(tuple(row) for row in connection.execute(select(*wanted)))


def projection_in(where: str | Path) -> Projection:
    with closing(Catalogue(where)) as catalogue:
        facts = catalogue.projections.in_use()
        assert facts is not None
        return catalogue.projections.get(facts["version"])


@dataclass(frozen=True)
class Watched(FakeEmbedder):
    """Counts the views that it is given; says with which projections it described."""

    seen: tuple[list[int], list[str]] = ((), ())  # type: ignore[assignment]

    def features(self, views: Mapping[AspectName, FloorView]) -> FloorFeatures:
        self.seen[0].extend([1] * len(views))
        return super().features(views)

    def describe(
        self, features: FloorFeatures, projection: Projection | None = None
    ) -> FloorEmbedding:
        self.seen[1].append(projection.stamp.version if projection else "default")
        return super().describe(features, projection)


def watched() -> tuple[Stages, list[int], list[str]]:
    """Returns stages, the views that their embedder gets, and the projections it uses."""
    made = stages()
    views: list[int] = []
    versions: list[str] = []
    embedder = Watched(made.embedder.stamp, made.embedder.projection, seen=(views, versions))
    return replace(made, embedder=embedder), views, versions


def test_the_order_of_indexing_does_not_matter(place: Place, products: Path) -> None:
    """All at once, or one by one in reverse: one projection, the same bytes of each product."""
    with opened(place("one")) as lens:
        lens.add(products, adapt=False)
        first = lens.adapt(views=2)
        assert lens.adapt(views=2).version == first.version
        assert (first.products, first.views, first.simulated) == (len(SAMPLES), 2, 22)
    with opened(place("two")) as lens:
        for path in sorted(products.iterdir(), reverse=True):
            table = products / "one.csv"
            table.write_text(f"id,image\n{path.stem},{path.name}\n")
            lens.add(table, adapt=False)
            table.unlink()
        assert lens.adapt(views=2).version == first.version
        assert lens.adapt(views=2, seed=1).version != first.version
        assert lens.adapt(views=2).described == len(SAMPLES)
    one, two = projection_in(place("one")), projection_in(place("two"))
    np.testing.assert_array_equal(one.matrix, two.matrix)
    np.testing.assert_array_equal(one.mean, two.mean)
    assert rows(place("one"), "features") == rows(place("two"), "features")


def test_products_are_described_with_the_stored_projection(place: Place, products: Path) -> None:
    """A vector can be made again from what is stored, and is not what it was before."""
    with opened(place("c")) as lens:
        lens.add(products, adapt=False)
        before = {row[0]: row[1:] for row in rows(place("c"), "features")}
        report = lens.adapt(views=2)
        after = {row[0]: row[1:] for row in rows(place("c"), "features")}
        projection, embedder = projection_in(place("c")), stages().embedder
        assert projection.stamp.version == report.version
        assert report.version.startswith("own-")
        features = lens._catalogue.base_features(list(after), stages().stamp())
        for name, (vector, signature) in after.items():
            made = embedder.describe(features[name], projection)
            assert (made.vector.tobytes(), made.signature) == (vector, signature)
            assert vector != before[name][0]


def test_adding_changes_nothing_of_the_others(tmp_path: Path, place: Place, products: Path) -> None:
    """A later product is described with the projection in use; no other byte changes."""
    with opened(place("c")) as lens:
        lens.add(products, adapt=False)
        lens.adapt(views=1)
        before = {name: rows(place("c"), name) for name in ("features", "base_features")}
        kept = {name: rows(place("c"), name) for name in ("projections", "simulated")}
        late = tmp_path / "late"
        late.mkdir()
        Image.new("RGB", (64, 64), (90, 40, 160)).save(late / "violet.png")
        assert lens.add(late).adaptation is None
        for name, wanted in kept.items():
            assert rows(place("c"), name) == wanted
        for name, wanted in before.items():
            found = rows(place("c"), name)
            assert [row for row in found if row[0] != "violet"] == wanted
            assert len(found) == len(wanted) + 1
        (features,) = lens._catalogue.base_features(["violet"], stages().stamp()).values()
        made = stages().embedder.describe(features, projection_in(place("c")))
        stored = {row[0]: row[1] for row in rows(place("c"), "features")}
        assert stored["violet"] == made.vector.tobytes()


class Killed(Exception):
    """Stands for whatever ends a process."""


def test_killed_while_simulating_it_goes_on_where_it_was(
    place: Place, products: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the rooms that are missing are made, and the result is that of one go."""
    monkeypatch.setattr(batches, "BATCH", 2)
    with opened(place("whole")) as lens:
        lens.add(products, adapt=False)
        lens.adapt(views=2)

    def kill(done: int, total: int) -> None:
        assert total == 2 * len(SAMPLES)
        if done == 8:
            raise Killed

    backends, views, _ = watched()
    with opened(place("killed"), backends) as lens:
        lens.add(products, adapt=False)
        before = rows(place("killed"), "features")
        with pytest.raises(Killed):
            lens.adapt(views=2, progress=kill)
        assert rows(place("killed"), "features") == before
        assert len(rows(place("killed"), "simulated")) == 8
        views.clear()
        calls: list[int] = []
        report = lens.adapt(views=2, progress=lambda done, _total: calls.append(done))
    assert report.simulated == len(views) == 2 * len(SAMPLES) - 8
    assert calls == list(range(10, 2 * len(SAMPLES) + 1, 2))
    for table in ("features", "simulated"):
        assert rows(place("killed"), table) == rows(place("whole"), table)


def test_killed_while_describing_it_goes_on_where_it_was(
    place: Place, products: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Searches keep the old projection until the swap; what was described stays described."""
    monkeypatch.setattr(batches, "BATCH", 4)
    put = Generations.put_embeddings
    with opened(place("c")) as lens:
        lens.add(products, adapt=False)
        calls: list[int] = []

        def dying(generations: Generations, made: Any, generation: int) -> None:
            calls.append(len(made))
            if len(calls) == 3:
                raise Killed
            put(generations, made, generation)

        monkeypatch.setattr(Generations, "put_embeddings", dying)
        with pytest.raises(Killed):
            lens.adapt(views=1)
        assert not lens.adapted
        assert len(lens.search(ROOM).matches) == len(SAMPLES)
        report = lens.adapt(views=1)
        assert (report.simulated, report.described) == (0, len(SAMPLES) - 8)
        assert lens.adapted


def test_another_process_follows_the_swap(place: Place, products: Path) -> None:
    """Query and products are of one projection, before and after, in every open catalogue."""
    backends, _, versions = watched()
    with opened(place("c")) as lens, opened(place("c"), backends) as other:
        lens.add(products, adapt=False)
        old = [(match.product.id, match.score) for match in other.search(ROOM).matches]
        version = lens.adapt(views=2).version
        assert versions == ["1"]
        found = [(match.product.id, match.score) for match in other.search(ROOM).matches]
        assert versions == ["1", version]
        assert other.stamp["projection"]["version"] == version
        memory = other._retriever._memory._collection
        vectors = {record.id: record.vector for record in memory.fetch(name for name, _ in found)}
        stored = {row[0]: row[1] for row in rows(place("c"), "features")}
        assert {name: vector.tobytes() for name, vector in vectors.items()} == stored
    with opened(place("c")) as fresh:
        assert [(match.product.id, match.score) for match in fresh.search(ROOM).matches] == found
    assert {name for name, _ in old} == {name for name, _ in found}


def test_a_swap_between_query_and_products_is_noticed(
    place: Place, products: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The swap falls just before the signatures are read: the query is described once more."""
    backends, _, versions = watched()
    with opened(place("c")) as lens, opened(place("c"), backends) as other:
        lens.add(products, adapt=False)
        signatures = other._catalogue.signatures

        def swapped_before(ids: Sequence[str], generation: int) -> dict[str, bytes]:
            if not lens.adapted:
                lens.adapt(views=1)
            return signatures(ids, generation)

        monkeypatch.setattr(other._catalogue, "signatures", swapped_before)
        assert len(other.search(ROOM).matches) == len(SAMPLES)
        assert versions == ["1", lens.stamp["projection"]["version"]]


def test_twins_get_equal_vectors_and_count_once(tmp_path: Path, products: Path) -> None:
    """Byte-identical products tie, and do not pull the projection apart."""
    folder = tmp_path / "products"
    folder.mkdir()
    for number, path in enumerate(sorted(products.iterdir())):
        for name in (f"{number:02}", *([f"twin-{number:02}"] if number < 3 else [])):
            (folder / f"{name}.png").write_bytes(path.read_bytes())
    with opened(tmp_path / "c") as lens:
        lens.add(folder, adapt=False)
        report = lens.adapt(views=2)
        assert (report.products, report.described) == (len(SAMPLES), len(SAMPLES) + 3)
    stored = {row[0]: row[1:] for row in rows(tmp_path / "c", "features")}
    assert all(stored[f"{number:02}"] == stored[f"twin-{number:02}"] for number in range(3))
    assert len(set(stored.values())) == len(SAMPLES)


def paint(folder: Path, count: int) -> Path:
    """Writes plain pictures of different colours; returns their folder."""
    folder.mkdir()
    for number in range(count):
        colour = ((20 + 25 * number) % 256, (200 - 20 * number) % 256, 90)
        Image.new("RGB", (48, 48), colour).save(folder / f"p{number}.png")
    return folder


def test_too_few_different_products(tmp_path: Path) -> None:
    """Said plainly where it was asked for, silent where it was not."""
    folder = paint(tmp_path / "products", LEAST - 1)
    for number in range(3):
        (folder / f"twin{number}.png").write_bytes((folder / "p0.png").read_bytes())
    with opened(tmp_path / "c") as lens:
        assert lens.add(folder).adaptation is None
        with pytest.raises(UsageError, match=r"needs at least 8 different products.*has 7$"):
            lens.adapt()
        assert not lens.adapted
        assert rows(tmp_path / "c", "simulated") == []


def test_what_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path / "c") as lens:
        lens.add(paint(tmp_path / "products", LEAST), adapt=False)
        wrong: list[dict[str, Any]] = [{"views": 0}, {"seed": -1}, {"limit": 7}]
        for arguments in wrong:
            with pytest.raises(UsageError, match="1 or more views"):
                lens.adapt(**arguments)
    with Floorlens.open(tmp_path / "d", stages=fake_stages()) as lens:
        lens.add(tmp_path / "products")
        with pytest.raises(UsageError, match="fake-embedder has no projection"):
            lens.adapt()


@pytest.mark.parametrize("moment", ["import", "adaptation"])
def test_an_interrupted_first_import_adapts_when_it_goes_on(
    tmp_path: Path, place: Place, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The command line says "run the same command to go on": that must end as one run does."""
    monkeypatch.setattr(batches, "BATCH", 2)
    folder, more = paint(tmp_path / "products", LEAST), paint(tmp_path / "more", LEAST + 1)

    def kill(*_: Any) -> None:
        raise Killed

    with opened(place("c")) as lens:
        with pytest.raises(Killed):
            if moment == "import":
                lens.add(folder, progress=kill)
            else:
                lens.add(folder, adapt_progress=kill)
        assert lens.count() > 0
        assert (lens.adapted, lens.adaptation_declined) == (False, False)
    with opened(place("c")) as lens:
        assert lens.add(folder).adaptation is not None
        assert lens.add(more).adaptation is None


def test_a_small_first_import_is_over_when_it_ends(tmp_path: Path) -> None:
    """Those that follow are later ones, however many products they bring."""
    few, many = paint(tmp_path / "few", LEAST - 1), paint(tmp_path / "many", LEAST + 3)
    with opened(tmp_path / "c") as lens:
        assert lens.add(few).adaptation is None
        assert lens.add(many).adaptation is None
        assert lens.add(many, adapt=True).adaptation is not None


def test_the_first_import_adapts_and_later_ones_do_not(tmp_path: Path) -> None:
    """Unless that is declined, which is remembered until it is asked for."""
    folder, more = paint(tmp_path / "products", LEAST), paint(tmp_path / "more", LEAST + 1)
    with opened(tmp_path / "a") as lens:
        first = lens.add(folder).adaptation
        assert first is not None
        assert lens.projection == {
            **{"version": first.version, "products": LEAST, "views": 2, "seed": 0}
        }
        assert lens.add(more, adapt=True).adaptation is None
    with opened(tmp_path / "b") as lens:
        assert lens.add(folder, adapt=False).adaptation is None
        assert lens.add(more).adaptation is None
        assert (lens.adapted, lens.adaptation_declined) == (False, True)
        lens.remove([product.id for product in lens.products()])
        assert lens.add(folder).adaptation is None
        assert lens.add(folder, adapt=True).adaptation is not None
        assert (lens.adapted, lens.adaptation_declined) == (True, False)


def test_a_small_catalogue_is_adapted_only_if_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adaptation, "WORTH", LEAST + 1)
    folder = paint(tmp_path / "products", LEAST)
    with opened(tmp_path / "a") as lens:
        assert lens.add(folder).adaptation is None
        assert not lens.adaptation_declined
    with opened(tmp_path / "b") as lens:
        assert lens.add(folder, adapt=True).adaptation is not None


def test_a_prior_is_taken_along_by_small_catalogues_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, found = paint(tmp_path / "products", LEAST), {}
    rows_of_others = [np.random.default_rng(n).normal(n, 3, (4, 3)) for n in range(5)]
    made = stages()
    embedder = FakeEmbedder(
        made.embedder.stamp, made.embedder.projection, scatter_of(rows_of_others)
    )
    with_prior = replace(made, embedder=embedder)
    for name, these, worth in (
        ("none", made, LEAST + 1),
        ("small", with_prior, LEAST + 1),
        ("large", with_prior, LEAST),
    ):
        monkeypatch.setattr(adaptation, "WORTH", worth)
        with Floorlens.open(tmp_path / name, stages=these) as lens:
            lens.add(folder, adapt=True)
        found[name] = projection_in(tmp_path / name).matrix
    np.testing.assert_array_equal(found["none"], found["large"])
    assert np.abs(found["small"] - found["none"]).max() > 1e-3


def test_real_pairs_are_taken_along_by_every_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other pairs make another projection, of another version."""
    folder, versions, made = paint(tmp_path / "products", LEAST), set(), stages()
    rng, matrices = np.random.default_rng(0), []
    pairs = [
        pair_scatter_of((rng.normal(0, 30, (6, 3)) * spread, np.zeros((2, 3))) for _ in range(9))
        for spread in ([1, 0.1, 0.1], [0.1, 0.1, 1])
    ]
    for worth in (LEAST, LEAST + 1):
        monkeypatch.setattr(adaptation, "WORTH", worth)
        for number, scatter in enumerate((None, *pairs)):
            embedder = FakeEmbedder(made.embedder.stamp, made.embedder.projection, None, scatter)
            where = tmp_path / f"{worth}-{number}"
            with opened(where, replace(made, embedder=embedder)) as lens:
                lens.add(folder, adapt=True)
                versions.add(lens.stamp["projection"]["version"])
            matrices.append(projection_in(where).matrix)
    assert len(versions) == 3
    for one, two in combinations(matrices[:3], 2):
        assert np.abs(one - two).max() > 1e-3
    for one, two in zip(matrices[:3], matrices[3:], strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_rebuild_adapts_again(tmp_path: Path, place: Place) -> None:
    """New models need a projection of their own; where it was declined there is none."""
    folder = paint(tmp_path / "products", LEAST)
    with opened(place("c")) as lens:
        lens.add(folder)
        first = lens.stamp["projection"]["version"]
    newer = fake_stages(version="2", adaptable=True)
    report = Floorlens.rebuild(place("c"), stages=newer)
    assert report.adaptation is not None
    assert report.adaptation.version != first
    assert len(rows(place("c"), "base_features")) == LEAST, "those of the old encoder are gone"
    assert len(rows(place("c"), "simulated")) == 2 * LEAST
    assert Floorlens.rebuild(place("c"), stages=newer, adapt=False).adaptation is None
    with opened(place("c"), newer) as lens:
        assert lens.projection == {"version": "1"}
    assert Floorlens.rebuild(place("c"), stages=newer).adaptation is None


def test_no_picture_is_opened_to_describe_anew(tmp_path: Path) -> None:
    """With the rooms stored, another projection needs no picture at all."""
    folder = paint(tmp_path / "products", LEAST)
    with opened(tmp_path / "c") as lens:
        lens.add(folder, adapt=False)
        lens.adapt(views=3)
        for path in folder.iterdir():
            path.unlink()
        report = lens.adapt(views=2)
        assert (report.simulated, report.described, report.unused) == (0, LEAST, ())


def test_pictures_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    """They are reported; the products stay searchable with the new projection."""
    folder = paint(tmp_path / "products", LEAST + 1)
    with opened(tmp_path / "c") as lens:
        lens.add(folder, adapt=False)
        Image.new("RGB", (48, 48), "red").save(folder / "p3.png")
        report = lens.adapt(views=1)
        assert [(product.id, report.products) for product in report.unused] == [("p3", LEAST)]
        assert "another picture than was indexed" in report.unused[0].reason
        assert report.described == LEAST + 1
        (folder / "p4.png").unlink()
        with pytest.raises(UsageError, match=r"has 7, and 2 whose pictures cannot be used: "):
            lens.adapt(views=2)


def test_rooms_of_replaced_pictures_go(tmp_path: Path, place: Place) -> None:
    """What remains in the catalogue belongs to pictures that are still its own."""
    folder = paint(tmp_path / "products", LEAST + 1)
    with opened(place("c")) as lens:
        lens.add(folder, adapt=False)
        first = lens.adapt(views=2)
        Image.new("RGB", (48, 48), "red").save(folder / "p3.png")
        lens.add(folder)
        lens.remove(["p8"])
        second = lens.adapt(views=2)
        assert second.version != first.version
        assert second.simulated == 2, "of the new picture alone"
    assert len(rows(place("c"), "simulated")) == 2 * LEAST


def test_of_many_products_a_sample_is_used(tmp_path: Path) -> None:
    """All are described; one product more changes at most one of the sample."""
    folder = paint(tmp_path / "products", LEAST + 2)
    with opened(tmp_path / "c") as lens:
        lens.add(folder, adapt=False)
        report = lens.adapt(views=1, limit=LEAST)
        assert (report.products, report.described) == (LEAST, LEAST + 2)
        Image.new("RGB", (48, 48), "red").save(folder / "late.png")
        lens.add(folder)
        assert lens.adapt(views=1, limit=LEAST).simulated <= 1


def test_several_pictures_take_turns(tmp_path: Path) -> None:
    folder = paint(tmp_path / "products", LEAST + 1)
    table = folder / "list.csv"
    one_each = "".join(f"p{number},p{number}.png\n" for number in range(2, LEAST + 1))
    table.write_text("id,image\nboth,p0.png|p1.png\n" + one_each)
    with opened(tmp_path / "c") as lens:
        lens.add(table, adapt=False)
        lens.adapt(views=4)
        hashes = lens._catalogue.stored(["both"], -1)["both"].content_hashes
    found = [row[1] for row in rows(tmp_path / "c", "simulated") if row[0] == "both"]
    assert sorted(found) == sorted(hashes * 2)


def test_products_added_meanwhile_are_described_too(
    tmp_path: Path, place: Place, products: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the swap they are seen and described; an import that the swap overtakes goes on."""
    late = paint(tmp_path / "late", 3)
    swap, put = Generations.swap, Catalogue.put
    with opened(place("c")) as lens, opened(place("c")) as other:
        lens.add(products, adapt=False)
        tries: list[bool] = []

        def adding(generations: Generations, generation: int, **options: bool) -> bool:
            if not tries:
                other.add(late)
            tries.append(swap(generations, generation, **options))
            return tries[-1]

        with monkeypatch.context() as patched:
            patched.setattr(Generations, "swap", adding)
            assert lens.adapt(views=1).described == len(SAMPLES) + 3
        assert tries == [False, True]

        def overtaken(catalogue: Catalogue, entries: Any, generation: int) -> list[str]:
            if lens.projection == first:
                lens.adapt(views=2)
            return put(catalogue, entries, generation)

        first = lens.projection
        (tmp_path / "later").mkdir()
        Image.new("RGB", (48, 48), "navy").save(tmp_path / "later" / "navy.png")
        monkeypatch.setattr(Catalogue, "put", overtaken)
        assert other.add(tmp_path / "later").counts["added"] == 1
        features = lens._catalogue.base_features(["navy"], stages().stamp())["navy"]
        made = stages().embedder.describe(features, projection_in(place("c")))
        stored = {row[0]: row[1] for row in rows(place("c"), "features")}
        assert stored["navy"] == made.vector.tobytes()
        assert other.search(ROOM).total == len(SAMPLES) + 4


def test_an_import_that_is_overtaken_still_sees_what_is_embedded(
    tmp_path: Path, place: Place
) -> None:
    folder = paint(tmp_path / "products", batches.BATCH + 4)
    with opened(place("c")) as lens, opened(place("c")) as other:
        lens.add(folder, adapt=False)

        def adapting(done: int, _total: int, _row: Any) -> None:
            if done == batches.BATCH:
                other.adapt(views=1)

        counts = lens.add(folder, progress=adapting).counts
        assert (other.adapted, counts["unchanged"]) == (True, batches.BATCH + 4)


def test_two_adaptations_at_once_both_end(
    place: Place, products: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that is overtaken begins anew on what the other one left."""
    put = Generations.put_embeddings
    with opened(place("c")) as lens, opened(place("c")) as other:
        lens.add(products, adapt=False)
        overtaken: list[str] = []

        def overtaking(generations: Generations, made: Any, generation: int) -> None:
            if not overtaken:
                overtaken.append("")
                overtaken[0] = other.adapt(views=1).version
            put(generations, made, generation)

        monkeypatch.setattr(Generations, "put_embeddings", overtaking)
        report = lens.adapt(views=2)
        assert lens.stamp["projection"]["version"] == report.version != overtaken[0]
        assert other.search(ROOM).total == len(SAMPLES)


def test_equal_pictures_get_equal_rooms(products: Path) -> None:
    photo = load_photo(sorted(products.iterdir())[0])
    view = (photo.content_hash, 1)
    texture = photo.pixels
    room, again = simulated_room(texture, view, 0), simulated_room(texture, view, 0)
    other = simulated_room(texture, (view[0], 2), 0)
    np.testing.assert_array_equal(room.rgb, again.rgb)
    np.testing.assert_array_equal(room.mask, again.mask)
    assert (room.rgb != other.rgb).any()


@pytest.mark.slow
def test_it_works_without_pytorch(tmp_path: Path, products: Path) -> None:
    """The real models, in a process in which nothing of the extras can be imported."""
    code = """
import sys
for name in ("torch", "cv2", "scipy", "transformers"):
    sys.modules[name] = None
from floorlens import Floorlens
with Floorlens.open(sys.argv[1], threads=1) as lens:
    lens.add(sys.argv[2], adapt=False)
    report = lens.adapt(views=1)
    found = lens.search(sys.argv[3])
    print(report.products, report.described, lens.adapted, len(found.matches))
"""
    room = sorted((ROOT / "samples" / "rooms").iterdir())[0]
    command = [sys.executable, "-c", code, str(tmp_path / "c"), str(products), str(room)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["11", "11", "True", "11"]
