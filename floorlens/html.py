"""HTML that the written reports share: a page with its style, figures, tables and score bars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from floorlens.look import stylesheet

# Three boards, laid in a bond: they are drawn, since a page loads nothing.
_MARK = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><rect width="24" height="24"/>'
    '<path d="M0 8h24M0 16h24M9 0v8M17 8v8M6 16v8"/></svg>'
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header class="fl-brand">{mark}<span>Floorlens</span></header>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""


def page(title: str, body: str) -> str:
    """Returns a whole HTML document that loads nothing from elsewhere.

    Args:
        title: plain text; it is escaped.
        body: HTML, its own text already escaped. The style knows what `floorlens.look.parts`
            writes, `section`, `figure`, `table` and the classes `split` (photo beside matches),
            `grid`, `wide`, `patch`, `tags`, `number`, `lead`, `soft`, `mark`, `warn`, `true` (a
            figure that is right) and `bar` (see `score_bar`).

    Example:
        >>> from floorlens.html import page
        >>> "<title>Oak &amp; ash</title>" in page("Oak & ash", "<p>Two floors.</p>")
        True
    """
    style = stylesheet("tokens", "parts", "document")
    return _PAGE.format(title=escape(title), style=style, mark=_MARK, body=body)


def figure(source: str, caption: str, *, alt: str = "", kind: str = "") -> str:
    """Returns a `figure` with a picture and its caption.

    Args:
        source: the picture's address relative to the page; escaped here.
        caption: HTML, its own text already escaped.
        alt: plain text for readers who cannot see the picture; escaped here.
        kind: a class of the figure, such as "true"; escaped here.

    Example:
        >>> from floorlens.html import figure
        >>> figure("oak.jpg", "<b>1.</b> Oak", alt="Oak")
        '<figure class=""><img src="oak.jpg" alt="Oak" ...<b>1.</b> Oak</figcaption></figure>'
    """
    return (
        f'<figure class="{escape(kind)}"><img src="{escape(source)}" alt="{escape(alt)}" '
        f'loading="lazy"><figcaption>{caption}</figcaption></figure>'
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a `table`.

    Args:
        head: the columns' names, plain text; escaped here.
        rows: for each row the cells: HTML, its own text already escaped.

    Example:
        >>> from floorlens.html import table
        >>> table(["name"], [["<b>Oak</b>"]])
        '<table><thead><tr><th>name</th></tr>...<tr><td><b>Oak</b></td></tr></tbody></table>'
    """
    titles = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>" for cells in rows
    )
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{lines}</tbody></table>"


def score_bar(score: float) -> str:
    """Returns a thin bar as long as the score, which is clipped to 0..1.

    Example:
        >>> from floorlens.html import score_bar
        >>> score_bar(0.5)
        '<div class="bar"><i style="width:50.0%"></i></div>'
    """
    return f'<div class="bar"><i style="width:{100 * min(max(score, 0.0), 1.0):.1f}%"></i></div>'
