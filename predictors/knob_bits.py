"""Knobs as features whose squared distances are sensible distances between values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..spaces.knobs import INACTIVE, Codes
from ..spaces.space import Space

FloatArray = NDArray[np.float64]

MOST_STEPS = 16
"""Ordered knobs with more values count by their position alone."""


class KnobBits:
    """Maps codes to features with ``|x - x'|^2`` = the sum over knobs of a distance between 0 and 1.

    Two values of an unordered knob are 1 apart, an inactive one is 1/2 from every value. Two values of an ordered knob
    with few values are ``|i - j| / (k - 1) / 2 + 1/2`` apart: half by position, half by being different; inactive is
    1/4 from the lowest and 3/4 from the highest. With many values it is the squared difference of positions in 0..1;
    inactive counts as the middle.

    Args:
        space: The design space.

    Attributes:
        owner: The knob that each feature belongs to, int64 [n_features].
    """

    def __init__(self, space: Space) -> None:
        rows: list[tuple[int, int, int, float]] = []
        wide = []
        for knob, n in enumerate(space.cardinalities.tolist()):
            graded = bool(space.ordered[knob]) and n > 2
            if graded and n > MOST_STEPS:
                wide.append(knob)
                rows.append((knob, 0, n - 1, 0.5))
                continue
            # A feature is on for codes in low..high: one per value, and one per step of an ordered knob.
            rows += [(knob, value, value, 0.25 if graded else 0.5) for value in range(n)]
            rows += [(knob, value, n - 1, 0.5 / (n - 1)) for value in range(1, n) if graded]
        self._wide: NDArray[np.int64] = np.array(wide, dtype=np.int64)
        self._top: NDArray[np.int64] = space.cardinalities[self._wide] - 1
        self._bit: NDArray[np.int64] = np.array([row[0] for row in rows], dtype=np.int64)
        self._low: NDArray[np.int64] = np.array([row[1] for row in rows], dtype=np.int64)
        self._high: NDArray[np.int64] = np.array([row[2] for row in rows], dtype=np.int64)
        self._height: FloatArray = np.sqrt(np.array([row[3] for row in rows]))
        self.owner: NDArray[np.int64] = np.concatenate([self._bit, self._wide])

    def __call__(self, codes: Codes) -> FloatArray:
        """Features of int64 ``codes`` [n, n_knobs], float64 [n, n_features]."""
        values = codes[:, self._bit]
        bits = ((values >= self._low) & (values <= self._high)) * self._height
        if not len(self._wide):
            return np.asarray(bits)
        codes = codes[:, self._wide]
        return np.concatenate([bits, np.where(codes == INACTIVE, 0.5, codes / self._top)], axis=1)
