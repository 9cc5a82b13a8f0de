"""The command line: `floorlens`. Commands hold no logic; they call the library and print."""

from __future__ import annotations

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from floorlens.cli import (
    attributes,
    catalogue,
    engine,
    evaluate,
    feedback,
    keys,
    models,
    photo,
    serve,
    system,
)
from floorlens.cli.output import print_error
from floorlens.errors import FloorlensError

EXIT_CODES = """
Exit codes: 0 done; 1 unexpected failure, or doctor found a fault; 2 usage; 3 input unreadable;
4 no floor in the photo; 5 nothing to rank; 6 catalogue or vector engine unusable; 7 an extra or
a model is missing; 8 done, but some products failed; 130 stopped by Ctrl-C.
"""


class _Commands(TyperGroup):
    """The commands. Turns the errors that end one into the documented exit codes.

    Typer itself shows usage errors and exits with 2. Its exceptions for that depend on its version,
    so they are not caught here.
    """

    # Any: the class of the context depends on Typer's version.
    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except FloorlensError as error:
            raise typer.Exit(print_error(error)) from error
        except KeyboardInterrupt as error:
            print(
                "\nStopped. What was stored is safe; run the same command to go on.",
                file=sys.stderr,
            )
            raise typer.Exit(130) from error
        except BrokenPipeError as error:
            # `floorlens search … | head` closes our output early, which is no failure. The rest of
            # the buffer must go nowhere, or the interpreter fails on it when it exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from error
        return result


app = typer.Typer(
    name="floorlens",
    cls=_Commands,
    help="Visual search for floors: rank a flooring catalogue by how closely each product matches "
    "the floor in a room photo.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
catalogue.register(app)
attributes.register(app)
photo.register(app)
evaluate.register(app)
engine.register(app)
models.register(app)
serve.register(app)
keys.register(app)
feedback.register(app)
system.register(app)


def main() -> None:
    """Runs the command line and exits with a documented code."""
    app()
