"""How far predictions can be trusted: error, rank correlation, and coverage of intervals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

Z_90 = 1.6448536269514722
"""Half-width of the central 90 % interval of a normal distribution, in standard deviations."""

MAX_PAIRED = 2000
"""Rank correlation looks at this many values at most: its cost grows with the square."""


def report(y: FloatArray, mean: FloatArray, std: FloatArray) -> dict[str, float]:
    """Compare predictions with what was observed and was not used for them.

    Args:
        y: Observations, float64 [n].
        mean: Predicted means, float64 [n].
        std: Predicted standard deviations, float64 [n].

    Returns:
        ``n``; ``mae`` and ``rmse`` in the metric's unit; ``kendall_tau``; ``coverage_90``, the share of
        observations inside the central 90 % interval.
    """
    error = y - mean
    return {
        "n": float(len(y)),
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt((error**2).mean())),
        "kendall_tau": kendall_tau(y[:MAX_PAIRED], mean[:MAX_PAIRED]),
        "coverage_90": float((np.abs(error) <= Z_90 * std).mean()),
    }


def kendall_tau(a: FloatArray, b: FloatArray) -> float:
    """Rank correlation tau-b with its correction for ties; 0 when either side is constant.

    Args:
        a: float64 [n].
        b: float64 [n].

    Source: Kendall 1945, "The treatment of ties in ranking problems", Biometrika 33.
    """
    upper = np.triu_indices(len(a), 1)
    rises_a = np.sign(a[upper[0]] - a[upper[1]])
    rises_b = np.sign(b[upper[0]] - b[upper[1]])
    scale = float(np.sqrt((rises_a**2).sum() * (rises_b**2).sum()))
    return float((rises_a * rises_b).sum() / scale) if scale else 0.0
