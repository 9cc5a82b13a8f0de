"""Train the floor segmenter.

    python -m training.segmentation.train --out runs/segmenter

Writes ``log.csv``, ``config.json``, ``last.pt`` (resumes from it) and ``ema.pt`` into the folder;
``training.segmentation.curve`` draws the first, ``training.segmentation.export_model`` turns the
last into ONNX.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from training.segmentation.augment import AugmentConfig, Stock
from training.segmentation.batches import Batches
from training.segmentation.data import (
    FLOOR,
    TRAIN_SOURCES,
    UNSURE,
    Sample,
    data_root,
    load_samples,
    train_and_dev,
)
from training.segmentation.evaluate import score, torch_predictor
from training.segmentation.model import SegmentationNet
from training.segmentation.textures import SIDE, load_stock, quick_rug, quick_texture


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides the outcome, besides the data."""

    seed: int = 20
    epochs: int = 17
    steps: int = 200
    batch: int = 8
    #: (height, width) of batches: all about 224 x 224 pixels; wide, square, tall.
    sizes: tuple[tuple[int, int], ...] = ((224, 224), (192, 256), (256, 192), (224, 256))
    #: Catalogue-like sources weigh more than their size: users' photos look like them.
    shares: tuple[tuple[str, float], ...] = (
        ("nyuv2", 0.30),
        ("floorless", 0.06),
        ("above_floor", 0.06),
        ("ade20k_val_pseudo", 0.27),
        ("anurag_robot", 0.09),
        ("anurag_hypersim", 0.05),
        ("syntrain", 0.03),
        ("uzair_interior", 0.06),
        ("bharat_visualizer", 0.04),
        ("only_floor", 0.12),
        ("no_room", 0.06),
    )
    #: Stem and first blocks stay as ImageNet left them: half the backward pass is theirs.
    frozen_blocks: int = 3
    lr_decoder: float = 2e-3
    lr_encoder: float = 4e-4
    weight_decay: float = 0.02
    warmup_steps: int = 150
    ema: float = 0.995
    visible_weight: float = 0.15
    quick_textures: int = 160
    rugs: int = 60
    eval_side: int = 320
    augment: AugmentConfig = field(default_factory=AugmentConfig)


def losses(logits: Tensor, visible: Tensor, mask: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """Mask loss (BCE + soft Jaccard, UNSURE left out) and visibility loss.

    Args:
        logits: float32 [N, 1, H/4, W/4].
        visible: float32 [N], logits.
        mask: uint8 [N, H, W].
        label: float32 [N]; negative means unknown.
    """
    logits = F.interpolate(logits, size=mask.shape[1:], mode="bilinear", align_corners=False)[:, 0]
    known = (mask != UNSURE).float()
    truth = (mask == FLOOR).float()
    bce = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    pixel = (bce * known).sum() / known.sum().clamp(min=1)
    probability = torch.sigmoid(logits) * known
    overlap = (probability * truth).sum((1, 2))
    union = (probability + truth * known).sum((1, 2)) - overlap
    # The constant lets a floorless picture reach zero loss too.
    jaccard = (1 - (overlap + 20) / (union + 20)).mean()
    sure = (label >= 0).float()
    seen = F.binary_cross_entropy_with_logits(visible, label.clamp(min=0), reduction="none")
    return pixel + jaccard, (seen * sure).sum() / sure.sum().clamp(min=1)


def set_train_mode(net: SegmentationNet) -> None:
    """Train mode, but the trunk normalises with its ImageNet statistics (batches are small)."""
    net.train()
    for module in net.encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def make_optimizer(net: SegmentationNet, config: TrainConfig) -> torch.optim.AdamW:
    """AdamW with a lower rate for the trunk and no decay on norms and biases."""
    frozen = [net.encoder.stem, *list(net.encoder.blocks)[: config.frozen_blocks]]
    for module in frozen:
        module.requires_grad_(False)
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in net.named_parameters():
        if parameter.requires_grad:
            key = (name.startswith("encoder."), parameter.ndim > 1)
            groups.setdefault(key, []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "lr": config.lr_encoder if trunk else config.lr_decoder,
                "weight_decay": config.weight_decay if decays else 0.0,
            }
            for (trunk, decays), parameters in groups.items()
        ]
    )


def rate(step: int, config: TrainConfig) -> float:
    """Factor on the learning rates: linear warm-up, then cosine to 2 %."""
    total = config.epochs * config.steps
    warm = min(1.0, (step + 1) / config.warmup_steps)
    return warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(step / total, 1.0))))


@torch.no_grad()
def update_ema(average: nn.Module, net: nn.Module, decay: float) -> None:
    """Move ``average`` towards ``net``, batch-norm statistics included."""
    current = net.state_dict()
    for name, value in average.state_dict().items():
        if value.dtype.is_floating_point:
            value.lerp_(current[name], 1 - decay)
        else:
            value.copy_(current[name])


def make_stock(config: TrainConfig, folder: Path | None) -> Stock:
    """The quick textures, and those rendered into ``folder``, twice as likely as the former."""
    rng = np.random.default_rng([config.seed, 1])
    quick = [quick_texture(rng) for _ in range(config.quick_textures)]
    rendered = load_stock(folder) if folder is not None else []
    repeats = -(-2 * len(quick) // len(rendered)) if rendered else 0
    if any(texture.shape[:2] != (SIDE, SIDE) for texture in rendered):
        raise ValueError(f"textures must be {SIDE} x {SIDE}")
    rugs = [quick_rug(rng) for _ in range(config.rugs)]
    # Rendered, or at least of boards: a crude carpet is noise.
    sheets = rendered + [quick_texture(rng, only_wood=True) for _ in range(config.quick_textures)]
    return Stock(quick + rendered * repeats, rugs, sheets)


def train(config: TrainConfig, out: Path, textures: Path | None) -> None:
    """Train, or resume, into ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(asdict(config), indent=1))
    torch.manual_seed(config.seed)
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    root = data_root()
    samples: list[Sample] = []
    held: list[Sample] = []
    for source in TRAIN_SOURCES:
        train_stems, dev_stems = train_and_dev(root, source)
        samples += load_samples(root, source, train_stems)
        held += load_samples(root, source, dev_stems)
    print(f"{len(samples)} training pictures, {len(held)} held out", flush=True)

    net = SegmentationNet().to(memory_format=torch.channels_last)
    average = SegmentationNet(pretrained=False).to(memory_format=torch.channels_last)
    average.load_state_dict(net.state_dict())
    average.eval()
    optimizer = make_optimizer(net, config)
    base_rates = [group["lr"] for group in optimizer.param_groups]
    start = 0
    if (out / "last.pt").exists():
        state = torch.load(out / "last.pt", weights_only=True)
        net.load_state_dict(state["net"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        start = state["epoch"]
    step = start * config.steps
    for epoch in range(start, config.epochs):
        # Read anew each epoch: textures may still be being rendered.
        stock = make_stock(config, textures)
        batches = Batches(
            samples, config.shares, config.sizes, stock, config.augment,
            config.batch, config.steps, config.seed, epoch,
        )  # fmt: skip
        loader = DataLoader(batches, batch_size=None, num_workers=1, prefetch_factor=8)
        set_train_mode(net)
        began = time.perf_counter()
        total = np.zeros(2)
        for image, mask, label in loader:
            for group, base in zip(optimizer.param_groups, base_rates, strict=True):
                group["lr"] = base * rate(step, config)
            logits, visible = net(image.contiguous(memory_format=torch.channels_last))
            mask_loss, visible_loss = losses(logits, visible, mask, label)
            optimizer.zero_grad(set_to_none=True)
            (mask_loss + config.visible_weight * visible_loss).backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimizer.step()
            # A short memory at first, or the average would hold the random decoder for long.
            update_ema(average, net, min(config.ema, (step + 1) / (step + 10)))
            total += mask_loss.item(), visible_loss.item()
            step += 1
        seconds = time.perf_counter() - began
        result = score(torch_predictor(average, config.eval_side), held)
        row = {
            "epoch": epoch + 1,
            "mask_loss": round(float(total[0]) / config.steps, 4),
            "visible_loss": round(float(total[1]) / config.steps, 4),
            "dev_pooled_iou": round(result.pooled, 4),
            "dev_mean_iou": round(result.mean, 4),
            "dev_auroc": round(result.auroc, 4),
            "textures": len(stock.floors),
            "seconds": round(seconds),
        }
        _append(out / "log.csv", row)
        print(row, flush=True)
        torch.save(average.state_dict(), out / "ema.pt")
        torch.save(
            {
                "net": net.state_dict(),
                "average": average.state_dict(),
                "optimizer": optimizer.state_dict(),
                "epoch": epoch + 1,
            },
            out / "last.tmp",
        )
        (out / "last.tmp").replace(out / "last.pt")


def _append(path: Path, row: dict[str, float]) -> None:
    fresh = not path.exists()
    with path.open("a", newline="") as lines:
        writer = csv.DictWriter(lines, fieldnames=list(row))
        if fresh:
            writer.writeheader()
        writer.writerow(row)


def main() -> None:
    """Train with the default configuration."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=TrainConfig.epochs)
    parser.add_argument(
        "--textures", type=Path, help="folder rendered by training.synthesis.floors"
    )
    args = parser.parse_args()
    train(TrainConfig(epochs=args.epochs), args.out, args.textures)


if __name__ == "__main__":
    main()
