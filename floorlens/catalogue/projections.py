"""The projections in a catalogue: which is in use, and what it was fitted on."""

from __future__ import annotations

import io
import json
from typing import Any

from sqlalchemy import select, update

from floorlens.catalogue.database import Database
from floorlens.catalogue.generations import projection_version, stamp_of
from floorlens.catalogue.schema import projections, state
from floorlens.embedding.projection import Projection, load_projection
from floorlens.errors import GenerationChanged

UNDECIDED, DECLINED, DUE = 0, 1, 2
"""The values of `state.adaptation_declined`: versions that do not know `DUE` adapt when asked."""


class Projections:
    """Reads the projections that generations were begun with (`Generations.begin` stores them)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, version: str) -> Projection:
        """Returns a stored projection.

        Raises:
            GenerationChanged: another process has dropped it with its generation.
        """
        with self._database.reading() as connection:
            blob = connection.execute(
                select(projections.c.blob).where(projections.c.version == version)
            ).scalar()
        if blob is None:
            raise GenerationChanged(f"projection {version} is no longer in the catalogue")
        return load_projection(io.BytesIO(blob))

    def of(self, generation: int) -> Projection | None:
        """Returns the projection that made a generation; None where there is none.

        Raises:
            GenerationChanged: another process has dropped it.
        """
        with self._database.reading() as connection:
            version = projection_version(stamp_of(connection, generation))
        return None if version is None else self.get(version)

    def in_use(self) -> dict[str, Any] | None:
        """Returns the version of the live projection and what it was fitted on.

        None before the first product and for embedders without one; `version` alone is the
        package's own projection.
        """
        with self._database.reading() as connection, connection.begin():
            live = connection.execute(select(state.c.live)).scalar_one()
            version = None if live is None else projection_version(stamp_of(connection, live))
            made_from = connection.execute(
                select(projections.c.made_from).where(projections.c.version == version)
            ).scalar()
        return None if version is None else {"version": version, **json.loads(made_from or "{}")}

    def adapted(self) -> bool:
        """Returns whether the live projection was fitted to the catalogue."""
        return "products" in (self.in_use() or {})

    def declined(self) -> bool:
        """Returns whether the user declined an adaptation of the catalogue."""
        return self._read_mark() == DECLINED

    def decline(self, declined: bool = True) -> None:
        """Stores whether the user declines an adaptation of the catalogue."""
        self._write_mark(DECLINED if declined else UNDECIDED)

    def due(self) -> bool:
        """Returns whether an import has begun that an adaptation is to follow, and not ended."""
        return self._read_mark() == DUE

    def set_due(self) -> None:
        """Stores that an adaptation is to follow an import, also if that is interrupted."""
        self._write_mark(DUE)

    def end_due(self) -> None:
        """Stores that the import is over, with or without an adaptation."""
        if self.due():
            self._write_mark(UNDECIDED)

    def _read_mark(self) -> int:
        with self._database.reading() as connection:
            return int(connection.execute(select(state.c.adaptation_declined)).scalar_one())

    def _write_mark(self, mark: int) -> None:
        with self._database.writing(counted=False) as connection:
            connection.execute(update(state).values(adaptation_declined=mark))
