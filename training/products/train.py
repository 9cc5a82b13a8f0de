"""Train the network that finds overlays on product pictures.

    python -m training.products.train --pictures .cache/overlays --out runs/overlays

Writes ``log.csv``, ``config.json``, ``last.pt`` (resumes from it) and ``ema.pt``;
``training.products.export_overlays`` turns the last into ONNX.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from training.encoder import normalise
from training.products.alterations import ALTERED, UNSURE
from training.products.network import OverlayNet

#: Held-out pictures that are looked at while training.
MEASURED = 96


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides the outcome, besides the pictures."""

    seed: int = 3
    steps: int = 5400
    batch: int = 8
    #: Side of the crops, and the share of batches that are crops; the others are whole pictures.
    crop: int = 192
    cropped: float = 0.8
    rate: float = 3e-3
    weight_decay: float = 0.01
    warmup: int = 80
    ema: float = 0.995
    #: Weight of an altered pixel beside one of floor; of the soft Jaccard beside cross-entropy.
    altered: float = 2.5
    overlap: float = 0.5
    #: Steps between checkpoints and measurements.
    every: int = 300
    threads: int = 1


def overlay_loss(logits: Tensor, label: Tensor, config: TrainConfig) -> Tensor:
    """Cross-entropy plus soft Jaccard; UNSURE left out.

    Args:
        logits: float32 [N, H, W].
        label: uint8 [N, H, W].
        config: has the weights.
    """
    known = (label != UNSURE).float()
    truth = (label == ALTERED).float()
    weight = torch.tensor(config.altered)
    pixel = F.binary_cross_entropy_with_logits(logits, truth, reduction="none", pos_weight=weight)
    probability = torch.sigmoid(logits) * known
    both = (probability * truth).sum((1, 2))
    either = (probability + truth * known).sum((1, 2)) - both
    # The constant lets an unaltered picture reach zero loss too.
    jaccard = 1 - (both + 30) / (either + 30)
    return (pixel * known).sum() / known.sum().clamp(min=1) * 3 + config.overlap * jaccard.mean()


def draw_batch(
    rgb: NDArray[np.uint8], label: NDArray[np.uint8], config: TrainConfig, step: int
) -> tuple[Tensor, Tensor]:
    """Returns the batch of a step, uint8 [N, h, w, 3] and [N, h, w]: turned, mirrored, cropped."""
    rng = np.random.default_rng([config.seed, step])
    side = rgb.shape[1]
    crop = config.crop if rng.random() < config.cropped else side
    count = config.batch if crop < side else max(2, config.batch * 3 // 8)
    pictures, labels = [], []
    for number in rng.integers(0, len(rgb), count):
        top, left = (int(v) for v in rng.integers(0, side - crop + 1, 2))
        window = (int(number), slice(top, top + crop), slice(left, left + crop))
        turns, flip = int(rng.integers(4)), rng.random() < 0.5
        one, two = np.rot90(rgb[window], turns), np.rot90(label[window], turns)
        pictures.append(one[:, ::-1] if flip else one)
        labels.append(two[:, ::-1] if flip else two)
    return (
        torch.from_numpy(np.ascontiguousarray(np.stack(pictures))),
        torch.from_numpy(np.ascontiguousarray(np.stack(labels))),
    )


def rate_at(step: int, config: TrainConfig) -> float:
    """The learning rate of a step: a short rise, then half a cosine to nothing."""
    if step < config.warmup:
        return config.rate * (step + 1) / config.warmup
    share = (step - config.warmup) / max(1, config.steps - config.warmup)
    return config.rate * 0.5 * (1 + math.cos(math.pi * share))


def measure(net: OverlayNet, rgb: NDArray[np.uint8], label: NDArray[np.uint8]) -> dict[str, float]:
    """Returns the pooled IoU, and the share of unaltered pictures with over 1 % of overlays."""
    net.eval()
    both = either = alarms = clean = 0
    with torch.no_grad():
        for start in range(0, len(rgb), 16):
            logits = net(normalise(torch.from_numpy(np.array(rgb[start : start + 16]))))
            for answer, truth in zip(logits.numpy() > 0, label[start : start + 16], strict=True):
                known, real = truth != UNSURE, truth == ALTERED
                both += int((answer & real).sum())
                either += int(((answer | real) & known).sum())
                if not real.any():
                    clean += 1
                    alarms += int(answer.mean() > 0.01)
    net.train()
    return {"iou": both / max(1, either), "alarms": alarms / max(1, clean)}


def train(pictures: Path, out: Path, config: TrainConfig) -> None:
    """Trains to the end, from the last checkpoint on if there is one."""
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    rgb, label, dev_rgb, dev_label = (
        np.load(pictures / f"{part}.npy", mmap_mode="r")
        for part in ("train-rgb", "train-label", "dev-rgb", "dev-label")
    )
    net = OverlayNet().to(memory_format=torch.channels_last)
    average = OverlayNet()
    average.load_state_dict(net.state_dict())
    optimiser = torch.optim.AdamW(
        [p for p in net.parameters() if p.requires_grad],
        config.rate,
        weight_decay=config.weight_decay,
    )
    first = 0
    last = out / "last.pt"
    if last.exists():
        state = torch.load(last, weights_only=True)
        net.load_state_dict(state["net"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        first = int(state["step"])
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(asdict(config), indent=2))
    started, total = time.perf_counter(), 0.0
    for step in range(first, config.steps):
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step, config)
        inputs, truth = draw_batch(rgb, label, config, step)
        # Half precision takes half the time; the weights stay whole.
        with torch.autocast("cpu", torch.bfloat16):
            logits = net(normalise(inputs).contiguous(memory_format=torch.channels_last))
        loss = overlay_loss(logits.float(), truth, config)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        keep = min(config.ema, (step + 1) / (step + 10))
        with torch.no_grad():
            for old, new in zip(
                average.state_dict().values(), net.state_dict().values(), strict=True
            ):
                old.copy_(old * keep + new * (1 - keep) if old.is_floating_point() else new)
        total += float(loss.detach())
        if (step + 1) % config.every == 0 or step + 1 == config.steps:
            scores = measure(average, dev_rgb[:MEASURED], dev_label[:MEASURED])
            row = {"step": step + 1, "loss": total / config.every, **scores}
            row["seconds"] = time.perf_counter() - started
            total = 0.0
            _write_row(out / "log.csv", row)
            print(json.dumps({k: round(v, 4) for k, v in row.items()}), flush=True)
            torch.save(average.state_dict(), out / "ema.pt")
            state = {
                "net": net.state_dict(),
                "average": average.state_dict(),
                "optimiser": optimiser.state_dict(),
                "step": step + 1,
            }
            torch.save(state, out / "last.new.pt")
            (out / "last.new.pt").replace(last)


def _write_row(path: Path, row: dict[str, float]) -> None:
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow({key: f"{value:.5g}" for key, value in row.items()})


def main() -> None:
    """Train the network."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=TrainConfig.steps)
    args = parser.parse_args()
    train(args.pictures, args.out, TrainConfig(steps=args.steps))


if __name__ == "__main__":
    main()
