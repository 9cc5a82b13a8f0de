"""Paint the sample products and write their table.

python -m samples.make.make_products
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from PIL import Image

from samples.make.catalogue import PRODUCTS, Product
from training.synthesis.floors import render_floor

SAMPLES = Path(__file__).resolve().parents[1]
SIDE = 800
COLUMNS = (
    "id", "image", "name", "material", "price", "currency", "family", "colour", "width_mm",
    "length_mm", "finish",
)  # fmt: skip


def paint(product: Product) -> Image.Image:
    """The catalogue picture: a square of `view_mm`, drawn at twice the size for clean joints."""
    mm_per_px = product.view_mm / (2 * SIDE)
    sheet = render_floor(
        product.design, (product.view_mm, product.view_mm), mm_per_px, product.layout_seed
    )
    return Image.fromarray(sheet).resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def row(product: Product) -> dict[str, str]:
    """The product's line in `products.csv`."""
    layout = product.design.layout
    rolls = layout.pattern == "sheet"
    values = (
        product.id, f"products/{product.id}.jpg", product.title, product.material,
        f"{product.price:.2f}", "EUR", product.design.family, product.colour,
        "" if rolls else f"{layout.width:g}", "" if rolls else f"{layout.length:g}",
        product.finish,
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def main() -> None:
    """Write `products/*.jpg`, all or the ones named, and `products.csv`."""
    parser = argparse.ArgumentParser(description="Paint the sample products.")
    parser.add_argument("--only", nargs="*", default=None, metavar="ID")
    arguments = parser.parse_args()
    folder = SAMPLES / "products"
    folder.mkdir(exist_ok=True)
    for product in PRODUCTS:
        if arguments.only and product.id not in arguments.only:
            continue
        paint(product).save(folder / f"{product.id}.jpg", quality=88, optimize=True)
    with (SAMPLES / "products.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(row(product) for product in PRODUCTS)


if __name__ == "__main__":
    main()
