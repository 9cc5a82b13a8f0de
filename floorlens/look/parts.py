"""Pieces of HTML for one product: its word, how alike it is in what, its palette.

`stylesheet("tokens", "parts")` of `floorlens.look` draws them. All texts are plain; they are
escaped here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

# Word of a match -> what style sheets and scripts call it.
_KINDS = {"same floor": "same", "very close": "very-close", "close": "close", "related": "related"}
# Components that have a colour of their own.
_COMPONENTS = ("colour", "texture", "pattern")


def word_kind(word: str | None) -> str:
    """Returns what style sheets call a word: its badge has the class `fl-` with this.

    Args:
        word: of a match, such as "very close"; None: none of the words is true of it.

    Example:
        >>> from floorlens.look.parts import word_kind
        >>> word_kind("same floor"), word_kind(None)
        ('same', 'far')
    """
    return _KINDS.get(word or "", "far")


def word_badge(word: str | None) -> str:
    """Returns how close a product looks, as a badge; "" for one without a word.

    Args:
        word: of a match, such as "very close".

    Example:
        >>> from floorlens.look.parts import word_badge
        >>> word_badge("close"), word_badge(None)
        ('<span class="fl-word fl-close">close</span>', '')
    """
    if not word:
        return ""
    return f'<span class="fl-word fl-{word_kind(word)}">{escape(word)}</span>'


def component_bars(components: Mapping[str, float] | None) -> str:
    """Returns a bar for each component, with its name; "" where nothing was compared.

    Args:
        components: name such as "colour" -> likeness, clipped to 0..1.

    Example:
        >>> from floorlens.look.parts import component_bars
        >>> component_bars({"colour": 0.8})
        '<dl class="fl-bars"><dt>colour</dt><dd><span class="fl-bar fl-colour" role="img" ...</dl>'
    """
    if not components:
        return ""
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{_bar(name, value)}</dd>" for name, value in components.items()
    )
    return f'<dl class="fl-bars">{rows}</dl>'


def _bar(name: str, value: float) -> str:
    share = f"{min(max(value, 0.0), 1.0):.0%}"
    kind = f" fl-{name}" if name in _COMPONENTS else ""
    return (
        f'<span class="fl-bar{kind}" role="img" aria-label="{share}" title="{share}">'
        f'<i style="width:{share}"></i></span>'
    )


def palettes(floor: Sequence[str], product: Sequence[str], differences: Sequence[float]) -> str:
    """Returns the colours of a floor above those of a product, and below them how they differ.

    Args:
        floor: CSS colours from dark to light, such as "#a08060".
        product: as many of the product.
        differences: the colour difference (ΔE) of each pair.

    Example:
        >>> from floorlens.look.parts import palettes
        >>> palettes(["#806040"], ["#846442"], [1.9]).count("fl-swatch")
        2
    """

    def swatches(colours: Sequence[str]) -> str:
        items = (
            f'<li class="fl-swatch" style="background:{escape(colour)}" title="{escape(colour)}">'
            "</li>"
            for colour in colours
        )
        return f"<ol>{''.join(items)}</ol>"

    numbers = "".join(f"<li>{value:.1f}</li>" for value in differences)
    return (
        f'<div class="fl-palettes"><span>floor</span>{swatches(floor)}<span>product</span>'
        f'{swatches(product)}<abbr title="colour difference">ΔE</abbr><ol>{numbers}</ol></div>'
    )


def chip(text: str, count: int | None = None, *, on: bool = False) -> str:
    """Returns a short text in a frame, with a count beside it if there is one.

    Args:
        text: such as "oak".
        count: how many products it stands for.
        on: whether it is chosen.

    Example:
        >>> from floorlens.look.parts import chip
        >>> chip("oak", 12)
        '<span class="fl-chip">oak <b>12</b></span>'
    """
    number = "" if count is None else f" <b>{count}</b>"
    return f'<span class="fl-chip{" fl-on" if on else ""}">{escape(text)}{number}</span>'


def product_card(
    rank: int,
    name: str,
    picture: str | None,
    *,
    facts: Sequence[str] = (),
    price: str = "",
    word: str | None = None,
    score: str = "",
    components: Mapping[str, float] | None = None,
    reason: str = "",
    note: str = "",
    mark: bool = False,
) -> str:
    """Returns a product of a ranking as a card: `figure` with the class `fl-card`.

    Args:
        rank: 1 is the closest.
        name: of the product.
        picture: its address; None where there is none to show.
        facts: such as its material.
        price: with its currency, if that is known.
        word: how close it looks, such as "very close".
        score: as it is to be read, such as "83%"; "" for none.
        components: name -> likeness, 0..1.
        reason: what is alike and what differs, in a sentence.
        note: what else is to be said.
        mark: whether the card has a frame in the accent's colour.

    Example:
        >>> from floorlens.look.parts import product_card
        >>> product_card(1, "Oak", "oak.jpg", word="close", price="64.90").startswith("<figure")
        True
    """
    image = (
        f'<img src="{escape(picture)}" alt="{escape(name)}" loading="lazy">'
        if picture is not None
        else '<div class="fl-none">no picture</div>'
    )
    number = f'<span class="fl-score">{escape(score)}</span>' if score else ""
    said = f'<p class="fl-line">{word_badge(word)}{number}</p>' if word or score else ""
    cost = f'<span class="fl-price">{escape(price)}</span>' if price else ""
    known = escape(" · ".join(facts))
    line = f'<p class="fl-facts"><span>{known}</span>{cost}</p>' if facts or price else ""
    texts = "".join(f'<p class="fl-reason">{escape(text)}</p>' for text in (reason, note) if text)
    return (
        f'<figure class="fl-card{" fl-true" if mark else ""}">{image}<span class="fl-rank">{rank}'
        f'</span><figcaption><p class="fl-name">{escape(name)}</p>{line}{said}'
        f"{component_bars(components)}{texts}</figcaption></figure>"
    )
