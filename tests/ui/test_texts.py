"""All that the page says is in one file: none of it may be said there twice under one name."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_no_text_takes_the_place_of_another() -> None:
    tree = ast.parse((ROOT / "floorlens" / "ui" / "texts.py").read_text(encoding="utf-8"))
    targets = [
        target
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    names = Counter(
        name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_every_text_is_used() -> None:
    tree = ast.parse((ROOT / "floorlens" / "ui" / "texts.py").read_text(encoding="utf-8"))
    names = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    sources = (ROOT / "floorlens" / "ui").rglob("*.py")
    code = "".join(path.read_text(encoding="utf-8") for path in sources)
    private = {name for name in names if name.startswith("_")}
    assert sorted(name for name in names - private if f"texts.{name}" not in code) == []
