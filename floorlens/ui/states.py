"""What the page says when something is amiss: for each code of an error its own words."""

from __future__ import annotations

from dataclasses import dataclass

from floorlens.errors import FloorlensError
from floorlens.ui import texts

PASSING = (
    "service-unreachable",
    "service",
    "busy",
    "deadline",
    "too-many-connections",
    "request-timeout",
    "rate-exceeded",
    "decoder-unavailable",
    "catalogue-busy",
    "catalogue-replaced",
    "engine",
    "engine-unavailable",
)
"""Codes of errors that go away by themselves: the page asks again."""
PHOTO_IS_GOOD = ("no-floor-found", "nothing-to-rank", "region-invalid", "filter-invalid")
"""Codes of errors after which the photo stays: it could be read."""


@dataclass(frozen=True)
class Problem:
    """Why a wish failed.

    Attributes:
        code: of the error.
        title: what is amiss, in a few words.
        text: cause and cure.
        passes: whether it goes away by itself.
        keeps_photo: whether the photo can still be used.
    """

    code: str
    title: str
    text: str
    passes: bool
    keeps_photo: bool


def problem_of(error: FloorlensError, *, photo: bool = True) -> Problem:
    """Returns what the page says of an error; without a photo, it does not speak of one."""
    code = error.code
    title, text = texts.PROBLEMS.get(code, (texts.UNABLE, ""))
    passes = code in PASSING
    if passes and not photo:
        text = texts.NOTHING_LOST
    text = text or str(error)
    return Problem(
        code, title, text[:1].upper() + text[1:], passes, passes or code in PHOTO_IS_GOOD
    )
