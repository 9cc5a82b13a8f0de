"""What the service serves, in plain words; adapting the search and rebuilding the catalogue."""

from __future__ import annotations

import streamlit as st

from floorlens.client import Client
from floorlens.client.answers import Job, Status
from floorlens.ui import jobs, texts
from floorlens.ui.admin import Access


def show(access: Access) -> None:
    """Shows the state of the service and the work that can be done on its catalogue."""
    client = access.client
    _state(client.status())
    adapting, rebuilding = st.columns(2, gap="large")
    with adapting:
        st.header(texts.ADAPT)
        st.write(texts.ADAPT_TEXT)
        if st.button(texts.ADAPT_START, key="adapt"):
            client.start_adaptation()
            st.session_state.pop("chosen_adaptation", None)
        jobs.show_latest(client, "adaptation", _adaptation, empty=texts.NO_ADAPTATION)
    with rebuilding:
        st.header(texts.REBUILD)
        st.write(texts.REBUILD_TEXT)
        if st.button(texts.REBUILD_START, key="rebuild"):
            client.start_rebuild()
            st.session_state.pop("chosen_rebuild", None)
        jobs.show_latest(client, "rebuild", _rebuild, empty=texts.NO_REBUILD)


def _state(status: Status) -> None:
    facts = {
        texts.PRODUCT_COUNT: f"{status.products:,}",
        texts.SEARCHABLE: f"{status.searchable:,}",
        texts.IMAGES: f"{status.images:,}",
        texts.JOBS_NOW: f"{len(status.jobs):,}",
    }
    with st.container(border=True):
        with st.container(horizontal=True, gap="large"):
            for name, value in facts.items():
                st.metric(name, value, width="content")
        st.markdown(
            texts.ENGINE_FINE
            if status.engine is None
            else texts.ENGINE_AMISS.format(code=status.engine)
        )
        st.markdown(texts.ADAPTED if status.adapted else texts.NOT_ADAPTED)
        if status.searchable < status.products:
            missing = status.products - status.searchable
            st.markdown(texts.NOT_SEARCHABLE.format(count=missing))
        for job in status.jobs:
            stage = texts.JOB_STAGES.get(job.stage, job.stage)
            st.markdown(texts.JOB_AT_WORK.format(kind=texts.JOB_KINDS[job.kind], stage=stage))
        with st.expander(texts.MODELS):
            rows = {texts.STAGE_NAMES.get(name, name): one for name, one in status.models.items()}
            rows |= {
                texts.PRESET: status.preset,
                texts.VERSION: status.version,
                texts.ENGINES: ", ".join(one.engine for one in status.engines) or texts.ENGINE_OWN,
            }
            st.table({texts.PART: list(rows), texts.WHAT: list(rows.values())}, hide_index=True)


def _adaptation(_: Client, job: Job) -> None:
    report = job.report
    if report is None:
        return
    st.write(
        texts.ADAPTATION_DONE.format(
            products=report["products"], views=report["views"], simulated=report["simulated"]
        )
    )
    if not report["adapted"]:
        st.write(texts.ADAPTATION_LEFT)
    if report["unused"]:
        with st.expander(texts.UNUSED.format(count=len(report["unused"]))):
            st.dataframe(
                {
                    texts.ID: [one["id"] for one in report["unused"]],
                    texts.REASON: [one["reason"] for one in report["unused"]],
                },
                hide_index=True,
            )


def _rebuild(client: Client, job: Job) -> None:
    jobs.show_notes(job)
    jobs.show_rows(client, job)
