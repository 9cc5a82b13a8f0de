"""Tables for people: a ranking, the figures of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from floorlens.cli.output import counted
from floorlens.explanation import Explanation
from floorlens.products.product import Product
from floorlens.ranking import SearchResult
from floorlens.ranking.reasons import PHRASES

#: From so many columns on, the components of scores have place beside ids and names.
WIDE = 100


class Output(Console):
    """Standard output for tables."""

    def on_broken_pipe(self) -> None:
        """Raises, so that the command line ends without a failure (rich would exit with 1)."""
        raise BrokenPipeError


def plain(text: object) -> Text:
    """Returns a user's text for a table, unchanged: "[b]" in a name is no markup."""
    return Text(str(text))


def print_ranking(title: str, result: SearchResult, limit: int) -> None:
    """Prints the first matches of a ranking."""
    first, shown = result.matches[0], result.matches[:limit]
    console = Output()
    # Ids are needed whole, to be used in other commands.
    names = list(first.components or {}) if console.width >= WIDE else []
    seen = ["seen in"] if {match.evidence for match in shown} - {None, "swatch"} else []
    words = ["looks"] if first.word else []
    columns = ("#", "product", "name", "score", *words, *names, *seen)
    table = Table(*columns)
    table.columns[1].no_wrap = True
    for match in shown:
        parts = match.components or {}
        table.add_row(
            str(match.rank),
            plain(match.product.id),
            plain(match.product.name),
            f"{match.score:.3f}",
            *(match.word or "" for _ in words),
            *(f"{parts[name]:.2f}" if name in parts else "" for name in names),
            *(match.evidence or "" for _ in seen),
        )
    # Above the table, which is worth little where the floor is in doubt or nothing is close.
    console.print(plain(": ".join(filter(None, (title, result.verdict)))), soft_wrap=True)
    console.print(table)
    # Below it, since ids and names need the width.
    for match in shown:
        variants = f"of this design also {_listed(match.variants)}" if match.variants else ""
        remarks = "; ".join(filter(None, (match.reason, variants)))
        if remarks:
            console.print(plain(f"{match.rank:2} {remarks}"), soft_wrap=True)
    console.print(
        f"{min(limit, len(result.matches))} of {result.total} products; floor on "
        f"{result.floor.share:.0%} of the photo; {result.timings['total'] * 1000:.0f} ms",
        highlight=False,
    )
    for note in result.notes:
        console.print(plain(note), soft_wrap=True)
    if result.degraded is not None:
        console.print(
            f"the vector engine cannot be used ({result.degraded}): searched in memory instead",
            highlight=False,
        )


def print_explanation(title: str, explanation: Explanation) -> None:
    """Prints the sentence, and below it the numbers behind it."""
    console = Output()
    match, facts, product = explanation.match, explanation.facts, explanation.product
    line = f"{title} and {product.id}: {explanation.reason or 'no reason with this preset'}"
    console.print(plain(line), soft_wrap=True)
    table = Table("measured", "floor", "product", "difference")
    if facts is not None:
        sure = facts.floor_pattern_probability, facts.product_pattern_probability
        table.add_row(
            "pattern",
            f"{facts.floor_pattern} ({sure[0]:.0%})",
            f"{facts.product_pattern} ({sure[1]:.0%})",
            f"{facts.same_pattern:.0%} the same",
        )
        table.add_row("lightness (L*)", "", "", f"{facts.lightness:+.1f}")
        table.add_row("chroma (C*)", "", "", f"{facts.chroma:+.1f}")
        table.add_row("hue (H*)", "", "", f"{facts.hue:+.1f}")
        table.add_row("colour (CIE 1976)", "", "", f"{facts.delta_e:.1f}")
        spreads = facts.floor_variation, facts.product_variation
        table.add_row(
            "variation (L*)",
            f"{spreads[0]:.1f}",
            f"{spreads[1]:.1f}",
            f"{spreads[1] - spreads[0]:+.1f}",
        )
        table.add_row("texture", "", "", f"cosine {facts.texture:.2f}")
        console.print(table)
        for doubt in facts.doubts:
            console.print(f"doubtful: {PHRASES[doubt]}", highlight=False)
    place = "beyond the ranking" if match is None else f"rank {match.rank}, score {match.score:.3f}"
    count = len(explanation.pairs)
    pairs = (
        "1 pair of patches corresponds" if count == 1 else f"{count} pairs of patches correspond"
    )
    console.print(f"{place}; {pairs}", highlight=False)


def _listed(products: Sequence[Product], shown: int = 3) -> str:
    """Returns the ids of products, the first of them if they are many."""
    rest = f" and {len(products) - shown} more" if len(products) > shown else ""
    return ", ".join(product.id for product in products[:shown]) + rest


def print_figures(figures: Mapping[str, Any]) -> None:
    """Prints the figures of an evaluation with their intervals, and the files that failed."""
    intervals = figures.get("ci95", {})
    table = Table("measure", "value", "95 % interval")
    for name, value in figures.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            text = f"{value:.4f}" if isinstance(value, float) else str(value)
            table.add_row(name, text, _interval(intervals.get(name)))
    after_clicks = figures.get("mean_iou_after_clicks", ())
    for clicks, value in enumerate(after_clicks):
        interval = intervals["mean_iou_after_clicks"][clicks]
        table.add_row(f"mean_iou, clicks: {clicks}", f"{value:.4f}", _interval(interval))
    for name, value in (figures.get("scores") or {}).items():
        if isinstance(value, float):
            interval = _interval(figures["scores"].get(f"{name}_ci95"))
            table.add_row(f"scores: {name}", f"{value:.4f}", interval)
    console = Output()
    console.print(table)
    if "robustness" in figures:
        console.print(_robustness(figures["robustness"], figures["n_robustness"]))
    for failure in figures.get("failed", [])[:20]:
        console.print(plain(f"failed: {failure['file']}: {failure['reason']}"))


def print_comparison(figures: Mapping[str, Any], changes: int = 20) -> None:
    """Prints how two evaluations differ: the figures, the settings, the largest changes."""
    console = Output()
    table = Table("measure", "A", "B", "B - A", "95 % interval", "p")
    parts = {"": figures["differences"], **figures["by_source"]}
    for source, differences in parts.items():
        for name, row in differences.items():
            label = f"{name}, {source}" if source else name
            numbers = [f"{row[key]:.4f}" for key in ("a", "b")]
            change, p = f"{row['difference']:+.4f}", f"{row['p']:.3f}"
            table.add_row(plain(label), *numbers, change, _interval(row["ci95"], "+"), p)
    console.print(table)
    for name, (before, after) in figures["settings"].items():
        console.print(plain(f"differs: {name}: {before} in A, {after} in B"), highlight=False)
    for side in "ab":
        names = figures[f"only_in_{side}"]
        if names:
            text = f"not compared, only in {side.upper()}: {len(names)} ({', '.join(names[:5])}"
            console.print(plain(text + (", …)" if len(names) > 5 else ")")), highlight=False)
    console.print(
        f"{counted(figures['n'], 'row')}: {figures['better']} better in B, "
        f"{figures['worse']} worse",
        highlight=False,
    )
    if figures["changes"]:
        table = Table("photo", "product", "A", "B", "")
        for row in figures["changes"][:changes]:
            places = [f"{row[side]:.4g}" for side in "ab"]
            word = "better" if row["gain"] > 0 else "worse"
            table.add_row(plain(row["photo"]), plain(row.get("product", "")), *places, word)
        console.print(table)
        rest = len(figures["changes"]) - changes
        if rest > 0:
            console.print(f"… {rest} more (--json has them all)", highlight=False)


def _robustness(rows: Mapping[str, Any], photos: int) -> Table:
    title = plain(f"{photos} photos with a floor, under other conditions")
    table = Table(title=title, title_justify="left")
    table.add_column("change", no_wrap=True)
    for name in ("mean_iou", "95 % interval", "of clean", "95 % interval"):
        table.add_column(name)
    for name, row in rows.items():
        cells = []
        for measure in ("mean_iou", "ratio"):
            cells += [f"{row[measure]:.4f}", _interval(row["ci95"][measure])]
        table.add_row(name, *cells)
    return table


def _interval(pair: Sequence[float] | None, sign: str = "") -> str:
    return f"{pair[0]:{sign}.4f} … {pair[1]:{sign}.4f}" if pair else ""
