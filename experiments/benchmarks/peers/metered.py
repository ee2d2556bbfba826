"""The evaluation that a peer calls: it counts, times itself, and ends the search when the budget is spent."""

from __future__ import annotations

import time

import numpy as np

from ....search.objective import FloatArray
from ....spaces.knobs import INACTIVE, Codes
from ....spaces.space import Space
from ..problems.benchmark_problem import BenchmarkProblem


class Metered:
    """Minimised objectives of a benchmark problem, up to a budget.

    Args:
        benchmark: The problem.
        budget: Evaluations; repeats count.
    """

    def __init__(self, benchmark: BenchmarkProblem, budget: int) -> None:
        self.benchmark = benchmark
        self.budget = budget
        self.cpu_s = 0.0
        self._rows: list[FloatArray] = []
        self._violations: list[FloatArray] = []
        self._n = 0
        self._solved = False

    @property
    def space(self) -> Space:
        """The problem's space."""
        return self.benchmark.problem.space

    @property
    def n_objectives(self) -> int:
        """Number of objectives."""
        return self.benchmark.problem.n_objectives

    @property
    def left(self) -> int:
        """Evaluations left."""
        return self.budget - self._n

    @property
    def solved(self) -> bool:
        """Whether the proven optimum of a problem with one objective was met: nothing is left to find."""
        return self._solved

    @property
    def objectives(self) -> FloatArray:
        """Everything evaluated within the budget, in order, float64 [n, n_objectives]."""
        return np.concatenate([np.empty((0, self.n_objectives)), *self._rows])[: self.budget]

    @property
    def violations(self) -> FloatArray:
        """Violations of everything evaluated within the budget, in order, float64 [n]."""
        return np.concatenate([np.empty(0), *self._violations])[: self.budget]

    def __call__(self, codes: Codes) -> FloatArray:
        """Objectives of codes, float64 [n, n_objectives].

        Args:
            codes: int64 [n, n_knobs]; a value for every knob, also for inactive ones, which are masked; designs that
                violate a constraint are replaced by the nearest that do not.
        """
        return self.score(codes)[0]

    def score(self, codes: Codes) -> tuple[FloatArray, FloatArray]:
        """Objectives of codes as above, and violations of constraints on metrics, float64 [n]."""
        start = time.process_time()
        objectives, violations = self.benchmark.score(self.space.repair(np.asarray(codes, dtype=np.int64)))
        self._rows.append(objectives)
        self._violations.append(violations)
        self._n += len(objectives)
        if self.benchmark.true_front and self.n_objectives == 1:
            best = self.benchmark.front[0, 0]
            self._solved |= bool(((violations == 0.0) & (objectives[:, 0] <= best)).any())
        self.cpu_s += time.process_time() - start
        return objectives, violations

    def random(self, n: int, rng: np.random.Generator) -> Codes:
        """Random designs with a value for every knob, int64 [n, n_knobs]."""
        codes = self.space.sample(rng, n)
        return np.where(codes == INACTIVE, rng.integers(0, self.space.cardinalities, codes.shape), codes)
