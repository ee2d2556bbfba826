"""NSGA-II on encoded designs, steady state or generational."""

from __future__ import annotations

from .dominance import IntArray, preference_order
from .emo.array_namespace import Array
from .objective import Problem
from .population import Mode, PopulationStrategy
from .variation import Variation


class Nsga2(PopulationStrategy):
    """Non-dominated sorting genetic algorithm II under constrained domination.

    Survival keeps whole fronts and cuts the last one by crowding distance; parents win tournaments by the crowded
    comparison; children come from uniform crossover and mutation of the space (always feasible), and are never repeats.
    In steady state every result counts at once, so no worker waits.

    Args:
        problem: Space, objectives, constraints.
        seed: Study seed.
        population: Members that survive; also the number of random designs at the start. Small ones converge faster,
            and the study's front keeps every non-dominated design anyway.
        mode: ``steady_state`` or ``generational``.
        crossover: Probability that a child has two parents.
        mutation_rate: Probability per knob; None is one over a design's active knobs.
        tournament: Contestants per parent.

    Source: Deb, Pratap, Agarwal and Meyarivan 2002, "A fast and elitist multiobjective genetic algorithm: NSGA-II";
    steady state after Durillo et al. 2009, "On the effect of the steady-state selection scheme in multi-objective
    genetic algorithms".
    """

    def __init__(
        self,
        problem: Problem,
        seed: int = 0,
        *,
        population: int = 20,
        mode: Mode = "steady_state",
        crossover: float = 0.9,
        mutation_rate: float | None = None,
        tournament: int = 2,
    ) -> None:
        super().__init__(problem, seed, population, mode, Variation(crossover, mutation_rate, tournament))

    def survive(self, rows: IntArray, n: int) -> IntArray:
        told = self.archive.completed
        kept: IntArray = nsga2_survivors(told.objectives[rows], told.violations[rows], n)
        return rows[kept]


def nsga2_survivors(objectives: Array, violations: Array, n: int) -> Array:
    """What NSGA-II keeps of a population, int64 [min(n, m)], best first by the crowded comparison.

    Args:
        objectives: float64 [m, n_objectives], minimised.
        violations: float64 [m]; 0 is feasible, inf is failed.
        n: How many are kept.
    """
    return preference_order(objectives, violations)[:n]
