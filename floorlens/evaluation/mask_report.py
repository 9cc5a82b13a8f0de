"""What the evaluation of masks returns: figures, and what each picture contributed to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from floorlens.evaluation.datasets import Failure
from floorlens.evaluation.metrics import Overlap, auroc, auroc_interval, bootstrap_interval
from floorlens.evaluation.robustness import CHANGES, CLEAN

MIN_FLOOR_SHARE = 0.01
"""Pictures with no more true floor than this do not enter the means over pictures."""
SEARCHABLE_SHARE = 0.05
"""With at least this share of true floor a photo should not be refused."""


@dataclass(frozen=True)
class MaskOutcome:
    """How one picture fared.

    Attributes:
        stem: the picture's name without its suffix.
        overlap: pixels shared with the true mask.
        boundary_f: 0..1.
        claimed_share: the share of the pixels that are not ignored that was called floor, 0..1.
        reason: why it counts as empty; "" where a mask was predicted.
        visible: the segmenter's probability, 0..1, that it shows a floor; None if not asked.
        refused: whether the answer was that it shows none.
        clicked: IoU after 0, 1, … simulated clicks; () where none were made.
        changed: IoU under each change of `robustness.CHANGES`; empty where not measured.
    """

    stem: str
    overlap: Overlap
    boundary_f: float
    claimed_share: float
    reason: str = ""
    visible: float | None = None
    refused: bool = False
    clicked: tuple[float, ...] = ()
    changed: Mapping[str, float] = field(default_factory=dict)

    @property
    def has_floor(self) -> bool:
        """Whether it enters the means over pictures."""
        return self.overlap.floor_share > MIN_FLOOR_SHARE


@dataclass(frozen=True)
class FloorlessOutcome:
    """What was said of a picture that shows no floor.

    Attributes:
        file: its path inside its folder.
        visible: the segmenter's probability, 0..1, that it shows a floor.
        refused: whether the answer was, rightly, that it shows none.
    """

    file: str
    visible: float
    refused: bool


@dataclass(frozen=True)
class MasksReport:
    """How well floors were outlined.

    Attributes:
        outcomes: one for each true mask, by stem.
        seconds_per_image: the mean time of a mask of a photo given as bytes.
        failed: files that could not be used, and why.
        stamp: which preset, models and version of Floorlens were measured.
        floorless: one for each further picture without floor, by path.
    """

    outcomes: tuple[MaskOutcome, ...]
    seconds_per_image: float
    failed: tuple[Failure, ...]
    stamp: Mapping[str, Any] = field(default_factory=dict)
    floorless: tuple[FloorlessOutcome, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Returns plain JSON values: finite numbers, rates in 0..1.

        `iou` pools the pixels of all pictures; `mean_iou` and `boundary_f` are means over the
        `n_with_floor` pictures with more than 1 % floor (0 where there is none); `false_floor` is
        the mean share called floor of the `n_floorless` pictures without any. Whether a floor is
        seen at all: `visible_auroc`, `refused` and `accepted_floorless`, each only where there
        are pictures to measure it on. `mean_iou_after_clicks` and `robustness` are there where
        they were measured.
        """
        shown = [outcome for outcome in self.outcomes if outcome.has_floor]
        empty = [o for o in self.outcomes if o.overlap.floor_share == 0]
        above = [outcome.overlap.intersection for outcome in self.outcomes]
        below = [outcome.overlap.union for outcome in self.outcomes]
        ious, edges = [o.overlap.iou for o in shown], [o.boundary_f for o in shown]
        ci95: dict[str, Any] = {"iou": bootstrap_interval(above, below)}
        if shown:
            ci95 |= {"mean_iou": bootstrap_interval(ious), "boundary_f": bootstrap_interval(edges)}
        seen, seen_intervals = self._visibility()
        clicked = [outcome.clicked for outcome in shown if outcome.clicked]
        after_clicks: dict[str, Any] = {}
        if clicked:
            columns = [list(column) for column in zip(*clicked, strict=True)]
            after_clicks["mean_iou_after_clicks"] = [_mean(column) for column in columns]
            ci95["mean_iou_after_clicks"] = [list(bootstrap_interval(c)) for c in columns]
        return {
            "n": len(self.outcomes),
            "iou": sum(above) / sum(below) if sum(below) else 1.0,
            "mean_iou": _mean(ious),
            "boundary_f": _mean(edges),
            "seconds_per_image": self.seconds_per_image,
            "n_with_floor": len(shown),
            "n_floorless": len(empty),
            "n_negatives": len(self.floorless),
            "false_floor": _mean([outcome.claimed_share for outcome in empty]),
            **seen,
            **after_clicks,
            **self._robustness(),
            "ci95": {name: list(pair) for name, pair in (ci95 | seen_intervals).items()},
            "failed": [failure.as_dict() for failure in self.failed],
            "per_image": {outcome.stem: _details(outcome) for outcome in self.outcomes},
            "per_negative": {
                outcome.file: {"visible": outcome.visible, "refused": outcome.refused}
                for outcome in self.floorless
            },
            "stamp": dict(self.stamp),
        }

    def _visibility(self) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
        """Returns how well it is told whether there is a floor, and the 95 % intervals.

        Pictures that could not be read say nothing of that; they are in `failed`.
        """
        asked = [outcome for outcome in self.outcomes if outcome.visible is not None]
        positives = [
            float(outcome.visible)
            for outcome in asked
            if outcome.visible is not None and outcome.overlap.floor_share >= MIN_FLOOR_SHARE
        ]
        negatives = [
            (float(outcome.visible), outcome.refused)
            for outcome in asked
            if outcome.visible is not None and outcome.overlap.floor_share == 0
        ]
        negatives += [(outcome.visible, outcome.refused) for outcome in self.floorless]
        large = [o.refused for o in asked if o.overlap.floor_share >= SEARCHABLE_SHARE]
        figures: dict[str, float] = {}
        intervals: dict[str, tuple[float, float]] = {}
        if positives and negatives:
            scores = [visible for visible, _ in negatives]
            figures["visible_auroc"] = auroc(positives, scores)
            intervals["visible_auroc"] = auroc_interval(positives, scores)
        accepted = [not refused for _, refused in negatives]
        for name, answers in (("refused", large), ("accepted_floorless", accepted)):
            if answers:
                figures[name] = float(np.mean(answers))
                intervals[name] = bootstrap_interval(answers)
        return figures, intervals

    def _robustness(self) -> dict[str, Any]:
        """Returns {"robustness": change -> its mean IoU, and that relative to the clean one's}.

        Both with intervals; those of the ratio are drawn over photos, clean and changed together.
        """
        rows = [outcome.changed for outcome in self.outcomes if outcome.changed]
        if not rows:
            return {}
        clean = [row[CLEAN] for row in rows]
        table: dict[str, Any] = {}
        for name in CHANGES:
            ious = [row[name] for row in rows]
            table[name] = {
                "mean_iou": _mean(ious),
                # Where the clean photos fail wholly, nothing is left to lose.
                "ratio": sum(ious) / sum(clean) if sum(clean) else 1.0,
                "ci95": {
                    "mean_iou": list(bootstrap_interval(ious)),
                    "ratio": list(bootstrap_interval(ious, clean)),
                },
            }
        return {"n_robustness": len(rows), "robustness": table}


def _details(outcome: MaskOutcome) -> dict[str, Any]:
    details: dict[str, Any] = {
        "iou": outcome.overlap.iou,
        "boundary_f": outcome.boundary_f,
        "floor_share": outcome.overlap.floor_share,
        "claimed_share": outcome.claimed_share,
        "refused": outcome.refused,
    }
    if outcome.visible is not None:
        details["visible"] = outcome.visible
    if outcome.clicked:
        details["iou_after_clicks"] = list(outcome.clicked)
    if outcome.changed:
        details["robustness"] = dict(outcome.changed)
    return details


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
