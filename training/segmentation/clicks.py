"""Clicks as a user would make them: on the largest mistakes of an answer."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from training.segmentation.data import FLOOR, UNSURE
from training.segmentation.model import CLICK_STRIDE

#: Cells of the click map around a click that are marked.
RADIUS = 1.5
#: Mistakes of fewer cells are not clicked on.
SMALLEST = 6


def draw_clicks(maps: NDArray[np.float32], row: int, column: int, floor: bool) -> None:
    """Mark a click (in cells) in float32 [2, h, w], in place; it overrules earlier ones."""
    height, width = maps.shape[1:]
    ys, xs = np.ogrid[0:height, 0:width]
    near = (ys - row) ** 2 + (xs - column) ** 2 <= RADIUS**2
    maps[0 if floor else 1][near] = 1.0
    maps[1 if floor else 0][near] = 0.0


def click_maps(
    rng: np.random.Generator, logits: Tensor, masks: Tensor, most: int = 3
) -> NDArray[np.float32]:
    """Up to ``most`` clicks a picture on what the answer has wrong, sometimes on what is right.

    Args:
        rng: Draws how many, and where.
        logits: Floor logits [N, 1, H/4, W/4].
        masks: Labels uint8 [N, H, W].
        most: Clicks.

    Returns:
        float32 [N, 2, H/4, W/4].
    """
    offset = CLICK_STRIDE // 2
    labels = masks[:, offset::CLICK_STRIDE, offset::CLICK_STRIDE].numpy()
    found = (logits[:, 0] > 0).numpy()
    maps = np.zeros((len(labels), 2, *labels.shape[1:]), np.float32)
    for n, (label, answer) in enumerate(zip(labels, found, strict=True)):
        truth, known = label == FLOOR, label != UNSURE
        wrong = ((truth != answer) & known).astype(np.uint8)
        count, parts, stats, _ = cv2.connectedComponentsWithStats(wrong, connectivity=4)
        areas = stats[1:, cv2.CC_STAT_AREA] if count > 1 else np.zeros(0)
        order = [int(i) + 1 for i in np.argsort(-areas) if areas[i] >= SMALLEST]
        for part in order[: int(rng.integers(1, most + 1))]:
            inside = np.pad((parts == part).astype(np.uint8), 1)
            depth = cv2.distanceTransform(inside, cv2.DIST_L2, 3)[1:-1, 1:-1]
            # Somewhere well inside; nobody hits the very middle.
            rows, columns = np.nonzero(depth >= 0.6 * depth.max())
            pick = int(rng.integers(len(rows)))
            draw_clicks(maps[n], rows[pick], columns[pick], bool(truth[rows[pick], columns[pick]]))
        if rng.random() < 0.3:
            rows, columns = np.nonzero(known)
            if len(rows):
                pick = int(rng.integers(len(rows)))
                at = rows[pick], columns[pick]
                draw_clicks(maps[n], *at, bool(truth[at]))
    return maps
