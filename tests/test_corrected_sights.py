"""A corrected floor, seen by what was seen of it before: on the samples, with the real models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from floorlens import Floorlens
from floorlens.demo.samples import samples
from floorlens.embedding.backends.builtin import BuiltinEmbedder
from floorlens.images.loading import load_photo
from floorlens.normalisation.backends import builtin
from floorlens.normalisation.colours import sample_colours
from floorlens.search import Sight
from floorlens.segmentation.network import FloorNetwork

pytestmark = pytest.mark.slow

ROOMS = ("hall-chevron", "kitchen-star-tiles", "bath-terrazzo", "bedroom-walnut-evening")


@pytest.fixture(scope="module")
def lens(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with Floorlens.open(tmp_path_factory.mktemp("catalogue")) as lens:
        pictures = sorted((samples() / "products").glob("*.jpg"))[::2]
        lens.add([{"id": path.stem, "image": str(path)} for path in pictures], adapt=False)
        yield lens


def photo_of(name: str) -> Any:
    return load_photo(Path(samples()) / "rooms" / f"{name}.jpg")


def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Returns a list that gets how many patches each call of the encoder takes."""
    counts: list[int] = []
    encode = BuiltinEmbedder.encode

    def counted(self: BuiltinEmbedder, patches: Any) -> Any:
        counts.append(len(patches))
        return encode(self, patches)

    monkeypatch.setattr(BuiltinEmbedder, "encode", counted)
    return counts


def ranking(lens: Floorlens, sight: Sight) -> list[str]:
    return [match.product.id for match in lens.rank(sight)]


@pytest.mark.parametrize("name", ROOMS)
def test_a_tap_ranks_as_the_same_search_anew(
    lens: Floorlens, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Off floor at its far end and on floor in front: fewer patches are embedded than anew."""
    photo = photo_of(name)
    first = lens.see(photo)
    floor = first.floors[0]
    assert floor is not None and floor.box is not None
    left, _, right, bottom = floor.box
    rows, columns = np.nonzero(floor.working_mask)
    far = (int(columns[0]), int(rows[0]), False)
    clicks = [far, ((left + right) / 2, bottom - 2, True)]
    anew = lens.see(photo, region=floor, clicks=clicks)
    counts = encoded(monkeypatch)
    tapped = lens.see(photo, region=floor, clicks=clicks, earlier=first)
    assert tapped.floors == anew.floors
    assert sum(counts) < len(anew.features.base)
    assert len(tapped.features.base) == len(anew.features.base)
    one, other = ranking(lens, tapped), ranking(lens, anew)
    assert one[0] == other[0]
    assert len(set(one[:5]) & set(other[:5])) >= 4


def test_a_photo_and_its_taps_go_through_the_segmenters_trunk_once(
    lens: Floorlens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, or twice if the first answer is unsure; a tap after that needs the decoder alone."""
    pictures: list[Any] = []
    features = FloorNetwork.features

    def counted(self: FloorNetwork, picture: Any) -> Any:
        pictures.append(picture)
        return features(self, picture)

    monkeypatch.setattr(FloorNetwork, "features", counted)
    pixels = photo_of("bath-terrazzo").pixels.copy()
    # A photo that no other test has shown.
    pixels[0, 0] ^= 1
    sight = lens.see(pixels)
    looks = len(pictures)
    assert looks in (1, 2)
    for place in ((40, 700, True), (600, 700, False), (640, 100, True)):
        sight = lens.see(pixels, region=sight.floors[0], clicks=[place], earlier=sight)
    assert len(pictures) == looks


def test_a_floor_that_stays_costs_nothing(lens: Floorlens, monkeypatch: pytest.MonkeyPatch) -> None:
    """No patch is embedded, and the colour that fills patches beside the floor is not measured."""
    photo = photo_of("hall-chevron")
    first = lens.see(photo)
    counts, samplings = encoded(monkeypatch), []

    def sampled(*images: Any) -> Any:
        samplings.append(images)
        return sample_colours(*images)

    monkeypatch.setattr(builtin, "sample_colours", sampled)
    again = lens.see(photo, region=first.floors[0], earlier=first)
    assert counts == []
    assert len(samplings) == 1
    for part in ("base", "coverage", "lab", "facts", "trust"):
        one, other = (getattr(sight.features.aspects["scene"], part) for sight in (first, again))
        assert np.array_equal(one, other), part


def test_another_floor_is_seen_anew(lens: Floorlens, monkeypatch: pytest.MonkeyPatch) -> None:
    """A box over half of it: the plane and all patches are those of a search for that box."""
    photo = photo_of("hall-chevron")
    first = lens.see(photo)
    floor = first.floors[0]
    assert floor is not None and floor.box is not None
    left, top, right, bottom = floor.box
    box = (left, top, (left + right) // 2, bottom)
    counts = encoded(monkeypatch)
    boxed, anew = (lens.see(photo, region=box, earlier=before) for before in (first, None))
    assert counts[0] == counts[1]
    assert np.array_equal(boxed.features.base, anew.features.base)


def test_of_two_photos_the_one_that_stays_keeps_its_features(
    lens: Floorlens, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = [photo_of("hall-chevron"), photo_of("bath-terrazzo")]
    first = lens.see(photos)
    one, other = first.floors
    assert one is not None and other is not None and one.box is not None
    left, top, right, bottom = one.box
    counts = encoded(monkeypatch)
    regions: list[Any] = [(left, top, (left + right) // 2, bottom), other]
    tapped = lens.see(photos, region=regions, earlier=first)
    anew = lens.see(photos, region=regions)
    assert counts[0] < sum(counts[1:])
    assert tapped.cuts[1] is not None and first.cuts[1] is not None
    count = len(tapped.cuts[1].places)
    assert np.array_equal(tapped.features.base[-count:], first.features.base[-count:])
    assert np.array_equal(tapped.features.base[:-count], anew.features.base[:-count])


def test_many_small_corrections_are_seen_in_the_end(
    lens: Floorlens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is small enough for the squares of before; the floor has half as much again at last."""
    photo = photo_of("hall-chevron")
    floor = lens.see(photo).floors[0]
    assert floor is not None
    columns = np.flatnonzero(floor.working_mask.any(axis=0))
    left, width = int(columns[0]), len(columns)

    def part(share: float) -> Any:
        mask = floor.working_mask.copy()
        mask[:, left + int(share * width) :] = False
        return mask

    sight = lens.see(photo, region=part(0.6))
    counts = encoded(monkeypatch)
    for share in (0.66, 0.72, 0.78, 0.84, 0.9):
        sight = lens.see(photo, region=part(share), earlier=sight)
    assert sum(counts) > 0
