"""Predictions with their deviation, and their correction for another device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prediction:
    """Predictions for ``n`` designs, in the unit of the metric.

    Args:
        mean: float64 [n].
        std: Standard deviation of a new observation, float64 [n].
    """

    mean: FloatArray
    std: FloatArray


@dataclass(frozen=True, slots=True)
class LinearCorrection:
    """Another device as a line over a prediction.

    Attributes:
        slope: Of the line.
        offset: Of the line, in the metric's unit.
        std: Spread around the line, in the metric's unit.
    """

    slope: float
    offset: float
    std: float

    @classmethod
    def between(cls, predicted: FloatArray, y: FloatArray) -> Self:
        """Least squares from predictions to observations, float64 [n] each; no slope when predictions are equal."""
        spread = predicted - predicted.mean()
        slope = float(spread @ y / (spread @ spread)) if spread.any() else 1.0
        offset = float(y.mean() - slope * predicted.mean())
        residual = y - offset - slope * predicted
        return cls(slope, offset, float(np.sqrt(residual @ residual / max(len(y) - 2, 1))))

    def apply(self, found: Prediction) -> Prediction:
        """The other device's prediction."""
        return Prediction(self.offset + self.slope * found.mean, np.hypot(self.slope * found.std, self.std))
