"""Metrics that must be positive to be learnt."""

from __future__ import annotations

from ..spaces.errors import PredictorError
from .prediction import FloatArray


def check_positive(metric: str, y: FloatArray) -> None:
    """Refuse values of 0 or less.

    Args:
        metric: Metric name, for the message.
        y: Its values, float64 [n].

    Raises:
        PredictorError: When there are any.
    """
    if not (y > 0).all():
        raise PredictorError(f"{metric} has values of 0 or less", "leave failed designs out")
