"""Layers point one way: core <- pipeline <- applications <- interfaces."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "floorlens"
LAYERS = (
    # core: errors, pure functions on arrays, the stages and their backends
    {
        *("errors", "colour", "images", "filters", "products", "models", "html"),
        *("options", "huggingface", "torch_models"),
        *("segmentation", "normalisation", "embedding", "reranking", "index"),
    },
    # pipeline: stages put together, and the catalogue
    {
        *("presets", "pipeline", "schema", "database", "rows", "projections"),
        *("catalogue", "simulated"),
        *(
            "ranking",
            "indexing",
            "adaptation",
            "engines",
            "replica",
            "replica_reports",
            "retrieval",
            "query",
            "search",
        ),
        *("export", "masking"),
    },
    # applications of the pipeline
    {"settings", "evaluation", "report", "demo", "doctor", "model_checks", "testing"},
    # interfaces
    {"api", "ui", "cli"},
)
# Parts that are of no use without an extra, and what they may import at the top of their modules
# for that; their packages (`__init__`) and everything else may not.
OF_AN_EXTRA = {
    "api": {"fastapi", "starlette", "anyio", "uvicorn"},
    "ui": {"streamlit", "httpx"},
}
FILES = sorted(PACKAGE.rglob("*.py"))


def layer(module: str) -> int:
    """Returns the layer of `floorlens.<module>`."""
    return next(level for level, names in enumerate(LAYERS) if module in names)


def part(path: Path) -> str:
    """Returns the module or package directly below floorlens that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_nothing_from_above(path: Path) -> None:
    """Also not inside a function: a core that needs the CLI could not be used without it."""
    if part(path) in ("__init__", "__main__"):
        return
    own = layer(part(path))
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("floorlens."):
            names = [str(node.module)]
        elif isinstance(node, ast.Import):
            names = [a.name for a in node.names if a.name.startswith("floorlens.")]
        for name in names:
            assert layer(name.split(".")[1]) <= own, name


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_base_package_needs_no_extra(path: Path) -> None:
    """torch and friends belong to extras; only functions may import an optional one."""
    tree = ast.parse(path.read_text())
    heavy = {"torch", "transformers", "cv2", "pandas", "pyarrow", "scipy", "pi_heif", "bpy"}
    heavy |= {"huggingface_hub", "safetensors", "tokenizers"}
    heavy |= set().union(*OF_AN_EXTRA.values())
    if path.stem != "__init__":
        heavy -= OF_AN_EXTRA.get(part(path), set())
    top = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    roots = {
        name.split(".")[0]
        for node in top
        for name in (
            [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        )
    }
    assert not roots & heavy


def test_the_import_of_the_package_is_light() -> None:
    """What costs more than half of the import's time is imported when a catalogue is opened."""
    code = "import sys; from floorlens import Floorlens; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    loaded = set(done.stdout.split())
    assert "floorlens.lens" in loaded
    assert not loaded & {"sqlalchemy", "onnxruntime", "pydantic", "torch", "rich", "typer"}


def test_files_stay_readable() -> None:
    """A file of more than about 400 lines wants to be two."""
    long = {p.name: n for p in FILES if (n := len(p.read_text().splitlines())) > 420}
    assert not long
