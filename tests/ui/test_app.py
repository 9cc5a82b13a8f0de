"""The states of the page, each with its cure, over HTTP to a real service without models."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("httpx", reason="needs the extra ui")
pytest.importorskip("streamlit", reason="needs the extra ui")


from floorlens import Floorlens
from floorlens.api.server import listen, running_service
from floorlens.client import Client
from floorlens.service.keys import Keys
from floorlens.service.store import Store
from floorlens.settings import Settings
from floorlens.testing import fake_stages
from floorlens.ui import views

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

pytestmark = pytest.mark.slow


def html(page: AppTest) -> str:
    return "".join(str(part.proto.body) for part in page.get("html"))


def products(page: AppTest) -> list[str]:
    """Returns the ids on the page's cards, in their order."""
    return [part.split('"')[0] for part in html(page).split('data-product="')[1:]]


def upload(page: AppTest, data: bytes, name: str = "room.png") -> AppTest:
    page.file_uploader[0].upload(name, data, "image/png").run()
    assert not page.exception
    return page


def test_the_first_page_says_how_it_works(page: AppTest) -> None:
    page.run()
    assert not page.exception
    assert "How it works" in page.markdown[0].value
    assert "6 products" in html(page)
    assert products(page) == []
    assert not page.error


def test_a_photo_brings_the_drawn_floor_and_the_ranking(
    page: AppTest, lens: Floorlens, room: Path
) -> None:
    upload(page.run(), room.read_bytes())
    expected = lens.search(room).matches
    assert products(page) == [match.product.id for match in expected]
    assert f"{100 * expected[0].score:.0f}</span>" in html(page)
    assert "data:image/jpeg;base64," in html(page)
    assert any("50% of the photo" in part.value for part in page.caption)
    assert not page.error


def test_a_click_elsewhere_asks_the_service_nothing(
    page: AppTest, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streamlit runs the page from top to bottom at every click."""
    calls: list[str] = []

    def counting(name: str) -> Callable[..., Any]:
        whole = getattr(Client, name)

        def ask(*arguments: Any, **options: Any) -> Any:
            calls.append(name)
            return whole(*arguments, **options)

        return ask

    for name in ("search", "product_image"):
        monkeypatch.setattr(Client, name, counting(name))
    upload(page.run(), room.read_bytes()).run()
    assert calls == ["search", *["product_image"] * 6]


def test_a_sample_room_is_one_click_away(page: AppTest) -> None:
    """The uploader is emptied, or it would name another photo."""
    page.run()
    small = io.BytesIO()
    Image.new("RGB", (64, 64), "grey").save(small, "PNG")
    upload(page, small.getvalue())
    before = page.file_uploader[0].key
    page.button(key=f"room-{views.sample_rooms()[0][0]}").click().run()
    assert not page.exception
    # The sample has more pixels than this service accepts: so the page has sent it.
    assert "This photo is too large" in page.error[0].value
    assert page.file_uploader[0].key != before


def test_removing_the_photo_leads_back_to_the_first_page(page: AppTest, room: Path) -> None:
    upload(page.run(), room.read_bytes())
    page.file_uploader[0].set_value(None).run()
    assert products(page) == []
    assert "How it works" in page.markdown[0].value


def test_more_products_are_shown_on_request(
    page: AppTest, lens: Floorlens, tmp_path: Path, room: Path
) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(20):
        Image.new("RGB", (20, 20), (number * 10, 90, 90)).save(many / f"p{number:02}.png")
    lens.add(many)
    upload(page.run(), room.read_bytes())
    assert len(products(page)) == 12
    more = next(button for button in page.button if "26 products" in button.label)
    more.click().run()
    assert len(products(page)) == 26
    assert not [button for button in page.button if "products" in button.label]


# -- what can go wrong -------------------------------------------------------------------------


def test_no_floor(page: AppTest, blank: Path) -> None:
    upload(page.run(), blank.read_bytes())
    assert "No floor in sight" in page.error[0].value
    assert "with the floor in the lower part" in page.error[0].value
    assert products(page) == []


def test_no_floor_on_a_photo_that_streamlit_cannot_show(page: AppTest) -> None:
    """It raises for a 16-bit TIFF, and for HEIC, which nothing here can write."""
    file = io.BytesIO()
    Image.fromarray(np.full((60, 80), 51400, np.uint16)).save(file, "TIFF")
    upload(page.run(), file.getvalue(), "room.tif")
    assert "No floor in sight" in page.error[0].value
    # The name of an image differs between versions of Streamlit.
    images = [*page.get("image"), *page.get("imgs")]
    assert len(images) == 1 + len(views.sample_rooms())


def test_no_image(page: AppTest) -> None:
    upload(page.run(), b"a text", "room.jpg")
    assert "cannot be read as a photo" in page.error[0].value
    assert "send a photo as JPEG, PNG" in page.error[0].value


def test_too_large(page: AppTest) -> None:
    file = io.BytesIO()
    Image.new("RGB", (1000, 1000)).save(file, "PNG")
    upload(page.run(), file.getvalue())
    assert "This photo is too large" in page.error[0].value
    assert "0.1 megapixels" in page.error[0].value
    upload(page, b"x" * 300_000)
    assert "0.2 MB" in page.error[0].value


def test_an_empty_catalogue(
    page: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lens: Floorlens, room: Path
) -> None:
    """The page says so before a photo is chosen, and goes on when there are products."""
    folder = tmp_path / "empty"
    settings = Settings(catalogue=str(folder))
    with running_service(settings, create=True, stages=fake_stages()) as url:
        monkeypatch.setenv("FLOORLENS_API_URL", url)
        page.run()
        assert views.EMPTY_TITLE in page.warning[0].value
        assert "floorlens index" in page.warning[0].value
        assert not page.file_uploader
        with Floorlens.open(folder, stages=fake_stages()) as catalogue:
            catalogue.add(tmp_path / "products")
        page.button[0].click().run()
        upload(page, room.read_bytes())
        assert len(products(page)) == 6


def test_a_catalogue_that_is_emptied_meanwhile(
    page: AppTest, lens: Floorlens, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Client.search

    def emptied(self: Client, photo: bytes, **options: Any) -> Any:
        lens.remove([product.id for product in lens.products()])
        return whole(self, photo, **options)

    monkeypatch.setattr(Client, "search", emptied)
    upload(page.run(), room.read_bytes())
    assert "There is nothing to rank" in page.error[0].value
    assert products(page) == []


@pytest.mark.parametrize("password", ["", "me:secret@"])
def test_an_unreachable_service(
    page: AppTest, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    listener.close()
    monkeypatch.setenv("FLOORLENS_API_URL", f"http://{password}127.0.0.1:{port}")
    page.run()
    assert not page.exception
    assert "The service does not answer" in page.error[0].value
    assert "floorlens serve" in page.error[0].value
    assert "secret" not in html(page) + page.error[0].value
    assert not page.file_uploader
    assert page.button[0].label == "Try again"


def test_a_service_that_goes_away_and_comes_back(
    page: AppTest, service: str, monkeypatch: pytest.MonkeyPatch, lens: Floorlens, room: Path
) -> None:
    settings = Settings(catalogue=str(lens.folder))
    with running_service(settings, stages=fake_stages()) as url:
        monkeypatch.setenv("FLOORLENS_API_URL", url)
        page.run()
        assert not page.error
    page.run()
    assert "The service does not answer" in page.error[0].value
    with running_service(settings, stages=fake_stages(), port=int(url.rsplit(":", 1)[1])):
        page.button[0].click().run()
        upload(page, room.read_bytes())
        assert len(products(page)) == 6


def test_a_setting_that_is_no_address(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOORLENS_API_URL", "localhost:8000")
    page.run()
    assert "The page is not set up" in page.error[0].value


def test_a_fallback_is_shown(page: AppTest, room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Client.search
    monkeypatch.setattr(
        Client,
        "search",
        lambda self, photo, **options: replace(
            whole(self, photo, **options), degraded="engine-unavailable"
        ),
    )
    upload(page.run(), room.read_bytes())
    assert page.warning[0].value == views.DEGRADED
    assert len(products(page)) == 6


def test_pictures_that_are_gone_leave_the_ranking(
    page: AppTest, product_folder: Path, room: Path
) -> None:
    shutil.rmtree(product_folder)
    upload(page.run(), room.read_bytes())
    assert len(products(page)) == 6
    assert html(page).count("no picture") == 6


@pytest.mark.parametrize(
    ("scopes", "count"), [(["search"], ""), (["search", "read"], "6 products")]
)
def test_a_service_with_keys(
    page: AppTest,
    lens: Floorlens,
    room: Path,
    monkeypatch: pytest.MonkeyPatch,
    scopes: list[str],
    count: str,
) -> None:
    """A key that may only search is enough, and without one the page says what is missing."""
    settings = Settings(catalogue=str(lens.folder), no_auth=None)
    store = Store(settings.state_folder())
    secret = Keys(store).create("page", scopes)[1]
    store.close()
    with running_service(settings, stages=fake_stages()) as url:
        monkeypatch.setenv("FLOORLENS_API_URL", url)
        page.run()
        assert "asks for a key" in page.error[0].value
        monkeypatch.setenv("FLOORLENS_API_KEY", secret)
        page.button[0].click().run()
        assert not page.error
        assert count in html(page)
        upload(page, room.read_bytes())
        assert len(products(page)) == 6


def test_more_products_of_a_service_that_keeps_no_searches(
    page: AppTest, lens: Floorlens, tmp_path: Path, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(20):
        Image.new("RGB", (20, 20), (number * 10, 90, 90)).save(many / f"p{number:02}.png")
    lens.add(many)
    settings = Settings(catalogue=str(lens.folder), keep_hours=0)
    with running_service(settings, stages=fake_stages()) as url:
        monkeypatch.setenv("FLOORLENS_API_URL", url)
        upload(page.run(), room.read_bytes())
        next(button for button in page.button if "26 products" in button.label).click().run()
        assert len(set(products(page))) == 26
