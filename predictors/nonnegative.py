"""Least squares with weights that are not negative, and a quadratic penalty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from .prediction import FloatArray

JITTER = 1e-9
"""Added to the diagonal, as a share of its mean, against columns that depend on each other."""

LEAST_FREE = 0.01
"""Least share of an observation that counts as not fitted: rows fitted exactly must not blow up the noise."""


@dataclass(frozen=True, slots=True)
class NonNegativeFit:
    """A linear function ``x @ weights``.

    Attributes:
        weights: Not negative where that was asked for, float64 [p].
        spread: Covariance of the weights per unit of noise variance, zero where the bound holds, float64 [p, p].
        noise: Standard deviation of an observation around the function, in its unit.
    """

    weights: FloatArray
    spread: FloatArray
    noise: float

    @classmethod
    def of(cls, x: FloatArray, y: FloatArray, penalty: FloatArray, *, bounded: bool = True, used: int = 0) -> Self:
        """Minimise ``|y - x w|^2 + w' penalty w``, over ``w >= 0`` when ``bounded``.

        Args:
            x: Columns, float64 [n, p].
            y: Targets, float64 [n].
            penalty: Positive semi-definite, float64 [p, p].
            bounded: Whether weights must not be negative.
            used: Degrees of freedom that centring the data has used up.

        Source: Lawson and Hanson 1974, "Solving least squares problems", chapter 23; the noise is from leave-one-out
        residuals, Hastie et al. 2009, "The elements of statistical learning", equation 7.64.
        """
        from scipy.optimize import nnls

        gram = x.T @ x + penalty
        gram[np.diag_indices(len(gram))] += JITTER * (np.trace(gram) / len(gram) or 1.0)
        moment = x.T @ y
        if bounded:
            upper = np.linalg.cholesky(gram).T
            weights = np.asarray(nnls(upper, np.linalg.solve(upper.T, moment), maxiter=30 * len(gram))[0])
        else:
            weights = np.linalg.solve(gram, moment)
        free = np.flatnonzero(weights > 0) if bounded else np.arange(len(weights))
        spread = np.zeros_like(gram)
        spread[np.ix_(free, free)] = np.linalg.inv(gram[np.ix_(free, free)])
        leverage = np.einsum("ij,jk,ik->i", x, spread, x) + used / len(y)
        # Squared errors of leaving one out, of which a share (1 - leverage) is noise.
        variance = float(np.mean((y - x @ weights) ** 2 / np.clip(1.0 - leverage, LEAST_FREE, 1.0)))
        return cls(weights, spread, max(float(np.sqrt(variance)), 1e-9 * (1.0 + float(np.abs(y).max()))))

    def predict(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation of an observation at columns float64 [n, p]; float64 [n] each."""
        leverage = np.einsum("ij,jk,ik->i", x, self.spread, x)
        return x @ self.weights, self.noise * np.sqrt(1.0 + np.maximum(leverage, 0.0))
