"""Measures how many planted variants are found, by kind, and which other products are claimed.

    python benchmarks/variants.py ../shared/data [--products 60] [--others 200] [--kinds relaid]

Of products of `train_pairs` variants are made (`planted.py`) and imported beside the products
themselves and others of the same shops, into a catalogue that is not adapted. The borders were set
on the shops of `--shops fitted`; those of `measured` are others. A claim between two products of
the shops themselves is printed by name: many designs are sold twice, and only eyes can tell.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
from machine import machine
from PIL import Image
from planted import KINDS

from floorlens import Floorlens
from floorlens.evaluation.metrics import wilson_interval
from floorlens.images.formats import PILLOW_FORMATS

FITTED = frozenset({"loft", "tark", "csd", "argil", "argilspc", "imgmatch"})
#: Kinds whose picture is another one: their names must say that the design is the same.
NAMED = ("relaid",)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder with train_pairs")
    parser.add_argument("--products", type=int, default=60, help="of which variants are made")
    parser.add_argument("--others", type=int, default=200, help="further products beside them")
    parser.add_argument(
        "--kinds",
        nargs="+",
        choices=tuple(KINDS),
        default=[kind for kind in KINDS if kind not in NAMED],
        help="relaid by itself: its name is that of its origin alone, and a design wants half of "
        "all pairs to be related",
    )
    parser.add_argument("--shops", choices=("measured", "fitted"), default="measured")
    parser.add_argument("--threads", type=int, default=1, help="0 takes all cores")
    options = parser.parse_args()
    files = chosen_files(options.data / "train_pairs", options.shops == "fitted")
    origins, others = files[: options.products], files[options.products :][: options.others]
    with tempfile.TemporaryDirectory(prefix="floorlens-variants-") as name:
        folder = Path(name)
        (folder / "products.csv").write_text(
            "\n".join(["id,image,name,size", *plant(folder, origins, others, options.kinds)]),
            encoding="utf-8",
        )
        with Floorlens.open(folder / "catalogue", threads=options.threads) as lens:
            failed = lens.add(folder / "products.csv", adapt=False).failed
            report(lens, len(origins), options.kinds)
            print(f"{lens.count()} products, {len(failed)} failed")
    print(", ".join(f"{name} {value}" for name, value in machine("onnxruntime", "numpy").items()))


def chosen_files(folder: Path, fitted: bool) -> list[Path]:
    """Returns product pictures of the shops, as many of each shop as there are, in turn."""
    by_shop: dict[str, list[Path]] = {}
    for table, column, place in (
        ("pairs.csv", "product", "products"),
        ("swatches.csv", "file", "swatches"),
    ):
        with (folder / table).open(newline="", encoding="utf-8") as file:
            rows = {(row["source"], row[column]) for row in csv.DictReader(file)}
        for shop, picture in sorted(rows):
            if (shop in FITTED) == fitted:
                by_shop.setdefault(shop, []).append(folder / place / picture)
    rng = np.random.default_rng(15)
    queues = [[files[i] for i in rng.permutation(len(files))] for files in by_shop.values()]
    longest = max(len(queue) for queue in queues)
    return [queue[turn] for turn in range(longest) for queue in queues if turn < len(queue)]


def plant(folder: Path, origins: list[Path], others: list[Path], kinds: list[str]) -> list[str]:
    """Returns the rows of the list of products, whose pictures it writes."""
    rows = []
    for number, path in enumerate([*origins, *others]):
        Image.open(path, formats=PILLOW_FORMATS).convert("RGB").save(folder / f"{path.stem}.png")
        name = f"decor{number:04}x brand" if number < len(origins) else path.stem
        rows.append(f"{path.stem},{path.stem}.png,{name},")
        if number >= len(origins):
            continue
        pixels = np.asarray(Image.open(path, formats=PILLOW_FORMATS).convert("RGB"))
        for kind in kinds:
            rng = np.random.default_rng(zlib.crc32(f"{path.name} {kind}".encode()))
            Image.fromarray(KINDS[kind](pixels, rng)).save(folder / f"{path.stem}@{kind}.png")
            called = (
                f"{name},190 mm" if kind in NAMED else f"item {zlib.crc32(path.name.encode())},"
            )
            rows.append(f"{path.stem}@{kind},{path.stem}@{kind}.png,{called}")
    return rows


def report(lens: Floorlens, origins: int, kinds: list[str]) -> None:
    """Prints recall by kind, wrong pairs with a planted picture, and pairs of shops' products."""
    recall: Counter[str] = Counter()
    right, wrong, shops = 0, [], []
    for design in lens.variants():
        for relation in design.relations:
            (one, kind), (other, kind_of_other) = (
                product_id.partition("@")[::2] for product_id in relation.ids
            )
            if one == other:
                right += 1
                recall[kind or kind_of_other] += not (kind and kind_of_other)
            elif kind or kind_of_other:
                wrong.append(relation)
            else:
                shops.append(relation)
    # A planted picture beside another product is as right as the two products are.
    doubles = {relation.ids for relation in shops}
    wrong = [r for r in wrong if tuple(sorted(i.partition("@")[0] for i in r.ids)) not in doubles]
    print("kind        found  of  recall  95 % interval")
    for kind in kinds:
        low, high = wilson_interval(recall[kind], origins)
        found = recall[kind]
        print(f"{kind:<11} {found:>5} {origins:>3}  {found / origins:.3f}  {low:.3f} to {high:.3f}")
    low, high = wilson_interval(right, right + len(wrong))
    print(
        f"pairs with a planted picture: {right} right, {len(wrong)} wrong: precision "
        f"{right / max(1, right + len(wrong)):.3f}, {low:.3f} to {high:.3f}"
    )
    for relation in wrong:
        print(f"  wrong: {relation.ids[0]} | {relation.ids[1]}: {relation.kind}")
    print(f"pairs of the shops' own products, to look at: {len(shops)}")
    for relation in shops:
        print(f"  {relation.ids[0]} | {relation.ids[1]}: {relation.kind}")


if __name__ == "__main__":
    main()
