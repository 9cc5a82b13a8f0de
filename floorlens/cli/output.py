"""What the commands share: options, printing for people and programs, progress bars."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from floorlens.errors import EngineError, FloorlensError

if TYPE_CHECKING:
    from floorlens.adaptation.adapt import AdaptationReport
    from floorlens.importing import ImportRow
    from floorlens.lens import CatalogueReport, Floorlens
    from floorlens.settings import Settings

CatalogueOption = Annotated[
    str | None,
    typer.Option(
        "--catalogue",
        "-c",
        metavar="PATH-or-URL",
        help="The catalogue (FLOORLENS_CATALOGUE, default ./catalogue).",
        show_default=False,
    ),
]
PresetOption = Annotated[
    str | None,
    typer.Option(
        "--preset", help="The preset; by default the catalogue's own.", show_default=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
WeightOption = Annotated[
    list[str] | None,
    typer.Option(
        "--weight",
        metavar="NAME=NUMBER",
        help="Shift a component's weight; repeatable.",
        show_default=False,
    ),
]

SOME_FAILED = 8
NOT_SYNCED = (
    "stored in the catalogue, but the vector engine is not in step: {}. The next search brings it "
    "up to date, or `floorlens engine sync`"
)
# What product pictures show if not a swatch -> what one and several of them are called.
PICTURES = {
    "room": ("room scene", "room scenes"),
    "boards": ("picture of boards on a plain ground", "pictures of boards on a plain ground"),
    "framed": ("picture with a frame or label", "pictures with a frame or label"),
}

Update = Callable[[int, int], None]
"""Draws a bar at (done, of how many)."""


def settings(**overrides: Any) -> Settings:
    """Returns the settings with what the command line overrides."""
    from floorlens.settings import load_settings

    given = {name: value for name, value in overrides.items() if value is not None}
    return load_settings().model_copy(update=given)


def open_lens(catalogue: str | None, preset: str | None, *, create: bool = False) -> Floorlens:
    """Returns the catalogue that the settings and options name, opened."""
    from floorlens.lens import open_catalogue

    return open_catalogue(settings(catalogue=catalogue, preset=preset), create=create)


def parse_weights(weights: list[str] | None) -> dict[str, float]:
    """Returns the values of `WeightOption` by name.

    Raises:
        typer.BadParameter: one is not NAME=NUMBER.
    """
    parsed = {}
    for text in weights or []:
        name, _, value = text.partition("=")
        try:
            parsed[name] = float(value)
        except ValueError:
            raise typer.BadParameter(f"--weight {text!r} is not NAME=NUMBER") from None
    return parsed


def print_json(value: Any) -> None:
    """Prints plain values as indented JSON on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def fail(error: FloorlensError) -> int:
    """Prints an error on standard error, as JSON if `--json` was asked for; returns its code."""
    if "--json" in sys.argv[1:]:
        text = json.dumps({"error": {"code": error.code, "message": str(error)}})
    else:
        text = f"floorlens: {error}"
    print(text, file=sys.stderr)
    return error.exit_code


def write_text(path: Path, text: str) -> None:
    """Writes a text file.

    Raises:
        typer.BadParameter: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be written: {error.strerror}") from error


@contextmanager
def progress_bar(description: str) -> Iterator[Update]:
    """Draws a bar with the time left on standard error; yields `update(done, total)`."""
    with progress_bars() as new_bar:
        yield new_bar(description)


@contextmanager
def index_bars() -> Iterator[tuple[Callable[[int, int, ImportRow], None], Update]]:
    """Draws a bar for an import, and below it one for an adaptation once that begins.

    Yields the progress callbacks of both.
    """
    with progress_bars() as new_bar:
        importing, adapting = new_bar("Indexing"), new_bar("Adapting")
        yield lambda done, total, _row: importing(done, total), adapting


@contextmanager
def progress_bars() -> Iterator[Callable[[str], Update]]:
    """Draws bars on standard error; yields what makes one, which shows from its first update on."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:

        def new_bar(description: str) -> Update:
            task = progress.add_task(description, total=None, visible=False)
            return lambda done, total: progress.update(
                task, completed=done, total=total, visible=True
            )

        yield new_bar


def print_adaptation(report: AdaptationReport) -> None:
    """Prints what an adaptation did, and on standard error which products it could not use."""
    for product in report.unused:
        print(f"unused  {product.id}: {product.reason}", file=sys.stderr)
    done = f"{report.described} described anew" if report.described else "nothing has changed"
    print(
        f"adapted to {report.products} products in {report.seconds:.1f} s: {report.views} "
        f"simulated rooms each, {report.simulated} made now, {done}; projection {report.version}"
    )


def print_import(report: CatalogueReport, *, as_json: bool) -> int:
    """Prints an import's counts and failed rows; returns the exit code."""
    if as_json:
        print_json(report.as_dict())
    else:
        for row in report.failed:
            print(f"failed  {row.id}: {row.reason}", file=sys.stderr)
        counts = ", ".join(f"{count} {status}" for status, count in report.counts.items())
        print(f"{len(report.rows)} products in {report.seconds:.1f} s: {counts}")
        kinds = [
            f"{count} {one if count == 1 else many}"
            for kind, (one, many) in PICTURES.items()
            if (count := report.pictures[kind])
        ]
        if kinds:
            print(f"not floor from edge to edge: {', '.join(kinds)}")
        if report.adaptation is not None:
            print_adaptation(report.adaptation)
        if report.not_adapted is not None:
            print(f"not adapted: {report.not_adapted}", file=sys.stderr)
        if report.not_synced is not None:
            print(NOT_SYNCED.format(report.not_synced), file=sys.stderr)
    if report.failed:
        return SOME_FAILED
    return 0 if report.not_synced is None else EngineError.exit_code
