"""Constraints that tighten as a search goes on."""

from __future__ import annotations

import numpy as np

from ..objective import FloatArray

START = 0.2
"""Quantile of the violations told that counts as feasible at first; theta of the source is 0.2 of the population."""

POWER = 5.0
"""Exponent of the decrease; the source uses 2 to 10."""


def epsilon(violations: FloatArray, n_trials: int, length: int) -> float:
    """Violation up to which a trial counts as feasible after ``n_trials``; 0 from ``length`` trials on.

    Args:
        violations: float64 [n_trials], effective violations of all trials; inf is failed.
        n_trials: Trials so far.
        length: Trials until the true constraints hold.

    Source: Takahama and Sakai 2006, "Constrained optimization by the epsilon constrained differential evolution with
    gradient-based mutation and feasible elites", equation 10. Here the quantile is that of all trials told, because a
    search starts without a population.
    """
    finite = violations[np.isfinite(violations)]
    if n_trials >= length or not len(finite):
        return 0.0
    return float(np.quantile(finite, START) * (1.0 - n_trials / length) ** POWER)
