"""NSGA-III's normalisation, association with reference directions, and niching."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .array_namespace import Array, lexsort, like, namespace, place_in_group, tile_rows, to_host

OFF_AXIS_WEIGHT = 1e6
"""Weight of the other objectives when the extreme point of one is sought (Deb and Jain 2014, equation 4)."""

ON_AXIS = 1e-3
"""Smaller shares of the front's range count as 0 in that search, so that rows of which none lies exactly on an axis are
not told apart by noise; the value is pymoo's."""

LEAST_INTERCEPT = 1e-6
"""Intercepts below this share of the front's range are taken for a degenerate hyperplane."""

FARTHEST = 1e12
"""Rows beyond this many ranges of the front are moved there, so that squares stay finite."""


def normalised(objectives: Array, ranks: Array) -> Array:
    """Objectives with the ideal point at 0 and the hyperplane through the extreme points at intercepts 1.

    The front is first scaled to 0 .. 1 in every objective, so that units do not decide which points are extreme. Where
    the extreme points span no hyperplane with positive intercepts, the worst values of the front take their place;
    no intercept lies beyond the worst row.

    Args:
        objectives: float64 [n, n_objectives], minimised, finite, n >= 1.
        ranks: int64 [n], front numbers, the best 0.

    Returns:
        float64 [n, n_objectives], not negative.

    Source: Deb and Jain 2014, "An evolutionary many-objective optimization algorithm using reference-point-based
    nondominated sorting approach, part I", section IV-C. Ideal and extreme points are those of the rows given, not of
    all generations.
    """
    xp = namespace(objectives)
    # Halved, so that a span of huge values does not overflow.
    half = objectives / 2
    front = half[ranks == 0]
    low = xp.min(front, axis=0)
    span = xp.max(front, axis=0) - low
    span = xp.where(span > 0, span, xp.max(half, axis=0) - low)
    span = xp.where(span > 0, span, 1.0)
    with np.errstate(over="ignore"):
        scaled = xp.clip((half - low) / span, 0.0, FARTHEST)
    extremes = _extreme_points(scaled[ranks == 0])
    return scaled / like(_intercepts(extremes, to_host(xp.max(scaled, axis=0))), objectives)


def _extreme_points(front: Array) -> NDArray[np.float64]:
    """Per objective the row nearest to its axis by the achievement scalarising function, [n_objectives, same]."""
    xp = namespace(front)
    rounded = xp.where(front < ON_AXIS, 0.0, front)
    rows = []
    for j in range(front.shape[1]):
        weights = xp.full(front.shape[1], OFF_AXIS_WEIGHT, dtype=xp.float64, device=front.device)
        weights[j] = 1.0
        rows.append(front[xp.argmin(xp.max(rounded * weights, axis=1)), :])
    return to_host(xp.stack(rows))


def _intercepts(extremes: NDArray[np.float64], worst: NDArray[np.float64]) -> NDArray[np.float64]:
    ones = np.ones(len(extremes))
    try:
        plane = np.linalg.solve(extremes, ones)
    except np.linalg.LinAlgError:
        return ones
    if not np.allclose(extremes @ plane, ones) or (plane <= 0).any() or (plane * LEAST_INTERCEPT >= 1).any():
        return ones
    return np.asarray(np.where(worst > 0, np.minimum(1 / plane, worst), 1.0))


def associate(points: Array, directions: Array) -> tuple[Array, Array]:
    """The reference direction nearest to each point, and how far off it is.

    The perpendicular distance is least where the projection on the unit direction is longest, which is one matrix
    product; it is taken in tiles, never as one table of n by h.

    Args:
        points: float64 [n, n_objectives], not negative.
        directions: float64 [h, n_objectives], not negative, no row 0.

    Returns:
        int64 [n], rows of ``directions``, and float64 [n], perpendicular distances.

    Source: Deb and Jain 2014, section IV-D, algorithm 3.
    """
    xp = namespace(points)
    unit = directions / xp.sqrt(xp.sum(directions**2, axis=1))[:, None]
    niche = xp.empty(len(points), dtype=xp.int64, device=points.device)
    step = tile_rows(points, len(unit))
    columns = unit.T
    for start in range(0, len(points), step):
        niche[start : start + step] = xp.argmax(points[start : start + step] @ columns, axis=1)
    along = unit[niche]
    off = points - xp.sum(points * along, axis=1)[:, None] * along
    return niche, xp.sqrt(xp.sum(off**2, axis=1))


def niching_order(niche: Array, distance: Array, taken: Array, draws: Array, niche_draws: Array) -> Array:
    """Candidates in the order in which niching picks them, int64 [n].

    Step by step, one of the least taken niches that have candidates left is drawn; an empty niche takes its nearest
    candidate, any other a random one. So the candidate at place p of its niche is picked at level ``taken + p``: all
    steps are one sort, equal in distribution to the loop.

    Args:
        niche: int64 [n], directions of the candidates.
        distance: float64 [n], their perpendicular distances.
        taken: int64 [h], members that each niche has already.
        draws: float64 [n], random order of candidates.
        niche_draws: float64 [h], random order of niches.

    Source: Deb and Jain 2014, section IV-E, algorithm 4.
    """
    xp = namespace(niche)
    nearest_first = lexsort((draws, distance, niche))
    nearest = nearest_first[place_in_group(niche[nearest_first]) == 0]
    key = draws + 0.0
    key[nearest] = xp.where(taken[niche[nearest]] == 0, -1.0, key[nearest])
    order = lexsort((key, niche))
    grouped = niche[order]
    level = taken[grouped] + place_in_group(grouped)
    return order[lexsort((niche_draws[grouped], level))]
