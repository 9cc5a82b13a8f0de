"""The built-in segmenter's network: a trunk that sees the picture, a decoder that sees clicks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from floorlens.errors import ModelUnavailable
from floorlens.models.onnx import load_session, session_stamp
from floorlens.models.stamp import Stamp

if TYPE_CHECKING:
    import onnxruntime

TRUNK, DECODER = "segmenter_trunk.onnx", "segmenter_decoder.onnx"
"""The model files: picture -> features, and features with clicks -> where the floor is."""

DIGEST = "graph_sha256"
"""In the metadata of both files: the digest of the whole graph that they are the parts of."""

Features = Mapping[str, NDArray[np.float32]]
"""What the trunk sees in a picture, by the names of its outputs."""


class FloorNetwork:
    """The network that finds floors. Safe to call from several threads.

    Args:
        trunk: the session of its first part.
        decoder: that of its second part.

    Raises:
        ModelUnavailable: they are not parts of one network.

    Example:
        >>> network = load_network(threads=1)
        >>> features = network.features(np.zeros((64, 96, 3), np.uint8))
        >>> sorted(features)
        ['f16', 'f2', 'f32', 'f4', 'f8', 'picture']
        >>> network.decode(features, np.zeros((2, 16, 24), np.float32))[0].shape
        (64, 96)
    """

    def __init__(
        self, trunk: onnxruntime.InferenceSession, decoder: onnxruntime.InferenceSession
    ) -> None:
        one, other = (part.get_modelmeta().custom_metadata_map for part in (trunk, decoder))
        if DIGEST not in one or one[DIGEST] != other.get(DIGEST):
            raise ModelUnavailable(
                f"{TRUNK} and {DECODER} are not of one network: install Floorlens again, or write "
                "both files anew with `make segmenter`"
            )
        self._trunk, self._decoder = trunk, decoder
        self._names = [output.name for output in trunk.get_outputs()]

    @property
    def stamp(self) -> Stamp:
        """Which model it is."""
        return session_stamp(self._trunk)

    @property
    def side(self) -> int:
        """The longer side, in pixels, of the pictures that it is meant for."""
        return int(self._trunk.get_modelmeta().custom_metadata_map["input_side"])

    def features(self, picture: NDArray[np.uint8]) -> Features:
        """Returns what the trunk sees in a picture; that is most of the work.

        Args:
            picture: uint8 (h, w, 3) sRGB; its sides are multiples of 32.
        """
        values = self._trunk.run(self._names, {"rgb": picture[None]})
        return dict(zip(self._names, values, strict=True))

    def decode(
        self, features: Features, clicks: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], float, float]:
        """Returns where the floor is.

        Args:
            features: of a picture (h, w).
            clicks: float32 (2, h / 4, w / 4), 1 near clicks on floor, and 1 near the others.

        Returns:
            Probabilities, 0..1: of floor, float32 (h, w); of a rug, float32 (h / 4, w / 4); that
            there is a floor; and that the picture is upright.
        """
        floor, rug, visible, upright = self._decoder.run(
            ["floor_probability", "rug_probability", "floor_visible", "upright"],
            {**features, "clicks": clicks[None]},
        )
        return floor[0], rug[0], float(visible[0]), float(upright[0])


def load_network(threads: int = 0) -> FloorNetwork:
    """Returns the package's own network.

    Args:
        threads: that it uses; 0 takes all cores.

    Example:
        >>> load_network(threads=1).stamp.model_id
        'floorlens-segmenter'
    """
    return FloorNetwork(load_session(TRUNK, threads), load_session(DECODER, threads))
