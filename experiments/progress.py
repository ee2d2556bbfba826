"""Where a study stands and how it ended, as plain data for observers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal


@dataclass(slots=True)
class Clock:
    """Seconds that the framework itself spent, by activity."""

    ask: float = 0.0
    store: float = 0.0
    tell: float = 0.0
    track: float = 0.0
    wait: float = 0.0

    @contextmanager
    def on(self, activity: str) -> Iterator[None]:
        """Add the time spent inside to an activity."""
        start = time.perf_counter()
        try:
            yield
        finally:
            setattr(self, activity, getattr(self, activity) + time.perf_counter() - start)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a study stands.

    Attributes:
        n_finished: Evaluated trials.
        n_total: The budget, in full evaluations.
        spent: Full evaluations that the evaluated trials are worth: all of them when none is of lower fidelity.
        states: Trials by state.
        front_size: Feasible non-dominated trials.
        n_feasible: Feasible trials.
        hypervolume: Of the front.
        best: Objective to its best feasible value.
        clock: Seconds by activity, this session.
        at: Unix time.
    """

    n_finished: int
    n_total: int
    spent: float
    states: dict[str, int]
    front_size: int
    n_feasible: int
    hypervolume: float
    best: dict[str, float]
    clock: Clock
    at: float

    @property
    def n_failed(self) -> int:
        """Trials that gave no numbers."""
        return sum(self.states.get(state, 0) for state in ("failed", "crashed", "timed_out"))


@dataclass(frozen=True, slots=True)
class Ending:
    """How a study ended.

    Attributes:
        state: ``finished``, ``interrupted`` (saved, can be resumed) or ``failed`` (too many failures).
        reason: One line for people.
    """

    state: Literal["finished", "interrupted", "failed"]
    reason: str
