"""Build the packed data set that the matcher is trained on.

    python -m training.matching.build_pack --data ../shared/data --out .cache/matching/pack.npz

One thread, about a quarter of an hour. The set is third-party pictures: it is never committed.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from training.matching.pack import ROOM, SIMULATED, SWATCH, Pack, PackWriter, Picture
from training.matching.pipeline import builtin_stages
from training.matching.sources import (
    made_pictures,
    pair_pictures,
    swatch_pictures,
    texture_pictures,
)

NAMES = {SWATCH: "swatch", ROOM: "room", SIMULATED: "simulated room"}


def summary(pack: Pack) -> dict[str, Any]:
    """Returns what a set holds: counts of products, pictures and patches, and MiB."""
    patches = Counter(NAMES[int(pack.side[picture])] for picture in pack.picture)
    return {
        "mib": round(pack.data.nbytes / 2**20, 1),
        "products": len(pack.labels),
        "pictures": dict(Counter(NAMES[int(side)] for side in pack.side)),
        "patches": dict(patches),
        "patches_licensed": int(pack.licensed[pack.picture].sum()),
        "pictures_by_source": dict(Counter(pack.sources[pack.source].tolist()).most_common()),
    }


def main() -> None:
    """Build and print what there is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path(".cache/matching/pack.npz"))
    parser.add_argument("--made", type=int, default=240, help="made products")
    arguments = parser.parse_args()
    stages, started, writer = builtin_stages(threads=1), time.monotonic(), PackWriter()
    parts: dict[str, Callable[[], Iterator[Picture]]] = {
        "pairs": lambda: pair_pictures(arguments.data, stages),
        "swatches": lambda: swatch_pictures(arguments.data, stages),
        "textures": lambda: texture_pictures(arguments.data),
        "made": lambda: made_pictures(arguments.made),
    }
    for name, pictures in parts.items():
        for picture in pictures():
            writer.add(picture)
        minutes = (time.monotonic() - started) / 60
        print(f"{name}: {writer.size / 2**20:.1f} MiB, {minutes:.1f} minutes", flush=True)
    pack = writer.write(arguments.out)
    print(json.dumps(summary(pack), indent=2))


if __name__ == "__main__":
    main()
