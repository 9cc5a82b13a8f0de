"""Turn a training folder into the model files of the package.

python -m training.segmentation.export_model --run runs/segmenter
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import onnx
import torch
from torch import Tensor

from floorlens.models.onnx import WEIGHTS
from training.export import Input, Stamp, compare, export_onnx
from training.segmentation.calibrate import read_calibration
from training.segmentation.halves import write_split
from training.segmentation.model import CLICK_STRIDE, ExportNet, SegmentationNet

INPUT_SIDE = 384
#: Of random pictures; fp16 weights move a probability by about a thousandth.
MOST_DIFFERENCE = 0.02

STAMP = Stamp(
    model_id="floorlens-segmenter",
    version="0.3",
    licence="see segmenter.md; trunk Apache-2.0, trained in part on research data sets",
    preprocessing=(
        f"longer side {INPUT_SIDE}, aspect kept, reflected to a multiple of 32; "
        "rgb uint8 [N,H,W,3]; (x - 127) / 128 inside the graph; clicks float32 [N,2,H/4,W/4]"
    ),
    extra={"input_side": INPUT_SIDE},
)


def _clicks(shape: tuple[int, int, int]) -> Tensor:
    count, height, width = shape
    return (torch.rand(count, 2, height // CLICK_STRIDE, width // CLICK_STRIDE) > 0.99).float()


INPUTS = {"clicks": Input({0: "N", 2: "h", 3: "w"}, _clicks)}
OUTPUTS: dict[str, dict[int, str]] = {
    "floor_probability": {0: "N", 1: "H", 2: "W"},
    "rug_probability": {0: "N", 1: "h", 2: "w"},
    "floor_visible": {0: "N"},
}


def main() -> None:
    """Export the averaged weights of a run, check the graph against them, write its parts."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="folder for both files")
    parser.add_argument("--fp32", action="store_true", help="keep the weights in full")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = SegmentationNet(pretrained=False)
    net.load_state_dict(torch.load(args.run / "ema.pt", weights_only=True))
    slope, offset = read_calibration(args.run)
    module = ExportNet(net, slope, offset).eval()
    # Beside the run first: the package's files are replaced only by what says what the network
    # says.
    draft = export_onnx(
        module,
        args.run / "segmenter.onnx",
        STAMP,
        OUTPUTS,
        halve=not args.fp32,
        inputs=INPUTS,
    )
    worst = compare(module, draft, [(1, 320, 256), (2, 224, 320), (1, 96, 320)], inputs=INPUTS)
    if max(worst.values()) > MOST_DIFFERENCE:
        raise SystemExit(f"{draft} differs from the network it was made from: {worst}")
    size = write_split(onnx.load(str(draft)), args.out)
    print(json.dumps({"megabytes": round(size / 1e6, 2), "difference": worst}))


if __name__ == "__main__":
    main()
