"""Relevance feedback: a query that moves towards products that are liked, away from others.

Method: Rocchio's, with the usual weights (C. D. Manning, P. Raghavan, H. Schütze, Introduction to
Information Retrieval, 2008, section 9.1.1).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LIKE, UNLIKE = 0.75, 0.15
"""How much the products that are liked, and those that are not, count beside the query's 1."""


def moved(
    query: NDArray[np.float32],
    like: Sequence[NDArray[np.float32]],
    unlike: Sequence[NDArray[np.float32]],
) -> NDArray[np.float32]:
    """Returns the query plus the mean of the liked, less that of the others: a unit vector (d,).

    Args:
        query: unit vector (d,).
        like, unlike: unit vectors (d,) of products; both may be empty.

    Example:
        >>> east, north = np.eye(2, dtype=np.float32)
        >>> moved(east, [north], []).astype(float).round(2).tolist()
        [0.8, 0.6]
        >>> moved(east, [], []) is east
        True
    """
    if not like and not unlike:
        return query
    vector = query.astype(np.float64)
    if like:
        vector += LIKE * np.mean(like, axis=0)
    if unlike:
        vector -= UNLIKE * np.mean(unlike, axis=0)
    # Never 0: the query counts more than what is taken away from it.
    return np.asarray(vector / np.linalg.norm(vector), np.float32)
