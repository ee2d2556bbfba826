"""Bayesian linear regression with hyperparameters by evidence maximisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

MAX_STEPS = 200
TOLERANCE = 1e-6
"""Relative change of both precisions at which the fixed point counts as reached."""
PRECISION_RANGE = (1e-9, 1e12)
"""Bounds of both precisions for targets of unit variance; keeps exact fits and pure noise finite."""


@dataclass(frozen=True, slots=True)
class LinearFit:
    """A posterior over linear functions of ``p`` features.

    Attributes:
        weights: Posterior mean, float64 [p].
        covariance: Posterior covariance, float64 [p, p].
        centre: Mean of the training features, float64 [p].
        offset: Mean of the training targets.
        noise: Variance of an observation around the function.
        n: Number of training rows.
    """

    weights: FloatArray
    covariance: FloatArray
    centre: FloatArray
    offset: float
    noise: float
    n: int

    def predict(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean and variance of the function (without noise) at features float64 [n, p]; float64 [n] each."""
        moved = x - self.centre
        variance = np.einsum("ij,jk,ik->i", moved, self.covariance, moved) + self.noise / self.n
        return self.offset + moved @ self.weights, np.maximum(variance, 0.0)

    def leave_one_out(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What would be predicted for each training row without it, at the same hyperparameters.

        Args:
            x: Training features, float64 [n, p].
            y: Training targets, float64 [n].

        Returns:
            Means and variances of the observation, float64 [n] each.

        Source: Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", equations 5.10 to 5.12.
        """
        mean, variance = self.predict(x)
        leverage = np.clip(variance / self.noise, 0.0, 1.0 - 1e-9)
        return y - (y - mean) / (1.0 - leverage), self.noise / (1.0 - leverage)

    def arrays(self) -> dict[str, FloatArray]:
        """The fit as arrays."""
        scalars = np.array([self.offset, self.noise, float(self.n)])
        return {"weights": self.weights, "covariance": self.covariance, "centre": self.centre, "scalars": scalars}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, FloatArray]) -> LinearFit:
        """Back from :meth:`arrays`."""
        offset, noise, n = arrays["scalars"].tolist()
        return cls(arrays["weights"], arrays["covariance"], arrays["centre"], offset, noise, int(n))


def fit_evidence(x: FloatArray, y: FloatArray) -> LinearFit:
    """Fit weights, their prior precision and the noise precision.

    Args:
        x: Features, float64 [n, p].
        y: Targets, float64 [n], n >= 2.

    Returns:
        The posterior at the precisions that maximise the evidence.

    Source: MacKay 1992, "Bayesian Interpolation", Neural Computation 4; the fixed point is Bishop 2006, "Pattern
    Recognition and Machine Learning", equations 3.91, 3.92 and 3.95.
    """
    n = len(y)
    centre, offset = x.mean(axis=0), float(y.mean())
    scale = float(y.std()) or 1.0
    target = (y - offset) / scale
    u, singular, vt = np.linalg.svd(x - centre, full_matrices=False)
    projected = u.T @ target
    unexplained = float(target @ target - projected @ projected)
    alpha, beta = _precisions(singular, projected, max(unexplained, 0.0), n)
    posterior = 1.0 / (alpha + beta * singular**2)
    weights = vt.T @ (posterior * beta * singular * projected)
    # Directions without data keep the prior's variance.
    covariance = vt.T @ np.diag(posterior - 1.0 / alpha) @ vt + np.eye(x.shape[1]) / alpha
    return LinearFit(scale * weights, scale**2 * covariance, centre, offset, scale**2 / beta, n)


def fit_evidence_each(x: FloatArray, targets: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """:func:`fit_evidence` for several targets of the same rows, by one decomposition.

    Args:
        x: Features, float64 [n, p].
        targets: float64 [n, m], n >= 2.

    Returns:
        Weights, float64 [p, m]; offsets, so that the prediction is ``x @ weights + offsets``, float64 [m]; what would
        be predicted for each row without it, float64 [n, m].
    """
    n = len(x)
    centre, offset = x.mean(axis=0), targets.mean(axis=0)
    u, singular, vt = np.linalg.svd(x - centre, full_matrices=False)
    scale = np.where(targets.std(axis=0) > 0, targets.std(axis=0), 1.0)
    scaled = (targets - offset) / scale
    projected = u.T @ scaled
    unexplained = np.maximum((scaled**2).sum(axis=0) - (projected**2).sum(axis=0), 0.0)
    found = [_precisions(singular, p, float(r), n) for p, r in zip(projected.T, unexplained, strict=True)]
    # Share of each direction that the data decide, [p, m].
    kept = np.stack([beta * singular**2 / (alpha + beta * singular**2) for alpha, beta in found], axis=1)
    inverse = np.divide(1.0, singular, out=np.zeros_like(singular), where=singular > 0)
    weights = scale * (vt.T @ (kept * inverse[:, None] * projected))
    fitted = offset + scale * (u @ (kept * projected))
    leverage = np.minimum((u * u) @ kept + 1.0 / n, 1.0 - 1e-9)
    return weights, offset - centre @ weights, targets - (targets - fitted) / (1.0 - leverage)


def _precisions(singular: FloatArray, projected: FloatArray, unexplained: float, n: int) -> tuple[float, float]:
    """Fixed point of the prior precision and the noise precision, targets of unit variance."""
    alpha, beta = 1.0, 10.0
    for _ in range(MAX_STEPS):
        curvature = beta * singular**2
        weights = beta * singular * projected / (alpha + curvature)
        gamma = float((curvature / (alpha + curvature)).sum())
        residual = float(((projected - singular * weights) ** 2).sum()) + unexplained
        # One degree of freedom went into the offset.
        new_alpha = float(np.clip(gamma / max(float(weights @ weights), 1e-300), *PRECISION_RANGE))
        new_beta = float(np.clip(max(n - 1 - gamma, 1e-3) / max(residual, 1e-300), *PRECISION_RANGE))
        done = abs(new_alpha - alpha) <= TOLERANCE * alpha and abs(new_beta - beta) <= TOLERANCE * beta
        alpha, beta = new_alpha, new_beta
        if done:
            break
    return alpha, beta
