"""Model files: where they lie, what they say of themselves, and sessions that run them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from floorlens.errors import CatalogueError

if TYPE_CHECKING:
    import onnxruntime

WEIGHTS = Path(__file__).parent / "weights"


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


@lru_cache(maxsize=16)
def load_session(name: str, threads: int = 0) -> onnxruntime.InferenceSession:
    """Returns a CPU session for a model of the package, loaded once per process and thread count.

    Sessions are safe to call from several threads. `threads` = 0 takes all cores.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # Threads that wait in a busy loop take the cores from the other pictures of an import.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        str(WEIGHTS / name), options, providers=["CPUExecutionProvider"]
    )


def session_stamp(session: onnxruntime.InferenceSession) -> Stamp:
    """Returns the stamp that the session's model file carries."""
    return stamp_of(session.get_modelmeta().custom_metadata_map)
