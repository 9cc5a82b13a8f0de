"""JSON that strangers send: read strictly, so that all of it can be stored and sent again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from floorlens.api.problems import Refusal


def parse_json(text: str | bytes, field: str = "body") -> Any:
    """Returns the value of a JSON text.

    Args:
        text: the text; bytes are UTF-8.
        field: where it stands, for the error.

    Raises:
        Refusal: it is no JSON (NaN and Infinity are none), nests too deeply, or holds a character
            that no text in a database may hold.
    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
        # A lone half of a pair of surrogates is JSON, and no text that could be written down.
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise _refusal(field, "holds half a character (a lone surrogate)") from error
    except (ValueError, RecursionError) as error:
        raise _refusal(field, "is no JSON") from error
    if _holds_nul(value):
        # PostgreSQL has no such texts.
        raise _refusal(field, "holds the character U+0000")
    return value


def _refusal(field: str, why: str) -> Refusal:
    return Refusal(422, "request-invalid", errors={field: why})


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, Mapping):
        return any(_holds_nul(key) or _holds_nul(one) for key, one in value.items())
    return isinstance(value, list) and any(map(_holds_nul, value))
