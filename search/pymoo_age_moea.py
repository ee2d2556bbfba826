"""AGE-MOEA on encoded designs, by pymoo."""

from __future__ import annotations

from typing import Any

from ..spaces.errors import StrategyError
from .objective import FloatArray, Problem
from .population import Mode
from .pymoo_strategy import REMEDY, PymooStrategy
from .variation import Variation


class PymooAgeMoea(PymooStrategy):
    """AGE-MOEA: survival by proximity and diversity in the estimated geometry of the front.

    The first survival compiles for some seconds (numba).

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

    def survival(self) -> Any:
        return self._survival

    def merit(self, survivors: Any) -> tuple[FloatArray, ...]:
        return survivors.get("rank"), -survivors.get("crowding")


def _load_survival() -> Any:
    try:
        from pymoo.algorithms.moo.age import AGEMOEASurvival
    except Exception as error:  # pymoo raises a bare Exception without numba
        raise StrategyError(f"AGE-MOEA needs pymoo and numba ({error})", REMEDY) from error
    return AGEMOEASurvival()
