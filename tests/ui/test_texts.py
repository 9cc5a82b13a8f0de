"""The texts of the page: one meaning for each name."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import floorlens

TEXTS = Path(floorlens.__file__).parent / "ui" / "texts.py"


def test_no_name_is_given_twice() -> None:
    """Several sections in one file: a second text of a name would silently replace the first."""
    names: Counter[str] = Counter()
    for node in ast.parse(TEXTS.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        for target in targets:
            parts = target.elts if isinstance(target, ast.Tuple) else [target]
            names.update(part.id for part in parts if isinstance(part, ast.Name))
    assert [name for name, count in names.items() if count > 1] == []
