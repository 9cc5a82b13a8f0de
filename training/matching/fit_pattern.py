"""Fit the pattern probe and say how good it is on shops that it did not see.

    python -m training.matching.fit_pattern --data ../shared/data

The pictures are those of `pattern_pictures`; their features are cached in .cache/matching, those of
real pictures together with the other fits' (`features.py`), so that a second fit takes a minute.
`--without-check` fits at the temperature that the last check found and leaves the check out.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from floorlens.embedding.pattern import (
    CLASSES,
    LAID_AS,
    PROBE,
    PatternProbe,
    pattern_summary,
    save_probe,
)
from floorlens.evaluation.metrics import wilson_interval
from training.matching.pattern_features import KnownFeatures, read_features
from training.matching.pattern_pictures import (
    LAID,
    MADE,
    REAL,
    SIMULATED,
    KnownPicture,
)
from training.matching.pipeline import WEIGHTS, encoder_version

VERSION = "0.3.0"
#: Weight of a picture by how it came about.
WEIGHT = {REAL: 1.0, SIMULATED: 0.6, LAID: 0.5, MADE: 0.4}
#: A pattern with n times the weight of another counts n ** SHARE times as much; so do shops.
SHARE = 0.5
#: Weight decay, and how far the targets are from 0 and 1.
DECAY, SMOOTHING = 3e-3, 0.03
#: Licensed textures are checked in so many parts, each left out once: they are of many sources.
PARTS = 5
TEXTURES = "textures"
TEMPERATURES = np.geomspace(0.25, 2.5, 47)

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Fit:
    """A softmax regression: logits are `rows @ matrix + bias` of standardised rows."""

    mean: Rows
    scale: Rows
    matrix: Rows
    bias: Rows

    def logits(self, rows: Rows) -> Rows:
        """Returns float32 (n, 13) for summaries (n, 2 * d0)."""
        return np.asarray((rows - self.mean) / self.scale @ self.matrix + self.bias, np.float32)


def picture_weights(pictures: Sequence[KnownPicture]) -> NDArray[np.float64]:
    """Returns float64 (n,), larger for pictures of rare patterns and of shops with few pictures."""
    sizes = Counter((picture.source, picture.pattern) for picture in pictures)
    weights = np.array(
        [
            WEIGHT[picture.how] * sizes[picture.source, picture.pattern] ** (SHARE - 1)
            for picture in pictures
        ]
    )
    patterns = np.array([picture.pattern for picture in pictures])
    totals = np.bincount(patterns, weights, len(CLASSES))
    return np.asarray(weights * totals[patterns] ** (SHARE - 1), np.float64)


def fit_rows(rows: Rows, pictures: Sequence[KnownPicture], steps: int = 60) -> Fit:
    """Returns the regression of patterns on summaries (n, 2 * d0)."""
    mean, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-3
    x = torch.from_numpy((rows - mean) / scale / np.sqrt(rows.shape[1], dtype=np.float32) * 17)
    y = torch.tensor([picture.pattern for picture in pictures])
    targets = torch.full((len(y), len(CLASSES)), SMOOTHING / len(CLASSES))
    targets[torch.arange(len(y)), y] += 1 - SMOOTHING
    weights = torch.from_numpy(picture_weights(pictures)).float()
    weights = (weights / weights.sum())[:, None]
    matrix = torch.zeros(rows.shape[1], len(CLASSES), requires_grad=True)
    bias = torch.zeros(len(CLASSES), requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [matrix, bias], max_iter=steps, history_size=8, line_search_fn="strong_wolfe"
    )

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        error = -(weights * targets * torch.log_softmax(x @ matrix + bias, dim=1)).sum()
        error = error + DECAY / 2 * (matrix**2).sum()
        error.backward()
        return error

    optimiser.step(loss)
    factor = 17 / np.sqrt(rows.shape[1], dtype=np.float32)
    return Fit(mean, scale, matrix.detach().numpy() * factor, bias.detach().numpy().copy())


@dataclass(frozen=True)
class LeftOut:
    """Logits of the real pictures, each by a fit that saw nothing of its shop.

    Attributes:
        pictures: the real pictures, n of them.
        logits: float32 (n, 13).
    """

    pictures: list[KnownPicture]
    logits: Rows


def parts_of(pictures: Sequence[KnownPicture]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yields (name, bool (n,)): each shop once, and the textures in `PARTS` parts by material."""
    source = np.array([picture.source for picture in pictures])
    part = np.array([zlib.crc32(picture.group.encode()) % PARTS for picture in pictures])
    for name in sorted(set(source.tolist()) - {MADE, TEXTURES}):
        yield name, source == name
    for number in range(PARTS):
        yield f"{TEXTURES} {number}", (source == TEXTURES) & (part == number)


def leave_out(rows: Rows, pictures: Sequence[KnownPicture]) -> LeftOut:
    """Returns the logits of every real picture by a fit without its shop."""
    real = np.array([picture.how == REAL for picture in pictures])
    places: list[int] = []
    logits = []
    for _, out in parts_of(pictures):
        tested = np.flatnonzero(out & real)
        if len(tested):
            kept = np.flatnonzero(~out)
            fit = fit_rows(rows[kept], [pictures[int(place)] for place in kept])
            places += tested.tolist()
            logits.append(fit.logits(rows[tested]))
    return LeftOut([pictures[place] for place in places], np.concatenate(logits))


def temperature_of(left_out: LeftOut) -> float:
    """Returns by what the logits must be divided, so that probabilities are as right as they say.

    Guo et al., "On calibration of modern neural networks", 2017.
    """
    truth = np.array([picture.pattern for picture in left_out.pictures])
    losses = []
    for temperature in TEMPERATURES:
        scaled = left_out.logits / temperature
        scaled -= scaled.max(axis=1, keepdims=True)
        chances = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
        losses.append(-chances[np.arange(len(truth)), truth].mean())
    return float(TEMPERATURES[int(np.argmin(losses))])


def agreeing(truth: int, told: int) -> bool:
    """Whether two patterns are one, or one of them is a single piece of what the other is laid."""
    return told == truth or told in LAID_AS.get(truth, ()) or truth in LAID_AS.get(told, ())


def report(left_out: LeftOut) -> Iterator[str]:
    """Yields lines of a table: right in all, in rooms, in swatches; and not contradicted."""
    truth = np.array([picture.pattern for picture in left_out.pictures])
    told = left_out.logits.argmax(axis=1)
    right = told == truth
    alike = np.array([agreeing(one, other) for one, other in zip(truth, told, strict=True)])
    room = np.array([picture.room for picture in left_out.pictures])
    texture = np.array([picture.source == TEXTURES for picture in left_out.pictures])
    shop = np.array([picture.source for picture in left_out.pictures])

    def share(which: NDArray[np.bool_], hits: NDArray[np.bool_] = right) -> str:
        count, hit = int(which.sum()), int(hits[which].sum())
        low, high = wilson_interval(hit, count)
        return f"{hit / max(count, 1):.3f} ({low:.3f}-{high:.3f}) of {count}" if count else "-"

    yield "| pattern | shops | rooms | swatches | not contradicted | textures | told instead |"
    yield "|---|---|---|---|---|---|---|"
    cases = [("all", np.ones(len(truth), np.bool_))]
    cases += [(name, truth == number) for number, name in enumerate(CLASSES)]
    for name, case in cases:
        seen = case & ~texture
        wrong = Counter(CLASSES[number] for number in told[seen & ~right])
        instead = ", ".join(f"{other} {count}" for other, count in wrong.most_common(3))
        columns = [seen, seen & room, seen & ~room]
        cells = [share(which) for which in columns] + [share(seen, alike), share(case & texture)]
        yield f"| {name} | {' | '.join(cells)} | {instead if name != 'all' else ''} |"
    patterns = [right[~texture & (truth == n)] for n in range(len(CLASSES))]
    mean = np.mean([part.mean() for part in patterns if len(part)])
    yield f"mean of the patterns {mean:.3f}; by shop: " + ", ".join(
        f"{name} {right[shop == name].mean():.2f} of {(shop == name).sum()}"
        for name in sorted(set(shop.tolist()))
    )


def fit_probe(features: Sequence[KnownFeatures], encoder: str, temperature: float) -> PatternProbe:
    """Returns the probe fitted on all pictures."""
    fit = fit_rows(summaries(features), [known.picture for known in features])
    return PatternProbe(
        fit.mean,
        fit.scale,
        fit.matrix / np.float32(temperature),
        fit.bias / np.float32(temperature),
        encoder,
        VERSION,
    )


def summaries(features: Sequence[KnownFeatures]) -> Rows:
    """Returns float32 (n, 2 * d0), what the probe sees of each picture."""
    return np.stack([pattern_summary(known.base, known.coverage) for known in features])


def main() -> None:
    """Fit, check, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, default=Path(".cache/matching"))
    parser.add_argument("--workers", type=int, default=1, help="processes that describe pictures")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--without-check", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    features = read_features(arguments.data, arguments.cache, arguments.workers)
    known = [feature.picture for feature in features]
    print(f"{len(known)} pictures: {dict(Counter(picture.how for picture in known))}", flush=True)
    checked = arguments.cache / "pattern" / "temperature.json"
    if not arguments.without_check:
        left_out = leave_out(summaries(features), known)
        print("\n".join(report(left_out)), flush=True)
        temperature = temperature_of(left_out)
        checked.write_text(json.dumps(temperature))
    temperature = float(json.loads(checked.read_text()))
    save_probe(fit_probe(features, encoder_version(), temperature), arguments.out / PROBE)
    print(f"{PROBE}: temperature {temperature:.2f}")


if __name__ == "__main__":
    main()
