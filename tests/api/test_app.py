"""The application as a whole: what it does to its process while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Thread
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("fastapi", reason="needs the extra api")

from threadpoolctl import threadpool_info, threadpool_limits

if TYPE_CHECKING:
    from starlette.testclient import TestClient

pytestmark = pytest.mark.slow


def numpy_threads() -> set[int]:
    """How many threads numpy's BLAS has; other libraries may have one of their own."""
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    return {pool["num_threads"] for pool in pools if "numpy" in pool["filepath"]}


def set_threads(count: int) -> None:
    """From a thread that ends: another one could not change it before."""
    thread = Thread(target=threadpool_limits, args=(count, "blas"))
    thread.start()
    thread.join()


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Numpy has two threads, whatever the cores and the environment."""
    (before,) = numpy_threads()
    set_threads(2)
    yield
    set_threads(before)


def test_a_search_starts_no_threads_of_blas(
    two_threads: None, serving: Callable[..., TestClient]
) -> None:
    """They wait in busy loops, which takes cores from the other requests."""
    assert numpy_threads() == {2}
    serving()
    assert numpy_threads() == {1}
