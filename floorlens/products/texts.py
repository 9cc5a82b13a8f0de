"""Texts as people paste them: other kinds of space, unseen marks, two ways of writing ä."""

from __future__ import annotations

import re
import unicodedata

# Soft hyphen, zero-width space, direction marks, word joiner, byte order mark: pasted from web
# pages. Joiners (U+200C, U+200D) stay: they have a meaning in Persian, in Hindi and in emoji.
_UNSEEN = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
# All but NUL, which is refused, and what breaks or indents a line.
_CONTROLS = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")


def tidy(text: str) -> str:
    r"""Returns a text as it looks: composed (NFC), with plain spaces, and none around it.

    No-break and thin spaces become spaces. Zero-width characters, direction marks and control
    characters are dropped. Line breaks, tabs and NUL stay.

    Example:
        >>> tidy(" Oak\u00a014\u202fmm\u200b ")
        'Oak 14 mm'
    """
    # Most texts are plain: then there is nothing to replace.
    if text.isascii():
        return (text if text.isprintable() else _CONTROLS.sub("", text)).strip()
    text = unicodedata.normalize("NFC", text)
    text = _CONTROLS.sub("", _SPACES.sub(" ", _UNSEEN.sub("", text)))
    return unicodedata.normalize("NFC", text).strip()


def plain_name(text: str) -> str:
    """Returns a name by which columns are compared: only letters and digits, small, no accents.

    Example:
        >>> plain_name("Image Src"), plain_name("image_link"), plain_name("Référence")
        ('imagesrc', 'imagelink', 'reference')
    """
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if letter.isalnum())
