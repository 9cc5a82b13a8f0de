"""What opening a collection is alike in every engine: its name, and whether it may be used."""

from __future__ import annotations

import re

from floorlens.engines import CollectionSpec, Engine
from floorlens.errors import CollectionNotFound, EngineMismatch, EngineUnsupported

PREFIX = "floorlens"
"""How names of ours begin, where nobody chose one."""

_WORDS = "key|token|secret|password"
# To the last @: a password that holds one itself must not show its end.
_LOGIN = re.compile(r"(?<=://)([^:/@]*):.*@")
# What stands before the @ of a web address may be a token, with no colon.
_WEB_LOGIN = re.compile(r"(?<=http://|ttps://).*@", re.IGNORECASE)
_OPTION = re.compile(rf"(?<=[?&])([^=&]*(?:{_WORDS})[^=&]*)=[^&]*", re.IGNORECASE)
# As libpq writes it: password = 'it\'s', or without quotes up to the next space.
_KEYWORD = re.compile(
    rf"(\w*(?:{_WORDS})\w*)\s*=\s*(?:'(?:[^'\\]|\\.)*'?|(?:\\.|\S)+)", re.IGNORECASE | re.DOTALL
)


def shown_url(url: str | None) -> str:
    """Returns an address, or a connection text of libpq, with *** for what may be a secret."""
    text = _LOGIN.sub(r"\1:***@", _WEB_LOGIN.sub("***@", url or ""))
    return (_OPTION if "://" in text else _KEYWORD).sub(r"\1=***", text)


def checked_name(engine: Engine, spec: CollectionSpec, allowed: str, longest: int) -> str:
    """Returns the name of a collection, which is what the engine calls it too.

    Args:
        engine: where it lies.
        collection: whose name it is.
        allowed: a regular expression of all names that the engine takes.
        longest: how many bytes they may have.

    Raises:
        EngineUnsupported: the engine takes no such name.
    """
    name = spec.name
    if not re.fullmatch(allowed, name) or len(name.encode("utf-8", "replace")) > longest:
        raise EngineUnsupported(
            f"{engine.name} takes no collection of the name {name!r}: name a namespace "
            f"(FLOORLENS_NAMESPACE) of letters, digits and underscores, of at most {longest}"
        )
    return name


def not_found(engine: Engine, name: str) -> CollectionNotFound:
    """Returns the error that an engine has no collection of that name."""
    return CollectionNotFound(
        f"{engine.name} has no collection {name!r}: fill it with "
        f"`floorlens engine sync --to {engine.name}`"
    )


def foreign_shape(engine: Engine, name: str) -> EngineMismatch:
    """Returns the error that what lies under a name is not of Floorlens's shape."""
    return EngineMismatch(
        f"what {engine.name} holds under the name {name!r} is not Floorlens's, and stays as it is: "
        "name another namespace (FLOORLENS_NAMESPACE)"
    )


def check_same(
    engine: Engine, name: str, ours: CollectionSpec, dimension: int, stamp: str | None, empty: bool
) -> None:
    """Checks that a collection that is there is comparable with ours.

    Args:
        engine: where it is.
        name: how the engine calls it.
        ours: what it should be.
        dimension: of its vectors.
        stamp: the one that it carries, None for none.
        empty: whether it has no records.

    Raises:
        EngineMismatch: another dimension, another stamp, or records and no stamp.
    """
    if dimension != ours.dimension:
        problem = f"holds vectors of {dimension}, not of {ours.dimension} dimensions"
    elif stamp is None and not empty:
        problem = "holds records that Floorlens did not write, or did not write to the end"
    elif stamp is not None and stamp != ours.stamp:
        problem = "was filled with other models or settings, which cannot be compared with these"
    else:
        return
    raise EngineMismatch(
        f"the collection {name!r} of {engine.name} {problem}: name another namespace "
        "(FLOORLENS_NAMESPACE), or replace what it holds with "
        f"`floorlens engine sync --to {engine.name} --take-over`",
        stamp or "",
    )


def replaced(engine: Engine, name: str, found: str | None) -> EngineMismatch:
    """Returns the error that another process took a collection over while we had it open."""
    return EngineMismatch(
        f"the collection {name!r} of {engine.name} was taken over by another process with other "
        f"models or settings: open it again, or name another namespace (FLOORLENS_NAMESPACE)",
        found or "",
    )
