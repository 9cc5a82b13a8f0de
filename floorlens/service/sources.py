"""What an import or an evaluation of a service may read: uploads, some folders, some addresses."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from floorlens.errors import ProductSourceError, UsageError
from floorlens.images.fetching import fetcher_of
from floorlens.images.formats import media_type, without_mark
from floorlens.products.product import Product
from floorlens.products.reading import RECORDS, SHEETS, TEXTS
from floorlens.products.rows import ProductSource
from floorlens.service.archives import Limits, unpack

FETCH_SECONDS = 600.0
"""What a list or a ZIP at an address may take."""
# What a server may say that a list is.
_KINDS = {
    "text/csv": ".csv",
    "text/tab-separated-values": ".tsv",
    "application/json": ".json",
    "application/x-ndjson": ".jsonl",
    "application/zip": ".zip",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}
ENDINGS = (".zip", *RECORDS, *TEXTS, *SHEETS)


@dataclass(frozen=True)
class Source:
    """What is to be imported.

    Attributes:
        products: as `Floorlens.add` takes it.
        folder: in which it lies; texts for clients do not name it.
        notes: what was left out before, in sentences.
        temporary: whether the pictures must be copied, because the folder goes.
    """

    products: ProductSource
    folder: Path
    notes: tuple[str, ...] = ()
    temporary: bool = False


def allowed_folder(name: str, folders: Sequence[Path]) -> Path:
    """Returns a folder of the server, if it lies in one of those that may be read.

    Links are followed first: where they lead counts.

    Args:
        name: its path; a relative one is looked for in each of `folders`.
        folders: which may be read, with what lies in them.

    Raises:
        UsageError: it lies elsewhere, or there is none.

    Example:
        >>> allowed_folder("products", [Path(".")]).name
        'products'
        >>> allowed_folder("../..", [Path("products")])
        Traceback (most recent call last):
        floorlens.errors.UsageError: the folder is none of those that may be read
    """
    for allowed in folders:
        try:
            root, path = allowed.resolve(), (allowed / name).resolve()
            if path.is_relative_to(root) and path.is_dir():
                return path
        except (OSError, RuntimeError, ValueError):
            # A ring of links, or a name that no file can have.
            continue
    # The same words for what is not there: nobody learns what lies on the server.
    raise UsageError("the folder is none of those that may be read")


def uploaded(file: Path, folder: Path, most: float, progress: Callable[[int, int], None]) -> Source:
    """Returns the source in a file that was sent: a list, or a ZIP, which is unpacked.

    Args:
        file: which is called by the ending of its kind.
        folder: of the upload.
        most: megabytes that were allowed to be sent.
        progress: called as `progress(done, total)` for each file in a ZIP.

    Raises:
        ProductSourceError: the ZIP cannot be used.

    Example:
        >>> _ = Path("list.csv").write_text("id,image")
        >>> uploaded(Path("list.csv"), Path(), 10, print).products.name
        'list.csv'
    """
    if not _is_archive(file):
        return Source(file, file.parent, temporary=True)
    limits = replace(Limits(), total_bytes=max(Limits.total_bytes, int(4e6 * most)))
    unpacked = unpack(file, folder / "content", limits=limits, progress=progress)
    source = unpacked.source
    home = source if source.is_dir() else source.parent
    return Source(source, home, unpacked.notes, temporary=True)


def fetched(
    address: str,
    hosts: Sequence[str],
    folder: Path,
    most: float,
    progress: Callable[[int, int], None],
) -> Source:
    """Returns the source at an address: a list, a ZIP, or one picture, which is one product.

    Args:
        address: of one of the hosts.
        hosts: which may be asked.
        folder: of the upload; the file is put there.
        most: megabytes that it may have.
        progress: as for `uploaded`.

    Raises:
        SettingsError: there are no hosts.
        ImageError: it cannot be fetched.
        ProductSourceError: it is nothing of the kind.

    Example:
        >>> fetched("https://shop.example.com/list.csv", ["shop.example.com"], Path("upload"), 10,
        ...         print)  # doctest: +SKIP
    """
    fetcher = replace(fetcher_of(hosts), max_megabytes=most, seconds=FETCH_SECONDS)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / "download"
    kind = fetcher.save(address, path)
    stem, ending = _name_of(address)
    with path.open("rb") as file:
        if media_type(without_mark(file.read(128))[:64]) is not None:
            return Source([Product(stem, stem, {}, (str(path),))], folder, temporary=True)
    ending = ending if ending in ENDINGS else _KINDS.get(kind, "")
    if not ending:
        raise ProductSourceError(
            "what lies at the address is neither a picture, a list (CSV, JSON, Excel) nor a ZIP"
        )
    return uploaded(path.rename(folder / f"{stem}{ending}"), folder, most, progress)


def _name_of(address: str) -> tuple[str, str]:
    """Returns what to call the file at an address, and its ending."""
    from urllib.parse import unquote, urlsplit

    name = Path(unquote(urlsplit(address).path)).name
    stem = "".join(letter for letter in Path(name).stem if letter.isprintable())
    # Names of files are limited in bytes.
    stem = stem.encode("utf-8", "replace")[:100].decode("utf-8", "ignore").strip(". ")
    return stem or "download", Path(name).suffix.lower()


def _is_archive(file: Path) -> bool:
    """Returns whether a file is a ZIP, and no Excel file, which is a ZIP too."""
    if file.suffix.lower() in SHEETS or not zipfile.is_zipfile(file):
        return file.suffix.lower() == ".zip"
    return file.suffix.lower() not in (*RECORDS, *TEXTS)
