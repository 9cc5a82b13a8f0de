"""What came out worst in an evaluation, with pictures."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from floorlens.client.answers import Job
from floorlens.ui import admin, texts
from floorlens.ui.addresses import address
from floorlens.ui.admin import Access
from floorlens.ui.markdown import plain

FIRST = 5
"""Cases that are shown before the visitor asks for all."""


def show(access: Access, job: Job) -> None:
    """Shows the worst cases in the report of an evaluation that is done."""
    cases = (job.report or {}).get("cases") or ()
    if not cases:
        return
    st.subheader(texts.WORST)
    st.caption(texts.WORST_TEXT)
    shown = cases
    if len(cases) > FIRST and not st.toggle(
        texts.WORST_ALL.format(count=len(cases)), key=f"worst_{job.id}"
    ):
        shown = cases[:FIRST]
    ticket = admin.picture_ticket(access)
    for case in shown:
        with st.container(border=True):
            st.markdown(f"**{plain(case['title'])}**")
            if case["reason"]:
                st.caption(plain(case["reason"]))
            figures = "".join(_figure(job, one, ticket) for one in case["pictures"])
            st.html(f'<div class="fl-cards fl-cases">{figures}</div>')


def _figure(job: Job, picture: Mapping[str, Any], ticket: Mapping[str, str]) -> str:
    title = texts.CASE_PICTURES.get(picture["shows"], picture["shows"])
    facts = []
    if picture["product"] is not None:
        title = picture["product"]
        if picture["place"] is not None:
            facts.append(texts.CASE_PLACE.format(place=picture["place"]))
        if picture["score"] is not None:
            facts.append(texts.CASE_SCORE.format(score=picture["score"]))
        if picture["grade"] is not None:
            facts.append(texts.CASE_GRADE.format(grade=picture["grade"]))
        if picture["right"]:
            facts.insert(0, texts.CASE_RIGHT)
    if picture["file"] is None:
        image = f'<span class="fl-none">{escape(texts.NO_PICTURE)}</span>'
    else:
        source = address(f"/v1/evaluations/{job.id}/pictures/{picture['file']}", **ticket)
        image = f'<img src="{escape(source)}" alt="{escape(title)}" loading="lazy">'
    kind = "fl-card fl-true" if picture["right"] else "fl-card"
    return (
        f'<figure class="{kind}">{image}<figcaption><p class="fl-name">{escape(title)}</p>'
        f'<p class="fl-facts">{escape(" · ".join(facts))}</p></figcaption></figure>'
    )
