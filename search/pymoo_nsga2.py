"""NSGA-II on encoded designs, by pymoo."""

from __future__ import annotations

from typing import Any

from ..spaces.errors import StrategyError
from .objective import FloatArray, Problem
from .population import Mode
from .pymoo_strategy import REMEDY, PymooStrategy
from .variation import Variation


class PymooNsga2(PymooStrategy):
    """pymoo's NSGA-II survival between our variation and tournaments: an independent check of ``nsga2``.

    Args:
        problem: Space, objectives, constraints.
        seed: Study seed.
        population: Members that survive; also the size of a generation.
        mode: ``generational`` as in pymoo, or ``steady_state``.
        crossover: Probability that a child has two parents.
        mutation_rate: Probability per knob; None is one over a design's active knobs.

    Raises:
        StrategyError: When pymoo is not installed.

    Source: Deb, Pratap, Agarwal and Meyarivan 2002, "A fast and elitist multiobjective genetic algorithm: NSGA-II";
    pymoo: Blank and Deb 2020, "pymoo: multi-objective optimization in Python".
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
        self._survival = _load_survival()

    def survival(self) -> Any:
        return self._survival

    def merit(self, survivors: Any) -> tuple[FloatArray, ...]:
        return survivors.get("rank"), -survivors.get("crowding")


def _load_survival() -> Any:
    try:
        from pymoo.operators.survival.rank_and_crowding import RankAndCrowding
    except ImportError as error:
        raise StrategyError(f"this strategy needs pymoo ({error})", REMEDY) from error
    return RankAndCrowding()
