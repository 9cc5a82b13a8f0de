"""`eval simulated`: are products found in rooms that are simulated with them, under strong light?

The search gets the true floor as its region, so that only matching is measured. A room differs
from the product's picture by camera, light and furniture, and by nothing else.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from floorlens.adaptation.rooms import STRONG_LIGHT, RoomView, simulate_view
from floorlens.errors import DatasetError, ImageError
from floorlens.evaluation.datasets import (
    Failure,
    Measured,
    ProductFolder,
    failures,
    read_products,
)
from floorlens.evaluation.measured import Clock, Opener, open_measured_lens, report_stamp
from floorlens.evaluation.metrics import bootstrap_interval, share_within, tied_rank
from floorlens.evaluation.searches import PhotoRanking, lens_with_products, search_picture
from floorlens.images.loading import load_photo

if TYPE_CHECKING:
    from floorlens.catalogue.batches import Progress
    from floorlens.importing import ImportProgress

VIEWS = 200
METRES = (0.8, 2.4)
"""A product picture is assumed to show so many metres of floor, least and most. Each view draws a
width between them, since a picture does not say it."""


@dataclass(frozen=True)
class SimulatedOutcome:
    """The result for one simulated room.

    Attributes:
        number: the view's number, from 0.
        product: the picture file that is its floor.
        rank: the product's place among the distinct products, ties at their worst.
        score: its score, 0..1; None where it was not ranked.
        first: the id of the first product; None where nothing was ranked.
        reason: why it was not ranked; "" if it was.
    """

    number: int
    product: str
    rank: int
    score: float | None
    first: str | None
    reason: str = ""


@dataclass(frozen=True)
class SimulatedReport:
    """How well simulated rooms find the products on their floors.

    Attributes:
        outcomes: one for each view.
        products: how many distinct products were ranked against each other.
        seed: of the views.
        seconds_per_query: the mean time of a search of a photo given as bytes, with its floor.
        failed: files that could not be used, and why.
        stamp: which preset, models and version of Floorlens were measured.
        data: which data; None: the report does not say it.
    """

    outcomes: tuple[SimulatedOutcome, ...]
    products: int
    seed: int
    seconds_per_query: float
    failed: tuple[Failure, ...]
    stamp: Mapping[str, Any] = field(default_factory=dict)
    data: Measured | None = None

    def as_dict(self) -> dict[str, Any]:
        """Returns plain JSON values: finite numbers, rates in 0..1."""
        ranks = np.array([outcome.rank for outcome in self.outcomes])
        return {
            "n": len(ranks),
            **{f"top{place}": share_within(ranks, place) for place in (1, 3, 5)},
            "mrr": float(np.mean(1.0 / ranks)),
            "median_rank": float(np.median(ranks)),
            "seconds_per_query": self.seconds_per_query,
            "ci95": _intervals(self.outcomes),
            "products": self.products,
            "seed": self.seed,
            "failed": [failure.as_dict() for failure in self.failed],
            "per_query": [
                {
                    "number": outcome.number,
                    "product": outcome.product,
                    "rank": outcome.rank,
                    "first": outcome.first,
                    "score": outcome.score,
                }
                for outcome in self.outcomes
            ],
            "stamp": dict(self.stamp),
            **({} if self.data is None else self.data.as_dict()),
        }


def evaluate_simulated(
    directory: Path,
    preset: str | None = None,
    *,
    views: int = VIEWS,
    seed: int = 0,
    progress: Progress | None = None,
    index_progress: ImportProgress | None = None,
    opener: Opener = open_measured_lens,
) -> SimulatedReport:
    """Returns how well products are found in rooms that are simulated with them.

    The products take turns; those with byte-identical pictures count as one. The same seed makes
    the same views, whatever their number; another catalogue makes others.

    Args:
        directory: holds products/; only read.
        preset: the preset to measure; the default one if None.
        views: how many rooms are simulated.
        seed: of the views.
        progress: called with (done, total) views after each of them.
        index_progress: the `progress` of the import of the products (`Floorlens.add`).
        opener: opens a catalogue in an empty folder.

    Raises:
        DatasetError: there is no products/, or no picture in it can be read.
        SettingsError: there is no such preset.
        ValueError: `views` is less than 1, or `seed` negative.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.evaluation.simulated import evaluate_simulated
        >>> report = evaluate_simulated(Path(), views=3)
        >>> [outcome.rank for outcome in report.outcomes]
        [1, 1, 1]
    """
    if views < 1 or seed < 0:
        raise ValueError("views must be at least 1, and the seed not negative")
    products = read_products(directory / "products")
    names = [products.representative[group] for group in sorted(products.representative)]
    reasons: dict[str, str] = {}
    outcomes: list[SimulatedOutcome] = []
    clock = Clock()
    with lens_with_products(opener, preset, products, reasons, index_progress) as lens:
        for number in range(views):
            name = names[number % len(names)]
            try:
                room = simulate_room(products.folder / name, number, seed)
            except ImageError as error:
                # Its import has failed as well, so there is nothing to find.
                reasons[f"products/{name}"] = str(error)
            else:
                ranking = search_picture(lens, _png(room), products, clock, room.mask)
                outcome = _outcome_of(number, name, ranking, products)
                outcomes.append(outcome)
                if outcome.reason:
                    reasons[f"view {number} of products/{name}"] = outcome.reason
            if progress is not None:
                progress(number + 1, views)
        if not outcomes:
            raise DatasetError(f"{products.folder}: no picture in it can be read")
        return SimulatedReport(
            outcomes=tuple(outcomes),
            products=products.count,
            seed=seed,
            seconds_per_query=clock.mean,
            failed=failures(reasons),
            stamp=report_stamp(lens),
            data=Measured("simulated", directory, products.digest),
        )


def _outcome_of(
    number: int, name: str, ranking: PhotoRanking, products: ProductFolder
) -> SimulatedOutcome:
    """Returns the result for view `number`, of the product file `name`; last where it failed."""
    scores = ranking.scores
    score = scores.get(products.group_of[Path(name).stem])
    if score is None:
        rank, reason = products.count, ranking.reason or "the true product is not in the catalogue"
    else:
        rank, reason = tied_rank(score, list(scores.values())), ranking.reason
    best = max(ranking.groups.values(), key=lambda entry: entry[0], default=None)
    first = None if best is None else best[1][0]
    return SimulatedOutcome(number, name, rank, score, first, reason)


def simulate_room(picture: Path, number: int, seed: int) -> RoomView:
    """Returns view `number` of a product picture, under `STRONG_LIGHT`.

    Args:
        picture: the file that becomes the floor.
        number: another number is another camera, light and furniture.
        seed: another seed makes other views.

    Raises:
        ImageError: the picture cannot be read.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.evaluation.simulated import simulate_room
        >>> room = simulate_room(Path("products/oak-natural-plank.jpg"), 0, seed=0)
        >>> room.rgb.dtype, room.mask.shape == room.rgb.shape[:2]
        (dtype('uint8'), True)
    """
    rng = np.random.default_rng([seed, number])
    metres = math.exp(rng.uniform(*np.log(METRES)))
    texture = load_photo(picture, max_megapixels=math.inf).pixels
    return simulate_view(texture, metres, rng, light=STRONG_LIGHT)


def _png(room: RoomView) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(room.rgb).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _intervals(outcomes: Sequence[SimulatedOutcome]) -> dict[str, list[float]]:
    """Returns 95 % intervals over products: the views of one product are drawn together."""
    ranks = np.array([outcome.rank for outcome in outcomes])
    groups = [outcome.product for outcome in outcomes]
    values = {f"top{place}": ranks <= place for place in (1, 3, 5)} | {"mrr": 1.0 / ranks}
    return {name: list(bootstrap_interval(value, groups=groups)) for name, value in values.items()}
