"""MOEA/D on encoded designs, steady state."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..spaces.errors import StrategyError
from ..spaces.knobs import Codes
from .archive import keys
from .decomposition import DECOMPOSITIONS, nearest, violation_first, weight_vectors
from .dominance import IntArray, effective_violations, nondominated
from .objective import FloatArray, Problem
from .population import BLOCK, ROUNDS
from .scaling import unit_scaled
from .strategy import Strategy
from .variation import Variation

DecompositionName = Literal["tchebycheff", "pbi"]

FARTHEST = 1e12
"""Scaled objectives end here, so that costs stay finite."""


class Moead(Strategy):
    """Multi-objective evolutionary algorithm based on decomposition: one best design per weight vector.

    Trial ``i`` belongs to sub-problem ``i`` modulo their number (shuffled once): its parents are the best designs of
    two neighbouring sub-problems, and it may become the best of any neighbour. The first trials are random and may
    become the best of all. Lower violation wins first, then lower cost; of equals the newest. Objectives are scaled
    from the best to the worst value of the non-dominated feasible trials, or to the reference where that is nearer.
    Results count at once, in whatever order they come.

    Args:
        problem: Space, objectives, constraints.
        seed: Study seed.
        population: Sub-problems; with three or more objectives at most as many, evenly spread.
        neighbours: Size of a neighbourhood, itself included; the paper's T.
        decomposition: ``tchebycheff``, or ``pbi``, the penalty-based boundary intersection.
        crossover: Probability that a child has two parents; 1 in the paper.
        mutation_rate: Probability per knob; None is one over a design's active knobs.

    Raises:
        StrategyError: When there are fewer than 2 sub-problems or neighbours, or the decomposition is unknown.

    Source: Zhang and Li 2007, "MOEA/D: a multiobjective evolutionary algorithm based on decomposition", section III.
    """

    def __init__(
        self,
        problem: Problem,
        seed: int = 0,
        *,
        population: int = 20,
        neighbours: int = 20,
        decomposition: DecompositionName = "tchebycheff",
        crossover: float = 1.0,
        mutation_rate: float | None = None,
    ) -> None:
        super().__init__(problem, seed)
        if population < 2:
            raise StrategyError(f"population {population} is too small", "use at least 2")
        if neighbours < 2:
            raise StrategyError(f"{neighbours} neighbours are too few", "use at least 2")
        if decomposition not in DECOMPOSITIONS:
            raise StrategyError(f"decomposition {decomposition!r} is unknown", "use 'tchebycheff' or 'pbi'")
        self.variation = Variation(crossover, mutation_rate)
        self.weights = weight_vectors(problem.n_objectives, population)
        self.neighbourhoods = nearest(self.weights, neighbours)
        self._costs = DECOMPOSITIONS[decomposition]
        self._turn = self.rng(stream=1, at=0).permutation(len(self.weights))
        self._reference = problem.references
        self._best = np.full(len(self.weights), -1)
        self._front: IntArray = np.empty(0, np.int64)
        self._absorbed = 0

    def ask(self, n: int) -> Codes:
        best = self._advance()
        rng = self.rng()
        known = self.archive.n_known
        n_random = n if (best < 0).all() else int(np.clip(len(self.weights) - known, 0, n))
        codes = self.problem.space.sample(rng, n_random)
        if n_random == n:
            return self.novel(codes, n, rng)
        codes = self.novel(codes, n_random, rng)
        turns = self._turn[np.arange(known + n_random, known + n) % len(self.weights)]
        return self._complete(codes, turns, best, rng)

    def _complete(self, codes: Codes, turns: IntArray, best: IntArray, rng: np.random.Generator) -> Codes:
        """Add a child for every sub-problem in ``turns``, in that order, so that a trial's number tells its own."""
        slots = np.zeros((len(turns), self.problem.space.n_knobs), np.int64)
        seen = set(keys(codes))
        empty = list(range(len(turns)))
        for _ in range(ROUNDS):
            if not empty:
                break
            children = self._children(turns[empty], best, rng)
            unseen = set(keys(self.archive.unseen(children)))
            left = []
            for slot, child, key in zip(empty, children, keys(children), strict=True):
                if key in unseen and key not in seen:
                    seen.add(key)
                    slots[slot] = child
                else:
                    left.append(slot)
            empty = left
        if not empty:
            return np.concatenate([codes, slots])
        known = np.concatenate([codes, np.delete(slots, empty, axis=0)])
        fresh = self.novel(known, len(known) + len(empty), rng)[len(known) :]
        slots[empty[: len(fresh)]] = fresh
        return np.concatenate([codes, np.delete(slots, empty[len(fresh) :], axis=0)])

    def _children(self, turns: IntArray, best: IntArray, rng: np.random.Generator) -> Codes:
        """One child per sub-problem, from the best designs of two different neighbours, int64 [n, n_knobs]."""
        size = self.neighbourhoods.shape[1]
        first = rng.integers(0, size, len(turns))
        second = (first + rng.integers(1, size, len(turns))) % size
        space, codes = self.problem.space, self.archive.completed.codes
        parents = codes[best[self.neighbourhoods[turns, first]]]
        others = codes[best[self.neighbourhoods[turns, second]]]
        crossed = rng.random(len(turns)) < self.variation.crossover
        if crossed.any():
            parents[crossed] = space.crossover(parents[crossed], others[crossed], rng)
        return space.mutate(parents, rng, self.variation.mutation_rate)

    def _advance(self) -> IntArray:
        """Absorb full blocks, and give the best trial of every sub-problem now, int64 [n_sub_problems], -1 for none."""
        n = self.archive.n_completed
        while self._absorbed + BLOCK <= n:
            end = self._absorbed + BLOCK
            self._best, self._front = self._after(end)
            self._absorbed = end
        return self._best if self._absorbed == n else self._after(n)[0]

    def _after(self, end: int) -> tuple[IntArray, IntArray]:
        """Best trials and front (rows of the archive) once the trials up to ``end`` are counted in."""
        told = self.archive.completed
        # Of equal costs the first column wins, so the newest come first and the best so far last.
        new = np.arange(self._absorbed, end)[::-1]
        violations = effective_violations(told.objectives[:end], told.violations[:end])
        front = np.union1d(self._front, new[violations[new] == 0.0])
        front = front[nondominated(told.objectives[front])]
        rows = np.column_stack([np.broadcast_to(new, (len(self.weights), len(new))), self._best])
        costs = violation_first(self._scalar_costs(rows, violations, front), violations[rows])
        costs[self._best < 0, -1] = np.inf
        taken = np.where(np.column_stack([self._may_take(new), self._best >= 0]), costs, np.inf)
        # Without a best of its own, a sub-problem takes any trial.
        costs = np.where(np.isfinite(taken).any(axis=1, keepdims=True), taken, costs)
        winner = costs.argmin(axis=1)
        everyone = np.arange(len(rows))
        return np.where(np.isfinite(costs[everyone, winner]), rows[everyone, winner], -1), front

    def _scalar_costs(self, rows: IntArray, violations: FloatArray, front: IntArray) -> FloatArray:
        """Costs of trials for the sub-problem of their line, float64 as int64 ``rows`` [n_sub_problems, n]."""
        told = self.archive.completed
        if not len(front):
            return np.zeros(rows.shape)
        low, high = told.objectives[front].min(axis=0), told.objectives[front].max(axis=0)
        # Sub-problems are spread over what counts, not over what lies beyond the reference.
        high = np.where((self._reference > low) & (self._reference < high), self._reference, high)
        # Infeasible trials lend no values, which need not be finite.
        objectives = np.where(violations[rows][..., None] == 0.0, told.objectives[rows], low)
        with np.errstate(over="ignore"):
            scaled = unit_scaled(objectives, low, high)
        return self._costs(np.clip(scaled, -FARTHEST, FARTHEST), self.weights[:, None, :])

    def _may_take(self, new: IntArray) -> NDArray[np.bool_]:
        """Whether a sub-problem may take a trial: its neighbours', and the first ones, bool [n_sub_problems, n]."""
        ids = self.archive.completed.ids[new]
        turns = self._turn[ids % len(self.weights)]
        near = np.zeros((len(self.weights), len(new)), dtype=bool)
        near[self.neighbourhoods[turns].T, np.arange(len(new))] = True
        return np.asarray(near | (ids < len(self.weights)))
