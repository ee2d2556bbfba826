"""Evidence of a Gaussian process on mixed knobs, with its gradient, and the hyperparameters that maximise it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

JITTER = 1e-8
"""Added to the diagonal, as a share of the prior variance, against rounding."""

WEIGHT_RANGE, SHARE_RANGE, NOISE_RANGE = (-9.0, 3.0), (-4.0, 4.0), (-10.0, 1.0)
"""Bounds of the log weights, of the logit of the linear share, and of the log noise."""

WEIGHT_SPREAD, SHARE_SPREAD, NOISE_SPREAD = 1.5, 1.5, 2.0
"""Standard deviations of the normal priors on the same: weak, they only decide where data say nothing."""

TYPICAL_NOISE = 1e-2
"""Centre of the noise's prior, as a share of the prior variance."""


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """Of the kernel ``(1 - share) exp(-|u - v|^2) + share u.v + noise`` on features scaled by their knob's weight.

    Attributes:
        log_weights: Relevance of each knob, float64 [n_knobs].
        logit_share: Of the linear part in the prior variance.
        log_noise: Variance of the noise as a share of the prior variance.
    """

    log_weights: FloatArray
    logit_share: float
    log_noise: float

    @classmethod
    def prior(cls, n_knobs: int) -> Self:
        """The centre of the prior: with more knobs each matters less, so that typical designs stay correlated."""
        return cls(np.full(n_knobs, -0.75 * np.log(n_knobs)), 0.0, float(np.log(TYPICAL_NOISE)))

    @property
    def share(self) -> float:
        """Of the linear part."""
        return float(1.0 / (1.0 + np.exp(-self.logit_share)))

    @property
    def noise(self) -> float:
        """Variance of the noise as a share of the prior variance."""
        return float(np.exp(self.log_noise))

    def flat(self) -> FloatArray:
        """As one vector, float64 [n_knobs + 2]."""
        return np.concatenate([self.log_weights, [self.logit_share, self.log_noise]])

    @classmethod
    def of(cls, flat: FloatArray) -> Self:
        """Back from :meth:`flat`."""
        return cls(flat[:-2], float(flat[-2]), float(flat[-1]))


def scaled(features: FloatArray, owner: NDArray[np.int64], hyper: Hyperparameters) -> FloatArray:
    """Features [n, n_features] times the root of their knob's weight."""
    return features * np.exp(0.5 * hyper.log_weights)[owner]


def kernel(u: FloatArray, v: FloatArray, share: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Covariance of scaled features [n, f] and [m, f], and its exponential and linear parts; float64 [n, m] each."""
    linear = u @ v.T
    squared = (u * u).sum(axis=1)[:, None] + (v * v).sum(axis=1)[None, :] - 2.0 * linear
    decay = np.exp(-np.maximum(squared, 0.0))
    return (1.0 - share) * decay + share * linear, decay, linear


def inverse(covariance: FloatArray) -> tuple[FloatArray, float]:
    """Inverse and log determinant of a positive definite float64 [n, n].

    Raises:
        numpy.linalg.LinAlgError: When it is not positive definite.
    """
    from scipy.linalg import lapack

    factor, failed = lapack.dpotrf(covariance, lower=1, clean=1)
    if failed:
        raise np.linalg.LinAlgError("the covariance is not positive definite")
    lower = np.tril(lapack.dpotri(factor, lower=1)[0])
    return lower + np.tril(lower, -1).T, 2.0 * float(np.log(np.diag(factor)).sum())


def maximise(features: FloatArray, owner: NDArray[np.int64], target: FloatArray, steps: int) -> Hyperparameters:
    """Maximise evidence times prior by L-BFGS from the centre of the prior.

    Args:
        features: Centred, float64 [n, n_features].
        owner: Knob of each feature, int64 [n_features].
        target: Of mean 0 and variance 1, float64 [n]; the prior variance is profiled out.
        steps: Most iterations.

    Source: Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", equations 5.8 and 5.9.
    """
    from scipy.optimize import minimize

    n_knobs = int(owner.max()) + 1
    centre = Hyperparameters.prior(n_knobs).flat()
    spread = np.concatenate([np.full(n_knobs, WEIGHT_SPREAD), [SHARE_SPREAD, NOISE_SPREAD]])
    bounds = [WEIGHT_RANGE] * n_knobs + [SHARE_RANGE, NOISE_RANGE]

    def loss(flat: FloatArray) -> tuple[float, FloatArray]:
        value, slope = _negative_evidence(features, owner, target, Hyperparameters.of(flat))
        away = (flat - centre) / spread
        return value + 0.5 * float(away @ away), slope + away / spread

    found = minimize(loss, centre, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": steps})
    return Hyperparameters.of(np.asarray(found.x))


def _negative_evidence(
    features: FloatArray, owner: NDArray[np.int64], target: FloatArray, hyper: Hyperparameters
) -> tuple[float, FloatArray]:
    """Negative log evidence up to a constant, and its gradient [n_knobs + 2]."""
    n, share = len(target), hyper.share
    u = scaled(features, owner, hyper)
    covariance, decay, linear = kernel(u, u, share)
    covariance[np.diag_indices(n)] += hyper.noise + JITTER
    try:
        precision, log_determinant = inverse(covariance)
    except np.linalg.LinAlgError:
        return 1e10, np.zeros(len(hyper.log_weights) + 2)
    weights = precision @ target
    variance = float(target @ weights) / n
    # Half of dlogp/dK.
    pull = 0.5 * (np.outer(weights, weights) / variance - precision)
    decaying = (1.0 - share) * pull * decay
    # Sums over all pairs of squared differences and of products, for every feature at once.
    differences = 2.0 * (decaying.sum(axis=1) @ features**2 - (features * (decaying @ features)).sum(axis=0))
    products = share * (features * (pull @ features)).sum(axis=0)
    per_knob = np.bincount(owner, products - differences, minlength=len(hyper.log_weights))
    slope = np.concatenate(
        [
            -np.exp(hyper.log_weights) * per_knob,
            [-(pull * (linear - decay)).sum() * share * (1.0 - share), -np.trace(pull) * hyper.noise],
        ]
    )
    return 0.5 * (n * np.log(variance) + log_determinant), slope
