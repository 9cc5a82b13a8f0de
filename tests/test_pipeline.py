"""The pipeline on product pictures: what shows the floor describes it, and nothing else does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from floorlens import pipeline
from floorlens.embedding import AspectName, FloorFeatures
from floorlens.embedding.pattern import CLASSES
from floorlens.images.loading import load_photo
from floorlens.normalisation import FloorView
from floorlens.pipeline import (
    aspects_of,
    examine_product,
    floor_region,
    floor_view,
    product_features,
    product_textures,
)
from floorlens.presets import Stages
from floorlens.products.pictures import ProductPicture
from floorlens.testing import FakeEmbedder, FakeNormaliser, FakeSegmenter, fake_stages

OAK = (180, 140, 90)


class CountingSegmenter(FakeSegmenter):
    """Counts the pictures that it is asked about."""

    calls = 0

    def segment(self, pixels: Any, clicks: Any = ()) -> Any:
        type(self).calls += 1
        return super().segment(pixels, clicks)


@pytest.fixture
def stages() -> Stages:
    CountingSegmenter.calls = 0
    made = fake_stages()
    return replace(made, segmenter=CountingSegmenter(made.segmenter.stamp))


def grained(height: int, width: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(0).normal(0, 14, (height, width, 1))
    return np.clip(np.array(OAK) + noise, 0, 255).astype(np.uint8)


def swatch() -> NDArray[np.uint8]:
    return grained(320, 320)


def board() -> NDArray[np.uint8]:
    pixels = np.full((320, 320, 3), 255, np.uint8)
    pixels[100:220, 40:280] = grained(120, 240)
    return pixels


def room() -> NDArray[np.uint8]:
    """A plain wall with a busy plant beside it over a floor, where the fake sees one."""
    pixels = np.full((320, 320, 3), (90, 110, 130), np.uint8)
    pixels[:, :2] = 60
    pixels[160:] = grained(160, 320)
    plant = np.random.default_rng(1).integers(0, 255, (160, 110, 3), dtype=np.uint8)
    pixels[:160, 210:] = plant
    return pixels


class Above(FakeNormaliser):
    """Sees floors from above as well."""

    def straightened(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> FloorView | None:
        patch = np.full((2, 1, 1, 3), 7, np.uint8)
        return FloorView(patch, np.full(2, 0.5, np.float32), np.empty((0, 3), np.float32))


class PatchCounter(FakeEmbedder):
    """Keeps how many patches it was given of each view."""

    patches: ClassVar[list[int]] = []

    def features(self, views: Mapping[AspectName, FloorView]) -> FloorFeatures:
        self.patches.extend(len(view.patches) for view in views.values())
        return super().features(views)


def letterboxed(pixels: NDArray[np.uint8], height: int = 80) -> NDArray[np.uint8]:
    """The picture between two black bars."""
    return np.pad(pixels, ((height, height), (0, 0), (0, 0)))


def kinds(stages: Stages, *pictures: NDArray[np.uint8]) -> list[str]:
    return [found.kind for found in examine_product([load_photo(p) for p in pictures], stages)]


def test_each_picture_is_told_and_only_a_likely_room_is_segmented(stages: Stages) -> None:
    assert kinds(stages, swatch(), board()) == ["swatch", "boards"]
    assert CountingSegmenter.calls == 0
    assert kinds(stages, room()) == ["room"]
    assert CountingSegmenter.calls == 1


def colour(stages: Stages, *pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    features = product_features([load_photo(picture) for picture in pictures], stages)
    (aspect,) = features.aspects.values()
    return np.asarray(np.median(aspect.lab, axis=0), np.float32)


def test_the_ground_does_not_colour_the_product(stages: Stages) -> None:
    """A board on white paper describes the same floor as a swatch of it."""
    np.testing.assert_allclose(colour(stages, board()), colour(stages, swatch()), atol=1.5)
    np.testing.assert_allclose(colour(stages, room()), colour(stages, swatch()), atol=1.5)


def test_swatch_and_scene_are_kept_apart(stages: Stages) -> None:
    """The light and the furniture of a room would spoil what the swatch tells."""
    photos = [load_photo(picture) for picture in (room(), swatch(), board())]
    pictures = examine_product(photos, stages)
    assert aspects_of(pictures) == ["scene", "swatch", "swatch"]
    both = product_features(photos, stages, pictures).aspects
    assert list(both) == ["swatch", "scene"]
    for aspect, shown in (("swatch", photos[1:]), ("scene", photos[:1])):
        (alone,) = product_features(shown, stages).aspects.items()
        assert alone[0] == aspect
        np.testing.assert_array_equal(alone[1].base, both[alone[0]].base)
        np.testing.assert_array_equal(alone[1].lab, both[alone[0]].lab)


def test_drawings_count_alone_and_scenes_up_to_three(stages: Stages) -> None:
    mask = np.ones((2, 2), np.bool_)
    drawing, scene, plain = (
        ProductPicture(kind, mask, 1.0) for kind in ("drawing", "room", "swatch")
    )
    assert aspects_of([drawing, scene, plain]) == [None, "scene", "swatch"]
    assert aspects_of([drawing, scene]) == [None, "scene"]
    assert aspects_of([drawing]) == ["swatch"]
    assert aspects_of([scene] * 5) == ["scene"] * 3 + [None] * 2


def test_a_scene_is_described_as_a_photo_that_is_searched_for(
    stages: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Raw and from above; of several an even sample of each, so that none pushes another out."""
    PatchCounter.patches.clear()
    above = Above(stages.normaliser.stamp)
    stages = replace(stages, normaliser=above, embedder=PatchCounter(stages.embedder.stamp))
    photo = load_photo(room())
    picture = examine_product([photo], stages)[0]
    query = stages.embedder.features({"scene": floor_view(photo, picture.mask, stages)})
    scene = product_features([photo], stages, [picture])
    np.testing.assert_array_equal(scene.base, query.base)
    assert PatchCounter.patches == [3, 3]
    monkeypatch.setattr(pipeline, "SCENE_PATCHES", 5)
    product_features([photo] * 2, stages, [picture] * 2)
    assert PatchCounter.patches[2:] == [2 + 2]


class PatternEmbedder(FakeEmbedder):
    """Says that every floor is of one pattern, the one that `pattern` names."""

    pattern: ClassVar[str] = "one board"

    def features(self, views: Mapping[AspectName, FloorView]) -> FloorFeatures:
        shares = (np.array(CLASSES) == self.pattern).astype(np.float16)
        aspects = super().features(views).aspects
        return FloorFeatures({name: replace(each, facts=shares) for name, each in aspects.items()})


@pytest.mark.parametrize(
    ("pattern", "shown", "laid"),
    [
        ("one board", swatch, True),
        ("one board", board, True),
        ("plank", swatch, False),
        ("plank", board, True),
        ("stone", board, False),
    ],
)
def test_one_board_is_described_as_laid_too(
    stages: Stages, monkeypatch: pytest.MonkeyPatch, pattern: str, shown: Any, laid: bool
) -> None:
    """Planks and herringbone of it; a floor whose layout shows, or of stone, stays as it is."""
    monkeypatch.setattr(PatternEmbedder, "pattern", pattern)
    stages = replace(stages, embedder=PatternEmbedder(stages.embedder.stamp))
    photos = [load_photo(shown())]
    features = product_features(photos, stages).aspects["swatch"]
    view = stages.normaliser.view(*examine_product(photos, stages)[0].product(photos[0].pixels))
    alone = stages.embedder.features({"swatch": view}).aspects["swatch"]
    count = len(alone.base)
    np.testing.assert_array_equal(features.base[:count], alone.base)
    np.testing.assert_array_equal(features.lab, alone.lab)
    assert (len(features.base) > count) == laid
    assert len(features.coverage) == len(features.base)
    again = product_features(photos, stages).aspects["swatch"]
    np.testing.assert_array_equal(again.base, features.base)


def test_a_scene_alone_is_not_laid(stages: Stages) -> None:
    stages = replace(stages, embedder=PatternEmbedder(stages.embedder.stamp))
    assert len(product_features([load_photo(room())], stages).base) == 1


def test_bars_change_nothing(stages: Stages) -> None:
    """The same pixels reach the normaliser, floor from edge to edge, as without the bars."""
    padded = np.full((460, 320, 3), 20, np.uint8)
    padded[70:390] = swatch()
    photo = load_photo(padded)
    (picture,) = examine_product([photo], stages)
    part, mask = picture.product(photo.pixels)
    np.testing.assert_array_equal(part, swatch()[1:-1])
    assert mask.all()


def test_floors_are_laid_with_the_product_alone(stages: Stages) -> None:
    """A room beside a swatch describes nothing, so no floor is simulated with it either."""
    photos = [load_photo(picture) for picture in (room(), swatch(), board())]
    textures = product_textures(photos, stages)
    assert list(textures) == [photo.content_hash for photo in photos[1:]]
    assert textures[photos[1].content_hash] is photos[1].pixels
    laid = textures[photos[2].content_hash]
    assert min(laid.shape[:2]) > 40, "the board as a whole"
    assert (laid.min(axis=2) < 250).mean() > 0.9, "the white ground is cut away"
    assert list(product_textures(photos[:1], stages)) == [photos[0].content_hash]


def test_a_room_is_seen_raw_and_from_above_and_raw_alone_where_that_fails(stages: Stages) -> None:
    photo = load_photo(swatch())
    mask = np.ones(photo.pixels.shape[:2], np.bool_)
    alone = floor_view(photo, mask, stages)
    assert len(alone.patches) == 1
    both = floor_view(photo, mask, replace(stages, normaliser=Above(stages.normaliser.stamp)))
    np.testing.assert_array_equal(both.patches[:1], alone.patches)
    np.testing.assert_array_equal(both.coverage, [1.0, 0.5, 0.5])
    np.testing.assert_array_equal(both.lab, alone.lab)


def test_a_room_that_is_seen_from_above_keeps_what_is_known_of_its_light(stages: Stages) -> None:
    class Lit(Above):
        def view(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> FloorView:
            return replace(super().view(pixels, mask), trust=np.arange(4, dtype=np.float32))

    lit = replace(stages, normaliser=Lit(stages.normaliser.stamp))
    photo = load_photo(room())
    view = floor_view(photo, np.ones(photo.pixels.shape[:2], np.bool_), lit)
    assert len(view.patches) == 3
    assert view.trust.tolist() == [0, 1, 2, 3]


def test_bars_are_no_floor(stages: Stages) -> None:
    region = floor_region(load_photo(letterboxed(room())), stages)
    # The fake sees a floor in the lower half of what it is shown.
    assert region.box == (0, 240, 320, 400)
    assert region.photo_size == (320, 480)
    clicked = floor_region(load_photo(letterboxed(room())), stages, clicks=[(100, 450, False)])
    assert np.array_equal(clicked.working_mask, region.working_mask)


def test_a_click_on_a_bar_says_that_it_is_none(stages: Stages) -> None:
    region = floor_region(load_photo(letterboxed(room())), stages, clicks=[(100, 450)])
    assert region.working_mask[450, 100]


def test_a_region_by_hand_may_lie_on_a_bar(stages: Stages) -> None:
    photo = load_photo(letterboxed(room()))
    assert floor_region(photo, stages, region=(0, 420, 320, 480)).box == (0, 420, 320, 480)


def test_a_photo_on_its_side_is_searched_upright(stages: Stages) -> None:
    """Its region stays in the photo as it was handed over, and so do clicks."""

    class Sideways(FakeSegmenter):
        """Says that pictures with a dark upper side are upright."""

        def segment(self, pixels: Any, clicks: Any = ()) -> Any:
            floor = super().segment(pixels, clicks)
            up = pixels[:10].mean() < 50
            return replace(floor, visible=0.97 if up else 0.6, upright=0.97 if up else 0.05)

    pixels = room()
    pixels[:10] = np.random.default_rng(2).integers(0, 60, (10, 320, 3))
    lying = load_photo(np.ascontiguousarray(np.rot90(pixels)[:, :300]))
    turner = replace(
        stages,
        segmenter=Sideways(stages.segmenter.stamp),
        preset=replace(stages.preset, sure_visible=0.85),
    )
    region = floor_region(lying, turner)
    # The floor is on the right, where the fake sees the lower half after turning.
    assert region.box == (150, 0, 300, 320)
    assert region.turn == 1
    assert region.as_dict()["turn"] == 1
    assert [reason.split(":")[0] for reason in region.reasons] == ["sideways"]
    again = floor_region(lying, turner, region=region)
    assert again is region
    corrected = floor_region(lying, turner, region=region, clicks=[(290, 10, False)])
    assert corrected.turn == 1
    assert not corrected.working_mask[10, 290]
    clicked = floor_region(lying, turner, clicks=[(290, 10, False)])
    assert clicked.turn == 1
    assert not clicked.working_mask[10, 290]
    assert clicked.working_mask[300, 160]
    assert corrected == clicked


@pytest.mark.parametrize("pixels", [room(), letterboxed(room())])
def test_what_was_found_without_clicks_is_not_looked_for_again(
    stages: Stages, pixels: NDArray[np.uint8]
) -> None:
    """A tap answers sooner, and nothing else differs."""
    stages = replace(stages, preset=replace(stages.preset, takes_clicks=True))
    photo, clicks = load_photo(pixels), [(100, 150, True), (40, len(pixels) - 100, False)]
    region = floor_region(photo, stages)
    anew = floor_region(photo, stages, clicks=clicks)
    CountingSegmenter.calls = 0
    again = floor_region(photo, stages, region=region, clicks=clicks)
    assert CountingSegmenter.calls == 1
    assert again == anew != region
    assert again.base == anew.base == region
    assert again.source == "automatic+clicks"


def test_a_click_on_a_bar_has_the_segmenter_look_again(stages: Stages) -> None:
    photo = load_photo(letterboxed(room()))
    region = floor_region(photo, stages)
    again = floor_region(photo, stages, region=region, clicks=[(100, 450)])
    assert again == floor_region(photo, stages, clicks=[(100, 450)])


def test_the_view_is_of_the_upright_photo(stages: Stages) -> None:
    class Recorder(FakeNormaliser):
        """Keeps what it was shown."""

        def view(self, pixels: Any, mask: Any) -> Any:
            shown.append((pixels, mask))
            return super().view(pixels, mask)

    shown: list[Any] = []
    recorder = replace(stages, normaliser=Recorder(stages.normaliser.stamp))
    mask = np.zeros((320, 300), bool)
    mask[:, 200:] = True
    floor_view(load_photo(np.ascontiguousarray(room()[:, :300])), mask, recorder, turn=1)
    pixels, turned = shown[0]
    assert pixels.shape == (300, 320, 3)
    assert turned[200:].all() and not turned[:200].any()
