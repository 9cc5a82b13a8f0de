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
"""A photo may have to wait until those before it are done."""
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
        reasons: why it is doubtful; empty where nothing speaks against it.
    """

    png: bytes
    share: float
    confidence: float
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """One product of a ranking: its id, its score 0..1, its name."""

    id: str
    score: float
    name: str


@dataclass(frozen=True)
class Ranking:
    """The products for a photo, the closest first.

    Attributes:
        found: the products.
        degraded: the code of the error for which the service searched its own memory instead of
            the vector engine that was set; None where it did not.
    """

    found: tuple[Found, ...]
    degraded: str | None = None


class ServiceClient:
    """A service at a URL. Safe to call from several threads.

    Every method raises ServiceUnreachable where nothing answers, and ServiceError with the
    service's own code and text where it refuses.
    """

    def __init__(self, url: str) -> None:
        """`url` is where the service's routes begin, such as http://127.0.0.1:8000.

        Raises:
            SettingsError: it is none.
        """
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise SettingsError(f"{url!r} is no address of a service") from error
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise SettingsError(f"{url!r} is no address of a service: give http://HOST:PORT")
        # What is shown to people has no password in it.
        self.url = str(parsed.copy_with(username=None, password=None)).rstrip("/")
        self._http = httpx.Client(
            base_url=parsed,
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            # A proxy for the internet does not know this machine.
            trust_env=parsed.host not in ("127.0.0.1", "localhost", "::1"),
        )

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def health(self) -> Health:
        """Returns what the service searches."""
        answer = self._asked("GET", "/healthz")
        try:
            found = answer.json()
            return Health(int(found["products"]), str(found["preset"]), str(found["version"]))
        except (ValueError, KeyError, TypeError) as error:
            raise self._nonsense(answer) from error

    def mask(self, photo: bytes) -> Floor:
        """Returns where the floor is in a photo, given as the bytes of its file."""
        answer = self._asked("POST", "/mask", files={"file": ("photo", photo)})
        try:
            said = json.loads(answer.headers["X-Floor"])
            share, confidence = float(said["share"]), float(said["confidence"])
            return Floor(answer.content, share, confidence, tuple(map(str, said["reasons"])))
        except (ValueError, KeyError, TypeError) as error:
            raise self._nonsense(answer) from error

    def search(self, photo: bytes, limit: int | None = None) -> Ranking:
        """Returns the products for a photo; at most `limit`, None: all."""
        asked = {} if limit is None else {"limit": str(limit)}
        answer = self._asked("POST", "/search", files={"file": ("photo", photo)}, params=asked)
        try:
            hits = answer.json()
            if not isinstance(hits, list):
                raise TypeError("not a list")
            found = [Found(str(hit["id"]), float(hit["score"]), str(hit["name"])) for hit in hits]
        except (ValueError, KeyError, TypeError) as error:
            raise self._nonsense(answer) from error
        return Ranking(tuple(found), answer.headers.get("X-Degraded"))

    def picture(self, product_id: str, side: int) -> bytes | None:
        """Returns a product's picture as a JPEG of at most `side` pixels; None if it has none."""
        path = f"/products/{quote(product_id, safe='')}/image"
        try:
            return self._asked("GET", path, params={"side": str(side)}).content
        except ServiceUnreachable:
            raise
        except ServiceError:
            return None

    def pictures(self, product_ids: Sequence[str], side: int) -> list[bytes | None]:
        """Returns the pictures of several products, in their order."""
        with ThreadPoolExecutor(PICTURES_AT_ONCE) as pool:
            return list(pool.map(lambda one: self.picture(one, side), product_ids))

    def _asked(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **request)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            # The last two are about hosts that cannot be one, which only a call brings to light.
            raise ServiceUnreachable(
                f"nothing answers at {self.url}: start the service with `floorlens serve`, or set "
                "FLOORLENS_API_URL to where it runs"
            ) from error
        if answer.is_success:
            return answer
        try:
            cause = answer.json()["error"]
            refusal = ServiceError(str(cause["message"]), str(cause["code"]))
        except (ValueError, KeyError, TypeError) as error:
            raise self._nonsense(answer) from error
        raise refusal

    def _nonsense(self, answer: httpx.Response) -> ServiceError:
        if answer.status_code in (502, 503, 504):
            # A proxy answers for a service that does not.
            return ServiceUnreachable(
                f"a proxy answers at {self.url}, the service behind it does not: start it, or ask "
                "whoever runs it"
            )
        return ServiceError(
            f"what answers at {self.url} is no service of Floorlens (status "
            f"{answer.status_code}): check FLOORLENS_API_URL"
        )
