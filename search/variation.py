"""Offspring of a ranked pool: tournaments, crossover and mutation, all in batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..spaces.errors import StrategyError
from ..spaces.knobs import Codes
from ..spaces.space import Space
from .dominance import IntArray


@dataclass(frozen=True, slots=True)
class Variation:
    """How children are made.

    Args:
        crossover: Probability that a child has two parents; 0.9 as in Deb et al. 2002, section V.
        mutation_rate: Probability per knob; None is one over a design's active knobs, as in the same section.
        tournament: Contestants per parent; 2 is NSGA-II's binary tournament.

    Raises:
        StrategyError: When a probability is outside 0 .. 1, or a tournament has no contestant.
    """

    crossover: float = 0.9
    mutation_rate: float | None = None
    tournament: int = 2

    def __post_init__(self) -> None:
        if not 0 <= self.crossover <= 1:
            raise StrategyError(f"crossover {self.crossover} is not a probability", "use 0 .. 1")
        if self.mutation_rate is not None and not 0 <= self.mutation_rate <= 1:
            raise StrategyError(
                f"mutation rate {self.mutation_rate} is not a probability", "use 0 .. 1 or leave it out"
            )
        if self.tournament < 1:
            raise StrategyError(f"a tournament of {self.tournament} has no winner", "use at least 1 contestant")

    def children(self, space: Space, ranked: Codes, n: int, rng: np.random.Generator) -> Codes:
        """Make children of parents that win tournaments.

        Args:
            space: Their space.
            ranked: int64 [m, n_knobs] with m >= 1, the pool from best to worst.
            n: Number of children.
            rng: Random generator.

        Returns:
            int64 [n, n_knobs], valid designs, repeats possible.
        """
        first = ranked[winners(len(ranked), n, self.tournament, rng)]
        crossed = rng.random(n) < self.crossover
        pairs = int(crossed.sum())
        if pairs:
            second = ranked[winners(len(ranked), pairs, self.tournament, rng)]
            first[crossed] = space.crossover(first[crossed], second, rng)
        return space.mutate(first, rng, self.mutation_rate)


def winners(pool: int, n: int, contestants: int, rng: np.random.Generator) -> IntArray:
    """Positions, int64 [n], that win ``n`` tournaments in a pool sorted from best to worst: the smallest drawn."""
    return np.asarray(rng.integers(0, pool, (n, contestants)).min(axis=1), dtype=np.int64)
