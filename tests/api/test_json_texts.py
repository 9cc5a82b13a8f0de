"""JSON of strangers: what it may hold, and what it may cost."""

from __future__ import annotations

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")

from floorlens.api.json_texts import parse_json
from floorlens.api.problems import Refusal


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a":' * 900 + "1" + "}" * 900, "is nested more than 50 deep"),
        ('{"a":' * 40_000 + "1" + "}" * 40_000, "is no JSON"),
        ("[" + "[]," * 60_000 + "[]]", "holds more than 100,000 values"),
    ],
)
def test_json_that_costs_more_than_it_says_is_refused(text: str, why: str) -> None:
    """It took seconds of the event loop, in which nobody else was answered."""
    for form in (text, text.encode()):
        with pytest.raises(Refusal) as refusal:
            parse_json(form)
        assert refusal.value.errors == {"body": why}


@pytest.mark.parametrize(
    "text", ['{"a": "\\u0000"}', '{"\\u0000": 1}', '[["\\ud800"]]', "NaN", "{"]
)
def test_what_no_database_could_hold_is_refused(text: str) -> None:
    for form in (text, text.encode()):
        with pytest.raises(Refusal):
            parse_json(form)


def test_the_longest_outline_passes() -> None:
    """2,000 points on each of eight photos."""
    assert len(parse_json(str([[[1.5, 2.5]] * 2000] * 8))) == 8
