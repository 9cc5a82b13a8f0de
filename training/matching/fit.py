"""Fit the projection of the package on made products.

    python -m training.matching.fit --samples DIR

DIR is what `training.matching.samples` wrote. Features are cached in DIR/features-<encoder>.npz, so
that a second fit takes seconds.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from floorlens.embedding.projection import fit_discriminant, save_projection
from floorlens.models import WEIGHTS, Stamp, load_session, session_stamp
from floorlens.normalisation.builtin import BuiltinNormaliser

VERSION = "0.1.0"
DIRECTIONS = 128
SHRINKAGE = 0.3


def read_features(folder: Path) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
    """Returns the features (n, d0) of all patches in a folder of samples, and their products (n,).

    New products are added to the cache; a product counts once all its pictures are there.
    """
    session = load_session("encoder.onnx", 1)
    stamp = session_stamp(session)
    cache = folder / f"features-{stamp.version}.npz"
    known: dict[int, NDArray[np.float16]] = {}
    if cache.exists():
        with np.load(cache) as data:
            known = {int(name): data[name] for name in data.files}
    pictures = Counter(int(path.stem[:5]) for path in folder.glob("*-*.jpg"))
    # A product that is still being made has fewer pictures than the others.
    whole = max(pictures.values(), default=0)
    missing = [number for number in sorted(pictures) if pictures[number] == whole]
    missing = [number for number in missing if number not in known]
    for done, number in enumerate(missing, 1):
        known[number] = _product_features(folder, number, session)
        if done % 20 == 0 or number == missing[-1]:
            with cache.open("wb") as file:
                arrays = {str(name): rows for name, rows in known.items()}
                np.savez(file, **arrays)  # type: ignore[arg-type]
            print(f"{done} of {len(missing)} products", flush=True)
    labels = np.concatenate([np.full(len(rows), number) for number, rows in known.items()])
    return np.concatenate(list(known.values())), labels


def _product_features(
    folder: Path, number: int, session: onnxruntime.InferenceSession
) -> NDArray[np.float16]:
    rows = []
    for path in sorted(folder.glob(f"{number:05d}-*.jpg")):
        pixels = np.asarray(Image.open(path).convert("RGB"))
        mask = np.ones(pixels.shape[:2], np.bool_)
        if path.with_suffix(".png").exists():
            mask = np.asarray(Image.open(path.with_suffix(".png")).convert("L")) > 127
        patches = BuiltinNormaliser().view(pixels, mask).patches
        rows.append(session.run(["features"], {"rgb": patches})[0].astype(np.float16))
    return np.concatenate(rows)


def main() -> None:
    """Fit and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=WEIGHTS / "projection.npz")
    arguments = parser.parse_args()
    features, labels = read_features(arguments.samples)
    encoder = session_stamp(load_session("encoder.onnx", 1))
    stamp = Stamp(
        model_id="floorlens-projection",
        version=VERSION,
        dimension=DIRECTIONS,
        licence="Apache-2.0",
        preprocessing="standardised features of single patches",
    )
    projection = fit_discriminant(features, labels, stamp, encoder.version, SHRINKAGE)
    save_projection(projection, arguments.out)
    products = np.unique(labels).size
    size = arguments.out.stat().st_size / 1e6
    print(f"{arguments.out.name}: {size:.2f} MB, from {len(labels)} patches of {products} products")


if __name__ == "__main__":
    main()
