"""The text in a file of bytes, whatever program wrote it: UTF-8, UTF-16, UTF-32, Windows-1252."""

from __future__ import annotations

import codecs
import re

# Bytes that are no letter of the encoding, as `decode` returns them.
UNREADABLE = re.compile("[\udc80-\udcff]")
# Not splitlines: it would also split at Unicode's line breaks inside a text.
LINE_BREAK = re.compile(r"\r\n|\n|\r")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8", None),
    # Before UTF-16, whose mark is the beginning of this one.
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)


def decode(data: bytes) -> tuple[str, str | None]:
    r"""Returns a file's text and, unless it is plain UTF-8, what it was read as.

    A byte order mark decides. Without one it is UTF-8, or UTF-16 if every second byte of its
    beginning is 0. A text that is not UTF-8 is taken for Windows-1252, unless more of its lines
    are UTF-8 with other than ASCII letters than are not: then single bytes are damaged. Bytes that
    cannot be read become the surrogates U+DC80 to U+DCFF.

    Example:
        >>> decode("Eiche gekälkt".encode("cp1252"))
        ('Eiche gekälkt', 'Windows-1252')
    """
    for mark, encoding, name in _BOMS:
        if data.startswith(mark):
            errors = "surrogateescape" if name is None else "replace"
            return data[len(mark) :].decode(encoding, errors), name
    try:
        start = data[:400]
        zeros = start[0::2].count(0), start[1::2].count(0)
        if max(zeros) > len(start) // 4:
            encoding = "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
            return data.decode(encoding), "UTF-16"
    except UnicodeDecodeError:
        # Zeros, but of another cause: each row that has one is refused.
        pass
    try:
        return data.decode(), None
    except UnicodeDecodeError:
        text = data.decode("utf-8", "surrogateescape")
    damaged = intact = 0
    for line in LINE_BREAK.split(text):
        if UNREADABLE.search(line):
            damaged += 1
        elif not line.isascii():
            intact += 1
    if intact > damaged:
        return text, None
    return data.decode("cp1252", "surrogateescape"), "Windows-1252"
