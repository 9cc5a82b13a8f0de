"""Encodings: a mark decides, else what the bytes are like."""

from __future__ import annotations

import pytest

from floorlens.products.encodings import decode

TEXT = "id,image,name\n1,a.jpg,Eiche gekälkt €\n"


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("cp1252", "Windows-1252"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("utf-32", "UTF-32"),
    ],
)
def test_each_encoding_is_read_and_named(encoding: str, name: str | None) -> None:
    assert decode(TEXT.encode(encoding)) == (TEXT, name)


def test_a_damaged_byte_makes_no_other_encoding_of_a_text() -> None:
    """Of a list in UTF-8 no letter turns into two because one byte of it is damaged."""
    assert decode("ä\nü\n".encode() + b"x\xe4") == ("ä\nü\nx\udce4", None)
    assert decode("ä\n".encode() + b"\xe4\nx\xfc") == ("Ã¤\nä\nxü", "Windows-1252")
