"""Which trials do what, when a strategy mixes several ways to propose."""

from __future__ import annotations

import numpy as np

from .objective import FloatArray

GOLDEN = 0.6180339887498949
"""Multiples of the golden ratio's fraction spread evenly over 0..1, however many are taken."""


def places(first: int, n: int) -> FloatArray:
    """Numbers of ``n`` trials from trial ``first`` on, float64 [n] in 0..1; any run of trials covers that evenly.

    A role with a share ``s`` takes the trials below ``s``: so many of them, however the asks are cut.
    """
    return np.asarray(np.arange(first, first + n) * GOLDEN % 1.0)
