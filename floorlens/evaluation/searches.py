"""What the evaluations of rankings share: a catalogue of the products, and a search in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from floorlens.errors import CatalogueError, ImageError
from floorlens.evaluation.datasets import ProductFolder
from floorlens.evaluation.measured import (
    Clock,
    Import,
    Lens,
    Opener,
    Region,
    Searcher,
    Source,
    explain,
    temporary_lens,
)
from floorlens.images.loading import read_bytes

if TYPE_CHECKING:
    from floorlens.importing import ImportProgress


@dataclass(frozen=True)
class ReadMatch:
    """What a search said of one match.

    Attributes:
        group: of the product, of `ProductFolder.group_of`; None if it belongs to none.
        score: 0..1.
        likeness, word: as in `floorlens.ranking.Match`.
    """

    group: int | None
    score: float
    likeness: float
    word: str | None


@dataclass(frozen=True)
class PhotoRanking:
    """The distinct products that a search ranked for one photo.

    Attributes:
        groups: group of `ProductFolder.group_of` -> its best score, and its ids in the order of
            the search.
        reason: why the search ranked nothing; "" if it did.
        read: the matches that were re-ranked, best first; none where nothing is calibrated.
        equals: how many of the first cannot be told apart.
    """

    groups: Mapping[int, tuple[float, tuple[str, ...]]]
    reason: str = ""
    read: tuple[ReadMatch, ...] = ()
    equals: int = 0

    @property
    def scores(self) -> dict[int, float]:
        """Group -> its best score."""
        return {group: score for group, (score, _) in self.groups.items()}


@contextmanager
def lens_with_products(
    opener: Opener,
    preset: str | None,
    products: ProductFolder,
    reasons: dict[str, str],
    progress: ImportProgress | None,
) -> Iterator[Lens]:
    """Opens a lens on a temporary catalogue and imports the products; closes it afterwards.

    Args:
        opener: opens the catalogue.
        preset: the preset to measure; None takes the default one.
        products: what to import.
        reasons: file -> reason; gets an entry for each product whose import fails.
        progress: called as `progress(done, total, row)` after each product.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.evaluation.datasets import read_products
        >>> from floorlens.evaluation.measured import Clock, open_measured_lens
        >>> from floorlens.evaluation.searches import lens_with_products, search_photo
        >>> products = read_products(Path("products"))
        >>> with lens_with_products(open_measured_lens, None, products, {}, None) as lens:
        ...     ranking = search_photo(lens, Path("room.jpg"), products, Clock())
        >>> len(ranking.groups)
        3
    """
    with temporary_lens(opener, preset) as lens:
        report = lens.add(products.folder, progress=progress)
        reasons.update(import_failures(report, products))
        yield lens


def import_failures(report: Import, products: ProductFolder) -> dict[str, str]:
    """Returns file -> reason of each product whose import failed.

    Args:
        report: of the import.
        products: what was to be imported.

    Example:
        >>> from pathlib import Path
        >>> from floorlens import Floorlens
        >>> from floorlens.evaluation.datasets import read_products
        >>> from floorlens.evaluation.searches import import_failures
        >>> products = read_products(Path("products"))
        >>> with Floorlens.open("kept") as lens:
        ...     import_failures(lens.add(products.folder), products)
        {}
    """
    rows = {row.id: row for row in report.rows}
    reasons = {}
    for product, name in products.file_of.items():
        row = rows.get(product)
        if row is None:
            reasons[f"products/{name}"] = "was not imported"
        elif row.status == "failed":
            reasons[f"products/{name}"] = row.reason or "was not imported"
    return reasons


def search_photo(lens: Searcher, path: Path, products: ProductFolder, clock: Clock) -> PhotoRanking:
    """Returns what a search of a photo file ranks; for a photo that fails, nothing and the reason.

    Args:
        lens: what is measured; it gets the bytes of the file, not its name.
        path: the photo.
        products: the catalogue's products.
        clock: takes the time of the search.

    Raises:
        CatalogueError: the catalogue itself is not usable.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.evaluation.datasets import read_products
        >>> from floorlens.evaluation.measured import Clock, open_measured_lens, temporary_lens
        >>> from floorlens.evaluation.searches import search_photo
        >>> products = read_products(Path("products"))
        >>> with temporary_lens(open_measured_lens, None) as lens:
        ...     search_photo(lens, Path("room.jpg"), products, Clock()).reason
        'the catalogue ... is empty: ...'
    """
    try:
        data = read_bytes(path)
    except ImageError as error:
        return PhotoRanking({}, explain(error))
    return search_picture(lens, data, products, clock)


def search_picture(
    lens: Searcher,
    picture: Source,
    products: ProductFolder,
    clock: Clock,
    region: Region | None = None,
) -> PhotoRanking:
    """Returns what a search of a photo ranks; for a photo that fails, nothing.

    Args:
        lens, products, clock: as for `search_photo`.
        picture: the bytes of a picture file, or pixels.
        region: the floor; None lets the pipeline find it.

    Raises:
        CatalogueError: the catalogue itself is not usable.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.evaluation.datasets import read_products
        >>> from floorlens.evaluation.measured import Clock, open_measured_lens, temporary_lens
        >>> from floorlens.evaluation.searches import search_picture
        >>> products = read_products(Path("products"))
        >>> with temporary_lens(open_measured_lens, None) as lens:
        ...     search_picture(lens, b"no picture", products, Clock()).groups
        {}
    """
    try:
        with clock():
            result = lens.search(picture, region=region)
    except CatalogueError:
        # The photo is not the cause: every other one would fail as well.
        raise
    except Exception as error:  # noqa: BLE001
        # One photo must not end a long measurement, not even by a bug: it is listed and counts.
        return PhotoRanking({}, explain(error))
    members: dict[int, list[str]] = defaultdict(list)
    scores: dict[int, float] = {}
    for match in result.matches:
        group = products.group_of.get(match.product.id)
        if group is not None:
            members[group].append(match.product.id)
            scores[group] = max(scores.get(group, -np.inf), float(match.score))
    read = (
        ()
        if result.nothing_close is None
        else tuple(
            ReadMatch(
                products.group_of.get(match.product.id),
                float(match.score),
                match.likeness,
                match.word,
            )
            for match in result.matches
            if match.likeness is not None
        )
    )
    return PhotoRanking(
        {group: (scores[group], tuple(ids)) for group, ids in members.items()},
        read=read,
        equals=result.equals,
    )
