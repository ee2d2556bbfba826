"""Layer-wise look-up table: a constant plus what the value of each knob costs."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..spaces.errors import PredictorError
from ..spaces.knobs import INACTIVE, Codes
from ..spaces.space import Space
from .nonnegative import NonNegativeFit
from .one_hot import MOST_VALUES
from .prediction import FloatArray, Prediction
from .predictor import Predictor


class LookupTable(Predictor):
    """The metric as a sum over layers: a constant plus a cost for every value of every knob.

    Costs are not negative unless the metric itself is. Inactive knobs cost nothing. Knobs of many values have two
    entries, of their first and last value, and costs in between lie on a line. A value that was never measured
    costs what the others of its knob cost on average. The deviation comes from residuals and leverage.

    Args:
        space: The design space.
        metric: Metric name, with its unit.
        shrinkage: How many measurements the pull of costs to their knob's average is worth.

    Raises:
        PredictorError: When the shrinkage is negative.

    Source: the look-up tables of Cai, Zhu and Han 2019, "ProxylessNAS", section 3.3.2, and Wu et al. 2019, "FBNet",
    section 3.2, fitted to whole networks instead of layers measured alone.
    """

    kind: ClassVar[str] = "lookup_table"

    def __init__(self, space: Space, metric: str, *, shrinkage: float = 0.1) -> None:
        super().__init__(space, metric)
        if not shrinkage >= 0:
            raise PredictorError(f"shrinkage {shrinkage}", "use 0 or more")
        self.shrinkage = shrinkage
        sizes = np.where(space.cardinalities > MOST_VALUES, 2, space.cardinalities)
        self._knob = np.repeat(np.arange(space.n_knobs), sizes)
        self._value = np.concatenate([np.arange(size) for size in sizes])
        self._wide = np.flatnonzero(space.cardinalities > MOST_VALUES)
        self._fitted: NonNegativeFit | None = None

    def options(self) -> dict[str, Any]:
        return {"shrinkage": self.shrinkage}

    @property
    def constant(self) -> float:
        """What every design costs, in the metric's unit.

        Raises:
            PredictorError: When it is not fitted.
        """
        return float(self._fit_of().weights[0])

    def costs(self, knob: str) -> FloatArray:
        """What each value of a knob costs, in the metric's unit, float64 [n_values].

        Raises:
            PredictorError: When it is not fitted.
            SpaceError: When there is no such knob.
        """
        column = self.space.index(knob)
        entries = self._fit_of().weights[1:][self._knob == column]
        n = int(self.space.cardinalities[column])
        return np.asarray(np.interp(np.linspace(0.0, 1.0, n), np.linspace(0.0, 1.0, len(entries)), entries))

    def _columns(self, codes: Codes) -> FloatArray:
        """A one, then the share of each entry in a design's cost; float64 [n, 1 + n_entries]."""
        chosen = codes[:, self._knob]
        shares = (chosen == self._value).astype(np.float64)
        for knob in self._wide.tolist():
            code = codes[:, knob]
            position = code / (self.space.cardinalities[knob] - 1)
            both = np.stack([1.0 - position, position], axis=1)
            shares[:, self._knob == knob] = np.where((code == INACTIVE)[:, None], 0.0, both)
        return np.hstack([np.ones((len(codes), 1)), shares])

    def _fit(self, codes: Codes, y: FloatArray) -> None:
        same = self._knob[:, None] == self._knob[None, :]
        penalty = np.zeros((1 + len(self._knob),) * 2)
        # Squared distances of costs from their knob's average.
        penalty[1:, 1:] = self.shrinkage * (np.eye(len(same)) - same / same.sum(axis=1))
        self._fitted = NonNegativeFit.of(self._columns(codes), y, penalty, bounded=bool((y >= 0).all()))

    def _predict(self, codes: Codes) -> Prediction:
        return Prediction(*self._fit_of().predict(self._columns(codes)))

    def _fit_of(self) -> NonNegativeFit:
        if self._fitted is None:
            raise PredictorError("the predictor has learnt nothing yet", "call fit first")
        return self._fitted
