"""Measures what decoding in other processes costs a search and an import.

    python benchmarks/decoding_speed.py [--runs 15]

Beside decoding in this one, in turn, after a warm-up: medians, quartiles, ratio. Catalogue and
products are the samples', the photos are of 1280 px; the models have one thread. On a busy machine
trust the time of the processor: that of this process and of the decoders (Linux).
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from machine import machine
from pictures import room_photos
from timing import HEAD, alternate, median_row

from floorlens import Floorlens
from floorlens.demo.samples import samples
from floorlens.images import decoding
from floorlens.images.decoding import Decoders, shared_decoders


def cpu_seconds(decoders: Decoders) -> float:
    """Returns the processor time so far of this process and of decoders (Linux), in seconds."""
    total = time.process_time()
    for decoder in decoders._all:
        times = Path(f"/proc/{decoder.process.pid}/schedstat").read_text(encoding="ascii")
        total += int(times.split()[0]) / 1e9
    return total


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
        with Floorlens.open(folder / "catalogue", threads=1) as lens:
            lens.add(products, adapt=False)

            def search(number: int) -> None:
                lens.search(photos[number % len(photos)], limit=10)

            def add(number: int) -> None:
                # With the models of the other catalogue: loading them is not what is measured.
                with (
                    tempfile.TemporaryDirectory() as other,
                    Floorlens.open(other, stages=lens._stages) as empty,
                ):
                    empty.add(products, adapt=False)

            def measured(work: Callable[[int], None], decoders: Decoders) -> Callable[[int], float]:
                def run(number: int) -> float:
                    decoding._SHARED = decoders
                    start = cpu_seconds(apart)
                    work(number)
                    return cpu_seconds(apart) - start

                return run

            works = {
                "search, apart": measured(search, apart),
                "search, here": measured(search, here),
                "import, apart": measured(add, apart),
                "import, here": measured(add, here),
            }
            for run in works.values():
                run(0)
            wall, cpu = alternate(works, runs)
    decoding._SHARED = apart
    print(HEAD)
    for kind, seconds in (("s", wall), ("s of processor", cpu)):
        for label, values in seconds.items():
            other = seconds[label.replace("apart", "here")]
            ratio = statistics.median(values) / statistics.median(other)
            shown = ratio if "apart" in label else None
            print(median_row(f"{label} ({kind})", values, shown, None))
    print(f"photos: {source}; import: {len(list((samples() / 'products').iterdir()))} products")
    facts = machine("onnxruntime", "pillow")
    print(", ".join(f"{name} {value}" for name, value in facts.items()))


if __name__ == "__main__":
    main()
