"""Addresses in messages: nothing in them steers a terminal."""

from __future__ import annotations

from floorlens.images.addresses import explain_fetching, shown_address


def test_an_address_of_a_list_steers_no_terminal() -> None:
    address = "http://\x1bc\x9b2J.example.com/\x07oak.jpg"
    for text in (explain_fetching(address), shown_address(address)):
        assert text.isprintable()
