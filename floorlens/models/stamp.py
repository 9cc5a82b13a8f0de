"""Stamps: what a model is, written into everything that it makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from floorlens.errors import CatalogueError


@dataclass(frozen=True)
class Stamp:
    """What a model or a stage is, written into everything that it makes.

    Attributes:
        model_id: the model's name, such as "floorlens-segmenter".
        version: a version of it; two stamps of different version are not comparable.
        dimension: the length of its output vectors; 0 where it has none.
        licence: SPDX expression or short name of the weights' licence.
        preprocessing: what is done to its input, in words.
    """

    model_id: str
    version: str
    dimension: int
    licence: str
    preprocessing: str

    def as_dict(self) -> dict[str, Any]:
        """Returns the stamp as plain JSON values."""
        return asdict(self)


def stamp_of(metadata: Mapping[str, str]) -> Stamp:
    """Returns the stamp in an ONNX file's metadata.

    Raises:
        CatalogueError: the file carries no stamp.
    """
    try:
        return Stamp(
            model_id=metadata["model_id"],
            version=metadata["version"],
            dimension=int(metadata["dimension"]),
            licence=metadata["licence"],
            preprocessing=metadata["preprocessing"],
        )
    except KeyError as missing:
        raise CatalogueError(f"a model file carries no {missing} in its stamp") from missing
