"""What all of Optuna's samplers need to stand behind our contract: a study rebuilt from the trials told."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from ..spaces.errors import StrategyError
from ..spaces.knobs import INACTIVE, Codes
from .dominance import effective_violations
from .objective import FloatArray, Problem
from .strategy import Strategy
from .trial import Trials

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import TrialState

VARIANTS = 8
"""Mutants that stand in, in turn, for a suggestion that was seen before (on small spaces most suggestions repeat)."""

STALE = 1_000
"""Withdrawn trials that Optuna's study may hold beyond the completed ones before it is built anew."""

FAILED_VIOLATION = 1e100
"""Violation of a failed trial: behind every finite one, yet finite."""


class OptunaStrategy(Strategy):
    """Base of strategies that an Optuna sampler suggests: one integer or categorical distribution per knob.

    Optuna keeps a study in memory that is rebuilt from the trials told. Running trials and earlier suggestions of the
    same ask are shown to the sampler as running. Suggestions are made canonical and repaired by the space; one that was
    seen before is replaced by an unseen mutant of it. Every suggestion has a fresh sampler, whose seed is a function of
    the moment.

    Args:
        problem: Space, objectives, constraints.
        seed: Study seed.
        startup: Random designs before the model takes over.
        batch: Suggestions per ask at most; the rest of a larger ask are unseen mutants of them. None is no limit.

    Raises:
        StrategyError: When Optuna is not installed, ``startup`` is under 2, or ``batch`` under 1.
    """

    def __init__(self, problem: Problem, seed: int, startup: int, batch: int | None = None) -> None:
        super().__init__(problem, seed)
        if startup < 2:
            raise StrategyError(f"startup {startup} is too small", "use at least 2")
        if batch is not None and batch < 1:
            raise StrategyError(f"batch {batch} is too small", "use at least 1")
        self.startup = startup
        self.batch = batch
        self._distributions = _distributions(problem)
        self._study = self._new_study()
        self._n_absorbed = 0

    @abstractmethod
    def sampler(self, seed: int) -> BaseSampler:
        """A fresh sampler for one suggestion."""

    def outcomes(self, trials: Trials) -> tuple[FloatArray, FloatArray | None]:
        """What Optuna sees of completed trials: finite values [n, n_objectives] and constraint [n], feasible up to 0.

        By default failed trials violate by ``FAILED_VIOLATION``. None means that there is no constraint.
        """
        violations = np.minimum(effective_violations(trials.objectives, trials.violations), FAILED_VIOLATION)
        return np.nan_to_num(trials.objectives, nan=0.0, posinf=0.0, neginf=0.0), violations

    def filled(self, trials: Trials) -> Codes:
        """Codes in which inactive knobs have a value; drawn per trial by default, so that they teach nothing."""
        codes = trials.codes.copy()
        for row in np.flatnonzero((codes == INACTIVE).any(axis=1)):
            rng = np.random.default_rng(np.random.SeedSequence([self.seed, int(trials.ids[row]), 1]))
            draw = rng.integers(0, self.problem.space.cardinalities)
            codes[row] = np.where(codes[row] == INACTIVE, draw, codes[row])
        return codes

    def is_stale(self) -> bool:
        """Whether Optuna's study has to be built anew before the next ask."""
        return len(self._study.get_trials(deepcopy=False)) > 2 * self._n_absorbed + STALE

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
        for i in range(n if self.batch is None else min(n, self.batch)):
            row = self._suggest(chosen, i)
            if not len(row):
                break
            chosen = np.concatenate([chosen, row])
        self._withdraw(first)
        return chosen if len(chosen) == n else self._extended(chosen, n)

    def _extended(self, chosen: Codes, n: int) -> Codes:
        """The suggestions and unseen mutants of them, int64 [<= n, n_knobs]."""
        if not len(chosen):
            return chosen
        rng = self.rng(stream=n)
        parents = np.resize(np.arange(len(chosen)), VARIANTS * (n - len(chosen)))
        return self.novel(np.concatenate([chosen, self.problem.space.mutate(chosen[parents], rng)]), n, rng)

    def _suggest(self, chosen: Codes, i: int) -> Codes:
        """One more unseen design, int64 [<= 1, n_knobs], given those already chosen."""
        from optuna.trial import TrialState

        rng = self.rng(stream=i)
        self._study.sampler = self.sampler(int(rng.integers(2**31)))
        with _quiet(), np.errstate(all="ignore"):
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

        if self.is_stale():
            self._study, self._n_absorbed = self._new_study(), 0
        if self._n_absorbed < self.archive.n_completed:
            self._add(self.archive.completed[self._n_absorbed :], TrialState.COMPLETE)
        self._n_absorbed = self.archive.n_completed

    def _add(self, trials: Trials, state: TrialState) -> None:
        from optuna.trial import TrialState, create_trial

        names = self.problem.space.names
        complete = state == TrialState.COMPLETE
        values, violations = self.outcomes(trials) if complete else (None, None)
        for row, code in enumerate(self.filled(trials)):
            self._study.add_trial(
                create_trial(
                    state=state,
                    params=dict(zip(names, code.tolist(), strict=True)),
                    distributions=self._distributions,
                    values=None if values is None else values[row].tolist(),
                    constraints=None if violations is None else {"violation": float(violations[row])},
                )
            )

    def _withdraw(self, first: int) -> None:
        """Take back the running trials from number ``first`` on; failed ones do not count for the model."""
        from optuna.trial import TrialState

        for trial in self._study.get_trials(deepcopy=False)[first:]:
            if trial.state == TrialState.RUNNING:
                self._study.tell(trial.number, state=TrialState.FAIL)

    def _new_study(self) -> Study:
        import optuna

        with _quiet():
            return optuna.create_study(directions=["minimize"] * self.problem.n_objectives, study_name="cosearch")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna's notes and warnings to itself for a while."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _distributions(problem: Problem) -> dict[str, BaseDistribution]:
    try:
        from optuna.distributions import CategoricalDistribution, IntDistribution
    except ImportError as error:
        raise StrategyError("this strategy needs Optuna", "install it: pip install 'cosearch[optuna]'") from error
    space = problem.space
    return {
        name: IntDistribution(0, int(n) - 1) if ordered else CategoricalDistribution(range(int(n)))
        for name, n, ordered in zip(space.names, space.cardinalities, space.ordered, strict=True)
    }
