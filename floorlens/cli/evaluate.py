"""Commands that measure: eval pairs, masks, ranking, simulated, attributes; compare, report."""

from __future__ import annotations

import errno
import json
import os
import shlex
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from floorlens.cli.output import (
    CatalogueOption,
    PresetOption,
    WeightOption,
    parse_weights,
    print_json,
    read_settings,
    write_text,
)
from floorlens.cli.progress import index_bars, progress_bar
from floorlens.lens import preset_in_use

if TYPE_CHECKING:
    from floorlens.evaluation.measured import Lens
    from floorlens.presets import Stages
    from floorlens.settings import Settings

eval_app = typer.Typer(
    no_args_is_help=True,
    help="Measure the pipeline on a folder of photos. Exits 0 when it has measured, whatever the "
    "figures. --catalogue only says which preset.",
)

DirectoryArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The data; only read.")]
JsonFileOption = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write all figures here ('-' prints them)."),
]
HtmlOption = Annotated[
    Path | None,
    typer.Option("--html", metavar="DIR", help="Write the worst cases with pictures here."),
]
AdaptOption = Annotated[
    bool | None,
    typer.Option(
        "--adapt/--no-adapt",
        help="Adapt to the products, or do not; by default as `index` does.",
    ),
]
RetrievalOption = Annotated[
    bool,
    typer.Option("--retrieval-only", help="Order by the vector alone, without re-ranking."),
]


RESULTS = Path("reports/evaluation")


def register(app: typer.Typer) -> None:
    """Adds these commands to the application."""
    app.add_typer(eval_app, name="eval")


@eval_app.command()
def pairs(
    directory: DirectoryArgument,
    json_file: JsonFileOption = None,
    catalogue: CatalogueOption = None,
    preset: PresetOption = None,
    html: HtmlOption = None,
    adapt: AdaptOption = None,
    weight: WeightOption = None,
    retrieval_only: RetrievalOption = False,
) -> None:
    """Rooms, each with the product on its floor: rooms/, products/, pairs.csv.

    Take this where you know which product lies in each room, as from orders or from a shop's own
    room photos: one right answer a photo, cheap to get for hundreds of rooms. It says how often the
    right product is first, and where it is else. Where several products would be fine answers, and
    a person can grade them for each photo, take `eval ranking`. The products are indexed into a
    temporary catalogue.
    """
    from floorlens.evaluation.pairs import evaluate_pairs

    _measure(
        evaluate_pairs,
        directory,
        json_file,
        catalogue=catalogue,
        preset=preset,
        html=html,
        ranking_options=_RankingOptions(adapt, parse_weights(weight), not retrieval_only),
    )


@eval_app.command()
def masks(
    directory: DirectoryArgument,
    json_file: JsonFileOption = None,
    catalogue: CatalogueOption = None,
    preset: PresetOption = None,
    html: HtmlOption = None,
    images: Annotated[str, typer.Option("--images", help="The photos' folder.")] = "images",
    masks: Annotated[str, typer.Option("--masks", help="The true masks' folder.")] = "masks",
    split: Annotated[
        str | None,
        typer.Option("--split", help="Only this split of split.csv.", show_default=False),
    ] = None,
    negatives: Annotated[
        Path | None,
        typer.Option(
            "--negatives",
            metavar="DIR",
            help="Further pictures that show no floor: does the segmenter see that?",
            show_default=False,
        ),
    ] = None,
    clicks: Annotated[
        int, typer.Option("--clicks", min=0, max=100, help="Simulated corrections for each photo.")
    ] = 0,
    robustness: Annotated[
        bool,
        typer.Option(
            "--robustness", help="Also under other angles, light, sharpness and sizes (slow)."
        ),
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", min=1, help="At most so many photos, evenly spread.", show_default=False
        ),
    ] = None,
) -> None:
    """Photos and true floor masks: images/, masks/ with equal stems."""
    from floorlens.evaluation.masks import evaluate_masks

    _measure(
        evaluate_masks,
        directory,
        json_file,
        catalogue=catalogue,
        preset=preset,
        html=html,
        images=images,
        masks=masks,
        split=split,
        negatives=negatives,
        clicks=clicks,
        robustness=robustness,
        limit=limit,
    )


@eval_app.command()
def ranking(
    directory: DirectoryArgument,
    json_file: JsonFileOption = None,
    catalogue: CatalogueOption = None,
    preset: PresetOption = None,
    html: HtmlOption = None,
    adapt: AdaptOption = None,
    weight: WeightOption = None,
    retrieval_only: RetrievalOption = False,
) -> None:
    """Graded judgments: queries/, products/, judgments.csv.

    Take this where a person has graded, for each photo, which products are the same floor (3),
    close (2) or related (1): it says how well the whole order serves somebody who would take a
    close one too, also for floors that the catalogue does not hold. Grading takes a look at every
    product for every photo: a few photos and a small catalogue. Where only the one true product is
    known, take `eval pairs`. The products are indexed into a temporary catalogue.
    """
    from floorlens.evaluation.ranking import evaluate_ranking

    _measure(
        evaluate_ranking,
        directory,
        json_file,
        catalogue=catalogue,
        preset=preset,
        html=html,
        ranking_options=_RankingOptions(adapt, parse_weights(weight), not retrieval_only),
    )


@eval_app.command()
def simulated(
    directory: DirectoryArgument,
    json_file: JsonFileOption = None,
    catalogue: CatalogueOption = None,
    preset: PresetOption = None,
    views: Annotated[int, typer.Option("--views", min=1, help="How many rooms to simulate.")] = 200,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed makes other rooms.")] = 0,
    adapt: AdaptOption = None,
    weight: WeightOption = None,
    retrieval_only: RetrievalOption = False,
) -> None:
    """Rooms simulated with the products themselves, under strong light: products/.

    The products are indexed into a temporary catalogue.
    """
    from floorlens.evaluation.simulated import evaluate_simulated

    _measure(
        evaluate_simulated,
        directory,
        json_file,
        catalogue=catalogue,
        preset=preset,
        views=views,
        seed=seed,
        ranking_options=_RankingOptions(adapt, parse_weights(weight), not retrieval_only),
    )


@eval_app.command()
def compare(
    first: Annotated[Path, typer.Argument(metavar="A.json", help="What `--json` wrote before.")],
    second: Annotated[Path, typer.Argument(metavar="B.json", help="What it wrote since.")],
    json_file: JsonFileOption = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="DIR", help="Write the changed photos here, with pictures."),
    ] = None,
) -> None:
    """Two files of one evaluation: the difference by photo, and whether it is more than chance.

    Both are written by `floorlens eval pairs|ranking|masks|simulated --json`, on the same data: of
    two versions, two presets or two options.
    """
    from floorlens.cli.tables import print_comparison
    from floorlens.evaluation.compare import compare_files, write_changes

    _check_writable(None if json_file == Path("-") else json_file, html)
    comparison = compare_files(first, second)
    if html is not None:
        write_changes(comparison, html)
    if json_file == Path("-"):
        print_json(comparison.as_dict())
        return
    if json_file is not None:
        text = json.dumps(comparison.as_dict(), indent=2, allow_nan=False)
        write_text(json_file, text + "\n")
    print_comparison(comparison.as_dict())


@eval_app.command()
def report(
    directory: DirectoryArgument,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="The document, in Markdown.")
    ] = Path("evaluation.md"),
    results_folder: Annotated[
        Path,
        typer.Option(
            "--results",
            metavar="DIR",
            help="Where catalogues and figures are kept; what is there is not measured again.",
        ),
    ] = RESULTS,
    ranking_folder: Annotated[
        Path | None,
        typer.Option(
            "--ranking",
            metavar="DIR",
            help="Judged queries as for `eval ranking`.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", min=1, help="At most so many rooms, evenly spread.", show_default=False
        ),
    ] = None,
    curve_rooms: Annotated[
        int,
        typer.Option(
            "--curve-rooms",
            min=0,
            help="So many of them for the robustness curves; 0 draws none.",
        ),
    ] = 40,
    anew: Annotated[
        bool, typer.Option("--anew", help="Measure all anew; the catalogues are kept.")
    ] = False,
    catalogue: CatalogueOption = None,
    preset: PresetOption = None,
) -> None:
    """An evaluation document of rooms and their products, as for `eval pairs`; takes long.

    What each part of the pipeline brings, beside simpler systems; by source, pattern and material;
    how far scores can be trusted; what light, camera and mask errors cost. Interrupted, it goes on
    where it was. In a file that is there, only what stands between its two marks is replaced.
    """
    from floorlens.cli.progress import duration, progress_bars
    from floorlens.evaluation.document import check_marks, write_document
    from floorlens.evaluation.report import measure_report

    settings = read_settings(catalogue=catalogue, preset=preset)
    _check_writable(out, results_folder)
    check_marks(out)
    with progress_bars() as new_bar:
        indexing = new_bar("Indexing", 0)
        results = measure_report(
            directory,
            results_folder,
            _stages(settings),
            ranking=ranking_folder,
            limit=limit,
            rooms=curve_rooms,
            anew=anew,
            max_megapixels=settings.max_megapixels,
            picture_seconds=settings.picture_seconds,
            opener=_opener(settings),
            new_progress=lambda name: new_bar(name, 0),
            index_progress=lambda done, total, _row: indexing(done, total),
        )
    if catalogue is not None and "://" in catalogue:
        # Its address may hold a password, and it only says which preset.
        preset, catalogue = preset_in_use(settings), None
    options: dict[str, object] = {
        "--preset": preset,
        "--catalogue": catalogue,
        "--ranking": ranking_folder,
        "--limit": limit,
        "--curve-rooms": curve_rooms,
        "--results": None if results_folder == RESULTS else results_folder,
        "--out": out,
    }
    words = ["floorlens", "eval", "report", str(directory)]
    for name, value in options.items():
        words += [] if value is None else [name, str(value)]
    path = write_document(out, results, shlex.join(words))
    for name, seconds in results.seconds.items():
        print(f"{name}: {duration(seconds)}")
    print(f"Document: {path}")


@eval_app.command()
def attributes(
    directory: DirectoryArgument,
    json_file: JsonFileOption = None,
    catalogue: CatalogueOption = None,
    preset: PresetOption = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels",
            metavar="CSV",
            help="What a person sees in the pictures; by default attributes.csv in DIR.",
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option("--split", help="Only rows of this split.", show_default=False),
    ] = None,
) -> None:
    """Product pictures with the words that a person gave them: file, tone, pattern, …"""
    from floorlens.evaluation.attributes import evaluate_attributes

    settings = read_settings(catalogue=catalogue, preset=preset)
    _check_writable(None if json_file == Path("-") else json_file, None)
    with progress_bar("Measuring") as progress:
        report = evaluate_attributes(
            directory,
            _stages(settings),
            labels=labels,
            split=split,
            max_megapixels=settings.max_megapixels,
            picture_seconds=settings.picture_seconds,
            progress=progress,
        )
    _hand_over(report.as_dict(), json_file)


def _stages(settings: Settings) -> Stages:
    """Returns the backends of the preset that the settings or their catalogue name."""
    from floorlens import presets

    return presets.load_stages(
        presets.preset_named(preset_in_use(settings)),
        threads=settings.threads,
        models=settings.model_options(),
    )


def _opener(settings: Settings) -> Callable[..., Lens]:
    """Returns `open_measured_lens` as the settings say."""
    from floorlens.evaluation.measured import open_measured_lens

    return partial(
        open_measured_lens,
        threads=settings.threads,
        models=settings.model_options(),
        max_megapixels=settings.max_megapixels,
        picture_seconds=settings.picture_seconds,
    )


class _RankingOptions(NamedTuple):
    """How a catalogue is adapted and searched: arguments of `open_measured_lens`."""

    adapt: bool | None
    weights: dict[str, float]
    rerank: bool


def _measure(
    evaluate: Callable[..., Any],
    directory: Path,
    json_file: Path | None,
    *,
    catalogue: str | None,
    preset: str | None,
    html: Path | None = None,
    ranking_options: _RankingOptions | None = None,
    **options: Any,
) -> None:
    settings = read_settings(catalogue=catalogue, preset=preset)
    preset = preset_in_use(settings)
    # Measuring takes minutes: a result that cannot be written must fail before, not after.
    _check_writable(None if json_file == Path("-") else json_file, html)
    opener = _opener(settings)
    with ExitStack() as bars:
        if html is not None:
            options["html"] = html
        if ranking_options is not None:
            options["index_progress"], adapt_progress = bars.enter_context(index_bars())
            opener = partial(opener, adapt_progress=adapt_progress, **ranking_options._asdict())
        report = evaluate(
            directory,
            preset,
            progress=bars.enter_context(progress_bar("Measuring")),
            opener=opener,
            **options,
        )
    _hand_over(report.as_dict(), json_file)


def _hand_over(figures: dict[str, Any], json_file: Path | None) -> None:
    """Prints figures for people, and writes them as JSON; "-" prints JSON alone."""
    from floorlens.cli.tables import print_figures

    if json_file == Path("-"):
        print_json(figures)
        return
    if json_file is not None:
        write_text(json_file, json.dumps(figures, indent=2, allow_nan=False) + "\n")
    print_figures(figures)


def _check_writable(file: Path | None, folder: Path | None) -> None:
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            if file.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
    except OSError as error:
        raise typer.BadParameter(f"{error.filename} cannot be written: {error.strerror}") from error
