"""Trials: one evaluation of one design each, held as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..spaces.knobs import Codes
from .objective import FloatArray


@dataclass(frozen=True, slots=True)
class Trials:
    """A batch of ``n`` trials, as strategies and fronts see them.

    Args:
        ids: int64 [n]; ids count from 0 in the order in which the study asked for the designs.
        codes: int64 [n, n_knobs].
        objectives: float64 [n, n_objectives], minimised; inf for failed trials, NaN for running ones.
        violations: float64 [n]; 0 is feasible, inf is failed, NaN is running.
    """

    ids: NDArray[np.int64]
    codes: Codes
    objectives: FloatArray
    violations: FloatArray

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: slice | NDArray[np.int64] | NDArray[np.bool_]) -> Trials:
        return Trials(self.ids[rows], self.codes[rows], self.objectives[rows], self.violations[rows])

    @property
    def feasible(self) -> NDArray[np.bool_]:
        """Whether each trial finished and meets every constraint, bool [n]."""
        return np.asarray(self.violations == 0.0)

    @classmethod
    def empty(cls, n_knobs: int, n_objectives: int) -> Self:
        """No trials."""
        return cls(np.empty(0, np.int64), np.empty((0, n_knobs), np.int64), np.empty((0, n_objectives)), np.empty(0))

    @classmethod
    def running(cls, ids: NDArray[np.int64], codes: Codes, n_objectives: int) -> Self:
        """Trials without an outcome yet."""
        return cls(ids, codes, np.full((len(ids), n_objectives), np.nan), np.full(len(ids), np.nan))

    @classmethod
    def join(cls, batches: list[Trials]) -> Self:
        """Concatenate at least one batch, in order."""
        return cls(
            np.concatenate([b.ids for b in batches]),
            np.concatenate([b.codes for b in batches]),
            np.concatenate([b.objectives for b in batches]),
            np.concatenate([b.violations for b in batches]),
        )
