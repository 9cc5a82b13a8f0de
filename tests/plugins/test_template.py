"""The template of CONTRIBUTING, installed by pip, and used by all that use Floorlens's own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "examples" / "plugin"
SAMPLES = ROOT / "samples"
PATIENCE = 120
# Rooms of the samples whose product this preset finds first, and their products.
ROOMS = {
    "bath-terrazzo.jpg": "terrazzo-grigio",
    "lounge-ebony.jpg": "oak-ebony-plank",
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the package is installed, without network and beside nothing else."""
    folder = tmp_path_factory.mktemp("template")
    # A copy: building leaves files behind.
    shutil.copytree(TEMPLATE, folder / "source")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    options = ["--no-build-isolation", "--target", str(folder / "installed")]
    subprocess.run(
        [*pip, *options, str(folder / "source")], check=True, capture_output=True, timeout=300
    )
    kept = {k: v for k, v in os.environ.items() if not k.startswith("FLOORLENS")}
    paths = [str(folder / "installed"), str(ROOT)]
    return {**kept, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}


def run(environment: dict[str, str], cwd: Path, *arguments: object, **more: str) -> str:
    """Runs a module of Python; returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=cwd,
        env=environment | more,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def shop(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a catalogue of the samples, made with the package's preset."""
    folder = tmp_path_factory.mktemp("shop")
    source = SAMPLES / "products.csv"
    command = ("floorlens", "index", source, "--preset", "colours", "--no-adapt", "--json")
    report = json.loads(run(environment, folder, *command))
    assert report["counts"]["failed"] == 0
    return folder


def test_its_own_tests_pass(environment: dict[str, str], tmp_path: Path) -> None:
    shutil.copy(TEMPLATE / "test_floorlens_colours.py", tmp_path)
    out = run(environment, tmp_path, "pytest", "-q", "--rootdir", tmp_path)
    assert "2 passed" in out


@pytest.mark.parametrize("room", ROOMS)
def test_the_command_line_searches_with_it(
    environment: dict[str, str], shop: Path, room: str
) -> None:
    """The catalogue knows its preset; the engine is named."""
    command = ("floorlens", "search", SAMPLES / "rooms" / room, "--json")
    first = json.loads(run(environment, shop, *command, FLOORLENS_INDEX="sqlite"))["matches"][0]
    assert first["id"] == ROOMS[room]
    assert set(first["components"]) == {"colour", "histogram"}
    assert list((shop / "catalogue" / "sqlite").glob("*.sqlite"))


def test_the_engine_is_compared_and_the_doctor_knows_it(
    environment: dict[str, str], shop: Path
) -> None:
    run(environment, shop, "floorlens", "engine", "sync", "--to", "sqlite")
    run(environment, shop, "floorlens", "engine", "verify", "--to", "sqlite")
    report = json.loads(run(environment, shop, "floorlens", "doctor", "--json"))
    checks = {check["name"]: check for check in report["checks"]}
    for name in ("preset colours", "engine sqlite", "catalogue"):
        assert checks[name]["ok"], checks[name]
    assert checks["preset colours"]["found"].endswith(" floorlens-colours 0.1.0; its stages run")


def test_it_is_evaluated(environment: dict[str, str], tmp_path: Path) -> None:
    for folder in ("rooms", "products"):
        (tmp_path / folder).mkdir()
    for room, product in ROOMS.items():
        shutil.copy(SAMPLES / "rooms" / room, tmp_path / "rooms")
        shutil.copy(SAMPLES / "products" / f"{product}.jpg", tmp_path / "products")
    rows = "".join(f"{room},{product}.jpg,sample\n" for room, product in ROOMS.items())
    (tmp_path / "pairs.csv").write_text("room,product,source\n" + rows, encoding="utf-8")
    out = tmp_path / "report.json"
    command = ("floorlens", "eval", "pairs", ".", "--preset", "colours", "--json", out)
    run(environment, tmp_path, *command)
    report = json.loads(out.read_text(encoding="utf-8"))
    assert report["stamp"]["preset"] == "colours"
    assert report["stamp"]["package"] == "floorlens-colours"


def test_the_service_searches_with_it(environment: dict[str, str], shop: Path) -> None:
    pytest.importorskip("fastapi", reason="needs the extra api")
    import httpx

    log = shop / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "floorlens", "serve", "--port", "0", "--no-auth"],
            cwd=shop,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not (match := re.search(r"at (http://127\.0\.0\.1:\d+)", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        room, product = next(iter(ROOMS.items()))
        with httpx.Client(base_url=match[1], timeout=PATIENCE) as web:
            assert web.get("/v1/status").json()["preset"] == "colours"
            files = {"file": (SAMPLES / "rooms" / room).read_bytes()}
            answer = web.post("/search", files=files).json()
        assert answer[0]["id"] == product
    finally:
        process.kill()
        process.wait()


def test_without_the_package_its_catalogue_says_what_is_missing(
    environment: dict[str, str], shop: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "floorlens", "search", str(SAMPLES / "rooms" / next(iter(ROOMS)))],
        cwd=shop,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 6
    text = " ".join(done.stderr.split())
    assert "preset 'colours' of the package floorlens-colours, which is not installed here" in text
    assert "pip install floorlens-colours" in text
