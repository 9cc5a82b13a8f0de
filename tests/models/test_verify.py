"""What is known of the models here, and telling a whole one from a damaged one."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from floorlens.errors import ModelUnavailable
from floorlens.models import hub as huggingface
from floorlens.models.hub import MODELS, model_named
from floorlens.models.options import ModelOptions
from floorlens.models.verify import states, verify

if TYPE_CHECKING:
    from tests.doubles.clip_checkpoints import TinyModels

pytestmark = pytest.mark.slow

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    constants = pytest.importorskip("huggingface_hub.constants", reason="needs the extra clip")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def blobs(cache: Path, model_id: str, source: Path) -> Path:
    """Lays a model into the hub's cache as its client does: links to files named by their hash."""
    repository = cache / f"models--{model_id.replace('/', '--')}"
    folder = repository / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    (repository / "blobs").mkdir()
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    for path in source.iterdir():
        data = path.read_bytes()
        git = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
        name = hashlib.sha256(data).hexdigest() if path.suffix == ".safetensors" else git
        (repository / "blobs" / name).write_bytes(data)
        (folder / path.name).symlink_to(repository / "blobs" / name)
    return folder


def test_the_list_tells_what_is_here(cache: Path, tiny_models: TinyModels, tmp_path: Path) -> None:
    folder = blobs(cache, MODELS["dinov2"].model_id, tiny_models.dinov2)
    (tmp_path / "empty").mkdir()
    options = ModelOptions(
        models={"clip": str(tiny_models.clip), "siglip2": str(tmp_path / "empty")}
    )
    result = {state.name: state for state in states(options)}
    assert list(result) == list(MODELS)
    assert result["clipseg"].folder is None
    assert result["clipseg"].revision == MODELS["clipseg"].revision
    assert result["dinov2"].folder == str(folder)
    assert result["dinov2"].revision == COMMIT
    assert result["clip"].folder == str(tiny_models.clip)
    assert str(result["clip"].revision).startswith("local-")
    assert result["siglip2"].folder is None
    assert json.loads(json.dumps(result["clip"].as_dict()))["name"] == "clip"


def test_a_whole_model_is_verified_by_the_names_in_the_cache(
    cache: Path, tiny_models: TinyModels
) -> None:
    """What another program fetched has no record of ours."""
    folder = blobs(cache, MODELS["dinov2"].model_id, tiny_models.dinov2)
    result = verify(replace(model_named("dinov2"), dimension=32))
    assert result.unknown == 0
    assert result.compared == len(list(folder.iterdir())) >= 3
    assert result.dimension == 32
    assert result.as_dict()["revision"] == COMMIT


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_damaged_file_is_named(cache: Path, tiny_models: TinyModels, name: str) -> None:
    folder = blobs(cache, MODELS["dinov2"].model_id, tiny_models.dinov2)
    file = (folder / name).resolve()
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(ModelUnavailable, match=rf"is damaged: {name} in .*models pull dinov2"):
        verify(model_named("dinov2"))


def test_what_pull_recorded_counts_before_the_names(cache: Path, tiny_models: TinyModels) -> None:
    """Where the file system has no links the files are not named by their hashes."""
    model = replace(model_named("dinov2"), dimension=32)
    folder = cache / "models--facebook--dinov2-small" / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    (folder.parent.parent / "refs").mkdir()
    (folder.parent.parent / "refs" / "main").write_text(COMMIT)
    hashes = {}
    for path in tiny_models.dinov2.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
        hashes[path.name] = huggingface.file_hash(path)
    assert verify(model).compared == 0
    file = huggingface.records_path()
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({model.model_id: {"revision": COMMIT, "sha256": hashes}}))
    assert verify(model).compared == len(hashes)
    hashes["model.safetensors"] = "0" * 64
    file.write_text(json.dumps({model.model_id: {"revision": COMMIT, "sha256": hashes}}))
    with pytest.raises(ModelUnavailable, match=r"is damaged: model\.safetensors"):
        verify(model)
    hashes |= {"tokenizer.json": "0" * 64}
    file.write_text(json.dumps({model.model_id: {"revision": COMMIT, "sha256": hashes}}))
    with pytest.raises(ModelUnavailable, match=r"not whole: tokenizer\.json of .*models pull dino"):
        verify(model)


def test_another_dimension_than_the_name_promises_is_an_error(
    cache: Path, tiny_models: TinyModels
) -> None:
    blobs(cache, MODELS["dinov2"].model_id, tiny_models.dinov2)
    with pytest.raises(ModelUnavailable, match="vectors of 32 numbers, not of 384"):
        verify(model_named("dinov2"))


def test_what_is_not_here_cannot_be_verified() -> None:
    with pytest.raises(ModelUnavailable, match=r"is not on this machine.*models pull clipseg"):
        verify(model_named("clipseg"))


def test_a_folder_is_run_though_nothing_says_its_hashes(tiny_models: TinyModels) -> None:
    options = ModelOptions(models={"clipseg": str(tiny_models.clipseg)})
    result = verify(model_named("clipseg", options))
    assert result.compared == 0
    assert result.unknown >= 4
    assert result.dimension == 0
