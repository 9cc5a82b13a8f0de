"""What the commands share: options, printing for people and programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from floorlens.errors import EngineError, FilterError, FloorlensError
from floorlens.lens import open_catalogue
from floorlens.products.amounts import typed_cell

if TYPE_CHECKING:
    from floorlens.adaptation.adapt import AdaptationReport, PairsReport
    from floorlens.adaptation.pairs import PairRow
    from floorlens.adaptation.validation import Figure
    from floorlens.catalogue.catalogue import Catalogue
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
FetchOption = Annotated[
    bool,
    typer.Option(
        "--fetch",
        help="Fetch pictures given as addresses, from the hosts of FLOORLENS_FETCH_HOSTS.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
FilterOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="FILTER",
        help='FIELD=VALUE, or JSON such as \'{"price": {"$lt": 50}}\'; repeatable.',
        show_default=False,
    ),
]
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
_CAUSES = 20
_IDS = 5
NOT_SYNCED = (
    "stored in the catalogue, but the vector engine is not in step: {}. The next search brings it "
    "up to date; or run `floorlens engine sync`"
)
# Kind of product picture that is not a swatch -> its name in the singular and in the plural.
PICTURES = {
    "room": ("room scene", "room scenes"),
    "boards": ("picture of boards on a plain ground", "pictures of boards on a plain ground"),
    "framed": ("picture with a frame or label", "pictures with a frame or label"),
    "drawing": ("drawing (no picture yet, a logo)", "drawings (no picture yet, logos)"),
}


def read_settings(**overrides: Any) -> Settings:
    """Returns the settings; options of the command line that are not None come first."""
    from floorlens.settings import load_settings

    options = {name: value for name, value in overrides.items() if value is not None}
    return load_settings().model_copy(update=options)


def open_lens(catalogue: str | None, preset: str | None, *, create: bool = False) -> Floorlens:
    """Returns the catalogue that the settings and options name, opened."""
    return open_catalogue(read_settings(catalogue=catalogue, preset=preset), create=create)


def open_without_models(catalogue: str | None) -> Catalogue:
    """Returns the catalogue that the settings and options name, whichever models made it."""
    from floorlens.catalogue.catalogue import Catalogue

    return Catalogue(read_settings(catalogue=catalogue).catalogue, create=False)


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


def print_error(error: FloorlensError) -> int:
    """Prints an error on standard error, as JSON with `--json`; returns its exit code."""
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


def print_adaptation(report: AdaptationReport) -> None:
    """Prints what an adaptation did; on standard error, which products it could not use."""
    for product in report.unused:
        print(f"unused  {product.id}: {product.reason}", file=sys.stderr)
    if report.pairs is not None:
        print_pairs(report.pairs)
        if not report.pairs.used:
            print(_no_gain(report, report.pairs.removals))
            return
    change = f"{report.described} described anew" if report.described else "nothing has changed"
    rooms = f", {report.rooms} rooms whose product is known" if report.rooms else ""
    print(
        f"adapted to {report.products} products in {report.seconds:.1f} s: {report.views} "
        f"simulated rooms each, {report.simulated} made now{rooms}, {change}; projection "
        f"{report.version}"
    )


def _no_gain(report: AdaptationReport, removals: int) -> str:
    """Returns what became of a catalogue whose list of pairs brings nothing."""
    parts = []
    if removals:
        parts.append(f"{removals} rooms stored before were forgotten")
    if report.described:
        parts.append(f"adapted without rooms, {report.described} described anew")
    text = f"no gain: {', '.join(parts) or 'nothing has changed'}, and the list was not kept"
    if not report.adapted:
        text += "; the catalogue is not adapted: `floorlens adapt` without a list adapts it"
    return f"{text}; projection {report.version}"


def print_pairs(report: PairsReport) -> None:
    """Prints what a list of pairs brings; on standard error, which of its rows cannot be used."""
    for line in failure_lines(report.failed, "rooms"):
        print(line, file=sys.stderr)
    check = report.validation
    print(f"{len(report.rows)} pairs: {check.rooms} usable, {len(report.failed)} failed")
    print(
        f"cross-validated on {check.rooms} rooms of {check.products} products, each without its "
        f"own: {_figure('MRR', check.mrr)}; {_figure('first', check.top1)}"
    )


def _figure(name: str, figure: Figure) -> str:
    return (
        f"{name} {figure.before:.3f} without the list, {figure.after:.3f} with it (difference "
        f"{figure.difference:+.3f}, 95 % interval {figure.low:+.3f} to {figure.high:+.3f})"
    )


def failure_lines(rows: Sequence[ImportRow | PairRow], noun: str = "products") -> list[str]:
    """Returns what to print of failed rows: one line for each cause, of many causes the first 20.

    The causes that most rows have come first: mended once, they help most.
    """
    groups: dict[str, list[ImportRow | PairRow]] = {}
    for row in rows:
        cause = (row.reason or "").removeprefix(f"{row.place}: ")
        groups.setdefault(cause, []).append(row)
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    lines = []
    for cause, same in ordered[:_CAUSES]:
        if len(same) == 1:
            lines.append(f"failed  {same[0].id}: {same[0].reason}")
        else:
            ids = ", ".join(row.id for row in same[:_IDS]) + ", …" * (len(same) > _IDS)
            lines.append(f"failed  {len(same)} {noun} ({ids}): {cause}")
    rest = sum(len(same) for _, same in ordered[_CAUSES:])
    if rest:
        lines.append(f"… {rest} more (--json has them all)")
    return lines


def print_import(report: CatalogueReport, *, as_json: bool) -> int:
    """Prints an import's failed rows, notes and counts; returns the exit code."""
    if as_json:
        print_json(report.as_dict())
    else:
        # What is few comes last, where a terminal shows it.
        for line in (*failure_lines(report.failed), *report.notes):
            print(line, file=sys.stderr)
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


def parse_filters(filters: list[str] | None) -> dict[str, Any] | None:
    """Returns one filter of all of them; None if there are none.

    Raises:
        FilterError: one is neither FIELD=VALUE nor JSON.
    """
    parts: list[Any] = []
    for text in filters or []:
        if text.lstrip().startswith("{"):
            try:
                parts.append(json.loads(text))
            except (ValueError, RecursionError) as error:
                raise FilterError(f"--where {text[:200]!r} is not JSON: {error}") from error
        else:
            field, sign, value = text.partition("=")
            if not sign or not field:
                raise FilterError(f"--where {text!r} is neither FIELD=VALUE nor JSON")
            parts.append({field: typed_cell(value)})
    # One alone as it was given: messages show it.
    return {"$and": parts} if len(parts) > 1 else next(iter(parts), None)


def counted(count: int, noun: str) -> str:
    """Returns "no designs", "1 design", "2 designs".

    Example:
        >>> counted(1, "design")
        '1 design'
    """
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"
