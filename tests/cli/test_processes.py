"""The command line as real processes: exit codes, Ctrl-C, an output that closes early."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from floorlens import Floorlens
from floorlens.catalogue.catalogue import Catalogue
from floorlens.errors import CatalogueNotFound

pytestmark = pytest.mark.slow

# The command line on stages without models, each picture slowed down so that Ctrl-C hits it.
WITHOUT_MODELS = """
import signal, sys, time
from floorlens import importing, lens, presets
from floorlens.testing import fake_stages
# Python ignores Ctrl-C where its parent does, such as a test run in the background.
signal.signal(signal.SIGINT, signal.default_int_handler)
slow, sys.argv = float(sys.argv[1]), ["floorlens", *sys.argv[2:]]
features = importing.product_features
def slowly(*arguments):
    time.sleep(slow)
    return features(*arguments)
importing.product_features = slowly
lens.stamped_preset = lambda *_: presets.BUILTIN
presets.load_stages = lens.load_stages = lambda *_a, **_k: fake_stages()
from floorlens.cli import main
main()
"""


def command(*arguments: object, slow: float = 0) -> list[str]:
    return [sys.executable, "-c", WITHOUT_MODELS, str(slow), *map(str, arguments)]


def run_command(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "floorlens", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(autouse=True)
def _package_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).resolve().parents[2]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]))


def test_usage_errors_of_the_real_command_exit_2_without_a_traceback(tmp_path: Path) -> None:
    result = run_command("search", cwd=tmp_path)
    assert result.returncode == 2
    assert "Missing argument" in result.stderr
    assert "Traceback" not in result.stderr


def test_errors_of_the_real_command_are_json_for_programs(tmp_path: Path) -> None:
    result = run_command("info", "--catalogue", "nowhere", "--json", cwd=tmp_path)
    assert result.returncode == 6
    assert result.stdout == ""
    assert json.loads(result.stderr)["error"]["code"] == "catalogue-not-found"


@pytest.fixture
def many(tmp_path: Path) -> Path:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(80):
        Image.new("RGB", (20, 20), (number, 100, 50)).save(folder / f"p{number:03}.png")
    return folder


def products_in(location: str) -> int:
    """Returns how many products a catalogue holds; 0 where there is none yet."""
    try:
        with closing(Catalogue(location, create=False)) as catalogue:
            return catalogue.count()
    except CatalogueNotFound:
        return 0


def test_ctrl_c_leaves_a_usable_catalogue_and_the_next_run_goes_on(
    tmp_path: Path, many: Path, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOORLENS_CATALOGUE", location)
    process = subprocess.Popen(
        command("index", many, slow=0.2), cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + 120
        while not products_in(location):
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Stopped. What was stored is safe" in errors
    assert "Traceback" not in errors
    count = products_in(location)
    assert 0 < count < 80
    result = subprocess.run(
        command("index", many, "--json"), cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert json.loads(result.stdout)["counts"] == {
        "added": 80 - count,
        "updated": 0,
        "unchanged": count,
        "failed": 0,
    }


@pytest.mark.parametrize("words", [["export"], ["products", "list"]])
def test_an_output_that_closes_early_is_no_failure(
    tmp_path: Path, lens: Floorlens, words: list[str]
) -> None:
    """`floorlens export | head -1`: plain text as well as tables."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as output:
        result = subprocess.run(
            [sys.executable, "-m", "floorlens", *words, "--catalogue", str(tmp_path / "catalogue")],
            cwd=tmp_path,
            stdout=output,
            stderr=subprocess.PIPE,
            timeout=300,
        )
    assert (result.returncode, result.stderr) == (0, b"")
