"""Measures the adaptation of a catalogue, and says how long one of 1,000 products takes.

    python benchmarks/adaptation_speed.py [--products 60] [--threads 0]

The minutes for 1,000 are extrapolated: nearly all the time goes into the simulated rooms, as many
for each product. `--products 1000` measures them.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from machine import machine
from pictures import write_products
from timing import peak_megabytes

from floorlens import Floorlens
from floorlens.adaptation.adapt import LEAST

MANY = 1000


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--products", type=int, default=60, help=f"adapted to (at least {LEAST})")
    parser.add_argument("--threads", type=int, default=0, help="0 takes all cores")
    options = parser.parse_args()
    if options.products < LEAST:
        parser.error(f"an adaptation needs at least {LEAST} --products")
    with tempfile.TemporaryDirectory(prefix="floorlens-adaptation-") as folder:
        pictures = Path(folder) / "products"
        _, source = write_products(pictures, options.products)
        with Floorlens.open(Path(folder) / "catalogue", threads=options.threads) as lens:
            lens.add(pictures, adapt=False)
            indexing_peak = peak_megabytes()
            report = lens.adapt()
    about = machine("onnxruntime", "numpy")
    print(
        f"adapted to {report.products} products ({source}) in {report.seconds:.1f} s, "
        f"{report.views} simulated rooms each: {report.seconds / report.products:.2f} s a product"
    )
    minutes = report.seconds / report.products * MANY / 60
    how = "extrapolated from" if report.products != MANY else "measured with"
    print(
        f"{MANY:,} products: {minutes:.1f} minutes on {about['cores']} cores ({how} "
        f"{report.products} products)"
    )
    print(f"peak memory: {indexing_peak:.0f} MB after indexing, {peak_megabytes():.0f} MB in all")
    print(", ".join(f"{name} {value}" for name, value in about.items()))


if __name__ == "__main__":
    main()
