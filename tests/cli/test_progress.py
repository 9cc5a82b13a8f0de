"""Progress: how long the rest takes, and a log that is not flooded."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from types import SimpleNamespace

import pytest

from floorlens.adaptation.adapt import LIMIT
from floorlens.cli import progress
from floorlens.cli.progress import Pace, duration, index_bars, progress_bar

Tick = Callable[[float], None]


@pytest.fixture
def tick(monkeypatch: pytest.MonkeyPatch) -> Tick:
    """A clock that stands still until it is moved on, by so many seconds."""
    now = 1000.0

    def move(seconds: float) -> None:
        nonlocal now
        now += seconds

    # Not the clock of the process: the loops of servers in other threads go by it.
    monkeypatch.setattr("floorlens.cli.progress.time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return move


def test_the_time_left_is_that_of_what_was_done_in_this_run() -> None:
    """600 of 1,000 were there before: they took no time."""
    pace = Pace()
    assert pace.seconds_left(600, 1000, 50.0) is None
    assert pace.seconds_left(700, 1000, 90.0) == pytest.approx(120)
    assert pace.seconds_left(1000, 1000, 210.0) == 0


def test_lengths_of_time_are_said_in_one_or_two_units() -> None:
    assert [duration(seconds) for seconds in (0.2, 42, 89, 91, 5340, 5401, 9000)] == [
        *("1 s", "42 s", "89 s", "2 min", "89 min"),
        *("1 h 30 min", "2 h 30 min"),
    ]


def test_a_short_task_leaves_nothing_in_a_log(
    tick: Tick, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress_bar("Indexing") as move:
        for number in range(1, 90):
            tick(0.1)
            move(number, 89)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("total", "pause"), [(1000, 0.5), (20_000, 0.5)])
def test_a_long_task_leaves_few_lines(
    tick: Tick, capsys: pytest.CaptureFixture[str], total: int, pause: float
) -> None:
    with progress_bar("Adapting") as move:
        for number in range(1, total + 1):
            tick(pause)
            move(number, total)
    lines = capsys.readouterr().err.splitlines()
    assert 10 <= len(lines) <= 25
    assert lines[0] == f"Adapting: 21 of {total:,}, about {duration((total - 21) * pause)} left"


def test_the_time_of_the_adaptation_that_follows_is_said_from_the_beginning(
    tick: Tick, capsys: pytest.CaptureFixture[str]
) -> None:
    for adapt_from in (0, 64, 4000):
        with index_bars(adapt_from) as (move, _):
            for number in range(1, 60):
                tick(0.5)
                move(number, 3000, None)  # type: ignore[arg-type]
        line = capsys.readouterr().err.splitlines()[0]
        seconds = progress.SIMULATING * 0.5 * LIMIT
        assert line.endswith(f"left, then {duration(seconds)} to adapt") == (adapt_from == 64)


def test_a_terminal_shows_bars(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    clock = SimpleNamespace(monotonic=map(float, count(0, 10)).__next__)
    monkeypatch.setattr("floorlens.cli.progress.time", clock)
    with index_bars(64) as (move, move_adaptation):
        for number in range(1, 11):
            move(number, 600, None)  # type: ignore[arg-type]
        move_adaptation(1, 3600)
    shown = capsys.readouterr().err
    assert "Indexing" in shown
    assert "Adapting" in shown
    assert "left, then" in shown
