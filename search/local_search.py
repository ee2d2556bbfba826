"""Pareto local search with random restarts."""

from __future__ import annotations

from typing import get_args

import numpy as np

from ..spaces.errors import StrategyError
from ..spaces.knobs import Codes
from .archive import keys
from .climb import Climb, Improvement, Member
from .objective import Problem
from .strategy import Strategy
from .trial import Trials


class LocalSearch(Strategy):
    """Tries the one-knob neighbours of every non-dominated design, then starts again from random designs.

    A search keeps the set of its non-dominated designs (constrained domination) and tries their neighbours until all
    are known. Then a new search starts; the study's front keeps what all of them found. With one objective a search is
    hill climbing. A result belongs to the oldest search that has it as a neighbour, or else it is a random start.

    Args:
        problem: Space, objectives, constraints.
        seed: Study seed.
        starts: Random designs from which one search starts; 1 in the paper. More of them spread it along the front.
        improvement: ``first`` moves on to an improvement at once, ``best`` finishes a neighbourhood before.

    Raises:
        StrategyError: When ``starts`` is under 1 or the improvement rule is unknown.

    Source: Paquete, Chiarandini and Stuetzle 2004, "Pareto local optimum sets in the biobjective traveling salesman
    problem: an experimental study"; rules of improvement: Liefooghe et al. 2012, "On dominance-based multiobjective
    local search", section 3.
    """

    def __init__(self, problem: Problem, seed: int = 0, *, starts: int = 5, improvement: Improvement = "first") -> None:
        super().__init__(problem, seed)
        if starts < 1:
            raise StrategyError(f"starts {starts} is too small", "use at least 1")
        if improvement not in get_args(Improvement):
            raise StrategyError(f"improvement {improvement!r} is unknown", "use 'first' or 'best'")
        self.starts = starts
        self.improvement: Improvement = improvement
        self._climbs: list[Climb] = []
        self._reach: dict[bytes, list[tuple[Climb, Member]]] = {}
        self._absorbed = 0

    def ask(self, n: int) -> Codes:
        self._absorb()
        rng = self.rng()
        roots = self.problem.space.sample(rng, min(n, self._missing_roots()))
        codes = self.archive.unseen(roots)
        for climb in self._climbs:
            if len(codes) >= n:
                break
            codes = np.concatenate([codes, climb.untried(self.archive, n)])
            codes = self.archive.unseen(codes)
        return self.novel(codes, n, rng)

    def _missing_roots(self) -> int:
        """Random designs that the newest search still needs, less those that run."""
        running = sum(key not in self._reach for key in keys(self.archive.running.codes))
        if self._climbs and self._climbs[-1].roots >= self.starts:
            return 0
        told = self._climbs[-1].roots if self._climbs else 0
        return max(self.starts - told - running, 0)

    def _absorb(self) -> None:
        """Follow the trials told since the last ask, one by one: what they are depends on their order alone."""
        told = self.archive.completed
        for row, key in enumerate(keys(told.codes[self._absorbed :]), self._absorbed):
            self._follow(told[row : row + 1], key, row)
        self._absorbed = self.archive.n_completed

    def _follow(self, trial: Trials, key: bytes, row: int) -> None:
        reached = self._reach.pop(key, [])
        for _, member in reached:
            member.left.discard(key)
        climb = reached[0][0] if reached else self._rooted()
        if climb.accepts(trial):
            order = np.random.default_rng(np.random.SeedSequence([self.seed, int(trial.ids[0]), 1]))
            near = self.archive.unseen(self.problem.space.neighbours(trial.codes[0]), before=row + 1)
            near = near[order.permutation(len(near))]
            member = Member(trial, near, set(keys(near)))
            climb.join(member)
            for neighbour in keys(near):
                self._reach.setdefault(neighbour, []).append((climb, member))
        for known in [climb, *(other for other, _ in reached)]:
            known.advance()

    def _rooted(self) -> Climb:
        """The search that a random start belongs to: the newest, unless it has all of its starts."""
        if not self._climbs or self._climbs[-1].roots >= self.starts:
            self._climbs.append(Climb(self.improvement))
        self._climbs[-1].roots += 1
        return self._climbs[-1]
