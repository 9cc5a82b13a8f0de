"""What the page asks of the service. A wish is asked once: what is shown again comes from the
visit, so that a rerun of the page costs the service nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from floorlens.client import Client
from floorlens.client.answers import Query, SearchPage, Status
from floorlens.errors import FloorlensError, ServiceError
from floorlens.settings import Settings, load_settings
from floorlens.ui.early import EARLY_SEARCHES, EarlySearch
from floorlens.ui.photos import PHOTOS
from floorlens.ui.states import Problem, problem_of
from floorlens.ui.visit import MOST_STEPS, Answer, Visit, Wish

DEFAULT_URL = "http://127.0.0.1:8000"
FIRST = 24
"""Matches of a page."""
# Long, since a photo may wait for those before it.
ANSWER_SECONDS = 120.0
STATUS_SECONDS = 5.0
QUICK_SECONDS = 0.8
"""An answer that is there by then needs no progress: drawing it would only take time."""


@st.cache_resource(show_spinner=False)
def settings() -> Settings:
    """Returns the settings of the page, as they were when it started.

    Raises:
        SettingsError: as for `load_settings`, which takes some hundredths of a second.
    """
    return load_settings()


def service_url() -> str:
    """Returns the address of the service."""
    return settings().api_url or DEFAULT_URL


def client() -> Client:
    """Returns the client of the service, which all visitors share."""
    return _client(service_url(), _key())


def service_status() -> Status | None:
    """Returns how the service is, as of a few seconds ago; None if the page's key may not know.

    Raises:
        FloorlensError: it does not answer, or does not know the key.
    """
    return _status(service_url(), _key())


def _key() -> str | None:
    key = settings().api_key
    return None if key is None else key.get_secret_value()


@st.cache_data(ttl=STATUS_SECONDS, show_spinner=False)
def _status(url: str, key: str | None) -> Status | None:
    try:
        return _client(url, key).status()
    except ServiceError as error:
        if error.code == "scope-missing":
            return None
        raise


@st.cache_resource(show_spinner=False)
def _client(url: str, key: str | None) -> Client:
    return Client(url, key=key, timeout=ANSWER_SECONDS, retries=1)


def begin(token: str, photo: bytes) -> None:
    """Begins the search for a photo that has just come, before the page asks for it."""
    EARLY_SEARCHES.begin(
        token, lambda progress: client().search(photo, limit=FIRST, progress=progress)
    )


def answered(visit: Visit, progress: Callable[[str], object] | None = None) -> Visit:
    """Returns the visit after its wish: with the answer, or with the problem.

    What goes away by itself leaves the wish, so that it is asked again.

    Args:
        visit: with the wish.
        progress: called with each stage of the search for a photo, but not before an answer has
            taken so long that a visitor wonders.
    """
    wish = visit.wish
    if wish is None:
        return visit
    try:
        page = _page(visit, wish, progress)
    except FloorlensError as error:
        return _unanswered(visit, wish, problem_of(error))
    met: dict[str, Any] = {"wish": None, "problem": None, "unmet": None}
    if wish.kind == "more" and visit.answer is not None:
        matches = (*visit.answer.matches, *page.matches)
        judged = {**visit.answer.page.feedback, **page.feedback}
        whole = replace(visit.answer.page, feedback=judged)
        answer = replace(visit.answer, page=whole, matches=matches, next_cursor=page.next_cursor)
        return replace(visit, answer=answer, **met)
    # A search that was opened may have another photo: there is no step back from it.
    earlier = () if wish.kind == "open" else visit.earlier
    if wish.kind == "refine" and visit.answer is not None:
        earlier = (*earlier, visit.answer)[-MOST_STEPS:]
    photo, picture = visit.photo, visit.picture
    if page.id is not None:
        photo, picture = None, picture if wish.kind == "refine" and picture else page.id
    answer = Answer(page, page.matches, page.next_cursor)
    return replace(visit, photo=photo, picture=picture, answer=answer, earlier=earlier, **met)


def _unanswered(visit: Visit, wish: Wish, problem: Problem) -> Visit:
    """Returns the visit after a wish that failed."""
    if problem.passes:
        return replace(visit, problem=problem)
    photo = visit.photo if problem.keeps_photo else None
    return replace(visit, photo=photo, problem=problem, wish=None, unmet=wish)


def _page(visit: Visit, wish: Wish, progress: Callable[[str], object] | None) -> SearchPage:
    answer, changes = visit.answer, dict(wish.changes)
    if wish.kind == "open":
        service, search = client(), changes["search"]
        opening = EarlySearch(lambda _: service.get_search(search, limit=FIRST))
        return opening.result(progress, quiet=QUICK_SECONDS)
    if answer is None or answer.page.id is None:
        # The service has not seen the photo yet, or keeps no searches.
        query = {} if answer is None else _keywords(answer.page.query)
        cursor = answer.next_cursor if answer is not None and wish.kind == "more" else None
        query |= changes
        early = None if visit.photo is None else EARLY_SEARCHES.take(visit.photo)
        if early is None or query or cursor is not None:
            photo, service = _photo(visit), client()
            early = EarlySearch(
                lambda begin: service.search(
                    photo, limit=FIRST, cursor=cursor, progress=begin, **query
                )
            )
        return early.result(progress, quiet=QUICK_SECONDS)
    if wish.kind == "more":
        return client().get_search(answer.page, limit=FIRST, cursor=answer.next_cursor)
    return client().refine(answer.page, limit=FIRST, **changes)


def _photo(visit: Visit) -> bytes:
    data = None if visit.photo is None else PHOTOS.get(visit.photo)
    if data is None:
        raise PhotoGone
    return data


class PhotoGone(FloorlensError):
    """The page has not kept the photo so long."""

    code = "photo-gone"


def _keywords(query: Query) -> dict[str, Any]:
    """Returns what a search asked as keywords of `Client.search`."""
    return {
        "region": query.region[0],
        "clicks": [(click.x, click.y, click.floor) for click in query.clicks[0]],
        "where": query.where,
        "weights": query.weights,
        "like": query.like,
        "unlike": query.unlike,
        "group": query.group,
    }
