"""The doctor: it hides secrets, finds what is wrong, names the cure and changes nothing."""

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


def named(name: str, **chosen: Any) -> Check:
    return next(check for check in examine(Settings(**chosen)) if check.name == name)


@pytest.mark.parametrize(
    ("url", "shown"),
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
def test_passwords_in_addresses_are_hidden(url: str, shown: str) -> None:
    settings = Settings(index_url=url)
    assert public_settings(settings)["FLOORLENS_INDEX_URL"] == shown
    settings = Settings(catalogue=url)
    assert public_settings(settings)["FLOORLENS_CATALOGUE"] == shown
    assert "s3" not in str([check.as_dict() for check in examine(settings)])


def test_settings_that_are_secrets_are_hidden() -> None:
    """By their type, and by their name before anybody thinks of the type."""

    class Later(Settings):
        api_token: str | None = None

    later = Later(
        api_token="s3cret",
        pinecone_api_key=SecretStr("s3cret"),
        index_url="postgresql://me:s3cret@host/floors",
    )
    shown = public_settings(later)
    assert "s3cret" not in str(shown)
    assert shown["FLOORLENS_API_TOKEN"] == shown["PINECONE_API_KEY"] == "***"
    assert shown["FLOORLENS_INDEX_URL"] == "postgresql://me:***@host/floors"
    assert shown["FLOORLENS_INDEX_KEY"] == ""
    assert shown["FLOORLENS_THREADS"] == "0"
    assert shown["FLOORLENS_PRESET"] == ""


def test_no_catalogue_is_no_fault_and_none_is_made(tmp_path: Path) -> None:
    found = named("catalogue", catalogue=str(tmp_path / "catalogue"))
    assert found.ok
    assert "none yet" in found.found
    assert "floorlens index" in found.found
    assert not (tmp_path / "catalogue").exists()


def test_a_sound_catalogue_is_counted(lens: Floorlens, tmp_path: Path) -> None:
    found = named("catalogue", catalogue=str(tmp_path / "catalogue"))
    assert found.ok
    assert found.found.startswith("6 products at ")


def test_pictures_that_are_gone_are_named(
    lens: Floorlens, tmp_path: Path, product_folder: Path
) -> None:
    for name in ("moss", "slate"):
        (product_folder / f"{name}.png").unlink()
    found = named("catalogue", catalogue=str(tmp_path / "catalogue"))
    assert not found.ok
    assert "pictures of 2 products are not where they were (first: moss)" in found.cure


def test_a_catalogue_of_another_model_version_names_the_cure(
    lens: Floorlens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("floorlens.lens.load_stages", lambda *_a, **_k: fake_stages(version="2"))
    found = named("catalogue", catalogue=str(tmp_path / "catalogue"), preset="builtin")
    assert not found.ok
    assert found.found == "StampMismatch"
    assert "floorlens index --rebuild" in found.cure


def test_a_file_that_is_no_catalogue(tmp_path: Path) -> None:
    (tmp_path / "catalogue").mkdir()
    (tmp_path / "catalogue" / "catalogue.sqlite").write_bytes(b"not a database" * 100)
    found = named("catalogue", catalogue=str(tmp_path / "catalogue"))
    assert not found.ok
    assert "cannot be opened as a catalogue" in found.cure


def test_models_run_and_tell_their_versions_and_licences() -> None:
    found = named("models")
    assert found.ok
    assert found.found == (
        "fake-segmenter 1 (weights: Apache-2.0), fake-embedder 1 (weights: Apache-2.0) run; "
        "vectors of 4 numbers"
    )


def test_an_unknown_preset_is_found() -> None:
    found = named("models", preset="nonesuch")
    assert not found.ok
    assert "known are builtin" in found.cure


def test_whatever_a_broken_model_raises_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """The errors of onnxruntime derive from Exception alone."""

    class InvalidProtobuf(Exception):
        pass

    def broken(*_args: object, **_options: object) -> None:
        raise InvalidProtobuf("embedder.onnx: protobuf parsing failed")

    monkeypatch.setattr(presets, "load_stages", broken)
    found = named("models")
    assert not found.ok
    assert "InvalidProtobuf: embedder.onnx" in found.found
    assert "reinstall" in found.cure


def test_extras_that_are_not_installed_are_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_spec", lambda _module: None)
    found = named("extra heif")
    assert found.ok
    assert found.found == "not installed (floorlens[heif])"
