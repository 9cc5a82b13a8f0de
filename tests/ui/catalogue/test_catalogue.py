"""The page "Catalogue" over a real service without models: keys, products, imports, upkeep."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("httpx", reason="needs the extra ui")
pytest.importorskip("streamlit", reason="needs the extra ui")

from floorlens import Floorlens
from floorlens.api.server import running_service
from floorlens.client import Client
from floorlens.service.keys import Keys
from floorlens.service.store import Store
from floorlens.settings import Settings
from floorlens.testing import fake_stages
from floorlens.ui import texts

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

pytestmark = pytest.mark.slow

PATIENCE = 120


def _catalogue() -> None:
    from floorlens.ui import catalogue

    catalogue.show()


@pytest.fixture
def catalogue(service: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The page of the service of the six products, which may import what lies in `lists`."""
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    monkeypatch.setenv("FLOORLENS_API_URL", service)
    st.cache_resource.clear()
    yield AppTest.from_function(_catalogue, default_timeout=PATIENCE)


@pytest.fixture
def service(lens: Floorlens, tmp_path: Path) -> Iterator[str]:
    (tmp_path / "lists").mkdir()
    settings = Settings(catalogue=str(lens.folder), import_folders=str(tmp_path / "lists"))
    with running_service(settings, stages=fake_stages()) as url:
        yield url


def cards(page: AppTest) -> list[str]:
    """Returns the ids on the page's cards."""
    import json

    (part,) = [one for one in page.get("bidi_component") if '"cards"' in one.proto.json]
    return [card["id"] for card in json.loads(part.proto.json)["cards"]]


def pressed(page: AppTest, label: str) -> AppTest:
    """Returns the page after a click on a button."""
    next(button for button in page.button if button.label == label).click().run()
    assert not page.exception
    return page


def words(page: AppTest) -> str:
    parts = (page.markdown, page.caption, page.error, page.info, page.header)
    return "\n".join(part.value for kind in parts for part in kind)


def test_products_are_searched_filtered_and_opened(catalogue: AppTest, lens: Floorlens) -> None:
    page = catalogue.run()
    assert not page.exception
    ids = [product.id for product in lens.products()]
    assert cards(page) == ids
    page.text_input(key="search_products").set_value(ids[0]).run()
    assert cards(page) == [ids[0]]
    page.text_input(key="search_products").set_value("nothing of the kind").run()
    assert page.info[0].value == texts.NO_PRODUCTS_MATCH
    page.text_input(key="search_products").set_value("").run()
    tone = next(iter(lens.facets()["tone"]))
    chips: Any = page.get("button_group")[0]
    chips.set_value([tone]).run()
    assert cards(page) == [one.id for one in lens.products() if _tone(lens, one.id) == tone]


def _tone(lens: Floorlens, product_id: str) -> object:
    return lens.attributes(product_id)["tone"].value


def test_a_product_is_changed_taken_back_and_deleted(catalogue: AppTest, lens: Floorlens) -> None:
    product = lens.products()[0]
    measured = lens.attributes(product.id)["tone"].value
    other = "dark" if measured != "dark" else "light"
    page = catalogue
    page.session_state["opened_product"] = product.id
    page.run()
    page.text_input(key=f"name_{product.id}").set_value("Eiche *Natur*")
    page.text_input(key=f"new_field_{product.id}").set_value("price")
    page.text_input(key=f"new_value_{product.id}").set_value("49.5")
    page.selectbox(key=f"attribute_{product.id}_tone").set_value(other)
    pressed(page, texts.SAVE)
    stored = lens.product(product.id)
    assert (stored.name, stored.metadata["price"]) == ("Eiche *Natur*", 49.5)
    edited = lens.attributes(product.id)["tone"]
    assert (edited.value, edited.origin) == (other, "edited")
    page.session_state["opened_product"] = product.id
    page.run()
    assert page.text_input(key=f"field_{product.id}_price").value == "49.5"
    page.button(key="back_tone").click().run()
    back = lens.attributes(product.id)["tone"]
    assert (back.value, back.origin) == (measured, "measured")
    # Nothing goes without a second word, which names the product.
    page.button(key="delete").click().run()
    assert r"Eiche \*Natur\*" in words(page)
    page.button(key="delete_no").click().run()
    assert lens.product(product.id)
    page.button(key="delete").click().run()
    page.button(key="delete_yes").click().run()
    assert product.id not in [one.id for one in lens.products()]
    assert product.id not in cards(page)


def test_an_import_is_followed_to_its_report(
    catalogue: AppTest, service: str, tmp_path: Path
) -> None:
    folder = tmp_path / "lists" / "spring"
    folder.mkdir()
    for shade in range(3):
        Image.new("RGB", (40, 40), (70 * shade, 90, 90)).save(folder / f"new{shade}.png")
    (folder / "broken.png").write_text("no picture")
    page = catalogue
    page.session_state["part"] = texts.PART_ADDING
    page.session_state["source"] = texts.FROM_FOLDER
    page.run()
    page.text_input(key="folder").set_value("elsewhere")
    pressed(page, texts.IMPORT_START)
    assert "FLOORLENS_IMPORT_FOLDERS" in page.error[0].value
    page.text_input(key="folder").set_value("spring")
    pressed(page, texts.IMPORT_START)
    assert "Import of spring" in words(page)
    with Client(service) as client:
        client.wait(client.list_jobs("import").jobs[0], every=0.1)
    page.run()
    assert not page.exception
    assert "**1** failed · **3** added" in words(page)
    # What failed is shown first, with its reason.
    assert list(page.dataframe[0].value["Product"]) == ["broken"]
    assert "not an image" in page.dataframe[0].value["Why"][0]


def test_upkeep_says_how_the_service_is(catalogue: AppTest, service: str) -> None:
    page = catalogue
    page.session_state["part"] = texts.PART_UPKEEP
    page.run()
    assert [one.value for one in page.metric] == ["6", "6", "6", "0"]
    assert texts.NOT_ADAPTED in words(page)
    page.button(key="rebuild").click().run()
    with Client(service) as client:
        deadline = time.monotonic() + PATIENCE
        while not client.list_jobs("rebuild").jobs:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        client.wait(client.list_jobs("rebuild").jobs[0], every=0.1)
    page.run()
    assert not page.exception
    assert "Done on" in words(page)


def test_a_key_is_asked_for_and_refused_in_words(
    lens: Floorlens, monkeypatch: pytest.MonkeyPatch, catalogue: AppTest
) -> None:
    import streamlit as st

    settings = Settings(catalogue=str(lens.folder), no_auth=None)
    store = Store(settings.state_folder())
    weak = Keys(store).create("page", ["search"])[1]
    strong = Keys(store).create("boss", ["admin"])[1]
    store.close()
    with running_service(settings, stages=fake_stages()) as url:
        monkeypatch.setenv("FLOORLENS_API_URL", url)
        st.cache_resource.clear()
        page = catalogue.run()
        assert page.header[0].value == texts.KEY_TITLE
        assert not page.error
        for key, code in (
            ("flk_wrong", "key-invalid"),
            ("schlüssel", "key-invalid"),
            (weak, "scope-missing"),
        ):
            page.text_input(key="admin_key").set_value(key)
            pressed(page, texts.KEY_SEND)
            assert page.error[0].value == texts.KEY_REFUSALS[code]
        page.text_input(key="admin_key").set_value(strong)
        pressed(page, texts.KEY_SEND)
        assert len(cards(page)) == 6
        assert strong not in str(page.query_params)
        # A key that is revoked meanwhile is asked for anew.
        store = Store(settings.state_folder())
        keys = Keys(store)
        keys.revoke(next(key.id for key in keys.all() if key.name == "boss"))
        store.close()
        deadline = time.monotonic() + PATIENCE
        while not page.run().error:
            # The service looks at its keys anew now and then.
            assert time.monotonic() < deadline
        pressed(page, texts.KEY_OTHER)
        assert page.text_input(key="admin_key")
