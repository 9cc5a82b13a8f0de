"""What is amiss, in words of its own, each with its cure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from floorlens.ui import asking, texts, visit
from floorlens.ui.states import Problem
from floorlens.ui.visit import Visit

AGAIN_SECONDS = 3.0


def show(now: Visit) -> None:
    """Shows why the last wish failed, and what helps."""
    problem = now.problem
    if problem is None:
        return
    title, text = problem.title, problem.text
    if problem.code == "nothing-to-rank" and not _filter(now):
        title, text = texts.EMPTY_CATALOGUE, texts.EMPTY_CATALOGUE_CURE
    words = f"**{title}**\n\n{text}"
    if problem.passes:
        st.info(words, icon=":material/hourglass_top:")
        _ask_again()
        return
    if problem.keeps_photo:
        st.warning(words, icon=":material/info:")
    else:
        st.error(words, icon=":material/error:")
    _show_cures(now)


def _show_cures(now: Visit) -> None:
    with st.container(horizontal=True):
        if now.problem is not None and now.problem.code == "nothing-to-rank" and _filter(now):
            st.button(
                texts.CLEAR_FILTER, key="clear-filter", type="primary", on_click=_clear_filter
            )
        elif now.unmet is not None and now.problem is not None and _may_go(now.problem):
            st.button(texts.TRY_AGAIN, key="try-again", type="primary", on_click=visit.ask_again)
        if now.answer is not None:
            st.button(texts.DISMISS, on_click=_dismiss)


def _may_go(problem: Problem) -> bool:
    """Returns whether asking once more may help."""
    return problem.code == "nothing-to-rank" or not problem.keeps_photo


def show_doubts(now: Visit) -> None:
    """Shows what is to be known of an answer before its products."""
    if now.answer is None:
        return
    page = now.answer.page
    if page.nothing_close:
        words = f"**{texts.NOTHING_CLOSE}**\n\n{texts.NOTHING_CLOSE_CURE}"
        if page.query.where:
            words += f" {texts.NOTHING_CLOSE_FILTERED}"
        st.warning(words, icon=":material/search_off:")
    if page.degraded is not None:
        st.info(texts.DEGRADED, icon=":material/info:")


def _filter(now: Visit) -> Mapping[str, Any] | None:
    """Returns the filter of what was asked last."""
    asked = {} if now.unmet is None else now.unmet.changes
    if "where" in asked or now.answer is None:
        return asked.get("where")
    return now.answer.page.query.where


def _clear_filter() -> None:
    now = visit.current()
    if now.unmet is not None:
        visit.change(wish=now.unmet, problem=None)
    visit.ask(where=None)


def _dismiss() -> None:
    visit.change(problem=None, unmet=None)


@st.fragment(run_every=AGAIN_SECONDS)
def _ask_again() -> None:
    """Asks again until the service is back; the rest of the page stays usable."""
    now = visit.current()
    if now.problem is None or not now.problem.passes:
        st.rerun()
    now = asking.answered(now)
    visit.store(now)
    if now.problem is None or not now.problem.passes:
        st.rerun()
