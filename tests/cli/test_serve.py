"""`serve` and `ui`: what they start, and what they say if an extra or the port is missing."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from floorlens.api import server
from floorlens.settings import Settings
from floorlens.ui import page

Run = Callable[..., Result]

EXTRAS = ("fastapi", "python_multipart", "uvicorn", "streamlit", "httpx")


@pytest.mark.parametrize("module", ["fastapi", "python_multipart", "uvicorn"])
def test_without_the_extra_serve_names_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    for name in EXTRAS:
        monkeypatch.setitem(sys.modules, name, None if name == module else sys)
    result = run("serve", "--port", 0, code=7)
    assert "pip install 'floorlens[api]'" in result.output
    assert not Path("catalogue").exists()


@pytest.mark.parametrize("module", ["streamlit", "httpx"])
def test_without_the_extra_ui_names_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    for name in EXTRAS:
        monkeypatch.setitem(sys.modules, name, None if name == module else sys)
    result = run("ui", code=7)
    assert "pip install 'floorlens[ui]'" in result.output
    assert module in result.output
    assert not Path("demo").exists()


@pytest.fixture
def with_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the extras were installed: these tests end before they are used."""
    for name in EXTRAS:
        monkeypatch.setitem(sys.modules, name, sys)


def test_a_page_on_a_port_in_use_exits_2(run: Run, with_extras: None) -> None:
    """Before the samples are indexed and a service is started for them."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        result = run("ui", "--port", port, code=2)
    assert f"port {port} of 127.0.0.1 is in use" in result.output
    assert not Path("demo").exists()


def test_serve_passes_on_its_options(
    run: Run, with_extras: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(server, "serve", lambda *a, **k: calls.append((*a, k["create"])))
    options = ["--host", "::1", "--port", 8123, "--catalogue", "here", "--preset", "builtin"]
    run("serve", *options)
    run("serve", *options, "--create")
    (settings, *others), (_, *others_too) = calls
    assert (settings.catalogue, settings.preset) == ("here", "builtin")
    assert others == ["::1", 8123, False]
    assert others_too == ["::1", 8123, True]


@pytest.mark.parametrize(
    ("words", "mode"),
    [
        ([], None),
        (["--no-auth"], "loopback"),
        (["--no-auth", "--host", "127.0.0.1"], "loopback"),
        (["--no-auth=loopback"], "loopback"),
        (["--no-auth=public"], "public"),
        (["--host", "0.0.0.0", "--no-auth=public"], "public"),
    ],
)
def test_serve_asks_for_keys_unless_told_otherwise(
    run: Run, with_extras: None, monkeypatch: pytest.MonkeyPatch, words: list[str], mode: str | None
) -> None:
    calls: list[Settings] = []
    monkeypatch.setattr(server, "serve", lambda settings, *_a, **_k: calls.append(settings))
    run("serve", *words)
    assert calls[0].no_auth == mode
    monkeypatch.setenv("FLOORLENS_NO_AUTH", "public")
    run("serve", *words)
    assert calls[1].no_auth == (mode or "public")
    assert "'everybody' is not one of" in run("serve", "--no-auth=everybody", code=2).output


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "shop.example"])
def test_without_keys_serve_listens_at_this_machine_only(run: Run, host: str) -> None:
    pytest.importorskip("fastapi", reason="needs the extra api")
    error = run("serve", "--no-auth", "--host", host, "--port", 0, code=2).stderr
    assert "leave out --no-auth" in error
    assert "--no-auth=public" in error


def test_serve_makes_no_catalogue_by_itself(run: Run) -> None:
    """A wrong folder would be served empty, and every search answered by a 404."""
    pytest.importorskip("fastapi", reason="needs the extra api")
    text = " ".join(run("serve", "--port", 0, "--catalogue", "wrong", code=6).output.split())
    assert "there is no catalogue at wrong: make one with `floorlens index" in text
    assert "--create" in text
    assert not Path("wrong").exists()


@pytest.fixture
def starts(
    monkeypatch: pytest.MonkeyPatch, with_extras: None
) -> tuple[list[Settings], list[tuple[Any, ...]]]:
    """The services and pages that `ui` starts; none of them really runs."""
    services: list[Settings] = []
    pages: list[tuple[Any, ...]] = []

    @contextmanager
    def running(settings: Settings) -> Iterator[str]:
        services.append(settings)
        yield "http://127.0.0.1:1"

    monkeypatch.setattr(page, "running_service", running)
    monkeypatch.setattr(page, "sample_catalogue", lambda folder, **_: folder)
    monkeypatch.setattr(page, "run_page", lambda *a, **k: pages.append((*a, k)))
    return services, pages


def test_ui_serves_the_samples_by_itself(
    run: Run,
    starts: tuple[list[Settings], list[tuple[Any, ...]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Engine and preset are set for the user's own products: samples do not go there."""
    monkeypatch.setenv("FLOORLENS_INDEX", "pinecone")
    monkeypatch.setenv("FLOORLENS_PRESET", "nothing")
    monkeypatch.setenv("FLOORLENS_MAX_UPLOAD_MB", "7.5")
    result = run("ui", "--port", 18501)
    services, pages = starts
    assert [(one.catalogue, one.preset, one.engine()) for one in services] == [
        ("demo/catalogue", None, None)
    ]
    (address, host, port, settings, options), *others = pages
    assert (address, host, port, options) == ("http://127.0.0.1:1", "127.0.0.1", 18501, {})
    assert settings.max_upload_mb == 7.5
    assert others == []
    assert "http://127.0.0.1:18501" in result.output


@pytest.mark.parametrize(
    ("host", "address"), [("127.0.0.1", "http://127.0.0.1:18501"), ("::1", "http://[::1]:18501")]
)
def test_the_pages_address_is_one_that_a_browser_takes(
    run: Run,
    starts: tuple[list[Settings], list[tuple[Any, ...]]],
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    address: str,
) -> None:
    # Not every machine has IPv6.
    monkeypatch.setattr(page, "check_page", lambda *_: None)
    assert f"The page: {address} " in run("ui", "--host", host, "--port", 18501).output


@pytest.mark.parametrize("by", ["option", "variable"])
def test_ui_uses_the_service_of_the_option_or_variable(
    run: Run,
    starts: tuple[list[Settings], list[tuple[Any, ...]]],
    monkeypatch: pytest.MonkeyPatch,
    by: str,
) -> None:
    url = "https://floors.example/api"
    if by == "variable":
        monkeypatch.setenv("FLOORLENS_API_URL", url)
    run("ui", "--port", 18501, *(["--api-url", url] if by == "option" else []))
    services, pages = starts
    assert services == []
    assert pages[0][0] == url
