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
        ``n``; ``mae`` and ``rmse`` in the metric's unit; ``mape_pct`` and ``mdape_pct``, mean and median absolute error
        as a share of the observation, where all observations are positive; ``kendall_tau`` and ``spearman``;
        ``coverage_90``, the share of observations inside the central 90 % interval.
    """
    error = y - mean
    figures = {"n": float(len(y)), "mae": float(np.abs(error).mean()), "rmse": float(np.sqrt((error**2).mean()))}
    if (y > 0).all():
        share = 100.0 * np.abs(error) / y
        figures |= {"mape_pct": float(share.mean()), "mdape_pct": float(np.median(share))}
    return figures | {
        "kendall_tau": kendall_tau(y[:MAX_PAIRED], mean[:MAX_PAIRED]),
        "spearman": spearman(y, mean),
        "coverage_90": float((np.abs(error) <= Z_90 * std).mean()),
    }


def by_region(y: FloatArray, mean: FloatArray, std: FloatArray, regions: int = 3) -> list[dict[str, float]]:
    """The figures of :func:`report` apart for low, middle and high predictions: a good average may hide a bad third.

    Args:
        y: Observations, float64 [n].
        mean: Predicted means, float64 [n]; their quantiles bound the regions.
        std: Predicted standard deviations, float64 [n].
        regions: How many, each of about as many predictions.

    Returns:
        One entry for each region that holds an observation, rising: ``region`` (its number from 0), ``low`` and
        ``high`` (bounds of the predicted mean) and the figures.
    """
    edges = np.quantile(mean, np.linspace(0.0, 1.0, regions + 1))
    place = np.searchsorted(edges[1:-1], mean, side="left")
    return [
        {"region": float(k), "low": float(edges[k]), "high": float(edges[k + 1])}
        | report(y[place == k], mean[place == k], std[place == k])
        for k in np.unique(place).tolist()
    ]


def spearman(a: FloatArray, b: FloatArray) -> float:
    """Rank correlation rho with mean ranks for ties; 0 when either side is constant.

    Args:
        a: float64 [n].
        b: float64 [n].

    Source: Spearman 1904, "The proof and measurement of association between two things", Am. J. Psychology 15.
    """
    x, y = _mean_ranks(a), _mean_ranks(b)
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y / scale) if scale else 0.0


def _mean_ranks(values: FloatArray) -> FloatArray:
    """Ranks from 0, equal values at the mean of theirs, float64 [n]."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - (count + 1) / 2)[place.reshape(-1)], dtype=np.float64)


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
