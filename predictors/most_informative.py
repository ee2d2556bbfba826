"""Designs that tell most about a linear model: greedy D-optimal design."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .prediction import FloatArray


def most_informative(candidates: FloatArray, known: FloatArray, k: int, noise: float) -> NDArray[np.int64]:
    """Choose rows one after the other, each of the largest variance that is left.

    Args:
        candidates: Features under a standard normal prior on their weights, float64 [n, p].
        known: Rows that were measured already, float64 [m, p].
        k: How many to choose, at most ``n``.
        noise: Variance of a measurement.

    Returns:
        Different rows of ``candidates``, int64 [k].

    Source: Fedorov 1972, "Theory of Optimal Experiments", chapter 3; by greedy choice it is the sensor placement of
    Krause, Singh and Guestrin (JMLR 9, 2008, section 3.1), a pivoted Cholesky decomposition.
    """
    every = np.concatenate([candidates, known])
    variance = (every**2).sum(axis=1)
    factor = np.empty((len(every), 0))
    chosen: list[int] = []
    for step in range(len(known) + k):
        # What is known comes first, whatever it tells.
        row = len(candidates) + step if step < len(known) else int(np.argmax(variance[: len(candidates)]))
        shared = every @ every[row] - factor @ factor[row]
        column = shared / np.sqrt(max(shared[row], 0.0) + noise)
        factor = np.column_stack([factor, column])
        variance = np.maximum(variance - column**2, 0.0)
        if row < len(candidates):
            chosen.append(row)
        variance[chosen] = -1.0
    return np.array(chosen, np.int64)
