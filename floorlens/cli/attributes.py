"""Commands on what products are like: attributes, facets."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import closing
from typing import Annotated

import typer

from floorlens.attributes import Attribute, Value
from floorlens.attributes.vocabulary import meaning_of, parse_value
from floorlens.cli.output import (
    NOT_SYNCED,
    CatalogueOption,
    FilterOption,
    JsonOption,
    open_lens,
    open_without_models,
    parse_filters,
    print_import,
    print_json,
)
from floorlens.cli.progress import index_bars
from floorlens.errors import EngineError


def register(app: typer.Typer) -> None:
    """Adds these commands to the application."""
    app.command()(attributes)
    app.command()(facets)


def attributes(
    product_id: Annotated[str | None, typer.Argument(metavar="ID")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Set an attribute by hand; it is never overwritten. Repeatable.",
            show_default=False,
        ),
    ] = None,
    unset: Annotated[
        list[str] | None,
        typer.Option(
            "--unset",
            metavar="NAME",
            help="Take back what was set: what was measured shows again. Repeatable.",
            show_default=False,
        ),
    ] = None,
    measure: Annotated[
        bool,
        typer.Option(
            "--measure",
            help="Measure the products that were not measured yet; variants are told by it too.",
        ),
    ] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="With --measure: measure all products again.")
    ] = False,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a product is like (tone, colour, pattern, …), or set it by hand.

    With --measure and no ID: measure the products of a catalogue that was made before attributes
    were, and take the prints of their pictures, by which variants are told. Nothing is embedded.
    What was set by hand stays.
    """
    if measure == (product_id is not None):
        raise typer.BadParameter("name a product, or give --measure for all products")
    if product_id is None:
        if changes or unset:
            raise typer.BadParameter("--set and --unset are for one product: name it")
        with open_lens(catalogue, None) as lens, index_bars() as (progress, _):
            report = lens.measure_attributes(anew=anew, progress=progress)
        raise typer.Exit(print_import(report, as_json=as_json))
    if anew:
        raise typer.BadParameter("--anew belongs to --measure")
    edits = _parse_changes(changes or [], unset or [])
    values: Mapping[str, Attribute]
    if edits:
        with open_lens(catalogue, None) as lens:
            try:
                values = lens.edit(product_id, edits)
            except EngineError as error:
                print(NOT_SYNCED.format(error), file=sys.stderr)
                raise typer.Exit(EngineError.exit_code) from error
    else:
        with closing(open_without_models(catalogue)) as store:
            store.product(product_id)
            values = store.attributes.of([product_id]).get(product_id, {})
    _print(values, as_json)


def facets(
    where: FilterOption = None,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count the products by attribute, and by those of their fields that have few values."""
    from floorlens.catalogue import filtering

    condition = parse_filters(where)
    with closing(open_without_models(catalogue)) as store:
        counts = filtering.facets(store, condition)
    if as_json:
        print_json(counts)
        return
    from rich.table import Table

    from floorlens.cli.tables import Output, plain

    table = Table("field", "value", "products")
    for field, values in counts.items():
        for place, (value, count) in enumerate(values.items()):
            table.add_row(plain("" if place else field), plain(_text(value)), str(count))
    Output().print(table)


def _parse_changes(changes: list[str], unset: list[str]) -> dict[str, Value | None]:
    """Returns name -> value of `--set tone=dark`, None of `--unset tone`."""
    edits: dict[str, Value | None] = {}
    for text in changes:
        name, separator, value = text.partition("=")
        if not separator:
            raise typer.BadParameter(f"--set {text!r} is not NAME=VALUE")
        edits[name.strip()] = parse_value(name.strip(), value)
    for name in unset:
        meaning_of(name)
        if name in edits:
            raise typer.BadParameter(f"{name} is both set and unset")
        edits[name] = None
    return edits


def _print(values: Mapping[str, Attribute], as_json: bool) -> None:
    if as_json:
        print_json({name: item.as_dict() for name, item in values.items()})
        return
    if not values:
        print("nothing was measured yet: run `floorlens attributes --measure`")
        return
    from rich.table import Table

    from floorlens.cli.tables import Output, plain

    table = Table("attribute", "value", "right", "from")
    for name, item in values.items():
        value = f"{_text(item.value)} {item.unit}".strip()
        table.add_row(name, plain(value), f"{item.confidence:.0%}", item.origin)
    Output().print(table)


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else value
