"""`eval pairs`: does a room find the product that lies on its floor?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from floorlens.evaluation.calibration import ScoreOutcome, score_figures
from floorlens.evaluation.datasets import (
    Failure,
    Measured,
    Pair,
    PairsDataset,
    ProductFolder,
    failures,
    mean_colours,
    read_pairs,
)
from floorlens.evaluation.measured import Clock, Lens, Opener, open_measured_lens, report_stamp
from floorlens.evaluation.metrics import (
    bootstrap_interval,
    nearest_indices,
    rank_rates,
    share_within,
    tied_rank,
)
from floorlens.evaluation.searches import PhotoRanking, lens_with_products, search_photo
from floorlens.evaluation.worst_cases import MOST, Card, RoomCase, write_rooms
from floorlens.images.colour import delta_e76

if TYPE_CHECKING:
    from floorlens.catalogue.batches import Progress
    from floorlens.importing import ImportProgress

NEIGHBOURS = 9
"""How many products of like colour the true one competes with for `hard10_*`."""
FIRST = 5
"""How many first matches an outcome holds."""
FAR = (None, "related")
"""The words of a first match where nothing is close."""


@dataclass(frozen=True)
class PairOutcome:
    """The result for one row of pairs.csv.

    Attributes:
        room, product: file names.
        source: the row's source.
        rank: the true product's place among the distinct products, ties at their worst.
        hard10_rank: its place among itself and the nine products nearest to it in mean Lab.
        score: the true product's score, 0..1; None where it was not ranked.
        first: id and score of the first distinct products, best first.
        reason: why it was not ranked; "" if it was.
        reading: what the search said of itself; None where nothing is calibrated.
    """

    room: str
    product: str
    source: str
    rank: int
    hard10_rank: int
    score: float | None
    first: tuple[tuple[str, float], ...]
    reason: str = ""
    reading: ScoreOutcome | None = None


@dataclass(frozen=True)
class PairsReport:
    """How well the rooms of pairs.csv find their products.

    Attributes:
        outcomes: one for each row, in the order of the file.
        products: how many distinct products were ranked against each other.
        seconds_per_query: the mean time of a search of a photo given as bytes.
        failed: files that could not be used, and why.
        stamp: which preset, models and version of Floorlens were measured.
        data: which data; None: the report does not say it.
    """

    outcomes: tuple[PairOutcome, ...]
    products: int
    seconds_per_query: float
    failed: tuple[Failure, ...]
    stamp: Mapping[str, Any] = field(default_factory=dict)
    data: Measured | None = None

    def as_dict(self) -> dict[str, Any]:
        """Returns plain JSON values: finite numbers, rates in 0..1."""
        sources = sorted({outcome.source for outcome in self.outcomes})
        return {
            **_rates(self.outcomes),
            "seconds_per_query": self.seconds_per_query,
            "by_source": {
                source: _rates([o for o in self.outcomes if o.source == source])
                for source in sources
            },
            "ci95": _intervals(self.outcomes),
            "scores": self._scores(),
            "products": self.products,
            "failed": [failure.as_dict() for failure in self.failed],
            "per_query": [
                {
                    "room": outcome.room,
                    "product": outcome.product,
                    "source": outcome.source,
                    "rank": outcome.rank,
                    "hard10_rank": outcome.hard10_rank,
                    "score": outcome.score,
                    "first": [list(match) for match in outcome.first],
                }
                for outcome in self.outcomes
            ],
            "stamp": dict(self.stamp),
            **({} if self.data is None else self.data.as_dict()),
        }

    def _scores(self) -> dict[str, Any] | None:
        """Returns how far the scores can be believed; None where nothing is calibrated."""
        rows = [(o.reading, o.room) for o in self.outcomes if o.reading is not None]
        if not rows:
            return None
        return score_figures([reading for reading, _ in rows], [room for _, room in rows])


def evaluate_pairs(
    directory: Path,
    preset: str | None = None,
    *,
    html: Path | None = None,
    progress: Progress | None = None,
    index_progress: ImportProgress | None = None,
    opener: Opener = open_measured_lens,
) -> PairsReport:
    r"""Returns how well rooms find the product on their floor.

    Args:
        directory: rooms/, products/ and pairs.csv (room, product, source); only read.
        preset: the preset to measure; the default one if None.
        html: a folder to write the worst cases into; none if None.
        progress: called with (done, total) photos after each of them.
        index_progress: the `progress` of the import of the products (`Floorlens.add`).
        opener: opens a catalogue in an empty folder.

    Raises:
        DatasetError: the folder lacks a folder, file or column.
        SettingsError: there is no such preset.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.evaluation.pairs import evaluate_pairs
        >>> Path("rooms").mkdir()
        >>> photo = Path("room.jpg").rename("rooms/room.jpg")
        >>> rows = ["room,product,source", "room.jpg,oak-natural-plank.jpg,shop"]
        >>> _ = Path("pairs.csv").write_text("\n".join(rows))
        >>> evaluate_pairs(Path()).as_dict()["top1"]
        1.0
    """
    data = read_pairs(directory)
    colours = mean_colours(data.products)
    reasons: dict[str, str] = {}
    outcomes: dict[int, PairOutcome] = {}
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, pair in enumerate(data.pairs):
        rows_of[pair.room].append(row)
    reasons.update(absent_products(data))
    clock = Clock()
    with lens_with_products(opener, preset, data.products, reasons, index_progress) as lens:
        for number, (room, rows) in enumerate(rows_of.items(), start=1):
            ranking = search_photo(lens, data.rooms / room, data.products, clock)
            if ranking.reason:
                reasons[f"rooms/{room}"] = ranking.reason
            for row in rows:
                pair = data.pairs[row]
                outcomes[row] = outcome_of(pair, ranking, data.products, colours)
            if progress is not None:
                progress(number, len(rows_of))
        report = PairsReport(
            outcomes=tuple(outcomes[row] for row in range(len(data.pairs))),
            products=data.products.count,
            seconds_per_query=clock.mean,
            failed=failures(reasons),
            stamp=report_stamp(lens),
            data=Measured("pairs", directory, data.products.digest),
        )
        if html is not None:
            _write_worst(report, data, lens, html)
    return report


def absent_products(data: PairsDataset) -> dict[str, str]:
    """Returns file -> reason of each product of pairs.csv that is not in products/.

    Example:
        >>> from floorlens.demo.samples import samples
        >>> from floorlens.evaluation.datasets import read_pairs
        >>> from floorlens.evaluation.pairs import absent_products
        >>> absent_products(read_pairs(samples()))
        {}
    """
    return {
        f"products/{pair.product}": "named in pairs.csv, but not there"
        for pair in data.pairs
        if data.products.group_of_file(pair.product) is None
    }


def outcome_of(
    pair: Pair, ranking: PhotoRanking, products: ProductFolder, colours: NDArray[np.float64]
) -> PairOutcome:
    """Returns the result for one row; the true product is last where photo or product failed.

    Args:
        pair: the row.
        ranking: the search of its room.
        products: the catalogue's products.
        colours: their `mean_colours`.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.evaluation.datasets import Pair, mean_colours, read_products
        >>> from floorlens.evaluation.pairs import outcome_of
        >>> from floorlens.evaluation.searches import PhotoRanking
        >>> products = read_products(Path("products"))
        >>> ranking = PhotoRanking({0: (0.4, ("oak-natural-plank",)), 1: (0.7, ("other",))})
        >>> pair = Pair("room.jpg", "oak-natural-plank.jpg", "shop")
        >>> outcome_of(pair, ranking, products, mean_colours(products)).rank
        2
    """
    scores = ranking.scores
    best = sorted(ranking.groups.values(), key=lambda entry: -entry[0])[:FIRST]
    truth = products.group_of_file(pair.product)
    hard_rank = min(NEIGHBOURS + 1, products.count)
    reason = ranking.reason
    if truth is None or truth not in scores:
        reason = reason or "the true product is not in the catalogue"
    else:
        distances = delta_e76(colours, colours[truth])
        distances[truth] = np.inf
        rivals = [int(group) for group in nearest_indices(distances, NEIGHBOURS)]
        # A product whose colour is unknown has no rivals; that must not make it the first.
        if np.isfinite(colours[truth]).all():
            hard_rank = tied_rank(
                scores[truth], [scores[truth], *(scores[g] for g in rivals if g in scores)]
            )
    return PairOutcome(
        room=pair.room,
        product=pair.product,
        source=pair.source,
        rank=rank_of(pair, ranking, products),
        hard10_rank=hard_rank,
        score=None if truth is None else scores.get(truth),
        first=tuple((ids[0], score) for score, ids in best),
        reason=reason,
        reading=None if truth is None else _reading_of(ranking, truth),
    )


def rank_of(pair: Pair, ranking: PhotoRanking, products: ProductFolder) -> int:
    """Returns the true product's place among the distinct ones; the last where it has none.

    Args:
        pair, ranking, products: as for `outcome_of`.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.evaluation.datasets import Pair, read_products
        >>> from floorlens.evaluation.pairs import rank_of
        >>> from floorlens.evaluation.searches import PhotoRanking
        >>> pair = Pair("room.jpg", "oak-natural-plank.jpg", "shop")
        >>> rank_of(pair, PhotoRanking({}), read_products(Path("products")))
        3
    """
    scores = ranking.scores
    truth = products.group_of_file(pair.product)
    if truth is None or truth not in scores:
        return products.count
    return tied_rank(scores[truth], list(scores.values()))


def _reading_of(ranking: PhotoRanking, truth: int) -> ScoreOutcome | None:
    """Returns what a search said of itself, beside the group of the right product."""
    read = ranking.read
    if not read:
        return None
    other = next((match for match in read if match.group != truth), None)
    return ScoreOutcome(
        score=read[0].score,
        right=read[0].group == truth,
        equals=ranking.equals,
        covered=any(match.group == truth for match in read[: ranking.equals]),
        nothing_close=read[0].word in FAR,
        without=other is None or other.word in FAR,
        likeness=read[0].likeness,
        likeness_without=None if other is None else other.likeness,
    )


def _rates(outcomes: Sequence[PairOutcome]) -> dict[str, Any]:
    hard = [outcome.hard10_rank for outcome in outcomes]
    return {
        **asdict(rank_rates([outcome.rank for outcome in outcomes])),
        "hard10_top1": share_within(hard, 1),
        "hard10_top3": share_within(hard, 3),
    }


def _intervals(outcomes: Sequence[PairOutcome]) -> dict[str, list[float]]:
    """Returns 95 % intervals over rooms: the queries of one room are drawn together."""
    rooms = [outcome.room for outcome in outcomes]
    ranks = np.array([outcome.rank for outcome in outcomes])
    hard = np.array([outcome.hard10_rank for outcome in outcomes])
    values = {
        "mrr": 1.0 / ranks,
        "top1": ranks <= 1,
        "top5": ranks <= 5,
        "top10": ranks <= 10,
        "hard10_top1": hard <= 1,
        "hard10_top3": hard <= 3,
    }
    return {name: list(bootstrap_interval(value, groups=rooms)) for name, value in values.items()}


def _write_worst(report: PairsReport, data: PairsDataset, lens: Lens, folder: Path) -> None:
    """Writes the page of the rooms whose product came last."""
    worst = sorted(report.outcomes, key=lambda o: (-o.rank, -o.hard10_rank, o.room))[:MOST]
    cases = []
    for outcome in worst:
        truth = Path(outcome.product).stem
        cards = [Card(truth, outcome.score, right=True)]
        for place, (product, score) in enumerate(outcome.first, start=1):
            right = data.products.are_one(product, truth)
            cards.append(Card(product, score, right=right, place=place))
        title = (
            f"{outcome.room} ({outcome.source}): rank {outcome.rank} of {report.products}, "
            f"{outcome.hard10_rank} among its likes"
        )
        photo = data.rooms / outcome.room
        cases.append(RoomCase(title, outcome.reason, outcome.room, photo, tuple(cards)))
    figures = report.as_dict()
    lead = (
        f"{figures['n']} queries against {report.products} distinct products: MRR "
        f"{figures['mrr']:.3f}, top-1 {figures['top1']:.3f}, top-5 {figures['top5']:.3f}, median "
        f"rank {figures['median_rank']:g}. The {len(worst)} worst follow."
    )
    title = "Worst cases: rooms and their products"
    write_rooms(folder, title, lead, cases, data.products, lens.mask)
