"""What pymoo's survival selections need to stand behind our contract: feasible trials, scaled, in order of merit."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import Any

import numpy as np

from .dominance import IntArray, effective_violations
from .objective import FloatArray
from .population import PopulationStrategy
from .scaling import unit_scaled

REMEDY = "install them: pip install 'cosearch[pymoo]'"
"""What to do when pymoo or numba is missing."""

SURVIVAL_STREAM = 2
"""Stream of random numbers for survivals that draw lots."""


class PymooStrategy(PopulationStrategy):
    """Base of strategies whose survival is pymoo's.

    Sampling, crossover, mutation and repair are the space's own, so that every child is a valid, unseen design.
    Objectives reach pymoo scaled to 0 .. 1 over the feasible trials at hand; infeasible ones are ranked by violation,
    failed ones last, and their objectives never take part.
    """

    @abstractmethod
    def survival(self) -> Any:
        """A ``pymoo.core.survival.Survival`` without memory of earlier selections."""

    @abstractmethod
    def merit(self, survivors: Any) -> tuple[FloatArray, ...]:
        """Keys that sort a pymoo population from best to worst, the most important first, each float64 [n]."""

    def survive(self, rows: IntArray, n: int) -> IntArray:
        told = self.archive.completed
        violations = effective_violations(told.objectives[rows], told.violations[rows])
        feasible = np.flatnonzero(violations == 0.0)
        infeasible = np.flatnonzero(violations > 0.0)
        # A function of the trials at hand alone: the newest one stands for the moment.
        rng = self.rng(SURVIVAL_STREAM, at=int(rows.max(initial=-1)) + 1)
        ranked = feasible[self._selected(told.objectives[rows[feasible]], n, rng)]
        ranked = np.concatenate([ranked, infeasible[np.argsort(violations[infeasible], kind="stable")]])
        return rows[ranked[:n]]

    def _selected(self, objectives: FloatArray, n: int, rng: np.random.Generator) -> IntArray:
        """The best ``n`` of feasible float64 [m, n_objectives], best first."""
        from pymoo.core.population import Population

        if len(objectives) < 2:
            return np.arange(len(objectives))
        crowd = Population.new(F=unit_scaled(objectives, objectives.min(axis=0), objectives.max(axis=0)))
        survival = self.survival()
        # Feasible trials only are handed over.
        survival.filter_infeasible = False
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            # numba remarks on memory layout; constant objectives divide by zero and are mended below.
            warnings.simplefilter("ignore")
            n_survive = min(n, len(objectives))
            kept = survival.do(None, crowd, n_survive=n_survive, random_state=rng, return_indices=True)
        rows = np.array(kept, dtype=np.int64)
        # Of equals the newest first, which lets a search drift over plateaus.
        keys = [np.nan_to_num(key.astype(float)) for key in self.merit(crowd[rows])]
        order = np.lexsort((-rows, *reversed(keys)))
        return rows[order]
