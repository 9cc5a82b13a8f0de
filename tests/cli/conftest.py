"""A command line that runs in this process, without models, in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from floorlens import presets
from floorlens.cli import app
from floorlens.presets import Stages
from floorlens.testing import fake_stages


@pytest.fixture
def stages() -> Stages:
    """The stages that the command line runs with; a test module may override them."""
    return fake_stages()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stages: Stages) -> Callable[..., Result]:
    """Runs a command line; fails the test at once if the exit code is another than expected."""
    monkeypatch.setattr(presets, "load_stages", lambda *_a, **_k: stages)
    monkeypatch.setattr("floorlens.lens.load_stages", lambda *_a, **_k: stages)
    monkeypatch.chdir(tmp_path)
    # Tables are cut to the terminal's width; here they must show everything.
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*arguments: object, code: int = 0) -> Result:
        words = [str(argument) for argument in arguments]
        monkeypatch.setattr("sys.argv", ["floorlens", *words])
        result = CliRunner().invoke(app, words)
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return invoke
