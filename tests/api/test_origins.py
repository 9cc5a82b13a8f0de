"""Pages of other sites: which may call the service, and what browsers are told of answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")

from floorlens.api import create_app
from floorlens.api.origins import EXPOSED
from floorlens.errors import SettingsError
from floorlens.service.keys import Keys
from floorlens.settings import Settings

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    Serving = Callable[..., TestClient]

pytestmark = pytest.mark.slow

SHOP, EVIL = "https://shop.example", "https://evil.example"
ASKS = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


def shared(answer: Any) -> str | None:
    value: str | None = answer.headers.get("access-control-allow-origin")
    return value


def test_no_page_of_another_origin_may_read_by_default(client: TestClient) -> None:
    answer = client.get("/v1/status", headers={"Origin": SHOP})
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]
    preflight = client.options("/search", headers={"Origin": SHOP, **ASKS})
    assert (preflight.status_code, preflight.json()["code"]) == (403, "cross-site")
    assert shared(preflight) is None


def test_an_allowed_origin_may_call(serving: Serving, keys: Keys, room: Path) -> None:
    """Preflight, the call with a key, and its errors, which a page must be able to read."""
    client = serving(no_auth=None, origins=f"https://other.example, {SHOP}/")
    _, secret = keys.create("shop", ["search"])
    preflight = client.options("/v1/mask", headers={"Origin": SHOP, **ASKS})
    assert preflight.status_code == 204
    assert shared(preflight) == SHOP
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert "Authorization" in preflight.headers["access-control-allow-headers"]
    own = {"Origin": SHOP, "Authorization": f"Bearer {secret}", "Sec-Fetch-Site": "cross-site"}
    answer = client.post("/v1/mask", files={"photo": room.read_bytes()}, headers=own)
    assert answer.status_code == 200
    missing = client.post("/v1/mask", headers={"Origin": SHOP})
    assert missing.status_code == 401
    for one in (preflight, answer, missing, client.get("/nothing", headers=own)):
        assert shared(one) == SHOP
        assert one.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in one.headers
        assert one.headers["x-request-id"]
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert set(exposed) == set(EXPOSED)
    assert {"X-Request-ID", "X-Floor", "Retry-After", "RateLimit"} <= set(exposed)
    other = client.get("/healthz", headers={"Origin": EVIL})
    assert shared(other) is None
    assert other.headers["vary"] == "Origin"


def test_an_inner_error_can_be_read_by_the_page_too(
    serving: Serving, monkeypatch: pytest.MonkeyPatch, room: Path
) -> None:
    from floorlens.api.service import Service

    client = serving(origins=SHOP)
    monkeypatch.setattr(Service, "mask", lambda *_a: 1 / 0)
    answer = client.post("/v1/mask", files={"photo": room.read_bytes()}, headers={"Origin": SHOP})
    assert answer.status_code == 500
    assert shared(answer) == SHOP
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_everybody_is_never_with_credentials(serving: Serving) -> None:
    client = serving(origins="*")
    for answer in (
        client.get("/healthz", headers={"Origin": EVIL}),
        client.options("/search", headers={"Origin": EVIL, **ASKS}),
    ):
        assert shared(answer) == "*"
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "name", ["shop.example", "https://", "https://shop.example/path", "null", "https://*.example"]
)
def test_what_is_no_origin_is_an_error_at_the_start(name: str) -> None:
    with pytest.raises(SettingsError, match="FLOORLENS_ORIGINS"):
        create_app(Settings(origins=f"{SHOP},{name}"))


HERE = "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 422),
        ({"Origin": HERE}, 422),
        ({"Origin": HERE, "Sec-Fetch-Site": "same-origin"}, 422),
        # A proxy may have changed the Host; the browser has not.
        ({"Origin": "https://floors.example", "Sec-Fetch-Site": "same-origin"}, 422),
        ({"Sec-Fetch-Site": "none"}, 422),
        ({"Origin": SHOP}, 422),
        ({"Origin": SHOP, "Sec-Fetch-Site": "cross-site"}, 422),
        ({"Origin": EVIL}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:8501"}, 403),
        ({"Origin": "http://127.0.0.1:8501", "Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": EVIL, "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "garbage"}, 403),
    ],
)
def test_posts_of_other_sites_are_refused(
    serving: Serving, headers: dict[str, str], status: int
) -> None:
    """Browsers send simple posts to any address without asking; here none has a file."""
    client = serving(origins=SHOP)
    answer = client.post("/search", headers=headers)
    assert answer.status_code == status
    assert answer.json()["code"] == ("cross-site" if status == 403 else "file-missing")
    answer = client.post("/v1/mask", headers=headers)
    assert answer.json()["code"] == ("cross-site" if status == 403 else "media-type-unsupported")


def test_reading_is_what_pages_may_always_try(client: TestClient) -> None:
    """The browser keeps the answer from them."""
    headers = {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"}
    answer = client.get("/v1/status", headers=headers)
    assert answer.status_code == 200
    assert shared(answer) is None
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_every_answer_tells_browsers_what_to_leave_alone(client: TestClient, room: Path) -> None:
    photo = {"photo": room.read_bytes()}
    answers = {
        "json": client.get("/v1/status"),
        "mask": client.post("/v1/mask", files=photo),
        "image": client.get("/v1/products/oak/image"),
        "missing": client.get("/nothing"),
        "method": client.delete("/healthz"),
        "large": client.post("/search", content=b"x" * 400_000),
        "forwarded": client.get("/healthz", headers={"Forwarded": "for=1"}),
        "openapi": client.get("/openapi.json"),
    }
    for name, answer in answers.items():
        assert answer.headers["x-content-type-options"] == "nosniff", name
        assert answer.headers["referrer-policy"] == "no-referrer", name
        assert "default-src 'none'" in answer.headers["content-security-policy"], name
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], name
        image = answer.headers["content-type"].startswith("image/")
        policy = "same-site" if image else "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == policy, name
        assert "strict-transport-security" not in answer.headers
    assert answers["json"].headers["cache-control"] == "no-store"
    assert answers["mask"].headers["cache-control"] == "no-store"
    assert answers["image"].headers["cache-control"] == "public, max-age=300"


@pytest.mark.parametrize("changes", [{"origins": SHOP}, {"no_auth": "public"}])
def test_pictures_for_pages_elsewhere(serving: Serving, changes: dict[str, str]) -> None:
    """An <img> says no origin that could be compared."""
    answer = serving(**changes).get("/v1/products/oak/image")
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
