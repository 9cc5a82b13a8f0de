"""Commands on the API keys of the service: create, list, revoke."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from floorlens.cli.output import CatalogueOption, JsonOption, print_json, read_settings

if TYPE_CHECKING:
    from floorlens.service.keys import Key, Keys

keys_app = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys of the service.")


def register(app: typer.Typer) -> None:
    """Adds these commands to the application."""
    app.add_typer(keys_app, name="keys")


@keys_app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whom or what the key is for.")],
    scopes: Annotated[
        list[str],
        typer.Option(
            "--scope",
            metavar="search|read|admin",
            help="What it may do; repeatable. admin includes the others.",
        ),
    ],
    rate: Annotated[
        int | None,
        typer.Option(
            "--rate",
            min=0,
            help="Requests a minute; 0 for no limit (FLOORLENS_RATE).",
            show_default=False,
        ),
    ] = None,
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key and print its secret, which is never shown again."""
    with _keys(catalogue) as keys:
        key, secret = keys.create(name, scopes, rate)
    if as_json:
        print_json({**key.as_dict(), "secret": secret})
        return
    print(f"key {key.id} for {key.name}: {_scopes(key)}")
    print(secret)
    print("It is not shown again. Send it as the header `Authorization: Bearer …`.")


@keys_app.command("list")
def list_keys(catalogue: CatalogueOption = None, as_json: JsonOption = False) -> None:
    """List the keys, also revoked ones, without their secrets."""
    from rich.table import Table

    from floorlens.cli.tables import Output, plain

    with _keys(catalogue) as keys:
        rows = keys.all()
    if as_json:
        print_json([key.as_dict() for key in rows])
        return
    table = Table("id", "name", "scopes", "a minute", "created", "revoked")
    table.columns[0].no_wrap = True
    for key in rows:
        table.add_row(
            key.id,
            plain(key.name),
            _scopes(key),
            {None: "", 0: "no limit"}.get(key.rate, str(key.rate)),
            _day(key.created),
            "" if key.revoked is None else _day(key.revoked),
        )
    Output().print(table)


@keys_app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `keys list` shows it.")],
    catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a key for good. Running services refuse it within two seconds."""
    with _keys(catalogue) as keys:
        key = keys.revoke(key_id)
    if as_json:
        print_json(key.as_dict())
    else:
        print(f"key {key.id} for {key.name} is revoked")


@contextmanager
def _keys(catalogue: str | None) -> Iterator[Keys]:
    """Yields the keys of the service of the catalogue that settings and options name."""
    from floorlens.service.keys import Keys
    from floorlens.service.store import Store

    store = Store(read_settings(catalogue=catalogue).state_folder())
    try:
        yield Keys(store)
    finally:
        store.close()


def _scopes(key: Key) -> str:
    return ", ".join(key.as_dict()["scopes"])


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
