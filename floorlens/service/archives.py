"""Unpacking a ZIP of a stranger: nothing lies outside the folder, and nothing grows without end.

A ZIP says of each file how it is called and how large it is, and either may be a lie. Names are
taken apart and put together again; bytes are counted as they come out.
"""

from __future__ import annotations

import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from floorlens.errors import ProductSourceError, StateError
from floorlens.products.reading import RECORDS, SHEETS, TEXTS

# A `.txt` in a ZIP is a note to the reader far more often than a list.
LISTS = tuple(ending for ending in (*RECORDS, *TEXTS, *SHEETS) if ending != ".txt")
_NESTED = (".zip", ".7z", ".rar", ".gz", ".bz2", ".xz", ".tar", ".tgz", ".zst")
_PREFERRED = ("products", "catalogue", "catalog", "list", "produkte", "katalog", "artikel")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_CHUNK = 1 << 20
_UTF8, _ENCRYPTED = 0x800, 0x1
_MAX_NAME = 255
# So much may come out before the ratio counts: a list of few different words packs well.
_RATIO_FROM = 64 << 20


@dataclass(frozen=True)
class Limits:
    """What a ZIP may hold.

    Attributes:
        files: how many entries.
        file_bytes: the most that one may have once it is unpacked.
        total_bytes: the most that all may have together.
        ratio: the most that all may have for each byte of the ZIP.
        directory_bytes: the most that the ZIP's own table of its entries may have.
    """

    files: int = 100_000
    file_bytes: int = 512 << 20
    total_bytes: int = 8 << 30
    ratio: int = 100
    directory_bytes: int = 64 << 20


@dataclass(frozen=True)
class Unpacked:
    """What came out of a ZIP.

    Attributes:
        source: the list in it, else the folder of its pictures.
        notes: what was left out, in sentences.
    """

    source: Path
    notes: tuple[str, ...]


def unpack(
    archive: Path,
    folder: Path,
    *,
    limits: Limits = Limits(),
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Unpacked:
    """Unpacks a ZIP into a folder, and returns what is to be imported.

    That is the list at its top, or in its only folder; without one it is the folder of pictures.
    Links, devices, hidden files and archives in the archive are left out.

    Args:
        archive: the ZIP.
        folder: which does not exist yet; only its user can read it.
        limits: what it may hold.
        progress: called as `progress(done, total)` after each entry.

    Raises:
        ProductSourceError: it is no ZIP, damaged, encrypted, too large, or names what lies outside.
        StateError: the folder cannot be written.

    Example:
        >>> with zipfile.ZipFile("products.zip", "w") as file:
        ...     file.write("room.jpg", "shop/oak.jpg")
        ...     file.writestr("shop/list.csv", "id,image")
        >>> unpack(Path("products.zip"), Path("content")).source.as_posix()
        'content/shop/list.csv'
    """
    try:
        with archive.open("rb") as file:
            _check_directory(file, limits)
            with zipfile.ZipFile(file) as contents:
                left_out = _extract(contents, archive.stat().st_size, folder, limits, progress)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, struct.error) as error:
        raise ProductSourceError(
            "the ZIP is damaged, or no ZIP: pack it again, and send it whole"
        ) from error
    except OSError as error:
        raise StateError(f"{folder}: cannot be unpacked ({error.strerror})") from error
    notes = [f"{count} of the ZIP left out: {what}" for what, count in left_out.most_common()]
    return Unpacked(_source(folder), tuple(notes))


def _check_directory(file: BinaryIO, limits: Limits) -> None:
    """Refuses a ZIP whose table of entries would not fit into memory, before it is read.

    Source: PKWARE, APPNOTE.TXT 6.3.10, 4.3.14 to 4.3.16.
    """
    size = file.seek(0, 2)
    start = max(0, size - 65_557)
    file.seek(start)
    end = file.read()
    place = end.rfind(b"PK\x05\x06")
    if place < 0 or len(end) - place < 22:
        raise zipfile.BadZipFile("no end of the central directory")
    entries, directory = struct.unpack_from("<HI", end, place + 10)
    if place >= 20 and end[place - 20 : place - 16] == b"PK\x06\x07":
        (offset,) = struct.unpack_from("<Q", end, place - 12)
        file.seek(min(offset, size))
        record = file.read(56)
        if record[:4] == b"PK\x06\x06" and len(record) == 56:
            entries, directory = struct.unpack_from("<QQ", record, 32)
    file.seek(0)
    if entries > limits.files:
        raise ProductSourceError(f"the ZIP holds more than {limits.files:,} files: divide it")
    if directory > limits.directory_bytes:
        raise ProductSourceError("the ZIP's table of its files is too large: divide it")


def _extract(
    contents: zipfile.ZipFile,
    size: int,
    folder: Path,
    limits: Limits,
    progress: Callable[[int, int], None],
) -> Counter[str]:
    entries = contents.infolist()
    if len(entries) > limits.files:
        raise ProductSourceError(f"the ZIP holds more than {limits.files:,} files: divide it")
    folder.mkdir(parents=True, mode=0o700)
    most = min(limits.total_bytes, max(_RATIO_FROM, limits.ratio * size))
    left_out: Counter[str] = Counter()
    total = 0
    for number, entry in enumerate(entries, 1):
        parts = _parts(entry)
        why = _left_out(entry, parts)
        if why == "":
            pass
        elif why is not None:
            left_out[why] += 1
        else:
            target = folder.joinpath(*parts)
            try:
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                output = target.open("xb")
            except (FileExistsError, NotADirectoryError):
                left_out["files of the same name as another"] += 1
            else:
                with output, contents.open(entry) as input_:
                    for chunk in _chunks(input_, limits.file_bytes, entry):
                        total += len(chunk)
                        if total > most:
                            raise ProductSourceError(
                                f"the ZIP unpacks to more than {most >> 20:,} MiB: divide it"
                            )
                        output.write(chunk)
        progress(number, len(entries))
    return left_out


def _chunks(file: IO[bytes], most: int, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    count = 0
    # Bytes that are counted, not those that the entry promises.
    while chunk := file.read(_CHUNK):
        count += len(chunk)
        if count > most:
            raise ProductSourceError(
                f"the ZIP holds {_shown(entry.filename)!r} with more than {most >> 20:,} MiB: "
                "leave it out"
            )
        yield chunk


def _parts(entry: zipfile.ZipInfo) -> tuple[str, ...]:
    """Returns the names in the path of an entry.

    Raises:
        ProductSourceError: the path leads out of the folder, or cannot be one.
    """
    name = entry.orig_filename
    if not entry.flag_bits & _UTF8:
        # Many programs write UTF-8 without saying so.
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    # Some programs of Windows write their own separator.
    whole = name.replace("\\", "/")
    parts = tuple(part for part in whole.split("/") if part not in ("", "."))
    if whole.startswith("/") or re.match(r"[A-Za-z]:", whole) or ".." in parts:
        raise ProductSourceError(
            f"the ZIP holds {_shown(name)!r}, which lies outside of it: pack its folder anew"
        )
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in whole):
        raise ProductSourceError(
            f"the ZIP holds {_shown(name)!r} with a control character in its name: rename it"
        )
    if any(len(part.encode("utf-8", "surrogatepass")) > _MAX_NAME for part in parts):
        raise ProductSourceError(f"the ZIP holds {_shown(name)!r}, a name too long: rename it")
    return parts


def _left_out(entry: zipfile.ZipInfo, parts: Sequence[str]) -> str | None:
    """Returns as what an entry is left out, "" without a word; None if it is taken."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if not parts or entry.is_dir() or entry.orig_filename.endswith("\\") or kind == stat.S_IFDIR:
        return ""
    if parts[0] == "__MACOSX" or any(part.startswith(".") for part in parts):
        return ""
    if kind not in (0, stat.S_IFREG):
        return "links and devices"
    if parts[-1].lower().endswith(_NESTED):
        return "archives in it"
    if entry.flag_bits & _ENCRYPTED:
        raise ProductSourceError("the ZIP is encrypted: pack it without a password")
    if entry.compress_type not in _METHODS:
        raise ProductSourceError(
            f"the ZIP packs {_shown(entry.filename)!r} in a way that is not read: pack it as a "
            "usual ZIP (deflate)"
        )
    return None


def _source(folder: Path) -> Path:
    """Returns the list at the top of a folder, else the folder."""
    top = folder
    entries = sorted(top.iterdir())
    while len(entries) == 1 and entries[0].is_dir():
        top = entries[0]
        entries = sorted(top.iterdir())
    lists = [path for path in entries if path.is_file() and path.suffix.lower() in LISTS]
    if len(lists) > 1:
        named = [path for path in lists if path.stem.lower() in _PREFERRED]
        if len(named) != 1:
            names = ", ".join(path.name for path in lists[:5])
            raise ProductSourceError(
                f"the ZIP holds several lists ({names}): leave one, or call one products.csv"
            )
        lists = named
    return lists[0] if lists else top


def _shown(name: str) -> str:
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in name)[:200]
