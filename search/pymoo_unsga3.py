"""U-NSGA-III on encoded designs, by pymoo."""

from __future__ import annotations

from math import comb
from typing import Any

from ..spaces.errors import StrategyError
from .objective import FloatArray, Problem
from .population import Mode
from .pymoo_strategy import REMEDY, PymooStrategy
from .variation import Variation


class PymooUnsga3(PymooStrategy):
    """U-NSGA-III: fronts, the last one cut by niches around reference directions; also for one objective.

    The directions are the largest simplex lattice with at most ``population`` points (Das and Dennis 1998). Parents win
    tournaments by front, then by distance to their direction; unlike in the paper also across niches.

    Args:
        problem: Space, objectives, constraints.
        seed: Study seed.
        population: Members that survive; also the size of a generation.
        mode: ``generational`` as published, or ``steady_state``.
        crossover: Probability that a child has two parents.
        mutation_rate: Probability per knob; None is one over a design's active knobs.

    Raises:
        StrategyError: When pymoo is not installed.

    Source: Seada and Deb 2016, "A unified evolutionary optimization procedure for single, multiple, and many
    objectives"; survival: Deb and Jain 2014, "An evolutionary many-objective optimization algorithm using
    reference-point-based nondominated sorting approach, part I" (NSGA-III), section IV.
    """

    def __init__(
        self,
        problem: Problem,
        seed: int = 0,
        *,
        population: int = 20,
        mode: Mode = "generational",
        crossover: float = 0.9,
        mutation_rate: float | None = None,
    ) -> None:
        super().__init__(problem, seed, population, mode, Variation(crossover, mutation_rate))
        self._directions = _directions(problem.n_objectives, population)

    def survival(self) -> Any:
        from pymoo.algorithms.moo.nsga3 import ReferenceDirectionSurvival

        # Made anew: it remembers the extremes of earlier populations.
        return ReferenceDirectionSurvival(self._directions)

    def merit(self, survivors: Any) -> tuple[FloatArray, ...]:
        return survivors.get("rank"), survivors.get("dist_to_niche")


def _directions(n_objectives: int, at_most: int) -> FloatArray:
    """Simplex-lattice directions, float64 [n <= at_most, n_objectives] (at least the axes)."""
    try:
        from pymoo.util.ref_dirs import get_reference_directions
    except ImportError as error:
        raise StrategyError(f"this strategy needs pymoo ({error})", REMEDY) from error
    partitions = 1
    while n_objectives > 1 and comb(partitions + n_objectives, n_objectives - 1) <= at_most:
        partitions += 1
    directions: FloatArray = get_reference_directions("das-dennis", n_objectives, n_partitions=partitions)
    return directions
