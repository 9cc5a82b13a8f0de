"""Searches that begin before the page asks for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("httpx", reason="needs the extra ui")

from floorlens.client.answers import SearchPage
from floorlens.errors import ServiceUnreachable
from floorlens.ui import early
from floorlens.ui.early import EarlySearch, EarlySearches

Progress = Callable[[str], object]


def page() -> SearchPage:
    """Returns a page of which nothing is looked at."""
    return object.__new__(SearchPage)


def test_a_quick_answer_comes_without_a_word() -> None:
    answer = page()
    stages: list[str] = []

    def ask(begin: Progress) -> SearchPage:
        begin("segment")
        begin("embed")
        return answer

    search = EarlySearch(ask)
    assert search.result(stages.append, quiet=120) is answer
    assert stages == []


def test_a_slow_one_says_what_it_is_at_and_then_each_stage() -> None:
    answer, told = page(), threading.Event()
    stages: list[str] = []

    def show(stage: str) -> None:
        stages.append(stage)
        told.set()

    def ask(begin: Progress) -> SearchPage:
        begin("decode")
        begin("segment")
        assert told.wait(120)
        begin("embed")
        return answer

    assert EarlySearch(ask).result(show, quiet=0.05) is answer
    assert stages == ["segment", "embed"]


def test_one_that_waits_for_others_is_shown_too() -> None:
    answer, told = page(), threading.Event()
    stages: list[str] = []

    def show(stage: str) -> None:
        stages.append(stage)
        told.set()

    def ask(begin: Progress) -> SearchPage:
        assert told.wait(120)
        return answer

    assert EarlySearch(ask).result(show) is answer
    assert stages == [""]


def test_without_progress_it_only_waits() -> None:
    answer = page()
    assert EarlySearch(lambda begin: (begin("segment"), answer)[1]).result() is answer


def test_what_goes_wrong_is_raised_where_the_answer_is_waited_for() -> None:
    def ask(begin: Progress) -> SearchPage:
        raise ServiceUnreachable("nothing answers")

    with pytest.raises(ServiceUnreachable, match="nothing answers"):
        EarlySearch(ask).result(print, quiet=120)


def test_one_visitor_alone_takes_a_search() -> None:
    searches, answer = EarlySearches(), page()
    searches.begin("one", lambda begin: answer)
    search = searches.take("one")
    assert search is not None
    assert search.result() is answer
    assert searches.take("one") is None
    assert searches.take("other") is None


def test_what_nobody_takes_is_bounded_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Any] = []

    def ask(begin: Progress) -> SearchPage:
        begun.append(1)
        return page()

    monkeypatch.setattr(early, "SECONDS", 1e6)
    searches = EarlySearches()
    for number in range(early.MOST + 3):
        searches.begin(str(number), ask)
    assert searches.take(str(early.MOST)) is None
    assert searches.take("0") is not None
    monkeypatch.setattr(early, "SECONDS", -1.0)
    searches.begin("old", ask)
    monkeypatch.setattr(early, "SECONDS", 1e6)
    searches.begin("new", ask)
    assert searches.take("old") is None
    assert searches.take("new") is not None
    limit = time.monotonic() + 120
    while len(begun) < early.MOST + 2 and time.monotonic() < limit:
        time.sleep(0.01)
    assert len(begun) == early.MOST + 2
