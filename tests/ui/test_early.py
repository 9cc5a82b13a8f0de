"""Searches that begin before the page asks for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

pytest.importorskip("httpx", reason="needs the extra ui")

from floorlens.client.answers import SearchPage
from floorlens.errors import ServiceUnreachable
from floorlens.ui import early
from floorlens.ui.early import Ask, EarlySearches, SearchThread

Progress = Callable[[str], object]
ANSWER: SearchPage = object.__new__(SearchPage)
"""A page of which nothing is looked at."""


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Opened at the end at the latest, so that no thread waits for ever."""
    event = threading.Event()
    yield event
    event.set()


def waiting(gate: threading.Event, *stages: str) -> Ask:
    """Returns a search that names stages and then waits for a gate."""

    def ask(note: Progress) -> SearchPage:
        for stage in stages:
            note(stage)
        assert gate.wait(120)
        return ANSWER

    return ask


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_a_quick_answer_comes_without_a_word(gate: threading.Event) -> None:
    stages: list[str] = []
    gate.set()
    search = SearchThread(waiting(gate, "segment", "embed"))
    assert search.result(stages.append, quiet=120) is ANSWER
    assert stages == []


def test_a_slow_one_says_what_it_is_at_and_then_each_stage(gate: threading.Event) -> None:
    stages: list[str] = []

    def show(stage: str) -> None:
        stages.append(stage)
        gate.set()

    def ask(note: Progress) -> SearchPage:
        note("decode")
        note("segment")
        assert gate.wait(120)
        note("embed")
        until(lambda: stages[-1] == "embed")
        return ANSWER

    assert SearchThread(ask).result(show, quiet=0.05) is ANSWER
    assert stages == ["segment", "embed"]


def test_one_that_waits_for_others_is_shown_too(gate: threading.Event) -> None:
    stages: list[str] = []

    def show(stage: str) -> None:
        stages.append(stage)
        gate.set()

    assert SearchThread(waiting(gate)).result(show) is ANSWER
    assert stages == [""]


def test_what_goes_wrong_is_raised_where_the_answer_is_waited_for() -> None:
    def ask(note: Progress) -> SearchPage:
        raise ServiceUnreachable("nothing answers")

    search = SearchThread(ask)
    for _ in range(2):
        with pytest.raises(ServiceUnreachable, match="nothing answers"):
            search.result(print, quiet=120)


def test_a_thread_that_is_ended_leaves_nobody_waiting() -> None:
    def ask(note: Progress) -> SearchPage:
        raise SystemExit

    with pytest.raises(SystemExit):
        SearchThread(ask).result()


def test_a_run_that_is_ended_leaves_the_search_to_the_next_one(gate: threading.Event) -> None:
    class Rerun(BaseException):
        """As Streamlit ends a run."""

    def end(stage: str) -> None:
        raise Rerun

    searches = EarlySearches()
    search = searches.start("one", waiting(gate))
    assert search is not None
    with pytest.raises(Rerun):
        search.result(end)
    assert searches.get("one") is search
    gate.set()
    assert search.result() is ANSWER
    searches.drop("one")
    assert searches.get("one") is None


def test_searches_are_bounded_until_they_end(gate: threading.Event) -> None:
    searches = EarlySearches()
    started = [searches.start(str(number), waiting(gate)) for number in range(early.MOST)]
    assert None not in started
    assert searches.start("more", waiting(gate)) is None
    # Those of visitors who have left still run.
    for number in range(early.MOST):
        searches.drop(str(number))
    assert searches.start("more", waiting(gate)) is None
    gate.set()
    until(lambda: all(one is not None and one.seconds >= 0 for one in started))
    assert searches.start("more", waiting(gate)) is not None


def test_an_answer_that_nobody_wants_goes(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches = EarlySearches()
    gate.set()
    search = searches.start("old", waiting(gate))
    assert search is not None
    search.result()
    assert searches.get("old") is search
    monkeypatch.setattr(early, "SECONDS", 0.0)
    until(lambda: search.seconds > 0)
    assert searches.get("old") is None
