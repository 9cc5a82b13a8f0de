"""Measures accuracy on the development data beside the checkout, and prints one table.

    python benchmarks/accuracy.py [--data ../shared/data] [--weights DIR]

With `--weights` the models of another folder are measured (encoder.onnx, projection.npz,
segmenter_trunk.onnx, segmenter_decoder.onnx), such as those that `export_encoder --fp32` and
`export_model --fp32` write. The code is that of `floorlens eval`. Data sets that are not there are
named and left out.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from machine import ROOT, machine

from floorlens.evaluation.masks import evaluate_masks
from floorlens.evaluation.pairs import evaluate_pairs
from floorlens.evaluation.ranking import evaluate_ranking
from floorlens.models import onnx

MASKS = "masks"
DATA: tuple[tuple[str, str, Callable[[Path], Any], tuple[str, ...]], ...] = (
    (
        "seed masks",
        "seed",
        partial(evaluate_masks, images="queries", masks="floor_masks"),
        ("mean_iou", "iou", "boundary_f"),
    ),
    ("seed ranking", "seed", evaluate_ranking, ("ndcg@10",)),
    (
        "nyuv2 test masks",
        "segmentation/nyuv2",
        partial(evaluate_masks, split="test"),
        ("mean_iou", "iou", "boundary_f"),
    ),
    (
        "vision_control_hospital masks",
        "segmentation/vision_control_hospital",
        evaluate_masks,
        ("mean_iou", "iou", "boundary_f"),
    ),
    (
        "ade20k_sarasarto masks",
        "segmentation/ade20k_sarasarto",
        evaluate_masks,
        ("mean_iou", "iou", "boundary_f"),
    ),
    (
        "real_pairs",
        "real_pairs",
        evaluate_pairs,
        ("mrr", "top1", "top5", "top10", "hard10_top1", "hard10_top3", "median_rank"),
    ),
)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--weights", type=Path, default=onnx.WEIGHTS)
    options = parser.parse_args()
    data = options.data
    # Backends are imported, and load their models, only when a preset is opened.
    onnx.WEIGHTS = options.weights
    print("\n".join(f"{name}: {value}" for name, value in machine("onnxruntime", "numpy").items()))
    print("\n| data | n | measure | value | 95 % interval |\n|---|---|---|---|---|")
    for title, folder, evaluate, measures in DATA:
        if not (data / folder).is_dir():
            print(f"| {title} | – | not there | – | – |")
            continue
        start = time.perf_counter()
        figures = evaluate(data / folder).as_dict()
        for measure in measures:
            low, high = figures.get("ci95", {}).get(measure, (None, None))
            interval = "" if low is None else f"{low:.3f} … {high:.3f}"
            print(f"| {title} | {figures['n']} | {measure} | {figures[measure]:.3f} | {interval} |")
        print(f"| {title} | | seconds in all | {time.perf_counter() - start:.0f} | |", flush=True)


if __name__ == "__main__":
    main()
