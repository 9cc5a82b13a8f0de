"""Fine-tune the patch encoder by metric learning: views of one floor close, near twins apart.

    python -m training.matching.finetune --patches DIR --run DIR --minutes 75

A batch holds whole ranges of near-identical made products and some real rooms, a few patches of
each; swatch patches must find the room patches of their product among all the others (supervised
contrastive loss, Khosla et al. 2020). The statistics of the pretrained encoder stay the features;
the linear head on top stands for the projection that a catalogue fits, and is dropped in the end.
Resumes from the run's checkpoint.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.encoder import normalise
from training.matching.network import PatchStatistics
from training.matching.patches import REAL_ROOM, ROOM, SWATCH
from training.matching.samples import RANGE

DIRECTIONS = 128
TEMPERATURE = 0.08
#: Ranges of made products and real rooms to a batch, patches of each product from swatch and room.
RANGES, REAL_ROOMS, FROM_SWATCH, FROM_ROOM = 8, 6, 2, 2
CROP = 128
#: Share of patches without colour.
GREY = 0.15
#: The last made products are held out.
HELD_OUT = 120
#: Blocks up to here stay as they were: edges and colours need no teaching, and cost the most.
FROZEN_BLOCKS = 3


class Matcher(nn.Module):
    """Encoder statistics, standardised, then a linear head to unit vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = PatchStatistics()
        self.standard = nn.BatchNorm1d(self.encoder.dimension, affine=False)
        self.head = nn.Linear(self.encoder.dimension, DIRECTIONS, bias=False)
        for parameter in self.encoder.trunk.stem.parameters():
            parameter.requires_grad_(False)
        for block in self.encoder.trunk.blocks[:FROZEN_BLOCKS]:
            for parameter in block.parameters():
                parameter.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Normalised float32 [N, 3, H, W] -> unit float32 [N, 128]."""
        return nn.functional.normalize(self.head(self.standard(self.encoder(x))), dim=1)


def contrastive_loss(vectors: Tensor, labels: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Mean over all patches of -log of the share that patches of the same label have.

    `vectors` [N, D] of unit length, `labels` [N]. A patch is never compared with itself.
    """
    logits = vectors @ vectors.T / temperature
    itself = torch.eye(len(vectors), dtype=torch.bool)
    logits = logits.masked_fill(itself, -1e4)
    same = (labels[:, None] == labels[None, :]) & ~itself
    log_share = logits - torch.logsumexp(logits, dim=1, keepdim=True)
    return -((log_share * same).sum(dim=1) / same.sum(dim=1).clamp_min(1)).mean()


class Batches:
    """Draws batches of patches."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.pixels = np.load(folder / "patches.npy", mmap_mode="r")
        index = np.load(folder / "index.npz")
        self.label, self.kind, self.group = index["label"], index["kind"], index["group"]
        self.rng = np.random.default_rng(seed)
        made = np.unique(self.label[self.kind == ROOM])
        self.held_out = made[-HELD_OUT:]
        self.ranges = np.unique(made[:-HELD_OUT] // RANGE)
        self.real = np.unique(self.label[self.kind == REAL_ROOM])
        self.rows: dict[tuple[int, int], NDArray[np.intp]] = {}
        order = np.lexsort((self.kind, self.label))
        keys = np.stack([self.label[order], self.kind[order]], axis=1)
        starts = np.flatnonzero(np.r_[True, (np.diff(keys, axis=0) != 0).any(axis=1)])
        for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
            self.rows[(int(keys[start, 0]), int(keys[start, 1]))] = order[start:end]

    def draw(self) -> tuple[Tensor, Tensor]:
        """Returns normalised patches [N, 3, 128, 128] and their labels [N]."""
        rows: list[int] = []
        for number in self.rng.choice(self.ranges, RANGES, replace=False):
            for label in range(number * RANGE, number * RANGE + RANGE):
                rows += self._pick(label, SWATCH, FROM_SWATCH) + self._pick(label, ROOM, FROM_ROOM)
        for label in self.rng.choice(self.real, min(REAL_ROOMS, len(self.real)), replace=False):
            rows += self._pick(int(label), REAL_ROOM, FROM_SWATCH + FROM_ROOM)
        patches = np.stack([self._augment(row) for row in rows])
        labels = torch.from_numpy(self.label[rows].astype(np.int64))
        return normalise(torch.from_numpy(patches)), labels

    def held_out_patches(self, each: int = 4) -> tuple[NDArray[np.uint8], ...]:
        """Returns swatch and room patches (p, each, 160, 160, 3) of the held-out products."""
        rng = np.random.default_rng(0)
        sets = []
        for kind in (SWATCH, ROOM):
            rows = [
                rng.choice(self.rows[(int(label), kind)], each, replace=False)
                for label in self.held_out
            ]
            sets.append(np.stack([self.pixels[np.sort(row)] for row in rows]))
        return tuple(sets)

    def _pick(self, label: int, kind: int, count: int) -> list[int]:
        rows = self.rows.get((label, kind))
        if rows is None:
            return []
        return [int(row) for row in self.rng.choice(rows, count, replace=False)]

    def _augment(self, row: int) -> NDArray[np.uint8]:
        """Returns a random crop, turned or mirrored, under a light of its own."""
        rng, patch = self.rng, self.pixels[row]
        real = self.kind[row] == REAL_ROOM
        side = int(rng.integers(100, patch.shape[0] + 1)) if real else CROP
        top, left = rng.integers(0, patch.shape[0] - side + 1, 2)
        patch = patch[top : top + side, left : left + side]
        if rng.random() < 0.5:
            patch = patch[:, ::-1]
        if self.kind[row] == SWATCH or rng.random() < 0.1:
            patch = np.rot90(patch, int(rng.integers(4)))
        patch = _relit(patch, rng)
        if side != CROP:
            tensor = torch.from_numpy(np.ascontiguousarray(patch)).permute(2, 0, 1)[None].float()
            tensor = nn.functional.interpolate(
                tensor, size=(CROP, CROP), mode="bilinear", antialias=True
            )
            patch = tensor[0].permute(1, 2, 0).round().clamp(0, 255).to(torch.uint8).numpy()
        return np.ascontiguousarray(patch)


def _relit(patch: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Returns the patch under another light, uint8.

    Strong on purpose: colour has a score of its own, so texture is to hold without it. Trained
    under mild light alone, texture leans on colour and real photographs suffer
    (docs/matching-log.md).
    """
    warm, tint = rng.normal(0, 0.08), rng.normal(0, 0.025)
    light = patch.astype(np.float32) * np.array([1 + warm, 1 + tint, 1 - warm], np.float32)
    light *= np.float32(np.exp(rng.normal(0, 0.2)))
    grey = light.mean(axis=2, keepdims=True)
    saturation = 0.0 if rng.random() < GREY else rng.uniform(0.5, 1.4)
    light = grey + (light - grey) * np.float32(saturation)
    centre = light.mean()
    light = centre + (light - centre) * np.float32(rng.uniform(0.75, 1.3))
    return np.clip(light, 0, 255).astype(np.uint8)


@torch.no_grad()
def held_out_mrr(matcher: Matcher, batches: Batches) -> float:
    """Returns the mean reciprocal rank of held-out products, room patches looking for swatches."""
    matcher.eval()
    means = []
    for patches in batches.held_out_patches():
        flat = patches.reshape(-1, *patches.shape[2:])
        vectors = torch.cat(
            [
                matcher(normalise(torch.from_numpy(flat[start : start + 64])))
                for start in range(0, len(flat), 64)
            ]
        )
        mean = vectors.reshape(len(patches), -1, DIRECTIONS).mean(dim=1)
        means.append(nn.functional.normalize(mean, dim=1))
    likeness = means[1] @ means[0].T
    rank = (likeness >= likeness.diagonal()[:, None]).sum(dim=1).float()
    return float((1 / rank).mean())


def prepare(matcher: Matcher, batches: Batches, count: int = 8) -> None:
    """Sets the standardisation, and the head to the principal directions of what is seen."""
    matcher.eval()
    with torch.no_grad():
        rows = torch.cat([matcher.encoder(batches.draw()[0]) for _ in range(count)])
        matcher.standard.running_mean.copy_(rows.mean(dim=0))
        matcher.standard.running_var.copy_(rows.var(dim=0).clamp_min(1e-4))
        standard = matcher.standard(rows)
        _, values, directions = torch.linalg.svd(standard, full_matrices=False)
        scale = len(rows) ** 0.5 / values[:DIRECTIONS]
        matcher.head.weight.copy_(directions[:DIRECTIONS] * scale[:, None])


def main() -> None:
    """Train until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patches", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=75)
    parser.add_argument("--steps", type=int, default=1000, help="length of the schedule")
    parser.add_argument("--rate", type=float, default=4e-4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    started = time.monotonic()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    arguments.run.mkdir(parents=True, exist_ok=True)
    matcher = Matcher()
    optimiser = torch.optim.AdamW(
        [
            {"params": [p for p in matcher.encoder.parameters() if p.requires_grad], "share": 1.0},
            {"params": matcher.head.parameters(), "share": 2.0},
        ],
        lr=arguments.rate,
        weight_decay=1e-3,
    )
    path, step = arguments.run / "checkpoint.pt", 0
    batches = Batches(arguments.patches, arguments.seed)
    if path.exists():
        saved = torch.load(path, weights_only=True)
        matcher.load_state_dict(saved["matcher"])
        optimiser.load_state_dict(saved["optimiser"])
        step = int(saved["step"])
        batches.rng = np.random.default_rng([arguments.seed, step])
    else:
        prepare(matcher, batches)
    losses: list[float] = []
    while step < arguments.steps and time.monotonic() - started < 60 * arguments.minutes:
        # Batch norm stays as in the pretrained network: a batch of few floors would mislead it.
        matcher.eval()
        share = min(1.0, (step + 1) / 50) * 0.5 * (1 + math.cos(math.pi * step / arguments.steps))
        for group in optimiser.param_groups:
            group["lr"] = float(arguments.rate * share * group["share"])
        patches, labels = batches.draw()
        loss = contrastive_loss(matcher(patches), labels)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(matcher.parameters(), 5.0)
        optimiser.step()
        losses.append(loss.item())
        step += 1
        if step % 50 == 0 or step == arguments.steps:
            row = {
                "step": step,
                "minutes": round((time.monotonic() - started) / 60, 1),
                "loss": round(float(np.mean(losses[-50:])), 4),
                "held_out_mrr": round(held_out_mrr(matcher, batches), 4)
                if step % 100 == 0
                else None,
            }
            with (arguments.run / "log.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
            print(row, flush=True)
            draft = path.with_suffix(".draft")
            torch.save(
                {
                    "matcher": matcher.state_dict(),
                    "optimiser": optimiser.state_dict(),
                    "step": step,
                },
                draft,
            )
            draft.replace(path)


if __name__ == "__main__":
    main()
