"""Several objectives as scalar costs: weight vectors, their neighbourhoods, and the cost functions of MOEA/D."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from .dominance import IntArray
from .emo.reference_directions import reference_directions
from .objective import FloatArray

LEAST_WEIGHT = 1e-6
"""Stands for weights of 0, so that at the ends of the front no objective is ignored."""

PENALTY = 5.0
"""Theta of the penalty-based boundary intersection (Zhang and Li 2007, section V-D)."""

Decomposition = Callable[[FloatArray, FloatArray], FloatArray]
"""Objectives and weights [..., n_objectives] to costs [...]; scaled so that the ideal point is 0."""


def tchebycheff(scaled: FloatArray, weights: FloatArray) -> FloatArray:
    """Largest weighted distance from the ideal point (Zhang and Li 2007, equation 3).

    Args:
        scaled: float64 [..., n_objectives], minimised, ideal point 0.
        weights: float64 [..., n_objectives], not negative; broadcast with ``scaled``.

    Returns:
        float64 [...].
    """
    return np.asarray((np.maximum(weights, LEAST_WEIGHT) * np.abs(scaled)).max(axis=-1))


def boundary_intersection(scaled: FloatArray, weights: FloatArray) -> FloatArray:
    """Distance along the weight vector plus ``PENALTY`` times the distance from it (Zhang and Li 2007, section III-C).

    Args:
        scaled: float64 [..., n_objectives], minimised, ideal point 0.
        weights: float64 [..., n_objectives], none 0 in all; broadcast with ``scaled``.

    Returns:
        float64 [...].
    """
    directions = weights / np.linalg.norm(weights, axis=-1, keepdims=True)
    along = (scaled * directions).sum(axis=-1)
    beside = np.linalg.norm(scaled - along[..., None] * directions, axis=-1)
    return np.asarray(np.abs(along) + PENALTY * beside)


DECOMPOSITIONS: Mapping[str, Decomposition] = {"tchebycheff": tchebycheff, "pbi": boundary_intersection}
"""Name to function."""


def weight_vectors(n_objectives: int, n: int) -> FloatArray:
    """Evenly spread weights, float64 [m, n_objectives]; at most ``n`` (and one per objective at least).

    For one objective they are ``n`` equal ones, so that neighbourhoods still keep some variety apart.
    """
    return np.ones((n, 1)) if n_objectives == 1 else reference_directions(n_objectives, n)


def nearest(weights: FloatArray, n: int) -> IntArray:
    """The ``n`` nearest weight vectors of every one, itself first; of equally near ones the next in line.

    Args:
        weights: float64 [m, n_objectives].
        n: Size of a neighbourhood.

    Returns:
        int64 [m, min(n, m)].
    """
    line = np.arange(len(weights))
    near = np.empty((len(weights), min(n, len(weights))), np.int64)
    for row, weight in enumerate(weights):
        # Rounded, so that equal distances are equal.
        distance = np.round(((weights - weight) ** 2).sum(axis=1), 12)
        near[row] = np.lexsort((np.abs(line - row), distance))[: near.shape[1]]
    return near


def violation_first(costs: FloatArray, violations: FloatArray) -> FloatArray:
    """Costs in which feasible trials come first, infeasible ones by violation, and failed ones cost inf.

    Args:
        costs: float64 [...], finite where feasible.
        violations: float64 [...]; 0 is feasible, inf is failed.

    Returns:
        float64 [...].
    """
    feasible = violations == 0.0
    levels = np.unique(violations, return_inverse=True)[1].reshape(violations.shape)
    behind = costs[feasible].max(initial=0.0) + levels
    return np.where(feasible, costs, np.where(np.isfinite(violations), behind, np.inf))
