"""Decodes broken pictures as the service does: each must give a picture or one of our errors.

    python benchmarks/mutated_pictures.py [--count 20000] [--first 0]

Prints what became of them, the slowest, and the peak memory of the decoders; ends with 1 if one
raised anything else. `tests/images/test_mutations.py` does the first 500 in its own process.
"""

from __future__ import annotations

import argparse
import logging
import os
import resource
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from machine import machine
from timing import peak_megabytes

from floorlens.errors import ImageError
from floorlens.images.decoding import PICTURE_SECONDS, Decoders
from tests.doubles.mutations import mutated

AHEAD = 256


def outcome(decoders: Decoders, number: int) -> tuple[str, str, float]:
    """Returns what became of a picture, what it was made of, and the seconds that it took."""
    name, data = mutated(number)
    start = time.perf_counter()
    try:
        decoders.decode(data, name=f"{number} ({name})")
    except ImageError as error:
        kind = type(error).__name__
    except Exception as error:  # noqa: BLE001 - that nothing else comes is what is measured
        kind = f"unexpected: {error!r}"
    else:
        kind = "picture"
    return kind, name, time.perf_counter() - start


def main() -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first one")
    options = parser.parse_args()
    numbers = range(options.first, options.first + options.count)
    # The log of decoders that ended: each names its picture.
    endings: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: endings.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("floorlens.images").addHandler(handler)
    logging.getLogger("floorlens.images").propagate = False
    counts: dict[str, Counter[str]] = {}
    slowest = [(0.0, -1, "")]
    decoders = Decoders()
    start = time.perf_counter()
    with ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as pool:
        for place in range(0, len(numbers), AHEAD):
            batch = numbers[place : place + AHEAD]
            results = pool.map(lambda number: outcome(decoders, number), batch)
            for number, (kind, name, seconds) in zip(batch, results, strict=True):
                counts.setdefault(name.split(":")[0], Counter())[kind] += 1
                slowest = sorted([*slowest, (seconds, number, name)], reverse=True)[:3]
    elapsed = time.perf_counter() - start
    decoders.close()
    total = sum(counts.values(), Counter())
    kinds = sorted(total)
    print(f"{'format':12}" + "".join(f"{kind[:40]:>14}" for kind in kinds))
    for name, row in [*sorted(counts.items()), ("all", total)]:
        print(f"{name:12}" + "".join(f"{row[kind]:14,}" for kind in kinds))
    print(f"{elapsed / len(numbers) * 1e3:.1f} ms a picture; the limit is {PICTURE_SECONDS:g} s")
    for seconds, number, name in slowest:
        print(f"slowest: {seconds:.2f} s, number {number} ({name})")
    print(f"peak memory of a decoder: {peak_megabytes(resource.RUSAGE_CHILDREN):.0f} MB")
    print(f"decoders that ended by a picture: {len(endings)}")
    for line in endings[:10]:
        print(f"  {line}")
    print(", ".join(f"{name} {value}" for name, value in machine("pillow", "pi_heif").items()))
    return 1 if any(kind.startswith("unexpected") for kind in kinds) else 0


if __name__ == "__main__":
    sys.exit(main())
