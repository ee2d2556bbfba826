"""The loop of a study: ask, record, submit, collect, record, tell."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np

from ..search.front import ParetoFront
from ..search.objective import FloatArray
from ..search.strategy import Strategy
from ..search.trial import Trials
from ..spaces.design import digest_of
from ..spaces.errors import StrategyError
from ..spaces.knobs import Codes
from .execution.evaluator import Chunk, Evaluator, Outcome
from .execution.scoring import lost as lost_outcome
from .experiment import Experiment
from .history import HistoryPoint
from .ledger import Ids, Ledger
from .progress import Clock, Ending, Progress
from .store import TrialStore
from .tell_order import TellOrder

HISTORY_EVERY = 100
"""Most trials between two rows of the front's history."""

MAX_DRIVER_DEATHS = 4
"""A design that was running each time its study died, this many times, is taken to be the cause."""

ROUNDING = 1e-6
"""Part of an evaluation that is no room for one more: thirds do not add up exactly."""

MAX_REPEATS = 10
"""The study ends when a strategy repeated known designs this many times as often as the budget has trials."""


class Loop:
    """Runs an experiment's trials until there is a reason to stop.

    Args:
        experiment: What to run.
        store: Open trial table.
        evaluator: Where designs are scored.
        strategy: Fresh strategy; it is brought up to date from the table.
        chunk: Designs asked for and scored together.
        observer: Called after every change with the state of things, and the front's new history point if there is one.
    """

    def __init__(
        self,
        experiment: Experiment,
        store: TrialStore,
        evaluator: Evaluator,
        strategy: Strategy,
        chunk: int,
        observer: Callable[[Progress, HistoryPoint | None], None],
    ) -> None:
        self.experiment = experiment
        self.clock = Clock()
        self.front = ParetoFront(experiment.problem)
        self.ledger = Ledger(experiment.problem, experiment.seed)
        self._store = store
        self._evaluator = evaluator
        self._strategy = strategy
        self._chunk = chunk
        self._observer = observer
        self._order = TellOrder(experiment.execution.deterministic, evaluator.slots)
        self._batch = 0
        self._told = 0
        self._last_point = 0
        self._n_feasible = 0
        self._best = np.full(experiment.problem.n_objectives, np.inf)
        self._resume()
        self._n_before = self.ledger.n_finished

    # --- coming back ---------------------------------------------------------------------------------------------

    def _resume(self) -> None:
        """Replay the table: tell what had been told, hold back what had not, submit what was lost."""
        finished, batches = self.ledger.load(self._store)
        if len(finished):
            self._note(self.ledger.trials(self.ledger.originals(finished)))
        if not batches:
            return
        self._batch = self._store.last_batch() + 1
        history = self._store.history()
        self._last_point = history[-1].n if history else 0
        told = finished
        if self.experiment.execution.deterministic:
            told = self._told_in_order(batches)
        already = set(told.tolist())
        for ids, _ in batches:
            if not already.issuperset(ids.tolist()):
                self._order.asked(ids)
                self._order.finished(ids[[self.ledger.is_finished(i) for i in ids.tolist()]])
        if not self.experiment.execution.deterministic:
            self._order.due(blocked=False)
        self._tell(told)
        if self.ledger.n_running:
            self._submit_lost()

    def _told_in_order(self, batches: list[tuple[Ids, int]]) -> Ids:
        """What a deterministic session had told; batches that another kind of session left unfinished are not in it."""
        n_told = batches[-1][1]
        whole = [ids for ids, _ in batches if ids[-1] < n_told and all(map(self.ledger.is_finished, ids.tolist()))]
        return np.concatenate([np.empty(0, np.int64), *whole])

    def _submit_lost(self) -> None:
        self._store.retry()
        rows = list(self._store.rows("state = 'running'"))
        ids = np.array([row["id"] for row in rows], dtype=np.int64)
        seeds = np.array([row["seed"] for row in rows], dtype=np.uint64)
        lost = self.ledger.trials(ids)
        chunk = Chunk(ids, lost.codes, seeds, fidelities=lost.fidelities)
        # Where designs are scored in this process, one of these may be what killed it: each on its own.
        alone = any(row["attempt"] > 1 for row in rows)
        size = 1 if alone else self._chunk
        parts = [chunk[start : start + size] for start in range(0, len(chunk), size)]
        for part, row in zip(parts, rows, strict=False):
            if len(part) == 1 and row["attempt"] > MAX_DRIVER_DEATHS:
                message = f"the study died {row['attempt'] - 1} times while this design was running"
                self._absorb(lost_outcome(part, "crashed", message))
            else:
                self._evaluator.submit(part)

    # --- going on ------------------------------------------------------------------------------------------------

    def run(self, reason_to_stop: Callable[[Progress], Ending | None]) -> Ending:
        """Run until the budget is spent, nothing is left to propose, or a reason to stop comes up.

        Trials in flight when a reason comes up are awaited and recorded.

        Args:
            reason_to_stop: Asked after every change.

        Returns:
            How it ended.
        """
        ending: Ending | None = None
        while True:
            ending = ending or reason_to_stop(self.progress())
            if ending is None:
                ending = self._fill()
            if not self.ledger.n_running:
                if ending or self._room() <= 0:
                    self._finish_history()
                    return ending or Ending("finished", "the trial budget is spent")
                continue
            with self.clock.on("wait"):
                outcomes = self._evaluator.collect(1.0)
            for outcome in outcomes:
                self._absorb(outcome)

    def _room(self) -> int:
        """Full evaluations that the budget still has; the last may be there in part only."""
        return math.ceil(self.experiment.budget.trials - self.ledger.committed - ROUNDING)

    def _fill(self) -> Ending | None:
        """Ask and submit while there is room; an ending when the strategy has nothing more to propose."""
        blocked = False
        while (room := self._room()) > 0:
            due = self._order.due(blocked=blocked)
            self._tell(due)
            if not blocked and not self._order.may_ask():
                return None
            with self.clock.on("ask"):
                codes, fidelities = self._strategy.ask_at(min(self._chunk, room))
            if self._open(codes, fidelities):
                blocked = False
            elif blocked and not len(due):
                exhausted = "the strategy has no unseen design left to propose"
                return None if self.ledger.n_running else Ending("finished", exhausted)
            else:
                blocked = True
            if self.ledger.states["duplicate"] > MAX_REPEATS * self.experiment.budget.trials:
                return Ending("finished", "the strategy keeps proposing designs that were evaluated already")
        return None

    def _tell(self, ids: Ids) -> None:
        untold = self._order.untold()
        with self.clock.on("tell"):
            flying = self.ledger.trials(untold)
            running = Trials.running(untold, flying.codes, self.experiment.problem.n_objectives, flying.fidelities)
            self._strategy.tell(self.ledger.trials(ids), running)
        self._told += len(ids)

    def _open(self, codes: Codes, fidelities: FloatArray) -> bool:
        """Record and submit proposed trials; repeats of finished ones are answered from the table."""
        if not len(codes):
            return False
        space = self.experiment.problem.space
        if not space.is_valid(codes).all():
            bad = space.decode(codes[~space.is_valid(codes)])[0]
            name = type(self._strategy).__name__
            raise StrategyError(f"{name} proposed {bad!r}, which is not in the space", "run check_strategy on it")
        with self.clock.on("store"):
            texts = [design.to_json() for design in space.decode(codes)]
            digests = [digest_of(text) for text in texts]
            pairs = list(zip(digests, fidelities.tolist(), strict=True))
            originals = [self.ledger.original(*pair) for pair in pairs]
            known = [i for i, o in enumerate(originals) if o is not None and self.ledger.is_finished(o)]
            first = dict(zip(reversed(pairs), reversed(range(len(pairs))), strict=True))
            new = [i for i, o in enumerate(originals) if o is None and first[pairs[i]] == i]
            repeated = self._answer(codes[known], [o for i in known if (o := originals[i]) is not None])
            chunk = self.ledger.open(codes[new], fidelities[new], [digests[i] for i in new])
            self._store.begin(chunk, [texts[i] for i in new], [digests[i] for i in new], self._batch, self._told)
        self._order.asked(np.concatenate([repeated, chunk.ids]))
        self._order.finished(repeated)
        self._batch += 1
        if len(chunk):
            self._evaluator.submit(chunk)
        return bool(known or new)

    def _answer(self, codes: Codes, originals: list[int]) -> Ids:
        ids = self.ledger.answer(codes, originals)
        if len(ids):
            self._store.duplicate(list(zip(ids.tolist(), originals, strict=True)), self._batch, self._told)
        return ids

    def _absorb(self, outcome: Outcome) -> None:
        trials = self.ledger.close(outcome)
        changed = self._note(trials)
        with self.clock.on("store"):
            now = self.progress()
            due = changed or now.n_finished - self._last_point >= HISTORY_EVERY
            point = self._point(now) if due else None
            self._store.finish(outcome, trials.violations, point)
        self._order.finished(outcome.ids)
        with self.clock.on("track"):
            self._observer(now, point)

    def _finish_history(self) -> None:
        """A last point, so that what is read from the history is where the study stands."""
        if self.ledger.n_finished > self._last_point:
            now = self.progress()
            point = self._point(now)
            self._store.record(point)
            self._observer(now, point)

    def _note(self, trials: Trials) -> bool:
        """Enter finished trials into the front; whether it changed."""
        self._n_feasible += int(trials.feasible.sum())
        comparable = trials.in_full()
        feasible = comparable.objectives[comparable.feasible]
        if len(feasible):
            self._best = np.minimum(self._best, feasible.min(axis=0))
        return bool(self.front.add(trials).any())

    def _point(self, now: Progress) -> HistoryPoint:
        self._last_point = now.n_finished
        return HistoryPoint(
            now.n_finished,
            now.hypervolume,
            now.front_size,
            now.n_feasible,
            now.n_failed,
            now.states.get("duplicate", 0),
            now.best,
            1e3 * self.clock.ask / max(self.n_session, 1),
            now.at,
            now.spent,
        )

    @property
    def n_session(self) -> int:
        """Trials that ended in this session."""
        return self.ledger.n_finished - self._n_before

    def progress(self) -> Progress:
        """Where the study stands now."""
        objectives = self.experiment.problem.objectives
        best = self.experiment.problem.unscore(self._best[None])[0].tolist()
        return Progress(
            self.ledger.n_finished,
            self.experiment.budget.trials,
            round(self.ledger.spent, 9),
            dict(self.ledger.states),
            len(self.front),
            self._n_feasible,
            self.front.hypervolume(),
            {o.metric: value for o, value in zip(objectives, best, strict=True) if np.isfinite(value)},
            self.clock,
            time.time(),
        )
