"""Which vector engine holds a catalogue's vectors: where it is, and under which names."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from floorlens.errors import SettingsError
from floorlens.index import Collection, Engine
from floorlens.presets import BACKENDS, Stages, identity

if TYPE_CHECKING:
    from floorlens.catalogue import Catalogue

PRIVATE = "exact"
"""The engine that is no copy: each process keeps it in its own memory."""


@dataclass(frozen=True)
class EnginePosition:
    """How far a vector engine follows a catalogue.

    Attributes:
        collection: the name of the collection that is in use there.
        stamp: which it was opened with.
        revision: of the catalogue, when it was last brought into step.
    """

    collection: str
    stamp: str
    revision: int


def check_engine(engine: Engine) -> None:
    """Checks that there is an engine of that name.

    Raises:
        SettingsError: there is none.
    """
    known = BACKENDS["index"]
    if engine.name not in known:
        raise SettingsError(f"unknown engine {engine.name!r}: known are {', '.join(sorted(known))}")


def resolved(engine: Engine, catalogue: Catalogue) -> Engine:
    """Returns the engine with its place: beside or in the catalogue, unless it names one.

    Raises:
        SettingsError: it needs one to be named.
    """
    if engine.url is not None or engine.name in (PRIVATE, "pinecone"):
        return engine
    if engine.name == "pgvector":
        url = catalogue.postgres_url
        if url is None:
            raise SettingsError(
                "pgvector needs FLOORLENS_INDEX_URL=postgresql://user:password@host/database, "
                "or a catalogue on PostgreSQL"
            )
        return replace(engine, url=url)
    folder = catalogue.folder
    if folder is None:
        raise SettingsError(
            f"{engine.name} needs FLOORLENS_INDEX_URL: a catalogue on PostgreSQL has no folder "
            "for it"
        )
    place = {"lancedb": "lancedb", "milvus": "milvus.db"}[engine.name]
    return replace(engine, url=str(folder / place))


def engine_key(engine: Engine) -> str:
    """Returns a name for an engine as users give it, without secrets; at most 64 characters."""
    url = re.sub(r"(?<=://)[^/]*@", "", engine.url or "")
    text = json.dumps([url, engine.index, engine.namespace])
    return f"{engine.name}-{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def collection_for(
    engine: Engine, catalogue: Catalogue, stages: Stages, projection: str | None
) -> Collection:
    """Returns the collection of the vectors that stages make with a version of a projection.

    Each catalogue, and each kind of vectors, has one of its own, unless the engine names one.
    """
    uid, dimension = catalogue.uid(), stages.embedder.stamp.dimension
    text = json.dumps(
        {
            "catalogue": uid,
            "models": identity(stages.stamp()),
            "projection": projection,
            "dimension": dimension,
        },
        sort_keys=True,
    )
    fingerprint = hashlib.sha256(text.encode()).hexdigest()[:8]
    # Pinecone's index is a place; elsewhere it is the first part of the collections' names.
    first = None if engine.name == "pinecone" else engine.index
    name = engine.namespace or f"{first or 'floorlens'}_{uid[:8]}_{fingerprint}"
    return Collection(name, dimension, text)


def catalogue_in(stamp: str) -> str | None:
    """Returns the uid of the catalogue that a stamp names; None where it names none."""
    try:
        fields = json.loads(stamp)
    except ValueError:
        return None
    return fields.get("catalogue") if isinstance(fields, dict) else None
