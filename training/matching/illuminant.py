"""The network that tells the light's cast from the whole photo.

    python -m training.matching.illuminant --data ../shared/data/segmentation

Photos of rooms are taken as balanced. Each gets casts of known size: warm or cold along the
daylight line above all, a little green or magenta, brighter or darker, applied to linear light. The
network is to tell the shift of the floor's median colour in CIELAB, and the variance of its error
(Nix & Weigend 1994); the variance is rescaled on photos kept out of the fit.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from floorlens.colour import srgb_to_lab
from floorlens.models import Stamp
from floorlens.normalisation.illuminant import (
    LONGER_SIDE,
    CastModel,
    shrink,
    small_statistics,
)

SOURCES = ("nyuv2", "ade20k_val_pseudo", "anurag_robot", "anurag_hypersim", "syntrain")
#: Standard deviations: log gain of red against blue, of green, of everything (linear light).
WARMTH, TINT, EXPOSURE = 0.13, 0.035, 0.25
#: Casts for each photo, the first of them none.
CASTS = 10
HIDDEN = 48
#: Of every `FOLDS` blocks of so many neighbouring photos the last one is kept out of the fit.
BLOCK, FOLDS = 12, 6


def photos(data: Path, nyu: str) -> list[tuple[str, NDArray[np.uint8], NDArray[np.float32]]]:
    """Returns (source, small photo, share of floor) of every photo with floor."""
    with (data / "nyuv2" / "split.csv").open() as file:
        split = {row["stem"]: row["split"] for row in csv.DictReader(file)}
    found = []
    for source in SOURCES if nyu == "train" else ("nyuv2",):
        for path in sorted((data / source / "images").iterdir()):
            if source == "nyuv2" and split[path.stem] != nyu:
                continue
            mask = next((data / source / "masks").glob(f"{path.stem}.*"))
            with Image.open(path) as image, Image.open(mask) as floor:
                pixels = np.asarray(image.convert("RGB"))
                on = np.asarray(floor.convert("L").resize(image.size, Image.Resampling.NEAREST))
            if (on == 255).mean() > 0.02:
                found.append((source, *shrink(pixels, on == 255)))
    return found


def with_cast(small: NDArray[np.uint8], gain: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Returns the photo under another light: `gain` (3,) on linear red, green and blue."""
    linear = (small / 255.0) ** 2.2 * gain
    return np.rint(255 * np.clip(linear, 0, 1) ** (1 / 2.2)).astype(np.uint8)


def examples(
    found: list[tuple[str, NDArray[np.uint8], NDArray[np.float32]]], rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.intp]]:
    """Returns statistics (n, f), shifts of the floor's median Lab (n, 3), and whose photo (n,)."""
    rows, shifts, owner = [], [], []
    for index, (_, small, share) in enumerate(found):
        on = share >= min(0.9, float(share.max()))
        base = np.median(srgb_to_lab(small[on]), axis=0)
        for number in range(CASTS):
            warm, tint, light = rng.normal(size=3) * (WARMTH, TINT, EXPOSURE) * (number > 0)
            gain = np.exp(light + np.array([warm, tint, -warm]))
            cast = with_cast(small, gain)
            rows.append(small_statistics(cast, share))
            shifts.append(np.median(srgb_to_lab(cast[on]), axis=0) - base)
            owner.append(index)
    return np.stack(rows), np.stack(shifts).astype(np.float32), np.array(owner)


def fit(x: NDArray[np.float32], y: NDArray[np.float32], epochs: int, seed: int = 0) -> CastModel:
    """Returns the network fitted to statistics (n, f) and shifts (n, 3)."""
    torch.manual_seed(seed)
    mean, scale, prior = x.mean(axis=0), x.std(axis=0) + 1e-3, y.std(axis=0)
    inputs = torch.from_numpy(np.clip((x - mean) / scale, -5, 5))
    targets = torch.from_numpy(y / prior)
    first = torch.nn.Linear(x.shape[1], HIDDEN)
    last = torch.nn.Linear(HIDDEN, 6)
    torch.nn.init.zeros_(last.weight)
    parameters = [*first.parameters(), *last.parameters()]
    adam = torch.optim.AdamW(parameters, lr=2e-3, weight_decay=0.05)
    steps = epochs * (len(x) // 128)
    plan = torch.optim.lr_scheduler.OneCycleLR(adam, 4e-3, total_steps=steps)
    for _ in range(steps):
        chosen = torch.randint(0, len(x), (128,))
        noisy = inputs[chosen] + 0.1 * torch.randn(128, x.shape[1])
        hidden = torch.nn.functional.dropout(torch.tanh(first(noisy)), 0.2)
        out = last(hidden)
        shift, log = out[:, :3], out[:, 3:].clamp(-6, 3)
        miss = (shift - targets[chosen]) ** 2
        # The plain square keeps the mean from being given up where the variance can grow instead.
        loss = (0.5 * (miss * torch.exp(-log) + log) + 0.5 * miss).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        plan.step()
    layers = [
        np.concatenate([layer.weight.detach().numpy().T, layer.bias.detach().numpy()[None]])
        for layer in (first, last)
    ]
    stamp = Stamp(
        model_id="floorlens-illuminant",
        version="0.1.0",
        dimension=3,
        licence="Apache-2.0",
        preprocessing=f"colour statistics of a copy of {LONGER_SIDE} px",
    )
    return CastModel(mean, scale, layers[0], layers[1], prior, stamp)


def report(name: str, model: CastModel, x: NDArray[np.float32], y: NDArray[np.float32]) -> None:
    cast, spread = model.predict(x)
    miss = y - cast
    r2 = 1 - (miss**2).mean(axis=0) / y.var(axis=0)
    told = (miss / spread).std(axis=0)
    order = np.argsort(spread[:, 2])
    thirds = [
        f"{spread[part, 2].mean():.1f}:{np.sqrt((miss[part, 2] ** 2).mean()):.1f}"
        for part in np.array_split(order, 3)
    ]
    print(
        f"{name}: R2 L a b {np.round(r2, 3)}, std of the shift {np.round(y.std(axis=0), 1)}, of the"
        f" error {np.round(miss.std(axis=0), 1)}, in spreads {np.round(told, 2)}; b*, spread:rms"
        f" error in thirds {' '.join(thirds)}"
    )


def save(model: CastModel, path: Path) -> None:
    texts = {k: np.array(str(v)) for k, v in model.stamp.as_dict().items() if k != "dimension"}
    half = {k: getattr(model, k).astype(np.float16) for k in ("hidden", "out")}
    whole = {k: getattr(model, k).astype(np.float32) for k in ("mean", "scale", "prior")}
    np.savez_compressed(path, **half, **whole, **texts)  # type: ignore[arg-type]


def main() -> None:
    """Fit, report, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/segmentation"))
    parser.add_argument("--out", type=Path, default=Path("floorlens/weights/illuminant.npz"))
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--cache", type=Path, help="where the statistics are kept")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.cache and arguments.cache.exists():
        with np.load(arguments.cache) as data:
            x, y, owner, tx, ty = (data[k] for k in ("x", "y", "owner", "tx", "ty"))
    else:
        rng = np.random.default_rng(0)
        x, y, owner = examples(photos(arguments.data, "train"), rng)
        tx, ty, _ = examples(photos(arguments.data, "test"), rng)
        if arguments.cache:
            np.savez(arguments.cache, x=x, y=y, owner=owner, tx=tx, ty=ty)
    out = owner // BLOCK % FOLDS == FOLDS - 1
    print(f"{owner.max() + 1} photos, {len(x)} examples, {x.shape[1]} statistics")
    model = fit(x[~out], y[~out], arguments.epochs)
    report("training", model, x[~out], y[~out])
    # The variance is rescaled on the photos kept out.
    cast, spread = model.predict(x[out])
    wider = 2 * np.log(((y[out] - cast) / spread).std(axis=0))
    model.out[-1, 3:] += wider
    report("kept out", model, x[out], y[out])
    report("nyuv2 test", model, tx, ty)
    save(model, arguments.out)


if __name__ == "__main__":
    main()
