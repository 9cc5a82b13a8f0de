"""The built-in segmenter on pictures whose floor is known."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from weakref import ref

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from floorlens.demo.samples import samples
from floorlens.images.loading import load_photo
from floorlens.models.onnx import WEIGHTS, load_session, session_stamp
from floorlens.recent import forget_old
from floorlens.segmentation import Click
from floorlens.segmentation.backends import builtin
from floorlens.segmentation.backends.builtin import BuiltinSegmenter, _between, is_noise
from floorlens.segmentation.network import DECODER, TRUNK, Features, FloorNetwork

pytestmark = pytest.mark.slow

LIMIT_MB = 12


@pytest.fixture(scope="module")
def segmenter() -> BuiltinSegmenter:
    return BuiltinSegmenter(threads=2)


def rooms() -> list[str]:
    """Returns the stems of the sample rooms."""
    return sorted(path.stem for path in (samples() / "rooms").iterdir())


def truth(stem: str) -> NDArray[np.bool_]:
    """Returns the true mask of a sample room."""
    return np.asarray(Image.open(samples() / "masks" / f"{stem}.png").convert("L")) > 127


def iou(claimed: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    """Returns intersection over union."""
    return float((claimed & true).sum() / (claimed | true).sum())


@pytest.mark.parametrize("stem", rooms())
def test_sample_rooms(segmenter: BuiltinSegmenter, stem: str) -> None:
    """Rooms that no training has seen: most of the floor, and little else."""
    photo = load_photo(samples() / "rooms" / f"{stem}.jpg")
    floor = segmenter.segment(photo.pixels)
    assert floor.pixels.shape == photo.pixels.shape[:2]
    assert floor.pixels.dtype == np.float32
    assert 0 <= floor.pixels.min() <= floor.pixels.max() <= 1
    assert iou(floor.pixels > 0.5, truth(stem)) > 0.7
    assert floor.visible > 0.5


@pytest.mark.parametrize("size", [(97, 640), (640, 97), (33, 33), (16, 16), (1280, 721)])
def test_any_size_and_shape(segmenter: BuiltinSegmenter, size: tuple[int, int]) -> None:
    """Padding to the network's stride never shows in the answer's shape."""
    pixels = np.random.default_rng(0).integers(0, 255, (*size, 3), dtype=np.uint8)
    assert segmenter.segment(pixels).pixels.shape == size


def test_the_same_photo_gives_the_same_mask(segmenter: BuiltinSegmenter) -> None:
    """Nothing is remembered from one photo to the next."""
    photo = load_photo(samples() / "rooms" / f"{rooms()[0]}.jpg").pixels
    first = segmenter.segment(photo)
    segmenter.segment(photo[::-1].copy())
    again = segmenter.segment(photo)
    np.testing.assert_array_equal(first.pixels, again.pixels)
    assert first.visible == again.visible


@pytest.mark.parametrize("stem", rooms()[:4])
def test_mirroring_changes_next_to_nothing(segmenter: BuiltinSegmenter, stem: str) -> None:
    """A mirrored room has the mirrored floor, but for the rounding of scales and specks."""
    photo = load_photo(samples() / "rooms" / f"{stem}.jpg").pixels
    straight = segmenter.segment(photo).pixels > 0.5
    mirrored = segmenter.segment(photo[:, ::-1].copy()).pixels[:, ::-1] > 0.5
    assert iou(straight, mirrored) > 0.995


class Recorder(FloorNetwork):
    """The network, keeping the pictures that its trunk was shown; or one that is unsure."""

    def __init__(self, floor: float | None = None) -> None:
        super().__init__(load_session(TRUNK, 1), load_session(DECODER, 1))
        self.floor = floor
        self.pictures: list[NDArray[np.uint8]] = []
        self.seen: list[ref[NDArray[np.float32]]] = []
        self.decodings = 0

    def features(self, picture: NDArray[np.uint8]) -> Features:
        self.pictures.append(picture)
        features = super().features(picture)
        self.seen = [ref(values) for values in features.values()]
        return features

    def decode(
        self, features: Features, clicks: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], float, float]:
        self.decodings += 1
        floor, rug, visible, upright = super().decode(features, clicks)
        if self.floor is not None:
            floor = np.full_like(floor, self.floor)
        return floor, rug, visible, upright

    def segment(self, pixels: NDArray[np.uint8], clicks: tuple[Click, ...] = ()) -> None:
        BuiltinSegmenter(network=self).segment(pixels, clicks)


def brighter_left(height: int = 250) -> NDArray[np.uint8]:
    """Returns a picture of the network's width that is not turned before it is looked at."""
    pixels = np.random.default_rng(0).integers(0, 200, (height, 384, 3), dtype=np.uint8)
    pixels[:, :192] += 50
    return pixels


def test_a_photo_is_padded_by_reflection() -> None:
    """So the network was trained; streaks of a repeated edge cost points of IoU."""
    recorder, pixels = Recorder(floor=0.9), brighter_left()
    recorder.segment(pixels)
    (picture,) = recorder.pictures
    assert picture.shape == (256, 384, 3)
    np.testing.assert_array_equal(picture[:250], pixels)
    np.testing.assert_array_equal(picture[250:], pixels[243:249][::-1])


def test_a_photo_and_its_mirror_image_are_one_picture_to_the_network() -> None:
    recorder, pixels = Recorder(floor=0.9), brighter_left(256)
    recorder.segment(pixels)
    recorder.segment(np.ascontiguousarray(pixels[:, ::-1]))
    np.testing.assert_array_equal(recorder.pictures[0], recorder.pictures[1])


def test_an_unsure_answer_costs_a_second_look() -> None:
    """At the mirror image; a sure answer costs one, and so does one with clicks."""
    pixels, click = brighter_left(256), (Click(40, 200),)
    for floor, clicks, looks in ((0.95, (), 1), (0.02, (), 1), (0.6, (), 2), (0.6, click, 1)):
        recorder = Recorder(floor)
        recorder.segment(pixels, clicks)
        assert len(recorder.pictures) == looks, (floor, clicks)
        np.testing.assert_array_equal(recorder.pictures[-1], pixels[:, :: -1 if looks == 2 else 1])


def test_clicks_on_a_photo_that_was_seen_cost_the_decoder_alone() -> None:
    """And give the answer that they give on one that was not, to the last bit."""
    recorder = Recorder()
    warm = BuiltinSegmenter(network=recorder)
    pixels = load_photo(samples() / "rooms" / f"{rooms()[0]}.jpg").pixels
    for way in (pixels, np.ascontiguousarray(pixels[:, ::-1])):
        warm.segment(way)
        looks = len(recorder.pictures)
        for clicks in ((Click(40, 200),), (Click(40, 200), Click(900, 700, False))):
            answer = warm.segment(way, clicks)
            expected = BuiltinSegmenter(threads=1).segment(way, clicks)
            np.testing.assert_array_equal(answer.pixels, expected.pixels)
            assert (answer.visible, answer.rug_share) == (expected.visible, expected.rug_share)
        assert len(recorder.pictures) == looks
    assert recorder.decodings >= 6


def test_another_photo_is_not_taken_for_one_that_was_seen() -> None:
    """Nor is one that the caller has written into meanwhile; the network's own size included."""
    recorder, pixels = Recorder(floor=0.9), brighter_left(256)
    segmenter = BuiltinSegmenter(network=recorder)
    segmenter.segment(pixels)
    pixels[10, 10] ^= 1
    segmenter.segment(pixels)
    segmenter.segment(pixels.reshape(384, 256, 3))
    assert len(recorder.pictures) == 3


def test_a_photo_of_which_the_caller_wrote_over_the_pixels_is_remembered_as_it_was() -> None:
    """An unsure answer looks at the pixels again."""
    recorder, pixels = Recorder(floor=0.6), brighter_left(256)
    segmenter, original = BuiltinSegmenter(network=recorder), pixels.copy()
    segmenter.segment(pixels)
    pixels[:] = 0
    segmenter.segment(original)
    np.testing.assert_array_equal(recorder.pictures[-1], original[:, ::-1])


def test_few_photos_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last ones, by number and by bytes: memory stays as it is."""
    pictures = [brighter_left(256) ^ np.uint8(value) for value in range(4)]
    monkeypatch.setattr(builtin, "MOST_PICTURES", 3)
    recorder = Recorder(floor=0.95)
    segmenter = BuiltinSegmenter(network=recorder)
    for number, looks in ((0, 1), (1, 2), (2, 3), (0, 3), (3, 4), (0, 4), (1, 5)):
        segmenter.segment(pictures[number])
        assert len(recorder.pictures) == looks, number
    monkeypatch.setattr(builtin, "MOST_BYTES", 8_000_000)
    segmenter = BuiltinSegmenter(network=recorder)
    for number, looks in ((2, 6), (3, 7), (3, 7), (2, 7), (0, 8), (3, 9)):
        segmenter.segment(pictures[number])
        assert len(recorder.pictures) == looks, number
    monkeypatch.setattr(builtin, "MOST_BYTES", 1)
    segmenter = BuiltinSegmenter(network=recorder)
    segmenter.segment(pictures[1])
    segmenter.segment(pictures[1])
    assert len(recorder.pictures) == 11


@pytest.mark.parametrize("another", [False, True])
def test_a_photo_is_forgotten_after_minutes(another: bool) -> None:
    """What was seen in it does not stay, whether or not another photo comes."""
    now, photo = 0.0, brighter_left(256)
    recorder = Recorder(floor=0.95)
    segmenter = BuiltinSegmenter(network=recorder, now=lambda: now)
    segmenter.segment(photo)
    values = recorder.seen
    now = 299.0
    forget_old()
    assert all(value() is not None for value in values)
    now = 301.0
    if another:
        segmenter.segment(photo ^ np.uint8(1))
    else:
        forget_old()
    assert all(value() is None for value in values)


def test_photos_are_remembered_by_several_threads_at_once() -> None:
    segmenter = BuiltinSegmenter(threads=1)
    pictures = [brighter_left(64 + 8 * number) for number in range(12)]
    click = (Click(40, 20),)
    expected = [segmenter.segment(one, click).pixels for one in pictures]
    with ThreadPoolExecutor(4) as pool:
        numbers = [number % 12 for number in range(0, 180, 5)]
        answers = list(pool.map(lambda n: segmenter.segment(pictures[n], click).pixels, numbers))
    for number, answer in zip(numbers, answers, strict=True):
        np.testing.assert_array_equal(answer, expected[number])


def test_two_looks_agree_between_their_logits() -> None:
    low, high = np.float32(0.6), np.float32(0.9)
    logits = [np.log(p / (1 - p)) for p in (low, high, _between(low, high))]
    assert logits[2] == pytest.approx((logits[0] + logits[1]) / 2, abs=1e-4)
    assert _between(np.float32(1), np.float32(0)) == pytest.approx(0.5)
    assert _between(np.float32(1), np.float32(1)) > 0.999


def test_the_files_are_small_and_stamped(segmenter: BuiltinSegmenter) -> None:
    """At most 12 MB, and both say what they are."""
    assert sum((WEIGHTS / name).stat().st_size for name in (TRUNK, DECODER)) < LIMIT_MB * 1e6
    stamps = [session_stamp(load_session(name, 1)) for name in (TRUNK, DECODER)]
    assert stamps == [segmenter.stamp] * 2
    assert segmenter.stamp.model_id == "floorlens-segmenter"
    assert segmenter.stamp.licence
    assert segmenter.stamp.preprocessing


def products() -> list[str]:
    """Returns the stems of the sample products."""
    return sorted(path.stem for path in (samples() / "products").iterdir())


@pytest.mark.parametrize("stem", products())
def test_a_picture_of_nothing_but_floor_is_all_floor(
    segmenter: BuiltinSegmenter, stem: str
) -> None:
    """Products seen from above, no wall in sight: a full mask."""
    photo = load_photo(samples() / "products" / f"{stem}.jpg")
    floor = segmenter.segment(photo.pixels)
    assert (floor.pixels > 0.5).mean() > 0.97
    assert floor.visible > 0.5


def noise(kind: str) -> NDArray[np.uint8]:
    """Returns a picture without anything in it, uint8 (480, 640, 3)."""
    rng = np.random.default_rng(4)
    if kind in ("black", "white", "grey"):
        return np.full((480, 640, 3), {"black": 0, "white": 255, "grey": 128}[kind], np.uint8)
    channels = 1 if "grey" in kind else 3
    if "uniform" in kind:
        values = rng.integers(0, 256, (480, 640, channels)).astype(np.float32)
    else:
        values = rng.normal(128, 50, (480, 640, channels)).astype(np.float32)
    pixels = np.clip(values, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(pixels, (480, 640, 3)))


@pytest.mark.parametrize(
    "kind",
    ["black", "white", "grey", "uniform", "normal", "uniform grey", "normal grey"],
)
def test_noise_and_plain_pictures_have_no_floor(segmenter: BuiltinSegmenter, kind: str) -> None:
    """What shows nothing shows no floor, at any size."""
    for step in (1, 2, 3):
        pixels = np.ascontiguousarray(noise(kind)[::step, ::step])
        assert segmenter.segment(pixels).visible < 0.5


@pytest.mark.parametrize("stem", products())
def test_no_floor_is_taken_for_noise(stem: str) -> None:
    """Terrazzo, carpet and sisal are the nearest to noise that floors come."""
    pixels = load_photo(samples() / "products" / f"{stem}.jpg").pixels
    assert not is_noise(pixels)
    grey = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    assert not is_noise(grey)
    grain = np.random.default_rng(1).normal(0, 15, pixels.shape)
    assert not is_noise(np.clip(pixels + grain, 0, 255).astype(np.uint8))


def test_clicks_reach_the_network(segmenter: BuiltinSegmenter) -> None:
    """Told what is not floor and what is, it believes it there more than before."""
    stem = rooms()[0]
    pixels = load_photo(samples() / "rooms" / f"{stem}.jpg").pixels
    before = segmenter.segment(pixels)
    height, width = pixels.shape[:2]
    rows, columns = np.nonzero(before.pixels > 0.9)
    floor = rows[len(rows) // 2], columns[len(rows) // 2]
    wall = height // 10, width // 2
    against = segmenter.segment(pixels, [Click(float(floor[1]), float(floor[0]), False)])
    assert against.pixels[floor] < before.pixels[floor] - 0.2
    towards = segmenter.segment(pixels, [Click(float(wall[1]), float(wall[0]), True)])
    assert towards.pixels[wall] > before.pixels[wall] + 0.2
