"""Steps of the sliders, as weights and back."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from floorlens.client.emphasis import FACTORS, steps_of, weights_of

COMPONENTS = ("colour", "texture", "pattern")
shares = st.fixed_dictionaries({name: st.floats(0.01, 1) for name in COMPONENTS})
steps = st.fixed_dictionaries({name: st.sampled_from(sorted(FACTORS)) for name in COMPONENTS})


@settings(deadline=None, derandomize=True)
@given(steps=steps, default_weights=shares)
def test_a_slider_stands_where_it_was_put(
    steps: dict[str, int], default_weights: dict[str, float]
) -> None:
    weights = weights_of(steps, default_weights)
    if len(set(steps.values())) > 1:
        assert weights is not None and sum(weights.values()) > 0
        assert steps_of(weights, default_weights) == steps
    else:
        assert weights is None
        assert set(steps_of(None, default_weights).values()) == {0}


@settings(deadline=None, derandomize=True)
@given(default_weights=shares)
def test_further_right_counts_more(default_weights: dict[str, float]) -> None:
    counts = [
        weights_of({"colour": step, "texture": 0}, default_weights) for step in (-2, -1, 1, 2)
    ]
    values = [one["colour"] for one in counts if one is not None]
    assert values == sorted(values)
    assert values[0] == 0 < values[1] < default_weights["colour"] < values[2] < values[3]


def test_weights_of_somebody_else_show_the_nearest_step() -> None:
    """Such as those of a search that an API made."""
    default = {"colour": 0.2, "texture": 0.8}
    assert steps_of({"colour": 1.0}, default) == {"colour": 1, "texture": 0}
    assert steps_of({"like": 2.0}, default) == {"colour": 0, "texture": 0}
