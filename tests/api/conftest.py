"""The service in this process: without models, and with them on a few of the sample products."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from floorlens import Floorlens
from floorlens.presets import Stages
from floorlens.service.keys import Keys
from floorlens.service.store import Store
from floorlens.settings import Settings
from floorlens.testing import fake_stages

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.testclient import TestClient

ROOT = Path(__file__).resolve().parents[2]


def local_client(app: FastAPI, **options: Any) -> TestClient:
    """Returns a client that is a program of this machine, as a real one would be."""
    from starlette.testclient import TestClient

    return TestClient(
        app, base_url="http://127.0.0.1:8000", client=("127.0.0.1", 50_000), **options
    )


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a `.env` or `catalogue` of the developer is not used."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def settings(lens: Floorlens) -> Settings:
    """The catalogue of `lens`, with limits that small pictures exceed."""
    return Settings(
        catalogue=str(lens.folder), max_megapixels=0.1, max_upload_mb=0.2, no_auth="loopback"
    )


@pytest.fixture
def serving(settings: Settings) -> Iterator[Callable[..., TestClient]]:
    """Starts a service without models; `serving(stages=…, **settings)` changes its settings."""
    from contextlib import ExitStack

    from floorlens.api import create_app

    with ExitStack() as stack:

        def start(stages: Stages | None = None, **changes: Any) -> TestClient:
            own = settings.model_copy(update=changes)
            app = create_app(own, stages=stages or fake_stages())
            return stack.enter_context(local_client(app))

        yield start


@pytest.fixture
def keys(settings: Settings) -> Iterator[Keys]:
    """The keys of the service of `serving`, as the command line makes them."""
    store = Store(settings.state_folder())
    yield Keys(store)
    store.close()


@pytest.fixture
def client(serving: Callable[..., TestClient]) -> TestClient:
    """A client of the catalogue of the six products, without models."""
    return serving()


@pytest.fixture(scope="session")
def sample_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A catalogue of four unlike sample products, made with the real models."""
    folder = tmp_path_factory.mktemp("samples")
    (folder / "products").mkdir()
    for name in ("cement-star-blue", "oak-natural-plank", "terrazzo-grigio", "wool-velvet-moss"):
        shutil.copy(ROOT / "samples" / "products" / f"{name}.jpg", folder / "products")
    with Floorlens.open(folder / "catalogue") as lens:
        assert lens.add(folder / "products").counts["added"] == 4
    return Settings(catalogue=str(folder / "catalogue"), max_upload_mb=2)


@pytest.fixture(scope="session")
def service(sample_settings: Settings) -> Iterator[str]:
    """The URL of a real server with the real models."""
    from floorlens.api.server import running_service

    with running_service(sample_settings) as url:
        yield url


@pytest.fixture(scope="session")
def rooms() -> Path:
    """The sample rooms."""
    return ROOT / "samples" / "rooms"
