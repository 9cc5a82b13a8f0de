"""Floor-mask sources, their splits, and the decoded samples kept in memory.

The pictures are third-party material: they are read from a folder outside the repository
(``FLOORLENS_DATA``, by default ``../shared/data``) and nothing derived from them is committed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from csv import DictReader
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

#: A rug is not floor; only rendered and painted ones carry a label of their own.
FLOOR, UNSURE, RUG, OTHER = 255, 128, 64, 0
#: The source name of pictures that ``training.segmentation.rooms`` rendered.
RENDERED = "rendered"
#: Where loose rugs are UNSURE or RUG, so that what is OTHER is no rug.
RUGS_KNOWN = ("nyuv2", RENDERED)
#: Of the rendered rooms every so manieth is held out.
DEV_RENDERED_EVERY = 40
#: Longer side of the samples kept in memory.
CACHED_SIDE = 512

TRAIN_SOURCES = (
    "nyuv2",
    "ade20k_val_pseudo",
    "anurag_robot",
    "anurag_hypersim",
    "syntrain",
    "uzair_interior",
    "bharat_visualizer",
)
#: Never trained on.
TEST_SOURCES = ("ade20k_sarasarto", "vision_control_hospital")

#: Held out of training for choices: whole clips of the robot, whole blocks of NYUv2.
DEV_CLIPS = ("lobby_01", "Living_room_03")
DEV_NYU_TAIL = 25
DEV_ADE_EVERY = 10
DEV_HYPERSIM_TAIL = 6


@dataclass(frozen=True)
class Sample:
    """One labelled picture.

    Attributes:
        source: Folder it comes from.
        stem: File name without suffix.
        image: uint8 RGB [H, W, 3].
        mask: uint8 [H, W] of FLOOR, UNSURE, RUG, OTHER.
    """

    source: str
    stem: str
    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]

    @property
    def floor_share(self) -> float:
        """Share of the picture that is floor, 0..1."""
        return float((self.mask == FLOOR).mean())

    @property
    def floorless(self) -> bool:
        """No floor, and too little unlabelled for one to hide there."""
        return not (self.mask == FLOOR).any() and float((self.mask == UNSURE).mean()) < 0.15


def data_root() -> Path:
    """The folder with ``segmentation/`` and ``seed/``."""
    default = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    return Path(os.environ.get("FLOORLENS_DATA", default))


def nyu_split(root: Path, split: str) -> list[str]:
    """Stems of one part of the NYUv2 block split, in file order."""
    with (root / "segmentation" / "nyuv2" / "split.csv").open() as lines:
        return [row["stem"] for row in DictReader(lines) if row["split"] == split]


def stems_of(root: Path, source: str) -> list[str]:
    """All stems of a source, sorted."""
    return sorted(path.stem for path in (root / "segmentation" / source / "images").glob("*.jpg"))


def train_and_dev(root: Path, source: str) -> tuple[list[str], list[str]]:
    """Stems to train on and stems held out, split along scenes rather than at random."""
    if source in TEST_SOURCES:
        raise ValueError(f"{source} is a test source and must not be trained on")
    stems = nyu_split(root, "train") if source == "nyuv2" else stems_of(root, source)
    if source == "nyuv2":
        dev = stems[-DEV_NYU_TAIL:]
    elif source == "ade20k_val_pseudo":
        dev = stems[::DEV_ADE_EVERY]
    elif source == "anurag_robot":
        dev = [stem for stem in stems if any(clip in stem for clip in DEV_CLIPS)]
    elif source == "anurag_hypersim":
        dev = stems[-DEV_HYPERSIM_TAIL:]
    else:
        dev = []  # a handful of pictures: all are needed for training
    held = set(dev)
    return [stem for stem in stems if stem not in held], dev


def load_samples(
    root: Path, source: str, stems: Iterable[str], side: int | None = CACHED_SIDE
) -> list[Sample]:
    """Decode samples; ``side`` bounds the longer side (None keeps the file's size)."""
    folder = root / "segmentation" / source
    loaded = []
    for stem in stems:
        image = read_rgb(folder / "images" / f"{stem}.jpg")
        mask = cv2.imread(str(folder / "masks" / f"{stem}.png"), cv2.IMREAD_GRAYSCALE)
        if mask is None or mask.shape != image.shape[:2]:
            raise ValueError(f"{source}/{stem}: no mask, or one of another size")
        if side is not None and max(mask.shape) > side:
            scale = side / max(mask.shape)
            size = (round(mask.shape[1] * scale), round(mask.shape[0] * scale))
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
            mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
        loaded.append(Sample(source, stem, image, np.asarray(mask, np.uint8)))
    return loaded


def load_rendered(folder: Path) -> tuple[list[Sample], list[Sample]]:
    """Rendered rooms to train on, and those held out."""
    train: list[Sample] = []
    dev: list[Sample] = []
    for path in sorted((folder / "images").glob("*.jpg")):
        mask = cv2.imread(str(folder / "masks" / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE)
        if mask is None:
            continue  # being rendered
        sample = Sample(RENDERED, path.stem, read_rgb(path), np.asarray(mask, np.uint8))
        # By its number, not its place: which are held out must not depend on how many there are.
        (dev if int(path.stem) % DEV_RENDERED_EVERY == 0 else train).append(sample)
    return train, dev


def load_seed(root: Path) -> list[Sample]:
    """The five seed photos with their hand-drawn masks, at the photo's size; evaluation only."""
    samples = []
    for path in sorted((root / "seed" / "queries").glob("*.jpg")):
        image = read_rgb(path)
        mask = cv2.imread(
            str(root / "seed" / "floor_masks" / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE
        )
        if mask is None:
            raise ValueError(f"seed/{path.stem}: no mask")
        if mask.shape != image.shape[:2]:
            mask = cv2.resize(mask, image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        samples.append(Sample("seed", path.stem, image, np.asarray(mask, np.uint8)))
    return samples


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Decode a picture to uint8 RGB [H, W, 3]."""
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError(f"cannot read {path}")
    return np.asarray(bgr[:, :, ::-1], np.uint8).copy()
