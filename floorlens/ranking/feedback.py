"""Relevance feedback in the scores: two more components, with weights of their own.

`like` is how alike a product is to those that are liked, `unlike` how far it is from those that are
not: 1 less its likeness to them. A score stays what it is, a mean by weight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from floorlens.reranking import Comparison, Reranker
from floorlens.retrieval.feedback import LIKE, UNLIKE


@dataclass(frozen=True)
class Feedback:
    """The signatures of products that are liked, and of those that are not."""

    like: tuple[bytes, ...] = ()
    unlike: tuple[bytes, ...] = ()


NOTHING = Feedback()


def feedback_weights(weights: Mapping[str, float], *, like: bool, unlike: bool) -> dict[str, float]:
    """Returns the weights of all components, as they are by default.

    Args:
        weights: of the components of the floor itself, which count 1 together: the liked products
            then count `LIKE`, the others `UNLIKE`.
        like, unlike: whether there are such products.

    Example:
        >>> feedback_weights({"colour": 1.0, "texture": 1.0}, like=True, unlike=False)
        {'colour': 1.0, 'texture': 1.0, 'like': 1.5}
    """
    total = sum(weights.values())
    added = {"like": LIKE * total} if like else {}
    return {**weights, **added, **({"unlike": UNLIKE * total} if unlike else {})}


def with_feedback(
    comparison: Comparison, feedback: Feedback, reranker: Reranker, candidates: Sequence[bytes]
) -> Comparison:
    """Returns a comparison with the components that feedback adds to it.

    Args:
        comparison: of the floor with the candidates.
        feedback: the products that are liked, and those that are not.
        reranker: which compares them with the candidates.
        candidates: signatures, in the order of the comparison.

    Example:
        >>> from floorlens.testing import fake_stages
        >>> reranker = fake_stages().reranker
        >>> grey, white = (np.array([tone, 0, 0], "<f4").tobytes() for tone in (50, 100))
        >>> comparison = with_feedback(
        ...     reranker.compare(grey, [grey, white]), Feedback((white,)), reranker, [grey, white]
        ... )
        >>> comparison.components["like"].astype(float).round(2).tolist()
        [0.59, 1.0]
    """
    if feedback == NOTHING:
        return comparison

    def likeness(signatures: Sequence[bytes]) -> NDArray[np.float32]:
        rows = [_likeness(reranker, one, candidates) for one in signatures]
        return np.asarray(np.clip(np.mean(rows, axis=0), 0, 1), np.float32)

    components = dict(comparison.components)
    if feedback.like:
        components["like"] = likeness(feedback.like)
    if feedback.unlike:
        components["unlike"] = 1 - likeness(feedback.unlike)
    return replace(comparison, components=components)


def _likeness(
    reranker: Reranker, signature: bytes, candidates: Sequence[bytes]
) -> NDArray[np.float64]:
    """Returns (n,) the mean of the components by default weights, for one product."""
    comparison = reranker.compare(signature, candidates)
    weights = {
        name: weight * comparison.emphasis.get(name, 1.0)
        for name, weight in reranker.weights.items()
    }
    total = sum(weights.values())
    parts = (w / total * np.float64(comparison.components[name]) for name, w in weights.items())
    return np.asarray(sum(parts), np.float64)
