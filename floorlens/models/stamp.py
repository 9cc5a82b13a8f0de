"""Stamps: name and version of a model, stored with everything that it makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from floorlens.errors import CatalogueError


@dataclass(frozen=True)
class Stamp:
    """Which model or stage it is; stored with everything that it makes.

    Attributes:
        model_id: the model's name, such as "floorlens-segmenter".
        version: of the model; what models of different versions make is not comparable.
        dimension: the length of its output vectors; 0 where it has none.
        licence: SPDX expression or short name of the weights' licence.
        preprocessing: what happens to its input, in words.
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

    Example:
        >>> stamp_of({"model_id": "my-encoder", "version": "1", "dimension": "128",
        ...           "licence": "Apache-2.0", "preprocessing": "none"}).dimension
        128
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
