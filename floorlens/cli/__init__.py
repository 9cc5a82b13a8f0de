"""The command line: `floorlens`. Commands hold no logic; they call the library and print."""

from __future__ import annotations

import sys

import click
import typer

from floorlens.cli import catalogue, evaluate, photo, system
from floorlens.cli.output import fail
from floorlens.errors import FloorlensError

EXIT_CODES = """
Exit codes: 0 done; 1 unexpected failure, or a doctor's finding; 2 usage; 3 input unreadable;
4 no floor in the photo; 5 nothing to rank; 6 catalogue unusable; 7 an extra is missing;
8 done, but some products failed; 130 stopped by Ctrl-C.
"""

app = typer.Typer(
    name="floorlens",
    help="Visual search for floors: rank a flooring catalogue by how closely each product matches "
    "the floor in a room photo.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
catalogue.register(app)
photo.register(app)
evaluate.register(app)
system.register(app)


def main() -> None:
    """Runs the command line and exits with a documented code."""
    try:
        code = app(standalone_mode=False)
    except FloorlensError as error:
        code = fail(error)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        print("\nStopped. What was stored is safe; run the same command to go on.", file=sys.stderr)
        code = 130
    except BrokenPipeError:
        # `floorlens search … | head` closes our output early; that is no failure of ours.
        sys.stderr.close()
        code = 0
    sys.exit(code if isinstance(code, int) else 0)
