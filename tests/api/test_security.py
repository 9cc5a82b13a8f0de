"""Who may ask what: keys, scopes, rates, signed addresses, and services without keys."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")

import httpx

from floorlens import Floorlens
from floorlens.api.guard import FORWARDED
from floorlens.api.security import _owner_of
from floorlens.api.server import running_service
from floorlens.errors import StateError, UsageError
from floorlens.service.keys import Keys
from floorlens.service.rates import burst_of
from floorlens.service.store import Store
from floorlens.settings import Settings
from floorlens.testing import fake_stages

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    Serving = Callable[..., TestClient]

pytestmark = pytest.mark.slow

PATIENCE = 120
IMAGE = "/v1/products/oak/image"


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


# -- keys --------------------------------------------------------------------------------------


def test_what_needs_a_key_says_so(serving: Serving, room: Path) -> None:
    client = serving(no_auth=None)
    photo = {"file": room.read_bytes()}
    for answer in (
        client.post("/search", files=photo),
        client.post("/v1/mask", files=photo),
        client.get("/v1/status"),
        client.get(IMAGE),
        client.post("/nothing"),
    ):
        assert code(answer) == (401, "key-missing")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert client.get("/healthz").status_code == 200
    assert client.get("/openapi.json").status_code == 200
    assert client.get("/nothing").status_code == 404


def test_a_key_opens_what_its_scopes_say(serving: Serving, keys: Keys, room: Path) -> None:
    client = serving(no_auth=None)
    secrets = {scope: keys.create(scope, [scope])[1] for scope in ("search", "read", "admin")}
    photo = {"file": room.read_bytes()}
    for scope, searches, reads in (
        ("search", 200, 403),
        ("read", 403, 200),
        ("admin", 200, 200),
    ):
        own = bearer(secrets[scope])
        assert client.post("/search", files=photo, headers=own).status_code == searches
        assert client.get(IMAGE, headers=own).status_code == searches
        status = client.get("/v1/status", headers={"X-API-Key": secrets[scope]})
        assert status.status_code == reads
        if reads == 403:
            assert code(status) == (403, "scope-missing")


def test_a_key_learns_what_it_may_do(serving: Serving, keys: Keys) -> None:
    """Whatever its scope; and nothing else, such as its name, its id or other keys."""
    cases = {
        ("search",): ["search"],
        ("read",): ["read"],
        ("read", "search"): ["search", "read"],
        ("admin",): ["search", "read", "admin"],
    }
    secrets = {given: keys.create("shop", given, rate=60)[1] for given in cases}
    usual = keys.create("shop", ["search"])[1]
    client = serving(no_auth=None, rate=600)
    for given, scopes in cases.items():
        answer = client.get("/v1/key", headers=bearer(secrets[given]))
        assert answer.json() == {"required": True, "scopes": scopes, "rate": 60}
        assert "RateLimit" in answer.headers
    assert client.get("/v1/key", headers=bearer(usual)).json()["rate"] == 600
    assert code(client.get("/v1/key")) == (401, "key-missing")
    assert code(client.get("/v1/key?scope=1")) == (401, "key-missing")
    assert code(client.get("/v1/key", headers=bearer("nobody"))) == (401, "key-invalid")
    everybody = {"required": False, "scopes": ["search", "read", "admin"], "rate": 0}
    assert serving().get("/v1/key").json() == everybody


@pytest.mark.parametrize(
    "value",
    [
        *("Bearer nobody", "Bearer flk_000000000000_" + "A" * 43, "bearer \u00e4", "Basic YTpi"),
        *("Bearer", "Bearer ", "Bearer a b", "Bearer " + "x" * 8000, "\xff"),
    ],
)
def test_what_is_no_key_is_refused(serving: Serving, value: str) -> None:
    answer = serving(no_auth=None).get("/v1/status", headers={b"Authorization": value.encode()})
    assert answer.status_code == 401
    assert answer.json()["code"] in ("key-invalid", "key-missing")


def test_a_revoked_key_stops_within_two_seconds(serving: Serving, keys: Keys) -> None:
    """The service is another process than the command line."""
    client = serving(no_auth=None)
    key, secret = keys.create("shop", ["read"])
    assert client.get("/v1/status", headers=bearer(secret)).status_code == 200
    keys.revoke(key.id)
    time.sleep(1.5)
    assert code(client.get("/v1/status", headers=bearer(secret))) == (401, "key-invalid")


def test_a_key_that_was_just_made_works_within_two_seconds(serving: Serving, keys: Keys) -> None:
    client = serving(no_auth=None)
    client.get("/v1/status", headers=bearer("nobody"))
    _, secret = keys.create("shop", ["read"])
    time.sleep(1.5)
    assert client.get("/v1/status", headers=bearer(secret)).status_code == 200


def test_keys_that_cannot_be_read_open_nothing(
    serving: Serving, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not an error that lets through: 503. Only whether the process lives is still answered."""
    client = serving(no_auth=None)
    _, secret = keys.create("shop", ["admin"])

    def fails(store: Store) -> None:
        raise StateError(f"{store.folder} cannot be read")

    monkeypatch.setattr(Store, "reading", fails)
    for answer in (
        client.get("/v1/status", headers=bearer(secret)),
        client.post("/search", headers=bearer(secret)),
    ):
        assert code(answer) == (503, "state")
        assert str(keys._store.folder) not in answer.text
    assert client.get("/healthz").status_code == 200


def test_without_a_key_no_body_is_awaited(lens: Floorlens, room: Path) -> None:
    """A real server answers when it has the headers, and the client can read it while it sends."""
    settings = Settings(catalogue=str(lens.folder), no_auth=None)
    with running_service(settings, stages=fake_stages()) as url:
        host, port = url.removeprefix("http://").split(":")
        head = "POST /search HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n"
        with socket.create_connection((host, int(port)), PATIENCE) as connection:
            connection.sendall(head.encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 401 ")
        with httpx.Client(base_url=url, timeout=PATIENCE, trust_env=False) as web:
            for _ in range(3):
                answer = web.post("/search", files={"file": b"x" * 9_000_000})
                assert code(answer) == (401, "key-missing")


# -- rates -------------------------------------------------------------------------------------


def test_a_key_has_its_own_rate(serving: Serving, keys: Keys) -> None:
    client = serving(no_auth=None, rate=0)
    _, slow = keys.create("slow", ["read"], 6)
    _, quick = keys.create("quick", ["read"])
    answers = [client.get("/v1/status", headers=bearer(slow)) for _ in range(burst_of(6) + 2)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert [answer.headers["ratelimit"] for answer in answers][:2] == [
        '"minute";r=4;t=0',
        '"minute";r=3;t=0',
    ]
    assert answers[0].headers["ratelimit-policy"] == '"minute";q=6;w=60'
    assert code(answers[-1]) == (429, "rate-exceeded")
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 10
    for _ in range(20):
        answer = client.get("/v1/status", headers=bearer(quick))
        assert answer.status_code == 200
        assert "ratelimit" not in answer.headers


def test_the_settings_rate_counts_for_other_keys(serving: Serving, keys: Keys, room: Path) -> None:
    client = serving(no_auth=None, rate=6)
    _, free = keys.create("free", ["search"], 0)
    _, secret = keys.create("shop", ["search"])
    photo = {"photo": room.read_bytes()}
    statuses = [
        client.post("/v1/mask", files=photo, headers=bearer(secret)).status_code for _ in range(7)
    ]
    assert statuses == [200] * 5 + [429] * 2
    assert all(client.get(IMAGE, headers=bearer(secret)).status_code == 200 for _ in range(9))
    statuses = [
        client.post("/v1/mask", files=photo, headers=bearer(free)).status_code for _ in range(9)
    ]
    assert set(statuses) == {200}


def test_in_public_addresses_have_rates(serving: Serving) -> None:
    client = serving(no_auth="public", rate=6)
    statuses = [client.get("/v1/status").status_code for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2


def test_a_network_of_ipv6_is_one_owner() -> None:
    assert _owner_of("2001:db8:1:2::1") == _owner_of("2001:db8:1:2:ffff::9")
    assert _owner_of("2001:db8:1:2::1") != _owner_of("2001:db8:1:3::1")
    assert _owner_of("::ffff:192.0.2.1") == _owner_of("192.0.2.1")
    assert _owner_of("192.0.2.1") != _owner_of("192.0.2.2")
    assert _owner_of("unix") == ""


# -- signed addresses --------------------------------------------------------------------------


def test_a_signed_address_needs_no_key(serving: Serving, lens: Floorlens) -> None:
    client = serving(no_auth=None)
    service = client.app.state.service  # type: ignore[attr-defined]
    for url in (
        service.image_url("oak", 64),
        service.image_url("oak"),
        service.image_url("oak", 64, 0),
    ):
        answer = client.get(url)
        assert answer.status_code == 200
        assert answer.headers["cache-control"].startswith("public")
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        tag = {"If-None-Match": answer.headers["etag"]}
        again = client.get(url, headers=tag)
        assert again.status_code == 304
        assert "cross-origin-resource-policy" not in again.headers


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url.replace("oak", "ash"),
        lambda url: url.replace("width=64", "width=640"),
        lambda url: url.replace("width=64&", ""),
        lambda url: url + "&index=1",
        lambda url: url[:-1] + ("A" if url[-1] != "A" else "B"),
        lambda url: url.replace("expires=", "expires=1"),
    ],
)
def test_a_changed_address_is_refused(serving: Serving, change: Callable[[str], str]) -> None:
    client = serving(no_auth=None)
    url = client.app.state.service.image_url("oak", 64)  # type: ignore[attr-defined]
    assert code(client.get(change(url))) == (403, "signature-invalid")


@pytest.mark.parametrize("index", ["+1", "1.0", "%201", "01.0"])
def test_a_number_written_in_another_way_opens_no_other_picture(
    serving: Serving, index: str
) -> None:
    """What checks the signature must read the number as the route does."""
    client = serving(no_auth=None)
    url = client.app.state.service.image_url("oak", 64)  # type: ignore[attr-defined]
    assert code(client.get(f"{url}&index={index}")) == (403, "signature-invalid")


def test_half_a_signature_is_none(serving: Serving) -> None:
    client = serving(no_auth=None)
    url = client.app.state.service.image_url("oak", 64)  # type: ignore[attr-defined]
    assert code(client.get(url.partition("&signature")[0])) == (401, "key-missing")
    assert code(client.get(f"{IMAGE}?signature=x")) == (403, "signature-invalid")


def test_a_wrong_signature_is_refused_whatever_key_there_is(serving: Serving, keys: Keys) -> None:
    """The address was changed; that its sender has a key makes it no better."""
    client = serving(no_auth=None)
    _, secret = keys.create("shop", ["search"])
    mine = {"X-API-Key": secret}
    assert client.get(IMAGE, headers=mine).status_code == 200
    for query in ("signature=x", "expires=1&signature=x"):
        answer = client.get(f"{IMAGE}?{query}", headers=mine)
        assert code(answer) == (403, "signature-invalid")


def test_a_signed_address_opens_nothing_else(serving: Serving) -> None:
    client = serving(no_auth=None)
    url = client.app.state.service.image_url("oak", 64)  # type: ignore[attr-defined]
    query = url.partition("?")[2]
    assert code(client.get(f"/v1/status?{query}")) == (401, "key-missing")


def test_without_keys_addresses_are_plain(client: TestClient) -> None:
    service = client.app.state.service  # type: ignore[attr-defined]
    assert service.image_url("a b/c", 64, 2) == "/v1/products/a%20b/c/image?width=64&index=2"
    assert service.image_url("oak") == IMAGE
    assert client.get(service.image_url("oak", 64)).status_code == 200
    # Signed ones of before, when it asked for keys, lead there as well.
    assert client.get(f"{IMAGE}?expires=1&signature=x").status_code == 200


def test_what_a_key_gets_is_kept_by_nobody_else(serving: Serving, keys: Keys) -> None:
    client = serving(no_auth=None)
    _, secret = keys.create("shop", ["search", "read"])
    picture = client.get(IMAGE, headers=bearer(secret))
    assert picture.headers["cache-control"].startswith("private")
    # What a 304 says of caches replaces what the picture said.
    own = {**bearer(secret), "If-None-Match": picture.headers["etag"]}
    again = client.get(IMAGE, headers=own)
    assert (again.status_code, again.headers["cache-control"][:7]) == (304, "private")
    assert client.get("/v1/status", headers=bearer(secret)).headers["cache-control"] == "no-store"


def test_no_body_is_read_before_the_scope_is_looked_at(serving: Serving, keys: Keys) -> None:
    """What FastAPI itself reads of a route, it reads before that, and where all others wait."""
    client = serving(no_auth=None)
    _, secret = keys.create("shop", ["search"])
    answer = client.patch("/v1/products/oak", content=b"{no JSON", headers=bearer(secret))
    assert code(answer) == (403, "scope-missing")
    assert answer.json()["errors"][0]["message"] == "this needs a key with the scope 'admin'"
    # Those are described by reference, those that routes read in place. The one left is a form, of
    # which parts go to the disk as they come.
    paths = client.get("/openapi.json").json()["paths"]
    bodies = {
        (path, method): json.dumps(operation.get("requestBody"))
        for path, item in paths.items()
        for method, operation in item.items()
    }
    assert [place for place, body in bodies.items() if "$ref" in body] == [("/search", "post")]


# -- without keys ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*sorted(FORWARDED), "x-forwarded-for", "X-Forwarded-Anything"])
def test_a_service_without_keys_serves_no_proxy(client: TestClient, name: str) -> None:
    for path in ("/v1/status", "/healthz", IMAGE, "/openapi.json"):
        assert code(client.get(path, headers={name: "1"})) == (403, "forwarded-refused")


@pytest.mark.parametrize(
    ("host", "open_"),
    [
        *(("127.0.0.1", True), ("127.0.0.1:1", True), ("localhost", True), ("LOCALHOST:80", True)),
        *(("[::1]", True), ("[::1]:8000", True), ("localhost.:8000", True)),
        *(("evil.example", False), ("127.0.0.1.evil.example", False), ("localhost.evil", False)),
        *(
            ("", False),
            ("[::1", True),
            ("[::2]", False),
            ("0.0.0.0", False),
            ("192.168.0.1", False),
        ),
        *(("127.0.0.1@evil.example", False), ("[evil]", False)),
    ],
)
def test_a_name_that_leads_here_is_no_name_of_ours(
    client: TestClient, host: str, open_: bool
) -> None:
    """DNS rebinding: a page makes its own name lead to 127.0.0.1, and reads as its own origin."""
    answer = client.get("/v1/status", headers={"Host": host})
    assert answer.status_code == (200 if open_ else 403)
    if not open_:
        assert code(answer) == (403, "host-refused")


def test_other_machines_are_refused_also_by_another_server(settings: Settings) -> None:
    """`uvicorn --host 0.0.0.0 --factory floorlens.api:create_app` knows no `--no-auth`."""
    from starlette.testclient import TestClient

    from floorlens.api import create_app

    app = create_app(settings, stages=fake_stages())
    with TestClient(app, base_url="http://127.0.0.1", client=("192.0.2.7", 5)) as client:
        assert code(client.get("/healthz")) == (403, "address-refused")


def test_public_is_public(serving: Serving) -> None:
    client = serving(no_auth="public")
    headers = {"Host": "shop.example", "X-Forwarded-For": "192.0.2.1"}
    assert client.get("/v1/status", headers=headers).status_code == 200


def test_a_service_in_a_program_is_for_that_machine(lens: Floorlens) -> None:
    """Unless the settings say that it asks for keys."""
    folder = str(lens.folder)
    for settings, status in (
        (Settings(catalogue=folder), 200),
        (Settings(catalogue=folder, no_auth=None), 401),
        (Settings(catalogue=folder, no_auth="public"), 200),
    ):
        with running_service(settings, stages=fake_stages()) as url:
            assert httpx.get(f"{url}/v1/status", timeout=PATIENCE).status_code == status
    with (
        pytest.raises(UsageError, match="must ask for keys"),
        running_service(Settings(catalogue=folder, no_auth="loopback"), host="0.0.0.0"),
    ):
        pass
