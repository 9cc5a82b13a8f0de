"""Commands on what people said of matches: list, export, delete."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from floorlens.cli.output import (
    CatalogueOption,
    JsonOption,
    open_without_models,
    print_json,
    read_settings,
)

if TYPE_CHECKING:
    from floorlens.service.feedback import Feedback

feedback_app = typer.Typer(
    no_args_is_help=True, help="What people said of matches: right or wrong."
)


def register(app: typer.Typer) -> None:
    """Adds these commands to the application."""
    app.add_typer(feedback_app, name="feedback")


@feedback_app.command("list")
def list_feedback(catalogue: CatalogueOption = None, as_json: JsonOption = False) -> None:
    """List what was said, the latest first."""
    from rich.table import Table

    from floorlens.cli.tables import Output, plain

    with _feedback(catalogue) as feedback:
        remarks = feedback.remarks()
    if as_json:
        print_json([remark.as_dict() for remark in remarks])
        return
    table = Table("product", "verdict", "search", "said")
    for remark in remarks:
        said = datetime.fromtimestamp(remark.created, UTC).strftime("%Y-%m-%d %H:%M UTC")
        table.add_row(plain(remark.product_id), remark.verdict, remark.search_id, said)
    Output().print(table)


@feedback_app.command()
def export(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new or empty folder.")],
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write it as an evaluation set: rooms/, products/, pairs.csv, and adapt.csv.

    `floorlens eval pairs OUT` measures on it, and `floorlens adapt --pairs OUT/adapt.csv` learns
    from it. products/ has the first picture of every product of the catalogue.
    """
    from floorlens.service.evaluation_sets import write_folder

    opened = open_without_models(catalogue)
    try:
        products = opened.products()
    finally:
        opened.close()
    with _feedback(catalogue) as feedback:
        written = write_folder(feedback, products, out)
    if as_json:
        print_json(
            {
                "rooms": written.rooms,
                "pairs": written.pairs,
                "products": written.products,
                "missing": list(written.missing),
            }
        )
        return
    print(f"{written.pairs} pairs of {written.rooms} rooms, {written.products} products: {out}")
    if written.missing:
        names = ", ".join(written.missing[:5]) + ", …" * (len(written.missing) > 5)
        print(f"left out, since they have no picture that can be read: {names}")


@feedback_app.command()
def delete(
    search_id: Annotated[
        str,
        typer.Argument(
            metavar="SEARCH",
            help="As `feedback list` shows it; after `--` if it begins with a hyphen.",
        ),
    ],
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete all that was said of a search, with its photos.

    What was said of searches that were refined from it goes too: their photos are the same.
    """
    with _feedback(catalogue) as feedback:
        count = feedback.delete(search_id)
    if as_json:
        print_json({"deleted": count})
    else:
        print(f"{count} verdicts deleted, with the photos")


@contextmanager
def _feedback(catalogue: str | None) -> Iterator[Feedback]:
    """Yields the feedback of the service of the catalogue that settings and options name."""
    from floorlens.service.feedback import Feedback
    from floorlens.service.store import Store

    store = Store(read_settings(catalogue=catalogue).state_folder())
    try:
        yield Feedback(store)
    finally:
        store.close()
