"""Batches: how much goes into one transaction, the threads that prepare it, and its progress."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

BATCH = 16
"""Products per transaction: a kill loses at most this much work, and none that was reported."""

Progress = Callable[[int, int], None]
"""Called as `progress(done, total)` after each step of a long task: how many, and of how many."""

Item = TypeVar("Item")


def batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Yields items in the lists that go into one transaction.

    Example:
        >>> [len(batch) for batch in batches(range(40))]
        [16, 16, 8]
    """
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


@contextmanager
def workers() -> Iterator[ThreadPoolExecutor]:
    """A pool of as many threads as there are cores, for decoding and models.

    Example:
        >>> with workers() as pool:
        ...     list(pool.map(abs, [-1, 2]))
        [1, 2]
    """
    # Decoding and the models release the interpreter lock, so threads use the cores.
    pool = ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2))
    try:
        yield pool
    finally:
        # On Ctrl-C what has not begun is dropped; what is stored stays.
        pool.shutdown(wait=True, cancel_futures=True)
