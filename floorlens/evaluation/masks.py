"""`eval masks`: are floors outlined well, corrected by clicks, and seen under other light?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from floorlens.errors import CatalogueError, DatasetError, FloorlensError, NoFloorFound
from floorlens.evaluation.clicks import next_click
from floorlens.evaluation.datasets import (
    Failure,
    MaskPair,
    Measured,
    TrueMask,
    failures,
    read_floorless,
    read_masks,
    read_true_mask,
)
from floorlens.evaluation.measured import (
    Clock,
    Lens,
    Opener,
    explain,
    open_measured_lens,
    report_stamp,
    temporary_lens,
)
from floorlens.evaluation.metrics import (
    Overlap,
    auroc,
    auroc_interval,
    bootstrap_interval,
    boundary_f,
    overlap,
    resize_nearest,
)
from floorlens.evaluation.robustness import CHANGES, CLEAN, Sample
from floorlens.evaluation.worst_cases import MOST, MaskCase, write_masks
from floorlens.images.loading import Photo, load_photo, read_bytes
from floorlens.segmentation import Click

if TYPE_CHECKING:
    from floorlens.catalogue.batches import Progress

Item = TypeVar("Item")

MIN_FLOOR_SHARE = 0.01
"""Pictures with no more true floor than this do not enter the means over pictures."""
SEARCHABLE_SHARE = 0.05
"""With at least this share of true floor a photo should not be refused."""


@dataclass(frozen=True)
class MaskOutcome:
    """The result for one picture.

    Attributes:
        stem: the picture's name without its suffix.
        overlap: pixels shared with the true mask.
        boundary_f: 0..1.
        claimed_share: the share of the pixels outside the ignored ones that was called floor, 0..1.
        reason: why it counts as an empty mask; "" where a mask was predicted.
        visible: the segmenter's probability, 0..1, that it shows a floor; None if the segmenter
            was not called.
        refused: whether the pipeline said that it shows no floor.
        click_ious: IoU after 0, 1, … simulated clicks; () where there were none.
        change_ious: IoU under each change of `robustness.CHANGES`; empty where not measured.
        file: the photo's path inside the evaluation folder; "" where there is none.
    """

    stem: str
    overlap: Overlap
    boundary_f: float
    claimed_share: float
    reason: str = ""
    visible: float | None = None
    refused: bool = False
    click_ious: tuple[float, ...] = ()
    change_ious: Mapping[str, float] = field(default_factory=dict)
    file: str = ""

    @property
    def has_floor(self) -> bool:
        """Whether it enters the means over pictures."""
        return self.overlap.floor_share > MIN_FLOOR_SHARE


@dataclass(frozen=True)
class FloorlessOutcome:
    """The result for a picture that shows no floor.

    Attributes:
        file: its path inside its folder.
        visible: the segmenter's probability, 0..1, that it shows a floor.
        refused: whether the pipeline said, rightly, that it shows none.
    """

    file: str
    visible: float
    refused: bool


@dataclass(frozen=True)
class MasksReport:
    """How well floors are outlined.

    Attributes:
        outcomes: one for each true mask, by stem.
        seconds_per_image: the mean time of a mask of a photo given as bytes.
        failed: files that could not be used, and why.
        stamp: which preset, models and version of Floorlens were measured.
        floorless: one for each further picture without floor, by path.
        data: which data; None: the report does not say it.
    """

    outcomes: tuple[MaskOutcome, ...]
    seconds_per_image: float
    failed: tuple[Failure, ...]
    stamp: Mapping[str, Any] = field(default_factory=dict)
    floorless: tuple[FloorlessOutcome, ...] = ()
    data: Measured | None = None

    def as_dict(self) -> dict[str, Any]:
        """Returns plain JSON values: finite numbers, rates in 0..1.

        `iou` pools the pixels of all pictures; `mean_iou` and `boundary_f` are means over the
        `n_with_floor` pictures with more than 1 % floor (0 where there is none); `false_floor` is
        the mean share called floor of the `n_floorless` pictures without any. `visible_auroc`,
        `refused` and `accepted_floorless` say whether a floor is seen at all; each is there only
        where there are pictures to measure it on. `mean_iou_after_clicks` and `robustness` are
        there where they were measured.
        """
        floors = [outcome for outcome in self.outcomes if outcome.has_floor]
        floorless = [o for o in self.outcomes if o.overlap.floor_share == 0]
        above = [outcome.overlap.intersection for outcome in self.outcomes]
        below = [outcome.overlap.union for outcome in self.outcomes]
        ious, edges = [o.overlap.iou for o in floors], [o.boundary_f for o in floors]
        ci95: dict[str, Any] = {"iou": bootstrap_interval(above, below)}
        if floors:
            ci95 |= {"mean_iou": bootstrap_interval(ious), "boundary_f": bootstrap_interval(edges)}
        visibility, visibility_ci95 = self._visibility()
        rows = [outcome.click_ious for outcome in floors if outcome.click_ious]
        after_clicks: dict[str, Any] = {}
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            after_clicks["mean_iou_after_clicks"] = [_mean(column) for column in columns]
            ci95["mean_iou_after_clicks"] = [list(bootstrap_interval(c)) for c in columns]
        return {
            "n": len(self.outcomes),
            "iou": sum(above) / sum(below) if sum(below) else 1.0,
            "mean_iou": _mean(ious),
            "boundary_f": _mean(edges),
            "seconds_per_image": self.seconds_per_image,
            "n_with_floor": len(floors),
            "n_floorless": len(floorless),
            "n_negatives": len(self.floorless),
            "false_floor": _mean([outcome.claimed_share for outcome in floorless]),
            **visibility,
            **after_clicks,
            **self._robustness(),
            "ci95": {name: list(pair) for name, pair in (ci95 | visibility_ci95).items()},
            "failed": [failure.as_dict() for failure in self.failed],
            "per_image": {outcome.stem: _details(outcome) for outcome in self.outcomes},
            "per_negative": {
                outcome.file: {"visible": outcome.visible, "refused": outcome.refused}
                for outcome in self.floorless
            },
            "stamp": dict(self.stamp),
            **({} if self.data is None else self.data.as_dict()),
        }

    def _visibility(self) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
        """Returns how well floors are told from none, and the 95 % intervals of these figures.

        Pictures that cannot be read do not count here; they are in `failed`.
        """
        answers = [outcome for outcome in self.outcomes if outcome.visible is not None]
        positives = [
            float(outcome.visible)
            for outcome in answers
            if outcome.visible is not None and outcome.overlap.floor_share >= MIN_FLOOR_SHARE
        ]
        negatives = [
            (float(outcome.visible), outcome.refused)
            for outcome in answers
            if outcome.visible is not None and outcome.overlap.floor_share == 0
        ]
        negatives += [(outcome.visible, outcome.refused) for outcome in self.floorless]
        large = [o.refused for o in answers if o.overlap.floor_share >= SEARCHABLE_SHARE]
        figures: dict[str, float] = {}
        intervals: dict[str, tuple[float, float]] = {}
        if positives and negatives:
            scores = [visible for visible, _ in negatives]
            figures["visible_auroc"] = auroc(positives, scores)
            intervals["visible_auroc"] = auroc_interval(positives, scores)
        acceptances = [not refused for _, refused in negatives]
        for name, flags in (("refused", large), ("accepted_floorless", acceptances)):
            if flags:
                figures[name] = float(np.mean(flags))
                intervals[name] = bootstrap_interval(flags)
        return figures, intervals

    def _robustness(self) -> dict[str, Any]:
        """Returns the means over photos under each change, and their ratio to the clean photos.

        {"n_robustness": photos, "robustness": change -> mean_iou, ratio, ci95}; nothing where it
        was not measured. The intervals of the ratio draw a clean photo and its change together.
        """
        rows = [outcome.change_ious for outcome in self.outcomes if outcome.change_ious]
        if not rows:
            return {}
        clean = [row[CLEAN] for row in rows]
        table: dict[str, Any] = {}
        for name in CHANGES:
            ious = [row[name] for row in rows]
            table[name] = {
                "mean_iou": _mean(ious),
                # Where every clean photo has an IoU of 0, no change makes it worse.
                "ratio": sum(ious) / sum(clean) if sum(clean) else 1.0,
                "ci95": {
                    "mean_iou": list(bootstrap_interval(ious)),
                    "ratio": list(bootstrap_interval(ious, clean)),
                },
            }
        return {"n_robustness": len(rows), "robustness": table}


def evaluate_masks(
    directory: Path,
    preset: str | None = None,
    *,
    images: str = "images",
    masks: str = "masks",
    split: str | None = None,
    negatives: Path | None = None,
    clicks: int = 0,
    robustness: bool = False,
    limit: int | None = None,
    html: Path | None = None,
    progress: Progress | None = None,
    opener: Opener = open_measured_lens,
) -> MasksReport:
    """Returns how well floors are outlined.

    A photo in which the pipeline finds no floor counts as an empty mask. `failed` lists it only
    where there is a floor to find.

    Args:
        directory: the photos and true masks (255 floor, 128 ignore, 0 other); only read.
        preset: the preset to measure; the default one if None.
        images, masks: the names of its two folders; files of equal stem belong together.
        split: only the stems that split.csv (stem, split) puts there.
        negatives: a folder of further pictures that show no floor; they count only for whether a
            floor is seen.
        clicks: how many simulated corrections each photo with a floor gets.
        robustness: also measure the photos with a floor under `robustness.CHANGES`.
        limit: at most so many photos (and so many negatives), evenly spread; all if None.
        html: a folder to write the worst cases into; none if None.
        progress: called with (done, total) photos after each of them.
        opener: opens a catalogue in an empty folder.

    Raises:
        DatasetError: a folder, file or column is missing, or no true mask can be read.
        SettingsError: there is no such preset.
        ValueError: `clicks` is negative, or `limit` less than 1.

    Example:
        >>> from floorlens.demo.samples import samples
        >>> from floorlens.evaluation.masks import evaluate_masks
        >>> report = evaluate_masks(samples(), images="rooms", limit=1)
        >>> report.as_dict()["iou"] > 0.9
        True
    """
    if clicks < 0 or (limit is not None and limit < 1):
        raise ValueError("clicks must not be negative, and limit at least 1")
    pairs = _spread(read_masks(directory, images=images, masks=masks, split=split), limit)
    others = () if negatives is None else _spread(read_floorless(negatives), limit)
    reasons: dict[str, str] = {}
    outcomes: list[MaskOutcome] = []
    floorless: list[FloorlessOutcome] = []
    clock = Clock()
    total = len(pairs) + len(others)
    with temporary_lens(opener, preset) as lens:
        for number, pair in enumerate(pairs, start=1):
            truth = _read_truth(pair, images, masks, reasons)
            if truth is not None:
                notes: dict[str, str] = {}
                outcome = _measure(
                    lens, pair, truth, clock, notes, clicks=clicks, robustness=robustness
                )
                file = "" if pair.image is None else pair.image.relative_to(directory).as_posix()
                outcomes.append(replace(outcome, file=file))
                reasons |= {f"{images}/{name}": reason for name, reason in notes.items()}
            if progress is not None:
                progress(number, total)
        if not outcomes:
            raise DatasetError(f"{directory}: no true mask in {masks}/ can be read")
        for number, path in enumerate(others, start=len(pairs) + 1):
            answer = find_mask(lens, path, (1, 1), Clock())
            name = path.relative_to(negatives or path).as_posix()
            if answer.visible is None or (answer.reason and not answer.refused):
                reasons[f"negatives/{name}"] = f"not counted: {answer.reason}"
            else:
                floorless.append(FloorlessOutcome(name, answer.visible, answer.refused))
            if progress is not None:
                progress(number, total)
        report = MasksReport(
            outcomes=tuple(outcomes),
            seconds_per_image=clock.mean,
            failed=failures(reasons),
            stamp=report_stamp(lens),
            floorless=tuple(floorless),
            data=Measured("masks", directory),
        )
        if html is not None:
            _write_worst(report, pairs, lens, html)
    return report


@dataclass(frozen=True)
class Answer:
    """What the measured pipeline says of one photo.

    Attributes:
        mask: bool (h, w) at the requested size; all False where there is none.
        visible: the segmenter's probability, 0..1, that there is a floor; None if the segmenter
            was not called.
        refused: whether the pipeline found no floor.
        reason: why there is no mask, in words; "" if there is one.
    """

    mask: NDArray[np.bool_]
    visible: float | None
    refused: bool
    reason: str


def find_mask(
    lens: Lens,
    photo: Path | bytes | NDArray[np.uint8],
    shape: tuple[int, int],
    clock: Clock,
    clicks: Sequence[Click] = (),
) -> Answer:
    """Returns what the pipeline says of a photo; a failure is an empty mask with a reason.

    Args:
        lens: what is measured.
        photo: a path, whose bytes the lens gets, or the bytes or pixels themselves.
        shape: (height, width) of the mask to return.
        clock: takes the time of the call.
        clicks: corrections, in pixels of the photo.

    Raises:
        CatalogueError: the catalogue itself is not usable.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.evaluation.masks import find_mask
        >>> from floorlens.evaluation.measured import Clock, open_measured_lens, temporary_lens
        >>> with temporary_lens(open_measured_lens, None) as lens:
        ...     answer = find_mask(lens, Path("room.jpg"), (30, 40), Clock())
        >>> answer.mask.shape, answer.refused
        ((30, 40), False)
    """
    lens.take_visible()
    refused, reason = False, ""
    mask = np.zeros(shape, dtype=np.bool_)
    try:
        source = read_bytes(photo) if isinstance(photo, Path) else photo
        with clock():
            full_mask = lens.mask(source, clicks=clicks).mask
        mask = resize_nearest(full_mask, shape)
    except NoFloorFound as error:
        refused, reason = True, str(error)
    except CatalogueError:
        # The photo is not the cause: every other one would fail as well.
        raise
    except Exception as error:  # noqa: BLE001
        # One photo must not end a long measurement, not even by a bug: it is listed and counts.
        reason = explain(error)
    return Answer(mask, lens.take_visible(), refused, reason)


def _measure(
    lens: Lens,
    pair: MaskPair,
    truth: TrueMask,
    clock: Clock,
    reasons: dict[str, str],
    *,
    clicks: int,
    robustness: bool,
) -> MaskOutcome:
    """Returns the result for one photo; `reasons` gets what fails on the way."""
    shape = _shape(truth.floor)
    if pair.image is None:
        name, reason = pair.stem, "there is a mask of that stem, but no photo"
        answer = Answer(np.zeros(shape, np.bool_), None, refused=False, reason=reason)
    else:
        name = pair.image.name
        answer = find_mask(lens, pair.image, shape, clock)
    shared = overlap(answer.mask, truth.floor, truth.ignored)
    # Finding no floor where there is none is no failure.
    reason = "" if answer.refused and not truth.floor.any() else answer.reason
    if reason:
        reasons[name] = reason
    click_ious: tuple[float, ...] = ()
    change_ious: dict[str, float] = {}
    if shared.floor_share > MIN_FLOOR_SHARE:
        readable = pair.image is not None and (answer.refused or not answer.reason)
        photo = pair.image if readable else None
        if clicks:
            click_ious = _measure_clicks(lens, photo, answer.mask, truth, clicks, reasons)
        if robustness:
            change_ious = _measure_changes(lens, photo, truth, reasons)
    return MaskOutcome(
        stem=pair.stem,
        overlap=shared,
        boundary_f=boundary_f(answer.mask, truth.floor, truth.ignored),
        claimed_share=int(np.count_nonzero(answer.mask & ~truth.ignored))
        / max(1, int(np.count_nonzero(~truth.ignored))),
        reason=reason,
        visible=answer.visible,
        refused=answer.refused,
        click_ious=click_ious,
        change_ious=change_ious,
    )


def _measure_clicks(
    lens: Lens,
    photo: Path | None,
    mask: NDArray[np.bool_],
    truth: TrueMask,
    count: int,
    reasons: dict[str, str],
) -> tuple[float, ...]:
    """Returns the IoU after 0 to `count` simulated clicks.

    `mask` is the answer without a click; `photo` is None where that failed, and then all are equal.
    """
    ious = [_iou(mask, truth)]
    if photo is None:
        return tuple(ious * (count + 1))
    source = read_bytes(photo)
    size = _load(photo).size
    clicks: list[Click] = []
    for number in range(1, count + 1):
        click = next_click(mask, truth.floor, truth.ignored, size, clicks)
        if click is not None:
            clicks.append(click)
            answer = find_mask(lens, source, _shape(truth.floor), Clock(), clicks)
            mask = answer.mask
            if answer.reason and not answer.refused:
                reasons[f"{photo.name} (click {number})"] = answer.reason
        ious.append(_iou(mask, truth))
    return tuple(ious)


def _measure_changes(
    lens: Lens, photo: Path | None, truth: TrueMask, reasons: dict[str, str]
) -> dict[str, float]:
    """Returns the IoU under each change; 0 under all where `photo` is None, since it failed."""
    if photo is None:
        return dict.fromkeys(CHANGES, 0.0)
    pixels = _load(photo).pixels
    shape = pixels.shape[0], pixels.shape[1]
    floor, ignored = resize_nearest(truth.floor, shape), resize_nearest(truth.ignored, shape)
    sample = Sample(pixels, TrueMask(floor, ignored))
    ious = {}
    for name, change in CHANGES.items():
        picture, picture_truth = change(sample)
        answer = find_mask(lens, picture, _shape(picture_truth.floor), Clock())
        if answer.reason and not answer.refused:
            reasons[f"{photo.name} ({name})"] = answer.reason
        ious[name] = _iou(answer.mask, picture_truth)
    return ious


def _load(photo: Path) -> Photo:
    """Returns a photo that the pipeline has read already, whose own limit may be higher."""
    return load_photo(photo, max_megapixels=math.inf)


def _shape(mask: NDArray[np.bool_]) -> tuple[int, int]:
    return mask.shape[0], mask.shape[1]


def _iou(mask: NDArray[np.bool_], truth: TrueMask) -> float:
    return overlap(mask, truth.floor, truth.ignored).iou


def _spread(items: Sequence[Item], limit: int | None) -> tuple[Item, ...]:
    """Returns `limit` of the items, evenly spread; all where there are no more."""
    if limit is None or limit >= len(items):
        return tuple(items)
    return tuple(items[number * len(items) // limit] for number in range(limit))


def _read_truth(
    pair: MaskPair, images: str, masks: str, reasons: dict[str, str]
) -> TrueMask | None:
    """Returns a true mask; None where there is none to compare with, and why in `reasons`."""
    if pair.mask is None:
        name = f"{images}/{pair.image.name}" if pair.image else f"{masks}/{pair.stem}"
        reasons[name] = f"not counted: {masks}/ holds no mask of that stem"
        return None
    try:
        return read_true_mask(pair.mask)
    except FloorlensError as error:
        reasons[f"{masks}/{pair.mask.name}"] = f"not counted: {error}"
        return None


def _write_worst(report: MasksReport, pairs: Sequence[MaskPair], lens: Lens, folder: Path) -> None:
    """Writes the page of the pictures with the least overlap."""
    pair_of = {pair.stem: pair for pair in pairs}
    # Without a floor every claimed pixel makes an overlap of 0: there, the most claimed is worst.
    worst = sorted(
        report.outcomes, key=lambda o: (o.overlap.iou - o.claimed_share * (not o.has_floor), o.stem)
    )[:MOST]
    cases = []
    for outcome in worst:
        title = (
            f"{outcome.stem}: IoU {outcome.overlap.iou:.3f}, boundary F {outcome.boundary_f:.3f}, "
            f"floor {outcome.overlap.floor_share:.1%}, called floor {outcome.claimed_share:.1%}"
        )
        pair = pair_of[outcome.stem]
        cases.append(MaskCase(title, outcome.reason, outcome.stem, pair.image, pair.mask))
    figures = report.as_dict()
    lead = (
        f"{figures['n']} pictures: IoU {figures['iou']:.3f} pooled, {figures['mean_iou']:.3f} in "
        f"the mean, boundary F {figures['boundary_f']:.3f}. The {len(worst)} worst follow. In the "
        "difference, red is floor that was missed; blue was called floor and is none."
    )
    write_masks(folder, "Worst cases: floor masks", lead, cases, lens.mask)


def _details(outcome: MaskOutcome) -> dict[str, Any]:
    details: dict[str, Any] = {
        "file": outcome.file,
        "iou": outcome.overlap.iou,
        "intersection": outcome.overlap.intersection,
        "union": outcome.overlap.union,
        "boundary_f": outcome.boundary_f,
        "floor_share": outcome.overlap.floor_share,
        "claimed_share": outcome.claimed_share,
        "refused": outcome.refused,
    }
    if outcome.visible is not None:
        details["visible"] = outcome.visible
    if outcome.click_ious:
        details["iou_after_clicks"] = list(outcome.click_ious)
    if outcome.change_ious:
        details["robustness"] = dict(outcome.change_ious)
    return details


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
