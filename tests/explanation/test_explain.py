"""Comparing a photo with one product: the search's own numbers, facts, patches, clear errors."""

from __future__ import annotations

import io
import json
import pickle
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from floorlens import Floorlens
from floorlens.embedding import AspectName, FloorFeatures
from floorlens.errors import CatalogueError, ImageError, ProductNotFound, UsageError
from floorlens.explanation.alignment import Alignment
from floorlens.explanation.explain import palette
from floorlens.images.colour import srgb_to_lab
from floorlens.images.loading import load_photo
from floorlens.normalisation import FloorView
from floorlens.testing import FakeEmbedder, FakeNormaliser, fake_stages
from tests.conftest import ROOT

PRODUCTS = ("oak-natural-plank", "walnut-herringbone", "terrazzo-grigio", "oak-honey-herringbone")
ROOM = ROOT / "samples" / "rooms" / "living-oak-sun.jpg"


# -- without models --------------------------------------------------------------------------------


def test_the_match_is_the_searchs_own(lens: Floorlens, room: Path) -> None:
    result = lens.search(room)
    for match in result.matches[:3]:
        explanation = lens.compare(room, match.product.id)
        assert explanation.match == match
        assert explanation.product == match.product
        assert np.array_equal(explanation.floor.mask, result.floor.mask)
    # These stages measure no facts.
    assert (explanation.facts, explanation.reason) == (None, "")
    assert json.loads(json.dumps(explanation.as_dict()))["match"]["id"] == match.product.id


def test_a_product_that_a_search_would_not_look_at_closely_has_components_too(
    tmp_path: Path, product_csv: Path, room: Path
) -> None:
    with Floorlens.open(tmp_path / "c", stages=fake_stages(rerank_depth=2)) as lens:
        lens.add(product_csv)
        last = lens.search(room).matches[-1]
        assert last.components is None
        match = lens.compare(room, last.product.id).match
    assert match is not None
    assert (match.rank, match.score) == (last.rank, last.score)
    assert match.components is not None


def test_a_floor_is_looked_at_once_for_several_products(
    lens: Floorlens, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = {one: lens.compare(room, one, region=(0, 60, 160, 120)) for one in ("oak", "ash")}
    views: list[int] = []
    whole = FakeNormaliser.view

    def view(*arguments: Any, **options: Any) -> FloorView:
        views.append(1)
        return whole(*arguments, **options)

    monkeypatch.setattr(FakeNormaliser, "view", view)
    again = {one: lens.compare(room, one, region=(0, 60, 160, 120)) for one in ("oak", "ash")}
    assert again == fresh
    of_products = len(views)
    other = lens.compare(room, "oak", region=(0, 70, 160, 120))
    assert len(views) - of_products > of_products / 2
    assert other.floor != fresh["oak"].floor


@pytest.mark.parametrize("depth", [2, 200])
def test_the_floor_is_embedded_once(
    tmp_path: Path, product_csv: Path, room: Path, depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of a product that the first look at the ranking does not reach."""
    with Floorlens.open(tmp_path / "c", stages=fake_stages(rerank_depth=depth)) as lens:
        lens.add(product_csv)
        last = lens.search(room).matches[-1].product.id
        embedded: list[list[str]] = []
        features = FakeEmbedder.features

        def counted(self: FakeEmbedder, views: Mapping[AspectName, FloorView]) -> FloorFeatures:
            embedded.append(list(views))
            return features(self, views)

        monkeypatch.setattr(FakeEmbedder, "features", counted)
        assert lens.compare(room, last).match is not None
    # The photo, and the one picture of the product.
    assert embedded == [["scene"], ["swatch"]]


def test_a_region_and_clicks_are_those_of_a_search(lens: Floorlens, room: Path) -> None:
    floor = lens.compare(room, "oak", region=(0, 60, 80, 120)).floor
    assert floor.source == "box"
    assert floor.share == pytest.approx(0.25)
    clicked = lens.compare(room, "oak", clicks=iter([(80, 110)]))
    assert clicked.floor.source == "automatic+clicks"


def test_unknown_and_missing(lens: Floorlens, room: Path, product_folder: Path) -> None:
    with pytest.raises(ProductNotFound, match="'ebony'"):
        lens.compare(room, "ebony")
    file = product_folder / "oak.png"
    Image.new("RGB", (40, 40), "blue").save(file)
    with pytest.raises(CatalogueError, match="another picture than was indexed"):
        lens.compare(room, "oak")
    file.unlink()
    with pytest.raises(ImageError, match=r"product 'oak' .*oak\.png.* Put the picture back"):
        lens.compare(room, "oak")


def test_an_explanation_fits_in_a_notebook(lens: Floorlens, room: Path) -> None:
    explanation = lens.compare(room, "oak")
    assert repr(explanation) == "Explanation('oak': no reason; pairs: 1)"
    with Image.open(io.BytesIO(explanation._repr_png_())) as picture:
        assert np.array_equal(np.asarray(picture), explanation.picture())
    again = pickle.loads(pickle.dumps(explanation))
    assert again == explanation
    assert again.pairs == explanation.pairs
    assert again != lens.compare(room, "ash")
    assert again != "an explanation"
    assert explanation.squares is not None
    surface = replace(explanation.squares.product, scale="sizes")
    for alignment, scale in ((None, "unknown"), (Alignment(1, 0, True, 1), "patterns")):
        squares = replace(explanation.squares, product=surface, alignment=alignment)
        other = replace(explanation, squares=squares)
        assert other.scale == scale
        assert (other == explanation) == (explanation.scale == scale)
    assert np.array_equal(again.picture(), explanation.picture())
    assert explanation.picture(16).ndim == 3
    for side in (0, 1, 15, 20.5):
        for draw in (explanation.picture, explanation.patches):
            with pytest.raises(UsageError, match="16 or more"):
                draw(side)  # type: ignore[arg-type]


def test_the_patches_alone(lens: Floorlens, room: Path) -> None:
    """The floor's above: in the fakes' pictures each patch has one colour."""
    explanation = lens.compare(room, "oak")
    patches = explanation.patches(20)
    assert patches.shape == (40, 20 * len(explanation.pairs), 3)
    for part, patch in (
        (patches[:20, :20], explanation.pairs[0].floor),
        (patches[20:, :20], explanation.pairs[0].product),
    ):
        assert np.abs(part.mean((0, 1)) - patch.pixels.mean((0, 1))).max() < 2


def test_its_json_names_no_folder(lens: Floorlens, room: Path, product_folder: Path) -> None:
    """A service hands it out: where the files of the catalogue lie is nobody's business."""
    values = lens.compare(room, "oak").as_dict()
    assert values["product"]["images"] == ["oak.png"]
    assert values["pairs"][0]["product"]["picture"] == "oak.png"
    for answer in (values, lens.search([room, room]).as_dict(), lens.similar("oak").as_dict()):
        assert str(product_folder.parent) not in json.dumps(answer)


class Quarters(FakeNormaliser):
    """Cuts four patches and says where."""

    def view(self, pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> FloorView:
        view = super().view(pixels, mask)
        places = np.array([[5, 5, 10], [15, 5, 10], [5, 15, 10], [15, 15, 10]], np.float32)
        return replace(
            view,
            patches=np.repeat(view.patches, 4, axis=0),
            coverage=np.ones(4, np.float32),
            places=places,
        )


class EachPatch(FakeEmbedder):
    """Embeds the colour of each patch."""

    def features(self, views: Mapping[AspectName, FloorView]) -> FloorFeatures:
        aspects = super().features(views).aspects
        rows = {name: srgb_to_lab(view.patches).mean(axis=(1, 2)) for name, view in views.items()}
        return FloorFeatures(
            {
                name: replace(aspect, base=rows[name].astype(np.float16))
                for name, aspect in aspects.items()
            }
        )


def test_pairs_say_where_they_come_from(tmp_path: Path, product_csv: Path, room: Path) -> None:
    stages = fake_stages()
    stages = replace(
        stages,
        normaliser=Quarters(stages.normaliser.stamp),
        embedder=EachPatch(stages.embedder.stamp),
    )
    with Floorlens.open(tmp_path / "c", stages=stages) as lens:
        lens.add(product_csv)
        pairs = lens.compare(room, "oak").pairs
    assert [pair.similarity for pair in pairs] == pytest.approx([1.0] * 4)
    assert {pair.floor.place for pair in pairs} == {pair.product.place for pair in pairs}
    assert len({pair.floor.place for pair in pairs}) == 4
    assert (pairs[0].floor.picture, Path(pairs[0].product.picture).name) == ("", "oak.png")


def test_a_palette_runs_from_dark_to_light_in_equal_parts() -> None:
    lab = np.zeros((100, 3))
    lab[:, 0] = np.random.default_rng(0).permutation(100)
    assert palette(lab, 5)[:, 0].tolist() == [9.5, 29.5, 49.5, 69.5, 89.5]
    assert palette(lab[:1], 5)[:, 0].tolist() == [lab[0, 0]] * 5


# -- with the real models --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floorlens]:
    folder = tmp_path_factory.mktemp("real")
    (folder / "products").mkdir()
    for name in PRODUCTS:
        shutil.copy(ROOT / "samples" / "products" / f"{name}.jpg", folder / "products")
    with Floorlens.open(folder / "catalogue", threads=1) as lens:
        lens.add(folder / "products")
        yield lens


@pytest.mark.slow
def test_every_match_of_a_search_has_its_reason(real: Floorlens) -> None:
    matches = {match.product.id: match for match in real.search(ROOM).matches}
    assert matches["oak-natural-plank"].rank == 1
    assert matches["oak-natural-plank"].reason.startswith("same plank pattern, ")
    assert matches["walnut-herringbone"].reason.startswith("herringbone, not planks, ")
    assert " darker" in matches["walnut-herringbone"].reason
    explanation = real.compare(ROOM, "walnut-herringbone")
    assert explanation.reason.startswith(matches["walnut-herringbone"].reason[:40])
    assert explanation.match == replace(matches["walnut-herringbone"], reason=explanation.reason)


@pytest.mark.slow
def test_floor_and_product_have_attributes_without_sizes_of_the_floor(real: Floorlens) -> None:
    explanation = real.compare(ROOM, "oak-natural-plank")
    assert explanation.floor_attributes["material"].value == "wood look"
    assert not {"piece_width", "piece_length"} & explanation.floor_attributes.keys()
    assert explanation.product_attributes == real.attributes("oak-natural-plank")
    assert explanation.facts is not None
    assert explanation.facts.floor_grain == explanation.floor_attributes["grain"].value
    assert explanation.facts.product_knots == explanation.product_attributes["knots"].value


@pytest.mark.slow
def test_warm_light_makes_colours_uncertain(real: Floorlens) -> None:
    pixels = load_photo(ROOM).pixels
    linear = (pixels / 255.0) ** 2.2 * (1.2, 1.0, 0.6)
    warm = (np.clip(linear / np.quantile(linear, 0.99), 0, 1) ** (1 / 2.2) * 255).astype(np.uint8)
    assert "warm light" not in real.compare(pixels, "oak-natural-plank").reason
    lit = real.compare(warm, "oak-natural-plank")
    assert lit.reason.endswith("colour uncertain: warm light")
    assert lit.facts is not None
    assert "warm light" in lit.facts.doubts


@pytest.mark.slow
def test_patches_correspond_and_can_be_looked_at(real: Floorlens) -> None:
    explanation = real.compare(ROOM, "oak-natural-plank")
    assert 2 <= len(explanation.pairs) <= 4
    values = [pair.similarity for pair in explanation.pairs]
    assert values == sorted(values, reverse=True)
    mask = explanation.floor.working_mask
    for pair in explanation.pairs:
        assert pair.floor.pixels.shape == pair.product.pixels.shape == (160, 160, 3)
        assert pair.floor.place is not None
        x, y, _ = pair.floor.place
        assert mask[round(y), round(x)]
    picture = explanation.picture(100)
    assert picture.dtype == np.uint8
    # The last two colours are drawn as they were measured.
    for lab, x in ((explanation.floor_palette[-1], 20), (explanation.product_palette[-1], 130)):
        drawn = srgb_to_lab(picture[-20, x])
        assert np.abs(drawn - lab).max() < 1.5
