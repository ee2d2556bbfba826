"""The contract of evaluators: chunks of designs in, outcomes or recorded failures out, somewhere else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...search.trial import ALL_FULL
from ...spaces.knobs import Codes

State = Literal["done", "failed", "crashed", "timed_out"]
"""``failed``: the target said so or raised; ``crashed``: the worker died; ``timed_out``: over the time limit."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Designs that travel together.

    Args:
        ids: Trial ids, int64 [n].
        codes: int64 [n, n_knobs].
        seeds: uint64 [n].
        attempt: 0 at first, counted up by retries.
        fidelities: float64 [n], shares of the full effort; left out, all are in full (1).
    """

    ids: NDArray[np.int64]
    codes: Codes
    seeds: NDArray[np.uint64]
    attempt: int = 0
    fidelities: NDArray[np.float64] = field(default_factory=lambda: ALL_FULL)

    def __post_init__(self) -> None:
        if self.fidelities is ALL_FULL:
            object.__setattr__(self, "fidelities", np.ones(len(self.ids)))

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> Chunk:
        return Chunk(self.ids[rows], self.codes[rows], self.seeds[rows], self.attempt, self.fidelities[rows])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a chunk; every row of the chunk is in it.

    Args:
        ids: int64 [n].
        values: Metric to float64 [n]; NaN in rows that are not ``done``.
        std: Metric to float64 [n]; only metrics that have one.
        count: Metric to int64 [n]; only metrics that have one.
        states: One state per row.
        errors: Row to message (with traceback where there is one), for rows that are not ``done``.
        seconds: Mean wall time per design.
        worker: Which process or node did it.
    """

    ids: NDArray[np.int64]
    values: Mapping[str, NDArray[np.float64]]
    std: Mapping[str, NDArray[np.float64]]
    count: Mapping[str, NDArray[np.int64]]
    states: list[State]
    errors: Mapping[int, str]
    seconds: float
    worker: str

    def __len__(self) -> int:
        return len(self.ids)


class Evaluator(ABC):
    """Scores chunks somewhere; never raises for a bad design.

    Used as a context manager; :meth:`close` ends every worker it started.
    """

    @property
    @abstractmethod
    def slots(self) -> int:
        """Chunks that are worth having in flight at once (at most twice the workers)."""

    @abstractmethod
    def submit(self, chunk: Chunk) -> None:
        """Start scoring a chunk; returns at once unless the evaluator works in this process."""

    @abstractmethod
    def collect(self, timeout_s: float) -> list[Outcome]:
        """Outcomes that are ready, waiting up to ``timeout_s`` for the first one."""

    @abstractmethod
    def close(self, *, drain: bool = False) -> None:
        """End all workers; with ``drain`` the chunks in flight may finish first (their outcomes stay collectable)."""

    def __enter__(self) -> Evaluator:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
