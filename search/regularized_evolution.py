"""Regularized (ageing) evolution: the oldest dies, not the worst."""

from __future__ import annotations

import numpy as np

from ..spaces.errors import StrategyError
from ..spaces.knobs import Codes
from .dominance import preference_order
from .objective import Problem
from .strategy import Strategy
from .variation import Variation


class RegularizedEvolution(Strategy):
    """Ageing evolution: mutants of tournament winners among the newest completed trials.

    The paper has one objective. With several, contestants are compared by their constrained non-dominated rank in the
    population, then by crowding distance (Deb et al. 2002); with one, this is the paper's comparison. The population is
    the last ``population`` completed trials, so the strategy needs no state of its own.

    Args:
        problem: Space, objectives, constraints.
        seed: Study seed.
        population: Number of newest completed trials that may become parents; the paper's P.
        sample: Contestants per tournament; the paper's S.
        mutation_rate: Probability per knob; None is one over a design's active knobs (the paper changes one).

    Raises:
        StrategyError: When the population has fewer than 2 members.

    Source: Real, Aggarwal, Huang and Le 2019, "Regularized evolution for image classifier architecture search",
    algorithm 1 and its P = 100, S = 25.
    """

    def __init__(
        self,
        problem: Problem,
        seed: int = 0,
        *,
        population: int = 100,
        sample: int = 25,
        mutation_rate: float | None = None,
    ) -> None:
        super().__init__(problem, seed)
        if population < 2:
            raise StrategyError(f"population {population} is too small", "use at least 2")
        self.population = population
        self.variation = Variation(0.0, mutation_rate, sample)

    def ask(self, n: int) -> Codes:
        rng = self.rng()
        alive = self.archive.completed[-self.population :]
        n_random = n if len(alive) < 2 else int(np.clip(self.population - self.archive.n_known, 0, n))
        codes = self.problem.space.sample(rng, n_random)
        if n_random < n:
            ranked = alive.codes[preference_order(alive.objectives, alive.violations)]
            mutants = self.variation.children(self.problem.space, ranked, 2 * (n - n_random), rng)
            codes = np.concatenate([self.archive.unseen(codes), mutants])
        return self.novel(codes, n, rng)
