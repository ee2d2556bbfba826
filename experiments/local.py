"""Local evaluators: in this process, or in a pool of processes whose workers can be killed."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, wait
from multiprocessing.connection import wait as wait_for_sentinel

from pebble import ProcessExpired, ProcessPool

from .evaluator import Chunk, Evaluator, Outcome
from .scoring import Scorer, after_loss
from .settings import Execution


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

    def collect(self, timeout_s: float) -> list[Outcome]:  # noqa: ARG002  nothing to wait for
        return [self._scorer(self._queue.popleft())] if self._queue else []

    def close(self, *, drain: bool = False) -> None:
        if not drain:
            self._queue.clear()


class LocalPool(Evaluator):
    """Scores chunks in ``workers`` processes; a worker over its time limit is killed and replaced.

    Args:
        scorer: What scores; copied to each worker once.
        execution: Workers, retries and time limit.
    """

    def __init__(self, scorer: Scorer, execution: Execution) -> None:
        self._execution = execution
        self._flying: dict[Future[Outcome], Chunk] = {}
        self._ready: list[Outcome] = []
        # Spawned workers start clean: forking a process with threads (torch, a tracker) can deadlock.
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPool(execution.workers, initializer=_start, initargs=(scorer,), context=context)

    @property
    def slots(self) -> int:
        return 2 * self._execution.workers

    def submit(self, chunk: Chunk) -> None:
        limit = self._execution.trial_timeout_s
        future = self._pool.schedule(_score, (chunk,), timeout=limit * len(chunk) if limit else None)
        self._flying[future] = chunk

    def collect(self, timeout_s: float) -> list[Outcome]:
        deadline = time.monotonic() + timeout_s
        while self._flying and not self._ready:
            done, _ = wait(self._flying, max(deadline - time.monotonic(), 0.0), FIRST_COMPLETED)
            for future in done:
                self._settle(future, self._flying.pop(future))
            if time.monotonic() >= deadline:
                break
        ready, self._ready = self._ready, []
        return ready

    def _settle(self, future: Future[Outcome], chunk: Chunk) -> None:
        try:
            self._ready.append(future.result())
            return
        except TimeoutError:
            limit = self._execution.trial_timeout_s
            fate = after_loss(chunk, "timed_out", f"took over trial_timeout_s = {limit} s", self._execution.retries)
        except ProcessExpired as error:
            message = f"the worker process died (exit code {error.exitcode})"
            fate = after_loss(chunk, "crashed", message, self._execution.retries)
        if isinstance(fate, Outcome):
            self._ready.append(fate)
        else:
            for part in fate:
                self.submit(part)

    def close(self, *, drain: bool = False) -> None:
        if drain:
            while self._flying:
                done, _ = wait(self._flying, None, FIRST_COMPLETED)
                for future in done:
                    self._settle(future, self._flying.pop(future))
        self._flying.clear()
        # Not Pool.stop alone: close first, so that join() is allowed even when nothing was scheduled.
        self._pool.close()
        self._pool.stop()
        self._pool.join()


_scorer: Scorer | None = None


def _start(scorer: Scorer) -> None:
    """Prepare a worker: keep the scorer, leave Ctrl-C to the driver, end with the driver."""
    global _scorer  # noqa: PLW0603  one scorer per worker process
    _scorer = scorer
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()


def _follow(sentinel: int) -> None:
    with contextlib.suppress(OSError):
        wait_for_sentinel([sentinel])
    os._exit(1)


def _score(chunk: Chunk) -> Outcome:
    if _scorer is None:
        raise RuntimeError("the worker was not initialised")
    return _scorer(chunk)
