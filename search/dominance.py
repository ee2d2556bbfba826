"""Constrained domination and the orders built on it, for whole arrays of NumPy or PyTorch."""

from __future__ import annotations

import moocore
import numpy as np
from numpy.typing import NDArray

from .emo.array_namespace import Array, lexsort, namespace
from .emo.crowding import crowding_distance
from .emo.nondominated_sorting import nondominated_ranks
from .objective import FloatArray

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def effective_violations(objectives: Array, violations: Array) -> Array:
    """Violations in which a row without finite objectives counts as failed.

    Args:
        objectives: float64 [n, n_objectives], minimised.
        violations: float64 [n]; 0 is feasible.

    Returns:
        float64 [n]; inf where an objective or the violation is not finite.
    """
    xp = namespace(objectives)
    usable = xp.all(xp.isfinite(objectives), axis=1) & xp.isfinite(violations)
    return xp.where(usable, violations, xp.inf)


def constrained_dominates(
    objectives: FloatArray, violations: FloatArray, others: FloatArray, other_violations: FloatArray
) -> BoolArray:
    """Whether rows dominate other rows under constraints (Deb et al. 2002, section VI-B).

    A row dominates another when only the first is feasible, when both are infeasible and the first violates less, or
    when both are feasible and the first is nowhere worse and somewhere better.

    Args:
        objectives: float64 [n, n_objectives], minimised.
        violations: float64 [n]; 0 is feasible, inf is failed.
        others: float64 [m, n_objectives].
        other_violations: float64 [m].

    Returns:
        bool [n, m].
    """
    v = effective_violations(objectives, violations)[:, None]
    w = effective_violations(others, other_violations)[None, :]
    no_worse, better = np.ones((len(v), w.shape[1]), dtype=bool), np.zeros((len(v), w.shape[1]), dtype=bool)
    for a, b in zip(objectives.T, others.T, strict=True):
        no_worse &= a[:, None] <= b
        better |= a[:, None] < b
    both_feasible = (v == 0) & (w == 0)
    return np.asarray(np.where(both_feasible, no_worse & better, v < w))


def nondominated(objectives: FloatArray) -> BoolArray:
    """Which rows no other row dominates; of equal rows only the first counts, bool [n].

    Args:
        objectives: float64 [n, n_objectives], minimised, finite.

    Source: moocore (Lopez-Ibanez et al.), sorting after Kung, Luccio and Preparata 1975.
    """
    if not len(objectives):
        return np.zeros(0, dtype=bool)
    if objectives.shape[1] == 1:
        return np.asarray(np.arange(len(objectives)) == objectives[:, 0].argmin())
    return np.asarray(moocore.is_nondominated(objectives), dtype=bool)


def constrained_ranks(objectives: Array, violations: Array) -> Array:
    """Front number of every row under constrained domination, int64 [n]; 0 is non-dominated.

    Feasible rows come first, in non-dominated fronts; then infeasible ones, one front per distinct violation; failed
    rows share the last front.

    Args:
        objectives: float64 [n, n_objectives], minimised.
        violations: float64 [n]; 0 is feasible, inf is failed.

    Source: Deb et al. 2002, "A fast and elitist multiobjective genetic algorithm: NSGA-II", sections III-A and VI-B.
    """
    xp = namespace(objectives)
    v = effective_violations(objectives, violations)
    feasible = v == 0.0
    if bool(xp.all(feasible)):
        return nondominated_ranks(objectives)
    ranks = xp.zeros(len(v), dtype=xp.int64, device=objectives.device)
    first_infeasible = 0
    if bool(xp.any(feasible)):
        ranks[feasible] = nondominated_ranks(objectives[feasible])
        first_infeasible = int(xp.max(ranks[feasible])) + 1
    ranks[~feasible] = first_infeasible + xp.unique_inverse(v[~feasible]).inverse_indices
    return ranks


def preference_order(objectives: Array, violations: Array) -> Array:
    """Rows from best to worst by the crowded comparison, int64 [n].

    Lower front first, then larger crowding distance (Deb et al. 2002, section III-C); of rows equal in both, the later
    one first, which lets a search drift over plateaus. The first ``k`` rows are what NSGA-II's survival keeps out of
    all, and the smallest of a few random positions wins a tournament.

    Args:
        objectives: float64 [n, n_objectives], minimised.
        violations: float64 [n]; 0 is feasible, inf is failed.
    """
    ranks = constrained_ranks(objectives, violations)
    crowding = crowding_distance(objectives, ranks)
    age = -namespace(ranks).arange(len(ranks), device=ranks.device)
    return lexsort((age, -crowding, ranks))
