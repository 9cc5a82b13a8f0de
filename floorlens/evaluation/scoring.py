"""One photo at a time: asks the measured pipeline and turns its answer into an outcome."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from floorlens.errors import CatalogueError, FloorlensError, ImageError
from floorlens.evaluation.datasets import Pair, ProductFolder
from floorlens.evaluation.measured import Lens
from floorlens.evaluation.metrics import (
    ndcg,
    nearest,
    pessimistic_order,
    tied_rank,
)
from floorlens.evaluation.reports import PairOutcome, RankingOutcome
from floorlens.images.colour import delta_e76
from floorlens.images.loading import read_bytes

NEIGHBOURS = 9
"""How many products of like colour the true one is set against for `hard10_*`."""
SHOWN = 5
"""How many first matches an outcome keeps."""


@dataclass
class Clock:
    """Keeps the time of the calls that are measured: `with clock(): ...`."""

    seconds: list[float] = field(default_factory=list)

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Times the body of the `with`, also where it raises."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds.append(time.perf_counter() - start)

    @property
    def mean(self) -> float:
        """Mean seconds of a call; 0 if there was none."""
        return float(np.mean(self.seconds)) if self.seconds else 0.0


@dataclass(frozen=True)
class Ranking:
    """The distinct products found for one photo.

    Attributes:
        groups: group -> its best score and its ids as they were listed.
        reason: why there is none; "" if the search went well.
    """

    groups: Mapping[int, tuple[float, tuple[str, ...]]]
    reason: str = ""


def explain(error: Exception) -> str:
    """Returns why a photo failed, in words."""
    text = str(error) or "no further word"
    return text if isinstance(error, FloorlensError) else f"{type(error).__name__}: {text}"


def search_photo(lens: Lens, path: Path, products: ProductFolder, clock: Clock) -> Ranking:
    """Returns what a search of the photo's bytes finds; a photo that fails finds nothing.

    Raises:
        CatalogueError: the catalogue itself is not usable.
    """
    try:
        data = read_bytes(path)
    except ImageError as error:
        return Ranking({}, explain(error))
    return search_bytes(lens, data, products, clock)


def search_bytes(
    lens: Lens,
    data: bytes,
    products: ProductFolder,
    clock: Clock,
    region: NDArray[np.bool_] | None = None,
) -> Ranking:
    """Returns what a search of a photo's bytes finds, as `search_photo` does.

    `region` is its floor, bool (h, w); None leaves finding it to the pipeline.

    Raises:
        CatalogueError: the catalogue itself is not usable.
    """
    try:
        with clock():
            result = lens.search(data, region=region)
    except CatalogueError:
        # Not this photo's fault: every other one would fail as well.
        raise
    except Exception as error:  # noqa: BLE001
        # One photo must not end a long measurement, not even by a bug; it is listed and counts.
        return Ranking({}, explain(error))
    members: dict[int, list[str]] = defaultdict(list)
    scores: dict[int, float] = {}
    for match in result.matches:
        group = products.group_of.get(match.product.id)
        if group is not None:
            members[group].append(match.product.id)
            scores[group] = max(scores.get(group, -np.inf), float(match.score))
    return Ranking({group: (scores[group], tuple(ids)) for group, ids in members.items()})


def pair_outcome(
    pair: Pair, ranking: Ranking, products: ProductFolder, colours: NDArray[np.float64]
) -> PairOutcome:
    """Returns how the true product of one row fared; a photo or product that failed is last.

    Args:
        pair: the row.
        ranking: what was found for its room.
        products: the catalogue.
        colours: `datasets.mean_colours` of the catalogue.
    """
    scores = {group: score for group, (score, _) in ranking.groups.items()}
    best = sorted(ranking.groups.values(), key=lambda entry: -entry[0])[:SHOWN]
    truth = products.group_of_file(pair.product)
    rank, hard_rank = products.count, min(NEIGHBOURS + 1, products.count)
    reason = ranking.reason
    if truth is None or truth not in scores:
        reason = reason or "the true product is not in the catalogue"
    else:
        distances = delta_e76(colours, colours[truth])
        distances[truth] = np.inf
        rivals = [int(group) for group in nearest(distances, NEIGHBOURS)]
        rank = tied_rank(scores[truth], list(scores.values()))
        # Without its own colour it has no rivals, which must not make it the first.
        if np.isfinite(colours[truth]).all():
            hard_rank = tied_rank(
                scores[truth], [scores[truth], *(scores[g] for g in rivals if g in scores)]
            )
    return PairOutcome(
        room=pair.room,
        product=pair.product,
        source=pair.source,
        rank=rank,
        hard10_rank=hard_rank,
        score=None if truth is None else scores.get(truth),
        first=tuple((ids[0], score) for score, ids in best),
        reason=reason,
    )


def ranking_outcome(
    query: str, grades: Mapping[str, int], ranking: Ranking, products: ProductFolder
) -> RankingOutcome:
    """Returns how one query's ranking agrees with its grades (product file -> grade)."""
    # Keyed by group, so that twins are judged once; a product that is not there keeps its name
    # and stays in the ideal, where it counts as not found.
    grade_of: dict[str, float] = {}
    for name, grade in grades.items():
        group = products.group_of_file(name)
        key = name if group is None else str(group)
        grade_of[key] = max(grade_of.get(key, 0.0), float(grade))
    entries = {str(group): entry for group, entry in ranking.groups.items()}
    order = pessimistic_order(list(entries), [score for score, _ in entries.values()], grade_of)
    listed = [(product, entries[key][0]) for key in order for product in entries[key][1]]
    return RankingOutcome(
        query=query,
        ndcg=ndcg([grade_of.get(key, 0.0) for key in order], grade_of.values()),
        ranking=tuple(product for product, _ in listed),
        scores=tuple(score for _, score in listed),
        reason=ranking.reason,
    )
