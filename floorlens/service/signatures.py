"""Signed addresses: what a browser may fetch for a while without a key, such as an `<img>`."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets as random
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from floorlens.service.schema import secrets
from floorlens.service.store import Store

PERIOD = 24 * 3600
"""Seconds for which a signature stays the same, so that caches know the address again."""
_NAME = "signatures"


@dataclass(frozen=True)
class Signature:
    """What proves that the service gave out an address.

    Attributes:
        expires: the second since 1970 from which on it counts no more.
        text: 43 characters that need no quoting in an address.
    """

    expires: int
    text: str


class Signatures:
    """Signs with a secret of the store (HMAC-SHA-256). All processes of a service share it.

    Example:
        >>> store = Store("service/")
        >>> signatures = Signatures(store)
        >>> signature = signatures.sign("image", "oak", 0, 320)
        >>> signatures.check(signature, "image", "oak", 0, 320)
        True
        >>> signatures.check(signature, "image", "walnut", 0, 320)
        False
        >>> store.close()
    """

    def __init__(self, store: Store) -> None:
        """Reads the secret, which is made where there is none.

        Raises:
            StateError: the store cannot be used.
        """
        with store.writing() as connection:
            # Where another process was faster, its secret counts.
            connection.execute(
                insert(secrets)
                .values(name=_NAME, value=random.token_bytes(32))
                .on_conflict_do_nothing()
            )
            query = select(secrets.c.value).where(secrets.c.name == _NAME)
            self._secret: bytes = connection.execute(query).scalar_one()

    def sign(self, *parts: str | int | None) -> Signature:
        """Returns a signature of some parts that is valid for 24 to 48 hours from now.

        For a whole `PERIOD` it is the same one.
        """
        expires = (int(time.time()) // PERIOD + 2) * PERIOD
        return Signature(expires, self._text(parts, expires))

    def check(self, signature: Signature, *parts: str | int | None) -> bool:
        """Returns whether a signature is one of these parts, and has not expired.

        The time that it takes does not tell how much of a wrong one was right.
        """
        text = self._text(parts, signature.expires)
        same = hmac.compare_digest(text.encode(), signature.text.encode())
        return same and time.time() < signature.expires

    def _text(self, parts: tuple[str | int | None, ...], expires: int) -> str:
        message = json.dumps([*parts, expires]).encode()
        digest = hmac.new(self._secret, message, hashlib.sha256).digest()
        return urlsafe_b64encode(digest).decode().rstrip("=")
