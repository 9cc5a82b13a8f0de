"""What matters more: steps of a slider, from "does not count" to "counts most", as weights.

A step of 0 is the default of each component. The others multiply what it counts by default, so that
a step means the same with every preset and photo.
"""

from __future__ import annotations

from collections.abc import Mapping

FACTORS: Mapping[int, float] = {-2: 0.0, -1: 1 / 3, 0: 1.0, 1: 3.0, 2: 9.0}
"""Step -> what the default weight is multiplied by."""


def weights_of(
    steps: Mapping[str, int], default_weights: Mapping[str, float]
) -> dict[str, float] | None:
    """Returns the weights for `Client.refine` that steps mean; None: as by default.

    Args:
        steps: component -> step, -2..2; one that is left out is at 0.
        default_weights: component -> weight; `SearchPage.default_weights`.

    Raises:
        KeyError: a step is none of `FACTORS`.

    Example:
        >>> weights_of({"colour": 2}, {"colour": 0.2, "texture": 0.8})
        {'colour': 1.8, 'texture': 0.8}
        >>> weights_of({"colour": 0}, {"colour": 0.2, "texture": 0.8}) is None
        True
    """
    if len({steps.get(name, 0) for name in default_weights}) < 2:
        # All alike is the default, also where all are at the left end.
        return None
    return {name: FACTORS[steps.get(name, 0)] * w for name, w in default_weights.items()}


def steps_of(
    weights: Mapping[str, float] | None, default_weights: Mapping[str, float]
) -> dict[str, int]:
    """Returns component -> the step that comes closest to its weight.

    Args:
        weights: what a search asked for; `SearchPage.query.weights`.
        default_weights: as for `weights_of`.

    Example:
        >>> default = {"colour": 0.2, "texture": 0.8}
        >>> steps_of({"colour": 1.8}, default), steps_of(None, default)
        ({'colour': 2, 'texture': 0}, {'colour': 0, 'texture': 0})
    """
    given = {**default_weights, **(weights or {})}
    return {
        name: min(FACTORS, key=lambda step: abs(FACTORS[step] * usual - given[name]))
        for name, usual in default_weights.items()
    }
