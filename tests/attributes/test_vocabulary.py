"""What people may set, and how a mistake is named."""

from __future__ import annotations

from typing import Any

import pytest

from floorlens.attributes.vocabulary import NAMES, check_value, parse_value
from floorlens.errors import UsageError


def test_every_word_of_every_attribute_can_be_set() -> None:
    for name, meaning in NAMES.items():
        assert [check_value(name, word) for word in meaning.words] == list(meaning.words)
        if meaning.is_number:
            assert check_value(name, meaning.high) == meaning.high
            with pytest.raises(UsageError, match=name):
                check_value(name, meaning.high + 1)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("tones", "dark", "did you mean 'tone'"),
        ("tone", "lihgt", "did you mean 'light'"),
        ("tone", 5, "it is light, medium or dark"),
        ("joints", "dark", "joints is True or False"),
        ("lightness", "bright", "number from 0 to 100"),
        ("lightness", True, "number from 0 to 100"),
        ("lightness", float("nan"), "number from 0 to 100"),
    ],
)
def test_what_cannot_be_is_named_with_the_nearest(name: str, value: Any, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        check_value(name, value)


def test_texts_of_the_command_line() -> None:
    assert parse_value("tone", " Dark ") == "dark"
    assert parse_value("joints", "No") is False
    assert parse_value("width_mm", "180") == 180.0
    with pytest.raises(UsageError, match="True or False"):
        parse_value("joints", "perhaps")
