"""Readings of one metric of one design, and how those of several rounds become one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Reading:
    """One metric of one design, from one round of repeats.

    Args:
        value: Median of the repeats, in the metric's unit.
        std: Standard deviation of one repeat; NaN where a single repeat tells none.
        count: Repeats.
    """

    value: float
    std: float
    count: int


Readings = Mapping[str, Reading]
"""Metric name to its reading."""


def over_rounds(rounds: Sequence[Reading]) -> Reading:
    """One reading of several rounds, which lie apart in time.

    The value is the median of the rounds' values. The standard deviation is that of one repeat in one of the rounds,
    whichever: the mean variance within rounds plus the variance of the rounds' values (law of total variance). So a
    clock that changes from round to round shows in it, and ``std / sqrt(count)`` is the error of the value only when
    it does not.

    Args:
        rounds: One or more.
    """
    values = np.array([r.value for r in rounds])
    within = np.array([r.std for r in rounds])
    known = within[np.isfinite(within)]
    if len(rounds) == 1:
        return rounds[0]
    inside = float(np.mean(known**2)) if len(known) else 0.0
    between = float(np.var(values, ddof=1))
    return Reading(float(np.median(values)), (inside + between) ** 0.5, sum(r.count for r in rounds))
