"""The service does what its OpenAPI document says: thousands of requests, made of that document.

Source: Schemathesis 4 (https://schemathesis.readthedocs.io). The seed is fixed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")
pytest.importorskip("schemathesis", reason="needs the extra dev")

from floorlens import Floorlens
from floorlens.api.server import running_service
from floorlens.service.dispatcher import Dispatcher
from floorlens.service.keys import Keys
from floorlens.service.store import Store
from floorlens.settings import Settings
from floorlens.testing import fake_stages

pytestmark = pytest.mark.slow

HERE = Path(__file__).resolve().parent
# `make soak` makes 30 examples of each operation, beside those of the limits of each field.
EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "5")
NOT_CHECKED = [
    # What is well-formed may still mean nothing, and is then a 422 or 415: a cursor of another
    # list, a filter on a field that no product has, a folder that may not be read, bytes that are
    # no picture. A JSON schema cannot say that.
    "positive_data_acceptance",
]


def test_the_service_does_what_its_description_says(
    lens: Floorlens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a key for everything, so that each route is reached; and all checks but those above."""
    # Jobs wait, and are cancelled: what they do has tests of its own, and needs the cores.
    monkeypatch.setattr(Dispatcher, "start", lambda self: None)
    settings = Settings(catalogue=str(lens.folder), no_auth=None, rate=0, max_megapixels=0.1)
    store = Store(settings.state_folder())
    _, secret = Keys(store).create("schemathesis", ["admin"])
    store.close()
    with running_service(settings, stages=fake_stages()) as url:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json"),
                *("--header", f"Authorization: Bearer {secret}", "--checks", "all"),
                *("--exclude-checks", ",".join(NOT_CHECKED), "--max-examples", EXAMPLES),
                *("--generation-deterministic", "--continue-on-failure", "--no-shrink"),
                *("--no-color", "--warnings", "off"),
            ],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(HERE),
                "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
                "SERVICE_URL": url,
                "SERVICE_KEY": secret,
            },
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )
    report = done.stdout + done.stderr
    assert done.returncode == 0, report[-8000:]
    # Not a run in which nothing was tried.
    operations = len(open_document(settings, lens))
    assert f"Tested: {operations}" in report
    assert "Stateful" in report
    print(report[-1500:])


def open_document(settings: Settings, lens: Floorlens) -> list[str]:
    """Returns the ids of all operations."""
    from floorlens.api import create_app
    from floorlens.api.description import operations

    document = create_app(settings, lens=lens).openapi()
    return [operation["operationId"] for _, operation in operations(document)]
