"""HTML that the written reports share: a page with its style, figures, tables and score bars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_STYLE = """
:root { color-scheme: light dark; --paper: #fbfaf8; --card: #ffffff; --ink: #1f2328;
  --soft: #5d6670; --line: #dfdcd6; --mark: #1a7f64; --warn: #b3541e; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181b; --card: #1f2226; --ink: #e8e6e3;
  --soft: #a0a8b0; --line: #363b41; --mark: #4cc3a1; --warn: #f0965a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 76rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 0 0 .75rem; overflow-wrap: anywhere; }
p { margin: .25rem 0 1rem; max-width: 46rem; }
a { color: var(--mark); }
img { display: block; max-width: 100%; height: auto; border-radius: 6px; }
figure { margin: 0; min-width: 0; }
figcaption { font-size: .85rem; color: var(--soft); padding-top: .35rem; overflow-wrap: anywhere; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 1.1rem 1.25rem 1.25rem; margin: 1.25rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
.soft { color: var(--soft); } .mark { color: var(--mark); font-weight: 600; }
.warn { color: var(--warn); font-weight: 600; }
.split { display: grid; gap: 1.25rem; grid-template-columns: minmax(14rem, 2fr) 3fr; }
.grid { display: grid; gap: .9rem; align-content: start;
  grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); }
.wide { grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); }
.grid img { width: 100%; aspect-ratio: 1; object-fit: cover; } .wide img { aspect-ratio: auto; }
figure.true img { outline: 3px solid var(--mark); }
.bar { height: 5px; margin-top: .3rem; border-radius: 3px; background: var(--line); }
.bar i { display: block; height: 100%; border-radius: 3px; background: var(--mark); }
footer { margin-top: 2.5rem; font-size: .85rem; color: var(--soft); }
@media (max-width: 48rem) { .split { grid-template-columns: 1fr; } }
"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
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
        body: HTML, its own text already escaped. The style knows `section`, `figure`, `table` and
            the classes `split` (photo beside matches), `grid`, `wide`, `scroll`, `number`, `soft`,
            `mark`, `warn`, `true` (a figure that is right) and `bar` (see `score_bar`).

    Example:
        >>> from floorlens.html import page
        >>> "<title>Oak &amp; ash</title>" in page("Oak & ash", "<p>Two floors.</p>")
        True
    """
    return _PAGE.format(title=escape(title), style=_STYLE, body=body)


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
