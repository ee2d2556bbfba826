"""How long an accelerator waits for memory, from how late memory was in a simulation without feedback."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

STRETCHES = 16
"""A stream is looked at in as many parts, of equally many requests."""

LEAST_REQUESTS = 250
"""Requests of a part, at least."""

LAST_REQUESTS = 32
"""The lag at the end of a part is the least delay of so many requests: what all of them wait for is a backlog."""


def stalls(delays: NDArray[np.int32]) -> tuple[FloatArray, FloatArray]:
    """Stalls of an array whose stream was simulated at the times at which it would ask if it never waited.

    Where memory is too slow, requests queue up and the lag between asking and getting grows: by so much the array would
    stall. Where memory is faster than asked, the simulation makes up for the lag; the array would not, since it has
    stalled already, and prefetches one fold ahead at most. So stalls are all growth of the lag, part by part.

    Args:
        delays: Cycles from a request's time in the stream to its response, int32 [n, m], m requests in order.

    Returns:
        Cycles of stall, float64 [n]; share of the parts in which the lag grew, float64 [n].
    """
    m = delays.shape[1]
    parts = max(1, min(STRETCHES, m // LEAST_REQUESTS))
    ends = np.arange(1, parts + 1) * m // parts
    window = min(LAST_REQUESTS, m)
    lags = np.stack([delays[:, end - window : end].min(axis=1) for end in ends], axis=1).astype(np.float64)
    base = delays.min(axis=1, keepdims=True).astype(np.float64)
    growth = np.maximum(np.diff(lags, axis=1, prepend=base), 0.0)
    return growth.sum(axis=1), (growth > base).mean(axis=1)
