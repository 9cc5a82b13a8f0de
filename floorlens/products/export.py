"""Export: a catalogue's products as CSV or JSONL, with the columns that `floorlens index` reads.

Pictures are named by absolute path; `index` takes them only where they lie below the file.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

from floorlens.products.product import Product


def products_as_csv(products: Sequence[Product]) -> str:
    """Returns a CSV with the columns id, image, name and every metadata field in order of name.

    Images are absolute paths, parted by `|`; lists are joined the same way.
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
    """Returns one JSON object a line: id, image (a list of absolute paths), name, metadata."""
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
    """Returns one JSON array of id, name, metadata, images (absolute paths)."""
    return json.dumps([p.as_dict() for p in products], indent=2, ensure_ascii=False) + "\n"


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "|".join(value) if isinstance(value, list) else str(value)
