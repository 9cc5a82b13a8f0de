"""Which column of a list is the id, the pictures, the name: by its name, as shops call them."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from floorlens.errors import UsageError
from floorlens.images.formats import SUFFIXES
from floorlens.products.amounts import JSON_MARK, is_price
from floorlens.products.texts import plain_name, tidy

ROLES = ("id", "image", "name")


def _names(text: str) -> tuple[str, ...]:
    return tuple(plain_name(name) for name in text.split(","))


# Role -> what its column is called, the best name first. Case, spaces, signs and accents do not
# count (`plain_name`). Further languages and systems: add their words here.
SYNONYMS = {
    "id": _names(
        "id, sku, product id, product number, product no, product code, product sku,"
        "article number, article no, article id, article code, item number, item no, item id,"
        "item code, item sku, part number, artikelnummer, artikelnr, art nr, artikel no,"
        "artikel id,"
        "artikelcode, produktnummer, produktnr, produkt id, produktcode, bestellnummer, best nr,"
        "référence, référence produit, reference number, ref, code article, codice,"
        "codice articolo,"
        "código, referencia, artikelnummer hersteller, numer, kod, handle, url handle,"
        "variant sku, code, model number, mpn, nummer, nr, number, ean, gtin, article, item,"
        "artikel, key"
    ),
    "image": _names(
        "image, images, image src, image link, image url, image file, image path, image name,"
        "image filename, image 1, main image, main image url, main image link, base image,"
        "product image, product images, product image url, product image 1, featured image,"
        "cover image, cover, picture, pictures, picture 1, picture url, picture file, photo,"
        "photos,"
        "photo 1, photo url, photo file, img, img 1, img url, img src, bild, bilder, bild 1,"
        "bild url, bilddatei, bildpfad, bildname, bildlink, hauptbild, produktbild,"
        "produktbilder, artikelbild, foto, fotos, foto 1, foto url, abbildung, image principale,"
        "photo principale, imagen, imágenes, imagen 1, immagine, immagini, afbeelding,"
        "afbeeldingen,"
        "zdjęcie, zdjęcia, file, file name, file path, datei, dateiname, path, pfad"
    ),
    "name": _names(
        "name, title, product name, product title, item name, article name, produktname, produkt,"
        "artikelname, artikelbezeichnung, produktbezeichnung, produkttitel, bezeichnung, titel,"
        "benennung, nom, nom du produit, désignation, libellé, titre, nombre, título, nome, titolo,"
        "naam, productnaam, nazwa, label, display name, artikel, article, item, product"
    ),
}
# Columns of further pictures, beside those that are numbered: `Bild 2`, `image_3`.
FURTHER = frozenset(
    _names(
        "additional image link, additional image links, additional images, additional image,"
        "more images, further images, other images, gallery, gallery images, image gallery,"
        "weitere bilder, zusatzbilder, bildergalerie, galerie, autres images"
    )
)
_NUMBERED = re.compile(r"(.*?)0*([2-9]|[1-9][0-9])")


@dataclass(frozen=True)
class ShopFormat:
    """What the export of a shop system looks like.

    Attributes:
        name: of the system.
        needs: the columns by which it is recognised.
        id: the column that is the id.
        image: the column of the pictures.
        title: the column of the name.
        merged: whether further rows of an id bring further pictures and variants of the product.
        variations: the column and the word by which a row says that it is a variation of another
            product; without a picture it is left out.
        parent: the column by which a variation names its product, and the one of the code that it
            names there; it may also be `id:` and the id.
    """

    name: str
    needs: tuple[str, ...]
    id: str
    image: str
    title: str
    merged: bool = False
    variations: tuple[str, str] | None = None
    parent: tuple[str, str] | None = None


SHOP_FORMATS = (
    ShopFormat("Shopify", _names("handle, title, image src"), "handle", "imagesrc", "title", True),
    ShopFormat(
        "Shopify",
        _names("url handle, title, product image url"),
        *("urlhandle", "productimageurl", "title", True),
    ),
    ShopFormat(
        "WooCommerce",
        _names("id, type, sku, name, images"),
        *("id", "images", "name"),
        variations=("type", "variation"),
        parent=("parent", "sku"),
    ),
    # The columns are in the shop's language, what stands in them is not.
    ShopFormat(
        "WooCommerce",
        _names("id, typ, artikelnummer, name, bilder"),
        *("id", "bilder", "name"),
        variations=("typ", "variation"),
        parent=("ubergeordnetesprodukt", "artikelnummer"),
    ),
    ShopFormat("Google Merchant", _names("id, title, image link"), "id", "imagelink", "title"),
)


@dataclass(frozen=True)
class Columns:
    """Which column of a header is what: places in it, counted from 0.

    Attributes:
        id: the id; None if no column is it.
        images: the pictures, the main ones first; empty if no column has them.
        name: the name; None if no column is it.
        shop: the format of the shop system whose export it is, if it is one.
        absent: names that were asked for and are not in the header.
    """

    id: int | None = None
    images: tuple[int, ...] = ()
    name: int | None = None
    shop: ShopFormat | None = None
    absent: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether there is an id and a picture, and all that was asked for."""
        return self.id is not None and bool(self.images) and not self.absent

    @property
    def recognised(self) -> int:
        """How many columns have a role."""
        return (self.id is not None) + len(self.images) + (self.name is not None)

    @property
    def roles(self) -> frozenset[int]:
        """The columns that have a role; all others are metadata."""
        return frozenset(place for place in (self.id, *self.images, self.name) if place is not None)

    def looks_like_row(self, cells: Sequence[Any]) -> bool:
        """Returns whether cells are surely a row: an id, and in their place the name of a picture.

        Example:
            >>> Columns(id=0, images=(1,)).looks_like_row(["oak", "oak.jpg", "Oak"])
            True
        """
        if self.id is None or not self.images or len(cells) <= max(self.id, self.images[0]):
            return False
        picture = str(cells[self.images[0]] or "").strip().strip('"')
        return bool(str(cells[self.id] or "").strip()) and looks_like_picture(picture)


def looks_like_picture(text: str) -> bool:
    """Returns whether a text is the name or address of a picture, judged by its ending.

    Example:
        >>> looks_like_picture("oak.JPG"), looks_like_picture("https://shop.test/oak.png?v=1")
        (True, True)
    """
    name = text.strip().lower()
    if name.startswith(("http://", "https://")):
        name = name.split("?")[0].split("#")[0]
    return "." in name and f".{name.rsplit('.', 1)[1]}" in SUFFIXES


def find_columns(
    header: Sequence[str], wanted: Mapping[str, Sequence[str]] | None = None
) -> Columns:
    """Returns which column of a header is what.

    A column that `wanted` names comes first, then the format of a shop system, then the best of
    the known names.

    Args:
        header: the names of the columns.
        wanted: for a role (`ROLES`) the names of its columns; only pictures have several.

    Example:
        >>> find_columns(["SKU", "Title", "Image Src", "Price"])
        Columns(id=0, images=(2,), name=1, shop=None, absent=())
    """
    wanted = wanted or {}
    exact = [tidy(name) for name in header]
    plain = [plain_name(name) for name in header]
    roles: dict[str, list[int]] = {}
    absent = []
    for role, names in wanted.items():
        for name in names:
            place = _place(name, exact, plain)
            if place is None:
                absent.append(name)
            else:
                roles.setdefault(role, []).append(place)
    ours = {"id", "image"} <= set(exact)
    shop = None
    if not ours and "id" not in wanted:
        shop = next((each for each in SHOP_FORMATS if set(each.needs) <= set(plain)), None)
    taken = {place for places in roles.values() for place in places}
    for role in ROLES:
        if role in roles or role in wanted:
            continue
        names = SYNONYMS[role]
        if shop is not None:
            names = ({"id": shop.id, "image": shop.image, "name": shop.title}[role], *names)
        place = next(
            (
                plain.index(name)
                for name in names
                if name in plain and plain.index(name) not in taken
            ),
            None,
        )
        if place is not None:
            roles[role] = [place]
            taken.add(place)
    images = roles.get("image", [])
    if images and "image" not in wanted:
        # Some give all columns of pictures one name.
        main = plain[images[0]]
        images = [
            *images,
            *(i for i, name in enumerate(plain) if i not in taken and _further(name, main)),
        ]
    return Columns(
        roles.get("id", [None])[0],
        tuple(images),
        roles.get("name", [None])[0],
        shop,
        tuple(absent),
    )


def field_title(field: str) -> str:
    """Returns what to call a column, so that it is metadata although its name is one of pictures.

    Example:
        >>> field_title("price"), field_title("image 2")
        ('price', 'json:"image 2"')
    """
    name = plain_name(field)
    if name in SYNONYMS["image"] or _further(name, "") or field.startswith(JSON_MARK):
        return JSON_MARK + json.dumps(field, ensure_ascii=False)
    return field


def titled_field(title: str) -> str:
    """Returns the metadata field that a column's title means.

    Example:
        >>> titled_field("price"), titled_field('json:"image 2"')
        ('price', 'image 2')
    """
    if title.startswith(JSON_MARK):
        try:
            field = json.loads(title.removeprefix(JSON_MARK))
        except (ValueError, RecursionError):
            # A title that only begins like it.
            return title
        if isinstance(field, str):
            return field
    return title


def parse_columns(columns: Mapping[str, str | Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Returns the columns that a user names for roles, checked.

    Raises:
        UsageError: a role is none of id, image and name, or has no or too many columns.

    Example:
        >>> parse_columns({"id": "SKU", "image": ["Bild 1", "Bild 2"]})
        {'id': ('SKU',), 'image': ('Bild 1', 'Bild 2')}
    """
    parsed = {}
    for role, value in columns.items():
        names = (value,) if isinstance(value, str) else tuple(value)
        if role not in ROLES:
            raise UsageError(f"columns: {role!r} is none of {', '.join(ROLES)}")
        if not names or not all(names) or (role != "image" and len(names) > 1):
            raise UsageError(f"columns: give one name of a column for {role}")
        parsed[role] = names
    return parsed


def missing_columns(header: Sequence[str], columns: Columns, rows: Iterable[Sequence[Any]]) -> str:
    """Returns what a header lacks, what it has, and which column is likely meant.

    Args:
        header: the names of the columns.
        columns: what `find_columns` found there.
        rows: some of the rows: a column whose cells name pictures is likely meant.

    Example:
        >>> header = ["Nummer", "Ansicht"]
        >>> print(missing_columns(header, find_columns(header), [["1", "oak.jpg"]]))
        lacks the column image; its columns are 'Nummer', 'Ansicht'. Name the column with \
--columns image="Ansicht" (likely it is 'Ansicht')
    """
    names = [tidy(name) for name in header if tidy(name)]
    shown = ", ".join(repr(name) for name in names[:30]) + (" …" if len(names) > 30 else "")
    if columns.absent:
        parts = []
        for name in columns.absent:
            near = difflib.get_close_matches(name, names, 1, 0.5)
            parts.append(f"{name!r}" + (f" (did you mean {near[0]!r}?)" if near else ""))
        return f"has no column {', '.join(parts)}; its columns are {shown}"
    if any(looks_like_picture(name) for name in names):
        return f"has no header: its first row is {shown}. Write the names of the columns above it"
    missing = [
        role
        for role, there in (("id", columns.id is not None), ("image", bool(columns.images)))
        if not there
    ]
    sample = list(rows)
    options, guesses = [], []
    for role in missing:
        likely = _likely(role, header, columns, sample)
        options.append(f'{role}="{likely or "…"}"')
        if likely:
            guesses.append(repr(likely))
    many = len(missing) > 1
    return (
        f"lacks the column{'s' * many} {' and '.join(missing)}; its columns are {shown}. Name the "
        f"column{'s' * many} with --columns {','.join(options)}"
        + (f" (likely it is {' and '.join(guesses)})" if guesses else "")
    )


def _place(name: str, exact: Sequence[str], plain: Sequence[str]) -> int | None:
    if tidy(name) in exact:
        return exact.index(tidy(name))
    key = plain_name(name)
    return plain.index(key) if key and key in plain else None


def _further(name: str, main: str) -> bool:
    numbered = _NUMBERED.fullmatch(name)
    return name in (*FURTHER, main) or (numbered is not None and numbered[1] in SYNONYMS["image"])


def _likely(
    role: str, header: Sequence[str], columns: Columns, rows: Sequence[Sequence[Any]]
) -> str | None:
    free = [place for place in range(len(header)) if place not in columns.roles and header[place]]
    if role == "image":
        shares = {
            place: sum(
                looks_like_picture(str(row[place]).split("|")[0])
                for row in rows
                if place < len(row)
            )
            for place in free
        }
        best = max(shares, key=lambda place: shares[place], default=None)
        if best is not None and shares[best]:
            return tidy(header[best])
    by_name = {plain_name(header[place]): place for place in free}
    for name in SYNONYMS[role][:40]:
        near = difflib.get_close_matches(name, list(by_name), 1, 0.75)
        if near:
            return tidy(header[by_name[near[0]]])
    if role == "id":
        for place in free:
            if is_price(header[place]):
                # Prices may all differ too.
                continue
            cells = [str(row[place]).strip() for row in rows if place < len(row) and row[place]]
            short = all(len(cell) <= 40 and not looks_like_picture(cell) for cell in cells)
            if cells and short and len(set(cells)) == len(cells) == len(rows):
                return tidy(header[place])
    return None
