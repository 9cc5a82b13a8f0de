"""What the page asks of the service. A wish is asked once: what is shown again comes from the
visit, so that a rerun of the page costs the service nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from floorlens.client import Client
from floorlens.client.answers import Query, SearchPage, Status
from floorlens.errors import FloorlensError, ServiceError
from floorlens.settings import Settings, load_settings
from floorlens.ui.early import EARLY_SEARCHES, SearchThread
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


def search_early(token: str, photo: bytes) -> SearchThread | None:
    """Begins the search for a photo, before or when the page asks for it; None: too many run."""
    return EARLY_SEARCHES.start(
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
        search = changes["search"]
        opening = SearchThread(lambda _: client().get_search(search, limit=FIRST))
        return opening.result(progress, quiet=QUICK_SECONDS)
    if answer is None:
        return _first_page(visit, changes, progress)
    if answer.page.id is None:
        cursor = answer.next_cursor if wish.kind == "more" else None
        query = _keywords(answer.page.query) | changes
        return _page_of_photo(visit, query, cursor, progress)
    if wish.kind == "more":
        return client().get_search(answer.page, limit=FIRST, cursor=answer.next_cursor)
    return client().refine(answer.page, limit=FIRST, **changes)


def _first_page(
    visit: Visit, changes: Mapping[str, Any], progress: Callable[[str], object] | None
) -> SearchPage:
    """Returns the first answer for a photo; its search may run since the photo came."""
    token = visit.photo or ""
    search = EARLY_SEARCHES.get(token)
    if search is None and not changes:
        # If this run of the page is ended, the next one waits for the same search.
        search = search_early(token, _photo(visit))
    if search is None:
        return _page_of_photo(visit, changes, None, progress)
    try:
        page = search.result(progress, quiet=QUICK_SECONDS)
    except FloorlensError:
        # Whoever tries again wants another answer.
        EARLY_SEARCHES.drop(token)
        if not changes:
            raise
        return _page_of_photo(visit, changes, None, progress)
    if not changes:
        return page
    # What was drawn meanwhile.
    if page.id is None:
        return _page_of_photo(visit, changes, None, progress)
    return client().refine(page, limit=FIRST, **changes)


def _page_of_photo(
    visit: Visit,
    query: Mapping[str, Any],
    cursor: str | None,
    progress: Callable[[str], object] | None,
) -> SearchPage:
    """Returns a page of the ranking for a photo that only the page has."""
    photo = _photo(visit)
    search = SearchThread(
        lambda note: client().search(photo, limit=FIRST, cursor=cursor, progress=note, **query)
    )
    return search.result(progress, quiet=QUICK_SECONDS)


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
