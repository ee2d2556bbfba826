"""Multi-objective, constrained tree-structured Parzen estimator, by Optuna."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..spaces.errors import StrategyError
from ..spaces.knobs import INACTIVE, Codes
from .dominance import effective_violations
from .objective import Problem
from .strategy import Strategy
from .trial import Trials

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import TrialState

VARIANTS = 8
"""Mutants that stand in, in turn, for a suggestion that was seen before (on small spaces most suggestions repeat)."""

STALE = 1_000
"""Withdrawn trials that Optuna's study may hold beyond the completed ones before it is built anew."""

FAILED_VIOLATION = 1e100
"""Violation of a failed trial: behind every finite one, yet finite."""


class Tpe(Strategy):
    """TPE over a design's codes: one integer or categorical distribution per knob, fixed for the whole study.

    Optuna keeps a study in memory that is rebuilt from the trials told. Running trials and earlier suggestions of the
    same ask count as bad (constant liar). Suggestions are made canonical and repaired by the space; one that was seen
    before is replaced by an unseen mutant of it. Each suggestion fits two density models over all completed trials, so
    it costs milliseconds and grows with their number.

    Args:
        problem: Space, objectives, constraints.
        seed: Study seed.
        startup: Random designs before the model takes over.
        candidates: Points of the good density that are compared per suggestion.
        multivariate: Model knobs jointly.

    Raises:
        StrategyError: When Optuna is not installed, or ``startup`` is under 2.

    Source: Bergstra et al. 2011 (TPE); Ozaki et al. 2022 (several objectives); Watanabe and Hutter 2023 (constraints).
    """

    def __init__(
        self, problem: Problem, seed: int = 0, *, startup: int = 20, candidates: int = 24, multivariate: bool = True
    ) -> None:
        super().__init__(problem, seed)
        if startup < 2:
            raise StrategyError(f"startup {startup} is too small", "use at least 2")
        self.startup = startup
        self.candidates = candidates
        self.multivariate = multivariate
        self._distributions = _distributions(problem)
        self._study = self._new_study()
        self._n_absorbed = 0

    def ask(self, n: int) -> Codes:
        modelled = self.archive.n_completed >= self.startup and self.archive.n_known >= self.startup
        if not modelled:
            rng = self.rng()
            return self.novel(self.problem.space.sample(rng, n), n, rng)
        from optuna.trial import TrialState

        self._absorb()
        first = len(self._study.get_trials(deepcopy=False))
        self._add(self.archive.running, TrialState.RUNNING)
        chosen = self.archive.completed.codes[:0]
        for i in range(n):
            row = self._suggest(chosen, i)
            if not len(row):
                break
            chosen = np.concatenate([chosen, row])
        self._withdraw(first)
        return chosen

    def _suggest(self, chosen: Codes, i: int) -> Codes:
        """One more unseen design, int64 [<= 1, n_knobs], given those already chosen."""
        from optuna.trial import TrialState

        rng = self.rng(stream=i)
        self._study.sampler = self._sampler(int(rng.integers(2**31)))
        trial = self._study.ask(self._distributions)
        raw = np.array([[trial.params[name] for name in self.problem.space.names]], dtype=np.int64)
        self._study.tell(trial, state=TrialState.FAIL)
        suggestion = self.problem.space.repair(raw, rng)
        variants = self.problem.space.mutate(np.repeat(suggestion, VARIANTS, axis=0), rng)
        # Rows already chosen stay in front, so that the new one is unlike them.
        row = self.novel(np.concatenate([chosen, suggestion, variants]), len(chosen) + 1, rng)[len(chosen) :]
        ids = np.full(len(row), self.archive.n_known + i, dtype=np.int64)
        self._add(Trials.running(ids, row, self.problem.n_objectives), TrialState.RUNNING)
        return row

    def _absorb(self) -> None:
        """Bring Optuna's study up to date with the completed trials."""
        from optuna.trial import TrialState

        if len(self._study.get_trials(deepcopy=False)) > 2 * self._n_absorbed + STALE:
            self._study, self._n_absorbed = self._new_study(), 0
        self._add(self.archive.completed[self._n_absorbed :], TrialState.COMPLETE)
        self._n_absorbed = self.archive.n_completed

    def _add(self, trials: Trials, state: TrialState) -> None:
        from optuna.trial import TrialState, create_trial

        names = self.problem.space.names
        violations = np.minimum(effective_violations(trials.objectives, trials.violations), FAILED_VIOLATION)
        values = np.nan_to_num(trials.objectives, nan=0.0, posinf=0.0, neginf=0.0)
        complete = state == TrialState.COMPLETE
        for row, code in enumerate(self._filled(trials)):
            self._study.add_trial(
                create_trial(
                    state=state,
                    params=dict(zip(names, code.tolist(), strict=True)),
                    distributions=self._distributions,
                    values=values[row].tolist() if complete else None,
                    constraints={"violation": float(violations[row])} if complete else None,
                )
            )

    def _filled(self, trials: Trials) -> Codes:
        """Codes in which inactive knobs have a value drawn per trial, so that they teach the model nothing."""
        codes = trials.codes.copy()
        for row in np.flatnonzero((codes == INACTIVE).any(axis=1)):
            rng = np.random.default_rng(np.random.SeedSequence([self.seed, int(trials.ids[row]), 1]))
            draw = rng.integers(0, self.problem.space.cardinalities)
            codes[row] = np.where(codes[row] == INACTIVE, draw, codes[row])
        return codes

    def _withdraw(self, first: int) -> None:
        """Take back the running trials from number ``first`` on; failed ones do not count for the model."""
        from optuna.trial import TrialState

        for trial in self._study.get_trials(deepcopy=False)[first:]:
            if trial.state == TrialState.RUNNING:
                self._study.tell(trial.number, state=TrialState.FAIL)

    def _sampler(self, seed: int) -> object:
        from optuna.samplers import TPESampler

        return TPESampler(
            seed=seed,
            multivariate=self.multivariate,
            n_startup_trials=self.startup,
            n_ei_candidates=self.candidates,
            constant_liar=True,
        )

    def _new_study(self) -> Study:
        import optuna

        before = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            return optuna.create_study(directions=["minimize"] * self.problem.n_objectives, study_name="tpe")
        finally:
            optuna.logging.set_verbosity(before)


def _distributions(problem: Problem) -> dict[str, BaseDistribution]:
    try:
        from optuna.distributions import CategoricalDistribution, IntDistribution
    except ImportError as error:
        raise StrategyError("TPE needs Optuna", "install it: pip install 'cosearch[optuna]'") from error
    space = problem.space
    return {
        name: IntDistribution(0, int(n) - 1) if ordered else CategoricalDistribution(range(int(n)))
        for name, n, ordered in zip(space.names, space.cardinalities, space.ordered, strict=True)
    }
