"""Commands on the models of the Hugging Face hub: list, pull, verify, path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from floorlens.cli.output import JsonOption, print_json, settings

if TYPE_CHECKING:
    from floorlens.models.hub import HubModel, ModelFiles

models_app = typer.Typer(
    no_args_is_help=True,
    help="List, fetch and verify the models of the presets clip, siglip2 and dinov2.",
)
NameArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A preset, for all models that it needs, or a model of `models list`."
    ),
]


def register(app: typer.Typer) -> None:
    """Adds these commands to the application."""
    app.add_typer(models_app, name="models")


@models_app.command("list")
def list_models(as_json: JsonOption = False) -> None:
    """List the models with licence, size and dimension, and which are on this machine."""
    from floorlens.models.verify import states

    found = list(states(settings().model_options()))
    if as_json:
        print_json([state.as_dict() for state in found])
        return
    from rich.table import Table

    from floorlens.cli.tables import Output, plain

    table = Table("name", "model", "licence", "MB", "numbers", "revision", "here")
    for state in found:
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
    """Fetch a model, or all that a preset needs, and record the revision."""
    from floorlens.models import hub

    pulled = [hub.pull(model) for model in _models(name)]
    if as_json:
        print_json([_described(files) for files in pulled])
        return
    for files in pulled:
        print(f"{files.model.name}: {files.model.model_id} {files.revision} in {files.folder}")


@models_app.command()
def verify(name: NameArgument, as_json: JsonOption = False) -> None:
    """Compare the files' hashes and run the model once. No network."""
    from floorlens.models import verify

    found = [verify.verify(model) for model in _models(name)]
    if as_json:
        print_json([verified.as_dict() for verified in found])
        return
    for verified in found:
        model = verified.files.model
        makes = f"vectors of {verified.dimension} numbers" if verified.dimension else "a mask"
        print(
            f"{model.name}: {model.model_id} {verified.files.revision}: {verified.compared} files "
            f"as they should be, {verified.unknown} without a hash to compare; it runs and makes "
            f"{makes}"
        )


@models_app.command()
def path(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model of `models list`.")],
    as_json: JsonOption = False,
) -> None:
    """Print the folder in which a model lies. No network."""
    from floorlens.models.hub import model_named
    from floorlens.models.verify import files_here

    files = files_here(model_named(name, settings().model_options()))
    if as_json:
        print_json(_described(files))
    else:
        print(files.folder)


def _models(name: str) -> list[HubModel]:
    from floorlens.presets import models_of

    return models_of(name, settings().model_options())


def _described(files: ModelFiles) -> dict[str, str]:
    return {
        "name": files.model.name,
        "model_id": files.model.model_id,
        "revision": files.revision,
        "licence": files.licence,
        "folder": str(files.folder),
    }
