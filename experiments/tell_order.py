"""When results are told to the strategy: as they come, or in the order of the trials."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


class TellOrder:
    """Batches that were asked for and not told yet.

    As they come (asynchronous), a result is told at once. In deterministic mode up to ``slots`` batches are open; the
    oldest is told, whole, when the window is full or the strategy waits. What is told before each ask then depends on
    nothing but the trials, so a parallel run repeats exactly.

    Args:
        deterministic: Tell in the order of the trials.
        slots: Batches that may be open at once.
    """

    def __init__(self, deterministic: bool, slots: int) -> None:
        self._deterministic = deterministic
        self._slots = slots
        self._open: deque[Ids] = deque()
        self._missing: set[int] = set()
        self._arrived: list[Ids] = []

    def asked(self, ids: Ids) -> None:
        """Open a batch."""
        self._open.append(ids)
        self._missing.update(ids.tolist())

    def finished(self, ids: Ids) -> None:
        """Note finished trials, in the order in which they ended."""
        self._missing.difference_update(ids.tolist())
        if not self._deterministic:
            self._arrived.append(ids)

    def may_ask(self) -> bool:
        """Whether one more batch may be opened."""
        if not self._deterministic:
            self._open = deque(batch for batch in self._open if not self._missing.isdisjoint(batch.tolist()))
        return len(self._open) < self._slots

    def due(self, *, blocked: bool) -> Ids:
        """Trials to tell now, int64 [n], in order.

        Args:
            blocked: Whether the strategy cannot be asked before it is told more, or will not be asked again.
        """
        if self._deterministic:
            full = len(self._open) >= self._slots
            if self._open and (full or blocked) and self._missing.isdisjoint(self._open[0].tolist()):
                return self._open.popleft()
            return np.empty(0, np.int64)
        arrived, self._arrived = self._arrived, []
        return np.concatenate(arrived) if arrived else np.empty(0, np.int64)

    def untold(self) -> Ids:
        """Trials that the strategy should count as running, int64 [n], by id."""
        if self._deterministic:
            return np.concatenate(self._open) if self._open else np.empty(0, np.int64)
        return np.array(sorted(self._missing), dtype=np.int64)
