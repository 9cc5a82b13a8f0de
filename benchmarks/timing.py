"""Measures functions in turn, and the memory that a process has used."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Returns the seconds that the work takes, and its result."""
    # Both libraries' threads spin for a while after their work and would slow down the next one.
    time.sleep(0.3)
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def alternate(
    works: Mapping[str, Callable[[int], Any]],
    runs: int,
    before: Mapping[str, Callable[[], Any]] | None = None,
) -> tuple[dict[str, list[float]], dict[str, list[Any]]]:
    """Returns the seconds of the runs of each work, and their results.

    Args:
        works: name -> function, called with the number of its run.
        runs: how many rounds; a round is one run of each.
        before: name -> function to call before that work, outside the measurement.
    """
    seconds: dict[str, list[float]] = defaultdict(list)
    results: dict[str, list[Any]] = defaultdict(list)
    for run in range(runs):
        # Every other round backwards, so that no one always follows the same neighbour.
        for name in list(works)[:: 1 if run % 2 else -1]:
            if before and name in before:
                before[name]()
            elapsed, result = timed(partial(works[name], run))
            seconds[name].append(elapsed)
            results[name].append(result)
    return seconds, results


def median_row(label: str, values: list[float], ratio: float | None, aim: float | None) -> str:
    """Returns a line of a table under `HEAD`: median, quartiles, a ratio and the aim for it."""
    low, median, high = statistics.quantiles(values, n=4)
    ratio_text = "" if ratio is None else f"{ratio:.2f}x"
    aim_text = "" if aim is None else f"{aim:g}x"
    return f"{label:36}{median:9.3f}{f'{low:.3f} - {high:.3f}':>18}{ratio_text:>9}{aim_text:>6}"


HEAD = f"{'':36}{'median':>9}{'quartiles':>18}{'ratio':>9}{'aim':>6}"


def peak_megabytes(whose: int = resource.RUSAGE_SELF) -> float:
    """Returns the largest resident size so far, in megabytes.

    Of this process, or with `resource.RUSAGE_CHILDREN` of the largest one that it waited for.
    """
    # Linux counts in kilobytes, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(whose).ru_maxrss * unit / 1e6
