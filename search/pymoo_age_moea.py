"""AGE-MOEA on encoded designs, by pymoo."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..spaces.errors import StrategyError
from .dominance import IntArray, effective_violations
from .objective import FloatArray, Problem
from .population import Mode, PopulationStrategy
from .variation import Variation


class PymooAgeMoea(PopulationStrategy):
    """AGE-MOEA: survival by proximity and diversity in the estimated geometry of the front.

    pymoo does the survival; sampling, crossover, mutation and repair are the space's own, so that every child is a
    valid, unseen design. Objectives reach pymoo scaled to 0 .. 1 over the feasible trials at hand; infeasible ones are
    ranked by violation, failed ones last, and their objectives never take part. The first survival compiles for some
    seconds (numba).

    Args:
        problem: Space, objectives, constraints.
        seed: Study seed.
        population: Members that survive; also the size of a generation.
        mode: ``generational`` as published, or ``steady_state``.
        crossover: Probability that a child has two parents.
        mutation_rate: Probability per knob; None is one over a design's active knobs.

    Raises:
        StrategyError: When pymoo or numba is not installed.

    Source: Panichella 2019, "An adaptive evolutionary algorithm based on non-Euclidean geometry for many-objective
    optimization", GECCO.
    """

    def __init__(
        self,
        problem: Problem,
        seed: int = 0,
        *,
        population: int = 100,
        mode: Mode = "generational",
        crossover: float = 0.9,
        mutation_rate: float | None = None,
    ) -> None:
        super().__init__(problem, seed, population, mode, Variation(crossover, mutation_rate))
        self._survival = _load_survival()

    def survive(self, rows: IntArray, n: int) -> IntArray:
        told = self.archive.completed
        violations = effective_violations(told.objectives[rows], told.violations[rows])
        feasible = np.flatnonzero(violations == 0.0)
        infeasible = np.flatnonzero(violations > 0.0)
        ranked = feasible[self._age_order(told.objectives[rows[feasible]], n)]
        ranked = np.concatenate([ranked, infeasible[np.argsort(violations[infeasible], kind="stable")]])
        return rows[ranked[:n]]

    def _age_order(self, objectives: FloatArray, n: int) -> IntArray:
        """The best ``n`` of feasible float64 [m, n_objectives], best first: by front, then by survival score."""
        from pymoo.core.population import Population

        if len(objectives) < 2:
            return np.arange(len(objectives))
        low, high = objectives.min(axis=0), objectives.max(axis=0)
        scaled = (objectives - low) / np.where(high > low, high - low, 1.0)
        crowd = Population.new(F=scaled)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            # numba remarks on memory layout; constant objectives divide by zero and are mended below.
            warnings.simplefilter("ignore")
            kept = self._survival.do(None, crowd, n_survive=min(n, len(objectives)), return_indices=True)
        rows = np.array(kept, dtype=np.int64)
        rank, score = crowd[rows].get("rank", "crowding")
        order = np.lexsort((-rows, -np.nan_to_num(score.astype(float)), rank.astype(int)))
        return rows[order]


def _load_survival() -> Any:
    try:
        from pymoo.algorithms.moo.age import AGEMOEASurvival
    except Exception as error:  # pymoo raises a bare Exception without numba
        remedy = "install them: pip install 'cosearch[pymoo]'"
        raise StrategyError(f"AGE-MOEA needs pymoo and numba ({error})", remedy) from error
    survival = AGEMOEASurvival()
    # Feasible trials only are handed over.
    survival.filter_infeasible = False
    return survival
