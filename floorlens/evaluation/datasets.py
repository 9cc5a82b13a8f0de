"""Evaluation folders: reads and checks what they hold. Nothing is ever written into them."""

from __future__ import annotations

import csv
import hashlib
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from floorlens.errors import DatasetError, FloorlensError, ImageError
from floorlens.images.colour import mean_lab
from floorlens.images.formats import PILLOW_FORMATS, SUFFIXES
from floorlens.images.loading import DAMAGED, load_photo, read_bytes

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


@dataclass(frozen=True)
class Measured:
    """Which data a report is of.

    Attributes:
        command: the evaluation: "pairs", "ranking", "masks" or "simulated".
        folder: the evaluation folder, absolute; pages with pictures look there.
        products: `ProductFolder.digest`; "" where no products were ranked.
    """

    command: str
    folder: Path
    products: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Returns it as plain JSON values, the keys of a report."""
        data = {"folder": str(self.folder.resolve()), "products": self.products}
        return {"command": self.command, "data": data}


def failures(reasons: Mapping[str, str]) -> tuple[Failure, ...]:
    """Returns file -> reason as failures, sorted by file.

    Example:
        >>> from floorlens.evaluation.datasets import failures
        >>> failures({"rooms/a.jpg": "the image is damaged"})
        (Failure(file='rooms/a.jpg', reason='the image is damaged'),)
    """
    return tuple(Failure(file, reasons[file]) for file in sorted(reasons))


@dataclass(frozen=True)
class ProductFolder:
    """The products of an evaluation: every picture in products/, its stem the product's id.

    Attributes:
        folder: where the pictures lie.
        files: their names, sorted.
        group_of: product id -> its group. Byte-identical pictures have the same group and count as
            one product.
        digest: of all names and contents; equal for equal folders, wherever they lie.
    """

    folder: Path
    files: tuple[str, ...]
    group_of: Mapping[str, int]
    digest: str = ""

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

    def are_one(self, product: str, other: str) -> bool:
        """Returns whether two ids are one product: their pictures are byte-identical."""
        group = self.group_of.get(product)
        return group is not None and group == self.group_of.get(other)

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self.files)


@dataclass(frozen=True)
class Pair:
    """A room and the product that lies in it, by file name; `material` is "" if not told."""

    room: str
    product: str
    source: str
    material: str = ""


@dataclass(frozen=True)
class PairsDataset:
    """rooms/, products/ and pairs.csv (room, product, source, and perhaps material or kind); one
    query for each row.
    """

    rooms: Path
    products: ProductFolder
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class RankingDataset:
    """queries/, products/ and judgments.csv (query, product, grade).

    Attributes:
        queries: the folder of the photos.
        products: the catalogue.
        grades: query file -> product file -> grade; a product without an entry has grade 0.
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
    """Returns the pairs of rooms and products in a folder.

    Raises:
        DatasetError: a folder, file or column is missing, a name leaves its folder, or there is
            no row.

    Example:
        >>> from floorlens.demo.samples import samples
        >>> from floorlens.evaluation.datasets import read_pairs
        >>> read_pairs(samples()).pairs[0].product
        'oak-natural-plank.jpg'
    """
    columns = ("room", "product", "source")
    rows = read_rows(directory / "pairs.csv", columns, optional=("material", "kind"))
    pairs = []
    for row in rows:
        room, product = inner_path(row["room"], "room"), inner_path(row["product"], "product")
        pairs.append(Pair(room, product, row["source"], row["material"] or row["kind"]))
    rooms = _require_folder(directory / "rooms")
    return PairsDataset(rooms, read_products(directory / "products"), tuple(pairs))


def read_ranking(directory: Path) -> RankingDataset:
    r"""Returns the judged queries in a folder.

    Raises:
        DatasetError: as for `read_pairs`, or a grade is not a whole number from 0 to 30, or one
            product is judged twice for a query with different grades.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.evaluation.datasets import read_ranking
        >>> Path("queries").mkdir()
        >>> rows = ["query,product,grade", "room.jpg,oak-natural-plank.jpg,3"]
        >>> _ = Path("judgments.csv").write_text("\n".join(rows))
        >>> read_ranking(Path()).grades
        {'room.jpg': {'oak-natural-plank.jpg': 3}}
    """
    grades: dict[str, dict[str, int]] = defaultdict(dict)
    for row in read_rows(directory / "judgments.csv", ("query", "product", "grade")):
        query, product = inner_path(row["query"], "query"), inner_path(row["product"], "product")
        grade = _parse_grade(row["grade"], query, product)
        if grades[query].setdefault(product, grade) != grade:
            raise DatasetError(f"judgments.csv: {product} is judged twice for {query}")
    queries = _require_folder(directory / "queries")
    return RankingDataset(queries, read_products(directory / "products"), dict(grades))


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

    Example:
        >>> from floorlens.demo.samples import samples
        >>> from floorlens.evaluation.datasets import read_masks
        >>> read_masks(samples(), images="rooms")[0].stem
        'bath-terrazzo'
    """
    folders = [_require_folder(directory / inner_path(name, "folder")) for name in (images, masks)]
    photos, truths = (_pictures_by_stem(folder) for folder in folders)
    stems = photos.keys() | truths.keys()
    if split is not None:
        stems = _read_split(directory / "split.csv", split)
    pairs = tuple(MaskPair(stem, photos.get(stem), truths.get(stem)) for stem in sorted(stems))
    if not any(pair.image and pair.mask for pair in pairs):
        raise DatasetError(f"{directory}: no photo in {images}/ has a mask of its stem in {masks}/")
    return pairs


def read_floorless(folder: Path) -> tuple[Path, ...]:
    """Returns the pictures in a folder or below, sorted, without hidden ones.

    Raises:
        DatasetError: the folder is missing or holds no picture.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.evaluation.datasets import read_floorless
        >>> read_floorless(Path("products"))[0].name
        'oak-natural-plank.jpg'
    """
    pictures = tuple(_pictures(_require_folder(folder)))
    if not pictures:
        raise DatasetError(f"{folder}: holds no pictures")
    return pictures


def read_true_mask(path: Path) -> TrueMask:
    """Returns a true mask: 255 is floor, 128 ignored, 0 neither.

    Raises:
        DatasetError: it holds another value, so it follows another convention.
        ImageError: it cannot be read.

    Example:
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from floorlens.evaluation.datasets import read_true_mask
        >>> Image.fromarray(np.array([[255, 128, 0]], np.uint8)).save("mask.png")
        >>> read_true_mask(Path("mask.png")).floor
        array([[ True, False, False]])
    """
    try:
        with Image.open(path, formats=PILLOW_FORMATS) as image:
            values = np.asarray(image.convert("L"))
    except (*DAMAGED, Image.DecompressionBombError) as error:
        raise ImageError(f"{path.name}: is not a mask that can be read") from error
    floor, ignored = values == FLOOR, values == IGNORED
    if not np.all(floor | ignored | (values == 0)):
        raise DatasetError(f"{path.name}: a mask may hold only 255 (floor), 128 (ignore) and 0")
    return TrueMask(floor, ignored)


def read_products(folder: Path) -> ProductFolder:
    """Returns the products of a folder: all pictures in it or below, without hidden ones.

    Raises:
        DatasetError: the folder is missing or empty, or two files share a stem, that is, an id.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.evaluation.datasets import read_products
        >>> read_products(Path("products")).count
        3
    """
    pictures = _pictures_by_stem(_require_folder(folder)).values()
    files = tuple(path.relative_to(folder).as_posix() for path in pictures)
    if not files:
        raise DatasetError(f"{folder}: holds no product pictures")
    contents: dict[str, int] = {}
    group_of: dict[str, int] = {}
    whole = hashlib.sha256()
    for name in files:
        digest = file_digest(folder / name) or f"unreadable {name}"
        group_of[Path(name).stem] = contents.setdefault(digest, len(contents))
        whole.update(f"{name}\0{digest}\n".encode())
    return ProductFolder(folder, files, group_of, whole.hexdigest()[:16])


def file_digest(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes in hex; "" where it cannot be read.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.evaluation.datasets import file_digest
        >>> len(file_digest(Path("room.jpg"))), file_digest(Path("gone.jpg"))
        (64, '')
    """
    try:
        return hashlib.sha256(read_bytes(path)).hexdigest()
    except ImageError:
        return ""


def read_full_size(path: Path) -> NDArray[np.uint8]:
    """Returns a picture at its own size, however large: uint8 (h, w, 3), sRGB, upright.

    There is no limit on megapixels: the pipeline has its own, which a user may raise.

    Raises:
        ImageError: as for `floorlens.images.loading.load_photo`.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.evaluation.datasets import read_full_size
        >>> read_full_size(Path("products/oak-natural-plank.jpg")).shape
        (800, 800, 3)
    """
    return load_photo(path, working_side=FULL_SIZE, max_megapixels=math.inf).pixels


def mean_colours(products: ProductFolder) -> NDArray[np.float64]:
    """Returns each distinct product's mean CIELAB colour over its whole picture.

    Float64 (products.count, 3), one row a group; NaN where the picture cannot be read.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.evaluation.datasets import mean_colours, read_products
        >>> mean_colours(read_products(Path("products"))).shape
        (3, 3)
    """
    colours = np.full((products.count, 3), np.nan)
    for group, name in products.representative.items():
        try:
            colours[group] = mean_lab(read_full_size(products.folder / name))
        except FloorlensError:
            # The import of this product fails as well, and that is reported.
            continue
    return colours


def read_rows(
    path: Path, columns: Sequence[str], optional: Sequence[str] = ()
) -> list[dict[str, str]]:
    r"""Returns a CSV file's rows; empty ones are left out, optional columns may be missing.

    A column that is missing, or that a row is too short for, is "".

    Raises:
        DatasetError: the file cannot be read, lacks a column or holds no rows.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.evaluation.datasets import read_rows
        >>> _ = Path("list.csv").write_text("file,tone\noak.jpg,light\n")
        >>> read_rows(Path("list.csv"), ["file"], optional=["tone", "gloss"])
        [{'file': 'oak.jpg', 'tone': 'light', 'gloss': ''}]
    """
    try:
        # utf-8-sig: spreadsheets write a byte order mark, which would hide the first column.
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise DatasetError(f"{path}: lacks the column {', '.join(missing)}")
            names = (*columns, *optional)
            rows = [{name: (row.get(name) or "").strip() for name in names} for row in reader]
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path}: is not a CSV file in UTF-8: save it as one") from error
    rows = [row for row in rows if any(row.values())]
    if not rows:
        raise DatasetError(f"{path}: holds no rows")
    return rows


def inner_path(name: str, what: str) -> str:
    """Returns a file's name, checked to stay inside the evaluation folder.

    Args:
        name: as it was written.
        what: what it names, for the error.

    Raises:
        DatasetError: it is empty, absolute, or leads out of the folder.

    Example:
        >>> from floorlens.evaluation.datasets import inner_path
        >>> inner_path("rooms/a.jpg", "room")
        'rooms/a.jpg'
    """
    parts = {*PurePosixPath(name).parts, *PureWindowsPath(name).parts}
    absolute = PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive
    if not name or absolute or ".." in parts or "\0" in name:
        raise DatasetError(f"{what} {name!r}: must be a file name inside the evaluation folder")
    return name


def _require_folder(path: Path) -> Path:
    if not path.is_dir():
        raise DatasetError(f"{path}: no such folder; the evaluation needs it (docs/evaluation.md)")
    return path


def _pictures_by_stem(folder: Path) -> dict[str, Path]:
    """Returns stem -> picture in the folder or below, sorted; hidden files are left out."""
    pictures: dict[str, Path] = {}
    for path in _pictures(folder):
        other = pictures.setdefault(path.stem, path)
        if other is not path:
            raise DatasetError(
                f"{folder}: {other.name} and {path.name} share a stem, their id: rename one"
            )
    return pictures


def _pictures(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.suffix.lower() in SUFFIXES and not path.is_dir():
            yield path


def _parse_grade(text: str, query: str, product: str) -> int:
    # Above 30, 2^grade is so large that the other gains vanish in a sum of floats.
    if text.isascii() and text.isdigit() and int(text) <= 30:
        return int(text)
    raise DatasetError(f"judgments.csv: {query}, {product}: grade {text!r} is not one of 0 to 30")


def _read_split(path: Path, split: str) -> set[str]:
    rows = read_rows(path, ("stem", "split"))
    stems = {inner_path(row["stem"], "stem") for row in rows if row["split"] == split}
    if not stems:
        splits = ", ".join(sorted({row["split"] for row in rows}))
        raise DatasetError(f"{path}: no split {split!r}; it has {splits}")
    return stems
