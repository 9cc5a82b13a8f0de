"""What was just made is there for a moment, and for a few."""

from __future__ import annotations

from floorlens.recent import Recent, forget_old


def test_the_latest_are_held_for_a_while() -> None:
    now = 0.0
    recent = Recent[str](2, seconds=10, now=lambda: now)
    recent.put("a", "A")
    recent.put("b", "B")
    assert recent.get("a") == "A"
    # The one that was asked for longest ago makes room.
    recent.put("c", "C")
    assert [recent.get(key) for key in "abc"] == ["A", None, "C"]
    now = 11.0
    assert [recent.get(key) for key in "abc"] == [None] * 3
    recent.put("d", "D")
    now = 20.0
    assert recent.get("d") == "D"


def test_what_is_too_old_is_not_held() -> None:
    """Photos are among it: whoever asks for another one, or nobody at all, must not keep it."""
    now = 0.0
    recent, other = (Recent[str](2, seconds=10, now=lambda: now) for _ in range(2))
    for one in (recent, other):
        one.put("a", "A")
    now = 9.0
    # To ask for it does not make it stay.
    assert recent.get("a") == "A"
    now = 11.0
    assert recent.get("b") is None
    assert (len(recent), len(other)) == (0, 1)
    forget_old()
    assert len(other) == 0


def test_so_many_bytes_are_held() -> None:
    recent = Recent[str](9, most_bytes=5, bytes_of=len)
    for key in ("aaa", "bb", "c"):
        recent.put(key, key)
    assert [recent.get(key) for key in ("aaa", "bb", "c")] == [None, "bb", "c"]
    recent.put("long", "longer than that")
    assert len(recent) == 0
