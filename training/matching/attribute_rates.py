"""How often attributes are right where the pattern probe did not see the shop, and the confidences.

    python -m training.matching.attribute_rates --data ../shared/data

The probe in the package was fitted on most pictures of the splits "tuning" and "test" of
`benchmarks/attributes.csv`, so that `floorlens eval attributes` flatters it on them. Here each
picture's pattern is told by a fit without its shop (`fit_pattern.leave_out`). Then it prints what
`floorlens/attributes/confidence.py` holds, counted on "test", which set no threshold.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from floorlens.attributes import Attribute, Value
from floorlens.attributes.colour import DARK, LIGHT
from floorlens.attributes.layout import layout_shares
from floorlens.attributes.material import material_shares
from floorlens.attributes.measuring import measure
from floorlens.evaluation.attributes import Label, read_labels
from floorlens.evaluation.metrics import wilson_interval
from training.matching.fit_pattern import leave_out, summaries, temperature_of
from training.matching.pattern_features import read_features
from training.matching.pipeline import builtin_stages, read_product

LABELS = Path(__file__).resolve().parents[2] / "benchmarks" / "attributes.csv"
#: Numbers of two halves of a picture agree if they differ by at most this share, or this much.
CLOSE, NEXT_TO_NOTHING = 0.25, 0.1

Rgb = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Measured = tuple[Label, Mapping[str, Attribute], Rgb, Mask, NDArray[np.float32]]


def probabilities(data: Path, cache: Path) -> dict[str, NDArray[np.float32]]:
    """Returns file -> float32 (13,), each by a fit that saw nothing of its shop."""
    features = read_features(data, cache)
    left_out = leave_out(summaries(features), [known.picture for known in features])
    logits = left_out.logits / temperature_of(left_out)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = powers / powers.sum(axis=1, keepdims=True)
    return {
        picture.group: np.asarray(row, np.float32)
        for picture, row in zip(left_out.pictures, shares, strict=True)
        if not picture.room
    }


def measured(
    split: str, data: Path, patterns: Mapping[str, NDArray[np.float32]]
) -> Iterator[Measured]:
    """Yields the labelled pictures of a split with what is measured of them."""
    stages = builtin_stages(threads=1)
    for label in read_labels(LABELS, split):
        photo, shown = read_product(data / label.file, stages)
        pixels, mask = shown.product(photo.pixels)
        pattern = patterns[label.file]
        yield label, measure(pixels, mask, pattern), pixels, mask, pattern


def accuracy(rows: Sequence[Measured]) -> Iterator[str]:
    """Yields a line for each attribute: how often it is right, with its 95 % interval."""
    hits: dict[str, list[bool]] = defaultdict(list)
    for label, values, *_ in rows:
        for name, truth in label.values.items():
            hits[name].append(values[name].value == truth)
    for name, right in hits.items():
        low, high = wilson_interval(sum(right), len(right))
        yield f"{name}: {sum(right)} of {len(right)}, {np.mean(right):.3f} ({low:.3f}-{high:.3f})"


def confidences(rows: Sequence[Measured]) -> Iterator[str]:
    """Yields lines of what `confidence.py` holds, but for sizes."""
    tones, colours = [], defaultdict(list)
    for label, values, *_ in rows:
        lightness = float(values["lightness"].value)
        margin = min(abs(lightness - DARK), abs(lightness - LIGHT))
        tones.append((margin, values["tone"].value == label.values["tone"]))
        colour = values["colour"].value
        colours[str(colour)].append(colour == label.values["colour"])
    for low, high in ((0, 2), (2, 5), (5, 10), (10, 100)):
        right = [hit for margin, hit in tones if low <= margin < high]
        yield f"tone, {low} to {high} L* from a bound: {np.mean(right):.2f} of {len(right)}"
    for word, right in sorted(colours.items()):
        yield f"colour {word}: {np.mean(right):.2f} of {len(right)}"
    for name, bounds in (("material", (0, 0.9, 1.01)), ("pattern", (0, 0.5, 0.9, 0.96, 1.01))):
        shares = [(_share(name, row), _is_right(name, row)) for row in rows]
        for least, most in pairwise(bounds):
            right = [hit for share, hit in shares if least <= share < most]
            if right:
                yield f"{name}, probability {least} to {most}: {np.mean(right):.2f} of {len(right)}"
    agreements: dict[str, list[bool]] = defaultdict(list)
    for _, _, pixels, mask, pattern in rows:
        halves = [measure(*half, pattern) for half in _halves(pixels, mask) if half[1].any()]
        if len(halves) == 2:
            for name in halves[0].keys() & halves[1].keys():
                agreements[name].append(_agree(halves[0][name].value, halves[1][name].value))
    for name, right in sorted(agreements.items()):
        yield f"halves agree on {name}: {np.mean(right):.2f} of {len(right)}"


def _share(name: str, row: Measured) -> float:
    """Returns the probability of a picture's pattern or material, as the probe says it."""
    _, values, _, _, pattern = row
    if name == "pattern":
        return max(layout_shares(pattern).values())
    return max(material_shares(pattern, str(values["colour"].value)).values())


def _is_right(name: str, row: Measured) -> bool:
    label, values, *_ = row
    return values[name].value == label.values[name]


def _halves(pixels: Rgb, mask: Mask) -> Iterator[tuple[Rgb, Mask]]:
    axis = 1 if pixels.shape[1] >= pixels.shape[0] else 0
    yield from zip(
        np.array_split(pixels, 2, axis=axis), np.array_split(mask, 2, axis=axis), strict=True
    )


def _agree(one: Value, other: Value) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= max(CLOSE * max(abs(one), abs(other)), NEXT_TO_NOTHING)
    return one == other


def main() -> None:
    """Print all rates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, default=Path(".cache/matching"))
    arguments = parser.parse_args()
    patterns = probabilities(arguments.data, arguments.cache)
    for split in ("tuning", "test"):
        rows = list(measured(split, arguments.data, patterns))
        print(f"{split}:", *accuracy(rows), sep="\n  ", flush=True)
        if split == "test":
            print(*confidences(rows), sep="\n", flush=True)


if __name__ == "__main__":
    main()
