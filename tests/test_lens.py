"""The front door: opening, closing, warming up, checking, and the floor without a catalogue."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from floorlens import Click, Floorlens, NoFloorFound, find_floor
from floorlens.embedding import AspectName, FloorFeatures
from floorlens.errors import (
    CatalogueError,
    CatalogueReplaced,
    EngineUnavailable,
    FloorlensError,
    SettingsError,
    StampMismatch,
)
from floorlens.images.loading import load_photo
from floorlens.normalisation import FloorView
from floorlens.reranking import Comparison
from floorlens.retrieval.retriever import Retriever
from floorlens.segmentation import FloorProbability
from floorlens.testing import FakeEmbedder, FakeReranker, FakeSegmenter, fake_stages


def test_rewording_a_licence_needs_no_rebuild(
    tmp_path: Path, product_csv: Path, room: Path
) -> None:
    """Only preset, model ids, versions and dimensions decide whether vectors are comparable."""
    stages = fake_stages()
    with Floorlens.open(tmp_path, stages=stages) as lens:
        lens.add(product_csv)
    reworded = replace(stages.embedder.stamp, licence="reworded", preprocessing="reworded")
    with Floorlens.open(tmp_path, stages=replace(stages, embedder=FakeEmbedder(reworded))) as lens:
        assert lens.search(room).matches


def test_unknown_presets_are_named(tmp_path: Path) -> None:
    """A typing error lists what there is, and creates nothing."""
    with pytest.raises(SettingsError, match="builtin"):
        Floorlens.open(tmp_path / "x", preset="builtim")
    assert not (tmp_path / "x").exists()


def test_warming_up_runs_every_stage_and_reads_the_index(tmp_path: Path, product_csv: Path) -> None:
    """Then the first search is as fast as any; an empty catalogue is no error."""
    ran: list[str] = []

    class Embedder(FakeEmbedder):
        def features(self, views: Mapping[AspectName, FloorView]) -> FloorFeatures:
            ran.append("embedder")
            return super().features(views)

    class Reranker(FakeReranker):
        def compare(self, query: bytes, candidates: Sequence[bytes]) -> Comparison:
            ran.append("reranker")
            return super().compare(query, candidates)

    class Segmenter(FakeSegmenter):
        def segment(
            self, pixels: NDArray[np.uint8], clicks: Sequence[Click] = ()
        ) -> FloorProbability:
            ran.append("segmenter")
            return super().segment(pixels, clicks)

    stages = fake_stages()
    stages = replace(
        stages,
        segmenter=Segmenter(stages.segmenter.stamp),
        embedder=Embedder(stages.embedder.stamp),
        reranker=Reranker(stages.reranker.stamp, stages.reranker.weights),
    )
    with Floorlens.open(tmp_path / "warm", stages=stages) as lens:
        lens.warm_up()
        assert set(ran) == {"segmenter", "embedder"}
        lens.add(product_csv)
        ran.clear()
        lens.warm_up()
        assert set(ran) == {"segmenter", "embedder", "reranker"}


def test_warm_up_goes_on_without_the_engine(
    lens: Floorlens, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It may be back at the first search; a catalogue that cannot be read is not waited for."""

    def fails(error: FloorlensError) -> None:
        def retrieve(*_a: object, **_k: object) -> None:
            raise error

        monkeypatch.setattr(Retriever, "retrieve", retrieve)

    fails(EngineUnavailable("the engine is down: start it"))
    lens.warm_up()
    (record,) = caplog.records
    assert record.name == "floorlens.lens"
    assert record.levelname == "WARNING"
    assert "the engine is down: start it" in record.getMessage()
    fails(StampMismatch("made with other models"))
    with pytest.raises(StampMismatch):
        lens.warm_up()


def test_a_closed_lens_refuses_to_work(tmp_path: Path, product_csv: Path, room: Path) -> None:
    """What still seems to work would go on with connections that nobody closes."""
    with Floorlens.open(tmp_path / "catalogue", stages=fake_stages()) as lens:
        lens.add(product_csv)
        lens.search(room)
    calls: dict[str, Callable[[], object]] = {
        "search": lambda: lens.search(room),
        "mask": lambda: lens.mask(room),
        "add": lambda: lens.add(product_csv),
        "adapt": lens.adapt,
        "remove": lambda: lens.remove(["oak"]),
        "products": lens.products,
        "count": lens.count,
        "check": lens.check,
        "product": lambda: lens.product("oak"),
        "warm_up": lens.warm_up,
        "stamp": lambda: lens.stamp,
        "projection": lambda: lens.projection,
        "with": lens.__enter__,
    }
    for name, call in calls.items():
        with pytest.raises(CatalogueError, match="is closed: open it again"):
            call()
            pytest.fail(name)


def test_every_keyword_has_a_name_a_default_and_a_type() -> None:
    """`help()` and editors show them; `**options` would hide them."""
    functions = [find_floor, *vars(Floorlens).values()]
    for function in functions:
        function = getattr(function, "__func__", function)
        if inspect.isfunction(function) and not function.__name__.startswith("_"):
            for parameter in inspect.signature(function).parameters.values():
                assert parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
                if parameter.name not in ("self", "cls"):
                    assert parameter.annotation is not parameter.empty, parameter
                if parameter.kind is parameter.KEYWORD_ONLY:
                    assert parameter.default is not parameter.empty, parameter


def test_a_rebuild_opens_a_catalogue_as_open_does() -> None:
    keywords = inspect.signature(Floorlens.open).parameters
    rebuild = inspect.signature(Floorlens.rebuild).parameters
    assert rebuild.keys() >= keywords.keys() - {"create"}
    assert all(rebuild[name] == keywords[name] for name in keywords.keys() - {"create"})


def test_a_floor_is_found_without_a_catalogue(
    lens: Floorlens, room: Path, blank: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As a catalogue's preset finds it, with the same corrections; nothing is written."""
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    stages = fake_stages()
    floor = find_floor(room, stages=stages)
    assert np.array_equal(floor.mask, lens.mask(room).mask)
    assert floor.share == 0.5
    assert find_floor(load_photo(room), stages=stages).share == 0.5
    assert find_floor(room, stages=stages, region=(0, 0, 160, 30)).share == 0.25
    with pytest.raises(NoFloorFound):
        find_floor(blank, stages=stages)
    with pytest.raises(SettingsError, match="unknown preset 'nothing'"):
        find_floor(room, preset="nothing")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_search_begins_again_if_its_catalogue_is_replaced_meanwhile(
    lens: Floorlens, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers from one catalogue alone, and reads the photo and the clicks again."""
    folder = lens.folder
    assert folder is not None
    beside = folder.with_name("beside")
    with Floorlens.open(beside, stages=fake_stages()) as other:
        other.add(folder.with_name("products"))
        other.remove(["oak"])
    real = lens._catalogue.signatures

    def swapped_before(*arguments: Any) -> dict[str, bytes]:
        if beside.exists():
            folder.rename(folder.with_name("yesterday"))
            beside.rename(folder)
        return real(*arguments)

    monkeypatch.setattr(lens._catalogue, "signatures", swapped_before)
    result = lens.search(room, clicks=iter([(5, 100)]))
    assert "oak" not in {match.product.id for match in result.matches}
    assert (result.total, len(result.matches)) == (5, 5)


@pytest.mark.parametrize("commits", [True, False])
def test_a_file_put_beside_the_commits_of_another_one_is_left_as_it_is(
    commits: bool, lens: Floorlens, room: Path
) -> None:
    """SQLite would write the commits over it, and answer from the catalogue that is gone."""
    folder = lens.folder
    assert folder is not None
    if not commits:
        # They are written into the file when the last one closes it.
        lens.close()
        lens = Floorlens.open(folder, stages=fake_stages())
    beside = folder.with_name("beside")
    with Floorlens.open(beside, stages=fake_stages()) as other:
        other.add(folder.with_name("products"))
        other.remove(["oak"])
    file = folder / "catalogue.sqlite"
    content = (beside / file.name).read_bytes()
    (beside / file.name).replace(file)
    if commits:
        for _ in range(2):
            with pytest.raises(CatalogueError, match=r"beside catalogue\.sqlite-wal of"):
                lens.search(room)
        assert file.read_bytes() == content
        for name in ("catalogue.sqlite-wal", "catalogue.sqlite-shm"):
            (folder / name).unlink()
    assert "oak" not in {match.product.id for match in lens.search(room).matches}
    assert lens.count() == 5
    lens.close()
    assert file.read_bytes() == content


def test_an_import_does_not_go_on_in_another_catalogue(
    lens: Floorlens, product_folder: Path
) -> None:
    """Half of the products would be in each; the next call follows."""
    folder = lens.folder
    assert folder is not None
    beside = folder.with_name("beside")
    Floorlens.open(beside, stages=fake_stages()).close()
    for number in range(40):
        Image.new("RGB", (40, 40), (200, 5 * number, 90)).save(product_folder / f"{number}.png")

    def swap(number: int, _total: int, _row: object) -> None:
        if number == 1:
            folder.rename(folder.with_name("yesterday"))
            beside.rename(folder)

    with pytest.raises(CatalogueReplaced, match="run the same command again"):
        lens.add(product_folder, progress=swap)
    assert lens.count() == 0
    assert lens.add(product_folder).counts["added"] == 46


def test_check_sees_what_another_process_made_of_the_catalogue(lens: Floorlens) -> None:
    lens.check()
    assert lens.folder is not None
    Floorlens.rebuild(lens.folder, stages=fake_stages(version="2"))
    with pytest.raises(StampMismatch):
        lens.check()


# -- pages and changes of products -------------------------------------------------------------


def test_pages_hold_each_product_once_whatever_comes_and_goes(lens: Floorlens) -> None:
    """They begin after an id, not after a number of products."""
    first = lens.page(limit=3)
    assert [product.id for product in first.products] == ["ash", "brick", "moss"]
    assert (first.total, first.more) == (6, True)
    # The last one of the page goes, and one before it.
    lens.remove(["moss", "ash"])
    last = lens.page("moss", limit=3)
    assert [product.id for product in last.products] == ["oak", "slate", "walnut"]
    assert (last.total, last.more) == (4, False)


def test_pages_of_a_filter_follow_the_catalogue(lens: Floorlens) -> None:
    """The ids that pass are kept from page to page, as long as the catalogue is the same."""
    assert [product.id for product in lens.page(text="A", limit=2).products] == ["ash", "oak"]
    assert [product.id for product in lens.page("oak", text="A").products] == ["slate", "walnut"]
    lens.update("moss", name="Sea", metadata={"place": "north"})
    assert lens.page(text="A").total == 5
    assert [product.id for product in lens.page(where={"place": "north"}).products] == ["moss"]
    lens.remove(["moss"])
    assert lens.page(text="A").total == 4


def test_what_is_updated_needs_no_new_features(lens: Floorlens, room: Path) -> None:
    """Fields that are not named stay; None takes one away."""
    before = dict(lens.product("oak").metadata)
    lens.update("oak", metadata={"grade": "rustic", "colours": ["tan"]})
    changed = lens.update(
        "oak", name="Oak XL", metadata={"grade": None}, attributes={"tone": "dark"}
    )
    assert (changed.name, dict(changed.metadata)) == ("Oak XL", {**before, "colours": ["tan"]})
    assert lens.attributes("oak")["tone"].origin == "edited"
    assert len(lens.search(room).matches) == 6


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": {"id": "other"}},
        {"metadata": {"size": {"width": 3}}},
        {"metadata": {"sizes": [1, 2]}},
        {"metadata": {"price": float("nan")}},
        {"metadata": {"": "x"}},
        {"name": " "},
        {"name": "Oak XL", "attributes": {"tone": "drak"}},
        {"name": "Oak XL", "attributes": {"tune": "dark"}},
    ],
)
def test_an_update_that_cannot_be_stored_changes_nothing(
    lens: Floorlens, change: dict[str, Any]
) -> None:
    before = lens.product("oak")
    with pytest.raises(FloorlensError):
        lens.update("oak", **change)
    assert lens.product("oak") == before


def test_copied_pictures_outlive_their_source(lens: Floorlens, tmp_path: Path) -> None:
    """And the same picture has the same copy: nothing is embedded again."""
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (32, 32), "tan").save(tmp_path / folder / "cork.png")
    assert lens.add(tmp_path / "first", copy=True).counts["added"] == 1
    (tmp_path / "first" / "cork.png").unlink()
    assert lens.add(tmp_path / "second", copy=True).counts["unchanged"] == 1
    (copy,) = lens.product("cork").images
    assert lens.folder is not None
    assert Path(copy).is_relative_to(lens.folder.absolute())
    assert Path(copy).exists()
