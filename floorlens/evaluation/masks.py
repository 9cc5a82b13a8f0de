"""Measures masks: how well floors are outlined, seen at all, corrected, and under changed light."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from floorlens.errors import CatalogueError, DatasetError, FloorlensError, NoFloorFound
from floorlens.evaluation import worst_cases
from floorlens.evaluation.clicks import next_click
from floorlens.evaluation.datasets import (
    MaskPair,
    TrueMask,
    failures,
    read_floorless,
    read_masks,
    read_true_mask,
)
from floorlens.evaluation.mask_report import (
    MIN_FLOOR_SHARE,
    FloorlessOutcome,
    MaskOutcome,
    MasksReport,
)
from floorlens.evaluation.measured import (
    Lens,
    Opener,
    Progress,
    open_catalogue,
    opened,
    stamp_of,
)
from floorlens.evaluation.metrics import boundary_f, overlap, resize_nearest
from floorlens.evaluation.robustness import CHANGES, Sample
from floorlens.evaluation.scoring import Clock, explain
from floorlens.images.loading import Photo, load_photo, read_bytes
from floorlens.segmentation import Click

Item = TypeVar("Item")


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
    opener: Opener = open_catalogue,
) -> MasksReport:
    """Returns how well floors are outlined.

    A photo in which no floor is found counts as an empty mask; it is listed in `failed` only
    where there is a floor to find.

    Args:
        directory: the photos and true masks (255 floor, 128 ignore, 0 other); only read.
        preset: the preset to measure; the default one if None.
        images, masks: the names of its two folders; files of equal stem belong together.
        split: only the stems that split.csv (stem, split) puts there.
        negatives: a folder of further pictures that show no floor; they count only for whether a
            floor is seen.
        clicks: so many simulated corrections are made on each photo with a floor.
        robustness: also measure the photos with a floor under `robustness.CHANGES`.
        limit: at most so many photos (and so many negatives), evenly spread; all if None.
        html: a folder to write the worst cases into; none if None.
        progress: called after each photo with how many are done, and of how many.
        opener: how to open a catalogue in an empty folder.

    Raises:
        DatasetError: a folder does not hold what it must, or no true mask can be read.
        SettingsError: there is no such preset.
        ValueError: `clicks` is negative, or `limit` less than 1.
    """
    if clicks < 0 or (limit is not None and limit < 1):
        raise ValueError("clicks must not be negative, and limit at least 1")
    pairs = _spread(read_masks(directory, images=images, masks=masks, split=split), limit)
    others = () if negatives is None else _spread(read_floorless(negatives), limit)
    failed: dict[str, str] = {}
    outcomes: list[MaskOutcome] = []
    floorless: list[FloorlessOutcome] = []
    clock = Clock()
    total = len(pairs) + len(others)
    with opened(opener, preset) as lens:
        for done, pair in enumerate(pairs, start=1):
            truth = _truth(pair, images, masks, failed)
            if truth is not None:
                notes: dict[str, str] = {}
                outcomes.append(
                    _measure(lens, pair, truth, clock, notes, clicks=clicks, robustness=robustness)
                )
                failed |= {f"{images}/{name}": reason for name, reason in notes.items()}
            if progress is not None:
                progress(done, total)
        if not outcomes:
            raise DatasetError(f"{directory}: no true mask in {masks}/ can be read")
        for done, path in enumerate(others, start=len(pairs) + 1):
            answer = predict(lens, path, (1, 1), Clock())
            name = path.relative_to(negatives or path).as_posix()
            if answer.visible is None or (answer.reason and not answer.refused):
                failed[f"negatives/{name}"] = f"not counted: {answer.reason}"
            else:
                floorless.append(FloorlessOutcome(name, answer.visible, answer.refused))
            if progress is not None:
                progress(done, total)
        report = MasksReport(
            outcomes=tuple(outcomes),
            seconds_per_image=clock.mean,
            failed=failures(failed),
            stamp=stamp_of(lens),
            floorless=tuple(floorless),
        )
        if html is not None:
            worst_cases.write_masks(report, pairs, lens.mask, html)
    return report


@dataclass(frozen=True)
class Answer:
    """What the measured pipeline said of one photo.

    Attributes:
        mask: bool (h, w) at the size that was asked for; empty where there is none.
        visible: the segmenter's probability, 0..1, that there is a floor; None if not asked.
        refused: whether no floor was found.
        reason: why there is no mask, in words; "" if there is one.
    """

    mask: NDArray[np.bool_]
    visible: float | None
    refused: bool
    reason: str


def predict(
    lens: Lens,
    photo: Path | bytes | NDArray[np.uint8],
    shape: tuple[int, int],
    clock: Clock,
    clicks: Sequence[Click] = (),
) -> Answer:
    """Returns what is said of a photo; one that fails has an empty mask and a reason.

    Args:
        lens: what is measured.
        photo: a path, whose bytes are handed over, or the bytes or pixels themselves.
        shape: (height, width) of the mask that is wanted.
        clock: takes the time of the call.
        clicks: corrections, in pixels of the photo.

    Raises:
        CatalogueError: the catalogue itself is not usable.
    """
    lens.take_visible()
    refused, reason = False, ""
    mask = np.zeros(shape, dtype=np.bool_)
    try:
        source = read_bytes(photo) if isinstance(photo, Path) else photo
        with clock():
            found = lens.mask(source, clicks=clicks).mask
        mask = resize_nearest(found, shape)
    except NoFloorFound as error:
        refused, reason = True, str(error)
    except CatalogueError:
        # Not this photo's fault: every other one would fail as well.
        raise
    except Exception as error:  # noqa: BLE001
        # One photo must not end a long measurement, not even by a bug; it is listed and counts.
        reason = explain(error)
    return Answer(mask, lens.take_visible(), refused, reason)


def _measure(
    lens: Lens,
    pair: MaskPair,
    truth: TrueMask,
    clock: Clock,
    failed: dict[str, str],
    *,
    clicks: int,
    robustness: bool,
) -> MaskOutcome:
    """Returns how one photo fares; what fails on the way is noted in `failed`."""
    shape = _shape(truth.floor)
    if pair.image is None:
        name, reason = pair.stem, "there is a mask of that stem, but no photo"
        answer = Answer(np.zeros(shape, np.bool_), None, refused=False, reason=reason)
    else:
        name = pair.image.name
        answer = predict(lens, pair.image, shape, clock)
    found = overlap(answer.mask, truth.floor, truth.ignored)
    # Finding no floor where there is none is no failure.
    reason = "" if answer.refused and not truth.floor.any() else answer.reason
    if reason:
        failed[name] = reason
    clicked: tuple[float, ...] = ()
    changed: dict[str, float] = {}
    if found.floor_share > MIN_FLOOR_SHARE:
        readable = pair.image is not None and (answer.refused or not answer.reason)
        photo = pair.image if readable else None
        if clicks:
            clicked = _click(lens, photo, answer.mask, truth, clicks, failed)
        if robustness:
            changed = _change(lens, photo, truth, failed)
    return MaskOutcome(
        stem=pair.stem,
        overlap=found,
        boundary_f=boundary_f(answer.mask, truth.floor, truth.ignored),
        claimed_share=int(np.count_nonzero(answer.mask & ~truth.ignored))
        / max(1, int(np.count_nonzero(~truth.ignored))),
        reason=reason,
        visible=answer.visible,
        refused=answer.refused,
        clicked=clicked,
        changed=changed,
    )


def _click(
    lens: Lens,
    photo: Path | None,
    claimed: NDArray[np.bool_],
    truth: TrueMask,
    count: int,
    failed: dict[str, str],
) -> tuple[float, ...]:
    """Returns the IoU after 0 to `count` simulated clicks; a photo that failed stays as it is."""
    ious = [_iou(claimed, truth)]
    if photo is None:
        return tuple(ious * (count + 1))
    source = read_bytes(photo)
    size = _accepted(photo).size
    clicks: list[Click] = []
    for number in range(1, count + 1):
        click = next_click(claimed, truth.floor, truth.ignored, size, clicks)
        if click is not None:
            clicks.append(click)
            answer = predict(lens, source, _shape(truth.floor), Clock(), clicks)
            claimed = answer.mask
            if answer.reason and not answer.refused:
                failed[f"{photo.name} (click {number})"] = answer.reason
        ious.append(_iou(claimed, truth))
    return tuple(ious)


def _change(
    lens: Lens, photo: Path | None, truth: TrueMask, failed: dict[str, str]
) -> dict[str, float]:
    """Returns the IoU under each change; 0 under all for a photo that failed."""
    if photo is None:
        return dict.fromkeys(CHANGES, 0.0)
    pixels = _accepted(photo).pixels
    shape = pixels.shape[0], pixels.shape[1]
    floor, ignored = resize_nearest(truth.floor, shape), resize_nearest(truth.ignored, shape)
    sample = Sample(pixels, TrueMask(floor, ignored))
    ious = {}
    for name, change in CHANGES.items():
        picture, wanted = change(sample)
        answer = predict(lens, picture, _shape(wanted.floor), Clock())
        if answer.reason and not answer.refused:
            failed[f"{photo.name} ({name})"] = answer.reason
        ious[name] = _iou(answer.mask, wanted)
    return ious


def _accepted(photo: Path) -> Photo:
    """Returns a photo that the pipeline took: its limit on megapixels held, which may be raised."""
    return load_photo(photo, max_megapixels=math.inf)


def _shape(mask: NDArray[np.bool_]) -> tuple[int, int]:
    return mask.shape[0], mask.shape[1]


def _iou(claimed: NDArray[np.bool_], truth: TrueMask) -> float:
    return overlap(claimed, truth.floor, truth.ignored).iou


def _spread(items: Sequence[Item], limit: int | None) -> tuple[Item, ...]:
    """Returns `limit` of the items, evenly spread; all where there are no more."""
    if limit is None or limit >= len(items):
        return tuple(items)
    return tuple(items[number * len(items) // limit] for number in range(limit))


def _truth(pair: MaskPair, images: str, masks: str, failed: dict[str, str]) -> TrueMask | None:
    """Returns a true mask; where there is none to compare with, None, and why in `failed`."""
    if pair.mask is None:
        name = f"{images}/{pair.image.name}" if pair.image else f"{masks}/{pair.stem}"
        failed[name] = f"not counted: {masks}/ holds no mask of that stem"
        return None
    try:
        return read_true_mask(pair.mask)
    except FloorlensError as error:
        failed[f"{masks}/{pair.mask.name}"] = f"not counted: {error}"
        return None
