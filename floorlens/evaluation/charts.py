"""The diagrams of the evaluation document, as SVG: they hold numbers alone, no pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from floorlens.evaluation.calibration import BINS, Bin

# They must be read on white and on black.
_AXIS, _FIRST, _SECOND = "#808080", "#2f81f7", "#d9822b"
_FONT = 'font-family="system-ui, sans-serif" font-size="12"'
_PANEL, _TALL, _GAP = 250, 150, 62
_COLUMNS = 3


def reliability_chart(bins: Sequence[Bin]) -> str:
    """Returns an SVG of how often the first match is right, by its score.

    A bar for each range with photos; a perfect score's bars end on the dotted line.

    Example:
        >>> from floorlens.evaluation.calibration import Bin
        >>> from floorlens.evaluation.charts import reliability_chart
        >>> reliability_chart([Bin(4, 0.33, 0.25), Bin(9, 0.81, 1.0)]).count("<rect")
        2
    """
    side, left, top = 300, 50, 14
    parts = [_axes(left, top, side, side, "score of the first match", "share that is right")]
    for tick in (0.0, 0.5, 1.0):
        x, y = left + tick * side, top + (1 - tick) * side
        parts.append(_text(x, top + side + 16, f"{tick:g}", "middle"))
        parts.append(_text(left - 6, y + 4, f"{tick:g}", "end"))
    width = side / BINS
    for part in bins:
        x = left + min(int(part.score * BINS), BINS - 1) * width
        height = part.right * side
        parts.append(
            f'<rect x="{x + 1:.1f}" y="{top + side - height:.1f}" width="{width - 2:.1f}" '
            f'height="{height:.1f}" fill="{_FIRST}" fill-opacity="0.55"/>'
        )
        parts.append(_text(x + width / 2, top + side - height - 4, str(part.n), "middle"))
    parts.append(
        f'<line x1="{left}" y1="{top + side}" x2="{left + side}" y2="{top}" stroke="{_AXIS}" '
        'stroke-dasharray="3 4"/>'
    )
    return _svg(left + side + 20, top + side + 46, parts)


def curves_chart(curves: Sequence[Mapping[str, Any]]) -> str:
    """Returns an SVG with a panel for each curve: MRR and top-1 against the strength.

    Around each MRR stands its 95 % interval, and a ring marks the unchanged photos.

    Args:
        curves: as `report.ReportResults.curves` holds them.

    Example:
        >>> from floorlens.evaluation.charts import curves_chart
        >>> from floorlens.evaluation.curves import CurvePoint
        >>> points = [CurvePoint(s, (1, 2)).as_dict() for s in (0.0, 1.0)]
        >>> curve = {"name": "blur", "unit": "px", "unchanged": 0.0, "points": points}
        >>> curves_chart([curve]).count("<polyline")
        2
    """
    ends = [point["ci95"]["mrr"][1] for curve in curves for point in curve["points"]]
    top1 = [point["top1"] for curve in curves for point in curve["points"]]
    # One scale for all panels, up to a round number.
    most = min(1.0, (int(10 * max([*ends, *top1, 0.1]) - 1e-9) + 1) / 10)
    parts = []
    for number, curve in enumerate(curves):
        row, column = divmod(number, _COLUMNS)
        parts.append(_panel(curve, 44 + column * (_PANEL + 44), 40 + row * (_TALL + _GAP), most))
    parts.append(f'<circle cx="50" cy="12" r="4" fill="{_FIRST}"/>' + _text(60, 16, "MRR"))
    parts.append(f'<circle cx="110" cy="12" r="4" fill="{_SECOND}"/>' + _text(120, 16, "top-1"))
    rows = -(-len(curves) // _COLUMNS)
    return _svg(44 + _COLUMNS * (_PANEL + 44), 40 + rows * (_TALL + _GAP), parts)


def _panel(curve: Mapping[str, Any], left: float, top: float, most: float) -> str:
    points = curve["points"]
    step = _PANEL / max(1, len(points) - 1)

    def y(value: float) -> float:
        return top + (1 - value / most) * _TALL

    parts = [_text(left, top - 8, f"{curve['name']} ({curve['unit']})")]
    parts.append(_axes(left, top, _PANEL, _TALL, "", ""))
    parts += [_text(left - 6, y(value) + 4, f"{value:g}", "end") for value in (0.0, most)]
    for number, point in enumerate(points):
        x = left + number * step
        low, high = point["ci95"]["mrr"]
        parts.append(
            f'<line x1="{x:.1f}" y1="{y(low):.1f}" x2="{x:.1f}" y2="{y(min(high, most)):.1f}" '
            f'stroke="{_FIRST}" stroke-opacity="0.4" stroke-width="5"/>'
        )
        parts.append(_text(x, top + _TALL + 16, f"{point['strength']:g}", "middle"))
        if point["strength"] == curve["unchanged"]:
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y(point["mrr"]):.1f}" r="6" fill="none" '
                f'stroke="{_AXIS}"/>'
            )
    for name, colour in (("top1", _SECOND), ("mrr", _FIRST)):
        line = [(left + n * step, y(point[name])) for n, point in enumerate(points)]
        joined = " ".join(f"{a:.1f},{b:.1f}" for a, b in line)
        parts.append(
            f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
    return "".join(parts)


def _axes(left: float, top: float, wide: float, tall: float, below: str, beside: str) -> str:
    lines = f'<path d="M{left} {top} V{top + tall} H{left + wide}" fill="none" stroke="{_AXIS}"/>'
    if below:
        lines += _text(left + wide / 2, top + tall + 36, below, "middle")
    if beside:
        x, y = left - 34, top + tall / 2
        lines += (
            f'<text x="{x}" y="{y}" transform="rotate(-90 {x} {y})" text-anchor="middle" '
            f'fill="{_AXIS}" {_FONT}>{escape(beside)}</text>'
        )
    return lines


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{_AXIS}" {_FONT}>'
        f"{escape(text)}</text>"
    )


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}">\n{body}\n</svg>\n'
    )
