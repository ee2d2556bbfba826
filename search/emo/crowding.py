"""Crowding distances, all fronts at once."""

from __future__ import annotations

from .array_namespace import Array, namespace


def crowding_distance(objectives: Array, ranks: Array) -> Array:
    """Crowding distance of every row within its front, float64 [n].

    The ends of a front get inf in every objective that varies in it; an objective that is constant in a front counts
    nothing, so equal rows get 0. A front of one row gets inf. Rows without finite objectives get 0.

    Args:
        objectives: float64 [n, n_objectives], minimised.
        ranks: int64 [n], front numbers.

    Source: Deb et al. 2002, "A fast and elitist multiobjective genetic algorithm: NSGA-II", section III-B.
    """
    xp = namespace(objectives)
    finite = xp.all(xp.isfinite(objectives), axis=1)
    if bool(xp.all(finite)):
        return _finite_crowding(objectives, ranks)
    partial = xp.zeros(len(ranks), dtype=xp.float64, device=objectives.device)
    if bool(xp.any(finite)):
        partial[finite] = _finite_crowding(objectives[finite], ranks[finite])
    return partial


def _finite_crowding(objectives: Array, ranks: Array) -> Array:
    xp = namespace(objectives)
    n = len(ranks)
    if not n:
        return xp.zeros(0, dtype=xp.float64, device=objectives.device)
    # Halved, so that a span of huge values does not overflow; one row per objective, sorted within each front.
    half = objectives.T / 2
    order = xp.argsort(half, axis=1, stable=True)
    order = xp.take_along_axis(order, xp.argsort(ranks[order], axis=1, stable=True), axis=1)
    value = xp.take_along_axis(half, order, axis=1)
    front = ranks[order[0, :]]
    first = xp.searchsorted(front, front)
    last = xp.searchsorted(front, front, side="right") - 1
    position = xp.arange(n, device=objectives.device)
    inner = (position > first) & (position < last)
    span = value[:, last] - value[:, first]
    gap = xp.full_like(value, xp.inf)
    gap[:, 1:-1] = value[:, 2:] - value[:, :-2]
    varies = span > 0
    share = xp.where(inner, gap, xp.inf) / xp.where(varies, span, 1.0)
    share = xp.where(varies, share, 0.0)
    per_row = xp.zeros_like(value)
    for j in range(len(value)):
        per_row[j, order[j, :]] = share[j, :]
    distance = xp.sum(per_row, axis=0)
    alone = order[0, first == last]
    distance[alone] = xp.inf
    return distance
