"""A new device as a weighted sum of source devices."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..spaces.errors import PredictorError
from ..spaces.knobs import Codes
from ..spaces.space import Space
from .nonnegative import NonNegativeFit
from .prediction import FloatArray
from .sources import SourcePredictor, log_positive


class SourceRidge(SourcePredictor):
    """Ridge regression of the log metric, with weights that are not negative, on what is predicted for source devices.

    Args:
        space: The design space.
        metric: Metric name, with its unit.
        penalty: Of squared weights, where the samples' log metric has unit variance.

    Raises:
        PredictorError: When the penalty is not positive.

    Source: Hoerl and Kennard 1970, "Ridge regression", Technometrics 12; as stacking with non-negative weights,
    Breiman 1996, "Stacked regressions", Machine Learning 24.
    """

    kind: ClassVar[str] = "source_ridge"

    def __init__(self, space: Space, metric: str, *, penalty: float = 1.0) -> None:
        super().__init__(space, metric)
        if not penalty > 0:
            raise PredictorError(f"penalty {penalty}", "use a positive number")
        self.penalty = penalty

    def options(self) -> dict[str, Any]:
        return {"penalty": self.penalty}

    def _adapt(self, codes: Codes, y: FloatArray) -> None:
        target, profiles = log_positive(self.metric, y), self.profiles(codes)
        self._centre, self._offset, self._scale = (
            profiles.mean(axis=0),
            float(target.mean()),
            float(target.std()) or 1.0,
        )
        penalty = self.penalty * np.eye(profiles.shape[1])
        self._fitted = NonNegativeFit.of(
            profiles - self._centre, (target - self._offset) / self._scale, penalty, used=1
        )

    def _log_metric(self, codes: Codes) -> tuple[FloatArray, FloatArray]:
        mean, std = self._fitted.predict(self.profiles(codes) - self._centre)
        return self._offset + self._scale * mean, self._scale * std
