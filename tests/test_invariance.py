"""What must not change a ranking: how the photo came to be stored, and how the catalogue did.

On the project's own samples, with the real models.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from floorlens import Floorlens
from floorlens.demo.samples import samples
from floorlens.images.loading import PhotoSource

ROOMS = tuple(sorted(path.name for path in (samples() / "rooms").iterdir()))
FIRST = 10
MAY_CHANGE = 2
"""So many of the first ten products may be others."""
# The EXIF orientation with which a picture must be stored after each turn, to be shown upright.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
FEW = {"oak-natural-plank", "oak-honey-plank", "walnut-plank", "slate-anthracite", "terrazzo-rosa"}

rooms = st.sampled_from(ROOMS)


def examples(count: int) -> settings:
    # What makes an example costs a search with the models.
    return settings(deadline=None, derandomize=True, max_examples=count)


@cache
def photo(name: str) -> Image.Image:
    with Image.open(samples() / "rooms" / name) as image:
        return image.convert("RGB")


def stored(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


class Ranked:
    """The sample catalogue, and what it answers for each room as it is."""

    def __init__(self, lens: Floorlens) -> None:
        self.lens = lens
        self._plain: dict[str, list[str]] = {}

    def first(self, source: PhotoSource) -> list[str]:
        found = self.lens.search(source, limit=FIRST)
        return [match.product.id for match in found.matches]

    def check(self, name: str, changed: PhotoSource) -> None:
        """Asserts that the room, changed, finds the same first products but for a few."""
        if name not in self._plain:
            self._plain[name] = self.first(samples() / "rooms" / name)
        others = set(self.first(changed)) - set(self._plain[name])
        assert len(others) <= MAY_CHANGE, f"{name}: newly among the first {FIRST}: {others}"


@pytest.fixture(scope="module")
def ranked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ranked]:
    with Floorlens.open(tmp_path_factory.mktemp("invariance") / "catalogue") as lens:
        lens.add(samples() / "products")
        yield Ranked(lens)


@examples(6)
@given(name=rooms)
def test_the_mirrored_room(ranked: Ranked, name: str) -> None:
    ranked.check(name, ImageOps.mirror(photo(name)))


@pytest.mark.parametrize(
    ("kind", "options"),
    [("JPEG", {"quality": 85}), ("PNG", {"compress_level": 1}), ("WEBP", {"quality": 85})],
)
@examples(3)
@given(name=rooms)
def test_another_encoding(ranked: Ranked, kind: str, options: dict[str, object], name: str) -> None:
    ranked.check(name, stored(photo(name), kind, **options))


@examples(5)
@given(name=rooms, orientation=st.sampled_from(sorted(TURNS)))
def test_a_photo_stored_turned_with_its_exif_orientation(
    ranked: Ranked, name: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = photo(name).transpose(TURNS[orientation])
    data = stored(turned, "PNG", exif=exif, compress_level=1)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert np.array_equal(np.asarray(upright), np.asarray(photo(name)))
    ranked.check(name, data)


@examples(8)
@given(name=rooms, side=st.integers(800, 3000))
def test_another_size(ranked: Ranked, name: str, side: int) -> None:
    image = photo(name)
    scale = side / max(image.size)
    size = round(image.width * scale), round(image.height * scale)
    ranked.check(name, image.resize(size, Image.Resampling.LANCZOS))


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Product id -> a folder with its picture alone; "twin" has the bytes of the first."""
    folders = {}
    for name in [*sorted(FEW), "twin"]:
        folders[name] = tmp_path_factory.mktemp(name)
        picture = "oak-natural-plank" if name == "twin" else name
        source = samples() / "products" / f"{picture}.jpg"
        shutil.copyfile(source, folders[name] / f"{name}.jpg")
    return folders


@pytest.fixture(scope="module")
def scores_by_order(
    single: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[tuple[str, float]]]:
    yield scores(list(single), single, tmp_path_factory.mktemp("order"))


def scores(order: list[str], single: dict[str, Path], folder: Path) -> list[tuple[str, float]]:
    """Returns the ranking for one room of a catalogue filled in that order."""
    room = ROOMS[0]
    with Floorlens.open(folder / "catalogue") as lens:
        for name in order:
            lens.add(single[name])
        area = photo(room)
        # By hand: the segmenter has no part in this.
        floor = (0, area.height // 2, area.width, area.height)
        found = lens.search(area, region=floor)
        return [(match.product.id, match.score) for match in found.matches]


@examples(3)
@given(order=st.permutations([*sorted(FEW), "twin"]))
def test_the_order_of_indexing(
    single: dict[str, Path],
    scores_by_order: list[tuple[str, float]],
    tmp_path_factory: pytest.TempPathFactory,
    order: list[str],
) -> None:
    assert scores(order, single, tmp_path_factory.mktemp("order")) == scores_by_order


def test_products_of_equal_bytes_score_equally(scores_by_order: list[tuple[str, float]]) -> None:
    of = dict(scores_by_order)
    assert of["twin"] == of["oak-natural-plank"]
    places = [name for name, _ in scores_by_order]
    assert abs(places.index("twin") - places.index("oak-natural-plank")) == 1
    assert len(set(of.values())) == len(FEW)
