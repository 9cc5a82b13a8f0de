"""Commands on the vector engine: sync, verify."""

from __future__ import annotations

from typing import Annotated

import typer

from floorlens.cli.output import (
    CatalogueOption,
    JsonOption,
    print_json,
    read_settings,
)
from floorlens.cli.progress import progress_bar
from floorlens.errors import EngineError
from floorlens.lens import open_catalogue

engine_app = typer.Typer(
    no_args_is_help=True, help="Fill, repair and compare the catalogue's copy in a vector engine."
)
ToOption = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="ENGINE",
        help="lancedb, milvus, pgvector, pinecone, or one of another package (FLOORLENS_INDEX).",
        show_default=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Adds these commands to the application."""
    app.add_typer(engine_app, name="engine")


@engine_app.command()
def sync(
    to: ToOption = None,
    take_over: Annotated[
        bool,
        typer.Option(
            "--take-over",
            help="Take over a collection that another catalogue or another program has filled: "
            "records that this catalogue does not hold are deleted there.",
        ),
    ] = False,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fill or repair the engine from the catalogue. Only what differs is written."""
    settings = read_settings(catalogue=catalogue).for_engine(to)
    with open_catalogue(settings, create=False) as lens, progress_bar("Comparing") as progress:
        report = lens.replica.sync(take_over=take_over, progress=progress)
    if as_json:
        print_json(report.as_dict())
        return
    print(
        f"{report.engine} {report.collection}: {report.added} added, {report.updated} updated, "
        f"{report.removed} removed, {report.unchanged} unchanged in {report.seconds:.1f} s"
    )


@engine_app.command()
def verify(
    to: ToOption = None, catalogue: CatalogueOption = None, as_json: JsonOption = False
) -> None:
    """Compare the engine with the catalogue: counts, ids and stamps. Exit code 6 if they differ."""
    settings = read_settings(catalogue=catalogue).for_engine(to)
    with open_catalogue(settings, create=False) as lens:
        comparison = lens.replica.compare()
    facts = comparison.as_dict()
    if as_json:
        print_json(facts)
    else:
        print(f"{comparison.engine} {comparison.collection}: stamp {comparison.stamp}")
        print(
            f"{comparison.products} products in the catalogue, "
            f"{comparison.records} records in the engine"
        )
        for kind in ("missing", "unknown"):
            if facts[kind]:
                print(f"{facts[kind]} {kind}: {', '.join(facts[f'{kind}_ids'])}")
        print("in step" if comparison.in_step else f"not in step: {comparison.cure}")
    raise typer.Exit(0 if comparison.in_step else EngineError.exit_code)
