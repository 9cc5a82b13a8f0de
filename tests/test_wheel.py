"""The wheel: what a user gets from `pip install floorlens`, outside of any checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
UNWANTED = {"torch", "transformers", "pandas", "pyarrow", "scipy", "opencv-python-headless"}
LIMIT_MB = 400


def run(*command: str | Path, cwd: Path) -> str:
    """Runs a command without this checkout's environment; returns its standard output."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "FLOORLENS"))}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with nothing but the built wheel and what it requires."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    run(folder / "venv/bin/python", "-m", "pip", "install", "--quiet", wheel, cwd=folder)
    return folder


def test_the_wheel_indexes_and_searches_outside_the_checkout(fresh: Path) -> None:
    """Models, samples and command line all come from the wheel."""
    floorlens = fresh / "venv/bin/floorlens"
    samples = run(
        fresh / "venv/bin/python",
        "-c",
        "from floorlens.demo.samples import samples; print(samples())",
        cwd=fresh,
    ).strip()
    assert samples.startswith(str(fresh)), "the samples must be the wheel's own"
    # All of the samples are indexed by `make demo`.
    head, *rows = Path(samples, "products.csv").read_text("utf-8").splitlines()
    assert len(rows) >= 24
    assert all(Path(samples, row.split(",")[1]).is_file() for row in rows)
    some = Path(samples, "some.csv")
    some.write_text("\n".join([head, *rows[:6]]), "utf-8")
    report = json.loads(run(floorlens, "index", some, "--json", cwd=fresh))
    assert report["counts"]["added"] == len(report["rows"]) == 6
    room = sorted(Path(samples, "rooms").iterdir())[0]
    result = json.loads(run(floorlens, "search", room, "--json", cwd=fresh))
    assert len(result["matches"]) == len(report["rows"])
    assert json.loads(run(floorlens, "doctor", "--json", cwd=fresh))["checks"]
    # What the service gives to pages of other sites.
    scripts = next((fresh / "venv/lib").glob("python*/site-packages")) / "floorlens/api/embed"
    assert {path.name for path in scripts.iterdir()} == {"floorlens.js", "widget.js"}


def test_the_base_install_is_small_and_free_of_heavy_packages(fresh: Path) -> None:
    """No PyTorch, transformers, pandas or pyarrow; at most 400 MB."""
    python = fresh / "venv/bin/python"
    installed = json.loads(run(python, "-m", "pip", "list", "--format", "json", cwd=fresh))
    assert not UNWANTED & {package["name"].lower() for package in installed}
    packages = next((fresh / "venv/lib").glob("python*/site-packages"))
    size = sum(file.stat().st_size for file in packages.rglob("*") if file.is_file()) / 1e6
    print(f"base install: {size:.0f} MB")
    assert size <= LIMIT_MB
