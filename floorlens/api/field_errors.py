"""What is wrong with a request, field by field, in words that are safe for strangers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

_PLAIN: Mapping[str, str] = {
    "missing": "is missing",
    "extra_forbidden": "is not known",
    "json_invalid": "is no JSON",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
}


def unknown_field(name: str, known: Collection[str]) -> str:
    """Returns what is wrong with a field that is not among those that are known."""
    nearest = get_close_matches(name.casefold(), sorted(known), n=1, cutoff=0.5)
    if nearest:
        return f"is not known; did you mean {nearest[0]!r}?"
    return f"is not known; known are {', '.join(sorted(known))}" if known else "is not known"


def field_errors(errors: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Returns field -> what is wrong with it, of the errors of pydantic.

    Their messages name types, limits and the values that are known, and nothing that was sent.
    """
    fields: dict[str, str] = {}
    for error in errors:
        place = [str(part) for part in error["loc"]]
        if len(place) > 1 and place[0] in ("body", "query", "path", "header"):
            place = place[1:]
        text = _PLAIN.get(error["type"]) or _in_words(str(error["msg"]))
        fields.setdefault(".".join(place), text)
    return fields


def _in_words(message: str) -> str:
    for beginning in ("Value error, ", "Input "):
        message = message.removeprefix(beginning)
    message = message.replace("should be ", "must be ").replace("should have ", "must have ")
    message = message.replace(" after validation", "")
    return message[:1].lower() + message[1:]
