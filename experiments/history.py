"""The front over the trials: one point each time it changed, the same numbers for tables, plots and trackers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class HistoryPoint:
    """State of a study after ``n`` finished trials.

    Attributes:
        n: Finished trials.
        hypervolume: Of the front.
        front_size: Feasible non-dominated trials.
        n_feasible: Feasible trials.
        n_failed: Trials without numbers.
        n_duplicate: Proposals answered from the table.
        best: Objective to its best feasible value.
        ask_ms: Mean time of the strategy per design, milliseconds.
        at: Unix time, seconds.
        spent: Full evaluations that the finished trials are worth.
    """

    n: int
    hypervolume: float
    front_size: int
    n_feasible: int
    n_failed: int
    n_duplicate: int
    best: dict[str, float]
    ask_ms: float
    at: float
    spent: float

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Self:
        """Read a row of the history table."""
        n, hypervolume, front_size, n_feasible, n_failed, n_duplicate, best, ask_ms, at, spent = row
        best = json.loads(best)
        return cls(n, hypervolume, front_size, n_feasible, n_failed, n_duplicate, best, ask_ms, at, spent)

    def to_row(self) -> tuple[Any, ...]:
        """The row of the history table."""
        counts = (self.n, self.hypervolume, self.front_size, self.n_feasible, self.n_failed, self.n_duplicate)
        return (*counts, json.dumps(self.best), self.ask_ms, self.at, self.spent)

    def metrics(self) -> dict[str, float]:
        """What a tracker plots, by the names that it shows."""
        return {
            "front/hypervolume": self.hypervolume,
            "front/size": float(self.front_size),
            "trials/done": float(self.n - self.n_failed),
            "trials/failed": float(self.n_failed),
            "trials/duplicate": float(self.n_duplicate),
            "trials/spent": self.spent,
            "trials/infeasible_pct": 100.0 * (1.0 - self.n_feasible / max(self.n, 1)),
            "time/ask_ms": self.ask_ms,
            **{f"best/{name}": value for name, value in self.best.items()},
        }
