"""`floorlens models`; and the commands run with the models of the settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from floorlens.cli import app
from floorlens.models.hub import MODELS
from tests.doubles.hub import Hub, folder_files, serving

if TYPE_CHECKING:
    from tests.doubles.clip_checkpoints import TinyModels

pytestmark = pytest.mark.slow

Run = Callable[..., Result]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ROOMS = Path(__file__).parent.parent.parent / "samples" / "rooms"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a command line with empty caches and no network."""
    constants = pytest.importorskip("huggingface_hub.constants", reason="needs the extra clip")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub" / "hub"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: object, code: int = 0) -> Result:
        words = [str(argument) for argument in arguments]
        monkeypatch.setattr("sys.argv", ["floorlens", *words])
        result = CliRunner().invoke(app, words)
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return invoke


def test_the_list_shows_licence_size_and_revision(run: Run) -> None:
    out = run("models", "list").stdout
    for model in MODELS.values():
        line = next(line for line in out.splitlines() if model.model_id in line)
        assert model.licence in line
        assert str(model.megabytes) in line
        assert (model.revision or "newest") in line
        assert "no" in line
    states = json.loads(run("models", "list", "--json").stdout)
    assert [state["name"] for state in states] == list(MODELS)


def test_a_setting_shows_in_the_list(
    run: Run, tiny_models: TinyModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOORLENS_CLIP_MODEL", str(tiny_models.clip))
    states = json.loads(run("models", "list", "--json").stdout)
    clip = next(state for state in states if state["name"] == "clip")
    assert clip["folder"] == str(tiny_models.clip)
    assert run("models", "path", "clip").stdout.strip() == str(tiny_models.clip)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("pull", "clip"), "HF_HUB_OFFLINE forbids to fetch it"),
        (("verify", "clip"), "is not on this machine"),
        (("path", "clip"), "is not on this machine"),
    ],
)
def test_offline_the_error_is_clear_and_has_its_code(
    run: Run, words: tuple[str, ...], text: str
) -> None:
    failure = run("models", *words, code=7)
    assert text in failure.stderr
    assert "floorlens models pull clip" in failure.stderr
    assert "Traceback" not in failure.output
    answer = json.loads(run("models", *words, "--json", code=7).stderr)
    assert answer["error"]["code"] == "model-unavailable"


@pytest.mark.parametrize("name", ["vgg", "builtin"])
def test_an_unknown_model_is_refused(run: Run, name: str) -> None:
    for command in ("pull", "verify", "path"):
        assert f"unknown model '{name}'" in run("models", command, name, code=2).stderr


def test_verify_runs_the_models_of_a_preset(
    run: Run, tiny_models: TinyModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in tiny_models.environment().items():
        monkeypatch.setenv(name, value)
    out = run("models", "verify", "siglip2").stdout
    assert "clipseg: " in out and "makes a mask" in out
    assert "siglip2: " in out and "makes vectors of 32 numbers" in out
    results = json.loads(run("models", "verify", "dinov2", "--json").stdout)
    assert [model["name"] for model in results] == ["clipseg", "dinov2"]


def test_pull_then_verify_then_damage(run: Run, tiny_models: TinyModels, tmp_path: Path) -> None:
    """In processes of their own over a double of the hub: from nothing to a model that runs."""
    hub = Hub(MODELS["clipseg"].model_id, str(MODELS["clipseg"].revision), {})
    hub.files = folder_files(tiny_models.clipseg)
    with serving(hub):
        environment = {
            **os.environ,
            "HF_HUB_OFFLINE": "0",
            "HF_ENDPOINT": hub.url,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HOME": str(tmp_path / "hub"),
            "PYTHONPATH": str(Path(__file__).parent.parent.parent),
        }
        process = subprocess.run(
            [sys.executable, "-m", "floorlens", "models", "pull", "clipseg", "--json"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert process.returncode == 0, process.stderr
    answer = json.loads(process.stdout)[0]
    assert answer["revision"] == MODELS["clipseg"].revision
    assert answer["licence"] == "Apache-2.0"
    folder = run("models", "path", "clipseg").stdout.strip()
    assert folder == answer["folder"]
    results = json.loads(run("models", "verify", "clipseg", "--json").stdout)[0]
    assert results["compared"] == len(hub.files) >= 5
    assert results["unknown"] == 0
    aside = tmp_path / "aside"
    aside.mkdir()
    names = [name for name in hub.files if name.startswith(("tokenizer", "vocab", "merges"))]
    for name in names:
        (Path(folder) / name).rename(aside / name)
    failure = run("models", "verify", "clipseg", code=7).stderr
    assert "or not whole" in failure and "models pull clipseg" in failure
    for name in names[1:]:
        (aside / name).rename(Path(folder) / name)
    failure = run("models", "verify", "clipseg", code=7).stderr
    assert f"is not whole: {names[0]} of what was fetched" in failure
    (aside / names[0]).rename(Path(folder) / names[0])
    file = (Path(folder) / "config.json").resolve()
    file.write_bytes(file.read_bytes() + b" ")
    assert "is damaged: config.json" in run("models", "verify", "clipseg", code=7).stderr


def test_the_settings_models_find_the_floor(
    run: Run, tiny_models: TinyModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`mask`, `doctor` and `eval` load their stages themselves: none may forget the settings."""
    room = sorted(ROOMS.iterdir())[0]
    failure = run("mask", room, "--preset", "clip", code=7)
    assert "CIDAS/clipseg-rd64-refined is neither in the cache nor reachable" in failure.stderr
    for name, value in tiny_models.environment().items():
        monkeypatch.setenv(name, value)
    floor = json.loads(run("mask", room, "--preset", "clip", "-o", "m.png", "--json").stdout)
    assert 0 < floor["share"] < 1
    assert 0 < np.asarray(Image.open("m.png")).mean() < 255
    monkeypatch.setenv("FLOORLENS_CLIP_PROMPTS", "a wall")
    other = json.loads(run("mask", room, "--preset", "clip", "--json").stdout)
    assert other["share"] != floor["share"]
    monkeypatch.setenv("FLOORLENS_PRESET", "clip")
    out: Any = run("doctor", "--json").stdout
    checks = {check["name"]: check for check in json.loads(out)["checks"]}
    assert checks["models"]["ok"], checks["models"]
    assert "vectors of 24 numbers" in checks["models"]["found"]
    assert checks["models"]["found"].startswith("clipseg local-")
    words = ("--images", "rooms", "--masks", "masks", "--limit", 1, "--json", "-")
    figures = json.loads(run("eval", "masks", ROOMS.parent, *words).stdout)
    assert "clipseg" in json.dumps(figures)
