"""The products of a folder of pictures: a file a product, or a sub-folder a product.

Which of the two a sub-folder is, its files' names say. `wood/oak.jpg` and `wood/walnut.jpg` name
two products. `oak/1.jpg` and `oak/detail.jpg` name none: there the folder's name does, and the
files are its pictures.
"""

from __future__ import annotations

import filecmp
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Literal

from floorlens.errors import ImageError, MissingDependency, ProductSourceError
from floorlens.images.decoding import decode_photo
from floorlens.images.formats import SUFFIXES, media_type
from floorlens.products.ids import check_id
from floorlens.products.places import follow, storable
from floorlens.products.product import MAX_IMAGES, Product, ProductList, Refusal
from floorlens.products.texts import tidy

Layout = Literal["auto", "files", "folders"]
"""Whether each file is a product, or each sub-folder; auto: see `read_folder`."""

# These begin with more than the two letters that a text may begin with too, and no raw photo does.
_CERTAIN = ("image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/heic")
_UNFINISHED = (".bak", ".crdownload", ".old", ".orig", ".part", ".thm", ".tmp")
# Words that say which picture of a product this is, not of which product.
_VIEWS = frozenset(
    (
        *("above", "ambiente", "angle", "ansicht", "back", "bild", "bilder", "closeup", "copy"),
        *("detail", "details", "foto", "fotos", "front", "galerie", "gallery", "hero", "image"),
        *("images", "img", "interior", "kopie", "main", "milieu", "mood", "nah", "oben", "photo"),
        *("photos", "pic", "pics", "picture", "pictures", "preview", "product", "produkt", "raum"),
        *("room", "scene", "seite", "side", "square", "swatch", "textur", "texture", "top", "view"),
        *("vorne", "vorschau", "zoom"),
    )
)
# "P1001" is an article, "P1010001" of a camera. Telephones write the time.
_CAMERA = re.compile(
    r"(?:(?:img|dsc[nf]?|pxl|mvi|imag|gopr)[-_ ]?\d{3,}|p\d{7}|20\d{6}[-_]\d{6}|whatsapp image ).*",
    re.IGNORECASE,
)
_THUMB = re.compile(r"(?P<base>.+)[-_](?:(?P<size>\d{2,4}x\d{2,4})|thumb|thumbnail)", re.IGNORECASE)
# In so many folders a number of any length, or what could be a camera's, names no product. Words
# do, however many folders have them: "natur" in the folders of oak and of ash are two floors.
_ROLE = 3
_COUNTER = re.compile(r"(?:[a-z]{2,4}[-_ ]?)?\d+", re.IGNORECASE)
_MOST = 2 * MAX_IMAGES


def read_folder(folder: Path, *, layout: Layout = "auto") -> ProductList:
    """Returns the products of a folder: every picture in it and below it.

    A file is a product by its name without its ending; files that differ only in the ending are
    pictures of one product. A sub-folder is a product, with at most 8 pictures in order of name, if
    the names of its files tell no product: a view ("front", "detail"), what a camera calls it
    ("IMG_0412"), the folder's own name with such a word, a counter ("DSC01") that three sub-folders
    have; or numbers, where another sub-folder has one of them too. And only where two sub-folders
    are so, and none of them holds more than 16 pictures.

    Products of one name in several folders have their folders in the id: `oak/natural`.

    Thumbnails (`oak-150x150.jpg` of 150 x 150 pixels beside `oak.jpg`), equal copies, hidden files
    and those that are no pictures are left out; the notes count them.

    Args:
        folder: which one.
        layout: "files" makes a product of every file, "folders" one of every sub-folder.

    Example:
        >>> from pathlib import Path
        >>> [product.id for product in read_folder(Path("products")).products]
        ['oak-natural-plank', 'terrazzo-grigio', 'walnut-herringbone']
    """
    left_out: Counter[str] = Counter()
    files = _pictures(folder, left_out)
    places = {place: list(group) for place, group in groupby(files, lambda path: path.parent)}
    places = {place: _without_thumbs(group, left_out) for place, group in places.items()}
    whole = _product_folders(folder, places, layout)
    folders = set(whole.values())
    groups: dict[Path, list[Path]] = {}
    for place, group in places.items():
        home = whole.get(place)
        for path in group:
            groups.setdefault(home or path.with_suffix(""), []).append(path)
    products: dict[str, list[tuple[Path, str, Product]]] = {}
    refusals = []
    for key, group in groups.items():
        is_folder = key in folders
        name = key.name if is_folder else group[0].stem
        images = _without_copies(sorted(group, key=_order), left_out)
        left_out[f"beyond the {MAX_IMAGES} pictures of a product"] += len(images[MAX_IMAGES:])
        where = _printable(str((key if is_folder else group[0]).relative_to(folder)))
        try:
            product = _product(name, images[:MAX_IMAGES], where)
        except ProductSourceError as error:
            cause = str(error).removeprefix(f"{where}: ")
            refusals.append(Refusal(where, None, cause))
        else:
            products.setdefault(product.id, []).append((key.relative_to(folder), where, product))
    single = [same[0][2] for same in products.values() if len(same) == 1]
    placed: dict[str, list[tuple[str, Product]]] = {}
    for product_id, same in products.items():
        for key, where, product in same if len(same) > 1 else ():
            try:
                product = _with_folders(product, key, where)
            except ProductSourceError as error:
                cause = str(error).removeprefix(f"{where}: ")
                refusals.append(Refusal(where, product_id, cause))
            else:
                placed.setdefault(product.id, []).append((where, product))
    in_folders = []
    for product_id, alike in placed.items():
        if len(alike) == 1:
            in_folders.append(alike[0][1])
            continue
        # Their names differ in nothing but spaces and unseen marks.
        names = ", ".join(where for where, _ in alike[:5])
        cause = f"the id {product_id!r} occurs more than once ({names}): rename them"
        refusals.extend(Refusal(where, product_id, cause) for where, _ in alike)
    single.extend(in_folders)
    return ProductList(
        tuple(sorted(single, key=lambda product: product.id)),
        tuple(sorted(refusals, key=lambda refusal: refusal.place)),
        tuple(_notes(len(folders), in_folders, left_out, layout)),
    )


def _pictures(folder: Path, left_out: Counter[str]) -> list[Path]:
    """Returns the files below a folder that are pictures, in order of path; counts the others."""
    pictures = []
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            continue
        ending = path.suffix.lower()
        if path.exists() and not path.is_file():
            # To read a pipe is to wait for ever.
            left_out["pipes and devices"] += 1
            continue
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            left_out["hidden"] += 1
        elif ending in SUFFIXES or (ending not in _UNFINISHED and _is_picture(path)):
            pictures.append(path)
        else:
            left_out[_printable(ending) or "without an ending"] += 1
    return sorted(pictures, key=lambda path: (path.parent, path))


def _is_picture(path: Path) -> bool:
    """Returns whether a file is a picture by its content."""
    try:
        with path.open("rb") as file:
            return media_type(file.read(64)) in _CERTAIN
    except OSError:
        return False


def _without_thumbs(files: Sequence[Path], left_out: Counter[str]) -> list[Path]:
    stems = {path.stem for path in files}
    pictures = [path for path in files if not _is_thumb(path, stems)]
    left_out["thumbnails"] += len(files) - len(pictures)
    return pictures


def _is_thumb(path: Path, stems: Iterable[str]) -> bool:
    match = _THUMB.fullmatch(path.stem)
    if match is None or match["base"] not in stems:
        return False
    if match["size"] is None:
        return True
    # Tiles are named by their size too, but in centimetres.
    try:
        width, height = decode_photo(path, working_side=64).size
    except (ImageError, MissingDependency):
        return False
    return f"{width}x{height}" == match["size"].lower()


def _without_copies(files: Sequence[Path], left_out: Counter[str]) -> list[Path]:
    """Returns files without those that are equal to an earlier one, byte for byte."""
    different: list[Path] = []
    for path in files:
        if any(_equal(path, other) for other in different):
            left_out["equal to another of the product"] += 1
        else:
            different.append(path)
    return different


def _equal(path: Path, other: Path) -> bool:
    try:
        return filecmp.cmp(path, other, shallow=False)
    except OSError:
        # What cannot be read fails when it is indexed.
        return False


def _product_folders(
    folder: Path, places: Mapping[Path, Sequence[Path]], layout: Layout
) -> dict[Path, Path]:
    """Returns, for each folder that holds pictures of one product, the folder that is it."""
    below = {place: _home(place, folder) for place in places if place != folder}
    if layout != "auto":
        return below if layout == "folders" else {}
    stems: dict[Path, set[str]] = {}
    for place, home in below.items():
        stems.setdefault(home, set()).update(path.stem.casefold() for path in places[place])
    spread = Counter(stem for names in stems.values() for stem in names)
    whole = {home for home, names in stems.items() if _tell_no_product(names, home, spread)}
    # A product may have more pictures than are used, but so many are those of many products.
    if any(len(stems[home]) > _MOST for home in whole):
        return {}
    # Where the only file is called as its folder, its id stays as its letters are.
    own = {home for home, names in stems.items() if names == {home.name.casefold()}}
    whole -= own
    if len(whole | own) < 2:
        return {}
    return {place: home for place, home in below.items() if home in whole}


def _home(place: Path, folder: Path) -> Path:
    """Returns the folder whose product a folder's pictures show: `oak/details` is of `oak`."""
    home = place
    while home.parent != folder and all(word in _VIEWS for word in _words(home.name)):
        home = home.parent
    return home


def _tell_no_product(names: Iterable[str], home: Path, spread: Mapping[str, int]) -> bool:
    names = list(names)
    shared = any(spread[name] > 1 for name in names)
    if len(names) > MAX_IMAGES and not shared:
        return False
    own = set(_words(home.name))
    # Numbers can be those of articles, unless something else shows that the folder is a product.
    numbers = shared or any(
        name == home.name.casefold() or _CAMERA.fullmatch(name) or _VIEWS & set(_words(name))
        for name in names
    )
    return all(
        (spread[name] >= _ROLE and _COUNTER.fullmatch(name))
        or _CAMERA.fullmatch(name)
        or all(
            word in _VIEWS or word in own or (numbers and word.isdecimal() and len(word) <= 2)
            for word in _words(name)
        )
        for name in names
    )


def _words(name: str) -> list[str]:
    """Returns the words and numbers in a name, in lower case."""
    return re.findall(r"[^\W\d_]+|\d+", name.casefold())


def _order(path: Path) -> list[tuple[int, str]]:
    """Orders 2 before 10, and what is as large by name."""
    parts = re.findall(r"\d+|\D+", path.as_posix())
    return [(len(part.lstrip("0")) if part.isdecimal() else 0, part) for part in parts]


def _product(name: str, images: Sequence[Path], where: str) -> Product:
    tidied = tidy(name)
    return Product(
        id=check_id(tidied, where),
        name=tidied,
        # The folder's owner put the link there: it is followed, also out of the folder.
        images=tuple(storable(follow(path), where) for path in images),
    )


def _with_folders(product: Product, key: Path, where: str) -> Product:
    """Returns a product with the folders that it lies in before its id and its name."""
    parts = [tidy(part) for part in (*key.parent.parts, product.name)]
    return replace(product, id=check_id("/".join(parts), where), name=" ".join(parts))


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _notes(
    folders: int, in_folders: Sequence[Product], left_out: Counter[str], layout: Layout
) -> Iterable[str]:
    if folders and layout == "auto":
        yield (
            f"{folders} sub-folders are a product each, with all their pictures, because the names "
            "of their files tell no product; --layout files makes a product of every file"
        )
    if in_folders:
        cure = "" if layout == "folders" else "; if a sub-folder is one product, --layout folders"
        yield (
            f"ids with the folder before the name, because several folders have that name: "
            f"{len(in_folders)} (as {in_folders[-1].id!r}){cure}"
        )
    counts = [(count, kind) for kind, count in left_out.most_common() if count]
    if counts:
        total = sum(count for count, _ in counts)
        kinds = ", ".join(f"{count} {kind}" for count, kind in counts)
        yield f"{total} file{'s' * (total > 1)} left out: {kinds}"
