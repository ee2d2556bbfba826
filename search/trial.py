"""Trials: one evaluation of one design at one fidelity each, held as columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..spaces.knobs import Codes
from .objective import FloatArray

ALL_FULL = np.ones(0)
"""Stands for full fidelity in every row until the number of rows is known."""


@dataclass(frozen=True, slots=True)
class Trials:
    """A batch of ``n`` trials, as strategies and fronts see them.

    Args:
        ids: int64 [n]; ids count from 0 in the order in which the study asked for the designs.
        codes: int64 [n, n_knobs].
        objectives: float64 [n, n_objectives], minimised; inf for failed trials, NaN for running ones.
        violations: float64 [n]; 0 is feasible, inf is failed, NaN is running.
        fidelities: float64 [n], share of the full effort behind each trial; left out, all are in full (1).
    """

    ids: NDArray[np.int64]
    codes: Codes
    objectives: FloatArray
    violations: FloatArray
    fidelities: FloatArray = field(default_factory=lambda: ALL_FULL)

    def __post_init__(self) -> None:
        if self.fidelities is ALL_FULL:
            object.__setattr__(self, "fidelities", np.ones(len(self.ids)))

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: slice | NDArray[np.int64] | NDArray[np.bool_]) -> Trials:
        return Trials(
            self.ids[rows], self.codes[rows], self.objectives[rows], self.violations[rows], self.fidelities[rows]
        )

    @property
    def feasible(self) -> NDArray[np.bool_]:
        """Whether each trial finished and meets every constraint, bool [n]."""
        return np.asarray(self.violations == 0.0)

    def in_full(self) -> Trials:
        """The trials of full fidelity: those that a front, an export or an ordinary strategy may look at."""
        full = self.fidelities == 1.0
        return self if full.all() else self[full]

    @classmethod
    def empty(cls, n_knobs: int, n_objectives: int) -> Self:
        """No trials."""
        return cls(np.empty(0, np.int64), np.empty((0, n_knobs), np.int64), np.empty((0, n_objectives)), np.empty(0))

    @classmethod
    def running(
        cls, ids: NDArray[np.int64], codes: Codes, n_objectives: int, fidelities: FloatArray | None = None
    ) -> Self:
        """Trials without an outcome yet, in full unless their fidelities are given."""
        n = len(ids)
        shares = np.ones(n) if fidelities is None else fidelities
        return cls(ids, codes, np.full((n, n_objectives), np.nan), np.full(n, np.nan), shares)

    @classmethod
    def join(cls, batches: list[Trials]) -> Self:
        """Concatenate at least one batch, in order."""
        return cls(
            np.concatenate([b.ids for b in batches]),
            np.concatenate([b.codes for b in batches]),
            np.concatenate([b.objectives for b in batches]),
            np.concatenate([b.violations for b in batches]),
            np.concatenate([b.fidelities for b in batches]),
        )
