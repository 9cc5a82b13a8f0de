"""What an id may be: a text that an address can carry, whichever engine keeps it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floorlens.errors import ProductSourceError
from floorlens.products.ids import MAX_ID_LENGTH, check_id


@pytest.mark.parametrize("product_id", ["OAK-14/189", "a/b/c", "Eiche 50% #1?", "...", "木", "a.b"])
def test_ids_of_shops_are_accepted(product_id: str) -> None:
    assert check_id(product_id, "here") == product_id


@pytest.mark.parametrize(
    ("product_id", "problem"),
    [
        (None, "is empty"),
        (" ", "is empty"),
        (True, "True is not a text"),
        ("x" * (MAX_ID_LENGTH + 1), "longer than 512"),
        ("a\\b", "has a backslash: write / or -"),
        ("a\nb", "has a line break: take it out"),
        ("a\x07", r"unseen character \(U\+0007\)"),
        ("a\ud800", r"unseen character \(U\+D800\)"),
        ("a\u00a0b", r"unseen character \(U\+00A0\)"),
        *(
            (text, "beside a slash")
            for text in ("/a", "a/", "a//b", "../a", "a/./b", "a/ /b", "..", ".")
        ),
    ],
)
def test_others_are_refused_each_for_its_own_reason(product_id: Any, problem: str) -> None:
    with pytest.raises(ProductSourceError, match=f"^here: the id .*{problem}"):
        check_id(product_id, "here")


@settings(deadline=None, derandomize=True)
@given(st.text(max_size=20) | st.text("./\\ a", max_size=6) | st.integers() | st.none())
def test_an_accepted_id_comes_through_an_address(product_id: Any) -> None:
    """Also where a browser takes out dots and a proxy decodes slashes and merges two of them."""
    try:
        accepted = check_id(product_id, "here")
    except ProductSourceError as error:
        assert str(error).startswith("here: the id")
    else:
        assert accepted == product_id
        assert unquote(quote(accepted, safe="")) == accepted
        assert all(part not in ("", ".", "..") for part in accepted.split("/"))
        assert not set(accepted) & set("\\\0\n\r")
