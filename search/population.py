"""Strategies that keep a population, and breed either as results arrive or generation by generation."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

import numpy as np

from ..spaces.errors import StrategyError
from ..spaces.knobs import Codes
from .dominance import IntArray
from .objective import Problem
from .strategy import Strategy
from .variation import Variation

Mode = Literal["steady_state", "generational"]

BLOCK = 64
"""Completed trials per survival in steady state. A fixed count makes the population independent of how tells were
grouped; trials since the last full block take part in every ask, so the size decides speed, not behaviour."""

ROUNDS = 3
"""How often children are made again when too many of them were seen before."""


class PopulationStrategy(Strategy):
    """Base of strategies with a population and a survival selection.

    In steady state an ask breeds from the survivors of everything told so far. Generational, generation ``g`` is the
    completed trials ``g * population`` and following; asks hand out what is left of the current generation, and nothing
    while its last members are running.

    Args:
        problem: Space, objectives, constraints.
        seed: Study seed.
        population: Members that survive.
        mode: ``steady_state`` or ``generational``.
        variation: How children are made.

    Raises:
        StrategyError: When the population has fewer than 2 members or the mode is unknown.
    """

    def __init__(self, problem: Problem, seed: int, population: int, mode: Mode, variation: Variation) -> None:
        super().__init__(problem, seed)
        if population < 2:
            raise StrategyError(f"population {population} is too small", "use at least 2")
        if mode not in ("steady_state", "generational"):
            raise StrategyError(f"mode {mode!r} is unknown", "use 'steady_state' or 'generational'")
        self.population = population
        self.mode: Mode = mode
        self.variation = variation
        self._block = BLOCK if mode == "steady_state" else population
        self._survivors: IntArray = np.empty(0, np.int64)
        self._absorbed = 0
        self._infills: tuple[int, Codes] | None = None

    @abstractmethod
    def survive(self, rows: IntArray, n: int) -> IntArray:
        """The best ``n`` of completed trials, from best to worst.

        Args:
            rows: int64 [m], rows of the archive, by age.
            n: How many survive.

        Returns:
            int64 [min(n, m)], a selection of ``rows``; a function of these trials alone.
        """

    def _advance(self) -> None:
        """Absorb the full blocks told since the last ask."""
        while self._absorbed + self._block <= self.archive.n_completed:
            self._survivors = self._after(self._absorbed + self._block)
            self._absorbed += self._block

    def _after(self, end: int) -> IntArray:
        """Survivors once the trials up to ``end`` have joined, best first."""
        rows = np.concatenate([self._survivors, np.arange(self._absorbed, end)])
        by_age = np.argsort(self.archive.completed.ids[rows], kind="stable")
        return self.survive(rows[by_age], self.population)

    def ask(self, n: int) -> Codes:
        self._advance()
        if self.mode == "generational":
            return self._ask_generation(n)
        rng = self.rng()
        pool = self._survivors if self._absorbed == self.archive.n_completed else self._after(self.archive.n_completed)
        # The first trials are random, and so is everything until two results can be told apart.
        n_random = n if len(pool) < 2 else int(np.clip(self.population - self.archive.n_known, 0, n))
        if not n_random:
            children = self._breed(pool, n, rng)
            return children[:n] if len(children) >= n else self.novel(children, n, rng)
        codes = self.problem.space.sample(rng, n_random)
        if n_random < n:
            codes = np.concatenate([self.archive.unseen(codes), self._breed(pool, n - n_random, rng)])
        return self.novel(codes, n, rng)

    def _ask_generation(self, n: int) -> Codes:
        room = self._absorbed + self.population - self.archive.n_known
        if room <= 0:
            return self.archive.completed.codes[:0]
        if self._infills is None or self._infills[0] != self._absorbed:
            self._infills = (self._absorbed, self._generation())
        return self.novel(self._infills[1], min(n, room), self.rng())

    def _generation(self) -> Codes:
        """All candidates of the current generation: what they are must not depend on which were told already."""
        rng = self.rng(stream=1, at=self._absorbed)
        if not len(self._survivors):
            draw = self.problem.space.sample(rng, 2 * self.population)
            return self.archive.unseen(draw, before=self._absorbed)
        return self._breed(self._survivors, self.population, rng, before=self._absorbed)

    def _breed(self, pool: IntArray, n: int, rng: np.random.Generator, before: int | None = None) -> Codes:
        ranked = self.archive.completed.codes[pool]
        fresh = ranked[:0]
        for _ in range(ROUNDS):
            wanted = n - len(fresh)
            if wanted <= 0:
                break
            children = self.variation.children(self.problem.space, ranked, wanted + wanted // 8 + 1, rng)
            fresh = self.archive.unseen(np.concatenate([fresh, children]), before)
        return fresh
