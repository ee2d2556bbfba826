"""A search problem that is answered from data, with the front that a search is measured against."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cached_property

import numpy as np

from ....search.dominance import nondominated
from ....search.front import hypervolume
from ....search.objective import FloatArray, Problem
from ....spaces.knobs import Codes

Measure = Callable[[Codes], dict[str, FloatArray]]


@dataclasses.dataclass(frozen=True)
class BenchmarkProblem:
    """A problem, its answers and its front.

    Args:
        name: What a command line calls it.
        problem: Space, objectives with reference values, and the metrics that are closed forms.
        measure: int64 codes [n, n_knobs] of valid designs to metric name to float64 [n], physical units.
        front: float64 [k, n_objectives], minimised: the true Pareto front, or the best known one.
        true_front: Whether ``front`` is proven, by listing the whole space.
    """

    name: str
    problem: Problem
    measure: Measure
    front: FloatArray
    true_front: bool

    def evaluate(self, codes: Codes) -> dict[str, FloatArray]:
        """Metric name to float64 [n] of int64 ``codes`` [n, n_knobs]."""
        return self.measure(codes)

    def score(self, codes: Codes) -> tuple[FloatArray, FloatArray]:
        """Minimised objectives, float64 [n, n_objectives], and violations, float64 [n], of int64 ``codes``."""
        return self.problem.score(self.measure(codes))

    def objectives(self, codes: Codes) -> FloatArray:
        """Minimised objectives of int64 ``codes`` [n, n_knobs], float64 [n, n_objectives]."""
        return self.score(codes)[0]

    @cached_property
    def reference(self) -> FloatArray:
        """Reference point in minimised objectives, float64 [n_objectives]."""
        return self.problem.references

    @cached_property
    def hypervolume(self) -> float:
        """Hypervolume of the front."""
        return hypervolume(self.front, self.reference)

    def share(self, objectives: FloatArray) -> float:
        """Hypervolume of float64 ``objectives`` [n, n_objectives] (minimised) as a share of the front's."""
        return hypervolume(objectives, self.reference) / self.hypervolume

    def without_exact(self) -> BenchmarkProblem:
        """The same problem for a search that has to learn every metric."""
        return dataclasses.replace(self, problem=dataclasses.replace(self.problem, exact={}))


def front_of(objectives: FloatArray) -> FloatArray:
    """Non-dominated rows of float64 ``objectives`` [n, m], sorted by the first objective."""
    rows = objectives[nondominated(objectives)]
    return rows[np.lexsort(rows.T[::-1])]
