"""What a visitor has: wishes come together, and a step back asks nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("streamlit", reason="needs the extra ui")

from floorlens.ui.asking import answered
from floorlens.ui.photos import PHOTOS
from floorlens.ui.visit import Visit, Wish, toggle

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

pytestmark = pytest.mark.slow


answers: list[object] = []
"""What the functions returned."""


def script() -> None:
    import streamlit as st

    from floorlens.ui import visit
    from tests.ui.test_visit import answers

    act, arguments = st.session_state["act"]
    answers.append(getattr(visit, act)(**arguments))


def after(visit: Visit, act: str, /, **arguments: object) -> Visit:
    """Returns a visit after a function of the module."""
    from streamlit.testing.v1 import AppTest

    page = AppTest.from_function(script, default_timeout=120)
    page.session_state["visit"] = visit
    page.session_state["act"] = (act, arguments)
    page.run()
    assert not page.exception
    result: Visit = page.session_state["visit"]
    return result


def test_what_waits_is_asked_for_along_with_what_comes() -> None:
    waiting = Visit(photo="t", wish=Wish("search", {"where": {"price": 1}, "clicks": [1]}))
    assert after(waiting, "ask", clicks=[1, 2]).wish == Wish(
        "search", {"where": {"price": 1}, "clicks": [1, 2]}
    )
    # Without an answer there is no query but the one that failed.
    failed = Visit(photo="t", unmet=Wish("search", {"like": ["oak"]}))
    assert after(failed, "ask", region=[1]).wish == Wish("search", {"like": ["oak"], "region": [1]})
    assert after(Visit(wish=Wish("more")), "ask", group=None).wish == Wish(
        "refine", {"group": None}
    )


def test_another_page_of_the_cards_waits_for_what_changes_them() -> None:
    tap = Visit(photo="t", wish=Wish("refine", {"clicks": [1]}))
    assert after(tap, "ask_more") == tap
    assert after(Visit(), "ask_more").wish == Wish("more")


def test_two_quick_taps_do_not_take_each_other_back(page: AppTest, room: Path) -> None:
    token = PHOTOS.put(room.read_bytes())
    page.session_state["visit"] = Visit(photo=token, wish=Wish("search", {"like": ["oak"]}))
    page.run()
    shown = page.session_state["visit"]
    waiting = replace(shown, wish=Wish("refine", {"like": ("oak", "slate")}))
    for visit, like in ((shown, ("oak",)), (waiting, ("oak", "slate"))):
        assert after(visit, "asked", name="like") == visit
        assert answers[-1] == like
    assert after(waiting, "asked", name="unlike") == waiting
    assert answers[-1] == ()


def test_a_photo_is_there_until_the_answer_is(page: AppTest, room: Path) -> None:
    """Streamlit may end a run between the two, and then the photo is asked about again."""
    token = PHOTOS.put(room.read_bytes())
    visit = Visit(photo=token, wish=Wish("search"))
    page.session_state["visit"] = visit
    page.run()
    answer = page.session_state["visit"]
    assert PHOTOS.get(token) is None
    again = replace(visit, photo=PHOTOS.put(room.read_bytes()))
    assert again.photo is not None
    assert answered(again).answer is not None
    assert PHOTOS.get(again.photo) is not None
    assert after(again, "store", visit=answer).photo is None
    assert PHOTOS.get(again.photo) is None


def test_no_step_leads_back_to_another_photo(page: AppTest, room: Path) -> None:
    token = PHOTOS.put(room.read_bytes())
    page.session_state["visit"] = Visit(photo=token, wish=Wish("search"))
    page.run()
    first = page.session_state["visit"]
    opened = replace(
        first, earlier=(first.answer,), wish=Wish("open", {"search": first.answer.page.id})
    )
    assert answered(opened).earlier == ()


def test_what_failed_is_asked_for_again() -> None:
    failed = Visit(unmet=Wish("refine", {"where": None}))
    assert after(failed, "ask_again").wish == failed.unmet


def test_a_step_back(page: AppTest, room: Path) -> None:
    token = PHOTOS.put(room.read_bytes())
    page.session_state["visit"] = Visit(photo=token, wish=Wish("search"), shortlist=("oak",))
    page.run()
    first = page.session_state["visit"]
    page.session_state["visit"] = replace(first, wish=Wish("refine", {"like": ["oak"]}))
    page.run()
    second = page.session_state["visit"]
    # A wish on its way is taken back alone.
    assert after(replace(second, wish=Wish("more")), "go_back") == second
    back = after(second, "go_back")
    assert (back.answer, back.earlier) == (first.answer, ())
    assert after(back, "go_back") == back
    assert after(second, "leave") == Visit(shortlist=("oak",))


def test_leaving_forgets_the_photo(room: Path) -> None:
    token = PHOTOS.put(room.read_bytes())
    after(Visit(photo=token), "leave")
    assert PHOTOS.get(token) is None
    token = PHOTOS.put(room.read_bytes())
    assert after(Visit(photo=token), "begin", photo="next").photo == "next"
    assert PHOTOS.get(token) is None


def test_ids_are_put_in_and_taken_out() -> None:
    assert toggle(("a", "b"), "a") == ("b",)
    assert toggle(("a", "b"), "c") == ("a", "b", "c")
