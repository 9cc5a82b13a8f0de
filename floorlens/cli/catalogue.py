"""Commands on the catalogue: index, adapt, products, variants, export, info."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from floorlens.cli.output import (
    NOT_SYNCED,
    SOME_FAILED,
    CatalogueOption,
    FetchOption,
    JsonOption,
    PresetOption,
    counted,
    open_lens,
    open_without_models,
    print_adaptation,
    print_import,
    print_json,
    read_settings,
    write_text,
)
from floorlens.cli.progress import index_bars, progress_bars
from floorlens.errors import CatalogueNotFound, EngineError
from floorlens.lens import Floorlens
from floorlens.products.export import (
    folders_outside,
    products_as_csv,
    products_as_json,
    products_as_jsonl,
)
from floorlens.products.folders import Layout
from floorlens.products.places import Places
from floorlens.products.reading import read_products

_COLUMN = re.compile(
    r"\s*(?P<role>[a-z]+)\s*=\s*(?:\"(?P<quoted>[^\"]*)\"|(?P<plain>[^,]*))\s*(?:,|$)"
)

products_app = typer.Typer(no_args_is_help=True, help="List, show and remove products.")


def register(app: typer.Typer) -> None:
    """Adds these commands to the application."""
    app.command()(index)
    app.command()(adapt)
    app.add_typer(products_app, name="products")
    app.command()(variants)
    app.command()(export)
    app.command()(info)


def index(
    source: Annotated[
        Path | None,
        typer.Argument(help="A folder of product images, or a list: CSV, JSON, JSONL or Excel."),
    ] = None,
    rebuild: Annotated[
        bool,
        typer.Option(
            "--rebuild", help="Embed the whole catalogue anew; searches use the old one meanwhile."
        ),
    ] = False,
    adapting: Annotated[
        bool | None,
        typer.Option(
            "--adapt/--no-adapt",
            help="Adapt the catalogue afterwards, if it is not adapted yet. By default the first "
            "import does it, if it brings 64 products or more; --no-adapt declines it for good.",
            show_default=False,
        ),
    ] = None,
    id_prefix: Annotated[
        str,
        typer.Option(
            "--id-prefix",
            metavar="TEXT",
            help="Text to put before every id; floor_ gives the ids of the reference design.",
            show_default=False,
        ),
    ] = "",
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Store nothing if one row of the list cannot be used."),
    ] = False,
    no_numbers: Annotated[
        bool,
        typer.Option(
            "--no-numbers",
            help="Keep all cells of a list as text: by default 19.5 is a number, and so is "
            "€ 19,50 in a column of prices.",
        ),
    ] = False,
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--columns",
            metavar="ROLE=COLUMN,…",
            help='Which columns of the list are id, image and name: id=SKU,image="Image Src".',
            show_default=False,
        ),
    ] = None,
    layout: Annotated[
        Layout,
        typer.Option(
            "--layout",
            help="Of a folder: a product for each of its files, or for each of its folders. By "
            "default the names of the files decide.",
        ),
    ] = "auto",
    pictures: Annotated[
        list[Path] | None,
        typer.Option(
            "--pictures",
            metavar="FOLDER",
            help="A folder beside the list's own in which its pictures may lie; repeatable.",
            show_default=False,
        ),
    ] = None,
    fetch: FetchOption = False,
    catalogue: CatalogueOption = None,
    preset: PresetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add products to the catalogue. Only what changed is embedded; nothing is removed.

    The first import adapts the search to its products if they are 64 or more (see `adapt`).
    """
    if source is None and not rebuild:
        raise typer.BadParameter("name a folder or list of products (or give --rebuild)")
    named = _parse_columns(columns or ())
    if source is None and id_prefix:
        raise typer.BadParameter("--id-prefix is for new products: a rebuild keeps the ids")
    code = 0
    fetchable = _fetchable(catalogue, preset, fetch)
    if rebuild:
        settings = read_settings(catalogue=catalogue, preset=preset)
        with index_bars() as (progress, adapt_progress):
            report = Floorlens.rebuild(
                settings.catalogue,
                progress=progress,
                adapt=adapting,
                adapt_progress=adapt_progress,
                **settings.options(),
            )
        # Programs get one JSON document: after a rebuild without failures that of the import.
        if report.failed or source is None or not as_json:
            code = print_import(report, as_json=as_json)
        if code:
            print(
                "The old features stay in use. Repair these pictures, or remove the products with "
                "`floorlens products remove ID`, and run the rebuild again: it continues here.",
                file=sys.stderr,
            )
    if source is not None and code == 0:
        reading: dict[str, Any] = {
            "id_prefix": id_prefix,
            "strict": strict,
            "numbers": not no_numbers,
            "columns": named,
            "layout": layout,
        }

        def check_source() -> None:
            places = Places(source.parent, pictures=pictures or (), address=fetchable)
            read_products(source, places=places, **reading)

        with (
            _open_for_import(check_source, catalogue, preset) as lens,
            index_bars(_adapts_from(lens, adapting)) as (progress, adapt_progress),
        ):
            report = lens.add(
                source,
                progress=progress,
                adapt=adapting,
                adapt_progress=adapt_progress,
                pictures=pictures or (),
                fetch=fetch,
                **reading,
            )
        code = print_import(report, as_json=as_json)
    raise typer.Exit(code)


def _adapts_from(lens: Floorlens, adapting: bool | None) -> int:
    """Returns from how many products on an import is followed by an adaptation; 0: by none."""
    from floorlens.adaptation.adapt import LEAST, WORTH

    if adapting is False or lens.adapted or lens.stamp["projection"] is None:
        return 0
    if adapting:
        return LEAST
    return WORTH if lens.count() == 0 and not lens.adaptation_declined else 0


def adapt(
    views: Annotated[
        int | None,
        typer.Option(
            "--views", min=1, help="Simulated rooms for each product (6).", show_default=False
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", help="Use at most so many products (2000).", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed makes other rooms.")] = 0,
    pairs: Annotated[
        Path | None,
        typer.Option(
            "--pairs",
            metavar="CSV",
            help="Learn from rooms whose product is known, if that helps: columns room (a photo) "
            "and product. It replaces an earlier list, which is forgotten also without a gain.",
            show_default=False,
        ),
    ] = None,
    rooms: Annotated[
        Path | None,
        typer.Option(
            "--rooms",
            metavar="FOLDER",
            help="A folder beside the list's own in which its photos may lie.",
            show_default=False,
        ),
    ] = None,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit the search to the differences between the catalogue's own products.

    Simulates rooms with each product on the floor. If you stop it, the next run continues there.
    """
    with open_lens(catalogue, None) as lens, progress_bars() as new_bar:
        report = lens.adapt(
            views=views,
            limit=limit,
            seed=seed,
            pairs=pairs,
            rooms=rooms,
            rooms_progress=new_bar("Reading rooms", 0),
            progress=new_bar("Adapting", 0),
        )
    if as_json:
        print_json(report.as_dict())
    else:
        print_adaptation(report)
        if report.not_synced is not None:
            print(NOT_SYNCED.format(report.not_synced), file=sys.stderr)
    if report.pairs is not None and report.pairs.failed:
        raise typer.Exit(SOME_FAILED)
    raise typer.Exit(0 if report.not_synced is None else EngineError.exit_code)


@products_app.command("list")
def list_products(catalogue: CatalogueOption = None, as_json: JsonOption = False) -> None:
    """List the products, sorted by id."""
    with closing(open_without_models(catalogue)) as store:
        products = store.products()
    if as_json:
        print_json([product.as_dict() for product in products])
        return
    from rich.table import Table

    from floorlens.cli.tables import Output, plain

    table = Table("id", "name", "metadata", title=f"{len(products)} products")
    for product in products:
        details = ", ".join(f"{key} {value}" for key, value in product.metadata.items())
        table.add_row(plain(product.id), plain(product.name), plain(details))
    Output().print(table)


@products_app.command()
def show(
    product_id: Annotated[str, typer.Argument(metavar="ID")],
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one product."""
    with closing(open_without_models(catalogue)) as store:
        product = store.product(product_id)
    if as_json:
        print_json(product.as_dict())
        return
    fields = {"id": product.id, "name": product.name, **product.metadata}
    for key, value in fields.items():
        print(f"{key}: {value}")
    for image in product.images:
        print(f"image: {image}")


@products_app.command()
def remove(
    ids: Annotated[list[str], typer.Argument(metavar="ID...")],
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove products from the catalogue; their image files stay."""
    with closing(open_without_models(catalogue)) as store:
        for product_id in ids:
            store.product(product_id)
        removals = store.remove(ids)
    if as_json:
        print_json({"removed": removals})
    else:
        print(f"removed {len(removals)}: {', '.join(removals)}")


def variants(
    product_id: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]",
            help="A product; without one, all designs.",
            show_default=False,
        ),
    ] = None,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """List which products show one picture, or one design in other formats, widths or colours."""
    with closing(open_without_models(catalogue)) as store:
        if product_id is None:
            designs, missing = store.designs.groups(), store.designs.without_prints()
            rows = [(", ".join(design.ids), ", ".join(design.kinds)) for design in designs]
            values = [design.as_dict() for design in designs]
            columns, title = ("products", "kinds"), counted(len(rows), "design")
        else:
            others, missing = store.variants(product_id), 0
            rows = [(v.product.id, f"{v.kind} ({v.confidence:.2f})") for v in others]
            values = [variant.as_dict() for variant in others]
            columns = ("product", "how it differs")
            title = f"{counted(len(rows), 'variant')} of {product_id}"
    if missing:
        print(
            f"floorlens: an earlier version stored {counted(missing, 'product')}, whose pictures "
            "are not compared: `floorlens attributes --measure` changes that",
            file=sys.stderr,
        )
    if as_json:
        print_json(values)
        return
    if not rows:
        print(title)
        return
    from rich.table import Table

    from floorlens.cli.tables import Output, plain

    table = Table(*columns, title=plain(title), title_justify="left")
    for row in rows:
        table.add_row(*(plain(cell) for cell in row))
    Output().print(table)


def export(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A .csv, .jsonl or .json file.")
    ] = None,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the products as CSV (the default), JSONL (.jsonl) or JSON (.json, --json)."""
    writers = {".csv": products_as_csv, ".jsonl": products_as_jsonl, ".json": products_as_json}
    ending = ".json" if as_json else ".csv" if output is None else output.suffix.lower()
    if ending not in writers:
        raise typer.BadParameter("the output's name must end in .csv, .jsonl or .json")
    with closing(open_without_models(catalogue)) as store:
        products = store.products()
    if output is None:
        sys.stdout.write(writers[ending](products, None))
        return
    write_text(output, writers[ending](products, output.parent))
    outside = folders_outside(products, output.parent)
    if outside:
        folders = " ".join(f"--pictures {shlex.quote(str(folder))}" for folder in outside)
        print(
            f"floorlens: pictures lie outside {output.parent.resolve()}; this catalogue reads the "
            f"file as it is, another one with {folders}",
            file=sys.stderr,
        )


def info(catalogue: CatalogueOption = None, as_json: JsonOption = False) -> None:
    """Show what the catalogue holds and which models made it."""
    with closing(open_without_models(catalogue)) as store:
        facts = store.facts()
    if as_json:
        print_json(facts)
        return
    for key, value in facts.items():
        if key == "projection":
            if value is not None:
                print(f"adapted to: {describe_projection(value)}")
        elif key == "engines":
            for replica in value:
                print(
                    f"engine: {replica['engine']} {replica['collection']} at {replica['revision']}"
                )
        elif isinstance(value, dict):
            for stage, stamp in value.items():
                text = (
                    stamp if isinstance(stamp, str) else f"{stamp['model_id']} {stamp['version']}"
                )
                print(f"{stage}: {text}")
        else:
            print(f"{key}: {value}")


def _parse_columns(options: Iterable[str]) -> dict[str, list[str]]:
    """Returns the columns for each role of `--columns id=SKU,image="Bild 1"`.

    Quotes around a name, if the shell leaves them, protect a comma in it. A role that is named
    again has one more column.
    """
    columns: dict[str, list[str]] = {}
    for option in options:
        position = 0
        while position < len(option):
            match = _COLUMN.match(option, position)
            if match is None:
                raise typer.BadParameter(f"--columns {option!r} is not ROLE=COLUMN,ROLE=COLUMN")
            name = match["quoted"] if match["quoted"] is not None else match["plain"].strip()
            columns.setdefault(match["role"], []).append(name)
            position = match.end()
    return columns


def describe_projection(projection: Mapping[str, Any]) -> str:
    """Returns what a catalogue's projection was fitted to, in words."""
    if "products" not in projection:
        return "nothing: the package's own projection; `floorlens adapt` fits one"
    text = f"{projection['products']} of its products, {projection['views']} simulated rooms each"
    if projection.get("rooms"):
        text += f", and {projection['rooms']} rooms whose product is known"
    return text


def _fetchable(
    catalogue: str | None, preset: str | None, fetch: bool
) -> Callable[[str], str | None]:
    """Returns what checks an address of a list: in a new catalogue it may be fetched, or not.

    Raises:
        SettingsError: pictures are to be fetched, and the settings name no host.
    """
    if not fetch:
        return lambda _address: None
    from floorlens.images.fetching import fetcher_of

    fetcher = fetcher_of(read_settings(catalogue=catalogue, preset=preset).hosts())

    def check(address: str) -> str:
        fetcher.check(address)
        return address

    return check


def _open_for_import(
    check_source: Callable[[], None], catalogue: str | None, preset: str | None
) -> Floorlens:
    try:
        return open_lens(catalogue, preset)
    except CatalogueNotFound:
        # A source that cannot be used must leave no empty catalogue behind.
        check_source()
        return open_lens(catalogue, preset, create=True)
