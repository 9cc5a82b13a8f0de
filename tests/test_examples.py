"""The examples in docstrings run, in a folder with a room photo and some products."""

from __future__ import annotations

import doctest
import shutil
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

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


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: room.jpg, and products/ with three pictures."""
    shutil.copy(ROOT / "samples" / "rooms" / "living-oak-sun.jpg", tmp_path / "room.jpg")
    (tmp_path / "products").mkdir()
    for name in PRODUCTS:
        shutil.copy(ROOT / "samples" / "products" / f"{name}.jpg", tmp_path / "products")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def module_of(path: Path) -> str:
    """Returns the dotted name of a file of the package."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
@pytest.mark.usefixtures("folder")
def test_examples_do_what_they_say(path: Path) -> None:
    """An example knows `np`; one marked `+SKIP` needs what a test cannot have, such as a server."""
    result = doctest.testmod(
        import_module(module_of(path)),
        extraglobs={"np": np},
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
    )
    assert result.failed == 0
