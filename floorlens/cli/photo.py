"""Commands on a photo: search, mask."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from floorlens.cli.output import (
    CatalogueOption,
    JsonOption,
    PresetOption,
    WeightOption,
    open_lens,
    parse_weights,
    print_json,
    settings,
)
from floorlens.errors import FilterError, RegionError

BoxOption = Annotated[
    str | None,
    typer.Option(
        "--box", metavar="L,T,R,B", help="The floor as a box in photo pixels.", show_default=False
    ),
]
PolygonOption = Annotated[
    str | None,
    typer.Option(
        "--polygon",
        metavar='"X,Y X,Y X,Y …"',
        help="The floor as a polygon in photo pixels.",
        show_default=False,
    ),
]
MaskOption = Annotated[
    Path | None,
    typer.Option("--mask", help="The floor as a picture of the photo's size.", show_default=False),
]
ClickOption = Annotated[
    list[str] | None,
    typer.Option(
        "--click",
        metavar="X,Y[,other]",
        help="Correct the floor: here is floor, or (other) is none, in photo pixels; repeatable.",
        show_default=False,
    ),
]
PhotoArgument = Annotated[Path, typer.Argument(help="A room photo.")]


def register(app: typer.Typer) -> None:
    """Adds these commands to the application."""
    app.command()(search)
    app.command()(mask)


def search(
    photo: PhotoArgument,
    limit: Annotated[
        int | None,
        typer.Option("--limit", "-n", min=1, help="At most so many (10 in a table, all in JSON)."),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="FILTER",
            help='FIELD=VALUE, or JSON such as \'{"price": {"$lt": 50}}\'; repeatable.',
        ),
    ] = None,
    weight: WeightOption = None,
    box: BoxOption = None,
    polygon: PolygonOption = None,
    mask: MaskOption = None,
    click: ClickOption = None,
    catalogue: CatalogueOption = None,
    preset: PresetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rank the catalogue by how closely each product matches the floor in a photo."""
    region, filters, weights = _region(box, polygon, mask), _where(where), parse_weights(weight)
    clicks = _clicks(click)
    with open_lens(catalogue, preset) as lens:
        result = lens.search(
            photo, limit=limit, where=filters, region=region, clicks=clicks, weights=weights
        )
    if as_json:
        print_json(result.as_dict())
        return
    from floorlens.cli.tables import print_ranking

    print_ranking(photo.name, result, limit or 10)
    if result.floor.reasons:
        print(f"floorlens: doubtful floor: {'; '.join(result.floor.reasons)}", file=sys.stderr)


def mask(
    photo: PhotoArgument,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the mask here: white is floor."),
    ] = None,
    overlay: Annotated[
        Path | None, typer.Option("--overlay", help="Write the photo with the floor drawn on it.")
    ] = None,
    box: BoxOption = None,
    polygon: PolygonOption = None,
    mask: MaskOption = None,
    click: ClickOption = None,
    catalogue: CatalogueOption = None,
    preset: PresetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the floor in a photo, with the catalogue's preset if there is a catalogue."""
    from floorlens.images.loading import load_photo
    from floorlens.images.masks import save_mask, save_overlay
    from floorlens.lens import preset_in_use
    from floorlens.pipeline import floor_region
    from floorlens.presets import load_stages, preset_named

    chosen = settings(catalogue=catalogue, preset=preset)
    region, clicks = _region(box, polygon, mask), _clicks(click)
    name = preset_in_use(chosen)
    stages = load_stages(preset_named(name), threads=chosen.threads, models=chosen.model_options())
    picture = load_photo(photo, max_megapixels=chosen.max_megapixels)
    floor = floor_region(picture, stages, region, clicks)
    if output is not None:
        save_mask(floor, output)
    if overlay is not None:
        save_overlay(picture, floor, overlay)
    if as_json:
        print_json(floor.as_dict())
    else:
        print(
            f"{photo.name}: floor on {floor.share:.1%} of the photo, box {floor.box}, "
            f"confidence {floor.confidence:.0%}"
        )
        for reason in floor.reasons:
            print(f"doubtful: {reason}")


def _region(box: str | None, polygon: str | None, mask: Path | None) -> Any:
    given = [value for value in (box, polygon, mask) if value is not None]
    if len(given) > 1:
        raise RegionError("give only one of --box, --polygon and --mask")
    if box is not None:
        numbers = _numbers(box, "--box")
        if len(numbers) != 4:
            raise RegionError("--box takes 4 numbers: left,top,right,bottom")
        return numbers
    if polygon is not None:
        points = [_numbers(point, "--polygon") for point in polygon.split()]
        if len(points) < 3 or any(len(point) != 2 for point in points):
            raise RegionError('--polygon takes 3 or more points: "x,y x,y x,y"')
        return points
    if mask is not None:
        from floorlens.images.masks import load_mask

        return load_mask(mask, settings().max_megapixels)
    return None


def _clicks(clicks: list[str] | None) -> list[tuple[float, float, bool]]:
    parsed = []
    for text in clicks or []:
        place, kind = text, "floor"
        if text.count(",") == 2:
            place, _, kind = text.rpartition(",")
        numbers = _numbers(place, "--click")
        if len(numbers) != 2 or kind.strip() not in ("floor", "other"):
            raise RegionError(
                f"--click {text!r} is not a click: give x,y in photo pixels where floor is, or "
                "x,y,other where something else is"
            )
        parsed.append((numbers[0], numbers[1], kind.strip() == "floor"))
    return parsed


def _numbers(text: str, option: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise RegionError(f"{option}: {text!r} is not a list of numbers parted by commas") from None


def _where(filters: list[str] | None) -> dict[str, Any] | None:
    from floorlens.products.reading import typed_cell

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
    return {"$and": parts} if parts else None
