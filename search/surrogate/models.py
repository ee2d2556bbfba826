"""What a surrogate-assisted strategy believes: objectives and feasibility of any design."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...predictors.bank import Bank
from ...spaces.knobs import Codes
from ..dominance import effective_violations, preference_order
from ..objective import FloatArray, Problem
from ..trial import Trials

CLEARLY = 1.0
"""Score of a feasible trial is minus, of the most violating one plus this; failed ones count double."""


@dataclass(frozen=True, slots=True)
class Belief:
    """About ``n`` designs.

    Attributes:
        samples: Joint guesses at the objectives, minimised, float64 [n_samples, n, n_objectives].
        feasible: Probability of meeting every constraint, float64 [n].
    """

    samples: FloatArray
    feasible: FloatArray

    def __getitem__(self, rows: slice | np.ndarray) -> Belief:
        return Belief(self.samples[:, rows], self.feasible[rows])

    def join(self, other: Belief) -> Belief:
        """These designs and then the others."""
        return Belief(
            np.concatenate([self.samples, other.samples], axis=1), np.concatenate([self.feasible, other.feasible])
        )


class Models:
    """One predictor per objective that is not exact, and one of feasibility where that calls for it.

    Constraints on exact metrics are computed, those on objectives follow from its predictor. For the others,
    and for failures, feasibility is a score: -1 for feasible trials, rising with the rank of the violation to +1, 2 for
    failed ones; its probability is that of a score below 0.

    Args:
        problem: What is searched.
        members: Predictors that each bank compares.
        most: Trials that are learnt from at most; of more, the better half and a random part of the others.

    Raises:
        PredictorError: When a member is unknown, or there is none.
    """

    def __init__(self, problem: Problem, members: Sequence[str], most: int) -> None:
        self.problem = problem
        self._most = most
        metrics = [o.metric for o in problem.objectives]
        open_ended = [c for c in problem.constraints if c.metric not in problem.exact]
        self._bounded = [(metrics.index(c.metric), c) for c in open_ended if c.metric in metrics]
        self._scored = len(open_ended) > len(self._bounded)
        # An unknown member is refused now, not after the first trials.
        self._members = Bank(problem.space, metrics[0], members=members).members
        self._predictors: dict[int, Bank] = {}
        self._units = np.ones(problem.n_objectives)
        self._feasibility: Bank | None = None
        self._feasibility_chosen = False

    def fit(self, trials: Trials) -> None:
        """Choose predictors and their hyperparameters.

        Args:
            trials: At least four of them feasible or at least finite.
        """
        self._predictors = {
            k: Bank(self.problem.space, o.metric, members=self._members)
            for k, o in enumerate(self.problem.objectives)
            if o.metric not in self.problem.exact
        }
        self._feasibility, self._feasibility_chosen = None, False
        self._learn(trials, anew=True)
        self._feasibility_chosen = self._feasibility is not None

    def refit(self, trials: Trials) -> None:
        """Keep the choice, learn from these trials."""
        self._learn(trials, anew=False)

    @property
    def taus(self) -> list[float]:
        """Held-out rank correlation of each predicted objective that varies: a constant one has no ranks."""
        return [bank.tau for bank in self._predictors.values() if np.ptp(bank.observed) > 0]

    def _learn(self, trials: Trials, *, anew: bool) -> None:
        violations = effective_violations(trials.objectives, trials.violations)
        rows = self._kept(trials)
        usable = rows[np.isfinite(violations[rows])]
        designs = self.problem.space.designs(trials.codes[usable])
        self._units = _powers_of_two(trials.objectives[usable])
        for k, bank in self._predictors.items():
            learn = bank.fit if anew else bank.refit
            learn(designs, trials.objectives[usable, k] / self._units[k])
        # Of all trials: what is kept of many differs between refits, and a refit must not depend on earlier ones.
        if not (violations > 0 if self._scored else np.isinf(violations)).any():
            return
        if self._feasibility is None:
            self._feasibility = Bank(self.problem.space, "feasibility_ratio", members=("gp",))
        # First violations after the last choice are fitted anew each time, for the same reason.
        learn = self._feasibility.refit if self._feasibility_chosen and not anew else self._feasibility.fit
        learn(self.problem.space.designs(trials.codes[rows]), _scores(violations[rows]))

    def _kept(self, trials: Trials) -> np.ndarray:
        """Rows to learn from, int64, by age."""
        n = len(trials)
        if n <= self._most:
            return np.arange(n)
        order = preference_order(trials.objectives, trials.violations)
        half = self._most // 2
        others = np.random.default_rng(0).choice(order[half:], self._most - half, replace=False)
        return np.sort(np.concatenate([order[:half], others]))

    def mean(self, codes: Codes) -> tuple[FloatArray, FloatArray]:
        """Expected objectives [n, n_objectives], and violations [n]: 0 where feasibility is the likelier."""
        designs = self.problem.space.designs(codes)
        mean, violations = self.problem.foreknow(codes)
        for k, bank in self._predictors.items():
            mean[:, k] = self._units[k] * bank.mean(designs)
        for k, constraint in self._bounded:
            violations += constraint.violation(self.problem.objectives[k].sign * mean[:, k])
        if self._feasibility is not None:
            violations += np.maximum(self._feasibility.mean(designs), 0.0)
        return mean, violations

    def belief(self, codes: Codes, n_samples: int, rng: np.random.Generator) -> Belief:
        """Samples of the objectives, and the probability of feasibility.

        Args:
            codes: int64 [n, n_knobs].
            n_samples: How many; 0 gives one, the mean.
            rng: Draws them.
        """
        designs = self.problem.space.designs(codes)
        known, violations = self.problem.foreknow(codes)
        samples = np.repeat(known[None], max(n_samples, 1), axis=0)
        if not len(codes):
            return Belief(samples, violations)
        for k, bank in self._predictors.items():
            guess = bank.deviate(designs, rng.standard_normal(samples.shape[:2])) if n_samples else bank.mean(designs)
            samples[:, :, k] = self._units[k] * guess
        feasible = (violations == 0).astype(np.float64)
        for k, constraint in self._bounded:
            values = self.problem.objectives[k].sign * samples[:, :, k]
            feasible *= (constraint.violation(values.ravel()).reshape(values.shape) == 0).mean(axis=0)
        if self._feasibility is not None:
            from scipy.special import ndtr

            found = self._feasibility.predict(designs)
            feasible *= ndtr(-found.mean / found.std)
        return Belief(samples, feasible)


def _powers_of_two(objectives: FloatArray) -> FloatArray:
    """What brings each column of finite float64 [n, n_objectives] to at most one, without rounding; [n_objectives]."""
    largest = np.maximum(np.abs(objectives).max(axis=0), np.finfo(float).tiny)
    return np.asarray(np.exp2(np.minimum(np.ceil(np.log2(largest)), 1023.0)))


def _scores(violations: FloatArray) -> FloatArray:
    """Feasibility scores of violations float64 [n]."""
    levels = np.unique(violations[(violations > 0) & np.isfinite(violations)])
    place = (np.searchsorted(levels, violations) + 1) / max(len(levels), 1)
    graded = 0.5 * CLEARLY * (1.0 + np.minimum(place, 1.0))
    return np.where(violations == 0, -CLEARLY, np.where(np.isfinite(violations), graded, 2.0 * CLEARLY))
