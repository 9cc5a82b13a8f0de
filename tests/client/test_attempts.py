"""What is tried again, how often, and what never is."""

from __future__ import annotations

import json

import pytest

from floorlens.client.attempts import Attempts, Patience, Silence
from floorlens.client.calls import Answer


def answer(status: int, code: str = "busy", retry: str | None = "2") -> Answer:
    headers = {} if retry is None else {"retry-after": retry}
    body = {"code": code, "detail": "x", "request_id": "y", "errors": []}
    return Answer(status, headers, json.dumps(body).encode(), "http://x")


class Clock:
    """A clock that stands until it is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def attempts(repeatable: bool = True, **patience: float) -> Attempts:
    return Attempts(Patience(**patience), repeatable=repeatable, clock=Clock())  # type: ignore[arg-type]


def test_a_busy_service_is_asked_again_when_it_says() -> None:
    wait = attempts().after(answer(503))
    assert wait is not None
    assert 2 <= wait <= 2.6
    assert attempts().after(answer(429, "rate-exceeded")) is not None


@pytest.mark.parametrize(
    "given", [answer(503, retry=None), answer(500), answer(422), answer(503, retry="soon")]
)
def test_other_answers_are_final(given: Answer) -> None:
    assert attempts().after(given) is None


def test_what_may_have_been_done_is_not_done_twice() -> None:
    """A service that is too late may have begun; one that is busy has not."""
    assert attempts(repeatable=False).after(answer(503, "deadline")) is None
    assert attempts(repeatable=False).after(answer(503, "busy")) is not None
    assert attempts(repeatable=False).after_silence(Silence.CUT_OFF) is None
    assert attempts(repeatable=False).after_silence(Silence.NOT_SENT) is not None
    assert attempts().after_silence(Silence.CUT_OFF) is not None


@pytest.mark.parametrize("silence", [Silence.TOO_SLOW, Silence.IMPOSSIBLE])
def test_these_silences_are_final(silence: Silence) -> None:
    assert attempts().after_silence(silence) is None


def test_it_ends_after_so_many() -> None:
    several = attempts(retries=3)
    waits = [several.after_silence(Silence.NOT_SENT) for _ in range(4)]
    assert waits[3] is None
    seconds = [wait for wait in waits if wait is not None]
    assert seconds == sorted(seconds)
    assert len(seconds) == 3


def test_it_ends_before_the_deadline() -> None:
    clock = Clock()
    late = Attempts(Patience(deadline=10), repeatable=True, clock=clock)
    assert late.after(answer(503, retry="30")) is None
    assert late.after(answer(503, retry="1")) is not None
    clock.now += 9.5
    assert late.after(answer(503, retry="1")) is None
