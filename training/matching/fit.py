"""Fit the projection, the pattern probe and the prior of adaptations, on made products.

    python -m training.matching.fit --samples DIR --products 400

DIR is what `training.matching.samples` wrote. Features are cached in DIR/features-<encoder>.npz, so
that a second fit takes seconds.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from floorlens.embedding.backends.builtin import BuiltinEmbedder
from floorlens.embedding.pattern import CLASSES, PatternProbe, save_probe
from floorlens.embedding.projection import fit_products, save_projection
from floorlens.embedding.scatter import save_scatter, scatter_of
from floorlens.images.formats import PILLOW_FORMATS
from floorlens.models.onnx import WEIGHTS, load_session, session_stamp
from floorlens.models.stamp import Stamp
from floorlens.normalisation.backends.builtin import BuiltinNormaliser
from training.matching.samples import RANGE, draw_product, draw_swatches

VERSION = "0.2.0"
DIRECTIONS = 128
SHRINKAGE = 0.3
#: Every so many-th product tests the probe and does not fit it.
HELD_OUT = 5
#: Products in the prior of adaptations: few enough not to drown a catalogue's own.
PRIOR = 100


@dataclass(frozen=True)
class MadePicture:
    """One picture: features of its patches (n, d0), their coverage (n,), and its pattern."""

    product: int
    base: NDArray[np.float16]
    coverage: NDArray[np.float32]
    pattern: int


def read_pictures(folder: Path, count: int, seed: int) -> list[MadePicture]:
    """Returns the pictures of `count` products, one of each range; features are cached."""
    encoder = session_stamp(load_session("encoder.onnx", 1))
    cache = folder / f"features-{encoder.version}.npz"
    known: dict[str, NDArray[np.float16]] = {}
    if cache.exists():
        with np.load(cache) as data:
            known = {name: data[name] for name in data.files}
    numbers = sorted({int(path.stem[:5]) for path in folder.glob("*-5.jpg")})
    numbers = [number for number in numbers if number % RANGE == number // RANGE % RANGE][:count]
    embedder, pictures = BuiltinEmbedder(threads=1), []
    for done, number in enumerate(numbers, 1):
        patterns = patterns_of(number, seed)
        for index, path in enumerate(sorted(folder.glob(f"{number:05d}-*.jpg"))):
            if f"{path.stem}-base" not in known:
                base, coverage = _features(path, embedder)
                known[f"{path.stem}-base"], known[f"{path.stem}-coverage"] = base, coverage
            base, coverage = known[f"{path.stem}-base"], known[f"{path.stem}-coverage"]
            pattern = patterns[min(index, len(patterns) - 1)]
            pictures.append(MadePicture(number, base, coverage.astype(np.float32), pattern))
        if done % 50 == 0 or done == len(numbers):
            with cache.open("wb") as file:
                np.savez(file, **known)  # type: ignore[arg-type]
            print(f"{done} of {len(numbers)} products", flush=True)
    return pictures


def patterns_of(number: int, seed: int) -> list[int]:
    """Returns the place in `CLASSES` of what the near swatch, the far swatch and the rooms show."""
    design, rng = draw_product(number, seed)
    whole = CLASSES.index(design.family)
    near, far = draw_swatches(design, rng)
    board = CLASSES.index("one board")
    return [board if swatch.one_board else whole for swatch in (near, far)] + [whole]


def _features(
    path: Path, embedder: BuiltinEmbedder
) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    pixels = np.asarray(Image.open(path, formats=PILLOW_FORMATS).convert("RGB"))
    mask = np.ones(pixels.shape[:2], np.bool_)
    if path.with_suffix(".png").exists():
        mask = (
            np.asarray(Image.open(path.with_suffix(".png"), formats=PILLOW_FORMATS).convert("L"))
            > 127
        )
    view = BuiltinNormaliser().view(pixels, mask)
    return embedder.encode(view.patches).astype(np.float16), view.coverage.astype(np.float16)


def fit_probe(pictures: Sequence[MadePicture], encoder: str, steps: int = 400) -> PatternProbe:
    """Returns the softmax regression of patterns on mean features, with weight decay."""
    rows = np.stack([_mean(picture) for picture in pictures])
    mean, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-3
    x = torch.from_numpy((rows - mean) / scale)
    y = torch.tensor([picture.pattern for picture in pictures])
    torch.manual_seed(0)
    linear = torch.nn.Linear(x.shape[1], len(CLASSES))
    optimiser = torch.optim.AdamW(linear.parameters(), lr=3e-3, weight_decay=0.3)
    for _ in range(steps):
        loss = torch.nn.functional.cross_entropy(linear(x), y, label_smoothing=0.05)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    weight, bias = linear.weight.detach().numpy().T, linear.bias.detach().numpy()
    return PatternProbe(mean, scale, weight.copy(), bias.copy(), encoder, VERSION)


def _mean(picture: MadePicture) -> NDArray[np.float32]:
    weights = np.maximum(picture.coverage, 1e-3)[:, None] ** 2
    mean = (picture.base.astype(np.float32) * weights).sum(axis=0) / weights.sum()
    return np.asarray(mean, np.float32)


def main() -> None:
    """Fit and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0, help="the seed the samples were made with")
    parser.add_argument("--products", type=int, default=400)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    pictures = read_pictures(arguments.samples, arguments.products, arguments.seed)
    encoder = session_stamp(load_session("encoder.onnx", 1))
    tested = [picture for picture in pictures if picture.product // RANGE % HELD_OUT == 0]
    fitted = [picture for picture in pictures if picture.product // RANGE % HELD_OUT != 0]
    probe = fit_probe(fitted, encoder.version)
    right = [
        int(probe.probabilities(picture.base, picture.coverage).argmax()) == picture.pattern
        for picture in tested
    ]
    save_probe(probe, arguments.out / "pattern.npz")
    print(f"pattern.npz: {np.mean(right):.3f} of {len(right)} held-out pictures right")
    stamp = Stamp(
        model_id="floorlens-projection",
        version=VERSION,
        dimension=DIRECTIONS,
        licence="Apache-2.0",
        preprocessing="standardised features of single patches",
    )
    numbers = sorted({picture.product for picture in pictures})
    rows = [
        np.concatenate([picture.base for picture in pictures if picture.product == number])
        for number in numbers
    ]
    save_projection(
        fit_products(rows, stamp, encoder.version, SHRINKAGE), arguments.out / "projection.npz"
    )
    every = np.linspace(0, len(rows) - 1, min(PRIOR, len(rows))).astype(np.intp)
    prior = scatter_of(rows[index] for index in every)
    save_scatter(prior, encoder.version, arguments.out / "prior.npz")
    print(f"prior.npz: of {len(prior.counts)} products")
    print(f"projection.npz: from {sum(map(len, rows))} patches of {len(numbers)} products")


if __name__ == "__main__":
    main()
