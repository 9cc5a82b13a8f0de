"""Fit the "floor visible" score on held-out pictures.

Where pictures with a floor and without are equally common, .9 then means nine in ten.

    python -m training.segmentation.calibrate --run .cache/segmenter --rooms .cache/rooms

Two numbers, slope and offset of the logit (Platt, "Probabilistic outputs for support vector
machines", 1999), fitted on held-out rooms and the floorless parts of them; written into the run's
folder as ``calibration.json``, which ``export_model`` reads.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from floorlens.segmentation.backends.builtin import is_noise
from training.segmentation.augment import AugmentConfig, floorless_part, no_room
from training.segmentation.data import Sample, data_root, load_rendered
from training.segmentation.evaluate import test_sets, torch_predictor
from training.segmentation.model import ExportNet, SegmentationNet

FILE = "calibration.json"
#: Floorless parts drawn from each held-out picture, and made pictures that are no room.
PARTS_EACH = 2
NO_ROOMS = 40


def read_calibration(run: Path) -> tuple[float, float]:
    """Slope and offset of a run; (1, 0) where none were fitted."""
    if not (run / FILE).exists():
        return 1.0, 0.0
    values = json.loads((run / FILE).read_text())
    return float(values["slope"]), float(values["offset"])


def fit(logits: NDArray[np.float64], labels: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and offset of least cross-entropy; both classes weigh the same."""
    x, y = torch.from_numpy(logits), torch.from_numpy(labels)
    weight = torch.where(y > 0.5, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
    values = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([values], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(values[0] * x + values[1], y, weight=weight)
        # A weak pull towards no change, for classes that can be parted without an error.
        loss = loss + 1e-3 * ((values[0] - 1) ** 2 + values[1] ** 2)
        loss.backward()
        return loss

    optimizer.step(closure)
    return float(values[0].detach()), float(values[1].detach())


def dev_samples(rooms: Path | None) -> list[Sample]:
    """The held-out pictures at their own size, rendered ones included where there are any."""
    samples = test_sets(data_root(), ["dev"])["dev"]
    return samples if rooms is None else samples + load_rendered(rooms)[1]


def held_out(rooms: Path | None) -> list[tuple[Sample, float]]:
    """Pictures with a floor (1) and without (0) that no training step has seen.

    Those without are mostly parts of held-out rooms, and made by the generator that made those
    trained on: real pictures of other things would be better, and score lower.
    """
    rng = np.random.default_rng(5)
    pictures = []
    for sample in dev_samples(rooms):
        if sample.floor_share >= 0.01:
            pictures.append((sample, 1.0))
        elif sample.floorless:
            pictures.append((sample, 0.0))
        for _ in range(PARTS_EACH):
            part = floorless_part(rng, sample)
            if part is not None:
                pictures.append((part, 0.0))
    made = 0
    while made < NO_ROOMS:
        crop = no_room(rng, (240, 320), AugmentConfig())
        # The runtime's rule answers for noise; the network's score is not asked.
        if not is_noise(crop.image):
            pictures.append((Sample("no_room", "", crop.image, crop.mask), 0.0))
            made += 1
    return pictures


def main() -> None:
    """Write slope and offset into the run's folder."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--rooms", type=Path)
    parser.add_argument("--side", type=int, default=384)
    args = parser.parse_args()
    net = SegmentationNet(pretrained=False).eval()
    net.load_state_dict(torch.load(args.run / "ema.pt", weights_only=True))
    predict = torch_predictor(ExportNet(net), args.side)
    pictures = held_out(args.rooms)
    visible = np.array([predict(sample.image)[1] for sample, _ in pictures])
    labels = np.array([label for _, label in pictures])
    clipped = np.clip(visible, 1e-7, 1 - 1e-7)
    slope, offset = fit(np.log(clipped / (1 - clipped)), labels)
    result = {"slope": slope, "offset": offset, "n": len(labels), "with_floor": int(labels.sum())}
    (args.run / FILE).write_text(json.dumps(result) + "\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
