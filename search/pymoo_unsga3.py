"""U-NSGA-III on encoded designs, by pymoo."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from ..spaces.errors import StrategyError
from .emo.reference_directions import reference_directions
from .objective import FloatArray, Problem
from .population import Mode
from .pymoo_strategy import REMEDY, PymooStrategy
from .variation import Variation


class PymooUnsga3(PymooStrategy):
    """U-NSGA-III: fronts, the last one cut by niches around reference directions; also for one objective.

    There are at most ``population`` reference directions. Parents win tournaments by front, then by distance to their
    direction; unlike in the paper also across niches.

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
        _require_pymoo()
        self._directions = reference_directions(problem.n_objectives, population)

    def survival(self) -> Any:
        from pymoo.algorithms.moo.nsga3 import ReferenceDirectionSurvival

        # Made anew: it remembers the extremes of earlier populations.
        return ReferenceDirectionSurvival(self._directions)

    def merit(self, survivors: Any) -> tuple[FloatArray, ...]:
        return survivors.get("rank"), survivors.get("dist_to_niche")


def _require_pymoo() -> None:
    if find_spec("pymoo") is None:
        raise StrategyError("this strategy needs pymoo", REMEDY)
