"""The products of a folder of pictures."""

from __future__ import annotations

from pathlib import Path

from floorlens.images.formats import SUFFIXES
from floorlens.products.ids import check_id, refuse_duplicates
from floorlens.products.places import follow, storable
from floorlens.products.product import Product, ProductList


def read_folder(folder: Path) -> ProductList:
    """Returns the products of a folder: every picture in it and below it.

    Raises:
        ProductSourceError: two files have one stem, or a path cannot be stored.

    Example:
        >>> from pathlib import Path
        >>> [product.id for product in read_folder(Path("products")).products]
        ['oak-natural-plank', 'terrazzo-grigio', 'walnut-herringbone']
    """
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not path.is_dir()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    places: dict[str, list[str]] = {}
    for path in files:
        places.setdefault(path.stem, []).append(str(path.relative_to(folder)))
    refuse_duplicates(places, folder, "In a folder the id is the file's name without its ending")
    products = (
        Product(
            id=check_id(path.stem, str(path)),
            name=path.stem,
            # The folder's owner put the link there: it is followed, also out of the folder.
            images=(storable(follow(path), str(path)),),
        )
        for path in files
    )
    return ProductList(tuple(sorted(products, key=lambda product: product.id)))
