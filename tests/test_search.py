"""Searching: the ranking, its limits, filters, regions and errors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from floorlens import Click, Floorlens, NoFloorFound
from floorlens.attributes.vocabulary import NAMES
from floorlens.errors import (
    FilterError,
    NothingToRank,
    RegionError,
    UsageError,
)
from floorlens.segmentation import FloorProbability
from floorlens.testing import FakeNormaliser, FakeReranker, FakeSegmenter, fake_stages

GREYS = [10 * i for i in range(1, 25)]


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 grey products with a table of their tones."""
    folder = tmp_path_factory.mktemp("products")
    rows = ["id,image,name,tone,family"]
    for grey in GREYS:
        Image.new("RGB", (24, 24), (grey, grey, grey)).save(folder / f"g{grey}.png")
        family = "dark" if grey < 120 else "light"
        rows.append(f"g{grey},g{grey}.png,Grey {grey},{grey},{family}")
    (folder / "products.csv").write_text("\n".join(rows))
    return folder / "products.csv"


@pytest.fixture
def lens(tmp_path: Path, products: Path) -> Iterator[Floorlens]:
    with Floorlens.open(tmp_path / "catalogue", stages=fake_stages(rerank_depth=5)) as opened:
        opened.add(products)
        yield opened


def room(floor: int, wall: int = 250, shape: tuple[int, int] = (60, 40)) -> NDArray[np.uint8]:
    """A picture whose lower half, which the fake segmenter calls floor, has one grey."""
    pixels = np.full((*shape, 3), wall, np.uint8)
    pixels[shape[0] // 2 :] = floor
    return pixels


def test_every_product_is_ranked(lens: Floorlens) -> None:
    """The whole catalogue, best first, ranks without gaps, scores 0..1 that never rise."""
    result = lens.search(room(80))
    assert [match.rank for match in result.matches] == list(range(1, len(GREYS) + 1))
    assert {match.product.id for match in result.matches} == {f"g{grey}" for grey in GREYS}
    assert result.matches[0].product.id == "g80"
    assert result.matches[0].product.metadata == {"tone": 80, "family": "dark"}
    scores = [match.score for match in result.matches]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert result.total == len(GREYS)


def test_components_exist_for_the_reranked_depth_alone(lens: Floorlens) -> None:
    """Below the border they are None, and the score falls on across it."""
    matches = lens.search(room(80)).matches
    assert [match.components is not None for match in matches] == [True] * 5 + [False] * 19
    assert set(matches[0].components or {}) == {"colour", "texture"}
    assert matches[4].score > matches[5].score


def test_a_limit_is_the_head_of_the_full_ranking(lens: Floorlens) -> None:
    """Asking for fewer never changes who comes first."""
    full = lens.search(room(80)).matches
    for limit in (1, 3, 10):
        assert lens.search(room(80), limit=limit).matches == full[:limit]
    with pytest.raises(UsageError, match="limit"):
        lens.search(room(80), limit=0)


def test_a_large_catalogue_is_cut_and_says_so(
    lens: Floorlens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above 20,000 products the first 10,000 are ranked (here: above 10 the first 7)."""
    full = lens.search(room(80)).matches
    monkeypatch.setattr("floorlens.search.FULL_RANKING", 10)
    monkeypatch.setattr("floorlens.search.CUT_RANKING", 7)
    cut = lens.search(room(80))
    assert cut.matches == full[:7]
    assert cut.total == len(GREYS)


def test_removal_between_retrieval_and_reranking_is_noticed(
    lens: Floorlens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A product that another process removes at that moment is left out; the rest is ranked."""
    real = lens._catalogue.signatures
    removed: list[str] = []

    def signatures(ids: list[str], generation: int) -> dict[str, bytes]:
        if not removed:
            removed.extend(lens.remove([ids[0]]))
        return real(ids, generation)

    monkeypatch.setattr(lens._catalogue, "signatures", signatures)
    matches = lens.search(room(80)).matches
    assert len(matches) == len(GREYS) - 1
    assert removed[0] not in {match.product.id for match in matches}
    assert [match.rank for match in matches] == list(range(1, len(GREYS)))


def test_filters_leave_only_what_passes(lens: Floorlens) -> None:
    """A filter restricts the ranking and does not reorder it."""
    everything = [m.product.id for m in lens.search(room(200)).matches]
    dark = [m.product.id for m in lens.search(room(200), where={"family": "dark"}).matches]
    assert dark == [name for name in everything if int(name[1:]) < 120]
    cheap = lens.search(room(80), where={"tone": {"$gte": 200}}).matches
    assert {m.product.id for m in cheap} == {f"g{grey}" for grey in GREYS if grey >= 200}
    with pytest.raises(NothingToRank, match="filter"):
        lens.search(room(80), where={"family": "none"})
    with pytest.raises(FilterError):
        lens.search(room(80), where={"tone": {"$near": 3}})


def test_a_field_that_no_product_has_is_named_with_the_nearest(lens: Floorlens) -> None:
    """A mistyped field must not pass for a shop without such products, or for one of two."""

    def refusal(**where: object) -> str:
        with pytest.raises(FilterError) as caught:
            lens.search("no photo is opened", where=where)
        return str(caught.value)

    text = refusal(Tome={"$lt": 50}, family="light")
    assert "no product has the field 'Tome' (did you mean 'tone'?)" in text
    assert "; the fields are family, name, source, type, colour, " in text
    text = refusal(**{"$or": [{"finish": "oiled"}, {"kind": "oak"}, {"family": "light"}]})
    assert "no product has the fields 'finish', 'kind'; the fields are" in text
    # What lacks a field is let pass by these, and it may come later.
    for condition in ({"$ne": "red"}, {"$nin": ["red"]}, {"$exists": False}):
        assert len(lens.search(room(80), where={"finish": condition}).matches) == 24


def test_a_filter_that_nothing_passes_says_why(lens: Floorlens) -> None:
    def refusal(**where: object) -> str:
        with pytest.raises(NothingToRank) as caught:
            lens.search(room(80), where=where)
        assert "none of the 24 products passes" in str(caught.value)
        return str(caught.value)

    text = refusal(family={"$lt": 50}, tone={"$gte": 0})
    assert "; the field 'family' is compared with a number, and its values are texts" in text
    assert "are texts" not in refusal(tone={"$lt": 0})
    assert "no product has" not in refusal(family=5), "one sentence is enough"
    text = refusal(family={"$in": ["drak", "lihgt"]}, tone={"$gte": 0})
    assert text.endswith(
        "; no product has 'drak' (did you mean 'dark'?), 'lihgt' (did you mean 'light'?) as "
        "'family': the values are 'light', 'dark'"
    )
    assert "'DARK' (did you mean 'dark'?)" in refusal(family="DARK")
    # Each has products, both together have none.
    assert "no product has" not in refusal(family="dark", tone={"$gte": 200})


def test_a_field_that_another_process_adds_is_known_at_once(
    lens: Floorlens, tmp_path: Path
) -> None:
    with pytest.raises(FilterError):
        lens.search(room(80), where={"finish": "oiled"})
    Image.new("RGB", (24, 24), "red").save(tmp_path / "red.png")
    (tmp_path / "more.csv").write_text("id,image,finish\nred,red.png,oiled\n")
    with Floorlens.open(lens.location, stages=fake_stages()) as other:
        other.add(tmp_path / "more.csv")
    assert len(lens.search(room(80), where={"finish": "oiled"})) == 1


def test_the_fields_are_read_again_when_products_change(lens: Floorlens, tmp_path: Path) -> None:
    assert lens._catalogue.fields().keys() - NAMES == {"family", "name", "source", "type"}
    assert lens._catalogue.fields() is lens._catalogue.fields()
    Image.new("RGB", (24, 24), "red").save(tmp_path / "red.png")
    (tmp_path / "more.csv").write_text("id,image,finish\nred,red.png,oiled\n")
    lens.add(tmp_path / "more.csv")
    assert "finish" in lens._catalogue.fields()
    lens.remove(["red"])
    assert "finish" not in lens._catalogue.fields()


def test_a_region_replaces_the_automatic_mask(lens: Floorlens) -> None:
    """Box, polygon and mask over the wall all search for the wall's colour."""
    photo = room(80, wall=200)
    drawn = np.zeros(photo.shape[:2], bool)
    drawn[2:20, 5:30] = True
    for region in ((5, 2, 30, 20), [(5, 2), (30, 2), (30, 20), (5, 20)], drawn):
        result = lens.search(photo, region=region)
        assert result.matches[0].product.id == "g200"
    with pytest.raises(RegionError):
        lens.search(photo, region="everything")  # type: ignore[arg-type]


def test_clicks_correct_what_is_searched_for(lens: Floorlens) -> None:
    """Of a floor of two greys one is clicked away, and what remains is searched for."""
    photo = room(200, wall=250, shape=(120, 80))
    photo[60:, :50] = 80
    assert lens.search(photo).matches[0].product.id not in ("g80", "g200")
    for clicks in ([(20, 100, False)], (Click(20, 100, False),), np.array([[20, 100, 0]])):
        result = lens.search(photo, clicks=clicks)
        assert result.matches[0].product.id == "g200"
        assert result.floor.source == "automatic+clicks"
        assert result.floor.share == pytest.approx(30 * 60 / 9600, abs=0.02)
        assert np.array_equal(lens.mask(photo, clicks=clicks).mask, result.floor.mask)
    drawn = lens.search(photo, region=(50, 60, 80, 120), clicks=[(20, 100), (70, 100, False)])
    assert drawn.floor.source == "box+clicks"
    assert drawn.matches[0].product.id == "g80"


def test_a_click_says_that_there_is_a_floor(lens: Floorlens) -> None:
    """Where the segmenter sees none; a click on what is no floor says nothing of the kind."""
    plain = np.full((40, 40, 3), 90, np.uint8)
    found = lens.mask(plain, clicks=[(5, 5)])
    assert found.visible == 1
    assert found.mask[5, 5]
    with pytest.raises(NoFloorFound):
        lens.mask(plain, clicks=[(5, 5, False)])


def test_unusable_clicks(lens: Floorlens) -> None:
    photo = room(80)
    with pytest.raises(RegionError, match="outside the photo, which is 40 x 60"):
        lens.search(photo, clicks=[(40, 20)])
    with pytest.raises(RegionError, match="a click is"):
        lens.mask(photo, clicks=[("left", "top")])  # type: ignore[list-item]
    with pytest.raises(RegionError, match="leave nothing of the floor"):
        lens.mask(photo, clicks=[(20, 50, False)])


@dataclass(frozen=True)
class ObedientSegmenter(FakeSegmenter):
    """Takes the left half for floor too once it is clicked on; remembers the clicks."""

    told: list[tuple[Click, ...]] = field(default_factory=list)

    def segment(self, pixels: NDArray[np.uint8], clicks: Sequence[Click] = ()) -> FloorProbability:
        self.told.append(tuple(clicks))
        found = super().segment(pixels)
        if clicks:
            found.pixels[:, : pixels.shape[1] // 2] = 1
        return found


def test_the_segmenter_says_how_far_a_click_reaches(tmp_path: Path) -> None:
    """It is told the clicks in pixels of the working picture; without clicks it is asked once."""
    fake = fake_stages()
    segmenter = ObedientSegmenter(fake.segmenter.stamp)
    photo = np.zeros((1280, 2560, 3), np.uint8)
    photo[:, :, 0] = np.arange(1280)[:, None] % 251
    preset = replace(fake.preset, takes_clicks=True)
    stages = replace(fake, segmenter=segmenter, preset=preset)
    with Floorlens.open(tmp_path, stages=stages) as lens:
        assert lens.mask(photo).share == 0.5
        assert segmenter.told == [()]
        found = lens.mask(photo, clicks=[(200, 100)])
        assert segmenter.told[1:] == [(), (Click(100, 50),)]
        assert found.share == pytest.approx(0.75)
        by_hand = lens.mask(photo, region=(0, 640, 2560, 1280), clicks=[(200, 100)])
        assert segmenter.told[3:] == [(Click(100, 50),)]
        assert by_hand.share == pytest.approx(0.75)
        assert lens.mask(photo, region=(0, 640, 2560, 1280)).share == 0.5
        assert len(segmenter.told) == 4


def test_weights_shift_the_score(lens: Floorlens) -> None:
    """The score is the weighted mean of the components."""
    match = lens.search(room(83), weights={"texture": 3}).matches[0]
    assert match.components is not None
    expected = (match.components["colour"] + 3 * match.components["texture"]) / 4
    assert match.score == pytest.approx(expected)
    for weights in ({"sound": 1.0}, {"colour": -1.0}, {"colour": 0.0, "texture": 0.0}):
        with pytest.raises(UsageError):
            lens.search(room(83), weights=weights)


def test_without_reranking_the_vector_alone_decides(
    lens: Floorlens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To measure what re-ranking brings; weights for it would be a mistake."""
    reranked = lens.search(room(80)).matches
    monkeypatch.setattr(FakeReranker, "compare", None)
    matches = lens.search(room(80), rerank=False).matches
    assert [match.rank for match in matches] == list(range(1, len(GREYS) + 1))
    assert {match.components for match in matches} == {None}
    scores = [match.score for match in matches]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    # Below the re-ranked depth nothing else decides anyway.
    assert [m.product.id for m in matches[5:]] == [m.product.id for m in reranked[5:]]
    assert lens.search(room(80), rerank=False, limit=3).matches == matches[:3]
    with pytest.raises(UsageError, match="nothing is re-ranked"):
        lens.search(room(80), rerank=False, weights={"colour": 1})


def test_no_floor_says_what_to_do(lens: Floorlens) -> None:
    """The fake segmenter sees no floor in a plain picture."""
    with pytest.raises(NoFloorFound, match="region="):
        lens.search(np.full((40, 40, 3), 90, np.uint8))
    with pytest.raises(NoFloorFound):
        lens.mask(np.full((40, 40, 3), 90, np.uint8))


def test_an_empty_catalogue_says_what_to_do(tmp_path: Path) -> None:
    """Searching before indexing names the command."""
    with (
        Floorlens.open(tmp_path / "new", stages=fake_stages()) as lens,
        pytest.raises(NothingToRank, match="floorlens index"),
    ):
        lens.search(room(80))


def test_results_serialise_without_loss(lens: Floorlens) -> None:
    """JSON holds the same numbers; timings name the stages."""
    result = lens.search(room(80), limit=3)
    again = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    assert again["matches"][0]["score"] == result.matches[0].score
    assert again["floor"]["photo_size"] == [40, 60]
    stages = {"decode", "segment", "normalise", "embed", "retrieve", "rerank", "total"}
    assert stages <= set(again["timings"])
    assert result.floor.mask.shape == (60, 40)


def test_writes_of_another_process_are_seen(tmp_path: Path, products: Path) -> None:
    """An open catalogue follows additions and removals by others."""
    where = tmp_path / "catalogue"
    with (
        Floorlens.open(where, stages=fake_stages()) as reader,
        Floorlens.open(where, stages=fake_stages()) as writer,
    ):
        writer.add(products)
        assert len(reader.search(room(80)).matches) == len(GREYS)
        writer.remove(["g80"])
        assert reader.search(room(80)).matches[0].product.id in ("g70", "g90")


def test_the_order_of_indexing_does_not_matter(tmp_path: Path, products: Path) -> None:
    """One by one in reverse gives the ranking that one import gives."""
    with Floorlens.open(tmp_path / "at-once", stages=fake_stages()) as lens:
        lens.add(products)
        expected = [(m.product.id, m.score) for m in lens.search(room(85)).matches]
    with Floorlens.open(tmp_path / "one-by-one", stages=fake_stages()) as lens:
        for grey in reversed(GREYS):
            table = products.parent / f"only-{grey}.csv"
            table.write_text(f"id,image\ng{grey},g{grey}.png\n")
            lens.add(table)
            table.unlink()
        assert [(m.product.id, m.score) for m in lens.search(room(85)).matches] == expected


def test_twins_score_the_same_across_the_border(tmp_path: Path) -> None:
    """Byte-identical products tie even where the re-ranked depth ends between them."""
    for name in "abcdefgh":
        Image.new("RGB", (24, 24), (90, 90, 90)).save(tmp_path / f"{name}.png")
    with Floorlens.open(tmp_path / "c", stages=fake_stages(rerank_depth=3)) as lens:
        lens.add(tmp_path)
        matches = lens.search(room(80)).matches
    assert len({match.score for match in matches}) == 1
    assert all(match.components is not None for match in matches)


def test_the_floor_of_a_photo_is_looked_at_from_above_too(tmp_path: Path, products: Path) -> None:
    """A product picture shows its floor from above already."""
    asked: list[tuple[int, ...]] = []

    class Above(FakeNormaliser):
        def straightened(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> None:
            asked.append(pixels.shape)

    stages = fake_stages()
    stages = replace(stages, normaliser=Above(stages.normaliser.stamp))
    with Floorlens.open(tmp_path / "catalogue", stages=stages) as lens:
        lens.add(products)
        assert asked == []
        lens.search(room(80))
    assert asked == [room(80).shape]


def test_what_mask_found_can_be_searched_with(
    tmp_path: Path, products: Path, lens: Floorlens
) -> None:
    """The photo is segmented once for both; the result is that of a search by itself."""
    asked: list[int] = []

    class Counting(FakeSegmenter):
        def segment(
            self, pixels: NDArray[np.uint8], clicks: Sequence[Click] = ()
        ) -> FloorProbability:
            asked.append(len(clicks))
            return super().segment(pixels, clicks)

    stages = fake_stages(rerank_depth=5)
    stages = replace(stages, segmenter=Counting(stages.segmenter.stamp))
    with Floorlens.open(tmp_path / "other", stages=stages) as counting:
        counting.add(products)
        asked.clear()
        floor = counting.mask(room(80))
        found = counting.search(room(80), region=floor)
        assert asked == [0]
        assert counting.mask(room(80), region=floor) is floor
    assert found.floor is floor
    assert found.floor.source == "automatic"
    expected = lens.search(room(80)).matches
    assert [(m.product.id, m.score) for m in found.matches] == [
        (m.product.id, m.score) for m in expected
    ]


def test_a_region_of_another_photo_is_refused(lens: Floorlens) -> None:
    floor = lens.mask(room(80))
    with pytest.raises(RegionError, match="pixels"):
        lens.search(room(80, shape=(80, 40)), region=floor)


def test_what_mask_found_can_be_corrected(lens: Floorlens) -> None:
    floor = lens.mask(room(80))
    found = lens.search(room(80), region=floor, clicks=[(20, 10)])
    assert found.floor.share > floor.share
