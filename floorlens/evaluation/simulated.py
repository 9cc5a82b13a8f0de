"""Measures searches on simulated rooms: each product laid as a floor, under strong light.

The floor is given by hand, so that nothing but matching is measured; there is no other difference
between a product and its room than camera, light and what stands about.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from floorlens.adaptation.rooms import STRONG_LIGHT, RoomView, simulate_view
from floorlens.errors import DatasetError, ImageError
from floorlens.evaluation.datasets import Failure, failures, read_products
from floorlens.evaluation.measured import Opener, Progress, open_catalogue, stamp_of
from floorlens.evaluation.metrics import bootstrap_interval, tied_rank, within
from floorlens.evaluation.runner import catalogue_of
from floorlens.evaluation.scoring import Clock, search_bytes
from floorlens.images.loading import load_photo

VIEWS = 200
METRES = (0.8, 2.4)
"""A product picture is taken to show so many metres of floor: drawn for each view, since a picture
does not say it."""


@dataclass(frozen=True)
class SimulatedOutcome:
    """How one simulated room fared.

    Attributes:
        number: the view's number, from 0.
        product: the file laid as its floor.
        rank: the product's place among the distinct products, ties at their worst.
        score: its score, 0..1; None where it was not ranked.
        first: the product that came first; None where nothing was ranked.
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
    """How well simulated rooms found the products on their floors.

    Attributes:
        outcomes: one for each view.
        products: how many distinct products were ranked against each other.
        seed: of the views.
        seconds_per_query: the mean time of a search of a photo given as bytes, with its floor.
        failed: files that could not be used, and why.
        stamp: which preset, models and version of Floorlens were measured.
    """

    outcomes: tuple[SimulatedOutcome, ...]
    products: int
    seed: int
    seconds_per_query: float
    failed: tuple[Failure, ...]
    stamp: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Returns plain JSON values: finite numbers, rates in 0..1."""
        ranks = np.array([outcome.rank for outcome in self.outcomes])
        return {
            "n": len(ranks),
            **{f"top{place}": within(ranks, place) for place in (1, 3, 5)},
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
                }
                for outcome in self.outcomes
            ],
            "stamp": dict(self.stamp),
        }


def evaluate_simulated(
    directory: Path,
    preset: str | None = None,
    *,
    views: int = VIEWS,
    seed: int = 0,
    progress: Progress | None = None,
    index_progress: Any = None,
    opener: Opener = open_catalogue,
) -> SimulatedReport:
    """Returns how well products are found in simulated rooms that are laid with them.

    The products take turns; those with byte-identical pictures count as one. The same seed makes
    the same views, whatever their number; another catalogue makes others.

    Args:
        directory: holds products/; only read.
        preset: the preset to measure; the default one if None.
        views: how many rooms are made.
        seed: of the views.
        progress: called after each view with how many are done, and of how many.
        index_progress: handed to `Floorlens.add` as its `progress`.
        opener: how to open a catalogue in an empty folder.

    Raises:
        DatasetError: there is no products/, or no picture in it can be read.
        SettingsError: there is no such preset.
        ValueError: `views` is less than 1, or `seed` negative.
    """
    if views < 1 or seed < 0:
        raise ValueError("views must be at least 1, and the seed not negative")
    products = read_products(directory / "products")
    names = [products.representative[group] for group in sorted(products.representative)]
    failed: dict[str, str] = {}
    outcomes: list[SimulatedOutcome] = []
    clock = Clock()
    with catalogue_of(opener, preset, products, failed, index_progress) as lens:
        for number in range(views):
            name = names[number % len(names)]
            try:
                room = simulated_room(products.folder / name, number, seed)
            except ImageError as error:
                # Its import has failed as well, so there is nothing to find.
                failed[f"products/{name}"] = str(error)
            else:
                ranking = search_bytes(lens, _png(room), products, clock, room.mask)
                scores = {group: score for group, (score, _) in ranking.groups.items()}
                truth = products.group_of[Path(name).stem]
                score, reason = scores.get(truth), ranking.reason
                if score is None:
                    reason = reason or "the true product is not in the catalogue"
                    failed[f"view {number} of products/{name}"] = reason
                    rank = products.count
                else:
                    rank = tied_rank(score, list(scores.values()))
                best = max(ranking.groups.values(), key=lambda entry: entry[0], default=None)
                first = None if best is None else best[1][0]
                outcomes.append(SimulatedOutcome(number, name, rank, score, first, reason))
            if progress is not None:
                progress(number + 1, views)
        if not outcomes:
            raise DatasetError(f"{products.folder}: no picture in it can be read")
        return SimulatedReport(
            tuple(outcomes), products.count, seed, clock.mean, failures(failed), stamp_of(lens)
        )


def simulated_room(picture: Path, number: int, seed: int) -> RoomView:
    """Returns view `number` of a product picture, under `STRONG_LIGHT`.

    Raises:
        ImageError: the picture cannot be read.
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
