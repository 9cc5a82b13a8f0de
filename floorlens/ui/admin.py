"""Who may look after the catalogue: the page's own key, or one that the visitor gives.

The key stays in the session and in the memory of this program; no address and no log names it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import streamlit as st

from floorlens.client import Client
from floorlens.errors import FloorlensError
from floorlens.ui import asking, texts
from floorlens.ui.markdown import plain
from floorlens.ui.states import Problem, problem_of
from floorlens.ui.tickets import TICKETS, Use

REFUSALS = ("key-missing", "key-invalid", "scope-missing")
"""Codes of errors after which another key is asked for."""
AGAIN_SECONDS = 3.0


@dataclass(frozen=True)
class Access:
    """A client that may look after the catalogue; `key` is None if the page's own may do it."""

    client: Client
    key: str | None


def access() -> Access | None:
    """Returns what the visitor may look after the catalogue with.

    Where that is nothing yet, it asks for a key, or says what is amiss, and returns None.
    """
    held = st.session_state.get("access")
    if isinstance(held, Access):
        return held
    secret = st.session_state.pop("admin_key", None) or None
    try:
        held = _opened(secret)
    except FloorlensError as error:
        problem = problem_of(error, photo=False)
        if problem.code in REFUSALS:
            _ask_for_key(problem, tried=secret is not None)
        else:
            st.error(f"**{problem.title}**\n\n{problem.text}")
            if problem.passes:
                _try_again()
        return None
    st.session_state["access"] = held
    return held


def _opened(secret: str | None) -> Access:
    own = asking.client()
    if secret is not None and not secret.isascii():
        raise _WrongKey
    client = own if secret is None else Client(own.url, key=secret, timeout=asking.ANSWER_SECONDS)
    if "admin" not in client.key_state().scopes:
        raise _TooWeak
    return Access(client, secret)


class _WrongKey(FloorlensError):
    """What was typed can be no key."""

    code = "key-invalid"


class _TooWeak(FloorlensError):
    """The key may not look after the catalogue."""

    code = "scope-missing"


def _ask_for_key(problem: Problem, *, tried: bool) -> None:
    st.header(texts.KEY_TITLE)
    if tried:
        st.error(texts.KEY_REFUSALS[problem.code])
    st.write(texts.KEY_TEXT)
    with st.form("key", border=False, width=480):
        st.text_input(
            texts.KEY_LABEL, type="password", key="admin_key", autocomplete="current-password"
        )
        st.form_submit_button(texts.KEY_SEND, type="primary")


@st.fragment(run_every=AGAIN_SECONDS)
def _try_again() -> None:
    """Runs the page again once the service answers."""
    try:
        asking.client().health()
    except FloorlensError:
        return
    st.rerun()


def ticket(access: Access, use: Use) -> str:
    """Returns the visitor's ticket for a use, which stays the same while it is good."""
    token: str = st.session_state.get(f"ticket_{use}", "")
    held = TICKETS.find(token, use)
    if held is None or held.key != access.key:
        token = st.session_state[f"ticket_{use}"] = TICKETS.issue(access.key, use)
    return token


def picture_ticket(access: Access) -> dict[str, str]:
    """Returns what the address of a picture needs beside it; nothing where the page's own key will
    do."""
    return {} if access.key is None else {"ticket": ticket(access, "pictures")}


def forget() -> None:
    """Forgets the key."""
    st.session_state.pop("access", None)


@contextmanager
def problems() -> Iterator[None]:
    """Says in words what goes wrong in the block; what comes after the block goes on."""
    try:
        yield
    except FloorlensError as error:
        report(error)


def report(error: FloorlensError) -> None:
    """Says in words what went wrong; after a key was refused, another one is asked for."""
    problem = problem_of(error, photo=False)
    if problem.code in REFUSALS:
        forget()
        text = texts.KEY_REFUSALS[problem.code]
        st.error(f"**{problem.title}**\n\n{text}")
        st.button(texts.KEY_OTHER, key=f"other_key_{problem.code}")
        return
    st.error(f"**{problem.title}**\n\n{problem.text}")


def note(text: str) -> None:
    """Says in the next run of the page what was done."""
    st.session_state["note"] = text


def fail(error: FloorlensError) -> None:
    """Says in the next run of the page what went wrong, as in the callback of a button."""
    st.session_state["failure"] = error


def show_news() -> None:
    """Says what `note` and `fail` have to say, once."""
    if text := st.session_state.pop("note", None):
        st.toast(plain(text))
    if error := st.session_state.pop("failure", None):
        report(error)
