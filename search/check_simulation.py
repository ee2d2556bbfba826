"""Simulated studies: workers that finish out of order, and a record of every question and answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from ..spaces.knobs import Codes
from .check_problems import CheckProblem
from .objective import FloatArray, Problem
from .strategy import Strategy
from .trial import Trials


@dataclass(frozen=True, slots=True)
class Moment:
    """What a strategy knew when it was asked, and what it answered.

    Args:
        n_told: Completed trials it had been told.
        running: Trials in flight.
        n: Designs asked for.
        answer: int64 [<= n, n_knobs].
        fidelities: float64, one for each design of the answer.
    """

    n_told: int
    running: Trials
    n: int
    answer: Codes
    fidelities: FloatArray


class Simulation:
    """Runs a strategy the way an asynchronous study does.

    Args:
        factory: Makes the strategy.
        problem: What it is asked to solve.
        seed: Of the strategy and of the order in which workers finish.
        workers: Designs in flight at most.
        batch: Designs asked for at once, at most.
        ask: How to ask for designs and fidelities; replaced by checks that look closer.
    """

    def __init__(
        self,
        factory: Callable[[Problem, int], Strategy],
        problem: CheckProblem,
        seed: int,
        *,
        workers: int = 5,
        batch: int = 3,
        ask: Callable[[Strategy, int], tuple[Codes, FloatArray]] | None = None,
    ) -> None:
        self.strategy = factory(problem.problem, seed)
        self.moments: list[Moment] = []
        self._problem = problem
        self._order = np.random.default_rng(np.random.SeedSequence([seed, 1]))
        self._workers = workers
        self._batch = batch
        self._ask = ask or (lambda strategy, n: strategy.ask_at(n))
        self._running = Trials.empty(problem.problem.space.n_knobs, problem.problem.n_objectives)
        self._told: list[Trials] = [self._running]
        self._n_asked = 0

    @property
    def told(self) -> Trials:
        """All completed trials in the order in which they were told."""
        return Trials.join(self._told)

    def run(self, n_trials: int) -> Self:
        """Go on until ``n_trials`` are completed, or nothing is proposed and nothing runs."""
        while True:
            n = min(self._batch, self._workers - len(self._running), n_trials - self._n_asked)
            answer = self._propose(n) if n > 0 else self._running.codes[:0]
            if not len(answer) and not len(self._running):
                return self
            self._finish_some()

    def _propose(self, n: int) -> Codes:
        answer, fidelities = self._ask(self.strategy, n)
        n_told = sum(len(trials) for trials in self._told)
        self.moments.append(Moment(n_told, self._running, n, answer, fidelities))
        ids = np.arange(self._n_asked, self._n_asked + len(answer), dtype=np.int64)
        self._n_asked += len(answer)
        new = Trials.running(ids, answer, self._running.objectives.shape[1], fidelities)
        self._running = Trials.join([self._running, new])
        # The study's next message tells what runs now, even when nothing has completed.
        self.strategy.tell(self._running[:0], self._running)
        return answer

    def _finish_some(self) -> None:
        n = len(self._running)
        done = self._order.permutation(n)[: self._order.integers(1, n + 1)]
        ended = self._running[done]
        completed = self._problem.trials(ended.ids, ended.codes, ended.fidelities)
        left = np.setdiff1d(np.arange(n), done)
        self._running = self._running[left]
        self._told.append(completed)
        self.strategy.tell(completed, self._running)
