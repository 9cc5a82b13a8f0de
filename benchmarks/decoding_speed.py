"""Measures what decoding in other processes costs a search and an import.

    python benchmarks/decoding_speed.py [--runs 15]

Beside decoding in this one, in turn, after a warm-up: medians, quartiles, ratio. Catalogue and
products are the samples', the photos are of 1280 px.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections.abc import Callable
from pathlib import Path

from machine import machine
from pictures import room_photos
from timing import HEAD, alternate, median_row

from floorlens import Floorlens
from floorlens.demo.samples import samples
from floorlens.images import decoding
from floorlens.images.decoding import Decoders, shared_decoders


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    logging.getLogger("floorlens.images").setLevel(logging.ERROR)
    apart = shared_decoders()
    # Where no process can be started, pictures are decoded in this one.
    here = Decoders(["this program is not there"])
    photos, source = room_photos()
    products = samples() / "products.csv"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Floorlens.open(folder / "catalogue") as lens:
            lens.add(products, adapt=False)

            def search(decoders: Decoders) -> Callable[[int], object]:
                def run(number: int) -> object:
                    decoding._SHARED = decoders
                    return lens.search(photos[number % len(photos)], limit=10)

                return run

            def add(decoders: Decoders, label: str) -> Callable[[int], object]:
                def run(number: int) -> object:
                    decoding._SHARED = decoders
                    with Floorlens.open(folder / f"{label}-{number}") as empty:
                        return empty.add(products, adapt=False)

                return run

            works = {
                "search, apart": search(apart),
                "search, here": search(here),
                "import, apart": add(apart, "apart"),
                "import, here": add(here, "here"),
            }
            for work in works.values():
                work(-1)
            seconds, _ = alternate(works, runs)
    decoding._SHARED = apart
    print(HEAD)
    for label, values in seconds.items():
        other = sorted(seconds[label.replace("apart", "here")])
        ratio = sorted(values)[runs // 2] / other[runs // 2] if "apart" in label else None
        print(median_row(f"{label} (s)", values, ratio, None))
    print(f"photos: {source}; import: {len(list((samples() / 'products').iterdir()))} products")
    facts = machine("onnxruntime", "pillow")
    print(", ".join(f"{name} {value}" for name, value in facts.items()))


if __name__ == "__main__":
    main()
