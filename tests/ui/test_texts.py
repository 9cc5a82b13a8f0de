"""All that the page says lies in one file, which many hands write."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

UI = Path(__file__).resolve().parents[2] / "floorlens" / "ui"


def test_every_text_has_a_name_of_its_own() -> None:
    """The second of two would be shown in both places."""
    tree = ast.parse((UI / "texts.py").read_text(encoding="utf-8"))
    names = Counter(
        node.id
        for statement in tree.body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
    assert [name for name, count in names.items() if count > 1] == []
    names.update(node.name for node in tree.body if isinstance(node, ast.FunctionDef))
    used = {
        node.attr
        for path in UI.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "texts"
    }
    assert used - set(names) == set()
    own = {name for name in names if not name.startswith("_")}
    lines = (UI / "texts.py").read_text(encoding="utf-8")
    assert sorted(name for name in own - used if len(re.findall(rf"\b{name}\b", lines)) < 2) == []
