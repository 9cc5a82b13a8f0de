"""The application as a whole: what it does to its process while it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")

from threadpoolctl import threadpool_info

if TYPE_CHECKING:
    from starlette.testclient import TestClient

pytestmark = pytest.mark.slow


def blas_threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_a_search_starts_no_threads_of_blas(serving: Callable[..., TestClient]) -> None:
    """They wait in busy loops, which takes cores from the other requests."""
    assert blas_threads()
    serving()
    assert blas_threads() == {1}
