"""The posterior behind few-shot prediction: Gaussian processes, averaged over what their variances may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .calibration import Z_90
from .prediction import FloatArray

DRAWS = 200
"""Draws of the variances that are weighed by their evidence."""

KEPT = 16
"""Draws that stay, in proportion to their weight."""

OFFSET_VARIANCE = 0.5
"""Of the new device's level, relative to the mean of its measurements."""

TAIL = 4.0
"""Degrees of freedom of the noise: measurements have outliers (Lange et al., JASA 84, 1989, section 5)."""

SWEEPS = 4
"""Rounds in which outliers lose weight."""

TRUST = 5.0
"""Measurements that the model's own variance is worth, when it is compared with left-out ones."""

MOST_SURPRISING = 9.0
"""Squared deviations of left-out measurements count up to here; outliers are the noise's matter."""

MOST_POINTS = 100
"""Measurements above which fewer draws are made, as the cost of a draw grows with their cube."""


@dataclass(frozen=True, slots=True)
class Kernels:
    """Inner products of designs in each group of features.

    Attributes:
        cross: Of ``n`` designs with ``k`` measured ones, float64 [n_groups, n, k].
        own: Of the ``n`` designs with themselves, float64 [n_groups, n].
    """

    cross: FloatArray
    own: FloatArray


@dataclass(frozen=True, slots=True)
class Posterior:
    """Kept draws with their weights.

    Attributes:
        weight: float64 [d], sums to 1.
        amplitude: Prior variance of each group, float64 [d, n_groups].
        noise: Variance of an observation, float64 [d].
        alpha: Precision times residuals, float64 [d, k].
        root: Inverse of the Cholesky factor of the covariance, float64 [d, k, k].
        widening: Factor on variances, from how far left-out measurements lay off.
    """

    weight: FloatArray
    amplitude: FloatArray
    noise: FloatArray
    alpha: FloatArray
    root: FloatArray
    widening: float

    def predict(self, kernels: Kernels) -> tuple[FloatArray, FloatArray]:
        """Mean and variance of a new observation, float64 [n] each, without the prior mean."""
        combined = np.einsum("d,dg,dk->gk", self.weight, self.amplitude, self.alpha)
        offset = OFFSET_VARIANCE * float(self.weight @ self.alpha.sum(axis=1))
        mean = np.einsum("gnk,gk->n", kernels.cross, combined, optimize=True) + offset
        second = np.zeros(len(mean))
        noise = self.noise * _widening_of_tail()
        own = self.amplitude @ kernels.own + (OFFSET_VARIANCE + noise)[:, None]
        for d, (weight, amplitude) in enumerate(zip(self.weight, self.amplitude, strict=True)):
            shared = np.einsum("g,gnk->nk", amplitude, kernels.cross, optimize=True) + OFFSET_VARIANCE
            white = shared @ self.root[d].T
            explained = np.einsum("nk,nk->n", white, white)
            off = shared @ self.alpha[d] - mean
            second += weight * (np.maximum(own[d] - explained, noise[d]) + off**2)
        return mean, self.widening * second


def _widening_of_tail() -> float:
    """Variance of the normal noise whose central 90 % interval is that of the noise of scale 1."""
    from scipy.special import stdtrit

    return float(stdtrit(TAIL, 0.95) / Z_90) ** 2


def infer(grams: FloatArray, residual: FloatArray, ranges: Sequence[tuple[float, float]]) -> Posterior:
    """Weigh draws of all variances by the evidence of the measurements.

    Ten measurements cannot tell the variances apart, so they are averaged over instead of maximised. The noise is
    Student's t with :data:`TAIL` degrees of freedom, by weights that follow from the left-out residuals.

    Args:
        grams: Inner products of the measured designs in each group, float64 [n_groups, k, k].
        residual: What they gave less the prior mean, float64 [k].
        ranges: Log10 of the prior variance of each group, and last of the noise: uniform between two bounds.

    Returns:
        The kept draws.

    Source: Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", sections 5.2 (averaging over
    hyperparameters) and 5.4.2 (left-out residuals).
    """
    k = len(residual)
    draws = DRAWS if k <= MOST_POINTS else max(KEPT, DRAWS * MOST_POINTS**2 // k**2)
    low, high = np.array(ranges).T
    drawn = 10.0 ** np.random.default_rng(1).uniform(low, high, (draws, len(low)))
    amplitude, noise = drawn[:, :-1], drawn[:, -1]
    scale = np.ones(k)
    for _ in range(SWEEPS):
        evidence, alpha, _ = _solve(grams, residual, amplitude, noise, scale)
        kept, weight = _keep(evidence)
        _, alpha, root = _solve(grams, residual, amplitude[kept], noise[kept], scale)
        precision = (root**2).sum(axis=1)
        squares = weight @ (alpha**2 / precision)
        scale = np.maximum((TAIL + squares) / (TAIL + 1.0), 1.0)
    widening = (TRUST + np.minimum(squares, MOST_SURPRISING).sum()) / (TRUST + k)
    return Posterior(weight, amplitude[kept], noise[kept], alpha, root, float(widening))


def _solve(
    grams: FloatArray, residual: FloatArray, amplitude: FloatArray, noise: FloatArray, scale: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Log evidence [d], ``alpha`` [d, k] and inverse Cholesky factors [d, k, k]; ``scale`` [k] widens the noise."""
    k = len(residual)
    covariance = np.tensordot(amplitude, grams, 1) + OFFSET_VARIANCE
    covariance[:, np.arange(k), np.arange(k)] += noise[:, None] * scale
    factor = np.linalg.cholesky(covariance)
    root = np.linalg.inv(factor)
    white = root @ residual
    log_determinant = np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
    alpha = np.einsum("dji,dj->di", root, white)
    return -0.5 * (white**2).sum(axis=1) - log_determinant, alpha, root


def _keep(evidence: FloatArray) -> tuple[np.ndarray, FloatArray]:
    """Indices and weights of :data:`KEPT` draws by systematic resampling, which needs no randomness."""
    share = np.exp(evidence - evidence.max())
    places = (np.arange(KEPT) + 0.5) / KEPT * share.sum()
    chosen, times = np.unique(np.searchsorted(np.cumsum(share), places), return_counts=True)
    return np.minimum(chosen, len(share) - 1), times / KEPT
