"""Rewards that are the study's own objectives and constraints: normal scores of constrained ranks."""

from __future__ import annotations

import numpy as np

from ..dominance import effective_violations, nondominated
from ..objective import FloatArray
from ..surrogate.hypervolume_gain import boxed
from ..trial import Trials

AUGMENTATION = 0.05
"""Weight of the sum beside the maximum, so that weakly dominated designs lose (Steuer and Choo 1983)."""

BEHIND = 1e4
"""Distance of every infeasible design to the worst feasible one before ranking; feasible costs are below it."""


class Rewards:
    """Rewards of trials under any preference.

    Objectives are scaled to the box of the non-dominated trials; a preference joins them by the augmented Chebyshev
    function; all trials are ranked by it, infeasible ones behind by violation, failed ones last; the reward is the
    normal score of that rank. No unit, scale, outlier or target value has a part in it.

    Args:
        trials: What is ranked; failed trials included.
        epsilon: Violation up to which a trial counts as feasible, see :mod:`~cosearch.search.marl.curriculum`.

    Source: constrained order of Deb et al. 2002, section VI-B; scalarisation: Steuer and Choo 1983, "An interactive
    weighted Tchebycheff procedure for multiple objective programming"; normal scores: Conover 1999, section 5.10.
    """

    def __init__(self, trials: Trials, epsilon: float = 0.0) -> None:
        violations = effective_violations(trials.objectives, trials.violations)
        feasible = violations <= epsilon
        self._behind = np.zeros(len(violations))
        self._behind[~feasible] = BEHIND + np.unique(violations[~feasible], return_inverse=True)[1]
        self._costs: FloatArray = np.zeros(trials.objectives.shape)
        if feasible.any():
            values = trials.objectives[feasible]
            front = values[nondominated(values)]
            low, high = front.min(axis=0), front.max(axis=0)
            # A front that is flat in an objective says nothing about its scale.
            high = np.where(high > low, high, values.max(axis=0))
            self._costs[feasible] = boxed(values, low, high)

    def of(self, preferences: FloatArray) -> FloatArray:
        """Rewards of every trial under each preference, float64 [n_preferences, n_trials], larger is better.

        Args:
            preferences: float64 [n_preferences, n_objectives].
        """
        distinct = preferences[:1] if self._costs.shape[1] == 1 else preferences
        weighted = np.einsum("po,no->pno", distinct, self._costs)
        costs = weighted.max(axis=2) + AUGMENTATION * weighted.sum(axis=2) + self._behind
        return np.repeat(-normal_scores(costs), len(preferences) // len(distinct), axis=0)

    @property
    def worst(self) -> float:
        """Reward below that of any trial: for episodes that ended without a design."""
        return float(normal_scores(np.arange(len(self._behind) + 1.0)[None])[0, 0])


def normal_scores(values: FloatArray) -> FloatArray:
    """Standard normal quantiles of the ranks along the last axis; ties share their mean rank; same shape."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    ranks = rankdata(values, axis=-1)
    return np.asarray(ndtri((ranks - 0.5) / max(values.shape[-1], 1)))
