"""Commands on a photo: search, mask, compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from floorlens.cli.output import (
    CatalogueOption,
    FetchOption,
    FilterOption,
    JsonOption,
    PresetOption,
    WeightOption,
    open_lens,
    parse_filters,
    parse_weights,
    print_json,
    read_settings,
)
from floorlens.errors import RegionError
from floorlens.images.addresses import is_address, shown_address
from floorlens.images.decoding import decode_photo, shared_decoders
from floorlens.images.drawing import save_picture
from floorlens.images.loading import Photo
from floorlens.images.masks import load_mask, save_mask, save_overlay
from floorlens.lens import find_floor, preset_in_use
from floorlens.segmentation import RegionSource

if TYPE_CHECKING:
    from floorlens.settings import Settings

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
    typer.Option(
        "--mask",
        help="The floor as a picture of the photo's size, white is floor.",
        show_default=False,
    ),
]
ClickOption = Annotated[
    list[str] | None,
    typer.Option(
        "--click",
        metavar="X,Y[,other]",
        help="Correct the floor, in photo pixels: X,Y is floor, X,Y,other is not. Repeatable.",
        show_default=False,
    ),
]
PhotoArgument = Annotated[
    str, typer.Argument(help="A room photo; with --fetch also its address on the web.")
]


def register(app: typer.Typer) -> None:
    """Adds these commands to the application."""
    app.command()(search)
    app.command()(mask)
    app.command()(compare)


def search(
    photo: PhotoArgument,
    limit: Annotated[
        int | None,
        typer.Option("--limit", "-n", min=1, help="At most so many (10 in a table, all in JSON)."),
    ] = None,
    where: FilterOption = None,
    weight: WeightOption = None,
    group: Annotated[
        str | None,
        typer.Option(
            "--group",
            metavar="design",
            help="One row a design; its other formats, widths and colours stand in it.",
            show_default=False,
        ),
    ] = None,
    box: BoxOption = None,
    polygon: PolygonOption = None,
    mask: MaskOption = None,
    click: ClickOption = None,
    fetch: FetchOption = False,
    catalogue: CatalogueOption = None,
    preset: PresetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rank the catalogue by how closely each product matches the floor in a photo."""
    region, clicks = _parse_region(box, polygon, mask), _parse_clicks(click)
    filters, weights = parse_filters(where), parse_weights(weight)
    # It starts while the models are loaded.
    shared_decoders().prepare()
    with open_lens(catalogue, preset) as lens:
        result = lens.search(
            photo,
            limit=limit,
            where=filters,
            region=region,
            clicks=clicks,
            weights=weights,
            group=cast("Literal['design'] | None", group),
            fetch=fetch,
        )
    if as_json:
        print_json(result.as_dict())
        return
    from floorlens.cli.tables import print_ranking

    print_ranking(_name_of(photo), result, limit or 10)


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
    fetch: FetchOption = False,
    catalogue: CatalogueOption = None,
    preset: PresetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the floor in a photo, with the catalogue's preset if there is a catalogue."""
    settings = read_settings(catalogue=catalogue, preset=preset)
    region, clicks = _parse_region(box, polygon, mask), _parse_clicks(click)
    picture = _load(photo, settings, fetch=fetch)
    floor = find_floor(
        picture,
        preset=preset_in_use(settings),
        region=region,
        clicks=clicks,
        threads=settings.threads,
        models=settings.model_options(),
    )
    if output is not None:
        save_mask(floor.mask, output)
    if overlay is not None:
        save_overlay(picture.pixels, floor.working_mask, overlay)
    if as_json:
        print_json(floor.as_dict())
    else:
        print(
            f"{_name_of(photo)}: floor on {floor.share:.1%} of the photo, box {floor.box}, "
            f"confidence {floor.confidence:.0%}"
        )
        for reason in floor.reasons:
            print(f"doubtful: {reason}")


def compare(
    photo: PhotoArgument,
    product_id: Annotated[str, typer.Argument(metavar="ID", help="A product of the catalogue.")],
    picture: Annotated[
        Path | None,
        typer.Option("--picture", help="Write the patches that correspond, side by side."),
    ] = None,
    box: BoxOption = None,
    polygon: PolygonOption = None,
    mask: MaskOption = None,
    click: ClickOption = None,
    fetch: FetchOption = False,
    catalogue: CatalogueOption = None,
    preset: PresetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what is alike in a photo's floor and one product, and what differs."""
    region, clicks = _parse_region(box, polygon, mask), _parse_clicks(click)
    shared_decoders().prepare()
    with open_lens(catalogue, preset) as lens:
        explanation = lens.compare(photo, product_id, region=region, clicks=clicks, fetch=fetch)
    if picture is not None:
        save_picture(explanation.picture(), picture)
    if as_json:
        print_json(explanation.as_dict())
        return
    from floorlens.cli.tables import print_explanation

    print_explanation(_name_of(photo), explanation)


def _load(photo: str, settings: Settings, *, fetch: bool) -> Photo:
    megapixels, seconds = settings.max_megapixels, settings.picture_seconds
    if not fetch or not is_address(photo):
        return decode_photo(photo, max_megapixels=megapixels, seconds=seconds)
    from floorlens.images.fetching import load_address

    hosts = settings.hosts()
    return load_address(photo, hosts, max_megapixels=megapixels, seconds=seconds)


def _name_of(photo: str) -> str:
    return shown_address(photo) if is_address(photo) else Path(photo).name


def _parse_region(box: str | None, polygon: str | None, mask: Path | None) -> RegionSource | None:
    if sum(value is not None for value in (box, polygon, mask)) > 1:
        raise RegionError("give only one of --box, --polygon and --mask")
    if box is not None:
        numbers = _parse_numbers(box, "--box")
        if len(numbers) != 4:
            raise RegionError("--box takes 4 numbers: left,top,right,bottom")
        return numbers
    if polygon is not None:
        points = [_parse_numbers(point, "--polygon") for point in polygon.split()]
        if len(points) < 3 or any(len(point) != 2 for point in points):
            raise RegionError('--polygon takes 3 or more points: "x,y x,y x,y"')
        return points
    return None if mask is None else load_mask(mask, read_settings().max_megapixels)


def _parse_clicks(clicks: list[str] | None) -> list[tuple[float, float, bool]]:
    points = []
    for text in clicks or []:
        place, kind = text, "floor"
        if text.count(",") == 2:
            place, _, kind = text.rpartition(",")
        numbers = _parse_numbers(place, "--click")
        if len(numbers) != 2 or kind.strip() not in ("floor", "other"):
            raise RegionError(
                f"--click {text!r} is not a click: give x,y in photo pixels where floor is, or "
                "x,y,other where something else is"
            )
        points.append((numbers[0], numbers[1], kind.strip() == "floor"))
    return points


def _parse_numbers(text: str, option: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        problem = f"{option}: {text!r} is not a list of numbers separated by commas"
        raise RegionError(problem) from None
