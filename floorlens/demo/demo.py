"""The demo: index a catalogue, rank it for every photo of a folder, write an HTML report."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from floorlens.catalogue.batches import Progress
from floorlens.demo.report import RoomOutcome, write_report
from floorlens.demo.samples import samples
from floorlens.errors import FloorlensError, ImageError, InputError
from floorlens.images.formats import SUFFIXES
from floorlens.images.loading import MAX_MEGAPIXELS, load_photo
from floorlens.importing import ImportProgress
from floorlens.lens import CatalogueReport, Floorlens
from floorlens.products.reading import read_products
from floorlens.settings import Options


@dataclass(frozen=True)
class Demo:
    """The result of a demo: the file of the report, the import's rows, the outcome of each room."""

    report: Path
    import_report: CatalogueReport
    rooms: tuple[RoomOutcome, ...]


def run_demo(
    out: Path,
    *,
    rooms: Path | None = None,
    products: Path | None = None,
    catalogue: str | None = None,
    import_progress: ImportProgress | None = None,
    adapt_progress: Progress | None = None,
    room_progress: Callable[[int, int, RoomOutcome], None] | None = None,
    **options: Unpack[Options],
) -> Demo:
    """Indexes products, ranks them for room photos and writes an HTML report of the rankings.

    A photo that cannot be read or shows no floor is an outcome of its own; the others go on.

    Args:
        out: the folder of the report, report.html, and of its pictures.
        rooms: a folder of photos; None: the project's samples.
        products: a folder or list; None: the project's samples.
        catalogue: the location of a catalogue that the products are added to; None: a catalogue in
            `out`, which holds just these products.
        import_progress: called as `import_progress(done, total, row)` after each product.
        adapt_progress: called with (done, total) simulated rooms.
        room_progress: called as `room_progress(done, total, outcome)` after each photo.
        options: how the catalogue is opened, as for `Floorlens.open`.

    Raises:
        InputError: there are no photos or products.
        StampMismatch: `out` holds a catalogue of another preset.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.demo.demo import run_demo
        >>> demo = run_demo(Path("out"), rooms=Path("."), products=Path("products"))
        >>> demo.rooms[0].result.matches[0].product.id
        'oak-natural-plank'
    """
    room_folder = samples() / "rooms" if rooms is None else rooms
    source = samples() / "products.csv" if products is None else products
    photos = _photos(room_folder)
    # Both are read before a catalogue is made, which a wrong folder must not leave behind.
    read_products(source)
    samples_only = rooms is None and products is None
    truth = _read_truth(room_folder) if samples_only else {}
    # One catalogue for each source: products of another source must not stay in the ranking.
    name = "catalogue" if products is None else f"catalogue-{source.resolve().name}"
    max_megapixels = options.get("max_megapixels", MAX_MEGAPIXELS)
    with Floorlens.open(catalogue or out / name, **options) as lens:
        import_report = lens.add(source, progress=import_progress, adapt_progress=adapt_progress)
        if catalogue is None:
            ids = {row.id for row in import_report.rows}
            lens.remove([product.id for product in lens.products() if product.id not in ids])
        outcomes = []
        for number, photo in enumerate(photos, start=1):
            outcome = _rank(lens, photo, truth.get(photo.name), max_megapixels)
            outcomes.append(outcome)
            if room_progress is not None:
                room_progress(number, len(photos), outcome)
    title = "The floor in each room, and the products closest to it"
    report = write_report(out / "report.html", outcomes, title=title)
    return Demo(report, import_report, tuple(outcomes))


def _rank(lens: Floorlens, photo: Path, truth: str | None, max_megapixels: float) -> RoomOutcome:
    picture = None
    try:
        picture = load_photo(photo, max_megapixels=max_megapixels)
        return RoomOutcome(photo.name, picture, lens.search(photo), truth=truth)
    except FloorlensError as error:
        return RoomOutcome(photo.name, picture, None, problem=str(error), truth=truth)


def _photos(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of room photos")
    photos = sorted(
        p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")
    )
    if not photos:
        raise ImageError(f"{folder}: holds no photos")
    return photos


def _read_truth(rooms: Path) -> dict[str, str]:
    """Returns room file name -> id of the product on its floor, of the samples."""
    with (rooms.parent / "pairs.csv").open(encoding="utf-8", newline="") as file:
        return {row["room"]: Path(row["product"]).stem for row in csv.DictReader(file)}
