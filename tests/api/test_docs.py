"""docs/service.md and docs/embed.md: what can be copied is run, in its order, as one session."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("httpx", reason="needs the extra client")

from floorlens.settings import Settings, variable

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PRODUCTS = ("oak-natural-plank", "walnut-herringbone", "terrazzo-grigio")
# Of the page, and of what is not of the service: they stand in other documents.
ELSEWHERE = re.compile(
    r"index|pinecone|namespace|engine|fresh|fallback|clip|siglip|dinov|d(evice|type)$"
)


def blocks(name: str) -> list[tuple[str, str]]:
    """Returns language and text of each block of code of a document, up to "The page"."""
    text = (DOCS / name).read_text(encoding="utf-8").split("\n## The page")[0]
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a new user has: pictures of products, and a photo of a room."""
    (tmp_path / "products").mkdir()
    for product in PRODUCTS:
        shutil.copy(ROOT / "samples" / "products" / f"{product}.jpg", tmp_path / "products")
    shutil.copy(ROOT / "samples" / "rooms" / "living-oak-sun.jpg", tmp_path / "room.jpg")
    return tmp_path


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """That of a shell in which Floorlens is installed."""
    programs = tmp_path / "bin"
    programs.mkdir()
    python = f'exec "{sys.executable}"'
    for name, line in {
        "floorlens": f'{python} -m floorlens "$@"',
        "python3": f'{python} "$@"',
        # It is installed already, and no test fetches anything.
        "pip": "true",
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        (programs / name).chmod(0o755)
    own = {name: value for name, value in os.environ.items() if not name.startswith("FLOORLENS_")}
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return own | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "FLOORLENS_THREADS": "1",
        "no_proxy": "*",
    }


def session(name: str, folder: Path, environment: dict[str, str]) -> str:
    """Runs the blocks of a document one after the other in one shell, and returns what they print.

    Ports are replaced by free ones. What is started in the background ends with the shell.
    """
    ports = {"8000": str(free_port()), "8080": str(free_port())}
    lines = ["set -euo pipefail", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"]
    for number, (language, text) in enumerate(blocks(name)):
        for old, new in ports.items():
            text = re.sub(rf"\b{old}\b", new, text)
        if language == "sh":
            lines += [f"echo '--- {number}'", text]
        elif language == "python":
            (folder / f"block{number}.py").write_text(text, encoding="utf-8")
            lines += [f"echo '--- {number}'", f"python3 block{number}.py"]
        elif language == "js" and "process.env" in text and shutil.which("node"):
            (folder / f"block{number}.mjs").write_text(text, encoding="utf-8")
            lines += [f"echo '--- {number}'", f"node block{number}.mjs"]
        elif language == "html":
            (folder / "index.html").write_text(text, encoding="utf-8")
    if name == "embed.md":
        page = f"http://localhost:{ports['8080']}/"
        lines += [f"until curl --silent --fail {page}; do sleep 0.2; done"]
    script = folder / "session.sh"
    script.write_text("\n".join(lines), encoding="utf-8")
    done = subprocess.run(
        ["bash", str(script)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_the_service_is_put_up_by_copy_and_paste(folder: Path, environment: dict[str, str]) -> None:
    output = session("service.md", folder, environment)
    # The three ways to ask, all with the same answer.
    assert '"id":"oak-natural-plank"' in output
    assert "1 oak-natural-plank" in output
    assert "filter-invalid" in output
    assert "floorlens_requests_total" in output
    assert "urn:floorlens:problem" not in output
    languages = [language for language, _ in blocks("service.md")]
    assert languages.count("sh") >= 7
    assert languages.count("python") >= 3


def test_the_finder_is_put_up_by_copy_and_paste(folder: Path, environment: dict[str, str]) -> None:
    subprocess.run(
        [sys.executable, "-m", "floorlens", "index", "products/"],
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=600,
        check=True,
    )
    output = session("embed.md", folder, environment)
    # tests/api/test_embed.py uses the page in a browser.
    assert "Which floor is this?" in output
    assert re.search(r'const key = "flk_[0-9a-f]{12}_', output)


def test_the_page_of_the_document_is_the_example() -> None:
    example = (ROOT / "examples" / "embed" / "index.html").read_text(encoding="utf-8")
    assert [text for language, text in blocks("embed.md") if language == "html"] == [example]


def test_every_setting_of_the_service_is_documented() -> None:
    """And none that there is not, with its default."""
    rows = re.findall(
        r"^\| `(FLOORLENS_\w+)` \| .+? \| (.+?) \|$",
        (DOCS / "service.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    documented = dict(rows)
    assert len(documented) == len(rows)
    fields = {
        variable(name): info
        for name, info in Settings.model_fields.items()
        if not ELSEWHERE.search(name) and name != "preset"
    }
    assert documented.keys() == fields.keys()
    for name, info in fields.items():
        if isinstance(info.default, int | float):
            assert documented[name].split(" ")[0] == f"{info.default:g}", name


def test_documents_link_to_what_is_there() -> None:
    for name in ("service.md", "embed.md"):
        text = (DOCS / name).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([\w./-]*(?:#[\w-]+)?)\)", text):
            file, _, anchor = target.partition("#")
            document = DOCS / (file or name)
            assert document.is_file(), target
            if anchor:
                titles = re.findall(
                    r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE
                )
                anchors = {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in titles}
                assert anchor in anchors, target
