"""Opening a collection: what all backends check, and what they report if they cannot use it."""

from __future__ import annotations

import re

from floorlens.engines import CollectionSpec, Engine
from floorlens.errors import CollectionNotFound, EngineMismatch, EngineUnsupported

PREFIX = "floorlens"
"""How the names that Floorlens chooses begin."""

_WORDS = "key|token|secret|password"
# To the last @: a password may hold one itself, and its end must not show.
_LOGIN = re.compile(r"(?<=://)([^:/@]*):.*@")
# What stands before the @ of a web address may be a token without a colon.
_WEB_LOGIN = re.compile(r"(?<=http://|ttps://).*@", re.IGNORECASE)
_OPTION = re.compile(rf"(?<=[?&])([^=&]*(?:{_WORDS})[^=&]*)=[^&]*", re.IGNORECASE)
# As libpq writes it: password = 'it\'s', or without quotes up to the next space.
_KEYWORD = re.compile(
    rf"(\w*(?:{_WORDS})\w*)\s*=\s*(?:'(?:[^'\\]|\\.)*'?|(?:\\.|\S)+)", re.IGNORECASE | re.DOTALL
)


def hide_secrets(url: str | None) -> str:
    """Returns an address, or a connection text of libpq, with *** for what may be a secret.

    Example:
        >>> hide_secrets("postgresql://me:secret@host/floors")
        'postgresql://me:***@host/floors'
    """
    text = _LOGIN.sub(r"\1:***@", _WEB_LOGIN.sub("***@", url or ""))
    return (_OPTION if "://" in text else _KEYWORD).sub(r"\1=***", text)


def check_name(engine: Engine, name: str, pattern: str, max_bytes: int) -> None:
    """Checks that an engine accepts the name of a collection.

    Args:
        engine: where the collection lies.
        name: the name.
        pattern: a regular expression of all names that the engine accepts.
        max_bytes: how long they may be.

    Raises:
        EngineUnsupported: the engine does not accept it.

    Example:
        >>> check_name(Engine("milvus"), "floors_2024", "[a-z0-9_]+", 255)
    """
    if not re.fullmatch(pattern, name) or len(name.encode("utf-8", "replace")) > max_bytes:
        raise EngineUnsupported(
            f"{engine.name} accepts no collection of the name {name!r}: name a namespace "
            f"(FLOORLENS_NAMESPACE) of at most {max_bytes} letters, digits and underscores"
        )


def check_comparable(
    engine: Engine,
    name: str,
    spec: CollectionSpec,
    *,
    dimension: int,
    stamp: str | None,
    empty: bool,
) -> None:
    """Checks that the vectors in a collection that is there are comparable with ours.

    Args:
        engine: where the collection lies.
        name: what the engine calls it.
        spec: what it should be.
        dimension: the length of its vectors.
        stamp: the stamp that it carries; None for none.
        empty: whether it has no records.

    Raises:
        EngineMismatch: it has another dimension, another stamp, or records and no stamp.

    Example:
        >>> spec = CollectionSpec("floors", 96, "stamp")
        >>> check_comparable(
        ...     Engine("lancedb"), "floors", spec, dimension=96, stamp="stamp", empty=False
        ... )
    """
    if dimension != spec.dimension:
        problem = f"holds vectors of {dimension}, not of {spec.dimension} dimensions"
    elif stamp is None and not empty:
        problem = "holds records that Floorlens did not write, or did not write to the end"
    elif stamp is not None and stamp != spec.stamp:
        problem = "was filled with other models or settings, which cannot be compared with these"
    else:
        return
    raise EngineMismatch(
        f"the collection {name!r} of {engine.name} {problem}: name another namespace "
        "(FLOORLENS_NAMESPACE), or replace what it holds with "
        f"`floorlens engine sync --to {engine.name} --take-over`",
        stamp or "",
    )


def not_found_error(engine: Engine, name: str) -> CollectionNotFound:
    """Returns the error that an engine has no collection of a name.

    Example:
        >>> raise not_found_error(Engine("lancedb"), "floors")
        Traceback (most recent call last):
        floorlens.errors.CollectionNotFound: lancedb has no collection 'floors': fill it with ...
    """
    return CollectionNotFound(
        f"{engine.name} has no collection {name!r}: fill it with "
        f"`floorlens engine sync --to {engine.name}`"
    )


def foreign_shape_error(engine: Engine, name: str) -> EngineMismatch:
    """Returns the error that another application made what lies under a name.

    Example:
        >>> raise foreign_shape_error(Engine("lancedb"), "orders")
        Traceback (most recent call last):
        floorlens.errors.EngineMismatch: what lancedb holds under the name 'orders' is not ...
    """
    return EngineMismatch(
        f"what {engine.name} holds under the name {name!r} is not Floorlens's, and stays as it is: "
        "name another namespace (FLOORLENS_NAMESPACE)"
    )


def taken_over_error(engine: Engine, name: str, stamp: str | None) -> EngineMismatch:
    """Returns the error that another process took a collection over while we had it open.

    Args:
        engine: where the collection lies.
        name: what the engine calls it.
        stamp: the stamp that it carries now; None for none.

    Example:
        >>> raise taken_over_error(Engine("lancedb"), "floors", "another stamp")
        Traceback (most recent call last):
        floorlens.errors.EngineMismatch: the collection 'floors' of lancedb was taken over by ...
    """
    return EngineMismatch(
        f"the collection {name!r} of {engine.name} was taken over by another process with other "
        "models or settings: open it again, or name another namespace (FLOORLENS_NAMESPACE)",
        stamp or "",
    )
