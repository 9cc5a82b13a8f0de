"""What each ingredient of the training brings: short runs that leave one out.

    python -m training.segmentation.ablate --out .cache/ablations --textures .cache/floors \\
        --rooms .cache/rooms [--only NAME ...]

Every row trains the same network for the same few steps on crops of about 224 x 224 pixels, with
the same seed, and is scored on the held-out pictures. A row takes 5 to 15 minutes on two cores; one
that is there already is not trained again. Prints a table.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

from training.segmentation.train import TrainConfig, train

BASE = replace(
    TrainConfig(),
    epochs=3,
    steps=100,
    sizes=((192, 256), (224, 224), (256, 192)),
    eval_side=320,
    # A short memory: the run is short.
    ema=0.98,
)


def without(*names: str) -> tuple[tuple[str, float], ...]:
    """The sources' shares without those named."""
    return tuple((name, share) for name, share in BASE.shares if name not in names)


def _never(*names: str) -> TrainConfig:
    """The base with these augmentations switched off."""
    changes: dict[str, Any] = dict.fromkeys(names, 0.0)
    return replace(BASE, augment=replace(BASE.augment, **changes))


#: Name -> configuration, whether rendered textures and rendered rooms are given.
ROWS: dict[str, tuple[TrainConfig, bool, bool]] = {
    "all": (BASE, True, True),
    "frozen trunk": (replace(BASE, frozen_blocks=21), True, True),
    "no repainted floors": (_never("repaint", "gloss", "sunlight"), True, True),
    "crude textures only": (BASE, False, True),
    "no rendered rooms": (replace(BASE, shares=without("rendered")), True, False),
    "no painted rugs, tables, panels": (_never("rug", "table", "panel"), True, True),
    "no hard negatives": (
        replace(BASE, shares=without("floorless", "above_floor", "floorless_part", "no_room")),
        True,
        True,
    ),
    "no light, lens, noise, JPEG": (
        _never("exposure", "warmth", "lens", "vignette", "jpeg", "blur", "noise", "grey"),
        True,
        True,
    ),
    "no clicks": (replace(BASE, clicked=0), True, True),
    "no research data": (
        replace(BASE, shares=without("nyuv2", "floorless", "ade20k_val_pseudo")),
        True,
        True,
    ),
}
COLUMNS = ("dev_pooled_iou", "dev_mean_iou", "dev_auroc", "seconds")


def last_row(run: Path) -> dict[str, str]:
    """The last line of a run's log."""
    with (run / "log.csv").open() as lines:
        return list(csv.DictReader(lines))[-1]


def main() -> None:
    """Train what is missing and print the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--textures", type=Path, required=True)
    parser.add_argument("--rooms", type=Path, required=True)
    parser.add_argument("--only", nargs="*", choices=list(ROWS), default=list(ROWS))
    args = parser.parse_args()
    lines = [f"| left out | {' | '.join(COLUMNS)} |", f"|---|{'---|' * len(COLUMNS)}"]
    for name in args.only:
        config, textures, rooms = ROWS[name]
        run = args.out / name.replace(" ", "-").replace(",", "")
        # `train` resumes; a finished run has no epochs left and returns at once.
        train(config, run, args.textures if textures else None, args.rooms if rooms else None)
        found = last_row(run)
        figures = " | ".join(found[column] for column in COLUMNS)
        lines.append(f"| {name} | {figures} |")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
