"""Export the patch encoder: a fine-tuned EfficientNet-Lite0, mean and spread of four depths.

    python -m training.matching.export_encoder --run DIR

DIR holds the checkpoint of `training.matching.finetune`; without it the ImageNet weights are taken.
What is exported is the mean of both weights: fine-tuned on made floors alone, the network forgets
some of what it knew of real photographs (weight-space ensembles, Wortsman et al. 2022).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor, nn

from floorlens.models.onnx import WEIGHTS
from training.encoder import LITE, LiteEncoder
from training.export import Stamp, compare, export_onnx

#: Blocks whose statistics describe a patch: grain, then marks, then boards, then pattern.
DEPTHS: tuple[int, ...] = (4, 7, 10, 15)
VERSION = "0.2.0"
#: Side of the patches in pixels.
SIDE = 160


class PatchStatistics(nn.Module):
    """Mean and standard deviation of the feature maps at several depths, over the whole patch."""

    def __init__(self, depths: tuple[int, ...] = DEPTHS) -> None:
        super().__init__()
        self.trunk = LiteEncoder(depths)

    @property
    def dimension(self) -> int:
        """Length of the feature vector."""
        return 2 * sum(self.trunk.channels)

    def forward(self, x: Tensor) -> Tensor:
        """Normalised float32 [N, 3, H, W] -> float32 [N, D]: depth by depth, means then spreads."""
        parts: list[Tensor] = []
        for feature_map in self.trunk(x):
            mean = feature_map.mean(dim=(2, 3))
            centred = feature_map - mean[:, :, None, None]
            spread = (centred * centred).mean(dim=(2, 3)).clamp_min(1e-8).sqrt()
            parts += [mean, spread]
        return torch.cat(parts, dim=1)


def main() -> None:
    """Write the encoder and print how far the file is from the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=WEIGHTS / "encoder.onnx")
    parser.add_argument("--run", type=Path, help="of training.matching.finetune")
    parser.add_argument("--share", type=float, default=0.5, help="of the fine-tuned weights")
    parser.add_argument("--depths", type=int, nargs="+", default=list(DEPTHS))
    parser.add_argument("--fp32", action="store_true", help="keep the weights in full")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    module = PatchStatistics(tuple(arguments.depths)).eval()
    if arguments.run is not None:
        saved = torch.load(arguments.run / "checkpoint.pt", weights_only=True)["matcher"]
        prefix = "encoder."
        module.load_state_dict(
            {
                name: torch.lerp(value, saved[prefix + name], arguments.share)
                if value.is_floating_point()
                else value
                for name, value in module.state_dict().items()
            }
        )
    stamp = Stamp(
        model_id="floorlens-encoder",
        version=VERSION,
        licence="Apache-2.0",
        dimension=module.dimension,
        preprocessing=f"sRGB patch of {SIDE} x {SIDE}; (x - 127) / 128 inside the graph",
        extra={
            "depths": " ".join(map(str, arguments.depths)),
            "channels": " ".join(str(LITE[0][depth][3]) for depth in arguments.depths),
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
