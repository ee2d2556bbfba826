"""Everything a strategy was told, in arrays that grow, with an index of the designs seen."""

from __future__ import annotations

import numpy as np

from ..spaces.knobs import Codes
from .trial import Trials

COLUMNS = ("ids", "codes", "objectives", "violations", "fidelities")


class Archive:
    """Completed trials in told order, plus the running ones.

    Args:
        n_knobs: Width of an encoding.
        n_objectives: Number of objectives.
    """

    def __init__(self, n_knobs: int, n_objectives: int) -> None:
        self.running = Trials.empty(n_knobs, n_objectives)
        self._store = Trials.empty(n_knobs, n_objectives)
        self._n = 0
        self._told_at: dict[bytes, int] = {}
        self._in_flight: set[bytes] = set()

    @property
    def completed(self) -> Trials:
        """All completed trials in told order; views, not copies."""
        return self._store[: self._n]

    @property
    def n_completed(self) -> int:
        """Number of completed trials."""
        return self._n

    @property
    def n_known(self) -> int:
        """Number of completed and running trials: the id of the next one."""
        return self._n + len(self.running)

    def add(self, completed: Trials, running: Trials) -> None:
        """Append completed trials and replace the running ones."""
        end = self._n + len(completed)
        if end > len(self._store):
            self._grow(max(end, 2 * len(self._store), 256))
        for column in COLUMNS:
            getattr(self._store, column)[self._n : end] = getattr(completed, column)
        for position, key in enumerate(keys(completed.codes), self._n):
            self._told_at.setdefault(key, position)
        self._n = end
        self.running = running
        self._in_flight = set(keys(running.codes))

    def unseen(self, codes: Codes, before: int | None = None) -> Codes:
        """Rows that were never told and do not repeat an earlier row, in order.

        Args:
            codes: int64 [n, n_knobs].
            before: Look only at the first ``before`` completed trials, and at no running one: what was unseen back
                then. None looks at everything.

        Returns:
            int64 [<= n, n_knobs].
        """
        known, in_flight = self._told_at, self._in_flight if before is None else set()
        limit = self._n if before is None else before
        new: set[bytes] = set()
        rows = []
        for row, key in enumerate(keys(codes)):
            if known.get(key, limit) >= limit and key not in in_flight and key not in new:
                new.add(key)
                rows.append(row)
        return codes[rows] if rows else codes[:0]

    def _grow(self, capacity: int) -> None:
        old = self.completed
        n_knobs, n_objectives = old.codes.shape[1], old.objectives.shape[1]
        store = Trials(
            np.empty(capacity, np.int64),
            np.empty((capacity, n_knobs), np.int64),
            np.empty((capacity, n_objectives)),
            np.empty(capacity),
            np.empty(capacity),
        )
        for column in COLUMNS:
            getattr(store, column)[: self._n] = getattr(old, column)
        self._store = store


def keys(codes: Codes) -> list[bytes]:
    """One hashable key per row of int64 ``codes`` [n, n_knobs]."""
    if not len(codes):
        return []
    packed = np.ascontiguousarray(codes, dtype=np.int64)
    width = packed.shape[1] * packed.itemsize
    raw = packed.tobytes()
    return [raw[i : i + width] for i in range(0, len(raw), width)]
