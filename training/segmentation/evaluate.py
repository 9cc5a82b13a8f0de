"""Measure a segmenter on labelled pictures.

python -m training.segmentation.evaluate --model floorlens/weights
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from floorlens.evaluation.metrics import auroc
from training.encoder import normalise
from training.segmentation.data import (
    FLOOR,
    TEST_SOURCES,
    UNSURE,
    Sample,
    data_root,
    load_samples,
    load_seed,
    nyu_split,
    stems_of,
    train_and_dev,
)
from training.segmentation.model import ExportNet, no_clicks

#: uint8 RGB [H, W, 3] -> (floor probability float32 [H, W], visible 0..1).
Predictor = Callable[[NDArray[np.uint8]], tuple[NDArray[np.float32], float]]
STRIDE = 32


@dataclass(frozen=True)
class Score:
    """How well masks agree.

    Attributes:
        pooled: IoU over all pixels of all pictures (floorless ones count through false floor).
        mean: Mean IoU over pictures that show at least 1 % floor.
        each: IoU of those pictures by stem.
        auroc: Of ``floor_visible``: at least 1 % floor against floorless; nan without both.
        refused: Share of pictures with at least 5 % floor whose ``floor_visible`` is below .5.
        false_floor: Mean share of floorless pictures called floor.
    """

    pooled: float
    mean: float
    each: dict[str, float]
    auroc: float
    refused: float
    false_floor: float


def score(predict: Predictor, samples: Sequence[Sample]) -> Score:
    """Run ``predict`` over ``samples``; UNSURE pixels count nowhere."""
    overlaps = unions = 0
    each: dict[str, float] = {}
    with_floor: list[float] = []
    without: list[float] = []
    refused: list[bool] = []
    false_floor: list[float] = []
    for sample in samples:
        probability, visible = predict(sample.image)
        known = sample.mask != UNSURE
        truth = sample.mask == FLOOR
        found = (probability > 0.5) & known
        overlap, union = int((found & truth).sum()), int((found | truth).sum())
        overlaps += overlap
        unions += union
        if sample.floor_share >= 0.01:
            each[f"{sample.source}/{sample.stem}"] = overlap / union
            with_floor.append(visible)
        elif not truth.any():
            without.append(visible)
            false_floor.append(float(found.mean()))
        if sample.floor_share >= 0.05:
            refused.append(visible < 0.5)
    return Score(
        pooled=overlaps / max(unions, 1),
        mean=float(np.mean(list(each.values()))) if each else float("nan"),
        each=each,
        auroc=auroc(with_floor, without) if with_floor and without else float("nan"),
        refused=float(np.mean(refused)) if refused else float("nan"),
        false_floor=float(np.mean(false_floor)) if false_floor else float("nan"),
    )


def fit_side(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Scale so that the longer side is ``side``, keeping the aspect."""
    scale = side / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    mode = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=mode), np.uint8)


def torch_predictor(net: ExportNet, side: int) -> Predictor:
    """Predict with a network in eval mode, without clicks."""

    def predict(image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
        small = fit_side(image, side)
        height, width = small.shape[:2]
        pads = ((0, -height % STRIDE), (0, -width % STRIDE), (0, 0))
        padded = np.pad(small, pads, mode="reflect")
        with torch.inference_mode():
            x = normalise(torch.from_numpy(padded[None]))
            floor, _, visible = net(x.contiguous(memory_format=torch.channels_last), no_clicks(x))
            probability, seen = floor[0, :height, :width].numpy(), float(visible[0])
        full = cv2.resize(probability, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return np.asarray(full, np.float32), seen

    return predict


def built_in_predictor(folder: Path, side: int | None = None) -> Predictor:
    """Predict with the runtime that ships in the package, and the two model files in a folder."""
    from floorlens.segmentation.backends.builtin import BuiltinSegmenter
    from floorlens.segmentation.network import DECODER, TRUNK, FloorNetwork
    from training.export import open_session

    network = FloorNetwork(open_session(folder / TRUNK), open_session(folder / DECODER))
    segmenter = BuiltinSegmenter(network=network, side=side)

    def predict(image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
        found = segmenter.segment(image)
        return found.pixels, found.visible

    return predict


def test_sets(root: Path, names: Sequence[str]) -> dict[str, list[Sample]]:
    """The named sets: ``nyuv2``, the test sources, ``seed``, ``dev``."""
    sets: dict[str, list[Sample]] = {}
    for name in names:
        if name == "seed":
            sets[name] = load_seed(root)
        elif name == "nyuv2":
            sets[name] = load_samples(root, "nyuv2", nyu_split(root, "test"), side=None)
        elif name == "dev":
            sets[name] = [
                sample
                for source in ("nyuv2", "ade20k_val_pseudo", "anurag_robot", "anurag_hypersim")
                for sample in load_samples(root, source, train_and_dev(root, source)[1], side=None)
            ]
        else:
            sets[name] = load_samples(root, name, stems_of(root, name), side=None)
    return sets


def overlay(image: NDArray[np.uint8], probability: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The picture with the found floor in red, its edge in yellow; uint8 RGB [H, W, 3]."""
    found = probability > 0.5
    out = image.copy()
    out[found] = (out[found] * 0.55 + np.array([255, 0, 0]) * 0.45).astype(np.uint8)
    edge = found ^ (cv2.erode(found.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    out[edge] = (255, 255, 0)
    return out


def main() -> None:
    """Print the scores as JSON; optionally save overlays."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", type=Path, required=True, help="folder of both files")
    parser.add_argument("--sets", nargs="+", default=["nyuv2", *TEST_SOURCES, "seed"])
    parser.add_argument("--side", type=int, help="longer side; by default what the files say")
    parser.add_argument("--overlays", type=Path, help="folder for pictures; keep it out of git")
    parser.add_argument("--limit", type=int, default=24, help="overlays per set")
    args = parser.parse_args()
    predict = built_in_predictor(args.model, args.side)
    for name, samples in test_sets(data_root(), args.sets).items():
        result = score(predict, samples)
        summary: dict[str, object] = {
            "set": name,
            "pictures": len(samples),
            "pooled_iou": round(result.pooled, 4),
            "mean_iou": round(result.mean, 4),
            "auroc": round(result.auroc, 4),
            "refused": round(result.refused, 4),
            "false_floor": round(result.false_floor, 4),
        }
        if len(result.each) <= 20:
            summary["each"] = {stem: round(iou, 3) for stem, iou in result.each.items()}
        print(json.dumps(summary), flush=True)
        if args.overlays is not None:
            args.overlays.mkdir(parents=True, exist_ok=True)
            for sample in samples[:: max(1, len(samples) // args.limit)]:
                picture = overlay(sample.image, predict(sample.image)[0])
                iou = result.each.get(f"{sample.source}/{sample.stem}", 0.0)
                file = args.overlays / f"{name}-{sample.stem}-{100 * iou:.0f}.png"
                cv2.imwrite(str(file), np.ascontiguousarray(picture[:, :, ::-1]))


if __name__ == "__main__":
    main()
