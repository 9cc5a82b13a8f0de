"""Pictures that were fetched, kept by the hash of their content.

They lie in the folder of the catalogue, as files: a product names them like any other picture.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from floorlens.errors import ImageError
from floorlens.images.addresses import explain_fetching, is_address, shown_address
from floorlens.images.decoding import PICTURE_SECONDS
from floorlens.images.fetching import Fetcher
from floorlens.images.formats import format_of, without_mark
from floorlens.images.loading import MAX_MEGAPIXELS, read_bytes
from floorlens.images.metadata import without_metadata
from floorlens.products.product import Product

_AT_ONCE = 8
# So many last bytes tell whether a file is whole: the last chunk of a PNG, which all have.
_END = 12


def downloads_folder(catalogue: Path | None) -> Path:
    """Returns where pictures that are fetched for a catalogue are kept.

    Args:
        catalogue: its folder; None of one on a server: then it is the user's own folder for data.

    Example:
        >>> downloads_folder(Path("catalogue")).as_posix()
        'catalogue/pictures'
    """
    if catalogue is not None:
        return catalogue / "pictures"
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "floorlens" / "pictures"


class Downloads:
    """The pictures of addresses, in a folder. Safe to use from several threads and processes.

    `<sha256 of the content>.<ending>` is a picture, `addresses/<sha256 of the address>.json` says
    which picture lay at an address, and by what the server knows that state of it.
    """

    def __init__(
        self,
        folder: Path,
        fetcher: Fetcher | None = None,
        *,
        max_megapixels: float = MAX_MEGAPIXELS,
        picture_seconds: float = PICTURE_SECONDS,
    ) -> None:
        """Names the folder, which is made when it is needed; without a fetcher nothing is asked.

        The limits hold for pictures that are decoded to take out what a camera wrote.
        """
        self._folder = folder.absolute()
        self._fetcher = fetcher
        self._max_megapixels, self._picture_seconds = max_megapixels, picture_seconds

    def name(self, address: str) -> str | None:
        """Returns how a product names the picture at an address until it is fetched.

        That is the address. Without a fetcher it is the path of the picture that lay there when it
        was last fetched; None if it never was.

        Raises:
            ImageError: the fetcher may not ask its host.
        """
        if self._fetcher is not None:
            self._fetcher.check(address)
            return address
        copy = self._noted(address)[0]
        return None if copy is None else str(copy)

    def picture(self, address: str) -> Path:
        """Returns the picture that lies at an address now; it is only sent if it has changed.

        What a camera wrote beside it, such as its place, is not kept.

        Raises:
            ImageError: it cannot be fetched or kept.
        """
        copy, etag, modified = self._noted(address)
        if self._fetcher is None:
            if copy is None:
                raise ImageError(f"{shown_address(address)} {explain_fetching(address)}")
            return copy
        download = self._fetcher.fetch(address, etag=etag, modified=modified)
        if download.data is None:
            if copy is None:
                raise ImageError(f"{shown_address(address)}: the server sends no picture")
            return copy
        path = keep_file(self._folder, self._plain(download.data))
        note = {"file": path.name, "etag": download.etag, "modified": download.modified}
        write_file(self._note(address), json.dumps(note).encode())
        return path

    def copy(self, picture: str) -> str:
        """Returns the path of a copy of a picture that lies elsewhere, without its camera's notes.

        The same picture has the same copy, however often it is imported.

        Raises:
            ImageError: it cannot be read, or the copy cannot be written.
        """
        path = Path(picture)
        if path.parent == self._folder:
            return picture
        data = read_bytes(path)
        if format_of(without_mark(data)) is None:
            # It fails where it lies, under its own name.
            return picture
        return str(keep_file(self._folder, self._plain(data)))

    def _plain(self, data: bytes) -> bytes:
        """Returns a picture's file without what a camera wrote; anything else as it is."""
        if format_of(without_mark(data)) is None:
            # It fails when it is decoded, under the name that its owner knows.
            return data
        return without_metadata(
            data, max_megapixels=self._max_megapixels, seconds=self._picture_seconds
        )

    @contextmanager
    def fetching(self, products: Sequence[Product]) -> Iterator[Callable[[Product], Product]]:
        """Fetches the pictures of products, a few at a time, beside whatever else is done.

        Yields a function that waits for those of one product, and returns it with their paths in
        the place of their addresses; it raises ImageError if one cannot be fetched.
        """
        addresses = (image for product in products for image in product.images)
        pool = ThreadPoolExecutor(max_workers=_AT_ONCE)
        try:
            tasks = {
                address: pool.submit(self.picture, address)
                for address in dict.fromkeys(filter(is_address, addresses))
            }

            def with_files(product: Product) -> Product:
                images = (
                    str(tasks[image].result()) if image in tasks else image
                    for image in product.images
                )
                return replace(product, images=tuple(images)) if tasks else product

            yield with_files
        finally:
            # On Ctrl-C what has not begun is dropped.
            pool.shutdown(wait=True, cancel_futures=True)

    def _note(self, address: str) -> Path:
        # The address itself may hold a key.
        digest = hashlib.sha256(address.encode("utf-8", "surrogatepass")).hexdigest()
        return self._folder / "addresses" / f"{digest}.json"

    def _noted(self, address: str) -> tuple[Path | None, str, str]:
        try:
            note = json.loads(self._note(address).read_bytes())
            path = self._folder / Path(note["file"]).name
            if path.is_file():
                return path, str(note["etag"]), str(note["modified"])
        except (OSError, ValueError, KeyError, TypeError):
            # A note that is damaged is as good as none: the picture is fetched.
            pass
        return None, "", ""


def keep_file(folder: Path, data: bytes, *, name: str | None = None) -> Path:
    """Returns the whole path of the file in a folder that keeps a picture's bytes.

    It is written if it is absent or was cut off, as when the disk was full or the power failed.

    Args:
        folder: where it lies; made if absent.
        data: the bytes of a picture's file.
        name: what to call it; by default a hash of the bytes, with the ending of their format. A
            file that a name is given for may hold other bytes, if it ends with the same.

    Raises:
        ImageError: it cannot be written.

    Example:
        >>> keep_file(Path("pictures"), Path("room.jpg").read_bytes()).suffix
        '.jpg'
    """
    same_size = name is None
    if name is None:
        kind = format_of(without_mark(data))
        name = hashlib.sha256(data).hexdigest() + ("" if kind is None else kind.suffixes[0])
    path = folder.absolute() / name
    if not _is_whole(path, data, same_size=same_size):
        write_file(path, data)
    return path


def _is_whole(path: Path, data: bytes, *, same_size: bool) -> bool:
    # After a power failure a file may have its size, and zeros in the place of what was last.
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _END))
            return file.read() == data[-_END:] and (size == len(data) or not same_size)
    except OSError:
        # It is absent, or cannot be read: what is written in its place can.
        return False


def write_file(path: Path, data: bytes) -> None:
    """Writes a file so that others see all of it or nothing; its folder is made if absent.

    Raises:
        ImageError: it cannot be written.

    Example:
        >>> write_file(Path("pictures/oak.txt"), b"oak")
        >>> Path("pictures/oak.txt").read_bytes()
        b'oak'
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.{os.urandom(6).hex()}.part")
        try:
            unfinished.write_bytes(data)
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise ImageError(f"{path}: cannot be written ({error.strerror})") from error
