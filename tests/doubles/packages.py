"""Installed packages: what pip leaves behind, written by hand into a folder on Python's path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent

import pytest

Installer = Callable[..., None]


def installer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Installer:
    """Returns `install(name, entry_points, **modules)`, which installs a package for a test.

    `entry_points` is group -> lines of "name = module:object", `modules` name -> source. Modules
    need names that no other test uses: Python keeps what it has imported.
    """
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)

    def install(name: str, entry_points: Mapping[str, str], **modules: str) -> None:
        metadata = folder / f"{name.replace('-', '_')}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8"
        )
        (metadata / "entry_points.txt").write_text(
            "".join(f"[{group}]\n{lines}\n" for group, lines in entry_points.items()),
            encoding="utf-8",
        )
        for module, source in modules.items():
            (folder / f"{module}.py").write_text(dedent(source), encoding="utf-8")

    return install
