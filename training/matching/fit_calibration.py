"""Learn what likenesses mean: probabilities, words and groups of equals, for a list of any length.

    python -m training.matching.fit_calibration --data ../shared/data

Lists are drawn as searches would give them: a room of `train_pairs` as it is or under another
light, among products that are chosen at random, 64 to 1,571 of them where the catalogue is adapted
and 20 to 400 where it is not; in one of ten the room's own product is not among them, and counts as
one of twenty. Likenesses come from projections and rankers that never saw the room's shop.
Everything is fitted on all shops but one, for each of them, to print what it is worth, and last on
all, for `floorlens/weights/calibration.json`.

Products of which there are more than pictures, for catalogues of 5,000 and 20,000, are put together
from the colour of one and the texture of another. They are only looked at, not learned from.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from floorlens.evaluation.calibration import bins_of, calibration_error
from floorlens.evaluation.metrics import auroc
from training.matching.features import Described, describe_all, swatches_of
from training.matching.fit import SHRINKAGE, pairs_of, views_of
from training.matching.fit_ranker import (
    COMPONENTS,
    PARTS,
    START,
    Scalars,
    compare_rooms,
    folds_of,
    learn,
    read_scalars,
)
from training.matching.fit_ranker import fit as fit_projection
from training.matching.pipeline import (
    LEAST,
    WEIGHTS,
    BuiltinEmbedder,
    Calibration,
    Falloff,
    Parameters,
    colour_score,
    default_parameters,
    fit_products,
    list_features,
    list_probabilities,
    pair_scatter_of,
    texture_score,
)

VERSION = "0.3.0"
#: Products that are re-ranked, which is all that a list holds.
DEPTH = 200
#: Lists of each room and light; how many of them lack the product, and how many count as if they
#: did.
LISTS, LACKING, ABSENT = 4, 0.1, 0.05
#: Numbers of products, from and to.
SIZES = {"adapted": (64, 1571), "plain": (20, 400)}
CENTRES = {"adapted": 0.45, "plain": 0.6}
DECAY = 0.003
#: What the words promise: so many of the first matches that are called "same floor" are; a match is
#: "very close" from the likeness of every second true pair on, "close" from that of 19 of 20 first
#: matches, "related" from that of 19 of 20 true pairs.
SAME_FLOOR, VERY_CLOSE, CLOSE, RELATED = 0.9, 0.5, 0.05, 0.05
#: Lists of like probability that "so many" is counted among.
AROUND = 100
#: The share of the products that is taken out with a room's own one, to leave nothing close.
LOOK_ALIKES = 0.03
#: How many searches have the right product among the equals.
EQUALS = 0.9
#: Edges of the sizes that figures are printed for.
BINS = (0, 100, 300, 800, 5000)


@dataclass(frozen=True)
class Lists:
    """Searches, simulated: q lists of at most `DEPTH` products, best first.

    Attributes:
        likeness: float64 (q, DEPTH); NaN after the end of a list.
        truth: int64 (q,), the place of the room's product, from 0; -1 where it is not there.
        present: bool (q,), whether the catalogue holds the room's product, ranked or not.
        own: float64 (q,), the likeness of the room's product, also where it is not there.
        total: int64 (q,), how many products were searched.
        relit: bool (q,), whether the room is under another light.
        shop: (q,), the fold.
    """

    likeness: NDArray[np.float64]
    truth: NDArray[np.int64]
    present: NDArray[np.bool_]
    own: NDArray[np.float64]
    total: NDArray[np.int64]
    relit: NDArray[np.bool_]
    shop: NDArray[np.str_]

    def of(self, rows: NDArray[np.bool_]) -> Lists:
        """Returns some of the lists."""
        return Lists(**{name: value[rows] for name, value in vars(self).items()})


# -- from rooms to lists ---------------------------------------------------------------------------


def components_of(
    look: Scalars, parameters: Parameters, falloff: Falloff, rooms: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Returns float64 (r, p, 3), each component times its weight; their sum is the likeness."""
    weights = np.array(
        [parameters.weights[name] * falloff.emphasis.get(name, 1.0) for name in COMPONENTS]
    )
    weights /= weights.sum()
    gaps, similarities = look.gaps[rooms], look.cosines[rooms]
    shape = gaps.shape[:2]
    by_part = {name: similarities[..., i].ravel() for i, name in enumerate(PARTS)}
    parts = (
        colour_score(gaps.reshape(-1, 6), falloff).reshape(shape),
        texture_score(by_part, parameters.shares, falloff).reshape(shape),
        look.pattern[rooms],
    )
    return np.stack(parts, axis=-1).astype(np.float64) * weights


def adapted_components(looks: Sequence[Scalars]) -> list[NDArray[np.float64]]:
    """Returns the weighted components of each look, from rankers that never saw the shop."""
    shop = looks[0].shop
    parts = [np.zeros((*look.pattern.shape, 3)) for look in looks]
    for name in np.unique(shop):
        ranker = learn(looks, np.flatnonzero(shop != name), START)
        parameters, mine = ranker.parameters_of(), np.flatnonzero(shop == name)
        for look, part in zip(looks, parts, strict=True):
            part[mine] = components_of(look, parameters, parameters.adapted, mine)
    return parts


def plain_components(
    described: Sequence[Described], looks: Sequence[Scalars]
) -> list[NDArray[np.float64]]:
    """Returns the weighted components of each look where catalogues are not adapted.

    The projection is the one that the package would have without the room's shop.
    """
    swatches = swatches_of(described)
    rooms = [row for row in described if row.source.room and row.aspects]
    folds, own = folds_of(rooms), BuiltinEmbedder().projection
    shops = np.array([room.source.shop for room in rooms])
    parts = [np.zeros((*look.pattern.shape, 3)) for look in looks]
    parameters = default_parameters()
    for fold in np.unique(folds):
        mine = np.flatnonzero(folds == fold)
        others = [row for row in described if row.source.shop not in set(shops[mine])]
        projection = fit_products(
            views_of(others),
            replace(own.stamp, version="fold"),
            own.encoder,
            SHRINKAGE,
            pairs=pair_scatter_of(pairs_of(others)),
        )
        for number, part in enumerate(parts):
            shown = [rooms[place].aspects[number] for place in mine]
            truth, shop = looks[number].truth[mine], looks[number].shop[mine]
            scalars = Scalars(*compare_rooms(shown, swatches, projection), truth, shop)
            part[mine] = components_of(scalars, parameters, parameters.plain, np.arange(len(mine)))
    return parts


def draw_lists(
    parts: Sequence[NDArray[np.float64]], look: Scalars, sizes: tuple[int, int]
) -> Lists:
    """Returns lists of all rooms among products that are chosen at random."""
    rng, rows = np.random.default_rng(0), []
    low, high = sizes
    for relit, part in enumerate(parts):
        scores = part.sum(axis=-1)
        for room, truth in enumerate(look.truth):
            for _ in range(LISTS):
                total = int(np.exp(rng.uniform(np.log(low), np.log(high + 1))))
                products = rng.permutation(scores.shape[1])
                products = products[products != truth][: total - 1]
                present = rng.random() >= LACKING
                if present:
                    products = np.append(products, truth)
                rows.append(
                    (*_list_of(scores[room], products, truth), present, total, relit == 1, room)
                )
    return _lists(rows, look)


def blended_lists(
    parts: Sequence[NDArray[np.float64]], look: Scalars, total: int, every: int = 3
) -> Lists:
    """Returns lists among more products than there are pictures, of every so many rooms."""
    rng, rows = np.random.default_rng(1), []
    for relit, part in enumerate(parts):
        for room in range(0, len(look.truth), every):
            truth = look.truth[room]
            others = np.flatnonzero(np.arange(part.shape[1]) != truth)
            one, two = rng.choice(others, (2, total - part.shape[1]))
            blends = part[room, one, 0] + part[room, two, 1:].sum(axis=-1)
            scores = np.concatenate([part[room].sum(axis=-1), blends])
            products = np.arange(len(scores))
            rows.append((*_list_of(scores, products, truth), True, total, relit == 1, room))
    return _lists(rows, look)


def look_alikes(described: Sequence[Described], truth: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Returns bool (q, p): the products that are most like each room's own one, itself included."""
    swatches = swatches_of(described)
    parameters, projection = default_parameters(), fit_projection(swatches, [])
    names, place = np.unique(truth, return_inverse=True)
    shown = [swatches[name].aspects[0] for name in names]
    scalars = Scalars(
        *compare_rooms(shown, swatches, projection), names, np.full(len(names), "", object)
    )
    every = np.arange(len(names))
    likeness = components_of(scalars, parameters, parameters.adapted, every).sum(axis=-1)
    least = np.quantile(likeness, 1 - LOOK_ALIKES, axis=1, keepdims=True)
    return np.asarray((likeness >= least)[place], np.bool_)


def bare_lists(
    parts: Sequence[NDArray[np.float64]], look: Scalars, absent: NDArray[np.bool_]
) -> Lists:
    """Returns a list of each room and light among all products but those that are absent."""
    rows = []
    for relit, part in enumerate(parts):
        for room, truth in enumerate(look.truth):
            products = np.flatnonzero(~absent[room])
            scores = part[room].sum(axis=-1)
            rows.append(
                (*_list_of(scores, products, truth), False, len(products), relit == 1, room)
            )
    return _lists(rows, look)


def _list_of(
    scores: NDArray[np.float64], products: NDArray[np.intp], truth: int
) -> tuple[NDArray[np.float64], int, float]:
    order = products[np.argsort(-scores[products], kind="stable")][:DEPTH]
    row = np.full(DEPTH, np.nan)
    row[: len(order)] = scores[order]
    place = np.flatnonzero(order == truth)
    return row, int(place[0]) if len(place) else -1, float(scores[truth])


def _lists(rows: Sequence[tuple[object, ...]], look: Scalars) -> Lists:
    likeness, truth, own, present, total, relit, room = (
        np.array(c) for c in zip(*rows, strict=True)
    )
    return Lists(likeness, truth, present, own, total, relit, look.shop[room])


# -- learning --------------------------------------------------------------------------------------


def log_odds(weights: Tensor, lists: Lists, centre: float) -> Tensor:
    """Returns log probabilities [q, 1 + DEPTH]: of "none of these", then of each product."""
    given = torch.tensor(
        [
            list_features(first, total, centre)
            for first, total in zip(lists.likeness[:, 0], lists.total, strict=True)
        ],
        dtype=torch.float64,
    )
    ended = torch.from_numpy(np.isnan(lists.likeness))
    values = torch.from_numpy(np.log(np.maximum(np.nan_to_num(lists.likeness), LEAST) / centre))
    logits = ((given @ weights[:3]).exp()[:, None] * values).masked_fill(ended, -1e9)
    return torch.log_softmax(torch.cat([(given @ weights[3:])[:, None], logits], dim=1), dim=1)


def shares_of(lists: Lists) -> NDArray[np.float64]:
    """Returns (q,), how much each list counts; a shop as the square root of its lists."""
    _, place, counts = np.unique(lists.shop, return_inverse=True, return_counts=True)
    return np.asarray((1 / np.sqrt(counts))[place], np.float64)


def fit(lists: Lists, centre: float) -> Calibration:
    """Returns the calibration that these lists teach."""
    # A product beyond the re-ranked ones is neither on the list nor absent.
    known = lists.of(~lists.present | (lists.truth >= 0))
    share = shares_of(known)
    lacking = float((~known.present).mean())
    share *= np.where(known.present, (1 - ABSENT) / (1 - lacking), ABSENT / max(lacking, 1e-9))
    count = torch.from_numpy(share / share.mean())
    target = torch.from_numpy(known.truth + 1)[:, None]
    weights = torch.zeros(6, dtype=torch.float64)
    weights[0] = 2.5

    def loss_of(values: Tensor) -> Tensor:
        each = -log_odds(values, known, centre).gather(1, target)[:, 0]
        kept_small = 4 * (values[1:3] ** 2).sum() + (values[4:] ** 2).sum()
        return (count * each).mean() + DECAY * kept_small

    weights = _minimised(loss_of, weights)
    p0, p1, p2, a0, a1, a2 = (round(value, 4) for value in weights.tolist())
    unknown = (EQUALS, 1.0, 1.0, 1.0, 1.0)
    draft = Calibration(centre, (p0, p1, p2), (a0, a1, a2), (0.0, 1.0), *unknown)
    held = lists.of(lists.present)
    correction = _correction(np.array([p[1] for p in probabilities(held, draft)]), held)
    draft = replace(draft, correction=correction, coverage=_coverage(held, draft))
    same, very_close, close, related = _words(held, draft)
    return replace(draft, same_floor=same, very_close=very_close, close=close, related=related)


def _minimised(loss_of: Callable[[Tensor], Tensor], start: Tensor) -> Tensor:
    values = start.clone().requires_grad_()
    optimiser = torch.optim.LBFGS([values], max_iter=150, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = loss_of(values)
        loss.backward()
        return loss

    optimiser.step(closure)
    return values.detach()


def probabilities(lists: Lists, calibration: Calibration) -> Iterator[NDArray[np.float64]]:
    """Yields the probabilities of each list as the package computes them, uncorrected."""
    for row, total in zip(lists.likeness, lists.total, strict=True):
        yield list_probabilities(row[~np.isnan(row)], int(total), calibration)


def _correction(first: NDArray[np.float64], lists: Lists) -> tuple[float, float]:
    clipped = np.clip(first, 1e-9, 1 - 1e-9)
    odds = torch.from_numpy(np.log(clipped / (1 - clipped)))
    right = torch.from_numpy((lists.truth == 0).astype(np.float64))
    share = torch.from_numpy(shares_of(lists))
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    offset, slope = _minimised(
        lambda v: entropy(v[0] + v[1] * odds, right, weight=share),
        torch.tensor([0.0, 1.0], dtype=torch.float64),
    ).tolist()
    return round(offset, 4), round(slope, 4)


def _coverage(lists: Lists, calibration: Calibration) -> float:
    """Returns which share of the probability the equals must hold, to hold the right product."""
    reached = np.ones(len(lists.truth))
    for number, odds in enumerate(probabilities(lists, calibration)):
        place = lists.truth[number]
        if place >= 0:
            share = np.cumsum(odds[1:]) / odds[1:].sum()
            # The set holds this place as soon as more is asked for than the places before it have.
            reached[number] = share[place - 1] if place else 0.0
    # A shop counts here as everywhere else.
    order = np.argsort(reached)
    share = np.cumsum(shares_of(lists)[order])
    least = reached[order][np.searchsorted(share, EQUALS * share[-1])]
    return round(min(float(least), 0.99), 4)


def _words(lists: Lists, calibration: Calibration) -> tuple[float, float, float, float]:
    """Returns from which probability, then from which likenesses on the words hold."""
    first = first_probabilities(lists, calibration)
    right, order = lists.truth == 0, np.argsort(-first)
    # Not of all above a probability, which would take along those that are less sure.
    precision = np.convolve(right[order], np.ones(AROUND) / AROUND, mode="valid")
    less = np.flatnonzero(precision < SAME_FLOOR)
    last = int(less[0]) - 1 if len(less) else len(precision) - 1
    same = float(first[order][last + AROUND // 2]) if last >= 0 else 1.0
    very_close, related = np.quantile(lists.own, (VERY_CLOSE, RELATED)).tolist()
    close = float(np.quantile(lists.likeness[:, 0], CLOSE))
    return round(same, 3), round(very_close, 3), round(close, 3), round(related, 3)


def first_probabilities(lists: Lists, calibration: Calibration) -> NDArray[np.float64]:
    """Returns (q,), the corrected probability of each list's first product."""
    first = np.array([odds[1] for odds in probabilities(lists, calibration)])
    clipped = np.clip(first, 1e-9, 1 - 1e-9)
    offset, slope = calibration.correction
    return np.asarray(1 / (1 + np.exp(-offset - slope * np.log(clipped / (1 - clipped)))))


# -- what it is worth ------------------------------------------------------------------------------


def report(title: str, lists: Lists, calibrations: dict[str, Calibration]) -> None:
    """Prints base rate, mean probability, ECE and cover of the equals, each shop by its own."""
    held = lists.of(lists.present)
    first, covered, sizes = np.zeros(len(held.truth)), np.zeros(len(held.truth)), []
    for shop, calibration in calibrations.items():
        rows = held.shop == shop
        mine = held.of(rows)
        first[rows] = first_probabilities(mine, calibration)
        equals = np.array(
            [
                (np.cumsum(p[1:]) / p[1:].sum() < calibration.coverage).sum() + 1
                for p in probabilities(mine, calibration)
            ]
        )
        covered[rows] = (mine.truth >= 0) & (mine.truth < equals)
        sizes += equals.tolist()
    right = held.truth == 0
    print(
        f"{title}: {len(right)} lists, base rate {right.mean():.3f}, mean probability "
        f"{first.mean():.3f}, ECE {calibration_error(bins_of(first, right)):.3f}, equals cover "
        f"{covered.mean():.3f}, median {np.median(sizes):g}",
        flush=True,
    )


def report_absence(
    described: Sequence[Described], parts: Sequence[NDArray[np.float64]], look: Scalars
) -> None:
    """Prints how well it is told that a room's product, or all that is like it, is not there."""
    nothing = np.zeros(look.pattern.shape, np.bool_)
    own = nothing.copy()
    own[np.arange(len(own)), look.truth] = True
    held = bare_lists(parts, look, nothing)
    for title, absent in (
        ("the product", own),
        (f"the {LOOK_ALIKES:.0%} most like it", look_alikes(described, look.truth)),
    ):
        lacking = bare_lists(parts, look, absent)
        one, other = held.likeness[:, 0], lacking.likeness[:, 0]
        as_is, relit = (
            auroc(one[held.relit == light], other[lacking.relit == light])
            for light in (False, True)
        )
        print(
            f"  {title} taken out: AUROC {auroc(one, other):.3f}, as it is and relit "
            f"{as_is:.3f}, {relit:.3f}",
            flush=True,
        )


def main() -> None:
    """Learn, print what it is worth, and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, default=Path(".cache/matching"))
    parser.add_argument("--workers", type=int, default=1, help="processes that describe pictures")
    parser.add_argument("--out", type=Path, default=WEIGHTS / "calibration.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    described = describe_all(arguments.data, arguments.cache, arguments.workers)
    looks = read_scalars(described)
    values: dict[str, object] = {"version": VERSION, "ranker": default_parameters().version}
    for scale, parts in (
        ("adapted", adapted_components(looks)),
        ("plain", plain_components(described, looks)),
    ):
        lists, centre = draw_lists(parts, looks[0], SIZES[scale]), CENTRES[scale]
        folds = {str(s): fit(lists.of(lists.shop != s), centre) for s in np.unique(lists.shop)}
        report(f"{scale}, folds by shop", lists, folds)
        for relit in (False, True):
            report(f"  {'relit' if relit else 'as it is'}", lists.of(lists.relit == relit), folds)
        for low, high in pairwise(BINS):
            rows = (lists.total >= low) & (lists.total < high)
            if rows.sum() > 100:
                report(f"  {low} to {high} products", lists.of(rows), folds)
        for shop in folds:
            report(f"  {shop}", lists.of(lists.shop == shop), folds)
        if scale == "adapted":
            for total in (5_000, 20_000):
                report(f"  {total} products, blended", blended_lists(parts, looks[0], total), folds)
            report_absence(described, parts, looks[0])
        values[scale] = asdict(fit(lists, centre))
    arguments.out.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    print(arguments.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
