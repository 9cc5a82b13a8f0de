"""What was just made is there for a moment, and for a few."""

from __future__ import annotations

from floorlens.explanation.recent import Recent


def test_the_latest_are_kept_for_a_while() -> None:
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
