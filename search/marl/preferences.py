"""Preferences between objectives: evenly spread weights, one vector per trial."""

from __future__ import annotations

import numpy as np

from ...spaces.errors import StrategyError
from ..objective import FloatArray


def preferences(ids: np.ndarray, n_objectives: int) -> FloatArray:
    """Weights of trials, a quasi-random sequence that covers the simplex evenly however many are taken.

    Args:
        ids: int64 [n], trial numbers.
        n_objectives: At least 1.

    Returns:
        float64 [n, n_objectives], rows non-negative with sum 1.

    Source: the additive recurrence with the generalised golden ratio (Roberts 2018, "The unreasonable effectiveness of
    quasirandom sequences"); the spacings of sorted uniform numbers are uniform on the simplex (Devroye 1986,
    "Non-uniform random variate generation", theorem V.2.1). Weights as an input of the policy: Yang, Sun and Narasimhan
    2019, "A generalized algorithm for multi-objective reinforcement learning and policy adaptation".
    """
    n_free = n_objectives - 1
    if not n_free:
        return np.ones((len(ids), 1))
    steps = _golden(n_free) ** -np.arange(1.0, n_free + 1.0)
    place = np.sort((0.5 + np.asarray(ids, float)[:, None] * steps) % 1.0, axis=1)
    ends = np.zeros((len(ids), 1))
    return np.diff(np.concatenate([ends, place, ends + 1.0], axis=1), axis=1)


def check_preference(preference: object, n_objectives: int) -> FloatArray:
    """A preference as float64 [n_objectives] that sums to 1.

    Raises:
        StrategyError: When it is not numbers, or its length, sign or sum is wrong.
    """
    try:
        weights = np.asarray(preference, dtype=np.float64)
    except (TypeError, ValueError):
        weights = np.empty(0)
    if weights.shape != (n_objectives,) or not (weights >= 0).all() or not 0 < weights.sum() < np.inf:
        raise StrategyError(
            f"preference {preference!r} does not suit {n_objectives} objectives",
            "give one weight per objective, not negative and not all 0",
        )
    return np.asarray(weights / weights.sum())


def _golden(dimension: int) -> float:
    """The root above 1 of x^(d+1) = x + 1."""
    x = 2.0
    for _ in range(50):
        x = (1.0 + x) ** (1.0 / (dimension + 1.0))
    return x
