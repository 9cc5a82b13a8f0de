"""Commands on the installation: doctor, demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from floorlens.cli.output import (
    CatalogueOption,
    JsonOption,
    PresetOption,
    print_import,
    print_json,
    read_settings,
)
from floorlens.cli.progress import progress_bar


def register(app: typer.Typer) -> None:
    """Adds these commands to the application."""
    app.command()(doctor)
    app.command()(demo)


def doctor(catalogue: CatalogueOption = None, as_json: JsonOption = False) -> None:
    """Print the settings, without secrets, and check models, catalogue and engine."""
    from floorlens.doctor import examine, public_settings

    settings = read_settings(catalogue=catalogue)
    variables, checks = public_settings(settings), examine(settings)
    if as_json:
        print_json({"settings": variables, "checks": [check.as_dict() for check in checks]})
    else:
        for name, value in variables.items():
            print(f"{name}={value}")
        for check in checks:
            print(f"{'ok  ' if check.ok else 'BAD '} {check.name}: {check.found}")
            if not check.ok:
                print(f"     {check.cure}")
    raise typer.Exit(0 if all(check.ok for check in checks) else 1)


def demo(
    rooms: Annotated[
        Path | None, typer.Option("--rooms", help="A folder of room photos.", show_default=False)
    ] = None,
    products: Annotated[
        Path | None,
        typer.Option("--products", help="A folder or list of products.", show_default=False),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="The folder of the report.")] = Path("demo"),
    catalogue: CatalogueOption = None,
    preset: PresetOption = None,
) -> None:
    """Index a catalogue, rank it for room photos and write an HTML report."""
    from floorlens.cli.tables import print_ranking
    from floorlens.demo.demo import run_demo

    settings = read_settings(preset=preset)
    # The tables come after the bar: printed beside it, they would run into it.
    with progress_bar("Indexing and ranking") as progress:
        result = run_demo(
            out,
            rooms=rooms,
            products=products,
            catalogue=catalogue,
            import_progress=lambda number, total, _row: progress(number, total),
            adapt_progress=progress,
            room_progress=lambda number, total, _room: progress(number, total),
            **settings.options(),
        )
    for room in result.rooms:
        if room.result is None:
            print(f"{room.name}: {room.problem}")
        else:
            print_ranking(room.name, room.result, 5)
    code = print_import(result.import_report, as_json=False)
    print(f"Report: {result.report}")
    raise typer.Exit(code)
