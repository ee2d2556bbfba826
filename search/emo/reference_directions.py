"""Evenly spread reference directions on the unit simplex."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from ...spaces.errors import StrategyError

INNER_SHRINK = 0.5
"""How far the inner of two layers is drawn towards the centre (Deb and Jain 2014, figure 4)."""


def das_dennis(n_objectives: int, divisions: int) -> NDArray[np.float64]:
    """All points of the unit simplex whose coordinates are multiples of ``1 / divisions``.

    Args:
        n_objectives: At least 1.
        divisions: At least 1.

    Returns:
        float64 [(divisions + n_objectives - 1) over (n_objectives - 1), n_objectives]; rows sum to 1.

    Raises:
        StrategyError: When an argument is below 1.

    Source: Das and Dennis 1998, "Normal-boundary intersection".
    """
    if n_objectives < 1 or divisions < 1:
        raise StrategyError(f"{divisions} divisions of {n_objectives} objectives", "use at least 1 of each")
    slots = divisions + n_objectives - 1
    count = comb(slots, n_objectives - 1)
    bars = np.empty((count, n_objectives + 1), dtype=np.int64)
    bars[:, 0], bars[:, -1] = -1, slots
    # Stars and bars: the gaps between the bars are the parts.
    bars[:, 1:-1] = np.array(list(combinations(range(slots), n_objectives - 1))).reshape(count, n_objectives - 1)
    return np.asarray((np.diff(bars, axis=1) - 1) / divisions)


def reference_directions(n_objectives: int, at_most: int) -> NDArray[np.float64]:
    """The largest set of evenly spread directions with at most the given number, one layer or two.

    One layer of few divisions has no direction inside the simplex; then a second layer, drawn half-way to the centre,
    takes up what is left of the number (8 objectives, at most 156: layers of 3 and 2 divisions).

    Args:
        n_objectives: At least 1.
        at_most: The number; ``n_objectives`` directions are returned at least.

    Returns:
        float64 [n, n_objectives]; rows sum to 1.

    Source: Deb and Jain 2014, "An evolutionary many-objective optimization algorithm using reference-point-based
    nondominated sorting approach, part I", sections IV-B and V.
    """
    outer = _divisions(n_objectives, at_most)
    directions = das_dennis(n_objectives, max(outer, 1))
    inner = 0 if outer >= n_objectives else _divisions(n_objectives, at_most - len(directions))
    if n_objectives == 1 or not inner:
        return directions
    centred = INNER_SHRINK * das_dennis(n_objectives, inner) + (1 - INNER_SHRINK) / n_objectives
    return np.concatenate([directions, centred])


def _divisions(n_objectives: int, at_most: int) -> int:
    """Most divisions with at most so many points, 0 when even one has more."""
    if n_objectives == 1:
        return 1
    divisions = 0
    while comb(divisions + n_objectives, n_objectives - 1) <= at_most:
        divisions += 1
    return divisions
