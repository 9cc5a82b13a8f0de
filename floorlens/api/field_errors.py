"""What is wrong with a request, field by field, in words that are safe for strangers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any

_PLAIN: Mapping[str, str] = {
    "missing": "is missing",
    "extra_forbidden": "is not known",
    "json_invalid": "is no JSON",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
}


MOST = 20
"""Of so many fields is told what is wrong with them: strangers can send any number."""
_LONGEST = 64
"""Characters of a name for which the nearest one is looked up: that takes time."""


def unknown_field(name: str, known: Collection[str]) -> str:
    """Returns what is wrong with a field that is not among those that are known."""
    if len(name) > _LONGEST:
        return "is not known"
    nearest = get_close_matches(name.casefold(), sorted(known), n=1, cutoff=0.5)
    if nearest:
        return f"is not known; did you mean {nearest[0]!r}?"
    return f"is not known; known are {', '.join(sorted(known))}" if known else "is not known"


def unknown_fields(names: Iterable[str], known: Collection[str]) -> dict[str, str]:
    """Returns what is wrong with the first of those fields that are not known."""
    unknown = (name for name in names if name not in known)
    return {name: unknown_field(name, known) for name in islice(unknown, MOST)}


def field_errors(errors: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Returns field -> what is wrong with it, of the first errors of pydantic.

    Their messages name types, limits and the values that are known, and nothing that was sent.
    """
    fields: dict[str, str] = {}
    for error in errors[:MOST]:
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
