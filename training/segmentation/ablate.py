"""What each ingredient of the training brings: short runs that leave one out.

    python -m training.segmentation.ablate --out .cache/ablations --textures .cache/floors \\
        --rooms .cache/rooms [--only NAME ...]

Every row trains the same network for the same few steps on crops of about 224 x 224 pixels, with
the same seed, and is scored on the held-out pictures. A row takes about five minutes on two cores;
one that is there already is not trained again. Prints a table.
"""

from __future__ import annotations

import argparse
import re
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from floorlens.evaluation.metrics import auroc
from training.segmentation.calibrate import dev_samples, held_out
from training.segmentation.evaluate import score, torch_predictor
from training.segmentation.model import ExportNet, SegmentationNet
from training.segmentation.train import TrainConfig, train

BASE = replace(
    TrainConfig(),
    epochs=2,
    steps=120,
    sizes=((192, 256), (224, 224), (256, 192)),
    eval_side=320,
    # The run is short, and so is its memory.
    warmup_steps=40,
    ema=0.98,
    # Two rows run side by side faster than one after the other.
    threads=1,
)


def without(*names: str) -> tuple[tuple[str, float], ...]:
    """The sources' shares without those named."""
    return tuple((name, share) for name, share in BASE.shares if name not in names)


def _never(*names: str) -> TrainConfig:
    """The base with these augmentations switched off."""
    changes: dict[str, Any] = dict.fromkeys(names, 0.0)
    return replace(BASE, augment=replace(BASE.augment, **changes))


#: Name -> configuration, whether rendered textures are given.
ROWS: dict[str, tuple[TrainConfig, bool]] = {
    "nothing": (BASE, True),
    "the fine-tuned trunk": (replace(BASE, frozen_blocks=21), True),
    "repainted floors, gloss, sunlight": (_never("repaint", "gloss", "sunlight"), True),
    "rendered textures (crude ones only)": (BASE, False),
    "rendered rooms": (replace(BASE, shares=without("rendered")), True),
    "painted rugs, tables, panels": (_never("rug", "table", "panel"), True),
    "pictures without a floor (but rendered ones)": (
        replace(BASE, shares=without("floorless", "above_floor", "floorless_part", "no_room")),
        True,
    ),
    "painted pictures that are no room": (_never("painted"), True),
    "light, lens, noise, JPEG": (
        _never("exposure", "warmth", "lens", "vignette", "jpeg", "blur", "noise", "grey"),
        True,
    ),
    "clicks": (replace(BASE, clicked=0), True),
    "research-only data": (
        replace(BASE, shares=without("nyuv2", "floorless", "ade20k_val_pseudo")),
        True,
    ),
}


def measure(run: Path, rooms: Path) -> dict[str, float]:
    """A run's IoU on the held-out pictures, and the AUROC of what ``calibrate`` fits."""
    net = SegmentationNet(pretrained=False).eval()
    net.load_state_dict(torch.load(run / "ema.pt", weights_only=True))
    predict = torch_predictor(ExportNet(net), BASE.eval_side)
    result = score(predict, dev_samples(rooms))
    seen: dict[float, list[float]] = {0.0: [], 1.0: []}
    for sample, label in held_out(rooms):
        seen[label].append(predict(sample.image)[1])
    return {
        "pooled IoU": result.pooled,
        "mean IoU": result.mean,
        "floor visible": auroc(seen[1.0], seen[0.0]),
    }


def main() -> None:
    """Train what is missing and print the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--textures", type=Path, required=True)
    parser.add_argument("--rooms", type=Path, required=True)
    parser.add_argument("--only", nargs="*", choices=list(ROWS), default=list(ROWS))
    args = parser.parse_args()
    torch.set_num_threads(BASE.threads)
    print("| left out | pooled IoU | mean IoU | floor visible |\n|---|---|---|---|")
    for name in args.only:
        config, textures = ROWS[name]
        run = args.out / re.sub(r"[^a-z]+", "-", name.lower())
        # `train` resumes; a finished run has no epochs left and is only measured.
        with redirect_stdout(sys.stderr):
            train(config, run, args.textures if textures else None, args.rooms)
        figures = " | ".join(f"{value:.3f}" for value in measure(run, args.rooms).values())
        print(f"| {name} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
