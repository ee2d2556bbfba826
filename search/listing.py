"""All designs of a small space, less those already told."""

from __future__ import annotations

import numpy as np

from ..spaces.knobs import Codes
from .archive import Archive, keys


class Listing:
    """Draws untold designs of an enumerable space, also when few are left.

    Args:
        designs: int64 [size, n_knobs], every design once; no rows when the space is too large to list.
    """

    def __init__(self, designs: Codes) -> None:
        self._designs = designs
        self._row = {key: row for row, key in enumerate(keys(designs))}
        self._left = np.ones(len(self._row), dtype=bool)
        self._n_told = 0

    def forget(self, archive: Archive) -> None:
        """Strike out the completed trials of ``archive`` that were added since the last call."""
        told = archive.completed.codes[self._n_told :]
        rows = [self._row[key] for key in keys(told) if key in self._row]
        self._left[rows] = False
        self._n_told = archive.n_completed

    def draw(self, n: int, rng: np.random.Generator) -> Codes:
        """Up to ``n`` of the designs left, without repeats, int64 [<= n, n_knobs]."""
        left = np.flatnonzero(self._left)
        rows = rng.choice(left, min(n, len(left)), replace=False)
        return np.asarray(self._designs[rows])
