"""JSON that strangers send: read strictly, so that all of it can be stored and sent again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from floorlens.api.problems import Refusal

MOST = 100_000
"""Values of a text, at most: the points of an outline are two each."""
DEPTH = 50
"""How deeply they may be nested: filters are, by a few levels."""


def parse_json(text: str | bytes, field: str = "body") -> Any:
    """Returns the value of a JSON text.

    Args:
        text: the text; bytes are UTF-8.
        field: where it stands, for the error.

    Raises:
        Refusal: it is no JSON (NaN and Infinity are none), holds too many values, nests too deeply,
            or holds a character that no text in a database may hold.
    """
    try:
        text = text if isinstance(text, str) else text.decode()
        if sum(map(text.count, ",[{:")) > MOST:
            raise _refusal(field, f"holds more than {MOST:,} values")
        value = json.loads(text, parse_constant=_refuse_constant)
        if "\\u" in text:
            # A lone half of a pair of surrogates is JSON, and no text that could be written down.
            json.dumps(value, ensure_ascii=False).encode()
        nul, deep = _look(value)
    except UnicodeEncodeError as error:
        raise _refusal(field, "holds half a character (a lone surrogate)") from error
    except (ValueError, RecursionError) as error:
        raise _refusal(field, "is no JSON") from error
    if deep:
        raise _refusal(field, f"is nested more than {DEPTH} deep")
    if nul:
        # PostgreSQL has no such texts.
        raise _refusal(field, "holds the character U+0000")
    return value


def _refusal(field: str, why: str) -> Refusal:
    return Refusal(422, "request-invalid", errors={field: why})


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _look(value: Any, depth: int = 0) -> tuple[bool, bool]:
    """Returns whether a value holds the character U+0000, and whether it is nested too deeply."""
    if depth > DEPTH:
        return False, True
    if isinstance(value, str):
        return "\0" in value, False
    if isinstance(value, Mapping):
        if any("\0" in key for key in value):
            return True, False
        value = list(value.values())
    if not isinstance(value, list):
        return False, False
    looks = [_look(one, depth + 1) for one in value if isinstance(one, str | list | dict)]
    return any(nul for nul, _ in looks), any(deep for _, deep in looks)
