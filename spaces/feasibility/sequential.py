"""Sampling and repair in components that are too large to list: one knob after the other, guided by propagation."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..errors import InfeasibleError
from ..knobs import Codes
from .nearest import NearestRows, Scales
from .propagation import Candidates, Propagator
from .stirring import stir

PILOT = 8192
"""Proposals of the pilot run that sets the acceptance rule."""

MAX_FIRST_CHECKS = 4_000_000
"""Above so many candidates in a batch, a candidate is drawn first and checked then."""

LEAST_ACCEPTANCE = 1 / 64
"""Smallest share of proposals that the acceptance rule may let through."""

MAX_BATCH = 8192
MAX_BATCHES = 1000

PILOT_SEED = 0


class SequentialSampler:
    """Near-uniform draws without listing.

    A *proposal* assigns the knobs in turn, each uniformly among the values that propagation leaves; its weight is the
    product of the numbers of these values, one over its probability (Knuth 1975, "Estimating the efficiency of
    backtrack programs"). A proposal of weight ``w`` is accepted with probability ``min(1, w / limit)``, where ``limit``
    is fixed by a pilot run of :data:`PILOT` proposals with a fixed seed: the largest weight seen, lowered where
    needed so that about :data:`LEAST_ACCEPTANCE` of the proposals pass.

    What is guaranteed: every feasible design can be drawn; all designs of weight up to ``limit`` are equally likely.
    Where the limit had to be lowered, heavier designs come too rarely; the draws are then stirred, which makes them
    more uniform with every sweep, see :func:`cosearch.spaces.feasibility.stirring.stir`. Draws are independent.

    Args:
        propagator: Knobs and relations.
        columns: Columns of the knobs, int64, rising.
        weight: Code-step weights of the knobs, see :func:`cosearch.spaces.feasibility.nearest.scales`.
    """

    def __init__(self, propagator: Propagator, columns: Codes, weight: Scales) -> None:
        self.propagator = propagator
        self.columns = columns
        self.weight = weight

    def sample(self, rng: np.random.Generator, n: int) -> Codes:
        """Draw rows, int64 [n, n_columns].

        Raises:
            InfeasibleError: When none is found.
        """
        _, limit, rate, lowered = self._pilot
        accepted: list[Codes] = []
        missing = n
        for _ in range(MAX_BATCHES):
            if missing <= 0:
                break
            batch = int(min(MAX_BATCH, 16 + 1.2 * missing / rate))
            rows, log_weight = self._propose(rng, batch)
            passed = rows[rng.random(len(rows)) < np.exp2(np.minimum(0.0, log_weight - limit))]
            accepted.append(passed[:missing])
            missing -= len(passed)
        if missing > 0:
            raise InfeasibleError(f"only {n - missing} of {n} designs were found", "loosen the constraints")
        drawn = np.concatenate(accepted) if accepted else np.empty((0, len(self.columns)), np.int64)
        return stir(self.propagator, self.columns, drawn, rng) if lowered else drawn

    def nearest(self, wanted: Codes, rng: np.random.Generator | None, avoid: Codes | None) -> Codes:
        """Feasible rows near ``wanted``: each knob in turn takes the nearest value that propagation leaves.

        Where that runs into a dead end, or gives the row to avoid, the nearest design of the pilot run is taken.

        Args:
            wanted: int64 [n, n_columns].
            rng: Breaks ties.
            avoid: int64 [n, n_columns], rows not to return where there is another.

        Raises:
            InfeasibleError: When none is found.
        """
        result = self._greedy(wanted)
        lost = (result[:, 0] < -1) if avoid is None else (result[:, 0] < -1) | (result == avoid).all(axis=1)
        if lost.any():
            pool = self._pilot[0]
            result[lost] = pool.rows[pool.find(wanted[lost], rng, None if avoid is None else avoid[lost])]
        return result

    @cached_property
    def _pilot(self) -> tuple[NearestRows, float, float, bool]:
        """Distinct feasible rows, log2 of the weight limit, the share of proposals that pass, and if it was lowered."""
        rows, log_weight = self._propose(np.random.default_rng(PILOT_SEED), PILOT)
        if not len(rows):
            raise InfeasibleError(
                f"no feasible design in {PILOT} guided draws",
                "loosen the constraints, or give the tied knobs fewer values so that they can be listed",
            )
        limit = float(log_weight.max())
        while True:
            rate = float(np.exp2(np.minimum(0.0, log_weight - limit)).sum() / PILOT)
            if rate >= min(LEAST_ACCEPTANCE, len(rows) / PILOT / 2):
                lowered = limit < float(log_weight.max())
                return NearestRows(np.unique(rows, axis=0), self.weight), limit, rate, lowered
            limit -= 0.5

    def _propose(self, rng: np.random.Generator, m: int) -> tuple[Codes, NDArray[np.float64]]:
        """Feasible proposals out of ``m`` tries, int64 [<= m, n_columns], and log2 of their weights."""
        codes: dict[int, Codes] = {}
        log_weight = np.zeros(m)
        for column in self.propagator.order:
            candidates = self.propagator.extend(codes, len(log_weight), column)
            checked_first = candidates.lengths.sum() <= MAX_FIRST_CHECKS
            rows, picked, counts = (self._pick_checked if checked_first else self._pick)(codes, column, candidates, rng)
            codes = {c: values[rows] for c, values in codes.items()}
            codes[column] = picked
            log_weight = log_weight[rows] + np.log2(counts)
        return np.column_stack([codes[int(c)] for c in self.columns]), log_weight

    def _pick_checked(
        self, codes: dict[int, Codes], column: int, candidates: Candidates, rng: np.random.Generator
    ) -> tuple[Codes, Codes, Codes]:
        """One allowed code per row that has any, uniformly: the rows, the codes, and how many were allowed."""
        rows, picked = self._allowed(codes, column, candidates)
        counts = np.bincount(rows, minlength=len(candidates.lengths))
        starts = np.cumsum(counts) - counts
        alive = np.flatnonzero(counts)
        return alive, picked[starts[alive] + rng.integers(0, counts[alive])], counts[alive]

    def _pick(
        self, codes: dict[int, Codes], column: int, candidates: Candidates, rng: np.random.Generator
    ) -> tuple[Codes, Codes, Codes]:
        """The same with the check after the draw: rows whose draw is not allowed are dropped."""
        alive = np.flatnonzero(candidates.lengths)
        counts = candidates.lengths[alive]
        picked = candidates.take(alive, rng.integers(0, counts))
        allowed = self.propagator.allowed(codes, column, alive, picked)
        return alive[allowed], picked[allowed], counts[allowed]

    def _allowed(self, codes: dict[int, Codes], column: int, candidates: Candidates) -> tuple[Codes, Codes]:
        kept = [(np.empty(0, np.int64), np.empty(0, np.int64))]
        for rows, picked in candidates.blocks():
            allowed = self.propagator.allowed(codes, column, rows, picked)
            kept.append((rows[allowed], picked[allowed]))
        return np.concatenate([k[0] for k in kept]), np.concatenate([k[1] for k in kept])

    def _greedy(self, wanted: Codes) -> Codes:
        """Nearest values knob by knob, int64 [n, n_columns]; -2 throughout where that ends in a dead end."""
        alive = np.arange(len(wanted))
        codes: dict[int, Codes] = {}
        for column in self.propagator.order:
            goal = wanted[alive, np.searchsorted(self.columns, column)]
            candidates = self.propagator.extend(codes, len(alive), column)
            if candidates.lengths.sum() > MAX_FIRST_CHECKS:
                candidates = _closest(candidates, goal)
            rows, picked = self._allowed(codes, column, candidates)
            order = np.lexsort((np.abs(picked - goal[rows]), rows))
            rows, first = np.unique(rows[order], return_index=True)
            codes = {c: values[rows] for c, values in codes.items()}
            codes[column] = picked[order][first]
            alive = alive[rows]
        result = np.full(wanted.shape, -2, dtype=np.int64)
        result[alive] = np.column_stack([codes[int(c)] for c in self.columns])
        return result


def _closest(candidates: Candidates, goal: Codes) -> Candidates:
    """Only each row's candidate that is closest to its goal, by bisection in the rising lists."""
    low, high = candidates.starts, candidates.starts + candidates.lengths
    for _ in range(int(candidates.lengths.max()).bit_length()):
        middle = (low + high) // 2
        below = (low < high) & (candidates.items[np.minimum(middle, len(candidates.items) - 1)] < goal)
        low, high = np.where(below, middle + 1, low), np.where(below, high, np.where(low < high, middle, high))
    last = candidates.starts + candidates.lengths - 1
    right, left = np.minimum(low, last), np.maximum(np.minimum(low, last) - 1, candidates.starts)
    nearer = np.abs(candidates.items[left] - goal) < np.abs(candidates.items[right] - goal)
    return Candidates(np.where(nearer, left, right), np.minimum(candidates.lengths, 1), candidates.items)
