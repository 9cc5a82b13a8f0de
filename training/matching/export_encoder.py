"""Export the patch encoder: an EfficientNet-Lite0, mean and spread of four depths, as ONNX.

    python -m training.matching.export_encoder --weights RUN/weights.npz --start ENCODER.onnx

What is exported is a mean of the weights that `training.matching.train` wrote and of those that the
run grew from: trained on a few thousand floors, the network forgets some of what it knew before
(weight-space ensembles, Wortsman et al. 2022). The weights in the package grew from version 0.2:

    git show f049964:floorlens/weights/encoder.onnx > start.onnx
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from floorlens.models.onnx import WEIGHTS
from training.encoder import LITE
from training.export import Stamp, compare, export_onnx
from training.matching.checkpoint import load_weights
from training.matching.network import DEPTHS, PatchStatistics, load_exported

VERSION = "0.3.0"
#: Of the trained weights, in the mean.
SHARE = 0.7
#: Side of the patches in pixels.
SIDE = 160


def blended(weights: Path, start: Path, share: float) -> PatchStatistics:
    """Returns the encoder whose weights are so much of a run's, and of its start's the rest.

    Args:
        weights: what `training.matching.train` wrote.
        start: the exported encoder that the run grew from.
        share: 0..1, of the run's.
    """
    module, trained = PatchStatistics().eval(), load_weights(weights).tensors
    load_exported(module, start)
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                value.lerp_(trained[f"encoder.{name}"].float(), share)
    return module


def main() -> None:
    """Write the encoder and print how far the file is from the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=WEIGHTS / "encoder.onnx")
    parser.add_argument("--weights", type=Path, required=True, help="of training.matching.train")
    parser.add_argument("--start", type=Path, required=True, help="the encoder the run grew from")
    parser.add_argument("--share", type=float, default=SHARE, help="of the trained weights")
    parser.add_argument("--fp32", action="store_true", help="keep the weights in full")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    module = blended(arguments.weights, arguments.start, arguments.share)
    stamp = Stamp(
        model_id="floorlens-encoder",
        version=VERSION,
        licence="Apache-2.0",
        dimension=module.dimension,
        preprocessing=f"sRGB patch of {SIDE} x {SIDE}; (x - 127) / 128 inside the graph",
        extra={
            "depths": " ".join(map(str, DEPTHS)),
            "channels": " ".join(str(LITE[0][depth][3]) for depth in DEPTHS),
        },
    )
    export_onnx(
        module,
        arguments.out,
        stamp,
        {"features": {0: "N"}},
        example_side=SIDE,
        dynamic_size=False,
        halve=not arguments.fp32,
    )
    worst = compare(module, arguments.out, [(1, SIDE, SIDE), (12, SIDE, SIDE)])
    size = arguments.out.stat().st_size / 1e6
    print(f"{arguments.out.name}: {size:.2f} MB, {module.dimension} features, off by {worst}")


if __name__ == "__main__":
    main()
