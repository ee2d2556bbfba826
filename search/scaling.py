"""Objectives brought to a common scale, safely for any finite values."""

from __future__ import annotations

import numpy as np

from .objective import FloatArray


def unit_scaled(values: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Scale columns so that ``low`` becomes 0 and ``high`` 1.

    Args:
        values: float64 [n, n_objectives], finite.
        low: float64 [n_objectives].
        high: float64 [n_objectives], nowhere under ``low``.

    Returns:
        float64 [n, n_objectives]; a column in which ``low`` equals ``high`` is shifted to 0 at ``low`` and not scaled.
    """
    # Halved, so that a span of huge values does not overflow.
    span = high / 2 - low / 2
    flat = span <= 0
    # A flat column keeps its unit: halved on both sides of the fraction.
    return np.asarray((values / 2 - low / 2) / np.where(flat, 0.5, span))
