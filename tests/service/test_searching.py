"""Searches of a service: what pictures they decode, and for how long."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from floorlens import Floorlens
from floorlens.errors import CatalogueError, ImageTimeout, RegionError
from floorlens.images.decoding import decode_photo
from floorlens.images.loading import Photo
from floorlens.images.masks import mask_png
from floorlens.service import searching as module
from floorlens.service.queries import SearchQuery
from floorlens.service.searches import Searches
from floorlens.service.searching import Searching
from floorlens.service.store import Store


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that each decoded picture was given."""
    given: list[float] = []

    def decode(*arguments: Any, seconds: float, **options: Any) -> Photo:
        given.append(seconds)
        return decode_photo(*arguments, seconds=seconds, **options)

    monkeypatch.setattr(module, "decode_photo", decode)
    return given


@pytest.fixture
def searches(tmp_path: Path) -> Searches:
    return Searches(Store(tmp_path / "state"), keep_hours=1, keep_mb=10)


def in_base64(file: bytes) -> str:
    return base64.b64encode(file).decode()


def test_a_search_may_end_before_each_picture(
    lens: Floorlens, searches: Searches, room: Path, seconds: list[float]
) -> None:
    """A decoder may take half a minute: whoever has gone must not have eight photos decoded."""
    mask = in_base64(mask_png(np.ones((120, 160), np.bool_)))
    query = SearchQuery((None, mask), ((), ()))
    files = [room.read_bytes()] * 2
    searching = Searching(lens, searches)
    stages: list[str] = []
    searching.search(None, files, query, limit=1, progress=stages.append)
    assert stages[:3] == ["decode"] * 3
    assert len(seconds) == 3
    for decoded in range(3):
        seconds.clear()
        stages.clear()

        def end(stage: str, after: int = decoded) -> None:
            if len(seconds) == after:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            searching.search(None, files, query, limit=1, progress=end)
        assert len(seconds) == decoded


def test_a_picture_has_no_more_time_than_its_request(
    lens: Floorlens, searches: Searches, room: Path, seconds: list[float]
) -> None:
    left = 60.0
    searching = Searching(lens, searches, picture_seconds=20, seconds_left=lambda: left)
    searching.decode(room.read_bytes())
    left = 7.0
    searching.decode(room.read_bytes())
    assert seconds == [20, 7]


def test_when_the_time_of_the_request_is_over_that_is_said(
    lens: Floorlens, searches: Searches, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not that the picture takes long, or that the mask is none."""

    def decode(*_: Any, **__: Any) -> Photo:
        stages.append("decoder")
        raise ImageTimeout("took longer than 7 s")

    def progress(stage: str) -> None:
        stages.append(stage)
        if len(stages) == 3:
            raise InterruptedError

    monkeypatch.setattr(module, "decode_photo", decode)
    searching = Searching(lens, searches)
    stages: list[str] = []
    with pytest.raises(InterruptedError):
        searching.decode(room.read_bytes(), progress)
    assert stages == ["decode", "decoder", "decode"]
    with pytest.raises(ImageTimeout):
        searching.decode(room.read_bytes())


def test_a_mask_of_another_size_is_not_decoded(
    lens: Floorlens, searches: Searches, seconds: list[float]
) -> None:
    """A few bytes can be a hundred million pixels."""
    searching = Searching(lens, searches)
    wide = mask_png(np.ones((4000, 8000), np.bool_))
    with pytest.raises(RegionError, match=r"the mask has 8000 x 4000 pixels, the photo 160 x 120"):
        searching.region(in_base64(wide), (160, 120))
    assert not seconds
    # It may be turned by EXIF, which only a decoder knows.
    region = searching.region(in_base64(mask_png(np.ones((160, 120), np.bool_))), (160, 120))
    assert np.asarray(region).shape == (160, 120)
    assert len(seconds) == 1


def test_floor_is_where_a_mask_is_brighter_than_half(lens: Floorlens, searches: Searches) -> None:
    colours = [(127, 127, 127), (128, 128, 128), (255, 0, 0), (255, 128, 0), (255, 255, 255)]
    file = io.BytesIO()
    pixels = np.array([colours], np.uint8).repeat(16, axis=0).repeat(16, axis=1)
    Image.fromarray(pixels).save(file, "PNG")
    region = np.asarray(Searching(lens, searches).region(in_base64(file.getvalue()), (80, 16)))
    assert region[0, ::16].tolist() == [False, True, False, True, True]


def test_pictures_of_a_comparison_are_not_worked_out_again(
    lens: Floorlens, searches: Searches, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searching = Searching(lens, searches)
    query = SearchQuery((None,), ((),))
    search = searching.search(None, [room.read_bytes()], query, limit=1).search
    assert search is not None
    options: Any = {"even_light": True, "side": 64}
    # Another process has compared.
    alone = Searching(lens, searches).scaled_views(search, "oak", 0, **options)
    asked: list[str] = []
    for name in ("compare", "scaled_squares"):
        whole = getattr(Floorlens, name)

        def ask(*arguments: Any, name: str = name, whole: Any = whole, **options: Any) -> Any:
            asked.append(name)
            return whole(*arguments, **options)

        monkeypatch.setattr(Floorlens, name, ask)
    explanation = searching.compare(search, "oak", 0)
    assert searching.compare(search, "oak", 0) is explanation
    views = searching.scaled_views(search, "oak", 0, **options)
    assert asked == ["compare"]
    assert alone is not None
    assert views is not None
    assert np.array_equal(views.floor, alone.floor)
    assert np.array_equal(views.product, alone.product)
    assert views.scale == alone.scale
    # After a change of the catalogue it is another one.
    lens.update("oak", name="Oak, oiled")
    again = searching.compare(search, "oak", 0)
    assert again is not None
    assert again.product.name == "Oak, oiled"
    assert asked == ["compare"] * 2


def test_both_squares_are_worked_out_once_where_another_process_compared(
    lens: Floorlens, searches: Searches, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searching = Searching(lens, searches)
    query = SearchQuery((None,), ((),))
    search = searching.search(None, [room.read_bytes()], query, limit=1).search
    assert search is not None
    whole, asked = Floorlens.scaled_squares, []

    def ask(*arguments: Any, **options: Any) -> Any:
        asked.append(arguments[2])
        return whole(*arguments, **options)

    monkeypatch.setattr(Floorlens, "scaled_squares", ask)
    for even_light, side in ((True, 64), (True, 64), (False, 96)):
        views = searching.scaled_views(search, "oak", 0, even_light=even_light, side=side)
        assert views is not None
        assert views.product.shape == (side, side, 3)
    assert asked == ["oak"]
    assert searching.scaled_views(search, "walnut", 0, even_light=True, side=64) is not None
    assert asked == ["oak", "walnut"]


@pytest.mark.parametrize("verb", ["compare", "scaled_squares"])
def test_a_picture_that_is_replaced_during_a_comparison_is_told(
    lens: Floorlens, searches: Searches, room: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """What was compared is of the picture before: it must not pass for the new one's."""
    searching = Searching(lens, searches)
    query = SearchQuery((None,), ((),))
    search = searching.search(None, [room.read_bytes()], query, limit=1).search
    assert search is not None
    (picture,) = lens.product("oak").images
    whole = getattr(Floorlens, verb)

    def replace_meanwhile(*arguments: Any, **options: Any) -> Any:
        answer = whole(*arguments, **options)
        Image.new("RGB", (90, 70), "red").save(picture)
        return answer

    def ask() -> Any:
        if verb == "compare":
            return searching.compare(search, "oak", 0)
        return searching.scaled_views(search, "oak", 0, even_light=True, side=64)

    with monkeypatch.context() as patch:
        patch.setattr(Floorlens, verb, replace_meanwhile)
        assert ask() is not None
    with pytest.raises(CatalogueError):
        ask()
