"""Predictors that learn from many devices and adapt to a new one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..spaces.design import Designs
from ..spaces.errors import PredictorError
from ..spaces.knobs import Codes
from .pool import Pool
from .prediction import FloatArray
from .predictor import Predictor


class PooledPredictor(Predictor):
    """Learns from a pool of devices, chooses what to measure on a new one, and adapts to it.

    A subclass gives ``options``, :meth:`_fit_pool`, :meth:`_adapt` and ``_predict``. Before a device is adapted to,
    ``_predict`` tells of a typical device of the pool. Fitting a single table is a pool of one device.
    """

    def fit_pool(self, pool: Pool) -> Self:
        """Learn from devices that were measured before; forgets what was learnt and adapted to.

        Raises:
            PredictorError: When the pool is of another space or metric.
        """
        if pool.space.digest != self.space.digest or pool.metric != self.metric:
            problem = f"a pool of {pool.metric} on space {pool.space.name!r} for a predictor of {self.metric}"
            raise PredictorError(problem, f"give one of {self.metric} on the predictor's space {self.space.name!r}")
        self.codes, self.observed, self._device = pool.flat()
        self._names, self._models = pool.devices, pool.models
        self.n_adapted = 0
        # In the order of rows that loading gives, so that what is loaded predicts the same to the last digit.
        self._fit_pool(self.pool)
        return self

    @property
    def pool(self) -> Pool:
        """The devices that it has learnt from.

        Raises:
            PredictorError: When it is not fitted.
        """
        self._check_fitted()
        m = len(self.observed) - self.n_adapted
        tables = {
            name: (self.codes[:m][self._device == j], self.observed[:m][self._device == j])
            for j, name in enumerate(self._names)
        }
        return Pool.of(self.space, self.metric, tables, self._models)

    def choose(self, candidates: Designs, k: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Which designs to measure next on the new device; by default uniformly random ones.

        Args:
            candidates: ``n`` designs that could be measured.
            k: How many to choose, at most ``n``.
            rng: Source of randomness.

        Returns:
            Rows of ``candidates``, all different, in the order in which they tell most, int64 [k].
        """
        return rng.permutation(len(candidates))[:k]

    def calibration(self) -> dict[str, float]:
        """Figures of the device adapted to, or of a pool of one device; before, only the number ``n`` of values."""
        self._check_fitted()
        if self.n_adapted or len(self._names) == 1:
            return super().calibration()
        return {"n": float(len(self.observed))}

    @abstractmethod
    def _fit_pool(self, pool: Pool) -> None:
        """Learn from a pool."""

    @abstractmethod
    def _adapt(self, codes: Codes, y: FloatArray) -> None:
        """Adapt to the new device's ``y``, float64 [k], of int64 ``codes`` [k, n_knobs]; starts from the pool."""

    def _fit(self, codes: Codes, y: FloatArray) -> None:
        # As through fit_pool, so that a single table is saved and loaded like any pool.
        self._device, self._names, self._models = np.zeros(len(y), np.int64), ("device",), ()
        self._fit_pool(Pool.of(self.space, self.metric, {"device": (codes, y)}))

    def state(self) -> dict[str, FloatArray]:
        names = {"pool_names": np.array(self._names), "pool_models": np.array(self._models, dtype=str)}
        return {"pool_device": self._device, **names, **self._learnt()}

    def restore(self, state: Mapping[str, FloatArray]) -> None:
        self._device = np.asarray(state["pool_device"], np.int64)
        self._names = tuple(str(name) for name in state["pool_names"])
        self._models = tuple(str(name) for name in state["pool_models"])
        self._restore_learnt({k: v for k, v in state.items() if not k.startswith("pool_")})
        if self.n_adapted:
            kept = len(self.observed) - self.n_adapted
            self._adapt(self.codes[kept:], self.observed[kept:])

    def _learnt(self) -> dict[str, FloatArray]:
        """What :meth:`_fit_pool` learnt, as arrays; by default nothing, as loading learns again."""
        return {}

    def _restore_learnt(self, state: Mapping[str, FloatArray]) -> None:
        """Take back what :meth:`_learnt` gave."""
        self._fit_pool(self.pool)
