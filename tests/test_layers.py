"""The floor plan: every import leads down, from room to room and from file to file.

A room is a folder or a file directly below `floorlens/`, or below `training/`. Nothing here lists
the layers: rooms whose imports make no circle have an order, and each room lies above what it uses.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE, TRAINING = ROOT / "floorlens", ROOT / "training"
FILES = sorted([*PACKAGE.rglob("*.py"), *TRAINING.rglob("*.py")])
PACKAGE_FILES = [path for path in FILES if path.is_relative_to(PACKAGE)]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in FILES
}
# Interfaces: what people and programs talk to. Each is an extra's, or the command line.
INTERFACES = {"api", "cli", "ui"}
# What an interface of an extra may import at the top of its modules; its package (`__init__`) and
# everything else may not.
OF_AN_EXTRA = {
    "api": {"fastapi", "starlette", "anyio", "uvicorn", "fpdf", "fontTools", "font_roboto"},
    "ui": {"streamlit"},
}


def sources_of_names() -> dict[str, str]:
    """Returns public name -> the module that `floorlens` takes it from."""
    nodes = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8")).body
    return {
        alias.name: str(node.module)
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def imported_names(path: Path) -> Iterator[tuple[str, str]]:
    """Yields module and name of each import in a file, "" for a module as a whole.

    Those under TYPE_CHECKING and inside functions count too: who reads one file must not have to
    know the one that uses it. So do modules that are imported by a name in quotes.
    """
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield ast.unparse(node.args[0]).strip("'"), ""


def imports_of(path: Path) -> set[str]:
    """Returns the modules of ours that a file imports, anywhere in it and in whatever way."""
    names = set()
    for module, name in imported_names(path):
        # `from floorlens.engines import exact` imports a module, if there is one of that name.
        if f"{module}.{name}" in MODULES:
            names.add(f"{module}.{name}")
        elif module == "floorlens":
            # What is public comes from some room; the version is the package's own.
            names |= {SOURCES[name]} if name in SOURCES else set()
        else:
            names.add(module)
    return names & MODULES.keys()


def room_of(module: str) -> str:
    """Returns the folder or file below floorlens/ or training/ in which a module lies."""
    return ".".join(module.split(".")[:2])


SOURCES = sources_of_names()


@cache
def graph() -> dict[str, set[str]]:
    """Returns module -> the modules that it imports."""
    return {module: imports_of(path) - {module} for module, path in MODULES.items()}


def rooms() -> dict[str, set[str]]:
    """Returns room -> the rooms that it imports from."""
    plan: dict[str, set[str]] = {}
    for module, targets in graph().items():
        # The package itself only names what is public.
        if module in ("floorlens", "training"):
            continue
        room = room_of(module)
        below = {room_of(target) for target in targets}
        plan.setdefault(room, set()).update(below - {room})
    return plan


def circle(arrows: Mapping[str, set[str]]) -> list[str]:
    """Returns a circle of arrows, empty if there is none."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_circle_between_files() -> None:
    assert not circle(graph())


def test_no_arrow_up_between_rooms() -> None:
    """Rooms without a circle have an order from the ground to the roof: every arrow leads down."""
    assert not circle(rooms())


def test_a_circle_is_noticed() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert not circle({"a": {"b", "c"}, "b": {"c"}})


@pytest.mark.parametrize(
    "line",
    [
        "from floorlens.lens import Floorlens",
        "from floorlens import Floorlens",
        "from floorlens import lens",
        "import floorlens.lens",
        "from ..lens import Floorlens",
        "from .. import lens",
        "import importlib; importlib.import_module('floorlens.lens')",
    ],
)
def test_an_import_inside_a_function_is_noticed(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However it is written."""
    path = PACKAGE / "images" / "shapes.py"
    text = f"def deep():\n    if True:\n        {line}\n"
    monkeypatch.setattr(Path, "read_text", lambda *_a, **_k: text)
    assert imports_of(path) == {"floorlens.lens"}


def test_nothing_below_uses_an_interface() -> None:
    """A library that needs the command line could not be used without it."""
    roof = {f"floorlens.{name}" for name in INTERFACES}
    for room, below in rooms().items():
        if room not in roof | {"floorlens.__main__"}:
            assert not below & roof, room


def test_the_package_does_not_need_what_makes_its_models() -> None:
    for room, below in rooms().items():
        if room.startswith("floorlens."):
            assert not {name for name in below if name.startswith("training")}, room


def test_backends_are_loaded_by_name() -> None:
    """Nothing imports a backend, and none another one: any of them can be left out or replaced."""
    for module, targets in graph().items():
        own = module.split(".backends.")[0] if ".backends." in module else None
        for target in targets:
            if ".backends." in target and module.startswith("floorlens."):
                name = target.split(".backends.")[1].split(".")[0]
                assert module.startswith(f"{own}.backends.{name}"), (module, target)


def test_rooms_are_few_enough_to_be_named() -> None:
    """The README's diagram names every room: at most 14 files lie beside the folders."""
    files = [path for path in PACKAGE.iterdir() if path.is_file()]
    assert len(files) <= 14


def test_the_walk_through_the_source_visits_every_room() -> None:
    """And every file of the rooms below the interfaces; backends are named as users name them."""
    text = (ROOT / "docs" / "source.md").read_text(encoding="utf-8")
    for path in PACKAGE_FILES:
        room, *_ = path.relative_to(PACKAGE).parts
        assert f"`{room}/`" in text or f"`{room}`" in text or room.startswith("__"), room
        if room not in INTERFACES and "backends" not in path.parts and "__" not in path.name:
            assert f"`{path.name}`" in text, path


def top_imports(path: Path) -> Iterator[str]:
    """Yields the first name of each module that is imported when a file is."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize("path", PACKAGE_FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_base_package_needs_no_extra(path: Path) -> None:
    """torch and friends belong to extras; only functions may import an optional one."""
    heavy = {"torch", "transformers", "cv2", "pandas", "pyarrow", "scipy", "pi_heif", "bpy"}
    heavy |= {"huggingface_hub", "safetensors", "tokenizers", "httpx"}
    heavy |= set().union(*OF_AN_EXTRA.values())
    parts = path.relative_to(PACKAGE).parts
    if parts[1:] != ("__init__.py",):
        heavy -= OF_AN_EXTRA.get(parts[0], set())
    assert not set(top_imports(path)) & heavy


def test_the_import_of_the_package_is_light() -> None:
    """What costs more than half of the import's time is imported when a catalogue is opened."""
    code = "import sys; from floorlens import Floorlens; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    loaded = set(done.stdout.split())
    assert "floorlens.lens" in loaded
    assert not loaded & {"sqlalchemy", "onnxruntime", "pydantic", "torch", "rich", "typer"}
