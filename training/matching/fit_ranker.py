"""Learn the re-ranker's parameters from real pairs, listwise: which product lies in which room?

    python -m training.matching.fit_ranker --data ../shared/data

The catalogue is every product and swatch of `train_pairs`. Each shop's rooms are compared under a
projection that took along the pairs of the other shops alone; then parameters are learned on all
shops but one, for each of them, to print what that is worth (folds by shop), and last on all, for
`floorlens/weights/ranker.json`. Rooms come as they are and, counting less, under a strong light:
rooms of shops are renders and studio pictures, whose colours tell more than a photo's.

What catalogues that are not adapted use (`plain`) is no part of it: they are small, and what
matters in them is which products are like a floor. It was chosen among a few on graded rooms
(`docs/matching-log.md`).

Loss: softmax cross-entropy of the true product among all others (ListNet with one relevant item,
Cao et al. 2007).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.matching.features import Described, describe_all, swatches_of
from training.matching.pipeline import (
    ADAPTED,
    ASPECTS,
    WEIGHTS,
    WIDE,
    Aspect,
    AspectName,
    BuiltinEmbedder,
    Falloff,
    FloorFeatures,
    Parameters,
    Projection,
    colour_gaps,
    cosines,
    default_parameters,
    default_probe,
    fit_products,
    pair_scatter_of,
    pattern_score,
    unpack,
)

VERSION = "0.3.0"
#: Where learning begins, and what it is drawn towards. `plain` ships as it stands here.
START = Parameters(
    version="0",
    shares={"whole": 0.45, "query": 0.1, "product": 0.45},
    weights={"colour": 0.18, "texture": 0.73, "pattern": 0.09},
    adapted=Falloff((0.35, 1.5, 1.0), (0.7, 2.0, 1.0), 4.0, 3.0, {}),
    plain=Falloff((0.7, 1.2, 1.0), (0.5, 1.0, 1.0), 12.0, 4.0, {"colour": 2.2, "texture": 0.55}),
)
PARTS = ("whole", "query", "product")
COMPONENTS = ("colour", "texture", "pattern")
#: How much the rooms under another light count beside those as they are.
RELIT = 0.3
#: Shops with fewer rooms share a fold.
SMALL = 30
#: Others that the true product is told from while learning: the hardest, and some at random.
HARDEST, RANDOM = 60, 60
STEPS, RATE, DECAY = 250, 0.04, 0.003
#: The same decay for what colours are compared by: a few shops' swatches must not make lightness
#: or hue mean nothing. Alone they bring a* to ten times L*, and grey floors before brown ones.
COLOUR_DECAY = 0.05


@dataclass(frozen=True)
class Scalars:
    """All that the parameters weigh, for q rooms and p products.

    Attributes:
        gaps: float32 (q, p, 6), `colour_gaps`.
        cosines: float32 (q, p, 3), `cosines` in the order of `PARTS`.
        pattern: float32 (q, p).
        truth: int64 (q,), which product lies in each room.
        shop: (q,), the fold.
    """

    gaps: NDArray[np.float32]
    cosines: NDArray[np.float32]
    pattern: NDArray[np.float32]
    truth: NDArray[np.int64]
    shop: NDArray[np.str_]

    def tensors(
        self, rooms: NDArray[np.intp], products: NDArray[np.intp] | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Returns gaps, cosines and pattern of some rooms; of these products (r, k), or of all."""
        rows: tuple[NDArray[np.intp], ...] = (rooms,)
        if products is not None:
            rows = (rooms[:, None], products)
        parts = (self.gaps, self.cosines, self.pattern)
        first, second, third = (torch.from_numpy(part[rows]) for part in parts)
        return first, second, third


class Ranker(nn.Module):
    """The scores of `floorlens.reranking.backends.builtin`, with parameters that can be learned."""

    def __init__(self, start: Parameters) -> None:
        super().__init__()

        def learned(*values: float) -> nn.Parameter:
            return nn.Parameter(torch.tensor(values).clamp_min(1e-3).log())

        self._plain, falloff = start.plain, start.adapted
        self.lab, self.spread = learned(*falloff.lab), learned(*falloff.spread)
        self.tolerance, self.power = learned(falloff.tolerance), learned(falloff.power)
        self.shares = learned(*(start.shares[name] for name in PARTS))
        self.weights = learned(*(start.weights[name] for name in COMPONENTS))
        self.sharpness = learned(30.0)

    def forward(self, gaps: Tensor, similarities: Tensor, pattern: Tensor) -> Tensor:
        """Returns scores [q, p] times a sharpness."""
        weights = torch.cat([self.lab, self.spread]).exp()
        distance = ((gaps * weights) ** 2).sum(-1).add(1e-6).sqrt()
        nearness = (-distance / (WIDE * self.tolerance.exp())).exp()
        colour = (nearness + nearness**WIDE) / 2
        cosine = (similarities * torch.softmax(self.shares, 0)).sum(-1)
        texture = ((1 + cosine) / 2).clamp(1e-3, 1) ** self.power.exp()
        shares = torch.softmax(self.weights, 0)
        score = shares[0] * colour + shares[1] * texture + shares[2] * pattern
        return score * self.sharpness.exp()

    @torch.no_grad()
    def parameters_of(self) -> Parameters:
        """Returns the parameters, rounded as they are written."""

        def rounded(values: Tensor) -> list[float]:
            return [round(float(value), 4) for value in values]

        shares = rounded(torch.softmax(self.shares, 0))
        weights = rounded(torch.softmax(self.weights, 0))
        lab, spread = rounded(self.lab.exp()), rounded(self.spread.exp())
        return Parameters(
            version=VERSION,
            shares=dict(zip(PARTS, shares, strict=True)),
            weights=dict(zip(COMPONENTS, weights, strict=True)),
            adapted=Falloff(
                lab=(lab[0], lab[1], lab[2]),
                spread=(spread[0], spread[1], spread[2]),
                tolerance=rounded(self.tolerance.exp())[0],
                power=rounded(self.power.exp())[0],
                emphasis={},
            ),
            plain=self._plain,
        )


# -- from pictures to scalars ----------------------------------------------------------------------


def folds_of(rooms: Sequence[Described]) -> NDArray[np.str_]:
    """Returns the fold of each room: its shop, or "others" for the small shops."""
    shops = np.array([room.source.shop for room in rooms])
    names, counts = np.unique(shops, return_counts=True)
    return np.where(np.isin(shops, names[counts < SMALL]), "others", shops)


def read_scalars(described: Sequence[Described]) -> tuple[Scalars, Scalars]:
    """Returns the scalars of all rooms, as they are and under another light, out of fold."""
    swatches = swatches_of(described)
    rooms = [row for row in described if row.source.room and row.aspects]
    place = {row.source.product: number for number, row in enumerate(swatches)}
    truth = np.array([place[room.source.product] for room in rooms])
    folds, parts = folds_of(rooms), []
    for fold in np.unique(folds):
        others = [room for room, name in zip(rooms, folds, strict=True) if name != fold]
        projection = fit(swatches, others)
        mine = np.flatnonzero(folds == fold)
        for look in range(2):
            shown = [rooms[number].aspects[look] for number in mine]
            parts.append((look, mine, *compare_rooms(shown, swatches, projection)))
    looks = []
    for look in range(2):
        order = np.concatenate([mine for seen, mine, *_ in parts if seen == look])
        back = np.argsort(order)
        columns = [
            np.concatenate([part[2 + column] for part in parts if part[0] == look])[back]
            for column in range(3)
        ]
        gaps, similarities, pattern = columns
        looks.append(Scalars(gaps, similarities, pattern, truth, folds))
    return looks[0], looks[1]


def fit(swatches: Sequence[Described], rooms: Sequence[Described]) -> Projection:
    """Returns the projection that a catalogue of these swatches gets; `rooms` are known pairs."""
    own = BuiltinEmbedder().projection
    bases = {row.source.product: row.aspects[0].base for row in swatches}
    pairs = [(room.aspects[0].base, bases[room.source.product]) for room in rooms]
    return fit_products(
        (np.concatenate([aspect.base for aspect in row.aspects]) for row in swatches),
        replace(own.stamp, version=f"{ADAPTED}fold"),
        own.encoder,
        pairs=pair_scatter_of(pairs) if pairs else None,
    )


def compare_rooms(
    rooms: Sequence[Aspect], swatches: Sequence[Described], projection: Projection
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Returns gaps, cosines and pattern of rooms beside swatches."""
    embedder = BuiltinEmbedder()
    products = unpack(
        [_signature(embedder, row.aspects[0], ASPECTS[0], projection) for row in swatches]
    )
    gaps, similarities, pattern = [], [], []
    for aspect in rooms:
        floor = unpack([_signature(embedder, aspect, ASPECTS[1], projection)])
        by_part = cosines(floor, products)
        gaps.append(colour_gaps(floor, products))
        similarities.append(np.stack([by_part[name] for name in PARTS], axis=-1))
        pattern.append(pattern_score(floor, products))
    parts = [np.stack(part).astype(np.float32) for part in (gaps, similarities, pattern)]
    return parts[0], parts[1], parts[2]


def _signature(
    embedder: BuiltinEmbedder, aspect: Aspect, name: AspectName, projection: Projection
) -> bytes:
    facts = default_probe().probabilities(aspect.base, aspect.coverage).astype(np.float16)
    features = FloorFeatures({name: replace(aspect, facts=facts)})
    return embedder.describe(features, projection).signature


# -- learning --------------------------------------------------------------------------------------


def learn(
    looks: Sequence[Scalars], rooms: NDArray[np.intp], start: Parameters, steps: int = STEPS
) -> Ranker:
    """Returns a ranker learned on some rooms. A shop counts as the square root of its rooms."""
    torch.manual_seed(0)
    ranker = Ranker(start)
    first = [value.detach().clone() for value in ranker.parameters()]
    optimiser = torch.optim.Adam(ranker.parameters(), lr=RATE)
    _, place, counts = np.unique(looks[0].shop[rooms], return_inverse=True, return_counts=True)
    share = torch.from_numpy((1 / np.sqrt(counts))[place].astype(np.float32))
    share /= share.mean()
    data = [look.tensors(rooms, _rivals(look, rooms, start)) for look in looks]
    target = torch.zeros(len(rooms), dtype=torch.long)
    for _ in range(steps):
        loss = torch.zeros(())
        for tensors, weight in zip(data, (1.0, RELIT), strict=True):
            each = nn.functional.cross_entropy(ranker(*tensors), target, reduction="none")
            loss = loss + weight * (share * each).mean()
        for (name, value), begun in zip(ranker.named_parameters(), first, strict=True):
            decay = COLOUR_DECAY if name in ("lab", "spread", "tolerance") else DECAY
            loss = loss + decay * ((value - begun) ** 2).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return ranker


def _rivals(look: Scalars, rooms: NDArray[np.intp], start: Parameters) -> NDArray[np.intp]:
    """Returns (r, k): the true product of each room, then those that it is told from."""
    rng, rows = np.random.default_rng(0), []
    with torch.no_grad():
        scores = Ranker(start)(*look.tensors(rooms)).numpy()
    for score, truth in zip(scores, look.truth[rooms], strict=True):
        order = np.argsort(-score)
        order = order[order != truth]
        chance = rng.permutation(order[HARDEST:])[:RANDOM]
        rows.append(np.concatenate([[truth], order[:HARDEST], chance]))
    return np.stack(rows)


def ranks_of(ranker: Ranker, look: Scalars, rooms: NDArray[np.intp]) -> NDArray[np.int64]:
    """Returns the rank, from 1, of the true product of each room; ties count against it."""
    with torch.no_grad():
        scores = ranker(*look.tensors(rooms)).numpy()
    own = scores[np.arange(len(rooms)), look.truth[rooms]]
    return np.asarray((scores >= own[:, None]).sum(axis=1), np.int64)


def figures(
    looks: Sequence[Scalars], rankers: Mapping[str, Ranker]
) -> Iterator[tuple[str, str, NDArray[np.float64]]]:
    """Yields (look, shop, reciprocal ranks), each shop by its own ranker."""
    for name, look in zip(("as it is", "relit"), looks, strict=True):
        for shop, ranker in rankers.items():
            rooms = np.flatnonzero(look.shop == shop)
            yield name, shop, 1.0 / ranks_of(ranker, look, rooms)


def report(title: str, looks: Sequence[Scalars], rankers: Mapping[str, Ranker]) -> None:
    """Prints the MRR of each shop, and of all with its 95 % interval (bootstrap over rooms)."""
    by_look: dict[str, dict[str, NDArray[np.float64]]] = {}
    for name, shop, inverse in figures(looks, rankers):
        by_look.setdefault(name, {})[shop] = inverse
    for name, by_shop in by_look.items():
        values = np.concatenate(list(by_shop.values()))
        draws = np.random.default_rng(0).integers(0, len(values), (2000, len(values)))
        low, high = np.quantile(values[draws].mean(axis=1), (0.025, 0.975))
        shops = ", ".join(f"{shop} {inverse.mean():.3f}" for shop, inverse in by_shop.items())
        print(
            f"{title}, {name}: MRR {values.mean():.3f} [{low:.3f}, {high:.3f}], top-1 "
            f"{(values == 1).mean():.3f}, top-5 {(values >= 0.2).mean():.3f} ({shops})",
            flush=True,
        )


def write(parameters: Parameters, looks: Sequence[Scalars], path: Path) -> None:
    """Writes the parameters as JSON, with what they were learned on."""
    values = {
        "version": parameters.version,
        "learned on": f"{len(looks[0].truth)} rooms of train_pairs, {looks[0].gaps.shape[1]} "
        "products; listwise, folds by shop (training/matching/fit_ranker.py)",
        "encoder": BuiltinEmbedder().projection.encoder,
        "shares": dict(parameters.shares),
        "weights": dict(parameters.weights),
        "adapted": _as_dict(parameters.adapted),
        "plain": _as_dict(parameters.plain),
    }
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _as_dict(falloff: Falloff) -> dict[str, Any]:
    values = {field.name: getattr(falloff, field.name) for field in fields(falloff)}
    return values | {"emphasis": dict(falloff.emphasis)}


def main() -> None:
    """Learn, print what it is worth, and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, default=Path(".cache/matching"))
    parser.add_argument("--workers", type=int, default=1, help="processes that describe pictures")
    parser.add_argument("--out", type=Path, default=WEIGHTS / "ranker.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    described = describe_all(arguments.data, arguments.cache, arguments.workers)
    looks = read_scalars(described)
    shops = np.unique(looks[0].shop)
    present = default_parameters()
    report("in the package", looks, {str(shop): Ranker(present) for shop in shops})
    learned = {
        str(shop): learn(looks, np.flatnonzero(looks[0].shop != shop), START) for shop in shops
    }
    report("learned, folds by shop", looks, learned)
    ranker = learn(looks, np.arange(len(looks[0].truth)), START)
    write(ranker.parameters_of(), looks, arguments.out)
    print(arguments.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
