"""The parts of the page: names are text and never HTML, and bars stay within their cards."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("httpx", reason="needs the extra ui")


from floorlens.client.answers import Floor, Match
from floorlens.demo.samples import samples
from floorlens.errors import InputError, ServiceError
from floorlens.ui import views

pytestmark = pytest.mark.slow


def match(product_id: str, score: float, name: str) -> Match:
    return Match(
        rank=1,
        id=product_id,
        name=name,
        score=score,
        word=None,
        reason="",
        likeness=None,
        components=None,
        evidence=None,
        attributes={},
        metadata={},
        image_url=None,
        variants=(),
    )


def test_names_and_ids_are_escaped() -> None:
    """They come from other people's tables."""
    evil = '<script>alert("x")</script>'
    html = views.cards([match(f'"{evil}', 0.5, evil)], [None])
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "<script" not in views.header(3, evil)


@pytest.mark.parametrize(("score", "width"), [(-1, "0.0%"), (0.581, "58.1%"), (7, "100.0%")])
def test_a_bar_is_as_long_as_the_score(score: float, width: str) -> None:
    assert f'style="width:{width}"' in views.cards([match("a", score, "A")], [b"jpeg"])


def test_cards_are_numbered_and_the_first_is_marked() -> None:
    html = views.cards([match(x, 0.5, x) for x in "ab"], [b"jpeg", None])
    assert html.index('fl-rank">1<') < html.index('data-product="b"') < html.index('fl-rank">2<')
    assert html.count('class="fl-card fl-first"') == 1
    assert html.count("data:image/jpeg;base64,anBlZw==") == 1
    assert html.count("no picture") == 1


def test_the_floor_is_drawn_on_the_upright_photo() -> None:
    """A telephone stores a photo on its side; the mask is that of the upright photo."""
    pixels = np.full((40, 80, 3), 200, np.uint8)
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(file, "PNG", exif=exif)
    outline = ((0.0, 80.0), (80.0, 80.0), (80.0, 160.0), (0.0, 160.0))
    hole = ((20.0, 120.0), (60.0, 120.0), (60.0, 140.0), (20.0, 140.0))
    # The service may have seen the photo at another size.
    floor = Floor(((outline, hole),), 0.5, 0.9, 0.9, None, (80, 160), "automatic", (), 0)
    drawing = views.draw_floor(file.getvalue(), floor, 1)
    assert drawing.shape == (80, 40, 3)
    assert drawing[:38].max() < 100
    assert (drawing[44:56] == 200).all()
    assert drawing[63:67, 14:26].max() < 100


def test_an_error_has_a_title_and_a_sentence() -> None:
    text = views.problem(ServiceError("cause: cure", "no-floor-found"))
    assert text == "**No floor in sight**\n\nCause: cure"
    assert views.problem(ServiceError("x", "of-tomorrow")).startswith("**The service cannot")


def test_sample_rooms_are_small_and_do_not_give_the_product_away() -> None:
    rooms = views.sample_rooms()
    assert len(rooms) == views.SAMPLE_ROOMS
    assert len({name for name, _ in rooms}) == len(rooms)
    assert all(" " not in name and "-" not in name for name, _ in rooms)
    with Image.open(io.BytesIO(views.thumbnail(rooms[0][1]))) as small:
        assert small.size == views.ROOM_SIZE


def test_an_installation_without_samples_has_no_sample_rooms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none() -> Path:
        raise InputError("none")

    monkeypatch.setattr(views, "samples", none)
    assert samples().is_dir()
    assert views.sample_rooms() == []
