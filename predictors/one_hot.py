"""Designs as indicators of their knobs' values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..spaces.knobs import INACTIVE, Codes
from ..spaces.space import Space

FloatArray = NDArray[np.float64]

MOST_VALUES = 32
"""Knobs of more values give their position in 0 .. 1 instead, so that the width stays bounded."""


class OneHot:
    """One column per value of each knob; all zero where the knob is inactive.

    Args:
        space: The space.

    Source: the masked one-hot vectors of DyNAS-T (Cummings et al. 2022, "A hardware-aware framework for accelerating
    neural architecture search across modalities", arXiv 2205.10358).
    """

    def __init__(self, space: Space) -> None:
        sizes = space.cardinalities
        few = np.flatnonzero(sizes <= MOST_VALUES)
        self._knob = np.repeat(few, sizes[few])
        self._value = np.concatenate([np.arange(sizes[j]) for j in few] + [np.empty(0, np.int64)]).astype(np.int64)
        self._many = np.flatnonzero(sizes > MOST_VALUES)
        self._top = np.maximum(sizes[self._many] - 1, 1)
        self.owner = np.concatenate([self._knob, self._many, self._many])
        """The knob that each column belongs to, int64 [n_columns]."""

    def __call__(self, codes: Codes) -> FloatArray:
        """Columns of int64 ``codes`` [n, n_knobs], float64 [n, n_columns]; a position's column is followed by a second.

        That second column is one where the knob is active, so that the first value and no value differ.
        """
        hits: FloatArray = (codes[:, self._knob] == self._value).astype(np.float64)
        if not len(self._many):
            return hits
        chosen = codes[:, self._many]
        active = chosen != INACTIVE
        return np.hstack([hits, np.where(active, chosen / self._top, 0.0), active.astype(np.float64)])
