"""The examples in docstrings run, each in a folder with a room photo and some products."""

from __future__ import annotations

import ast
import doctest
import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "floorlens"
# Interfaces are called through their commands and routes, whose docs have the examples.
INTERFACES = {"api", "cli", "ui"}
PRODUCTS = ("oak-natural-plank", "walnut-herringbone", "terrazzo-grigio")
FILES = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.relative_to(PACKAGE).parts[0] not in INTERFACES and path.name != "__main__.py"
]


def fill(folder: Path) -> None:
    """Makes a folder with room.jpg, and products/ of three pictures."""
    (folder / "products").mkdir(parents=True)
    shutil.copy(ROOT / "samples" / "rooms" / "living-oak-sun.jpg", folder / "room.jpg")
    for name in PRODUCTS:
        shutil.copy(ROOT / "samples" / "products" / f"{name}.jpg", folder / "products")


def module_of(path: Path) -> str:
    """Returns the dotted name of a file of the package."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_public_function_shows_an_example(path: Path) -> None:
    """And each method of the front door."""
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    nodes += [
        member
        for node in nodes
        if isinstance(node, ast.ClassDef) and node.name == "Floorlens"
        for member in node.body
    ]
    for node in nodes:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            # A property's text is that of a value, an overload's stands with the function.
            marks = {ast.unparse(mark) for mark in node.decorator_list}
            assert marks & {"property", "overload"} or ">>> " in (ast.get_docstring(node) or ""), (
                node.name
            )


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A client of a real service that has the three products."""
    pytest.importorskip("fastapi", reason="needs the extra api")
    from floorlens import Floorlens
    from floorlens.api.server import running_service
    from floorlens.client import Client
    from floorlens.settings import Settings

    folder = tmp_path_factory.mktemp("service")
    fill(folder)
    with Floorlens.open(folder / "catalogue") as lens:
        lens.add(folder / "products")
    settings = Settings(catalogue=str(folder / "catalogue"))
    with running_service(settings) as url, Client(url) as client:
        yield client


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_examples_do_what_they_say(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Each in a folder of its own; it knows `np`, and those of the client know a `client`.

    `+SKIP` marks what needs, say, another server.
    """
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    names: dict[str, Any] = {"np": np}
    if "client" in path.relative_to(PACKAGE).parts and path.stem != "calls":
        names["client"] = request.getfixturevalue("client")
    examples = doctest.DocTestFinder().find(import_module(module_of(path)), extraglobs=names)
    for number, example in enumerate(examples):
        if example.examples:
            fill(tmp_path / str(number))
            monkeypatch.chdir(tmp_path / str(number))
            runner.run(example)
    assert runner.summarize().failed == 0


def test_the_walk_through_the_library_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/library.md is one session, from its first line to its last."""
    fill(tmp_path)
    monkeypatch.chdir(tmp_path)
    outcome = doctest.testfile(
        str(ROOT / "docs" / "library.md"),
        module_relative=False,
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
        encoding="utf-8",
    )
    assert outcome.attempted > 20
    assert outcome.failed == 0
