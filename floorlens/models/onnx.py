"""The package's own ONNX models: where they are, and sessions that run them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from floorlens.models.stamp import Stamp

if TYPE_CHECKING:
    import onnxruntime

WEIGHTS = Path(__file__).parent.parent / "weights"
"""The folder of the package's own models."""


@lru_cache(maxsize=16)
def load_session(name: str, threads: int = 0) -> onnxruntime.InferenceSession:
    """Returns a CPU session for a model of the package, loaded once per process and thread count.

    Sessions are safe to call from several threads.

    Args:
        name: of a file in `WEIGHTS`.
        threads: that a session uses; 0 takes all cores.

    Example:
        >>> [output.name for output in load_session("encoder.onnx").get_outputs()]
        ['features']
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    # A thread that waits in a busy loop would take a core from the other pictures of an import.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        str(WEIGHTS / name), options, providers=["CPUExecutionProvider"]
    )


def session_stamp(session: onnxruntime.InferenceSession) -> Stamp:
    """Returns the stamp that the session's model file carries.

    Example:
        >>> session_stamp(load_session("segmenter_trunk.onnx")).model_id
        'floorlens-segmenter'
    """
    return Stamp.from_metadata(session.get_modelmeta().custom_metadata_map)
