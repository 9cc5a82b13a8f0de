"""Products as a program has them: dicts, a DataFrame, `Product`s, with pictures of any kind.

Pictures that have no file are kept as files (`PictureFolder`), since a catalogue names its pictures
by their paths. A text that names a picture is looked for like one of a list, because it may come
from elsewhere; a `Path`, and what a `Product` names, was chosen by the program itself.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TextIO

import numpy as np
from PIL import Image, ImageOps

from floorlens.errors import ImageError, ProductSourceError, UsageError
from floorlens.images.loading import DAMAGED, MAX_MEGAPIXELS, load_photo, read_stream
from floorlens.products.columns import field_title
from floorlens.products.downloads import keep_file
from floorlens.products.places import follow
from floorlens.products.product import Product
from floorlens.products.records import table_of
from floorlens.products.tables import Table

# What PNG can hold; other pictures become sRGB.
_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
_TRANSPARENT_MODES = ("PA", "RGBa")


class Frame(Protocol):
    """A pandas DataFrame, as far as it is used here."""

    def to_dict(self, *arguments: Any, **options: Any) -> Any:
        """Returns its rows as dicts."""

    def notna(self, *arguments: Any, **options: Any) -> Any:
        """Returns where it has values."""


Rows = Mapping[str, Any] | Product | Iterable[Mapping[str, Any] | Product] | Frame
"""One row or several: what a list would say of a product, by column."""
ProductSource = str | Path | BinaryIO | TextIO | Rows
"""Where products come from: a folder or a list, an open list, or rows."""


class PictureFolder:
    """Keeps pictures that have no file, named by a hash of what they are."""

    def __init__(self, folder: Path | None, *, max_megapixels: float = MAX_MEGAPIXELS) -> None:
        """Names the folder, which is made when it is needed; None keeps nothing.

        Pixels of more than `max_megapixels` are refused; what files show is not looked at here.
        """
        self._folder = folder
        self._max_megapixels = max_megapixels
        self._paths: set[str] = set()

    @property
    def paths(self) -> frozenset[str]:
        """The whole paths of the pictures that were kept or allowed."""
        return frozenset(self._paths)

    def allow(self, path: Path) -> str:
        """Returns the whole path of a picture that a program names itself."""
        whole = str(follow(path))
        self._paths.add(whole)
        return whole

    def keep(self, picture: Any) -> str:
        """Returns the path of the file that a picture became.

        Args:
            picture: the bytes of a file, an open file, a PIL image or a uint8 (h, w, 3) RGB array.
                A file's bytes are kept as they are, pixels as PNG.

        Raises:
            ImageError: it is none, or cannot be written.
            ProductSourceError: the catalogue has no folder.
        """
        if self._folder is None:
            raise ProductSourceError(
                "this catalogue lies on a server and keeps no pictures: save the picture to a file "
                "that stays, and give its path"
            )
        if hasattr(picture, "read"):
            picture = read_stream(picture)
        if isinstance(picture, bytes | bytearray | memoryview):
            path = keep_file(self._folder, bytes(picture))
        else:
            image = _image_of(picture, self._max_megapixels)
            pixels = hashlib.sha256(f"{image.mode} {image.size} ".encode() + image.tobytes())
            # The same pixels keep the bytes that they had first: other versions of Pillow pack them
            # in other ways, and the product would seem to have changed.
            path = keep_file(self._folder, _png(image), name=f"{pixels.hexdigest()}.png")
        return self.allow(path)


def read_rows(source: Rows, pictures: PictureFolder) -> Table:
    """Returns the table of rows: what cannot be used of one is its fault.

    Args:
        source: a dict, a `Product`, an iterable of them, or a DataFrame.
        pictures: where those that have no file are kept.

    Raises:
        UsageError: it is nothing of the kind.

    Example:
        >>> table = read_rows([{"id": "oak", "image": Path("oak.jpg")}], PictureFolder(None))
        >>> table.header, table.rows[0].place
        (('id', 'image'), 'row 1')
    """
    return table_of(_entries(source, pictures))


def _entries(
    source: Rows, pictures: PictureFolder
) -> Iterator[tuple[str, dict[str, Any], str | None]]:
    """Yields the place of each row, what it says, and why it cannot be used."""
    for number, row in enumerate(_rows(source), 1):
        if isinstance(row, Product):
            fields = {field_title(name): value for name, value in row.metadata.items()}
            images = [Path(image) for image in row.images]
            row = {"id": row.id, "name": row.name, "image": images, **fields}
        if not isinstance(row, Mapping):
            raise UsageError(
                f"row {number} is {type(row).__name__!r}: a row is a dict with the fields of one "
                "product, or a Product"
            )
        entry: dict[str, Any] = {}
        fault = None
        for key, value in row.items():
            try:
                entry[str(key)] = _plain(value, pictures)
            except (ImageError, ProductSourceError) as error:
                fault = f"{str(key)!r}: {error}"
                # A column where no row has a sound value is not a column that is missing.
                entry[str(key)] = _emptied(value)
        yield f"row {number}", entry, fault


def _rows(source: Any) -> Iterable[Any]:
    if isinstance(source, Product | Mapping):
        return [source]
    if hasattr(source, "to_dict") and hasattr(source, "notna"):
        # What an index names is a column that was set apart, unless it was also left in its place.
        names = list(source.index.names)
        levels = [
            level
            for level, name in enumerate(names)
            if name is not None and name not in source.columns and name not in names[:level]
        ]
        frame = source.reset_index(level=levels) if levels else source
        rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
        return list(rows)
    if isinstance(source, Iterable):
        return source
    raise UsageError(
        f"products cannot be read from {type(source).__name__}: give a folder, a list, an open "
        "file, rows (dicts or Products) or a DataFrame"
    )


def _plain(value: Any, pictures: PictureFolder) -> Any:
    """Returns a value as JSON could hold it; a picture as the path of its file, in a list."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return None if value != value else value
    if isinstance(value, Path):
        return [pictures.allow(value)]
    if _is_picture(value):
        return [pictures.keep(value)]
    if isinstance(value, Mapping):
        return {str(key): _plain(item, pictures) for key, item in value.items()}
    if isinstance(value, Iterable):
        items = [_plain(item, pictures) for item in value]
        # A picture is a list of one path: several are one list.
        return [part for item in items for part in (item if isinstance(item, list) else [item])]
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date):
        return value.isoformat()
    raise ProductSourceError(
        f"a {type(value).__name__} is neither a text, a number, true or false, nor a list of "
        "texts, nor a picture"
    )


def _emptied(value: Any) -> Any:
    """Returns None, or for a value with fields of its own these without values."""
    if isinstance(value, Mapping):
        return {str(key): _emptied(item) for key, item in value.items()}
    return None


def _is_picture(value: Any) -> bool:
    return (
        isinstance(value, Image.Image | bytes | bytearray | memoryview)
        or (isinstance(value, np.ndarray) and value.ndim > 1)
        or hasattr(value, "read")
    )


def _image_of(picture: Any, max_megapixels: float) -> Image.Image:
    """Returns pixels as a PIL image, upright.

    Raises:
        ImageError: they are not usable.
    """
    # It says what is wrong with them, if anything is.
    load_photo(picture, max_megapixels=max_megapixels)
    if isinstance(picture, np.ndarray):
        return Image.fromarray(np.ascontiguousarray(picture))
    try:
        upright: Image.Image = ImageOps.exif_transpose(picture)
    except DAMAGED:
        # As in `load_photo`, broken notes about a picture are no reason to refuse it.
        upright = picture
    if upright.mode in _TRANSPARENT_MODES:
        return upright.convert("RGBA")
    if upright.mode in _MODES:
        return upright
    # Pillow would cut wide greys off at 255, and keep a profile of colours that are gone.
    photo = load_photo(upright, working_side=max(upright.size), max_megapixels=max_megapixels)
    return Image.fromarray(photo.pixels)


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", icc_profile=image.info.get("icc_profile"))
    return file.getvalue()
