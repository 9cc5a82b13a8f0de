"""The figures of an evaluation with their intervals, and how far its scores can be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st

from floorlens.ui import texts

_BAR = 18
"""Pixels of a row of the chart."""


def show(report: Mapping[str, Any]) -> None:
    """Shows what the report of an evaluation says."""
    names = [name for name in texts.FIGURES if isinstance(report.get(name), int | float)]
    intervals = report.get("ci95") or {}
    st.markdown(_lead(report))
    rows = [(name, report[name], intervals.get(name)) for name in names]
    shares = [row for row in rows if row[0] not in texts.NO_SHARES]
    if shares:
        st.vega_lite_chart(_chart(shares), width="stretch", alt=texts.FIGURES_ALT)
    st.html(_table(rows))
    sources = report.get("by_source") or {}
    if len(sources) > 1:
        _sources(sources, names)
    if report.get("scores"):
        _calibration(report["scores"])


def _table(rows: Sequence[tuple[str, float, Sequence[float] | None]]) -> str:
    """Returns the figures as a table; on a narrow screen the meaning stands below each."""
    titles = (texts.FIGURE, texts.FIGURE_VALUE, texts.FIGURE_INTERVAL, texts.FIGURE_MEANING)
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in titles)
    body = "".join(
        f'<tr><th scope="row">{escape(texts.FIGURES[name][0])}</th>'
        f"<td>{_number(name, value)}</td><td>{_interval(name, pair)}</td>"
        f"<td>{escape(texts.FIGURES[name][1])}</td></tr>"
        for name, value, pair in rows
    )
    return f'<table class="fl-figures"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _lead(report: Mapping[str, Any]) -> str:
    seconds = report.get("seconds_per_query", report.get("seconds_per_image", 0.0))
    return texts.EVALUATION_LEAD.format(n=report["n"], seconds=f"{seconds:.2f}")


def _number(name: str, value: float) -> str:
    return f"{value:g}" if name in texts.NO_SHARES else f"{value:.3f}"


def _interval(name: str, pair: Sequence[float] | None) -> str:
    return "" if not pair else f"{_number(name, pair[0])} – {_number(name, pair[1])}"


def _chart(rows: Sequence[tuple[str, float, Sequence[float] | None]]) -> dict[str, Any]:
    """Returns a chart of shares: a dot each, with its interval as a line."""
    values = [
        {
            "figure": texts.FIGURES[name][0],
            "value": value,
            "low": pair[0] if pair else value,
            "high": pair[1] if pair else value,
        }
        for name, value, pair in rows
    ]
    y: dict[str, Any] = {"field": "figure", "type": "nominal", "sort": None, "title": None}
    y["axis"] = {"labelLimit": 220, "domain": False, "ticks": False}
    scale = {"domain": [0, 1]}
    axis = {"values": [0, 0.25, 0.5, 0.75, 1], "format": ".2f"}
    x = {"type": "quantitative", "scale": scale, "title": None, "axis": axis}
    return {
        "height": 2 * _BAR * len(rows),
        "data": {"values": values},
        "encoding": {"y": y},
        "layer": [
            {
                "mark": {"type": "bar", "height": 5, "opacity": 0.35},
                "encoding": {
                    "x": x | {"field": "low"},
                    "x2": {"field": "high"},
                },
            },
            {
                "mark": {"type": "point", "filled": True, "size": 110, "opacity": 1, "clip": False},
                "encoding": {
                    "x": x | {"field": "value"},
                    "tooltip": [
                        {"field": name, "format": ".3f", "title": title}
                        for name, title in texts.CHART_TIPS.items()
                    ],
                },
            },
        ],
    }


def _sources(sources: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> None:
    with st.expander(texts.BY_SOURCE):
        rows: dict[str, list[str]] = {texts.SOURCE_NAME: list(sources)}
        rows[texts.PHOTOS] = [f"{one['n']:,}" for one in sources.values()]
        for name in names:
            if name in next(iter(sources.values())):
                title = texts.FIGURES[name][0]
                rows[title] = [_number(name, one[name]) for one in sources.values()]
        st.table(rows, hide_index=True, border="horizontal")


# -- calibration -------------------------------------------------------------------------------


def _calibration(scores: Mapping[str, Any]) -> None:
    """Shows how often first matches of a score are right: on the line if the score says so."""
    st.subheader(texts.CALIBRATION)
    st.markdown(texts.CALIBRATION_TEXT.format(ece=f"{scores['ece']:.3f}"))
    chart, words = st.columns([3, 2], gap="large")
    with chart:
        st.vega_lite_chart(_reliability(scores["bins"]), width="stretch", alt=texts.RELIABILITY_ALT)
    with words:
        for name, sentence in texts.SCORE_FIGURES.items():
            if name in scores:
                st.markdown(f"- {sentence.format(value=scores[name])}")


def _reliability(bins: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    def axis(field: str, title: str) -> dict[str, Any]:
        scale = {"domain": [0, 1]}
        return {"field": field, "type": "quantitative", "scale": scale, "title": title}

    corners = [{"score": 0, "right": 0}, {"score": 1, "right": 1}]
    encoding = {
        "x": axis("score", texts.RELIABILITY_X),
        "y": axis("right", texts.RELIABILITY_Y),
    }
    return {
        "height": 300,
        "layer": [
            {
                "data": {"values": corners},
                "mark": {"type": "line", "strokeDash": [5, 5], "opacity": 0.5, "strokeWidth": 1.5},
                "encoding": encoding,
            },
            {
                "data": {"values": [dict(one) for one in bins]},
                "mark": {"type": "line", "opacity": 0.5},
                "encoding": encoding,
            },
            {
                "data": {"values": [dict(one) for one in bins]},
                "mark": {"type": "point", "filled": True, "opacity": 1},
                "encoding": encoding
                | {
                    "size": {
                        "field": "n",
                        "type": "quantitative",
                        "title": texts.PHOTOS,
                        "scale": {"range": [60, 400]},
                        "legend": None,
                    },
                    "tooltip": [
                        {"field": "n", "title": texts.PHOTOS},
                        {"field": "score", "format": ".2f", "title": texts.RELIABILITY_X},
                        {"field": "right", "format": ".2f", "title": texts.RELIABILITY_Y},
                    ],
                },
            },
        ],
    }
