"""Draw the log of a training run.

python -m training.segmentation.curve --run runs/segmenter --out curve.png
"""

from __future__ import annotations

import argparse
from csv import DictReader
from pathlib import Path


def draw(log: Path, out: Path) -> None:
    """Losses on the left, held-out IoU on the right, over epochs."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    with log.open() as lines:
        rows = list(DictReader(lines))
    epochs = [int(row["epoch"]) for row in rows]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    for key in ("mask_loss", "visible_loss"):
        left.plot(epochs, [float(row[key]) for row in rows], marker=".", label=key)
    for key in ("dev_pooled_iou", "dev_mean_iou"):
        right.plot(epochs, [float(row[key]) for row in rows], marker=".", label=key)
    for axes in (left, right):
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(out, dpi=110)


def main() -> None:
    """Draw ``log.csv`` of a run."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    draw(args.run / "log.csv", args.out)


if __name__ == "__main__":
    main()
