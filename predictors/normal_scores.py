"""A metric's ranks as normal scores: a warp that no outlier and no change of scale can touch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

EDGE = 5
"""Distinct values at each end whose slope continues the warp beyond the data."""


class NormalScores:
    """Monotone map between the values of a metric and standard normal quantiles of their ranks.

    Ties share the score of their mean rank. Between the data the map is linear; beyond them it goes on with the slope
    of the outermost values.

    Args:
        y: Values, float64 [n], finite.

    Source: Conover 1999, "Practical Nonparametric Statistics", section 5.10 (van der Waerden scores); as a warp for
    surrogates: Salinas, Shen and Perrone 2020, "A quantile-based approach for hyperparameter transfer learning".
    """

    def __init__(self, y: FloatArray) -> None:
        from scipy.special import ndtri

        self._values, which, counts = np.unique(y, return_inverse=True, return_counts=True)
        self._knots: FloatArray = ndtri((np.cumsum(counts) - 0.5 * counts) / len(y))
        self.scores: FloatArray = self._knots[which]
        """Scores of the data, float64 [n]."""

    def inverse(self, scores: FloatArray) -> FloatArray:
        """Values for scores of any shape."""
        result = np.interp(scores, self._knots, self._values)
        if len(self._knots) < 2:
            return result
        last = min(EDGE, len(self._knots) - 1)
        low = (self._values[last] - self._values[0]) / (self._knots[last] - self._knots[0])
        high = (self._values[-1] - self._values[-1 - last]) / (self._knots[-1] - self._knots[-1 - last])
        result += low * np.minimum(scores - self._knots[0], 0.0) + high * np.maximum(scores - self._knots[-1], 0.0)
        return np.asarray(result)
