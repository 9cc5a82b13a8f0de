"""Diagrams: well-formed, and drawn where the numbers are."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from floorlens.evaluation.calibration import Bin
from floorlens.evaluation.charts import curves_chart, reliability_chart
from floorlens.evaluation.curves import CurvePoint

SVG = "{http://www.w3.org/2000/svg}"


def test_a_bar_is_as_tall_as_the_share_that_is_right() -> None:
    svg = reliability_chart([Bin(8, 0.57, 0.75)])
    root = ElementTree.fromstring(svg)
    (bar,) = root.iter(f"{SVG}rect")
    assert float(bar.attrib["height"]) == 0.75 * 300
    assert float(bar.attrib["x"]) == 50 + 150 + 1
    assert float(bar.attrib["width"]) == 30 - 2
    assert "8" in [text.text for text in root.iter(f"{SVG}text")]


def test_a_panel_for_each_curve_on_one_scale() -> None:
    points = [CurvePoint(s, r).as_dict() for s, r in ((0.0, (1, 1)), (3.0, (1, 2)), (6.0, (9, 9)))]
    curve: dict[str, Any] = {"name": "blur <&>", "unit": "px", "unchanged": 0.0, "points": points}
    root = ElementTree.fromstring(curves_chart([curve] * 4))
    lines = [line.attrib["points"] for line in root.iter(f"{SVG}polyline")]
    assert len(lines) == 8
    top1, mrr = ([float(pair.split(",")[1]) for pair in line.split()] for line in lines[:2])
    # Down is larger; 1 is the top of the panel, 0 its ground.
    assert top1 == [40.0, 115.0, 190.0]
    assert mrr[0] == 40.0
    assert mrr[1] < top1[1]
    assert "blur <&> (px)" in [text.text for text in root.iter(f"{SVG}text")]
    rings = [ring for ring in root.iter(f"{SVG}circle") if ring.attrib["fill"] == "none"]
    assert len(rings) == 4
