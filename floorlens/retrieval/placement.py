"""Where an engine holds a catalogue's vectors: its address, and the names of the collections."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from floorlens.engines import BACKENDS, PRIVATE, CollectionSpec, Engine
from floorlens.engines.opening import PREFIX
from floorlens.errors import SettingsError
from floorlens.models.stamp import identity

if TYPE_CHECKING:
    from floorlens.catalogue.catalogue import Catalogue
    from floorlens.presets import Stages

_LOCAL_ADDRESS = re.compile(r"(\w+://)?(localhost|127\.|\[?::1|/|[A-Za-z]:\\)")


def place_engine(engine: Engine, catalogue: Catalogue) -> Engine:
    """Returns the engine with an address: its own, else one beside or in the catalogue.

    The path of a folder or file is made absolute, so that it means the same from everywhere. An
    engine of another package gets the address that is set as it is; if none is, a path of its name
    in the catalogue's folder, or None if the catalogue has no folder.

    Raises:
        SettingsError: the engine needs an address, and the catalogue cannot give it one.

    Example:
        >>> from floorlens.catalogue.catalogue import Catalogue
        >>> catalogue = Catalogue("shop")
        >>> place_engine(Engine("lancedb"), catalogue).url
        '.../shop/lancedb'
        >>> catalogue.close()
    """
    if engine.name in (PRIVATE, "pinecone"):
        return engine
    folder = catalogue.folder
    if engine.name not in BACKENDS:
        if engine.url is not None or folder is None:
            return engine
        return replace(engine, url=str(folder.resolve() / engine.name))
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
    if folder is None:
        raise SettingsError(
            f"{engine.name} needs FLOORLENS_INDEX_URL: a catalogue on PostgreSQL has no folder "
            "for it"
        )
    file_name = {"lancedb": "lancedb", "milvus": "milvus.db"}[engine.name]
    return replace(engine, url=str(folder.resolve() / file_name))


def engine_key(engine: Engine, catalogue: Catalogue) -> str:
    """Returns a short name of an engine with its address, under which a catalogue remembers it.

    It holds no secret and has at most 55 characters. It is equal for the same place, whoever
    computes it.

    Args:
        engine: as `place_engine` returns it.
        catalogue: whose vectors it holds.

    Example:
        >>> from floorlens.catalogue.catalogue import Catalogue
        >>> catalogue = Catalogue("shop")
        >>> engine_key(place_engine(Engine("lancedb"), catalogue), catalogue)
        'lancedb-2ef0a21bf3dbe8df9d01a7ae'
        >>> catalogue.close()
    """
    url = re.sub(r"(?<=://)[^/]*@", "", engine.url or "").rstrip("/")
    folder = catalogue.folder
    if folder is not None and url.startswith(str(folder.resolve())):
        # What lies in the catalogue's folder moves with it.
        url = url.removeprefix(str(folder.resolve()))
    parts = [url, engine.index, engine.namespace]
    if engine.name == "pinecone" or engine.name not in BACKENDS:
        # Each project has indexes of its own. The hash does not reveal the key.
        parts.append(engine.api_key)
    if engine.name != "pinecone" and folder is None and _LOCAL_ADDRESS.match(url):
        # Several machines share a catalogue on a server, and "localhost" is another one on each.
        parts.append(platform.node())
    return f"{engine.name}-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]}"


def collection_spec(
    engine: Engine, catalogue: Catalogue, stages: Stages, projection: str | None
) -> CollectionSpec:
    """Returns the collection for the vectors that stages make with a version of a projection.

    Each catalogue, and each kind of vectors, has a collection of its own, unless the engine names
    one (`Engine.namespace`).

    Example:
        >>> from floorlens.catalogue.catalogue import Catalogue
        >>> from floorlens.testing import fake_stages
        >>> catalogue = Catalogue("shop")
        >>> collection_spec(Engine("lancedb"), catalogue, fake_stages(), None).name
        'floorlens_..._...'
        >>> catalogue.close()
    """
    uid, dimension = catalogue.uid(), stages.embedder.stamp.dimension
    stamp = json.dumps(
        {
            "catalogue": uid,
            "models": identity(stages.stamp()),
            "projection": projection,
            "dimension": dimension,
        },
        sort_keys=True,
    )
    fingerprint = hashlib.sha256(stamp.encode()).hexdigest()[:8]
    # Pinecone's index is a place; of other engines it is the first part of the collections' names.
    prefix = None if engine.name == "pinecone" else engine.index
    name = engine.namespace or f"{prefix or PREFIX}_{uid[:8]}_{fingerprint}"
    return CollectionSpec(name, dimension, stamp)


def catalogue_uid(stamp: str) -> str | None:
    """Returns the uid of the catalogue that a collection's stamp names; None if it names none.

    Example:
        >>> catalogue_uid('{"catalogue": "5f0c"}')
        '5f0c'
        >>> catalogue_uid("not a stamp of ours")
    """
    try:
        fields = json.loads(stamp)
    except ValueError:
        return None
    return fields.get("catalogue") if isinstance(fields, dict) else None
