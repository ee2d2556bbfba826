"""Nearest rows of a list of feasible designs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .knobs import INACTIVE, Codes, Knob

BLOCK = 2_000_000
"""Distances that are held at once."""

TIE = 1e-5
"""Distances this close are equal; float32 sums of a hundred terms in 0..1 are good to about that."""

Scales = NDArray[np.float32]


def scales(knobs: Sequence[Knob]) -> Scales:
    """Weight of one code step of each knob, float32 [n]: one over the range; 0 marks an unordered knob."""
    return np.array([1.0 / max(1, k.n - 1) if k.ordered else 0.0 for k in knobs], dtype=np.float32)


def distances(rows: Codes, wanted: Codes, weight: Scales) -> NDArray[np.float32]:
    """Distances, float32 [n_wanted, n_rows].

    Ordered knobs count their code difference as a share of the range, unordered ones 1 where they differ, knobs that
    are inactive on either side nothing.

    Args:
        rows: int64 [n_rows, n_columns].
        wanted: int64 [n_wanted, n_columns].
        weight: From :func:`scales`.
    """
    total = np.zeros((len(wanted), len(rows)), dtype=np.float32)
    for j, step in enumerate(weight):
        a, b = wanted[:, j : j + 1].astype(np.float32), rows[None, :, j].astype(np.float32)
        gap = np.abs(a - b) * step if step else (a != b).astype(np.float32)
        if (wanted[:, j] == INACTIVE).any() or (rows[:, j] == INACTIVE).any():
            gap[(a == INACTIVE) | (b == INACTIVE)] = 0.0
        total += gap
    return total


def nearest_rows(
    rows: Codes, wanted: Codes, weight: Scales, rng: np.random.Generator | None, avoid: Codes | None
) -> Codes:
    """Index of the nearest of ``rows`` for each wanted row, int64 [n_wanted].

    Args:
        rows: int64 [n_rows, n_columns], at least one.
        wanted: int64 [n_wanted, n_columns].
        weight: From :func:`scales`.
        rng: Picks one of several nearest; without it the first wins.
        avoid: int64 [n_wanted, n_columns], a row not to pick for each, unless it is the only one.
    """
    found = np.empty(len(wanted), dtype=np.int64)
    block = max(1, BLOCK // len(rows))
    for start in range(0, len(wanted), block):
        part = slice(start, start + block)
        away = distances(rows, wanted[part], weight)
        if avoid is not None and len(rows) > 1:
            same = rows[None, :, 0] == avoid[part, 0, None]
            for j in range(1, rows.shape[1]):
                same &= rows[None, :, j] == avoid[part, j, None]
            away[same] = np.inf
        found[part] = away.argmin(axis=1) if rng is None else _random_best(away, rng)
    return found


def _random_best(away: NDArray[np.float32], rng: np.random.Generator) -> Codes:
    tied_rows, tied = np.nonzero(away <= away.min(axis=1, keepdims=True) + TIE)
    counts = np.bincount(tied_rows, minlength=len(away))
    starts = np.cumsum(counts) - counts
    picked: Codes = tied[starts + rng.integers(0, counts)]
    return picked
