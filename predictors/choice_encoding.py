"""Designs as indicators of their choices, and of pairs of them where these are few."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from ..spaces.knobs import INACTIVE, Codes
from ..spaces.space import Space
from .one_hot import MOST_VALUES, OneHot
from .prediction import FloatArray

MOST_PAIRS = 1000
"""Products of indicators join the encoding of spaces that have no more of them."""


class ChoiceEncoding:
    """Indicators of knobs' values; in small spaces also their products between every two knobs.

    Args:
        space: The space.
    """

    def __init__(self, space: Space) -> None:
        self._one_hot = OneHot(space)
        sizes = space.cardinalities
        pairs = list(combinations(range(space.n_knobs), 2))
        few = bool((sizes <= MOST_VALUES).all()) and sum(int(sizes[a] * sizes[b]) for a, b in pairs) <= MOST_PAIRS
        self._a, self._b = np.array(pairs if few else [], np.int64).reshape(-1, 2).T
        self._sizes = sizes[self._b]
        widths = sizes[self._a] * self._sizes
        self._first = np.cumsum(widths) - widths
        self._width = int(widths.sum())

    def __call__(self, codes: Codes) -> FloatArray:
        """Columns of int64 ``codes`` [n, n_knobs], float64 [n, n_columns]."""
        hits = self._one_hot(codes)
        if not self._width:
            return hits
        a, b = codes[:, self._a], codes[:, self._b]
        found = np.zeros((len(codes), hits.shape[1] + self._width))
        found[:, : hits.shape[1]] = hits
        # Of all products only one of each pair of knobs is not zero.
        row, pair = np.nonzero((a != INACTIVE) & (b != INACTIVE))
        found[row, hits.shape[1] + (self._first + a * self._sizes + b)[row, pair]] = 1.0
        return found
