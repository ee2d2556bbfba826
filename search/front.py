"""The Pareto front of a study, kept up to date batch by batch."""

from __future__ import annotations

import moocore
import numpy as np

from ..spaces.errors import StrategyError
from .dominance import BoolArray, effective_violations, nondominated
from .objective import FloatArray, Problem
from .trial import Trials

REFERENCE_TRIALS = 20
"""Feasible trials after which reference values that the problem leaves open are frozen."""

REFERENCE_MARGIN = 0.1
"""How far beyond the worst value an open reference lies, as a share of the range seen: slightly worse than the nadir,
so that the ends of the front count (Ishibuchi et al. 2018, "How to specify a reference point in hypervolume
calculation for fair performance comparison")."""

EXACT_OBJECTIVES = 5
"""Up to here the hypervolume is exact; beyond, exact algorithms take seconds for a few hundred points, and moocore's
deterministic polar approximation is used (Deng and Zhang 2019)."""

LEAST_KEPT = 100
"""Infeasible trials that are remembered, those of least violation."""


class ParetoFront:
    """Incremental archive of the feasible non-dominated trials; those below full fidelity are passed over.

    Of trials with equal objectives the first one told stays. What it holds depends on the trials and their order, not
    on how they were grouped into batches.

    Args:
        problem: Objectives (minimised in :class:`~cosearch.search.trial.Trials`), with or without reference values.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._members = Trials.empty(problem.space.n_knobs, problem.n_objectives)
        self._least = self._members
        self._given = problem.references
        self._first: FloatArray = np.empty((0, problem.n_objectives))
        self._hypervolume: float | None = 0.0

    def __len__(self) -> int:
        return len(self._members)

    @property
    def trials(self) -> Trials:
        """The members in the order in which they were told; empty while no trial is feasible, see :meth:`best`."""
        return self._members

    @property
    def is_feasible(self) -> bool:
        """Whether any trial met every constraint."""
        return len(self._members) > 0

    def best(self, k: int = 10) -> tuple[Trials, bool]:
        """The answer of a study and whether it is feasible.

        Args:
            k: How many of the least violating trials stand in when none is feasible.

        Returns:
            The front and True; or up to ``k`` least violating trials and False.
        """
        return (self._members, True) if self.is_feasible else (self.least_violating(k), False)

    def add(self, trials: Trials) -> BoolArray:
        """Take in completed trials.

        Args:
            trials: n completed trials, failed ones included.

        Returns:
            Which of them are members now, bool [n].
        """
        violations = effective_violations(trials.objectives, trials.violations)
        violations[trials.fidelities < 1.0] = np.inf
        feasible = violations == 0.0
        self._note_least(trials, violations)
        rows = np.flatnonzero(feasible)
        joined = np.zeros(len(trials), dtype=bool)
        if not len(rows):
            return joined
        if len(self._first) < REFERENCE_TRIALS and np.isnan(self._given).any():
            self._first = np.concatenate([self._first, trials.objectives[rows]])[:REFERENCE_TRIALS]
            self._hypervolume = None
        old = len(self._members)
        merged = Trials.join([self._members, trials[rows]])
        keep = nondominated(merged.objectives)
        joined[rows] = keep[old:]
        if joined.any():
            self._members = merged[keep]
            self._hypervolume = None
        return joined

    def _note_least(self, trials: Trials, violations: FloatArray) -> None:
        bad = np.flatnonzero((violations > 0) & np.isfinite(violations))
        if len(self._least) == LEAST_KEPT:
            bad = bad[violations[bad] < self._least.violations[-1]]
        if len(bad):
            merged = Trials.join([self._least, trials[bad]])
            self._least = merged[np.argsort(merged.violations, kind="stable")[:LEAST_KEPT]]

    def least_violating(self, k: int) -> Trials:
        """Up to ``k`` infeasible trials of least total violation (at most ``LEAST_KEPT``), best first; none failed."""
        return self._least[:k]

    @property
    def reference(self) -> FloatArray:
        """Reference point in minimised objectives, float64 [n_objectives].

        Values that the problem leaves open are the worst of the first ``REFERENCE_TRIALS`` feasible trials, moved
        outwards by ``REFERENCE_MARGIN`` of their range; provisional until that many are there, NaN before the first.
        """
        if not np.isnan(self._given).any() or not len(self._first):
            return self._given
        worst, best = self._first.max(axis=0), self._first.min(axis=0)
        size = np.where(worst > best, worst - best, np.where(worst != 0, np.abs(worst), 1.0))
        return np.where(np.isnan(self._given), worst + REFERENCE_MARGIN * size, self._given)

    def hypervolume(self) -> float:
        """Volume between the front and the reference point, in the product of the objectives' units.

        0 while no trial is feasible. Computed when the front or the reference changed, else remembered.
        Source: moocore (Fonseca et al. 2006; Guerreiro and Fonseca 2018).
        """
        if self._hypervolume is None:
            self._hypervolume = hypervolume(self._members.objectives, self.reference)
        return self._hypervolume

    def normalised(self) -> FloatArray:
        """Members' objectives scaled by the front's own range, float64 [n, n_objectives] in 0 .. 1; 0 is best."""
        values = self._members.objectives
        low, high = values.min(axis=0), values.max(axis=0)
        return np.asarray((values - low) / np.where(high > low, high - low, 1.0))

    def knee(self) -> Trials:
        """The member that bulges most towards the ideal point; none while the front is empty.

        With objectives scaled to 0 .. 1 over the front, it is the member farthest below the hyperplane through the
        points where one objective is worst and the others best, that is the one of smallest sum (Das 1999, "On
        characterizing the 'knee' of the Pareto curve based on normal-boundary intersection").
        """
        if not len(self):
            return self._members
        row = int(self.normalised().sum(axis=1).argmin())
        return self._members[row : row + 1]

    def nearest(self, **targets: float) -> Trials:
        """The member nearest to wished-for values; none while the front is empty.

        Args:
            targets: Objective metric to value, in the metric's own unit and sign; Euclidean distance over these
                metrics, each scaled by the front's range.

        Raises:
            StrategyError: When a name is not an objective, or none is given.
        """
        names = [o.metric for o in self.problem.objectives]
        unknown = [name for name in targets if name not in names]
        if unknown or not targets:
            raise StrategyError(f"{unknown or 'nothing'} is not among the objectives", "use " + ", ".join(names))
        if not len(self):
            return self._members
        columns = [names.index(name) for name in targets]
        metrics = self.problem.unscore(self._members.objectives)[:, columns]
        span = np.ptp(metrics, axis=0)
        gaps = (metrics - np.array(list(targets.values()))) / np.where(span > 0, span, 1.0)
        row = int((gaps**2).sum(axis=1).argmin())
        return self._members[row : row + 1]


def hypervolume(objectives: FloatArray, reference: FloatArray) -> float:
    """Volume dominated by float64 ``objectives`` [n, n_objectives] (minimised) within ``reference`` [n_objectives].

    Exact up to ``EXACT_OBJECTIVES`` objectives, approximated beyond.
    """
    inside = objectives[(objectives < reference).all(axis=1)]
    if not len(inside):
        return 0.0
    if objectives.shape[1] > EXACT_OBJECTIVES:
        return float(moocore.hv_approx(inside, ref=reference))
    return float(moocore.hypervolume(inside, ref=reference))
