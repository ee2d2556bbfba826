"""Rewards: a study's objectives and constraints as one number per design, the higher the better."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ...spaces.errors import StrategyError
from ..marl.rewards import AUGMENTATION
from ..objective import FloatArray, Problem

Scalarization = Literal["chebyshev", "linear"]
Scaling = Literal["reference", "running"]

FEASIBLE_FLOOR = -2.0
"""Every feasible design earns at least this, every other one less."""

FAILED = -3.0
"""What a design gets whose evaluation failed, and an episode that led to no design."""

BEND = 0.1
"""Scaled objectives below this are bent into 0 .. :data:`BEND`, in order."""

SPREAD = 4.0
"""Standard deviations of an objective that count as its range when it is scaled by what was seen."""


class Reward:
    """Scalar rewards that order designs as a study does.

    Objectives are minimised and brought to a scale on which 1 is poor and 0 is good, then weighted by preferences:
    the reward is minus the largest weighted one and a little of their sum (``chebyshev``: Steuer and Choo 1983, "An
    interactive weighted Tchebycheff procedure for multiple objective programming", augmented; every point of the front
    is best for some preference) or minus their weighted sum (``linear``). It is never a distance to a wanted value: a
    better design earns more, also one that is better than 0 on the scale, where :func:`above_zero` keeps the order.
    What is worse than 1 on the scale is squashed into 1..2, in order, so that no feasible design earns less than
    :data:`FEASIBLE_FLOOR`. A design that violates constraints earns the floor minus ``v / (1 + v)``,
    where ``v`` is its violation as shares of the bounds.

    Args:
        problem: Objectives and constraints.
        scalarization: ``chebyshev`` or ``linear``.
        scaling: ``reference``: 1 is an objective's reference value, 0 an improvement on it by its own magnitude (zero,
            for what is minimised); ``running``: 0..1 are two standard deviations either side of the mean of what was
            observed, so the same design may earn another reward later. None takes references where all are given.

    Raises:
        StrategyError: When a name is unknown, or ``reference`` is asked for and an objective has none.
    """

    def __init__(
        self, problem: Problem, *, scalarization: Scalarization = "chebyshev", scaling: Scaling | None = None
    ) -> None:
        if scalarization not in ("chebyshev", "linear"):
            raise StrategyError(f"scalarization {scalarization!r} is unknown", "use 'chebyshev' or 'linear'")
        if scaling not in (None, "reference", "running"):
            raise StrategyError(f"scaling {scaling!r} is unknown", "use 'reference' or 'running'")
        references = problem.references
        known = bool(np.isfinite(references).all())
        if scaling == "reference" and not known:
            missing = [o.metric for o in problem.objectives if o.reference is None]
            raise StrategyError(f"no reference for {', '.join(missing)}", "give the objectives one, or scale 'running'")
        self.scalarization = scalarization
        self.scaling: Scaling = scaling or ("reference" if known else "running")
        self._references = references
        self.reset()

    def reset(self) -> None:
        """Forget what was observed."""
        m = len(self._references)
        self._n, self._mean, self._squares = 0, np.zeros(m), np.zeros(m)

    def observe(self, objectives: FloatArray) -> None:
        """Take designs into account in the scale ``running``, by the update of Chan et al. (1979).

        Args:
            objectives: float64 [n, n_objectives], minimised; rows that are not finite are left out.
        """
        fresh = objectives[np.isfinite(objectives).all(axis=1)]
        if not len(fresh):
            return
        total = self._n + len(fresh)
        mean = fresh.mean(axis=0)
        shift = mean - self._mean
        self._squares += ((fresh - mean) ** 2).sum(axis=0) + shift**2 * self._n * len(fresh) / total
        self._mean += shift * len(fresh) / total
        self._n = total

    def scaled(self, objectives: FloatArray) -> FloatArray:
        """Objectives on the scale of rewards, float64 [n, n_objectives], always under 2; inf becomes 2.

        Args:
            objectives: float64 [n, n_objectives], minimised, inf where failed.
        """
        if self.scaling == "reference":
            magnitude = np.abs(self._references)
            scaled = 1.0 + (objectives - self._references) / np.where(magnitude > 0, magnitude, 1.0)
        else:
            spread = np.sqrt(self._squares / max(self._n, 1))
            scaled = 0.5 + (objectives - self._mean) / np.where(spread > 0, SPREAD * spread, 1.0)
        return np.asarray(np.where(scaled > 1.0, 2.0 - 1.0 / np.maximum(scaled, 1.0), scaled))

    def __call__(self, objectives: FloatArray, violations: FloatArray, preferences: FloatArray) -> FloatArray:
        """Rewards of a batch.

        Args:
            objectives: float64 [n, n_objectives], minimised, inf where failed.
            violations: float64 [n]; 0 is feasible, inf is failed.
            preferences: float64 [n, n_objectives], not negative, each row summing to 1.

        Returns:
            float64 [n].
        """
        scaled = self.scaled(objectives)
        if self.scalarization == "chebyshev":
            weighted = preferences * above_zero(scaled)
            cost = (weighted.max(axis=1) + AUGMENTATION * weighted.sum(axis=1)) / (1.0 + AUGMENTATION)
        else:
            cost = (preferences * scaled).sum(axis=1)
        return np.where(violations == 0.0, np.maximum(-cost, FEASIBLE_FLOOR), infeasible(violations))


def above_zero(scaled: FloatArray) -> FloatArray:
    """Scaled objectives as positive numbers in the same order, unchanged from :data:`BEND` on; same shape.

    A negative term would lose against any other one, so that a maximum could not tell good designs apart. Below the
    bend the numbers fall like a hyperbola with the same slope there, which is nowhere flat.

    Args:
        scaled: Any shape, see :meth:`Reward.scaled`.
    """
    return np.where(scaled < BEND, BEND**2 / (2.0 * BEND - np.minimum(scaled, BEND)), scaled)


def infeasible(violations: FloatArray) -> FloatArray:
    """Rewards of designs that violate constraints, float64 [n]: from the floor down to :data:`FAILED` at inf.

    Args:
        violations: float64 [n], not negative.
    """
    share = np.ones(len(violations))
    finite = np.isfinite(violations)
    share[finite] = violations[finite] / (1.0 + violations[finite])
    return FEASIBLE_FLOOR - (FEASIBLE_FLOOR - FAILED) * share


def draw_preference(rng: np.random.Generator, n_objectives: int) -> FloatArray:
    """A preference uniform over all that sum to 1 (Dirichlet with all parameters 1), float64 [n_objectives]."""
    return np.ones(1) if n_objectives == 1 else rng.dirichlet(np.ones(n_objectives))
