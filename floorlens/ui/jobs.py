"""Jobs of the service on the page: how far they are, and what they did.

The service has the jobs: after a reload of the page they are shown again.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from itertools import islice
from zoneinfo import ZoneInfo

import streamlit as st

from floorlens.client import Client
from floorlens.client.answers import Job, JobKind, JobRow
from floorlens.errors import FloorlensError
from floorlens.products.export import spreadsheet_cell
from floorlens.ui import admin, texts
from floorlens.ui.markdown import plain
from floorlens.ui.states import problem_of

EVERY = 2.0
"""Seconds between two looks at a job that runs: the requests of a key are counted."""
EARLIER = 20
SHOWN_ROWS = 200
STATUSES = ("failed", "added", "updated", "unchanged")

Report = Callable[[Client, Job], None]


def show_latest(client: Client, kind: JobKind, report: Report, *, empty: str = "") -> None:
    """Shows the jobs of a kind: those that run, and the last one that ended, or another by choice.

    Args:
        client: may read the state of the service.
        kind: of the jobs.
        report: shows what a job did that is done.
        empty: what is said where there is none.
    """
    jobs = client.list_jobs(kind, limit=EARLIER).jobs
    running = [job for job in jobs if not job.has_ended]
    ended = [job for job in jobs if job.has_ended]
    for job in reversed(running):
        with st.container(border=True):
            _follow(client, kind, job.id)
    if not jobs and empty:
        st.caption(empty)
    if not ended:
        return
    chosen = ended[0]
    if len(ended) > 1:
        ids = {job.id: job for job in ended}
        # One that a newer one has pushed off the list is no choice any more.
        if st.session_state.get(f"chosen_{kind}") not in ids:
            st.session_state[f"chosen_{kind}"] = ended[0].id
        picked = st.selectbox(
            texts.EARLIER_JOBS[kind],
            list(ids),
            key=f"chosen_{kind}",
            format_func=lambda one: f"{title(ids[one])} · {when(ids[one])}",
        )
        chosen = ids.get(picked, chosen)
    with st.container(border=True):
        show_ended(client, chosen, report)


@st.fragment(run_every=EVERY)
def _follow(client: Client, kind: JobKind, job_id: str) -> None:
    """Shows how far a job is, until it has ended."""
    try:
        job = client.get_job(kind, job_id)
    except FloorlensError as error:
        problem = problem_of(error, photo=False)
        st.warning(f"**{problem.title}**\n\n{texts.JOB_GOES_ON}")
        return
    if job.has_ended:
        st.rerun()
    stage = texts.JOB_STAGES.get(job.stage, job.stage.capitalize())
    st.header(plain(title(job)))
    if job.status == "queued":
        st.progress(0.0, texts.JOB_WAITS)
    elif job.total:
        text = texts.JOB_STEP.format(stage=stage, done=job.done, total=job.total)
        st.progress(min(job.done / job.total, 1.0), text)
    else:
        st.progress(0.0, f"{stage} …")
    if job.counts:
        st.markdown(counts_text(job))
    if job.cancelling:
        st.caption(texts.JOB_CANCELLING)
    else:
        st.button(
            texts.CANCEL,
            key=f"cancel_{job.id}",
            on_click=_cancel,
            args=(client, job),
            type="secondary",
        )


def _cancel(client: Client, job: Job) -> None:
    try:
        client.cancel_job(job)
    except FloorlensError as error:
        admin.fail(error)


def show_ended(client: Client, job: Job, report: Report) -> None:
    """Shows what a job did, or why it failed."""
    st.header(plain(title(job)))
    status = texts.JOB_STATUSES[job.status].format(when=when(job), seconds=_seconds(job))
    st.caption(status)
    if job.error is not None:
        st.error(f"**{texts.JOB_FAILED[job.kind]}**\n\n{plain(job.error.detail)}")
    report(client, job)


def title(job: Job) -> str:
    """Returns what a job is called: its kind, and what it was asked for."""
    name, measure = job.request.get("name", ""), job.request.get("measure", "")
    words = {"name": name, "measure": texts.MEASURE_TITLES.get(measure, measure)}
    return texts.JOB_TITLES[job.kind].format(**words).strip()


def when(job: Job) -> str:
    """Returns when a job ended or was asked for, in the visitor's own time."""
    zone = None if st.context.timezone is None else ZoneInfo(st.context.timezone)
    moment = (job.ended or job.created).astimezone(zone)
    return f"{moment.day} {moment:%b %H:%M}"


def _seconds(job: Job) -> str:
    if job.started is None or job.ended is None:
        return "0 s"
    seconds = (job.ended - job.started).total_seconds()
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def counts_text(job: Job) -> str:
    """Returns how many products have each status, as Markdown."""
    parts = [
        f"**{count:,}** {texts.ROW_STATUSES[status].lower()}"
        for status in STATUSES
        if (count := job.counts.get(status, 0))
    ]
    return " · ".join(parts)


def show_notes(job: Job) -> None:
    """Shows the sentences in the report of an import or rebuild."""
    for sentence in (job.report or {}).get("notes", ()):
        st.markdown(f"- {plain(sentence[:1].upper() + sentence[1:])}")


# -- rows --------------------------------------------------------------------------------------


def show_rows(client: Client, job: Job) -> None:
    """Shows what became of each product of an import or rebuild, by status, and offers a file."""
    if not sum(job.counts.values()):
        return
    st.markdown(counts_text(job))
    choices = [status for status in STATUSES if job.counts.get(status)]
    status = choices[0]
    if len(choices) > 1:
        picked = st.segmented_control(
            texts.ROWS_LABEL,
            choices,
            default=choices[0],
            required=True,
            key=f"rows_{job.id}",
            format_func=lambda one: f"{texts.ROW_STATUSES[one]} {job.counts[one]:,}",
        )
        status = picked or choices[0]
    rows = list(islice(client.job_rows(job, status=status), SHOWN_ROWS))
    st.dataframe(_table(rows), hide_index=True, alt=texts.ROWS_LABEL)
    if job.counts[status] > len(rows):
        st.caption(texts.ROWS_CUT.format(count=len(rows)))
    st.download_button(
        texts.ROWS_DOWNLOAD,
        lambda: rows_csv(client.job_rows(job)),
        file_name=f"{job.kind}-{job.id}.csv",
        mime="text/csv",
        on_click="ignore",
        key=f"download_{job.id}",
    )


def _table(rows: Iterable[JobRow]) -> dict[str, list[str]]:
    columns: dict[str, list[str]] = {name: [] for name in texts.ROW_COLUMNS}
    for row in rows:
        cells = (row.id, texts.ROW_STATUSES.get(row.status, row.status), *_why(row))
        for name, cell in zip(columns, cells, strict=True):
            columns[name].append(cell)
    # A column in which nothing stands only takes room.
    return {name: cells for name, cells in columns.items() if any(cells)}


def _why(row: JobRow) -> tuple[str, str]:
    return row.reason or row.note or "", row.place or ""


def rows_csv(rows: Iterable[JobRow]) -> str:
    """Returns rows of a job as CSV: id, status, reason, place in the list."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(texts.ROW_COLUMNS)
    for row in rows:
        writer.writerow([spreadsheet_cell(cell) for cell in (row.id, row.status, *_why(row))])
    return text.getvalue()
