"""Commands on the models of the Hugging Face hub: list, pull, verify, path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from floorlens.cli.output import JsonOption, print_json, read_settings

if TYPE_CHECKING:
    from floorlens.models.hub import HubModel, ModelFiles

models_app = typer.Typer(
    no_args_is_help=True,
    help="List, fetch and verify the models of the presets clip, siglip2 and dinov2.",
)
NameArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A preset, for all its models, or a model of `models list`."
    ),
]


def register(app: typer.Typer) -> None:
    """Adds these commands to the application."""
    app.add_typer(models_app, name="models")


@models_app.command("list")
def list_models(as_json: JsonOption = False) -> None:
    """List the models with licence, size and dimension, and which are on this machine."""
    from floorlens.models.verify import states

    rows = list(states(read_settings().model_options()))
    if as_json:
        print_json([state.as_dict() for state in rows])
        return
    from rich.table import Table

    from floorlens.cli.tables import Output, plain

    table = Table("name", "model", "licence", "MB", "numbers", "revision", "here")
    for state in rows:
        table.add_row(
            state.name,
            plain(state.model_id),
            plain(state.licence),
            str(state.megabytes or ""),
            str(state.dimension or ""),
            plain(state.revision or "newest"),
            "no" if state.folder is None else "yes",
        )
    Output().print(table)


@models_app.command()
def pull(name: NameArgument, as_json: JsonOption = False) -> None:
    """Fetch a model, or all models of a preset, and record the revision."""
    from floorlens.models import hub

    downloads = [hub.pull(model) for model in _models(name)]
    if as_json:
        print_json([_facts(files) for files in downloads])
        return
    for files in downloads:
        print(f"{files.model.name}: {files.model.model_id} {files.revision} in {files.folder}")


@models_app.command()
def verify(name: NameArgument, as_json: JsonOption = False) -> None:
    """Compare the hashes of the files and run the model once. Needs no network."""
    from floorlens.models import verify

    results = [verify.verify(model) for model in _models(name)]
    if as_json:
        print_json([result.as_dict() for result in results])
        return
    for result in results:
        model = result.files.model
        output = f"vectors of {result.dimension} numbers" if result.dimension else "a mask"
        print(
            f"{model.name}: {model.model_id} {result.files.revision}: {result.compared} files "
            f"match their hashes, {result.unknown} have none to compare; the model runs and makes "
            f"{output}"
        )


@models_app.command()
def path(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model of `models list`.")],
    as_json: JsonOption = False,
) -> None:
    """Print the folder of a model. Needs no network."""
    from floorlens.models.hub import chosen_model
    from floorlens.models.verify import here

    files = here(chosen_model(name, read_settings().model_options()))
    if as_json:
        print_json(_facts(files))
    else:
        print(files.folder)


def _models(name: str) -> list[HubModel]:
    from floorlens.presets import models_of

    return models_of(name, read_settings().model_options())


def _facts(files: ModelFiles) -> dict[str, str]:
    return {
        "name": files.model.name,
        "model_id": files.model.model_id,
        "revision": files.revision,
        "licence": files.licence,
        "folder": str(files.folder),
    }
