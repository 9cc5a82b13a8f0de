"""Settings: where each comes from, and an error that names the variable."""

from __future__ import annotations

from pathlib import Path

import pytest

from floorlens.engines import Engine
from floorlens.errors import SettingsError
from floorlens.models.hub import MODELS
from floorlens.models.options import ModelOptions
from floorlens.settings import Settings, load_settings, variable


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_defaults() -> None:
    found = load_settings()
    assert found.catalogue == "./catalogue"
    assert found.preset is None
    assert found.max_megapixels == 120
    assert found.threads == 0


def test_variables_and_dotenv_with_the_variable_first(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text(
        "FLOORLENS_CATALOGUE=/srv/from-file\nFLOORLENS_THREADS=2\nOTHER=1\nFLOORLENS_NEW=1\n"
    )
    monkeypatch.setenv("FLOORLENS_CATALOGUE", "/srv/from-variable")
    monkeypatch.setenv("FLOORLENS_MAX_MEGAPIXELS", "200.5")
    found = load_settings()
    assert found.catalogue == "/srv/from-variable"
    assert found.threads == 2
    assert found.max_megapixels == 200.5


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose files and CI pass unset variables on as empty ones."""
    for name in Settings.model_fields:
        monkeypatch.setenv(variable(name), "")
    assert load_settings().model_dump() == {
        "catalogue": "./catalogue",
        "preset": None,
        "max_megapixels": 120.0,
        "picture_seconds": 30.0,
        "threads": 0,
        "index": None,
        "index_url": None,
        "index_name": None,
        "index_key": None,
        "namespace": None,
        "pinecone_cloud": "aws",
        "pinecone_region": "us-east-1",
        "engine_timeout": 30.0,
        "fresh": False,
        "fallback": None,
        "max_upload_mb": 20.0,
        "fetch_hosts": None,
        "state": None,
        "no_auth": None,
        "keep_hours": 24.0,
        "keep_mb": 2000.0,
        "feedback_mb": 1000.0,
        "at_once": 0,
        "queue": 64,
        "deadline": 30.0,
        "upload_seconds": 30.0,
        "connections": 1000,
        "rate": 120,
        "origins": None,
        "max_import_mb": 1000.0,
        "import_folders": None,
        "log_format": "text",
        "api_url": None,
        "api_key": None,
        "pinecone_api_key": None,
        "pinecone_controller_host": None,
        **{f"{name}_model": None for name in MODELS},
        **{f"{name}_revision": None for name in MODELS},
        "device": "auto",
        "dtype": "float32",
        "clip_prompts": None,
        "clip_crop": None,
        "clip_rerank": None,
    }
    assert load_settings().model_options() == ModelOptions()


def test_hub_models_are_chosen_by_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """One for each model that a preset takes, all by the same rule."""
    for name in MODELS:
        monkeypatch.setenv(f"FLOORLENS_{name.upper()}_MODEL", f"someone/{name}")
        monkeypatch.setenv(f"FLOORLENS_{name.upper()}_REVISION", f"of-{name}")
    monkeypatch.setenv("FLOORLENS_DEVICE", "cuda:1")
    monkeypatch.setenv("FLOORLENS_DTYPE", "float16")
    monkeypatch.setenv("FLOORLENS_CLIP_PROMPTS", "floor, a wooden floor ,carpet,")
    monkeypatch.setenv("FLOORLENS_CLIP_CROP", "mask")
    monkeypatch.setenv("FLOORLENS_CLIP_RERANK", "patches")
    assert load_settings().model_options() == ModelOptions(
        models={name: f"someone/{name}" for name in MODELS},
        revisions={name: f"of-{name}" for name in MODELS},
        device="cuda:1",
        dtype="float16",
        prompts=("floor", "a wooden floor", "carpet"),
        crop="mask",
        rerank="patches",
    )


def test_hosts_are_parted_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().hosts() == ()
    monkeypatch.setenv("FLOORLENS_FETCH_HOSTS", " cdn.example.com,,*.example.org:8443 ,")
    assert load_settings().hosts() == ("cdn.example.com", "*.example.org:8443")
    assert load_settings().options()["fetch_hosts"] == load_settings().hosts()


def test_pinecone_is_named_as_its_own_tools_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference design's `.env` serves as it is; other engines do not get its key."""
    Path(".env").write_text(
        "PINECONE_API_KEY=k1\nPINECONE_CONTROLLER_HOST=http://127.0.0.1:5080\n"
        "FLOORLENS_NAMESPACE=floors\nFLOORLENS_INDEX_NAME=flooring\nFLOORLENS_FRESH=1\n"
    )
    assert load_settings().engine() is None
    monkeypatch.setenv("FLOORLENS_INDEX", "pinecone")
    assert load_settings().engine() == Engine(
        "pinecone",
        url="http://127.0.0.1:5080",
        api_key="k1",
        index="flooring",
        namespace="floors",
        fresh=True,
    )
    assert "k1" not in repr(load_settings()) + repr(load_settings().engine())
    monkeypatch.setenv("FLOORLENS_INDEX", "milvus")
    other = load_settings().engine()
    assert other is not None
    assert (other.api_key, other.url) == (None, None)
    monkeypatch.setenv("FLOORLENS_INDEX_KEY", "k2")
    monkeypatch.setenv("FLOORLENS_INDEX_URL", "http://milvus:19530")
    other = load_settings().engine()
    assert other is not None
    assert (other.api_key, other.url) == ("k2", "http://milvus:19530")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("THREADS", "many"),
        ("THREADS", "-1"),
        ("MAX_UPLOAD_MB", "0"),
        ("MAX_MEGAPIXELS", "0"),
        ("MAX_MEGAPIXELS", "nan"),
        ("MAX_MEGAPIXELS", "big"),
        ("FALLBACK", "pinecone"),
        ("ENGINE_TIMEOUT", "0"),
        ("DEVICE", "gpu"),
        ("DTYPE", "int8"),
        ("CLIP_CROP", "circle"),
        ("CLIP_RERANK", "twice"),
    ],
)
def test_a_bad_value_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"FLOORLENS_{name}", value)
    with pytest.raises(SettingsError, match=f"settings cannot be used: FLOORLENS_{name}: "):
        load_settings()


def test_all_bad_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOORLENS_THREADS", "x")
    monkeypatch.setenv("FLOORLENS_MAX_MEGAPIXELS", "x")
    with pytest.raises(SettingsError, match=r"MAX_MEGAPIXELS.*; .*THREADS"):
        load_settings()


def test_a_dotenv_that_is_no_text_is_a_clear_error() -> None:
    Path(".env").write_bytes(b"FLOORLENS_CATALOGUE=\xff\xfe\n")
    with pytest.raises(SettingsError, match=r"\.env"):
        load_settings()


def test_each_catalogue_has_a_folder_for_its_service() -> None:
    """Keys and jobs of one must not be those of another."""

    def folder(catalogue: str) -> Path:
        return Settings(catalogue=catalogue).state_folder()

    here = Path.cwd()
    assert folder("shop") == folder("./shop/") == here / "shop-service"
    assert folder(".") == here.parent / f"{here.name}-service"
    assert folder("..") == here.parent.parent / f"{here.parent.name}-service"
    one, other = folder("postgresql://me:pass@host/a"), folder("postgresql://me:pass@host/b")
    assert one != other
    assert one == folder("postgresql://you:word@host/a")
    assert "pass" not in str(one)
    assert Settings(catalogue="shop", state="elsewhere").state_folder() == Path("elsewhere")
