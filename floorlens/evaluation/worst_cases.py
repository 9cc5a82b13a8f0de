"""Writes what went worst in an evaluation as a page with pictures, since figures hide causes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from floorlens import html as pages
from floorlens.errors import FloorlensError
from floorlens.evaluation.datasets import (
    MaskPair,
    PairsDataset,
    ProductFolder,
    RankingDataset,
    read_full_size,
    read_true_mask,
)
from floorlens.evaluation.mask_report import MaskOutcome, MasksReport
from floorlens.evaluation.metrics import resize_nearest
from floorlens.evaluation.reports import (
    PairOutcome,
    PairsReport,
    RankingOutcome,
    RankingReport,
)
from floorlens.images.drawing import overlay, picture_file
from floorlens.segmentation import FloorRegion

MOST = 40
"""How many cases a page shows."""
_PHOTO_SIDE, _PRODUCT_SIDE = 720, 320
_MISSED = np.array([235, 60, 60], dtype=np.float32)
_EXTRA = np.array([70, 120, 255], dtype=np.float32)

FindMask = Callable[[bytes], FloorRegion]


def write_pairs(report: PairsReport, data: PairsDataset, find_mask: FindMask, folder: Path) -> Path:
    """Writes the rooms whose product came last; returns the page's path.

    Args:
        report: the measurement.
        data: what was measured.
        find_mask: the measured pipeline's own, called again for the rooms that are shown.
        folder: where index.html and its pictures go; made if absent.
    """
    worst = sorted(report.outcomes, key=lambda o: (-o.rank, -o.hard10_rank, o.room))[:MOST]
    album = _Album(folder, data.products)
    sections = []
    for number, outcome in enumerate(worst, start=1):
        photo = album.room(number, data.rooms / outcome.room, find_mask, outcome.room)
        sections.append(_pair_section(photo, outcome, report.products, album))
    figures = report.as_dict()
    lead = (
        f"{figures['n']} queries against {report.products} distinct products: MRR "
        f"{figures['mrr']:.3f}, top-1 {figures['top1']:.3f}, top-5 {figures['top5']:.3f}, median "
        f"rank {figures['median_rank']:g}. The {len(worst)} worst follow."
    )
    return _write(folder, "Worst cases: rooms and their products", lead, sections)


def write_ranking(
    report: RankingReport, data: RankingDataset, find_mask: FindMask, folder: Path
) -> Path:
    """Writes the judged queries, worst first, with the grades of their first ten.

    Returns the page's path; arguments as for `write_pairs`.
    """
    worst = sorted(report.outcomes, key=lambda o: (o.ndcg, o.query))[:MOST]
    album = _Album(folder, data.products)
    sections = []
    for number, outcome in enumerate(worst, start=1):
        photo = album.room(number, data.queries / outcome.query, find_mask, outcome.query)
        grades = {Path(name).stem: grade for name, grade in data.grades[outcome.query].items()}
        sections.append(_ranking_section(photo, outcome, grades, album))
    lead = (
        f"{len(report.outcomes)} queries, nDCG@10 {report.as_dict()['ndcg@10']:.3f}; worst first."
    )
    return _write(folder, "Worst cases: judged rankings", lead, sections)


def write_masks(
    report: MasksReport, pairs: Sequence[MaskPair], find_mask: FindMask, folder: Path
) -> Path:
    """Writes the pictures with the least overlap: photo, true, predicted and difference.

    Returns the page's path; `pairs` is what was measured, the rest as for `write_pairs`.
    """
    by_stem = {pair.stem: pair for pair in pairs}
    # Without a floor every pixel claimed makes an overlap of 0: there, the most claimed is worst.
    worst = sorted(
        report.outcomes, key=lambda o: (o.overlap.iou - o.claimed_share * (not o.has_floor), o.stem)
    )[:MOST]
    sections = [
        _mask_section(folder, number, outcome, by_stem[outcome.stem], find_mask)
        for number, outcome in enumerate(worst, start=1)
    ]
    figures = report.as_dict()
    lead = (
        f"{figures['n']} pictures: IoU {figures['iou']:.3f} pooled, {figures['mean_iou']:.3f} in "
        f"the mean, boundary F {figures['boundary_f']:.3f}. The {len(worst)} worst follow. In the "
        "difference red is floor that was missed, blue is called floor and is none."
    )
    return _write(folder, "Worst cases: floor masks", lead, sections)


class _Album:
    """Writes pictures into the page's folder, each product once, and returns their figures."""

    def __init__(self, folder: Path, products: ProductFolder) -> None:
        self._folder = folder
        self._products = products
        self._written: dict[str, str | None] = {}

    def room(self, number: int, path: Path, find_mask: FindMask, name: str) -> str:
        """Returns the room with its mask drawn; the photo alone where no mask is found."""
        target = self._folder / f"room-{number:03d}.jpg"
        try:
            pixels = read_full_size(path)
        except FloorlensError:
            return "<p class='warn'>The photo cannot be read.</p>"
        mask = _predicted(path, find_mask, pixels.shape[:2])
        drawn = pixels if mask is None else overlay(pixels, mask)
        picture_file(drawn, target, _PHOTO_SIDE)
        return pages.figure(target.name, escape(name), alt=f"Room {name} with the floor outlined")

    def product(self, product: str, caption: str, *, true: bool) -> str:
        """Returns a product's figure; its caption is HTML."""
        if product not in self._written:
            self._written[product] = self._write(product)
        source = self._written[product]
        kind = "true" if true else ""
        if source is None:
            return f"<figure><figcaption>{caption} (no picture)</figcaption></figure>"
        return pages.figure(source, caption, alt=f"Product {product}", kind=kind)

    def _write(self, product: str) -> str | None:
        name = self._products.file_of.get(product)
        if name is None:
            return None
        # Numbered, since a product's id may hold what a file name or an address may not.
        target = self._folder / f"product-{len(self._written):04d}.jpg"
        try:
            picture_file(read_full_size(self._products.folder / name), target, _PRODUCT_SIDE)
        except FloorlensError:
            return None
        return target.name

    def same(self, product: str, other: str) -> bool:
        """Whether two ids are one product, that is, have byte-identical pictures."""
        groups = self._products.group_of
        return product in groups and groups[product] == groups.get(other)


def _pair_section(photo: str, outcome: PairOutcome, products: int, album: _Album) -> str:
    truth = Path(outcome.product).stem
    score = "not ranked" if outcome.score is None else f"score {outcome.score:.3f}"
    shown = [
        album.product(truth, f"<b>true</b>: {escape(truth)}<br>{score}", true=True),
        *(
            album.product(
                product,
                f"{place}. {escape(product)}<br>score {value:.3f}{pages.score_bar(value)}",
                true=album.same(product, truth),
            )
            for place, (product, value) in enumerate(outcome.first, start=1)
        ),
    ]
    title = (
        f"{outcome.room} ({outcome.source}): rank {outcome.rank} of {products}, "
        f"{outcome.hard10_rank} among its likes"
    )
    return _section(title, outcome.reason, photo, shown)


def _ranking_section(
    photo: str, outcome: RankingOutcome, grades: dict[str, int], album: _Album
) -> str:
    first = list(zip(outcome.ranking, outcome.scores, strict=True))[:10]
    shown = [
        album.product(
            product,
            f"{place}. {escape(product)}: <b>grade {grades.get(product, 0)}</b><br>"
            f"score {value:.3f}{pages.score_bar(value)}",
            true=grades.get(product, 0) > 0,
        )
        for place, (product, value) in enumerate(first, start=1)
    ]
    title = f"{outcome.query}: nDCG@10 {outcome.ndcg:.3f}"
    return _section(title, outcome.reason, photo, shown)


def _mask_section(
    folder: Path, number: int, outcome: MaskOutcome, pair: MaskPair, find_mask: FindMask
) -> str:
    title = (
        f"{outcome.stem}: IoU {outcome.overlap.iou:.3f}, boundary F {outcome.boundary_f:.3f}, "
        f"floor {outcome.overlap.floor_share:.1%}, called floor {outcome.claimed_share:.1%}"
    )
    if pair.image is None or pair.mask is None:
        return _section(title, outcome.reason, "", [])
    try:
        pixels, truth = read_full_size(pair.image), read_true_mask(pair.mask)
    except FloorlensError:
        return _section(title, outcome.reason, "", [])
    shape = pixels.shape[:2]
    floor, ignored = resize_nearest(truth.floor, shape), resize_nearest(truth.ignored, shape)
    claimed = _predicted(pair.image, find_mask, shape)
    if claimed is None:
        claimed = np.zeros(shape, dtype=np.bool_)
    figures = []
    for name, picture in (
        ("photo", pixels),
        ("true", overlay(pixels, floor)),
        ("predicted", overlay(pixels, claimed)),
        ("difference", _difference(pixels, floor, claimed, ignored)),
    ):
        target = folder / f"mask-{number:03d}-{name}.jpg"
        picture_file(picture, target, _PHOTO_SIDE)
        figures.append(pages.figure(target.name, name, alt=f"{outcome.stem}: {name}"))
    return _section(title, outcome.reason, "", figures)


def _difference(
    pixels: NDArray[np.uint8],
    floor: NDArray[np.bool_],
    claimed: NDArray[np.bool_],
    ignored: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """Returns the photo in grey, missed floor red, wrongly claimed blue: uint8 (h, w, 3)."""
    grey = np.repeat(pixels.mean(axis=-1, keepdims=True), 3, axis=-1).astype(np.float32)
    for wrong, colour in ((floor & ~claimed, _MISSED), (claimed & ~floor, _EXTRA)):
        grey[wrong & ~ignored] = 0.4 * grey[wrong & ~ignored] + 0.6 * colour
    return grey.astype(np.uint8)


def _predicted(path: Path, find_mask: FindMask, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
    """Returns the predicted mask at the photo's size, None where it has none."""
    try:
        return resize_nearest(find_mask(path.read_bytes()).mask, (shape[0], shape[1]))
    except Exception:  # noqa: BLE001
        # The measurement has listed why; the page still shows the photo.
        return None


def _section(title: str, reason: str, photo: str, figures: Sequence[str]) -> str:
    told = f'<p class="warn">{escape(reason)}</p>' if reason else ""
    grid = "".join(figures)
    if photo:
        body = f'<div class="split"><div>{photo}</div><div class="grid">{grid}</div></div>'
    else:
        body = f'<div class="grid wide">{grid}</div>'
    return f"<section><h2>{escape(title)}</h2>{told}{body}</section>"


def _write(folder: Path, title: str, lead: str, sections: Sequence[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "index.html"
    body = f"<p>{escape(lead)}</p>\n" + "\n".join(sections)
    target.write_text(pages.page(title, body), encoding="utf-8")
    return target
