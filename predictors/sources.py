"""What the devices of a pool would measure, for any design: the base of predictors that combine source devices."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import combinations
from typing import Self

import numpy as np

from ..spaces.errors import PredictorError
from ..spaces.knobs import INACTIVE, Codes
from ..spaces.space import Space
from .evidence import fit_evidence_each
from .one_hot import MOST_VALUES, OneHot
from .pool import Pool
from .pooled import PooledPredictor
from .prediction import FloatArray, Prediction

MOST_PAIRS = 1000
"""Products of indicators join the encoding of spaces that have no more of them."""


class SourceEncoding:
    """Indicators of knobs' values; in small spaces also their products between every two knobs.

    Args:
        space: The space.
    """

    def __init__(self, space: Space) -> None:
        self._one_hot = OneHot(space)
        sizes = space.cardinalities
        pairs = list(combinations(range(space.n_knobs), 2))
        few = bool((sizes <= MOST_VALUES).all()) and sum(int(sizes[a] * sizes[b]) for a, b in pairs) <= MOST_PAIRS
        self._a, self._b = np.array(pairs if few else [], np.int64).reshape(-1, 2).T
        self._sizes = sizes[self._b]
        ends = np.cumsum(sizes[self._a] * self._sizes)
        self._first = np.concatenate([np.zeros(1, np.int64), ends])[:-1] if len(ends) else ends
        self._width = int(ends[-1]) if len(ends) else 0

    def __call__(self, codes: Codes) -> FloatArray:
        """Columns of int64 ``codes`` [n, n_knobs], float64 [n, n_columns]."""
        hits = self._one_hot(codes)
        if not self._width:
            return hits
        a, b = codes[:, self._a], codes[:, self._b]
        found = np.zeros((len(codes), hits.shape[1] + self._width))
        found[:, : hits.shape[1]] = hits
        # Of all products only one of each pair of knobs is not zero.
        row, pair = np.nonzero((a != INACTIVE) & (b != INACTIVE))
        found[row, hits.shape[1] + (self._first + a * self._sizes + b)[row, pair]] = 1.0
        return found


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
    def of(cls, pool: Pool, encoding: SourceEncoding) -> Self:
        """Fit every device of a pool on the designs that it measured; penalties by evidence."""
        x, logs = encoding(pool.codes), np.log(pool.values)
        measured = np.isfinite(logs)
        mean, scale = np.nanmean(logs, axis=0), np.nanstd(logs, axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        weights, offset, error = np.empty((x.shape[1], len(pool))), np.empty(len(pool)), np.empty(len(pool))
        _, group = np.unique(measured, axis=1, return_inverse=True)
        for same in range(int(group.max()) + 1):
            devices = np.flatnonzero(group.reshape(-1) == same)
            rows = measured[:, devices[0]]
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
        return self.sources.profiles(SourceEncoding(self.space)(codes))

    def log_devices(self, codes: Codes) -> FloatArray:
        """Log metric of int64 ``codes`` [n, n_knobs] on every device, float64 [n, n_devices]."""
        return np.asarray(self.sources.mean + self.sources.scale * self.profiles(codes))

    @abstractmethod
    def _log_metric(self, codes: Codes) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation of the log metric on the new device, float64 [n] each."""

    def _fit_pool(self, pool: Pool) -> None:
        self._sources = Sources.of(pool, SourceEncoding(self.space))

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
    if not (y > 0).all():
        raise PredictorError(f"{metric} has values of 0 or less", "leave failed designs out")
    return np.log(y)


TINY = 1e-18
"""Added to variances of the log metric, against exact fits."""
