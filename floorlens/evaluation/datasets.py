"""Evaluation folders: what they must hold, read and checked. Nothing is ever written into them."""

from __future__ import annotations

import csv
import hashlib
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.errors import DatasetError, FloorlensError, ImageError
from floorlens.images.colour import mean_lab
from floorlens.images.loading import DAMAGED, SUFFIXES, load_photo, read_bytes

FLOOR, IGNORED = 255, 128
FULL_SIZE = 1_000_000
"""A working side beyond every picture: `load_photo` then keeps the picture's own size."""


@dataclass(frozen=True)
class Failure:
    """A file that could not be used.

    Attributes:
        file: its path inside the evaluation folder.
        reason: why, in words.
    """

    file: str
    reason: str

    def as_dict(self) -> dict[str, str]:
        """Returns it as plain JSON values."""
        return {"file": self.file, "reason": self.reason}


def failures(reasons: Mapping[str, str]) -> tuple[Failure, ...]:
    """Returns file -> reason as failures, sorted by file."""
    return tuple(Failure(file, reasons[file]) for file in sorted(reasons))


@dataclass(frozen=True)
class ProductFolder:
    """The catalogue of a task: every file in products/, its stem the product's id.

    Attributes:
        folder: where the pictures lie.
        files: their names, sorted.
        group_of: product id -> its group; byte-identical pictures share one and count as one
            product.
    """

    folder: Path
    files: tuple[str, ...]
    group_of: Mapping[str, int]

    @property
    def count(self) -> int:
        """How many distinct products there are."""
        return len(set(self.group_of.values()))

    @cached_property
    def representative(self) -> Mapping[int, str]:
        """The first file of each group."""
        first: dict[int, str] = {}
        for name in self.files:
            first.setdefault(self.group_of[Path(name).stem], name)
        return first

    @cached_property
    def file_of(self) -> Mapping[str, str]:
        """Product id -> file name."""
        return {Path(name).stem: name for name in self.files}

    def group_of_file(self, name: str) -> int | None:
        """Returns the group of a file, None where there is no such file."""
        return self.group_of.get(Path(name).stem) if name in self._names else None

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self.files)


@dataclass(frozen=True)
class Pair:
    """A room and the product that lies in it, by file name."""

    room: str
    product: str
    source: str


@dataclass(frozen=True)
class PairsDataset:
    """rooms/, products/ and pairs.csv (room, product, source); one query for each row."""

    rooms: Path
    products: ProductFolder
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class RankingDataset:
    """queries/, products/ and judgments.csv (query, product, grade).

    Attributes:
        queries: the folder of the photos.
        products: the catalogue.
        grades: query file -> product file -> grade; what is not named has grade 0.
    """

    queries: Path
    products: ProductFolder
    grades: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class MaskPair:
    """A photo and its true mask, either None where the other has no counterpart."""

    stem: str
    image: Path | None
    mask: Path | None


@dataclass(frozen=True)
class TrueMask:
    """A true mask.

    Attributes:
        floor: bool (h, w), True on floor.
        ignored: bool (h, w), True where nothing is known.
    """

    floor: NDArray[np.bool_]
    ignored: NDArray[np.bool_]


def read_pairs(directory: Path) -> PairsDataset:
    """Returns the pairs in a folder.

    Raises:
        DatasetError: a folder, file or column is missing, a name leaves its folder, or there is
            no row.
    """
    rows = _rows(directory / "pairs.csv", ("room", "product", "source"))
    pairs = tuple(
        Pair(_plain(row["room"], "room"), _plain(row["product"], "product"), row["source"])
        for row in rows
    )
    return PairsDataset(_folder(directory / "rooms"), read_products(directory / "products"), pairs)


def read_ranking(directory: Path) -> RankingDataset:
    """Returns the judged queries in a folder.

    Raises:
        DatasetError: as for `read_pairs`, or a grade is not a whole number from 0 to 30, or one
            product is judged twice for a query with different grades.
    """
    grades: dict[str, dict[str, int]] = defaultdict(dict)
    for row in _rows(directory / "judgments.csv", ("query", "product", "grade")):
        query, product = _plain(row["query"], "query"), _plain(row["product"], "product")
        grade = _grade(row["grade"], query, product)
        if grades[query].setdefault(product, grade) != grade:
            raise DatasetError(f"judgments.csv: {product} is judged twice for {query}")
    return RankingDataset(
        _folder(directory / "queries"), read_products(directory / "products"), dict(grades)
    )


def read_masks(
    directory: Path, *, images: str = "images", masks: str = "masks", split: str | None = None
) -> tuple[MaskPair, ...]:
    """Returns photos and true masks of equal stem, sorted by stem.

    Args:
        directory: the evaluation folder.
        images, masks: the names of its two folders.
        split: only the stems that split.csv (stem, split) puts there; all if None.

    Raises:
        DatasetError: a folder, file, column or split is missing, two files share a stem, a name
            leaves the folder, or no photo has a mask.
    """
    folders = [_folder(directory / _plain(name, "folder")) for name in (images, masks)]
    photos, truths = (_by_stem(folder) for folder in folders)
    stems = photos.keys() | truths.keys()
    if split is not None:
        stems = _stems_of(directory / "split.csv", split)
    pairs = tuple(MaskPair(stem, photos.get(stem), truths.get(stem)) for stem in sorted(stems))
    if not any(pair.image and pair.mask for pair in pairs):
        raise DatasetError(f"{directory}: no photo in {images}/ has a mask of its stem in {masks}/")
    return pairs


def read_floorless(folder: Path) -> tuple[Path, ...]:
    """Returns the pictures in a folder or below, sorted, but hidden ones.

    Raises:
        DatasetError: the folder is missing or holds no picture.
    """
    found = tuple(_pictures(_folder(folder)))
    if not found:
        raise DatasetError(f"{folder}: holds no pictures")
    return found


def read_true_mask(path: Path) -> TrueMask:
    """Returns a true mask: 255 is floor, 128 ignored, 0 neither.

    Raises:
        DatasetError: it holds another value, which would mean another coding.
        ImageError: it cannot be read.
    """
    try:
        with Image.open(path) as image:
            values = np.asarray(image.convert("L"))
    except (*DAMAGED, Image.DecompressionBombError) as error:
        raise ImageError(f"{path.name}: is not a mask that can be read") from error
    floor, ignored = values == FLOOR, values == IGNORED
    if not np.all(floor | ignored | (values == 0)):
        raise DatasetError(f"{path.name}: a mask may hold only 255 (floor), 128 (ignore) and 0")
    return TrueMask(floor, ignored)


def read_products(folder: Path) -> ProductFolder:
    """Returns the products of a folder: all pictures in it or below, but hidden ones.

    Raises:
        DatasetError: the folder is missing or empty, or two files share a stem, that is, an id.
    """
    found = _by_stem(_folder(folder)).values()
    files = tuple(path.relative_to(folder).as_posix() for path in found)
    if not files:
        raise DatasetError(f"{folder}: holds no product pictures")
    contents: dict[str, int] = {}
    group_of: dict[str, int] = {}
    for name in files:
        try:
            digest = hashlib.sha256(read_bytes(folder / name)).hexdigest()
        except ImageError:
            digest = f"unreadable {name}"
        group_of[Path(name).stem] = contents.setdefault(digest, len(contents))
    return ProductFolder(folder, files, group_of)


def read_full_size(path: Path) -> NDArray[np.uint8]:
    """Returns a picture at its own size, however large: uint8 (h, w, 3), sRGB, upright.

    Whether it is too large was for the pipeline to say, whose limit may have been raised.

    Raises:
        ImageError: as for `floorlens.images.loading.load_photo`.
    """
    return load_photo(path, working_side=FULL_SIZE, max_megapixels=math.inf).pixels


def mean_colours(products: ProductFolder) -> NDArray[np.float64]:
    """Returns each distinct product's mean CIELAB over its whole picture at its own size.

    Float64 (products.count, 3), rows by group; NaN where the picture cannot be read.
    """
    colours = np.full((products.count, 3), np.nan)
    for group, name in products.representative.items():
        try:
            colours[group] = mean_lab(read_full_size(products.folder / name))
        except FloorlensError:
            # Its import fails as well, and is reported there.
            continue
    return colours


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise DatasetError(f"{path}: no such folder; an evaluation folder needs it")
    return path


def _by_stem(folder: Path) -> dict[str, Path]:
    """Returns stem -> picture in the folder or below, sorted; hidden files are left out."""
    found: dict[str, Path] = {}
    for path in _pictures(folder):
        if found.setdefault(path.stem, path) is not path:
            raise DatasetError(f"{folder}: {found[path.stem].name} and {path.name} share a stem")
    return found


def _pictures(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.suffix.lower() in SUFFIXES and not path.is_dir():
            yield path


def _rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Returns a CSV file's rows; those wholly empty are left out."""
    try:
        # utf-8-sig: spreadsheets write a byte order mark, which would hide the first column.
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise DatasetError(f"{path}: lacks the column {', '.join(missing)}")
            rows = [{name: (row[name] or "").strip() for name in columns} for row in reader]
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path}: is not a CSV file in UTF-8") from error
    rows = [row for row in rows if any(row.values())]
    if not rows:
        raise DatasetError(f"{path}: holds no rows")
    return rows


def _plain(name: str, what: str) -> str:
    """Returns a name that stays inside its folder."""
    parts = {*PurePosixPath(name).parts, *PureWindowsPath(name).parts}
    absolute = PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive
    if not name or absolute or ".." in parts or "\0" in name:
        raise DatasetError(f"{what} {name!r}: must be a file name inside the evaluation folder")
    return name


def _grade(text: str, query: str, product: str) -> int:
    # Above 30, 2^grade would leave no room for the other gains in a sum of floats.
    if text.isascii() and text.isdigit() and int(text) <= 30:
        return int(text)
    raise DatasetError(f"judgments.csv: {query}, {product}: grade {text!r} is not one of 0 to 30")


def _stems_of(path: Path, split: str) -> set[str]:
    rows = _rows(path, ("stem", "split"))
    stems = {_plain(row["stem"], "stem") for row in rows if row["split"] == split}
    if not stems:
        known = ", ".join(sorted({row["split"] for row in rows}))
        raise DatasetError(f"{path}: no split {split!r}; it has {known}")
    return stems
