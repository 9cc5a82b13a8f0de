"""Layers point one way: core <- pipeline <- applications <- interfaces."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "floorlens"
# Parts that are of no use without an extra, and what they may import at the top of their modules
# for that; their packages (`__init__`) and everything else may not.
OF_AN_EXTRA = {
    "api": {"fastapi", "starlette", "anyio", "uvicorn"},
    "ui": {"streamlit", "httpx"},
}
FILES = sorted(PACKAGE.rglob("*.py"))


def part(path: Path) -> str:
    """Returns the module or package directly below floorlens that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


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
