"""The service's answers as Python objects, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from floorlens.errors import ServiceError, ServiceUnreachable, SettingsError

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 120.0
"""Long, since a photo may wait for those before it."""
PICTURES_AT_ONCE = 4


@dataclass(frozen=True)
class Health:
    """What a service searches: how many products, with which preset and version of Floorlens."""

    products: int
    preset: str
    version: str


@dataclass(frozen=True)
class Floor:
    """Where the floor is in a photo.

    Attributes:
        png: the mask, a grey PNG of the photo's size, white is floor.
        share: of the photo that is floor, 0..1.
        confidence: 0..1.
        reasons: why the floor is doubtful; empty if it is not.
    """

    png: bytes
    share: float
    confidence: float
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Hit:
    """One product of a ranking: its id, its score 0..1, its name."""

    id: str
    score: float
    name: str


@dataclass(frozen=True)
class Ranking:
    """The products for a photo, the closest first.

    Attributes:
        hits: the products.
        degraded: the code of the engine's error if the service had to search its own memory
            instead; else None.
    """

    hits: tuple[Hit, ...]
    degraded: str | None = None


class ServiceClient:
    """A service at a URL. Safe to call from several threads.

    Every method raises ServiceUnreachable if nothing answers, and ServiceError with the service's
    code and text if the service refuses.
    """

    def __init__(self, url: str) -> None:
        """`url` is the address of the service, such as http://127.0.0.1:8000.

        Raises:
            SettingsError: it is not an address.
        """
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise SettingsError(f"{url!r} is not an address: use http://HOST:PORT") from error
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise SettingsError(f"{url!r} is not an address: use http://HOST:PORT")
        # Without a password, since this URL is shown.
        self.url = str(parsed.copy_with(username=None, password=None)).rstrip("/")
        self._http = httpx.Client(
            base_url=parsed,
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            # A proxy for the internet cannot reach this machine.
            trust_env=parsed.host not in ("127.0.0.1", "localhost", "::1"),
        )

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def health(self) -> Health:
        """Returns what the service searches."""
        answer = self._request("GET", "/v1/status")
        try:
            body = answer.json()
            return Health(int(body["products"]), str(body["preset"]), str(body["version"]))
        except (ValueError, KeyError, TypeError) as error:
            raise self._foreign_answer(answer) from error

    def mask(self, photo: bytes) -> Floor:
        """Returns where the floor is in a photo, given as the bytes of its file."""
        answer = self._request(
            "POST", "/v1/mask", files={"photo": ("photo", photo)}, params={"format": "png"}
        )
        try:
            facts = json.loads(answer.headers["X-Floor"])
            share, confidence = float(facts["share"]), float(facts["confidence"])
            return Floor(answer.content, share, confidence, tuple(map(str, facts["reasons"])))
        except (ValueError, KeyError, TypeError) as error:
            raise self._foreign_answer(answer) from error

    def search(self, photo: bytes, limit: int | None = None) -> Ranking:
        """Returns the products for a photo; at most `limit`, None: all."""
        params = {} if limit is None else {"limit": str(limit)}
        answer = self._request("POST", "/search", files={"file": ("photo", photo)}, params=params)
        try:
            rows = answer.json()
            if not isinstance(rows, list):
                raise TypeError("not a list")
            hits = [Hit(str(hit["id"]), float(hit["score"]), str(hit["name"])) for hit in rows]
        except (ValueError, KeyError, TypeError) as error:
            raise self._foreign_answer(answer) from error
        return Ranking(tuple(hits), answer.headers.get("X-Degraded"))

    def picture(self, product_id: str, side: int) -> bytes | None:
        """Returns a product's picture as a JPEG of at most `side` pixels; None if it has none."""
        path = f"/v1/products/{quote(product_id, safe='')}/image"
        try:
            return self._request("GET", path, params={"width": str(side)}).content
        except ServiceUnreachable:
            raise
        except ServiceError:
            return None

    def pictures(self, product_ids: Sequence[str], side: int) -> list[bytes | None]:
        """Returns the pictures of several products, in their order."""
        with ThreadPoolExecutor(PICTURES_AT_ONCE) as pool:
            return list(pool.map(lambda one: self.picture(one, side), product_ids))

    def _request(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **request)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            # The last two are for impossible host names, which httpx only checks when it connects.
            raise ServiceUnreachable(
                f"nothing answers at {self.url}: start the service with `floorlens serve`, or set "
                "FLOORLENS_API_URL to its address"
            ) from error
        if answer.is_success:
            return answer
        try:
            cause = answer.json()
            refusal = ServiceError(str(cause["detail"]), str(cause["code"]))
        except (ValueError, KeyError, TypeError) as error:
            raise self._foreign_answer(answer) from error
        raise refusal

    def _foreign_answer(self, answer: httpx.Response) -> ServiceError:
        if answer.status_code in (502, 503, 504):
            # A proxy answers because the service behind it does not.
            return ServiceUnreachable(
                f"a proxy answers at {self.url}, but the service behind it does not: start that "
                "service, or ask its operator"
            )
        return ServiceError(
            f"the program at {self.url} is not a Floorlens service (status {answer.status_code}): "
            "check FLOORLENS_API_URL"
        )
