"""The doctor hides secrets, finds faults, names the cure and changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from floorlens import Floorlens, doctor, presets
from floorlens.doctor import Check, examine, public_settings
from floorlens.settings import Settings
from floorlens.testing import fake_stages


@pytest.fixture(autouse=True)
def _stages_without_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(presets, "load_stages", lambda *_a, **_k: fake_stages())
    monkeypatch.setattr("floorlens.lens.load_stages", lambda *_a, **_k: fake_stages())
    monkeypatch.chdir(tmp_path)


def check_of(name: str, **options: Any) -> Check:
    return next(check for check in examine(Settings(**options)) if check.name == name)


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("postgresql+psycopg://anna:s3cret@db/floors", "postgresql+psycopg://anna:***@db/floors"),
        ("postgresql://anna:s3@cret@db:5432/floors", "postgresql://anna:***@db:5432/floors"),
        ("postgresql://anna:s3/cret@db/floors", "postgresql://anna:***@db/floors"),
        ("redis://:s3cret@db", "redis://:***@db"),
        (
            "postgresql://db/f?user=a&password=s3cret&x=1",
            "postgresql://db/f?user=a&password=***&x=1",
        ),
        ("https://db/?api_key=s3cret", "https://db/?api_key=***"),
        ("postgresql://anna@db:5432/floors", "postgresql://anna@db:5432/floors"),
        ("http://s3cret@host:19530", "http://***@host:19530"),
        ("https://me:s3@cret@host", "https://***@host"),
        ("host=h password=s3cret dbname=x", "host=h password=*** dbname=x"),
        (r"password = 's3 \'cret' user=me", "password=*** user=me"),
        ("sslpassword='s3cret", "sslpassword=***"),
        ("password=s3&cret", "password=***"),
        ("./catalogue", "./catalogue"),
    ],
)
def test_passwords_in_addresses_are_hidden(url: str, public: str) -> None:
    settings = Settings(index_url=url)
    assert public_settings(settings)["FLOORLENS_INDEX_URL"] == public
    settings = Settings(catalogue=url)
    assert public_settings(settings)["FLOORLENS_CATALOGUE"] == public
    assert "s3" not in str([check.as_dict() for check in examine(settings)])


def test_settings_that_are_secrets_are_hidden() -> None:
    """By their type; and by their name, in case a new one lacks the type."""

    class Later(Settings):
        api_token: str | None = None

    later = Later(
        api_token="s3cret",
        pinecone_api_key=SecretStr("s3cret"),
        index_url="postgresql://me:s3cret@host/floors",
    )
    public = public_settings(later)
    assert "s3cret" not in str(public)
    assert public["FLOORLENS_API_TOKEN"] == public["PINECONE_API_KEY"] == "***"
    assert public["FLOORLENS_INDEX_URL"] == "postgresql://me:***@host/floors"
    assert public["FLOORLENS_INDEX_KEY"] == ""
    assert public["FLOORLENS_THREADS"] == "0"
    assert public["FLOORLENS_PRESET"] == ""


def test_no_catalogue_is_no_fault_and_none_is_made(tmp_path: Path) -> None:
    check = check_of("catalogue", catalogue=str(tmp_path / "catalogue"))
    assert check.ok
    assert "none yet" in check.found
    assert "floorlens index" in check.found
    assert not (tmp_path / "catalogue").exists()


def test_the_products_of_a_sound_catalogue_are_counted(lens: Floorlens, tmp_path: Path) -> None:
    check = check_of("catalogue", catalogue=str(tmp_path / "catalogue"))
    assert check.ok
    assert check.found.startswith("6 products at ")


def test_pictures_that_are_gone_are_named(
    lens: Floorlens, tmp_path: Path, product_folder: Path
) -> None:
    for name in ("moss", "slate"):
        (product_folder / f"{name}.png").unlink()
    check = check_of("catalogue", catalogue=str(tmp_path / "catalogue"))
    assert not check.ok
    assert "pictures of 2 products are not where they were (first: moss)" in check.cure


def test_a_catalogue_of_another_model_version_names_the_cure(
    lens: Floorlens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("floorlens.lens.load_stages", lambda *_a, **_k: fake_stages(version="2"))
    check = check_of("catalogue", catalogue=str(tmp_path / "catalogue"), preset="builtin")
    assert not check.ok
    assert check.found == "StampMismatch"
    assert "floorlens index --rebuild" in check.cure


def test_a_file_that_is_no_catalogue(tmp_path: Path) -> None:
    (tmp_path / "catalogue").mkdir()
    (tmp_path / "catalogue" / "catalogue.sqlite").write_bytes(b"not a database" * 100)
    check = check_of("catalogue", catalogue=str(tmp_path / "catalogue"))
    assert not check.ok
    assert "cannot be opened as a catalogue" in check.cure


def test_models_run_and_their_versions_and_licences_are_shown() -> None:
    check = check_of("models")
    assert check.ok
    assert check.found == (
        "fake-segmenter 1 (weights: Apache-2.0), fake-embedder 1 (weights: Apache-2.0) run; "
        "vectors of 4 numbers"
    )


def test_an_unknown_preset_is_a_fault() -> None:
    check = check_of("models", preset="nonesuch")
    assert not check.ok
    assert "known are builtin" in check.cure


def test_any_error_of_a_broken_model_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """The errors of onnxruntime derive from Exception alone."""

    class InvalidProtobuf(Exception):
        pass

    def broken(*_args: object, **_options: object) -> None:
        raise InvalidProtobuf("embedder.onnx: protobuf parsing failed")

    monkeypatch.setattr(presets, "load_stages", broken)
    check = check_of("models")
    assert not check.ok
    assert "InvalidProtobuf: embedder.onnx" in check.found
    assert "reinstall" in check.cure


def test_extras_that_are_not_installed_are_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_spec", lambda _module: None)
    check = check_of("extra heif")
    assert check.ok
    assert check.found == "not installed (floorlens[heif])"
