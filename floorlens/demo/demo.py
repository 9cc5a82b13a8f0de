"""The demo: index a catalogue, rank it for every photo of a folder, write an HTML report."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from floorlens.demo.report import RoomOutcome, write_report
from floorlens.demo.samples import samples
from floorlens.errors import FloorlensError, ImageError, InputError
from floorlens.images.loading import MAX_MEGAPIXELS, SUFFIXES, load_photo
from floorlens.importing import ImportProgress
from floorlens.lens import CatalogueReport, Floorlens
from floorlens.settings import Options


@dataclass(frozen=True)
class Demo:
    """What a demo made: where the report lies, the import's rows and the outcome per room."""

    report: Path
    imported: CatalogueReport
    rooms: tuple[RoomOutcome, ...]


def run_demo(
    out: Path,
    *,
    rooms: Path | None = None,
    products: Path | None = None,
    catalogue: str | None = None,
    import_progress: ImportProgress | None = None,
    adapt_progress: Callable[[int, int], None] | None = None,
    room_progress: Callable[[int, int, RoomOutcome], None] | None = None,
    **options: Unpack[Options],
) -> Demo:
    """Indexes `products`, ranks them for `rooms`, writes `out/report.html`.

    Where rooms or products are not named the project's samples are taken. The catalogue lies in
    `out` and holds just these products, unless one is named: then they are added to it. A photo
    that cannot be read or shows no floor is reported and the others go on. `options` say how the
    catalogue is opened.

    Raises:
        InputError: there are no photos or products.
        StampMismatch: `out` holds a catalogue of another preset.
    """
    room_folder = samples() / "rooms" if rooms is None else rooms
    source = samples() / "products.csv" if products is None else products
    photos = _photos(room_folder)
    truth = _truth(room_folder, samples_used=rooms is None and products is None)
    # One catalogue for each source: pictures of another source must not stay in the ranking.
    name = "catalogue" if products is None else f"catalogue-{source.resolve().name}"
    max_megapixels = options.get("max_megapixels", MAX_MEGAPIXELS)
    with Floorlens.open(catalogue or out / name, **options) as lens:
        imported = lens.add(source, progress=import_progress, adapt_progress=adapt_progress)
        if catalogue is None:
            named = {row.id for row in imported.rows}
            lens.remove([product.id for product in lens.products() if product.id not in named])
        outcomes = []
        for number, photo in enumerate(photos, start=1):
            outcome = _rank(lens, photo, truth.get(photo.name), max_megapixels)
            outcomes.append(outcome)
            if room_progress is not None:
                room_progress(number, len(photos), outcome)
    title = "Floorlens: the products of a catalogue, ranked for the floor in each room"
    report = write_report(out / "report.html", outcomes, title=title)
    return Demo(report, imported, tuple(outcomes))


def _rank(lens: Floorlens, photo: Path, truth: str | None, max_megapixels: float) -> RoomOutcome:
    pixels = None
    try:
        pixels = load_photo(photo, max_megapixels=max_megapixels).pixels
        return RoomOutcome(photo.name, pixels, lens.search(photo), truth=truth)
    except FloorlensError as error:
        return RoomOutcome(photo.name, pixels, None, problem=str(error), truth=truth)


def _photos(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of room photos")
    photos = sorted(
        p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")
    )
    if not photos:
        raise ImageError(f"{folder}: holds no photos")
    return photos


def _truth(rooms: Path, *, samples_used: bool) -> dict[str, str]:
    """Returns room file name -> product id, for the samples."""
    if not samples_used:
        return {}
    with (rooms.parent / "pairs.csv").open(encoding="utf-8", newline="") as file:
        return {row["room"]: Path(row["product"]).stem for row in csv.DictReader(file)}
