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


def numpy_threads() -> set[int]:
    """How many threads numpy's BLAS has; other libraries may have one of their own."""
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return {pool["num_threads"] for pool in pools if "numpy" in pool["filepath"]}


def test_a_search_starts_no_threads_of_blas(serving: Callable[..., TestClient]) -> None:
    """They wait in busy loops, which takes cores from the other requests."""
    assert numpy_threads()
    serving()
    assert numpy_threads() == {1}
