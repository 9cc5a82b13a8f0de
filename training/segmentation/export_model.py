"""Turn a training folder into the model file of the package.

python -m training.segmentation.export_model --run runs/segmenter
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

from training.export import Stamp, compare, export_onnx
from training.segmentation.model import ExportNet, SegmentationNet

INPUT_SIDE = 320
#: Of random pictures; fp16 weights move a probability by about a thousandth.
MOST_DIFFERENCE = 0.02

STAMP = Stamp(
    model_id="floorlens-segmenter",
    version="0.1",
    licence="see segmenter.md; trunk Apache-2.0, trained in part on research data sets",
    preprocessing=(
        f"longer side {INPUT_SIDE}, aspect kept, edge-padded to a multiple of 32; "
        "rgb uint8 [N,H,W,3]; (x - 127) / 128 inside the graph"
    ),
    extra={"input_side": INPUT_SIDE},
)


def main() -> None:
    """Export the averaged weights of a run, and check the file against them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(__file__).resolve().parents[2] / "floorlens" / "weights" / "segmenter.onnx",
    )
    parser.add_argument("--fp32", action="store_true", help="keep the weights in full")
    args = parser.parse_args()
    torch.set_num_threads(1)
    net = SegmentationNet(pretrained=False)
    net.load_state_dict(torch.load(args.run / "ema.pt", weights_only=True))
    module = ExportNet(net).eval()
    path = export_onnx(
        module,
        args.out,
        STAMP,
        {"floor_probability": {0: "N", 1: "H", 2: "W"}, "floor_visible": {0: "N"}},
        halve=not args.fp32,
    )
    worst = compare(module, path, [(1, 320, 256), (2, 224, 320), (1, 96, 320)])
    print(json.dumps({"megabytes": round(path.stat().st_size / 1e6, 2), "difference": worst}))
    if max(worst.values()) > MOST_DIFFERENCE:
        raise SystemExit("the file differs from the network it was made from")


if __name__ == "__main__":
    main()
