"""The project's own sample pictures, and a catalogue of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from floorlens.errors import InputError
from floorlens.lens import Floorlens

if TYPE_CHECKING:
    from floorlens.catalogue.batches import Progress
    from floorlens.importing import ImportProgress


def samples() -> Path:
    """Returns the folder of the project's own sample rooms and products.

    It holds rooms/, products/, products.csv and pairs.csv; in a checkout also masks/, floorless/.

    Raises:
        InputError: this installation has no samples.

    Example:
        >>> from floorlens.demo.samples import samples
        >>> len(list((samples() / "rooms").glob("*.jpg")))
        12
    """
    package = Path(__file__).parent.parent
    # A wheel has them in the package, a checkout beside it.
    for folder in (package / "samples", package.parent / "samples"):
        if (folder / "products.csv").is_file():
            return folder
    raise InputError(
        "the sample pictures are not part of this installation: use your own with --rooms DIR "
        "and --products DIR"
    )


def sample_catalogue(
    folder: Path,
    *,
    threads: int = 0,
    progress: ImportProgress | None = None,
    adapt_progress: Progress | None = None,
) -> Path:
    """Indexes the sample products into a catalogue, created if absent; returns its folder.

    Args:
        folder: where the catalogue lies.
        threads: for the models; 0 takes all cores.
        progress: called as `progress(done, total, row)` after each product.
        adapt_progress: called with (done, total) simulated rooms.

    Raises:
        InputError: this installation has no samples.
        CatalogueError: the folder holds a catalogue that cannot be used.

    Example:
        >>> from pathlib import Path
        >>> from floorlens.demo.samples import sample_catalogue
        >>> sample_catalogue(Path("demo/catalogue"))  # doctest: +SKIP
        PosixPath('demo/catalogue')
    """
    source = samples() / "products.csv"
    with Floorlens.open(folder, threads=threads) as lens:
        lens.add(source, progress=progress, adapt_progress=adapt_progress)
    return folder
