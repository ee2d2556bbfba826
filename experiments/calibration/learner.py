"""A predictor that knows a pool of source devices and meets a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...hw_targets.metric import Source
from ...predictors.pool import Pool
from ...predictors.pooled import PooledPredictor
from ...predictors.prediction import FloatArray
from ...predictors.predictor import Predictor
from ...spaces.errors import PredictorError
from ...spaces.knobs import Codes
from ...spaces.space import Space
from .request import Request

Known = tuple[Codes, FloatArray]
"""Designs, int64 [n, n_knobs], and their values, float64 [n]."""

FEWEST_ADAPTED = 2
"""Measurements that a predictor can be adapted to."""


@dataclass(frozen=True)
class Learner:
    """A predictor that knows the pool, if there is one, and now meets the device.

    Attributes:
        predictor: Fitted to the pool.
        pool: Source devices, or None.
        request: What was asked.
        kinds: Source device to how its numbers were got.
    """

    predictor: Predictor
    pool: Pool | None
    request: Request
    kinds: Mapping[str, Source] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.pool is None:
            return
        what = "learning from " + ("1 source device" if len(self.pool) == 1 else f"{len(self.pool)} source devices")
        self.request.report(what, 0.0)
        if isinstance(self.predictor, PooledPredictor):
            self.predictor.fit_pool(self.pool)
        elif len(self.pool) == 1:
            codes, y = self.pool.table(self.pool.devices[0])
            self.predictor.fit(self.pool.space.designs(codes), y)
        else:
            problem = f"{self.request.predictor} learns from one table, and the pool has {len(self.pool)} devices"
            raise PredictorError(problem, "choose one with --sources, or use --predictor few_shot")
        self.request.report(what, 1.0)

    @property
    def space(self) -> Space:
        """The design space."""
        return self.predictor.space

    def rng(self, purpose: int) -> np.random.Generator:
        """Source of randomness for one purpose."""
        return np.random.default_rng(np.random.SeedSequence([self.request.seed, purpose]))

    def choose(self, codes: Codes, k: int, known: Known | None = None) -> NDArray[np.int64]:
        """All rows of ``codes`` in the order to measure them: ``k`` by the predictor if it can, then the others.

        Args:
            codes: Designs that could be measured, int64 [n, n_knobs].
            k: How many are wanted.
            known: Other designs that the device measured already, int64 [m, n_knobs], and their values, float64 [m].

        Returns:
            int64 [n].
        """
        order = self.rng(0).permutation(len(codes))
        if not isinstance(self.predictor, PooledPredictor) or k < 1:
            return order
        if known is not None and len(known[1]) >= FEWEST_ADAPTED:
            learn = self.predictor.fit if self.pool is None else self.predictor.adapt
            learn(self.space.designs(known[0]), known[1])
        chosen = self.predictor.choose(self.space.designs(codes), min(k, len(codes)), self.rng(1))
        return np.concatenate([chosen, order[~np.isin(order, chosen)]])

    def learn(self, codes: Codes, y: FloatArray) -> Predictor:
        """The predictor after it met the device's ``y``, float64 [n], of int64 ``codes`` [n, n_knobs]."""
        what = f"fitting {self.request.predictor}"
        self.request.report(what, 0.0)
        learn = self.predictor.fit if self.pool is None else self.predictor.adapt
        learn(self.space.designs(codes), y)
        self.request.report(what, 1.0)
        return self.predictor
