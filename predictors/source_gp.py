"""A Gaussian process around the mean of the source devices."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from ..spaces.errors import PredictorError
from ..spaces.knobs import Codes
from ..spaces.space import Space
from .one_hot import OneHot
from .prediction import FloatArray
from .sources import SourcePredictor, log_positive
from .value_counts import value_counts

Mean = Literal["source", "zero"]

VARIANCE_RANGE, NOISE_RANGE = (-7.0, 3.0), (-4.0, 3.0)
"""Bounds of the logarithms of both prior variances and of the noise, where the samples have unit variance: a few
samples that happen to be fitted well must not pass for measurements without noise."""

STARTS = ((0.0, -2.0, -2.0), (-3.0, 0.0, -2.0), (-3.0, -4.0, -0.5))
"""Where the search for them starts: devices differ in known ways; in new ways; hardly, under noise."""


class SourceGP(SourcePredictor):
    """A Gaussian process whose prior knows how the devices of the pool behave and how they differ.

    The log metric, standardised by the samples, has the prior mean ``m(x)``, the mean of the devices' standardised
    profiles ``f_j(x)``, and the covariance ``m m' + 1 + a / J sum_j d_j d_j' + b e.e' + noise`` with
    ``d_j = f_j - m`` and the linear encoding ``e`` of designs; ``a``, ``b`` and ``noise`` maximise the evidence.

    Args:
        space: The design space.
        metric: Metric name, with its unit.
        counts: Whether the encoding counts values over knobs alike, such as operators over layers.
        mean: ``zero`` sets the prior mean to 0.

    Raises:
        PredictorError: When the mean is unknown.

    Source: Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", sections 2.7 and 5.4.
    """

    kind: ClassVar[str] = "source_gp"

    def __init__(self, space: Space, metric: str, *, counts: bool = False, mean: Mean = "source") -> None:
        super().__init__(space, metric)
        if mean not in ("source", "zero"):
            raise PredictorError(f"mean {mean!r} is unknown", "use 'source' or 'zero'")
        self.counts = counts
        self.prior_mean: Mean = mean
        self._one_hot = OneHot(space)

    def options(self) -> dict[str, Any]:
        return {"counts": self.counts, "mean": self.prior_mean}

    def _parts(self, codes: Codes) -> tuple[FloatArray, FloatArray, FloatArray]:
        """``m`` [n], ``d / sqrt(J)`` [n, J] and ``e`` [n, n_columns]."""
        profiles = self.profiles(codes)
        m = profiles.mean(axis=1)
        encoded = self._one_hot(codes) / np.sqrt(self.space.n_knobs)
        if self.counts:
            encoded = np.hstack([encoded, value_counts(self.space, codes)])
        return m, (profiles - m[:, None]) / np.sqrt(profiles.shape[1]), encoded

    def _adapt(self, codes: Codes, y: FloatArray) -> None:
        target = log_positive(self.metric, y)
        self._offset, self._scale = float(target.mean()), float(target.std()) or 1.0
        self._known = m, d, e = self._parts(codes)
        prior = m if self.prior_mean == "source" else 0.0
        rest = (target - self._offset) / self._scale - prior
        kernels = np.stack([d @ d.T, e @ e.T, np.eye(len(y))])
        self._variances = most_likely(np.outer(m, m) + 1.0, kernels, rest)
        covariance = np.outer(m, m) + 1.0 + np.tensordot(self._variances, kernels, 1)
        self._precision = np.linalg.inv(covariance)
        self._weights = self._precision @ rest

    def _log_metric(self, codes: Codes) -> tuple[FloatArray, FloatArray]:
        (m, d, e), (known_m, known_d, known_e) = self._parts(codes), self._known
        a, b, noise = self._variances.tolist()
        shared = np.outer(m, known_m) + 1.0 + a * d @ known_d.T + b * e @ known_e.T
        prior = m * m + 1.0 + a * (d * d).sum(axis=1) + b * (e * e).sum(axis=1)
        variance = np.maximum(prior - ((shared @ self._precision) * shared).sum(axis=1), 0.0) + noise
        mean = shared @ self._weights + (m if self.prior_mean == "source" else 0.0)
        return self._offset + self._scale * mean, self._scale * np.sqrt(variance)


def most_likely(base: FloatArray, kernels: FloatArray, target: FloatArray) -> FloatArray:
    """Variances ``v`` that maximise the evidence of a Gaussian process of covariance ``base + sum_i v_i kernels_i``.

    Args:
        base: float64 [n, n].
        kernels: float64 [m, n, n], the last of them the identity.
        target: float64 [n].

    Source: Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", equations 5.8 and 5.9.
    """
    from scipy.optimize import minimize

    def loss(logs: FloatArray) -> tuple[float, FloatArray]:
        variances = np.exp(logs)
        covariance = base + np.tensordot(variances, kernels, 1)
        precision = np.linalg.inv(covariance)
        weights = precision @ target
        pull = precision - np.outer(weights, weights)
        value = 0.5 * (target @ weights + np.linalg.slogdet(covariance)[1])
        return float(value), 0.5 * variances * np.tensordot(kernels, pull, 2)

    bounds = [VARIANCE_RANGE] * (len(kernels) - 1) + [NOISE_RANGE]
    runs = [minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds) for start in STARTS]
    return np.asarray(np.exp(min(runs, key=lambda run: float(run.fun)).x))
