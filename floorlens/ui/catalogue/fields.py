"""A product's own fields as texts in a form, and back."""

from __future__ import annotations

from typing import Any


def field_text(value: Any) -> str:
    """Returns a value as a person would type it."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) and value == round(value, 6) else str(value)


def field_value(text: str, before: Any = None) -> str | bool | float | list[str]:
    """Returns what a text stands for; where there was a value, one of its kind if it can be.

    Args:
        text: as it was typed.
        before: the value so far; None: a new field, where a number is read as one.
    """
    if isinstance(before, list):
        return [part.strip() for part in text.split(",") if part.strip()]
    if isinstance(before, bool) and text.lower() in ("yes", "no"):
        return text.lower() == "yes"
    if isinstance(before, str):
        return text
    try:
        number = float(text)
    except ValueError:
        return text
    # Text such as "007" is a code and "nan" a word; neither is written so as a number.
    if f"{number:g}" != text and text != repr(number):
        return text
    return int(number) if number.is_integer() and "." not in text else number
