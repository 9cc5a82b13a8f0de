"""The whole reference design: preset `clip` on Pinecone, by library, command line and service.

Real transformers classes on tiny checkpoints, the real SDK of Pinecone over HTTP to the double.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from typer.testing import CliRunner

from floorlens.cli import app
from floorlens.images.loading import load_photo
from floorlens.lens import open_catalogue
from floorlens.pipeline import product_features
from floorlens.settings import Settings, load_settings

if TYPE_CHECKING:
    from tests.doubles.clip_checkpoints import TinyModels

pytestmark = pytest.mark.slow

pytest.importorskip("pinecone", reason="needs the extra pinecone")

SAMPLES = Path(__file__).parent.parent / "samples"
ROOM = sorted((SAMPLES / "rooms").iterdir())[0]
PRODUCTS = 8


@pytest.fixture
def configured(
    tmp_path: Path, tiny_models: TinyModels, pinecone_double: Any, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """A folder of products and a `.env`, as docs/reference-design.md has it."""
    folder = tmp_path / "products"
    folder.mkdir()
    for picture in sorted((SAMPLES / "products").iterdir())[:PRODUCTS]:
        shutil.copy(picture, folder)
    (tmp_path / ".env").write_text(
        f"PINECONE_API_KEY={pinecone_double.api_key}\n"
        f"PINECONE_CONTROLLER_HOST={pinecone_double.url}\n"
        "FLOORLENS_PRESET=clip\n"
        "FLOORLENS_INDEX=pinecone\n"
        "FLOORLENS_INDEX_NAME=flooring\n"
        "FLOORLENS_FRESH=1\n"
        "FLOORLENS_DEVICE=cpu\n",
        encoding="utf-8",
    )
    for name, value in tiny_models.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return load_settings()


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    monkeypatch.setattr("sys.argv", ["floorlens", *words])
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def test_library_command_line_and_service_rank_alike(
    configured: Settings, pinecone_double: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Index by command line, search by all three; Pinecone was asked each time."""
    from starlette.testclient import TestClient

    from floorlens.api import create_app

    report = json.loads(run(monkeypatch, "index", "products", "--id-prefix", "floor_", "--json"))
    assert report["counts"]["added"] == PRODUCTS
    assert report["not_synced"] is None
    assert json.loads(run(monkeypatch, "engine", "verify", "--json"))["in_step"] is True
    assert set(pinecone_double.indexes) >= {"flooring"}

    def queries() -> int:
        return len(pinecone_double.called("/query"))

    before = queries()
    with open_catalogue(configured, create=False) as lens:
        found = lens.search(ROOM)
        assert lens.stamp["preset"] == "clip"
    assert found.index == "pinecone"
    library = [(match.product.id, round(match.score, 4)) for match in found.matches]
    assert len(library) == PRODUCTS
    assert all(product_id.startswith("floor_") for product_id, _ in library)
    assert len({score for _, score in library}) > 1
    assert queries() == before + 1

    printed = json.loads(run(monkeypatch, "search", str(ROOM), "--json"))
    assert [(m["id"], round(m["score"], 4)) for m in printed["matches"]] == library
    assert queries() == before + 2

    served = configured.model_copy(update={"no_auth": "public"})
    with TestClient(create_app(served)) as client:
        warm = queries()
        answer = client.post("/search", files={"file": ("room.jpg", ROOM.read_bytes())})
        assert answer.status_code == 200
        assert [(item["id"], round(item["score"], 4)) for item in answer.json()] == library
        assert set(answer.json()[0]) == {"id", "score", "name"}
        assert queries() == warm + 1


@pytest.mark.parametrize(
    ("variable", "value", "code"),
    [("FLOORLENS_CLIPSEG_MODEL", "nobody/none", 7), ("FLOORLENS_DEVICE", "cuda:99", 2)],
)
def test_a_service_without_its_models_does_not_start(
    configured: Settings, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, code: int
) -> None:
    """The exit code is that of every command, and the message says the cure."""
    monkeypatch.setenv(variable, value)
    done = CliRunner().invoke(app, ["serve", "--port", "0", "--create"])
    assert done.exit_code == code, (done.output, done.exception)
    assert "Traceback" not in done.output


def test_an_index_that_the_reference_application_filled_is_read(
    configured: Settings, pinecone_double: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its ids, fields and vectors are ours: taken over, not one record is written anew."""
    from pinecone import Pinecone, ServerlessSpec

    configured = configured.model_copy(update={"index_name": "filled", "namespace": "__default__"})
    pictures = sorted(Path("products").iterdir())
    with open_catalogue(configured.model_copy(update={"index": "exact"})) as lens:
        vectors = {
            path: lens._stages.embedder.describe(
                product_features([load_photo(path)], lens._stages)
            ).vector
            for path in pictures
        }
    client = Pinecone(api_key=pinecone_double.api_key, host=pinecone_double.url)
    dimension = len(vectors[pictures[0]])
    client.create_index(
        name="filled",
        dimension=dimension,
        metric="cosine",
        spec=ServerlessSpec(cloud="aws", region="us-east-1"),
    )
    index = client.Index("filled")
    index.upsert(
        vectors=[
            {
                "id": f"floor_{path.stem}",
                "values": np.asarray(vector).tolist(),
                "metadata": {"name": path.name, "type": "floor", "source": "products"},
            }
            for path, vector in vectors.items()
        ]
    )
    monkeypatch.setenv("FLOORLENS_INDEX_NAME", "filled")
    monkeypatch.setenv("FLOORLENS_NAMESPACE", "__default__")
    monkeypatch.setenv("FLOORLENS_INDEX", "exact")
    run(monkeypatch, "index", "products", "--id-prefix", "floor_")
    monkeypatch.setenv("FLOORLENS_INDEX", "pinecone")
    report = json.loads(run(monkeypatch, "engine", "sync", "--take-over", "--json"))
    counts = {name: report[name] for name in ("added", "updated", "removed", "unchanged")}
    assert counts == {"added": 0, "updated": 0, "removed": 0, "unchanged": PRODUCTS}
    found = json.loads(run(monkeypatch, "search", str(ROOM), "--json"))
    assert (found["index"], len(found["matches"])) == ("pinecone", PRODUCTS)
