"""The page "Evaluate": how well the search does on rooms whose answers are known.

```
figures   the figures with their intervals, and how far the scores can be believed
cases     what came out worst, with pictures
```
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal, get_args

import streamlit as st

from floorlens.client import Client
from floorlens.client.answers import Job
from floorlens.products.export import spreadsheet_cell
from floorlens.ui import admin, jobs, texts
from floorlens.ui.admin import Access
from floorlens.ui.evaluation import cases, figures

Measure = Literal["pairs", "ranking", "masks"]


def show() -> None:
    """Shows the page."""
    st.title(texts.EVALUATE)
    access = admin.access()
    if access is None:
        return
    admin.show_news()
    st.write(texts.EVALUATE_LINE)
    with admin.problems():
        _start(access)
    with admin.problems():
        report = partial(_report, access)
        jobs.show_latest(access.client, "evaluation", report, empty=texts.NO_EVALUATION)


def _start(access: Access) -> None:
    with st.form("evaluation", border=True):
        measure: Measure = st.radio(
            texts.MEASURE,
            get_args(Measure),
            key="measure",
            format_func=lambda one: texts.MEASURES[one],
            captions=[texts.MEASURE_FILES[one] for one in get_args(Measure)],
        )
        folder = st.text_input(
            texts.FOLDER, key="evaluation_folder", help=texts.FOLDER_TEXT
        ).strip()
        starts = st.form_submit_button(texts.EVALUATE_START, type="primary")
    if starts and folder:
        access.client.start_evaluation(folder, measure)
        st.session_state.pop("chosen_evaluation", None)


def _report(access: Access, _: Client, job: Job) -> None:
    report = job.report
    if report is None:
        return
    figures.show(report)
    cases.show(access, job)
    _failures(report)
    with st.container(horizontal=True):
        st.download_button(
            texts.REPORT_JSON,
            lambda: json.dumps(report, indent=2, ensure_ascii=False),
            file_name=f"evaluation-{job.id}.json",
            mime="application/json",
            on_click="ignore",
            key=f"json_{job.id}",
        )
        st.download_button(
            texts.REPORT_CSV,
            lambda: photos_csv(report),
            file_name=f"evaluation-{job.id}.csv",
            mime="text/csv",
            on_click="ignore",
            key=f"csv_{job.id}",
        )


def _failures(report: Mapping[str, Any]) -> None:
    failed = report.get("failed") or ()
    if not failed:
        return
    with st.expander(texts.EVALUATION_FAILURES.format(count=len(failed))):
        rows = {name: [str(one.get(name, "")) for one in failed] for name in failed[0]}
        st.dataframe(rows, hide_index=True)


def photos_csv(report: Mapping[str, Any]) -> str:
    """Returns a row for each photo of an evaluation with its plain figures, as CSV."""
    photos = report.get("per_query") or report.get("per_image") or ()
    if isinstance(photos, Mapping):
        photos = [{"photo": name, **one} for name, one in photos.items()]
    lines = [
        {name: one for name, one in photo.items() if not isinstance(one, list | dict)}
        for photo in photos
    ]
    fields = list(dict.fromkeys(name for line in lines for name in line))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(fields)
    for line in lines:
        cells = (line.get(field) for field in fields)
        writer.writerow(spreadsheet_cell(one) if isinstance(one, str) else one for one in cells)
    return text.getvalue()
