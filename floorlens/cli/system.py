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
    progress_bar,
    settings,
)


def register(app: typer.Typer) -> None:
    """Adds these commands to the application."""
    app.command()(doctor)
    app.command()(demo)


def doctor(catalogue: CatalogueOption = None, as_json: JsonOption = False) -> None:
    """Print the settings, secrets hidden, and check what can be checked."""
    from floorlens.doctor import examine, shown_settings

    chosen = settings(catalogue=catalogue)
    shown, checks = shown_settings(chosen), examine(chosen)
    if as_json:
        print_json({"settings": shown, "checks": [check.as_dict() for check in checks]})
    else:
        for name, value in shown.items():
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
        typer.Option("--products", help="A folder, CSV or JSONL of products.", show_default=False),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="Where the report goes.")] = Path("demo"),
    catalogue: CatalogueOption = None,
    preset: PresetOption = None,
) -> None:
    """Index a catalogue, rank it for room photos and write an HTML report."""
    from floorlens.cli.tables import print_ranking
    from floorlens.demo.demo import run_demo

    chosen = settings(preset=preset)
    # The tables come after the bar: printed while it is drawn, they would run into it.
    with progress_bar("Indexing and ranking") as update:
        made = run_demo(
            out,
            rooms=rooms,
            products=products,
            catalogue=catalogue,
            import_progress=lambda done, total, _row: update(done, total),
            adapt_progress=update,
            room_progress=lambda done, total, _room: update(done, total),
            **chosen.options(),
        )
    for room in made.rooms:
        if room.result is None:
            print(f"{room.name}: {room.problem}")
        else:
            print_ranking(room.name, room.result, 5)
    code = print_import(made.imported, as_json=False)
    print(f"Report: {made.report}")
    raise typer.Exit(code)
