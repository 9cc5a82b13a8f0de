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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from training.segmentation.augment import AugmentConfig, Stock
from training.segmentation.batches import Batch, Batches
from training.segmentation.clicks import click_maps
from training.segmentation.data import (
    FLOOR,
    OTHER,
    RUG,
    TRAIN_SOURCES,
    UNSURE,
    Sample,
    data_root,
    load_rendered,
    load_samples,
    train_and_dev,
)
from training.segmentation.evaluate import score, torch_predictor
from training.segmentation.model import ExportNet, SegmentationNet, no_clicks
from training.segmentation.textures import SIDE, load_stock, quick_rug, quick_texture

#: Parts of the loss, as columns of the log.
PARTS = ("mask_loss", "click_loss", "rug_loss", "visible_loss")


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides the outcome, besides the data."""

    seed: int = 20
    epochs: int = 28
    steps: int = 200
    batch: int = 8
    #: (height, width) of batches: all about 256 x 256 pixels; wide, square, tall.
    sizes: tuple[tuple[int, int], ...] = ((224, 288), (256, 256), (288, 224), (192, 320))
    #: Catalogue-like sources weigh more than their size: users' photos look like them.
    shares: tuple[tuple[str, float], ...] = (
        ("nyuv2", 0.27),
        ("floorless", 0.05),
        ("above_floor", 0.03),
        ("floorless_part", 0.05),
        ("floor_part", 0.02),
        ("ade20k_val_pseudo", 0.22),
        ("anurag_robot", 0.07),
        ("anurag_hypersim", 0.04),
        ("syntrain", 0.02),
        ("uzair_interior", 0.04),
        ("bharat_visualizer", 0.03),
        ("rendered", 0.10),
        ("only_floor", 0.06),
        ("no_room", 0.06),
    )
    #: The stem and so many blocks stay as ImageNet left them; the rest is fine-tuned.
    frozen_blocks: int = 1
    lr_decoder: float = 2e-3
    lr_encoder: float = 4e-4
    weight_decay: float = 0.02
    warmup_steps: int = 150
    ema: float = 0.998
    threads: int = 2
    visible_weight: float = 0.15
    rug_weight: float = 0.2
    coarse_weight: float = 0.3
    #: Crops of a batch that are decoded a second time, with clicks on their mistakes.
    clicked: int = 3
    click_weight: float = 0.4
    quick_textures: int = 160
    rugs: int = 60
    eval_side: int = 384
    augment: AugmentConfig = field(default_factory=AugmentConfig)


def mask_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy, heavier along edges, plus soft Jaccard; UNSURE left out.

    Args:
        logits: float32 [N, 1, h, w], at any resolution.
        mask: uint8 [N, H, W].
    """
    logits = F.interpolate(logits, size=mask.shape[1:], mode="bilinear", align_corners=False)[:, 0]
    known = (mask != UNSURE).float()
    truth = (mask == FLOOR).float()
    with torch.no_grad():
        # Both are near: the border of what is labelled is no edge of the floor.
        floor_near = F.max_pool2d(truth[:, None], 5, 1, 2)
        other_near = F.max_pool2d((known - truth)[:, None], 5, 1, 2)
        weight = known * (1 + (floor_near * other_near)[:, 0])
    bce = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    pixel = (bce * weight).sum() / weight.sum().clamp(min=1)
    probability = torch.sigmoid(logits) * known
    overlap = (probability * truth).sum((1, 2))
    union = (probability + truth * known).sum((1, 2)) - overlap
    # The constant lets a floorless picture reach zero loss too.
    return pixel + (1 - (overlap + 20) / (union + 20)).mean()


def rug_loss(logits: Tensor, mask: Tensor, known: Tensor) -> Tensor:
    """Cross-entropy of rugs, where a label tells.

    Args:
        logits: float32 [N, 1, H/4, W/4].
        mask: uint8 [N, H, W].
        known: bool [N], what is OTHER is no rug.
    """
    step = mask.shape[1] // logits.shape[2]
    label = mask[:, step // 2 :: step, step // 2 :: step]
    sure = (label == RUG) | (label == FLOOR) | ((label == OTHER) & known[:, None, None])
    truth = (label == RUG).float()
    bce = F.binary_cross_entropy_with_logits(logits[:, 0], truth, reduction="none")
    return (bce * sure).sum() / sure.sum().clamp(min=1)


def visible_loss(logits: Tensor, label: Tensor) -> Tensor:
    """Cross-entropy of float32 [N] logits; a negative label is unknown."""
    sure = (label >= 0).float()
    seen = F.binary_cross_entropy_with_logits(logits, label.clamp(min=0), reduction="none")
    return (seen * sure).sum() / sure.sum().clamp(min=1)


def step_loss(
    net: SegmentationNet, batch: Batch, config: TrainConfig, rng: np.random.Generator
) -> tuple[Tensor, NDArray[np.float64]]:
    """The loss of one batch, and its parts (mask, mask and rug after clicks, rug, visible).

    Features are computed once; some pictures are decoded a second time, with clicks on what the
    first answer had wrong (as in Sofiiuk et al., "Reviving iterative training with mask guidance
    for interactive segmentation", 2021).
    """
    image, mask, label, rugs_known = batch
    features = net.features(image.contiguous(memory_format=torch.channels_last))
    first = net.decode(features, no_clicks(image))
    parts = [
        mask_loss(first.floor, mask) + config.coarse_weight * mask_loss(first.coarse, mask),
        torch.zeros(()),
        rug_loss(first.rug, mask, rugs_known),
        visible_loss(first.visible, label),
    ]
    count = config.clicked
    if count:
        clicks = torch.from_numpy(click_maps(rng, first.coarse.detach()[:count], mask[:count]))
        with decoder_statistics_kept(net):
            second = net.decode([feature[:count] for feature in features], clicks)
        parts[1] = mask_loss(second.floor, mask[:count])
        parts[1] = parts[1] + config.rug_weight * rug_loss(
            second.rug, mask[:count], rugs_known[:count]
        )
    weights = (1.0, config.click_weight, config.rug_weight, config.visible_weight)
    loss = sum((w * part for w, part in zip(weights, parts, strict=True)), torch.zeros(()))
    return loss, np.array([float(part.detach()) for part in parts])


@contextmanager
def decoder_statistics_kept(net: SegmentationNet) -> Iterator[None]:
    """Normalise by the batch without learning its statistics: a few crops, and clicked ones."""
    norms = [
        module for module in net.modules() if isinstance(module, nn.BatchNorm2d) and module.training
    ]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


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


def train(config: TrainConfig, out: Path, textures: Path | None, rooms: Path | None) -> None:
    """Train, or resume, into ``out``.

    Raises:
        ValueError: ``out`` holds a run of another configuration; a source has no pictures.
    """
    keep_config(config, out)
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    cv2.setNumThreads(0)
    root = data_root()
    samples: list[Sample] = []
    held: list[Sample] = []
    for source in TRAIN_SOURCES:
        train_stems, dev_stems = train_and_dev(root, source)
        samples += load_samples(root, source, train_stems)
        held += load_samples(root, source, dev_stems)
    if rooms is not None:
        rendered, rendered_dev = load_rendered(rooms)
        samples += rendered
        held += rendered_dev
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
        total = np.zeros(len(PARTS))
        for batch in loader:
            for group, base in zip(optimizer.param_groups, base_rates, strict=True):
                group["lr"] = base * rate(step, config)
            rng = np.random.default_rng([config.seed, 2, step])
            loss, parts = step_loss(net, batch, config, rng)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimizer.step()
            # A short memory at first, or the average would hold the random decoder for long.
            update_ema(average, net, min(config.ema, (step + 1) / (step + 10)))
            total += parts
            step += 1
        seconds = time.perf_counter() - began
        result = score(torch_predictor(ExportNet(average), config.eval_side), held)
        row = {
            "epoch": epoch + 1,
            **{
                name: round(float(value) / config.steps, 4)
                for name, value in zip(PARTS, total, strict=True)
            },
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


def keep_config(config: TrainConfig, out: Path) -> None:
    """Write the configuration into ``out``; that of a run to be resumed must be the same."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "config.json"
    text = json.dumps(asdict(config), indent=1)
    if (out / "last.pt").exists() and path.read_text() != text:
        raise ValueError(
            f"{out} holds a run of another configuration (config.json): remove it to start anew, "
            "or give another --out"
        )
    path.write_text(text)


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
    parser.add_argument("--rooms", type=Path, help="folder of training.segmentation.rooms")
    args = parser.parse_args()
    train(TrainConfig(epochs=args.epochs), args.out, args.textures, args.rooms)


if __name__ == "__main__":
    main()
