"""A fixed piece of work, to tell the pace of a processor by."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

SIZE = 64
STEPS = 10


def reference_work() -> Callable[[], object]:
    """Some tens of microseconds of what a small network in eager mode does: small products, and calls between them.

    Returns:
        Does it once, on one thread, in the second-level cache.
    """
    left = np.full((SIZE, SIZE), 0.01, np.float32)
    state, other = np.ones((SIZE, SIZE), np.float32), np.empty((SIZE, SIZE), np.float32)

    def work() -> None:
        for _ in range(STEPS):
            np.matmul(left, state, out=other)
            np.maximum(other, 0.0, out=other)

    return work
