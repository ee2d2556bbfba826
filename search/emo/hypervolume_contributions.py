"""How much hypervolume each row alone adds, exactly."""

from __future__ import annotations

import moocore
import numpy as np

from .array_namespace import Array, like, namespace, to_host


def hypervolume_contributions(objectives: Array, reference: Array) -> Array:
    """Hypervolume that the front of these rows loses without one of its members, float64 [n].

    0 for rows that are dominated, equal to another row, or not below the reference in every objective; a dominated row
    does not step in for a lost one. The method is a sweep, so rows on an accelerator are copied to main memory for it
    (24 bytes per row of three objectives).

    Args:
        objectives: float64 [n, n_objectives], minimised, finite.
        reference: float64 [n_objectives], the worst corner.

    Source: moocore; Guerreiro and Fonseca 2018, "Computing and updating hypervolume contributions in up to four
    dimensions": O(n log n) in two and three objectives.
    """
    xp = namespace(objectives)
    rows, corner = to_host(objectives), np.asarray(to_host(reference), dtype=np.float64)
    result = np.zeros(len(rows))
    inside = np.flatnonzero((rows < corner).all(axis=1))
    if rows.shape[1] == 1:
        result[inside] = _contributions_in_one(rows[inside, 0], float(corner[0]))
    elif len(inside):
        result[inside] = moocore.hv_contributions(np.ascontiguousarray(rows[inside]), ref=corner)
    return result if xp is np else like(result, objectives)


def _contributions_in_one(values: Array, corner: float) -> Array:
    """Of one objective: all of the length, when a single row is best."""
    best = values == values.min(initial=corner)
    return np.where(best & (best.sum() == 1), corner - values, 0.0)
