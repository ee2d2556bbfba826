"""Evolution on a bank of surrogates, evaluated in small batches of expected gain in hypervolume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..spaces.errors import StrategyError
from ..spaces.knobs import Codes
from .archive import keys
from .dominance import effective_violations, nondominated
from .front import REFERENCE_MARGIN
from .objective import FloatArray, Problem
from .roles import places
from .strategy import Strategy
from .surrogate.candidates import best_told, bred, evolved
from .surrogate.hypervolume_gain import GreedyGain, boxed
from .surrogate.models import Belief, Models
from .surrogate.starts import graded, latin_hypercube
from .variation import Variation

LEAST_LEARNT = 6
"""Finite trials that models are fitted to at least."""

LEAST_CANDIDATES = 150
"""Candidates that compete for a batch."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the models say after a number of trials.

    Attributes:
        candidates: Unseen then, best first, int64 [n, n_knobs].
        belief: About them.
        trust: Held-out Kendall tau of the worst ranking model, 0 under the gate; 1 when nothing is predicted.
    """

    candidates: Codes
    belief: Belief
    trust: float


class SurrogateEvolution(Strategy):
    """Learns from every ``batch`` trials, evolves on what it learnt, and evaluates what promises most.

    It starts with a few quasi-random designs, half of them spread over the space, half graded from small to large (with
    one objective, all are spread).
    Then, after every ``batch`` completed trials, each objective that is not exact gets the predictor of a bank that
    ranks held-out designs best; NSGA-II, started from the best trials, evolves on the predictions; of what it met,
    candidates are taken one by one by expected gain in hypervolume, over samples of the predictions and given the
    trials in flight. No model chooses all trials: some are random, and of the others the share that the models do not
    rank (one less the held-out Kendall tau of the worst; all under the ``gate``) are children of the best trials, as in
    plain evolution.

    The cost is bounded: models are refitted once every ``batch`` trials and learn from :attr:`most_learnt` at most.

    Args:
        problem: Space, objectives, constraints; its exact metrics are never predicted.
        seed: Study seed.
        startup: Quasi-random designs at the start.
        batch: Completed trials between two refits.
        random_share: Of trials that are random designs.
        members: Predictors of each bank, see :data:`~cosearch.predictors.bank.MEMBERS`.
        gate: Held-out Kendall tau under which predictions are not used.

    Raises:
        StrategyError: When an option is out of range.
        PredictorError: When a member is unknown, or there is none.

    Source: predictor-guided evolution after LINAS (Cummings et al. 2022, "A hardware-aware framework for accelerating
    neural architecture search across modalities"), with greedy sampled hypervolume gains (Daulton et al. 2020).
    """

    samples: ClassVar[int] = 16
    """Joint samples of the predictions behind an expected gain; with 0 the mean prediction counts as certain."""
    generations: ClassVar[int] = 40
    """Of the evolution on the models."""
    population: ClassVar[int] = 60
    """Of the evolution on the models."""
    best_share: ClassVar[float] = 0.5
    """Of its first population that are the best trials; the others are random."""
    graded_share: ClassVar[float] = 0.5
    """Of the first designs that are graded from small to large, with several objectives."""
    trust_power: ClassVar[float] = 1.0
    """Exponent of the trust in the share of trials that models choose; with 0 they choose all but the random ones."""
    most_learnt: ClassVar[int] = 500
    """Trials that models are fitted to at most."""

    def __init__(
        self,
        problem: Problem,
        seed: int = 0,
        *,
        startup: int = 20,
        batch: int = 10,
        random_share: float = 0.1,
        members: Sequence[str] = ("gp", "gp_rank", "ridge", "trees", "pairwise"),
        gate: float = 0.25,
    ) -> None:
        super().__init__(problem, seed)
        if startup < 2 or batch < 1:
            raise StrategyError(f"startup {startup} and batch {batch} are too small", "use at least 2 and 1")
        if not 0 <= random_share <= 1:
            raise StrategyError(f"random_share {random_share} is not a share", "use 0 .. 1")
        self.startup = startup
        self.batch = batch
        self.gate = gate
        self.variation = Variation()
        self.random_share = random_share
        self._models = Models(problem, members, self.most_learnt)
        self._fitted_at = -1
        self._plan: tuple[int, Plan | None] = (-1, None)

    def ask(self, n: int) -> Codes:
        rng = self.rng()
        room = self.startup - self.archive.n_known
        start = self.novel(self._starts(), min(n, room), rng) if room > 0 else self.archive.completed.codes[:0]
        if len(start) >= n:
            return start
        moment = self._moment()
        plan = self._planned(moment) if moment else None
        return self._mixed(plan, start, n, rng)

    def _starts(self) -> Codes:
        rng = self.rng(stream=3, at=0)
        # One objective has no front whose ends they would reach.
        n_graded = int(self.graded_share * self.startup) if self.problem.n_objectives > 1 else 0
        spread = latin_hypercube(self.problem.space, self.startup - n_graded, rng)
        return np.concatenate([spread, graded(self.problem.space, n_graded, rng)])

    def _moment(self) -> int:
        """Completed trials of the last refit; 0 before the first."""
        n = self.archive.n_completed
        return 0 if n < self.startup else self.startup + (n - self.startup) // self.batch * self.batch

    def _planned(self, moment: int) -> Plan | None:
        """The plan of a moment: a function of the trials completed then."""
        if self._plan[0] != moment:
            self._plan = (moment, self._made(moment))
        return self._plan[1]

    def _made(self, moment: int) -> Plan | None:
        told = self.archive.completed[:moment]
        finite = np.isfinite(effective_violations(told.objectives, told.violations))
        chosen_at = self._chosen_at(moment)
        if finite[:chosen_at].sum() < LEAST_LEARNT:
            return None
        if chosen_at != self._fitted_at:
            self._models.fit(told[:chosen_at])
            self._fitted_at = chosen_at
        if moment > chosen_at:
            self._models.refit(told)
        rng = self.rng(stream=1, at=moment)
        codes = self.archive.unseen(self._candidates(moment, rng), before=moment)[: 4 * LEAST_CANDIDATES]
        tau = min(self._models.taus, default=1.0)
        return Plan(codes, self._models.belief(codes, self.samples, rng), tau if tau >= self.gate else 0.0)

    def _chosen_at(self, moment: int) -> int:
        """The last moment, up to this one, at which predictors were chosen anew: with a quarter more to learn."""
        at = self.startup
        while (later := at + self.batch * max(1, round(at / 4 / self.batch))) <= moment:
            at = later
        return at

    def _candidates(self, moment: int, rng: np.random.Generator) -> Codes:
        best = best_told(self.archive, moment, int(self.best_share * self.population))
        start = np.concatenate([best, self.problem.space.sample(rng, self.population - len(best))])
        return evolved(self._models, start, self.generations, self.population, self.variation, rng)

    def _mixed(self, plan: Plan | None, start: Codes, n: int, rng: np.random.Generator) -> Codes:
        """``start``, and after it one design per trial, each by its role."""
        place = places(self.archive.n_known + len(start), n - len(start))
        by_chance = int((place < self.random_share).sum())
        trust = plan.trust**self.trust_power if plan else 0.0
        by_model = int((place >= 1.0 - (1.0 - self.random_share) * trust).sum())
        rows = start
        if plan is not None and by_model:
            rows = np.concatenate([rows, self._gaining(plan, rows, by_model)])
        # Trials that no candidate promises to gain from are bred, too.
        by_evolution = n - len(rows) - by_chance
        if by_evolution > 0 and self.archive.n_completed > 1:
            children = bred(self.archive, self.problem.space, self.variation, by_evolution, rng)
            rows = self.archive.unseen(np.concatenate([rows, children]))[: len(rows) + by_evolution]
        return self.novel(rows, n, rng)

    def _gaining(self, plan: Plan, taken: Codes, n: int) -> Codes:
        """Up to ``n`` unseen candidates by expected gain given everything known now, int64 [<= n, n_knobs]."""
        left = np.flatnonzero(self._still_unseen(plan.candidates, taken))[: max(LEAST_CANDIDATES, 4 * n)]
        told = self.archive.completed
        feasible = told.objectives[effective_violations(told.objectives, told.violations) == 0]
        if not len(feasible):
            return plan.candidates[left[np.argsort(-plan.belief.feasible[left], kind="stable")][:n]]
        front = feasible[nondominated(feasible)]
        pending = self.archive.running.codes
        rng = self.rng(stream=2, at=self._plan[0])
        belief = plan.belief[left].join(self._models.belief(pending, self.samples, rng))
        reference = reference_point(self.problem, front, feasible)
        ideal = np.minimum(front.min(axis=0), reference)
        front, samples = (boxed(rows, ideal, reference) for rows in (front, belief.samples))
        greedy = GreedyGain(front, samples, np.ones(len(reference)), belief.feasible, rng)
        for row in range(len(left), len(left) + len(pending)):
            greedy.take(row)
        picked: list[int] = []
        while len(picked) < n and (best := greedy.best()) is not None:
            greedy.take(best)
            picked.append(best)
        return plan.candidates[left[picked]]

    def _still_unseen(self, codes: Codes, taken: Codes) -> np.ndarray:
        fresh = set(keys(self.archive.unseen(np.concatenate([taken, codes]))[len(taken) :]))
        return np.array([key in fresh for key in keys(codes)], dtype=bool)


def reference_point(problem: Problem, front: FloatArray, feasible: FloatArray) -> FloatArray:
    """Given reference values, and slightly worse than the nadir where none is given; float64 [n_objectives].

    Args:
        problem: Has the given ones.
        front: Non-dominated objectives, float64 [f, n_objectives].
        feasible: All feasible objectives, float64 [n, n_objectives].
    """
    nadir, ideal = front.max(axis=0), front.min(axis=0)
    span = np.where(nadir > ideal, nadir - ideal, np.ptp(feasible, axis=0))
    open_ended = nadir + REFERENCE_MARGIN * np.where(span > 0, span, 1.0)
    return np.where(np.isnan(problem.references), open_ended, problem.references)
