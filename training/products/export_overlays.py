"""Turn a training folder into the model file of the package.

python -m training.products.export_overlays --run runs/overlays
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import torch

from training.export import Stamp, compare, export_onnx
from training.products.make_pictures import SIDE
from training.products.network import ExportNet, OverlayNet

#: Of random pictures; fp16 weights move a probability by about a thousandth.
MOST_DIFFERENCE = 0.02

STAMP = Stamp(
    model_id="floorlens-overlays",
    version="0.1",
    licence="see overlays.md; trained in part on product pictures without a stated licence",
    preprocessing=(
        f"longer side {SIDE}, aspect kept, edges repeated to a multiple of 16; "
        "rgb uint8 [N,H,W,3]; (x - 127) / 128 inside the graph"
    ),
    extra={"input_side": SIDE},
)
OUTPUTS: dict[str, dict[int, str]] = {"overlay_probability": {0: "N", 1: "H", 2: "W"}}


def main() -> None:
    """Export the averaged weights of a run, and check the file against them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(__file__).resolve().parents[2] / "floorlens" / "weights" / "overlays.onnx",
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = OverlayNet(pretrained=False)
    net.load_state_dict(torch.load(args.run / "ema.pt", weights_only=True))
    module = ExportNet(net).eval()
    # Beside the run first: the package's file is replaced only by one that says what the network
    # says.
    draft = export_onnx(module, args.run / args.out.name, STAMP, OUTPUTS)
    worst = compare(module, draft, [(1, 320, 256), (2, 224, 320), (1, 96, 320)])
    print(json.dumps({"megabytes": round(draft.stat().st_size / 1e6, 2), "difference": worst}))
    if max(worst.values()) > MOST_DIFFERENCE:
        raise SystemExit(f"{draft} differs from the network it was made from")
    copy = args.out.with_suffix(".onnx.new")
    shutil.copyfile(draft, copy)
    copy.replace(args.out)


if __name__ == "__main__":
    main()
