"""Nearest rows of a list of feasible designs, exactly, with bounding boxes to skip most of the list."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..knobs import INACTIVE, Codes, Knob

LEAF = 64
"""Rows per bounding box."""

BLOCK = 16_384
"""Pairs of a wanted row and a box that are looked into at once."""

TIE = 1e-5
"""Distances this close are equal; float32 sums of a hundred terms in 0..1 are good to about that."""

Scales = NDArray[np.float32]
_Distances = NDArray[np.float32]


def scales(knobs: Sequence[Knob]) -> Scales:
    """Weight of one code step of each knob, float32 [n]: one over the range; 0 marks an unordered knob."""
    return np.array([1.0 / max(1, k.n - 1) if k.ordered else 0.0 for k in knobs], dtype=np.float32)


class NearestRows:
    """Finds the nearest of many rows.

    The distance sums, over ordered knobs, the code difference as a share of the range, and 1 for each unordered knob
    that differs; knobs that are inactive on either side count nothing. Rows are split at medians into boxes
    (Bentley 1975, k-d trees); boxes whose lower bound exceeds a distance already found are skipped.

    Args:
        rows: int64 [n, n_columns], distinct, at least one.
        weight: From :func:`scales`.
    """

    def __init__(self, rows: Codes, weight: Scales) -> None:
        self.rows = rows
        self.weight = weight
        leaves = self._split()
        self._members = np.full((len(leaves), max(map(len, leaves))), -1, dtype=np.int64)
        for i, leaf in enumerate(leaves):
            self._members[i, : len(leaf)] = leaf
        self._padding = np.where(self._members < 0, np.inf, 0.0).astype(np.float32)
        filled = np.where(self._members < 0, self._members[:, :1], self._members)
        self._codes = [rows[filled, j].astype(np.float32) for j in range(rows.shape[1])]
        self._low = np.column_stack([codes.min(axis=1) for codes in self._codes])
        self._high = np.column_stack([codes.max(axis=1) for codes in self._codes])
        self._switched = (rows == INACTIVE).any(axis=0)

    def find(self, wanted: Codes, rng: np.random.Generator | None, avoid: Codes | None = None) -> Codes:
        """Index of the nearest row to each wanted one, int64 [m].

        Args:
            wanted: int64 [m, n_columns].
            rng: Picks one of several nearest; without it the first wins.
            avoid: int64 [m, n_columns], a row not to pick for each, unless it is the only one.
        """
        avoid = None if len(self.rows) == 1 else avoid
        step = max(1, 64 * BLOCK // len(self._members))
        parts = [slice(i, i + step) for i in range(0, len(wanted), step)]
        found = [self._find(wanted[p], rng, None if avoid is None else avoid[p]) for p in parts]
        return np.concatenate(found) if found else np.empty(0, np.int64)

    def _find(self, wanted: Codes, rng: np.random.Generator | None, avoid: Codes | None) -> Codes:
        bound = self._lower_bounds(wanted)
        everyone = np.arange(len(wanted))
        best = self._distances(everyone, bound.argmin(axis=1), wanted, avoid).min(axis=1)
        who, box = np.nonzero(bound <= best[:, None] + TIE)
        near: list[tuple[Codes, Codes, _Distances]] = []
        for i in range(0, len(who), BLOCK):
            w, b = who[i : i + BLOCK], box[i : i + BLOCK]
            away = self._distances(w, b, wanted, avoid)
            pair, place = np.nonzero(away <= best[w, None] + TIE)
            near.append((w[pair], self._members[b[pair], place], away[pair, place]))
        owner, index, distance = (np.concatenate(column) for column in zip(*near, strict=True))
        np.minimum.at(best, owner, distance)
        tied = distance <= best[owner] + TIE
        owner, index = owner[tied], index[tied]
        order = np.lexsort((index, owner))
        counts = np.bincount(owner, minlength=len(wanted))
        rank = 0 if rng is None else rng.integers(0, counts)
        picked: Codes = index[order][np.cumsum(counts) - counts + rank]
        return picked

    def _lower_bounds(self, wanted: Codes) -> _Distances:
        total = np.zeros((len(wanted), len(self._low)), dtype=np.float32)
        for j, step in enumerate(self.weight):
            goal = wanted[:, j].astype(np.float32)[:, None]
            gap = np.maximum(np.maximum(self._low[None, :, j] - goal, goal - self._high[None, :, j]), 0.0)
            gap = gap * step if step else (gap > 0).astype(np.float32)
            if self._switched[j]:
                gap[(goal == INACTIVE) | (self._low[None, :, j] == INACTIVE)] = 0.0
            total += gap
        return total

    def _distances(self, who: Codes, box: Codes, wanted: Codes, avoid: Codes | None) -> _Distances:
        """Distances of wanted rows ``who`` [p] to the members of boxes [p], float32 [p, leaf]; inf for padding."""
        total = self._padding[box]
        goals = wanted[who].astype(np.float32)
        same = None if avoid is None else np.ones(total.shape, bool)
        for j, step in enumerate(self.weight):
            theirs, goal = self._codes[j][box], goals[:, j : j + 1]
            gap = np.abs(theirs - goal) * step if step else (theirs != goal).astype(np.float32)
            if self._switched[j]:
                gap[(theirs == INACTIVE) | (goal == INACTIVE)] = 0.0
            total += gap
            if same is not None and avoid is not None:
                same &= theirs == avoid[who, j][:, None]
        if same is not None:
            total[same] = np.inf
        return total

    def _split(self) -> list[Codes]:
        leaves: list[Codes] = []
        stack = [np.arange(len(self.rows))]
        step = np.where(self.weight > 0, self.weight, 1.0)
        while stack:
            part = stack.pop()
            if len(part) <= LEAF:
                leaves.append(part)
                continue
            codes = self.rows[part]
            column = int(((codes.max(axis=0) - codes.min(axis=0)) * step).argmax())
            order = np.argsort(codes[:, column], kind="stable")
            stack += [part[order[: len(part) // 2]], part[order[len(part) // 2 :]]]
        return leaves
