"""Which vector engine holds a catalogue's vectors: where it is, and under which names."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from floorlens.engines import PRIVATE, CollectionSpec, Engine
from floorlens.errors import SettingsError
from floorlens.models.stamp import identity
from floorlens.presets import Stages

if TYPE_CHECKING:
    from floorlens.catalogue.catalogue import Catalogue


def resolved(engine: Engine, catalogue: Catalogue) -> Engine:
    """Returns the engine with its place: beside or in the catalogue, unless it names one.

    A folder or file is absolute in it, so that it is the same from everywhere.

    Raises:
        SettingsError: it needs one to be named.
    """
    if engine.name in (PRIVATE, "pinecone"):
        return engine
    if engine.url is not None:
        if engine.name == "pgvector" or "://" in engine.url:
            return engine
        return replace(engine, url=str(Path(engine.url).expanduser().resolve()))
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
    return replace(engine, url=str(folder.resolve() / place))


def engine_key(engine: Engine, catalogue: Catalogue) -> str:
    """Returns a name for an engine that `resolved` has placed, without secrets.

    At most 55 characters. Equal for what is one place, whoever looks at it.
    """
    url = re.sub(r"(?<=://)[^/]*@", "", engine.url or "").rstrip("/")
    folder = catalogue.folder
    if folder is not None and url.startswith(str(folder.resolve())):
        # A catalogue that is moved takes along what lies in it.
        url = url.removeprefix(str(folder.resolve()))
    parts = [url, engine.index, engine.namespace]
    if engine.name == "pinecone":
        # Each project has indexes of its own; of the key nothing can be told from the hash.
        parts.append(engine.api_key)
    elif folder is None and re.match(r"(\w+://)?(localhost|127\.|\[?::1|/|[A-Za-z]:\\)", url):
        # Several machines share a catalogue on a server, and each has its own "localhost".
        parts.append(platform.node())
    return f"{engine.name}-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]}"


def collection_for(
    engine: Engine, catalogue: Catalogue, stages: Stages, projection: str | None
) -> CollectionSpec:
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
    return CollectionSpec(name, dimension, text)


def catalogue_in(stamp: str) -> str | None:
    """Returns the uid of the catalogue that a stamp names; None where it names none."""
    try:
        fields = json.loads(stamp)
    except ValueError:
        return None
    return fields.get("catalogue") if isinstance(fields, dict) else None
