"""Models of the hub: which is taken, where it lies, fetching it, and what is said if it is not."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from floorlens.errors import MissingDependency, ModelUnavailable, SettingsError
from floorlens.models import hub as huggingface
from floorlens.models.hub import MODELS, files_to_pull, find_files, locate, model_named, record_of
from floorlens.models.options import ModelOptions
from tests.doubles.hub import Hub, folder_files, serving

if TYPE_CHECKING:
    from tests.doubles.clip_checkpoints import TinyModels

pytestmark = pytest.mark.slow

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = "f" * 40
CONFIGURATION = ("config.json", "preprocessor_config.json")


@pytest.fixture(autouse=True)
def _own_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    constants = pytest.importorskip("huggingface_hub.constants", reason="needs the extra clip")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub" / "hub"))


def snapshot(cache: Path, model_id: str, revision: str, *names: str, main: bool = True) -> Path:
    """Lays files into the hub's cache as its client does."""
    repository = cache / "hub" / "hub" / f"models--{model_id.replace('/', '--')}"
    folder = repository / "snapshots" / revision
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("{}")
    if main:
        (repository / "refs").mkdir(exist_ok=True)
        (repository / "refs" / "main").write_text(revision)
    return folder


def test_the_reference_designs_models_are_pinned() -> None:
    """Another revision would be another model: these are the ones that the reference loads."""
    clipseg, clip = MODELS["clipseg"], MODELS["clip"]
    assert clipseg.model_id == "CIDAS/clipseg-rd64-refined"
    assert clipseg.revision == "999e0328d9e10b484360c477313983f9afdd7050"
    assert clip.model_id == "openai/clip-vit-base-patch32"
    assert clip.revision == "3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268"
    assert {name: model.dimension for name, model in MODELS.items()} == {
        **{"clipseg": 0, "clip": 512},
        **{"siglip2": 768, "dinov2": 384},
    }
    assert all(model.licence and model.megabytes and model.description for model in MODELS.values())


def test_an_option_puts_another_model_in_the_place() -> None:
    options = ModelOptions(models={"clip": "someone/other-clip"}, revisions={"dinov2": "v1"})
    other = model_named("clip", options)
    assert (other.model_id, other.revision, other.dimension) == ("someone/other-clip", None, 0)
    assert model_named("clipseg", options) is MODELS["clipseg"]
    assert model_named("dinov2", options) == replace(MODELS["dinov2"], revision="v1")
    # The published one by its own name keeps what is known of it.
    same = ModelOptions(models={"clip": MODELS["clip"].model_id})
    assert model_named("clip", same) is MODELS["clip"]


def test_what_can_be_no_model_is_refused_at_once() -> None:
    with pytest.raises(SettingsError, match=r"unknown model 'vgg'.*clipseg, clip, siglip2, dinov2"):
        model_named("vgg")
    for wrong in ("/no/such/folder", "../no-such", "a/b/c", "clip model"):
        with pytest.raises(SettingsError, match=r"FLOORLENS_CLIP_MODEL.*neither a folder nor a Hu"):
            model_named("clip", ModelOptions(models={"clip": wrong}))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"device": "gpu"}, "unknown device 'gpu'"),
        ({"device": "cuda:x"}, "unknown device"),
        ({"dtype": "int8"}, "unknown dtype 'int8'.*float32"),
        ({"crop": "circle"}, "unknown crop 'circle': known are box, mask"),
        ({"rerank": "twice"}, "unknown rerank 'twice': known are single, patches"),
        ({"prompts": ()}, "prompts"),
        ({"prompts": ("floor", " ")}, "prompts"),
    ],
)
def test_options_out_of_range_are_refused(values: dict[str, Any], text: str) -> None:
    with pytest.raises(SettingsError, match=text):
        ModelOptions(**values)


def test_what_lies_in_the_hubs_cache_is_found_without_a_network(tmp_path: Path) -> None:
    model = model_named("clip")
    assert find_files(model) is None
    folder = snapshot(
        tmp_path, model.model_id, str(model.revision), *CONFIGURATION, "pytorch_model.bin"
    )
    files = locate(model)
    assert (files.folder, files.revision, files.licence) == (folder, model.revision, "MIT")
    assert files.model_id == "openai/clip-vit-base-patch32"


def test_a_pinned_revision_is_not_taken_for_another_one(tmp_path: Path) -> None:
    model = model_named("clip")
    snapshot(tmp_path, model.model_id, OTHER, *CONFIGURATION, "model.safetensors")
    assert find_files(model) is None


def test_of_an_unpinned_model_the_recorded_revision_is_taken(tmp_path: Path) -> None:
    """The newest may be another one by now: a catalogue would have to be rebuilt."""
    model = model_named("dinov2")
    snapshot(tmp_path, model.model_id, COMMIT, *CONFIGURATION, "model.safetensors", main=False)
    snapshot(tmp_path, model.model_id, OTHER, *CONFIGURATION, "model.safetensors")
    newest = find_files(model)
    assert newest is not None and newest.revision == OTHER
    file = huggingface.records_path()
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({model.model_id: {"revision": COMMIT}}))
    files = find_files(model)
    assert files is not None and files.revision == COMMIT
    # A damaged record costs no more than that.
    file.write_text("{")
    assert record_of(model.model_id) == {}
    assert find_files(model) == newest


def test_a_fetch_that_was_cut_short_does_not_count(tmp_path: Path) -> None:
    model = model_named("dinov2")
    folder = snapshot(tmp_path, model.model_id, COMMIT, *CONFIGURATION)
    assert find_files(model) is None
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-2"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "model-00001-of-00002.safetensors").write_bytes(b"")
    assert find_files(model) is None
    (folder / "model-00002-of-2").write_bytes(b"")
    assert find_files(model) is not None
    (folder / "model.safetensors.index.json").write_text("{")
    assert find_files(model) is None


@pytest.mark.parametrize(
    ("name", "lacking"),
    [
        ("dinov2", {"preprocessor_config.json"}),
        ("clip", {"processor_config.json", "preprocessor_config.json"}),
        ("clipseg", {"processor_config.json", "preprocessor_config.json"}),
        ("clipseg", {"tokenizer.json", "vocab.json"}),
        ("clipseg", {"tokenizer.json", "merges.txt"}),
    ],
)
def test_a_model_without_processor_or_tokeniser_does_not_count(
    tmp_path: Path, tiny_models: TinyModels, name: str, lacking: set[str]
) -> None:
    """transformers makes an empty tokeniser where there is none: prompts would decide nothing."""
    whole = [path.name for path in getattr(tiny_models, name).iterdir()]
    assert lacking & set(whole)
    model = model_named(name)
    revision = str(model.revision or COMMIT)
    folder = snapshot(tmp_path, model.model_id, revision, *whole)
    assert find_files(model) is not None
    for file in lacking & set(whole):
        (folder / file).unlink()
    assert find_files(model) is None
    text = rf"FLOORLENS_{name.upper()}_MODEL: the folder .* holds no model"
    with pytest.raises(ModelUnavailable, match=text):
        locate(model_named(name, ModelOptions(models={name: str(folder)})))


@pytest.mark.parametrize("tokeniser", [{"tokenizer.json"}, {"vocab.json", "merges.txt"}])
@pytest.mark.parametrize("processor", ["preprocessor_config.json", "processor_config.json"])
def test_either_form_of_tokeniser_and_processor_counts(
    tmp_path: Path, tokeniser: set[str], processor: str
) -> None:
    """Published repositories, transformers 4 and 5 save them in different files."""
    model = model_named("clipseg")
    names = ("config.json", processor, *tokeniser, "model.safetensors")
    snapshot(tmp_path, model.model_id, str(model.revision), *names)
    assert find_files(model) is not None


def test_offline_and_not_cached_names_both_cures() -> None:
    with pytest.raises(ModelUnavailable) as caught:
        locate(model_named("clip"))
    text = str(caught.value)
    assert "openai/clip-vit-base-patch32 is neither in the cache nor reachable" in text
    assert "HF_HUB_OFFLINE" in text
    assert "run `floorlens models pull clip`" in text
    assert "FLOORLENS_CLIP_MODEL" in text
    assert caught.value.exit_code == 7


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingDependency, match=re.escape("pip install 'floorlens[clip]'")):
        locate(model_named("clip"))


# -- local folders --------------------------------------------------------------------------------


def test_a_folders_revision_is_a_hash_of_what_decides(
    tmp_path: Path, tiny_models: TinyModels
) -> None:
    """Weights and preprocessing do; where the folder lies and what its card says does not."""

    def found(folder: Path) -> tuple[str, str]:
        files = locate(model_named("clip", ModelOptions(models={"clip": str(folder)})))
        return files.revision, files.model_id

    folder = tmp_path / "mine"
    shutil.copytree(tiny_models.clip, folder)
    revision, name = found(folder)
    assert re.fullmatch(r"local-[0-9a-f]{16}", revision)
    assert name == "mine"
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    elsewhere = tmp_path / "deeper" / "mine"
    shutil.copytree(folder, elsewhere)
    assert found(elsewhere) == (revision, name)
    config = elsewhere / "config.json"
    config.write_text(config.read_text() + "\n")
    assert found(elsewhere)[0] != revision
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    assert found(folder)[0] not in (revision, found(elsewhere)[0])


def test_a_folders_licence_is_read_from_its_card(tmp_path: Path, tiny_models: TinyModels) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(tiny_models.clip, folder)
    model = model_named("clip", ModelOptions(models={"clip": str(folder)}))
    assert locate(model).licence.startswith("unknown")
    (folder / "README.md").write_text("---\ntags: []\nlicense: cc-by-4.0\n---\n# It\nlicense: x\n")
    assert locate(model).licence == "cc-by-4.0"


def test_a_folder_without_a_model_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"FLOORLENS_CLIP_MODEL: the folder .* holds no mod"):
        locate(model_named("clip", ModelOptions(models={"clip": str(tmp_path)})))


# -- fetching -------------------------------------------------------------------------------------


def test_one_set_of_weights_is_fetched_and_no_more() -> None:
    """The published repositories hold them four times over, for other frameworks too."""
    rest = ["README.md", "config.json", "merges.txt", "spiece.model"]
    others = ["flax_model.msgpack", "tf_model.h5", "onnx/model.onnx", "sub/config.json", "x.png"]
    both = ["pytorch_model.bin", "model.safetensors"]
    assert files_to_pull(dict.fromkeys([*both, *others, *rest])) == [*rest, "model.safetensors"]
    assert files_to_pull(dict.fromkeys([*rest, *others, both[0]])) == [*rest, both[0]]
    shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    index = ["model.safetensors.index.json"]
    assert files_to_pull(dict.fromkeys([*shards, *index])) == [*index, *shards], "weights come last"


PULL = """
import json, sys
from floorlens.errors import FloorlensError
from floorlens.models.hub import find_files, model_named, locate, pull
from floorlens.models.options import ModelOptions
options = ModelOptions(models=json.loads(sys.argv[2]), revisions=json.loads(sys.argv[3]))
model = model_named("dinov2", options)
try:
    files = {"pull": pull, "locate": locate}[sys.argv[1]](model)
    again = find_files(model)
    print(json.dumps({"folder": str(files.folder), "revision": files.revision,
                      "licence": files.licence, "cached": again.revision == files.revision}))
except FloorlensError as error:
    print(json.dumps({"error": str(error), "code": error.code}))
"""


def fetched(
    hub: Hub,
    tmp_path: Path,
    what: str = "pull",
    models: Mapping[str, str] | None = None,
    revisions: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Fetches in a process of its own: the hub's client reads its settings when imported."""
    result = subprocess.run(
        [sys.executable, "-c", PULL, what, json.dumps(models or {}), json.dumps(revisions or {})],
        env={
            **os.environ,
            "HF_HUB_OFFLINE": "0",
            "HF_ENDPOINT": hub.url,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HOME": str(tmp_path / "hub"),
            "PYTHONPATH": str(Path(__file__).parent.parent.parent),
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    answer: dict[str, Any] = json.loads(result.stdout.strip().splitlines()[-1])
    return {**answer, "warned": result.stderr}


@pytest.fixture
def hub(tiny_models: TinyModels) -> Hub:
    """Holds the tiny DINOv2 under the name of the published one."""
    files = {
        **folder_files(tiny_models.dinov2),
        **{"README.md": b"---\nlicense: apache-2.0\n---\n", "tf_model.h5": b"not needed"},
    }
    return Hub(MODELS["dinov2"].model_id, COMMIT, files)


def test_pull_records_the_revision_that_it_got(hub: Hub, tmp_path: Path) -> None:
    with serving(hub):
        result = fetched(hub, tmp_path)
    assert result["revision"] == COMMIT
    assert result["cached"]
    assert result["licence"] == "Apache-2.0"
    folder = Path(result["folder"])
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        set(hub.files) - {"tf_model.h5"}
    )
    record = record_of(hub.model_id)
    assert record["revision"] == COMMIT
    assert record["sha256"]["model.safetensors"] == hub.etag("model.safetensors")
    assert set(record["sha256"]) == set(hub.files) - {"tf_model.h5"}
    # Here again, the hub is not asked any more.
    asked = len(hub.requests)
    files = find_files(model_named("dinov2"))
    assert files is not None and files.folder == folder
    assert len(hub.requests) == asked


def test_a_pull_that_was_cut_short_is_mended(hub: Hub, tmp_path: Path) -> None:
    """Small files come first, so that what lacks one of them lacks the weights."""
    with serving(hub):
        folder = Path(fetched(hub, tmp_path)["folder"])
        order = [path.rpartition("/")[2] for path in hub.requests if "/resolve/" in path]
        assert order[-1] == "model.safetensors"
        assert order.index("model.safetensors") > order.index("preprocessor_config.json")
        (folder / "preprocessor_config.json").unlink()
        assert fetched(hub, tmp_path, "locate")["cached"]
    assert (folder / "preprocessor_config.json").is_file()


def test_a_pinned_model_is_pulled_though_nothing_can_be_recorded(hub: Hub, tmp_path: Path) -> None:
    """The record is a convenience to it; an unpinned one would be another at the next pull."""
    (tmp_path / "cache").write_text("a file where the folder should be")
    with serving(hub):
        result = fetched(hub, tmp_path, revisions={"dinov2": COMMIT})
        assert (result["revision"], result["cached"]) == (COMMIT, True)
        assert "cannot be recorded" in result["warned"]
        assert str(huggingface.records_path()) in result["warned"]
        assert "cannot be recorded" in fetched(hub, tmp_path)["error"]
        assert "cannot be recorded" in fetched(hub, tmp_path, revisions={"dinov2": "main"})["error"]
    files = locate(model_named("dinov2", ModelOptions(revisions={"dinov2": COMMIT})))
    assert files.revision == COMMIT


@pytest.mark.parametrize("asked", ["main", "v1.0", COMMIT[:7]])
def test_a_branch_tag_or_short_commit_is_found_again_offline(
    hub: Hub, tmp_path: Path, asked: str
) -> None:
    """The hub's cache knows commits alone; which one a name was is recorded when it is pulled."""
    hub.names.add(asked)
    model = model_named("dinov2", ModelOptions(revisions={"dinov2": asked}))
    assert find_files(model) is None
    with serving(hub):
        result = fetched(hub, tmp_path, revisions={"dinov2": asked})
        assert (result["revision"], result["cached"]) == (COMMIT, True)
        # A second name is kept beside the first.
        hub.names.add("v2")
        fetched(hub, tmp_path, revisions={"dinov2": "v2"})
        count = len(hub.requests)
        assert fetched(hub, tmp_path, "locate", revisions={"dinov2": asked})["revision"] == COMMIT
        assert len(hub.requests) == count, "cached: offline first"
    files = locate(model)
    assert (files.revision, files.folder) == (COMMIT, Path(result["folder"]))
    assert record_of(hub.model_id)["revisions"] == {asked: COMMIT, "v2": COMMIT}
    # A damaged record costs another look at the hub.
    huggingface.records_path().write_text(json.dumps({hub.model_id: {"revisions": [asked]}}))
    assert find_files(model) is None


def test_pulling_a_branch_again_takes_its_newest_commit(hub: Hub, tmp_path: Path) -> None:
    with serving(hub):
        assert fetched(hub, tmp_path, revisions={"dinov2": "main"})["revision"] == COMMIT
        hub.revision = OTHER
        assert fetched(hub, tmp_path, "locate", revisions={"dinov2": "main"})["revision"] == COMMIT
        assert fetched(hub, tmp_path, revisions={"dinov2": "main"})["revision"] == OTHER
    files = find_files(model_named("dinov2", ModelOptions(revisions={"dinov2": "main"})))
    assert files is not None and files.revision == OTHER


def test_what_is_missing_is_fetched_when_it_is_needed(hub: Hub, tmp_path: Path) -> None:
    with serving(hub):
        assert fetched(hub, tmp_path, "locate")["revision"] == COMMIT
        asked = len(hub.requests)
        assert asked > 0
        assert fetched(hub, tmp_path, "locate")["revision"] == COMMIT
        assert len(hub.requests) == asked, "cached: offline first"


@pytest.mark.parametrize(
    ("models", "revisions", "text"),
    [
        ({"dinov2": "nobody/nothing"}, {}, "the hub has no model of that name"),
        ({}, {"dinov2": OTHER}, "the hub has no such revision"),
    ],
)
def test_what_the_hub_does_not_have_is_told_apart(
    hub: Hub, tmp_path: Path, models: dict[str, str], revisions: dict[str, str], text: str
) -> None:
    with serving(hub):
        result = fetched(hub, tmp_path, models=models, revisions=revisions)
    assert text in result["error"]
    assert result["code"] == "model-unavailable"


def test_a_hub_that_does_not_answer_and_one_without_weights(hub: Hub, tmp_path: Path) -> None:
    with serving(hub):
        gone = hub.url
        hub.files = {name: data for name, data in hub.files.items() if "safetensors" not in name}
        assert "holds no whole model for PyTorch" in fetched(hub, tmp_path)["error"]
        assert not any("resolve" in path for path in hub.requests), "nothing is fetched in vain"
    hub.url = gone
    assert "the hub does not answer as it should" in fetched(hub, tmp_path)["error"]


def test_weights_that_arrive_damaged_are_not_recorded(hub: Hub, tmp_path: Path) -> None:
    hub.damage.add("model.safetensors")
    with serving(hub):
        result = fetched(hub, tmp_path)
    assert "model.safetensors arrived damaged" in result["error"]
    assert record_of(hub.model_id) == {}
