"""Local evaluators: in this process, or in a pool of processes whose workers can be killed."""

from __future__ import annotations

import time
from collections import deque
from multiprocessing.connection import wait
from pickle import PicklingError

from ...spaces.errors import TargetError
from ..settings import Execution
from .evaluator import Chunk, Evaluator, Outcome, State
from .scoring import Scorer, after_loss
from .worker_process import WorkerProcess

MAX_FALSE_STARTS = 3
"""Workers in a row that may die before they are ready."""


class InProcess(Evaluator):
    """Scores each chunk in this process, when it is collected; no time limit, no protection from crashes.

    Args:
        scorer: What scores.
    """

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._queue: deque[Chunk] = deque()

    @property
    def slots(self) -> int:
        return 1

    def submit(self, chunk: Chunk) -> None:
        self._queue.append(chunk)

    def collect(self, timeout_s: float) -> list[Outcome]:
        return [self._scorer(self._queue.popleft())] if self._queue else []

    def close(self, *, drain: bool = False) -> None:
        if not drain:
            self._queue.clear()


class LocalPool(Evaluator):
    """Scores chunks in ``workers`` processes; a worker over its time limit is killed and replaced.

    Args:
        scorer: What scores; copied to each worker once. When it needs a device for itself, there is one worker.
        execution: Workers, retries and time limit.

    Raises:
        TargetError: When the scorer cannot be copied to a worker.
    """

    def __init__(self, scorer: Scorer, execution: Execution) -> None:
        self._scorer = scorer
        self._execution = execution
        self._queue: deque[Chunk] = deque()
        self._ready: list[Outcome] = []
        self._false_starts = 0
        n_workers = 1 if any(needs.device for needs in scorer.needs) else execution.workers
        self._workers: list[WorkerProcess] = []
        try:
            for _ in range(n_workers):
                self._workers.append(WorkerProcess(scorer))
        except (TypeError, AttributeError, PicklingError) as error:
            self.close()
            remedy = "a target must hold nothing but plain data after prepare, and functions from the top of a module"
            raise TargetError(f"the targets cannot be sent to worker processes: {error}", remedy) from error
        self._slots = 2 * n_workers

    @property
    def slots(self) -> int:
        return self._slots

    def submit(self, chunk: Chunk) -> None:
        self._queue.append(chunk)
        self._dispatch()

    def collect(self, timeout_s: float) -> list[Outcome]:
        deadline = time.monotonic() + timeout_s
        while not self._ready and self._busy():
            self._turn(deadline - time.monotonic())
            if time.monotonic() >= deadline:
                break
        ready, self._ready = self._ready, []
        return ready

    def close(self, *, drain: bool = False) -> None:
        while drain and self._busy():
            self._turn(1.0)
        self._queue.clear()
        for worker in self._workers:
            worker.kill()
        self._workers = []

    def _busy(self) -> bool:
        return bool(self._queue) or any(worker.chunk for worker in self._workers)

    def _dispatch(self) -> None:
        for worker in self._workers:
            if self._queue and worker.ready and worker.chunk is None:
                worker.send(self._queue.popleft())

    def _turn(self, timeout_s: float) -> None:
        """Wait for the next message, death or overrun, deal with all that are there, and hand out work."""
        limit = self._execution.trial_timeout_s
        patience = min(timeout_s, *(worker.seconds_left(limit) for worker in self._workers))
        told = wait([worker.pipe for worker in self._workers], max(patience, 0.0))
        for number, worker in enumerate(self._workers):
            if worker.pipe in told:
                self._hear(number)
            elif worker.seconds_left(limit) <= 0:
                worker.kill()
                self._replace(number, "timed_out", f"took over trial_timeout_s = {limit} s")
        self._dispatch()

    def _hear(self, number: int) -> None:
        try:
            outcome = self._workers[number].receive()
        except EOFError:
            code = self._workers[number].exit_code
            self._workers[number].kill()
            self._replace(number, "crashed", f"the worker process died (exit code {code})")
            return
        self._false_starts = 0
        if outcome is not None:
            self._ready.append(outcome)

    def _replace(self, number: int, state: State, message: str) -> None:
        """Start a new worker; the lost chunk comes back in parts, again, or as failed."""
        worker = self._workers[number]
        self._false_starts += not worker.ready
        if self._false_starts >= MAX_FALSE_STARTS:
            raise TargetError(f"workers do not start: {message}", "run with execution.workers: 1 to see why")
        self._workers[number] = WorkerProcess(self._scorer)
        if worker.chunk is None:
            return
        fate = after_loss(worker.chunk, state, message, self._execution.retries)
        if isinstance(fate, Outcome):
            self._ready.append(fate)
        else:
            self._queue.extendleft(reversed(fate))
