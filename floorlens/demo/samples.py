"""The project's own samples, and a catalogue of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from floorlens.errors import InputError
from floorlens.importing import ImportProgress
from floorlens.lens import Floorlens


def samples() -> Path:
    """Returns the folder of the project's own sample rooms and products.

    Raises:
        InputError: this installation has none.
    """
    package = Path(__file__).parent.parent
    # In a wheel they lie in the package, in a checkout beside it.
    for folder in (package / "samples", package.parent / "samples"):
        if (folder / "products.csv").is_file():
            return folder
    raise InputError(
        "the sample pictures are not part of this installation: name your own with --rooms DIR "
        "and --products DIR"
    )


def sample_catalogue(
    folder: Path,
    *,
    threads: int = 0,
    progress: ImportProgress | None = None,
    adapt_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Makes a catalogue of the sample products in a folder, or brings it up to date; returns it.

    Raises:
        InputError: this installation has no samples.
        CatalogueError: the folder holds a catalogue that cannot be used.
    """
    source = samples() / "products.csv"
    with Floorlens.open(folder, threads=threads) as lens:
        lens.add(source, progress=progress, adapt_progress=adapt_progress)
    return folder
