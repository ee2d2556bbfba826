"""What the devices of a pool would measure, for any design: the base of predictors that combine source devices."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from ..spaces.errors import PredictorError
from ..spaces.knobs import Codes
from .choice_encoding import ChoiceEncoding
from .evidence import fit_evidence_each
from .pool import Pool
from .pooled import PooledPredictor
from .positive import check_positive
from .prediction import FloatArray, Prediction


@dataclass(frozen=True, slots=True)
class Sources:
    """Ridge regressions of the log metric, standardised on each device, over the encoding of designs.

    Attributes:
        weights: float64 [n_columns, n_devices].
        offset: float64 [n_devices].
        mean: Of the log metric on each device, float64 [n_devices].
        scale: Its standard deviation, float64 [n_devices].
        error: Leave-one-out error of the standardised log metric, root mean square, float64 [n_devices].
    """

    weights: FloatArray
    offset: FloatArray
    mean: FloatArray
    scale: FloatArray
    error: FloatArray

    @classmethod
    def of(cls, pool: Pool, encoding: ChoiceEncoding) -> Self:
        """Fit every device of a pool on the designs that it measured; penalties by evidence."""
        x, logs = encoding(pool.codes), np.log(pool.values)
        mean, scale = np.nanmean(logs, axis=0), np.nanstd(logs, axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        weights, offset, error = np.empty((x.shape[1], len(pool))), np.empty(len(pool)), np.empty(len(pool))
        for rows, devices in pool.measured_alike():
            target = ((logs - mean) / scale)[np.ix_(rows, devices)]
            weights[:, devices], offset[devices], left_out = fit_evidence_each(x[rows], target)
            error[devices] = np.sqrt(np.mean((target - left_out) ** 2, axis=0))
        return cls(weights, offset, mean, scale, error)

    def arrays(self) -> dict[str, FloatArray]:
        """As arrays by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def profiles(self, encoded: FloatArray) -> FloatArray:
        """Standardised log metric of encoded designs on every device, float64 [n, n_devices]."""
        return encoded @ self.weights + self.offset


class SourcePredictor(PooledPredictor):
    """Models the log metric on a new device by what is predicted for the devices of the pool.

    A subclass gives ``options``, ``_adapt`` and :meth:`_log_metric`.
    """

    _sources: Sources | None = None

    @property
    def sources(self) -> Sources:
        """What was learnt of the pool's devices.

        Raises:
            PredictorError: When it is not fitted.
        """
        if self._sources is None:
            raise PredictorError("the predictor has learnt nothing yet", "call fit or fit_pool first")
        return self._sources

    def profiles(self, codes: Codes) -> FloatArray:
        """Standardised log metric of int64 ``codes`` [n, n_knobs] on every device, float64 [n, n_devices]."""
        return self.sources.profiles(ChoiceEncoding(self.space)(codes))

    def log_devices(self, codes: Codes) -> FloatArray:
        """Log metric of int64 ``codes`` [n, n_knobs] on every device, float64 [n, n_devices]."""
        return np.asarray(self.sources.mean + self.sources.scale * self.profiles(codes))

    @abstractmethod
    def _log_metric(self, codes: Codes) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation of the log metric on the new device, float64 [n] each."""

    def _fit_pool(self, pool: Pool) -> None:
        self._sources = Sources.of(pool, ChoiceEncoding(self.space))

    def _learnt(self) -> dict[str, FloatArray]:
        return self.sources.arrays()

    def _restore_learnt(self, state: Mapping[str, FloatArray]) -> None:
        self._sources = Sources(**state)

    def _predict(self, codes: Codes) -> Prediction:
        mean, std = self._log_metric(codes) if self.n_adapted else self._typical(codes)
        # Median, and half the way between the one-sigma points.
        return Prediction(np.exp(mean), np.exp(mean) * np.sinh(std))

    def _typical(self, codes: Codes) -> tuple[FloatArray, FloatArray]:
        """Over the devices of the pool: mean, and their spread with the errors of their models; float64 [n] each."""
        found = self.sources
        each = self.log_devices(codes)
        return each.mean(axis=1), np.sqrt(each.var(axis=1) + np.mean((found.scale * found.error) ** 2) + TINY)


def log_positive(metric: str, y: FloatArray) -> FloatArray:
    """Logarithm of a new device's metric, float64 [n].

    Raises:
        PredictorError: When a value is not positive.
    """
    check_positive(metric, y)
    return np.log(y)


TINY = 1e-18
"""Added to variances of the log metric, against exact fits."""
