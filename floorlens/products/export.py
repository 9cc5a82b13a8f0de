"""Export: a catalogue's products as CSV or JSONL, with the columns that `floorlens index` reads.

Pictures are named by absolute path; `index` reads them only if they lie in the file's folder.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from floorlens.products.product import Product


def products_as_csv(products: Sequence[Product]) -> str:
    """Returns a CSV with the columns id, image, name and every metadata field in order of name.

    Images are absolute paths, joined by `|`; lists are joined in the same way.

    Example:
        >>> from floorlens.products.product import Product
        >>> oak = Product("oak", "Oak", {"price": 49}, ("/shop/oak.jpg",))
        >>> print(products_as_csv([oak]))
        id,image,name,price
        oak,/shop/oak.jpg,Oak,49
        <BLANKLINE>
    """
    fields = sorted({key for product in products for key in product.metadata})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "image", "name", *fields])
    for product in products:
        cells = (product.metadata.get(field, "") for field in fields)
        writer.writerow([product.id, "|".join(product.images), product.name, *map(_cell, cells)])
    return text.getvalue()


def products_as_jsonl(products: Sequence[Product]) -> str:
    """Returns one JSON object a line: id, image (a list of absolute paths), name, metadata.

    Example:
        >>> from floorlens.products.product import Product
        >>> oak = Product("oak", "Oak", {"price": 49}, ("/shop/oak.jpg",))
        >>> products_as_jsonl([oak])
        '{"id": "oak", "image": ["/shop/oak.jpg"], "name": "Oak", "price": 49}\\n'
    """
    return "".join(
        json.dumps(
            {
                "id": product.id,
                "image": list(product.images),
                "name": product.name,
                **product.metadata,
            },
            ensure_ascii=False,
        )
        + "\n"
        for product in products
    )


def products_as_json(products: Sequence[Product]) -> str:
    """Returns one JSON array of id, name, metadata, images (absolute paths).

    Example:
        >>> from floorlens.products.product import Product
        >>> oak = Product("oak", "Oak", {"price": 49}, ("/shop/oak.jpg",))
        >>> print(products_as_json([oak])[:16])
        [
          {
            "id":
    """
    return json.dumps([p.as_dict() for p in products], indent=2, ensure_ascii=False) + "\n"


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "|".join(value) if isinstance(value, list) else str(value)
