"""What errors say of an engine's address."""

from __future__ import annotations

import pytest

from floorlens.engines import Engine
from floorlens.engines.opening import hide_secrets


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://root:S3cret@host:19530", "http://***@host:19530"),
        ("http://S3cret@host", "http://***@host"),
        ("s3://u:S3@cret@bucket/x", "s3://u:***@bucket/x"),
        ("https://host/?api_key=S3cret&x=1", "https://host/?api_key=***&x=1"),
        ("/srv/lance", "/srv/lance"),
        (None, ""),
    ],
)
def test_logins_are_never_shown(url: str | None, text: str) -> None:
    assert hide_secrets(url) == text
    assert "S3" not in repr(Engine("milvus", url=url, api_key="S3cret"))
