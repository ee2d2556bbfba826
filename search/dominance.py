"""Constrained domination, non-dominated ranks and crowding distances, for whole arrays."""

from __future__ import annotations

import moocore
import numpy as np
from numpy.typing import NDArray

from .objective import FloatArray

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def effective_violations(objectives: FloatArray, violations: FloatArray) -> FloatArray:
    """Violations in which a row without finite objectives counts as failed.

    Args:
        objectives: float64 [n, n_objectives], minimised.
        violations: float64 [n]; 0 is feasible.

    Returns:
        float64 [n]; inf where an objective or the violation is not finite.
    """
    usable = np.isfinite(objectives).all(axis=1) & np.isfinite(violations)
    return np.where(usable, violations, np.inf)


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
    no_worse = (objectives[:, None, :] <= others[None, :, :]).all(axis=2)
    better = (objectives[:, None, :] < others[None, :, :]).any(axis=2)
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


def constrained_ranks(objectives: FloatArray, violations: FloatArray) -> IntArray:
    """Front number of every row under constrained domination, int64 [n]; 0 is non-dominated.

    Feasible rows come first, in non-dominated fronts; then infeasible ones, one front per distinct violation; failed
    rows share the last front.

    Args:
        objectives: float64 [n, n_objectives], minimised.
        violations: float64 [n]; 0 is feasible, inf is failed.

    Source: Deb et al. 2002, "A fast and elitist multiobjective genetic algorithm: NSGA-II", sections III-A and VI-B.
    """
    v = effective_violations(objectives, violations)
    feasible = v == 0.0
    ranks = np.zeros(len(v), dtype=np.int64)
    if feasible.all():
        return _feasible_ranks(objectives)
    first_infeasible = 0
    if feasible.any():
        ranks[feasible] = _feasible_ranks(objectives[feasible])
        first_infeasible = int(ranks[feasible].max()) + 1
    ranks[~feasible] = first_infeasible + np.unique(v[~feasible], return_inverse=True)[1]
    return ranks


def _feasible_ranks(objectives: FloatArray) -> IntArray:
    if not len(objectives):
        return np.zeros(0, dtype=np.int64)
    if objectives.shape[1] == 1:
        return np.asarray(np.unique(objectives[:, 0], return_inverse=True)[1], dtype=np.int64)
    return np.asarray(moocore.pareto_rank(objectives), dtype=np.int64)


def crowding_distance(objectives: FloatArray, ranks: IntArray) -> FloatArray:
    """Crowding distance of every row within its front, float64 [n].

    The ends of a front get inf in every objective that varies in it; an objective that is constant in a front counts
    nothing, so equal rows get 0. A front of one row gets inf. Rows without finite objectives get 0.

    Args:
        objectives: float64 [n, n_objectives], minimised.
        ranks: int64 [n], front numbers.

    Source: Deb et al. 2002, section III-B.
    """
    n = len(ranks)
    finite = np.isfinite(objectives).all(axis=1)
    if not finite.all():
        partial = np.zeros(n)
        if finite.any():
            partial[finite] = crowding_distance(objectives[finite], ranks[finite])
        return partial
    if not n:
        return np.zeros(0)
    # Halved, so that a span of huge values does not overflow; one row per objective, sorted within each front.
    half = np.ascontiguousarray(objectives.T) / 2
    objective = np.arange(len(half))[:, None]
    order = np.argsort(half, axis=1, kind="stable")
    order = order[objective, np.argsort(ranks[order], axis=1, kind="stable")]
    value = half[objective, order]
    sizes = np.bincount(ranks)
    sizes = sizes[sizes > 0]
    ends = np.cumsum(sizes) - 1
    starts = ends - sizes + 1
    span = np.repeat(value[:, ends] - value[:, starts], sizes, axis=1)
    gap = np.full(value.shape, np.inf)
    gap[:, 1:-1] = value[:, 2:] - value[:, :-2]
    gap[:, starts] = gap[:, ends] = np.inf
    share = np.divide(gap, span, out=np.zeros(value.shape), where=span > 0)
    per_row = np.empty(value.shape)
    per_row[objective, order] = share
    distance: FloatArray = per_row.sum(axis=0)
    distance[order[0, starts[sizes == 1]]] = np.inf
    return distance


def preference_order(objectives: FloatArray, violations: FloatArray) -> IntArray:
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
    age = -np.arange(len(ranks))
    return np.lexsort((age, -crowding, ranks))
