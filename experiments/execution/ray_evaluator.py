"""Scoring on Ray: chunked tasks for designs that may overlap, one actor per device for those that may not."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from ...hw_targets.target import Needs
from ...spaces.errors import CosearchError, TargetError
from ..settings import Execution
from .evaluator import Chunk, Evaluator, Outcome
from .ray_cluster import Cluster, Request, ray_package
from .ray_worker import DeviceWorker, pack, score, score_timed
from .scoring import after_loss, lost


class RayEvaluator(Evaluator):
    """Scores chunks on a Ray cluster.

    The scorer travels once. At most two chunks per worker are known to Ray, so that a worker always finds its next
    chunk and a strategy is never far ahead. A time limit counts from when a chunk is begun, not from when it queues.

    Args:
        scorer: ``scorer(chunk)`` gives the outcome; picklable.
        execution: Cluster address, workers, retries and time limit.
        needs: What each target needs, by default what the scorer says under that name; a device that must not be
            shared moves the work to actors.

    Raises:
        ConfigError: When there is no cluster, or it cannot hold the workers.
        TargetError: When the scorer cannot be pickled.
    """

    def __init__(
        self, scorer: Callable[[Chunk], Outcome], execution: Execution, *, needs: Sequence[Needs] | None = None
    ) -> None:
        request = Request.of(execution, getattr(scorer, "needs", ()) if needs is None else needs)
        self._execution = execution
        self._cluster = Cluster(execution, request)
        self._waiting: deque[Chunk] = deque()
        self._flying: dict[Any, _Flight] = {}
        self._ready: list[Outcome] = []
        self._closed = False
        try:
            launcher = _Actors if request.devices else _Tasks
            timed = execution.trial_timeout_s is not None
            self._launcher: _Launcher = launcher(scorer, request, self._cluster.workers, timed)
        except BaseException:
            self._cluster.close()
            raise

    @property
    def slots(self) -> int:
        return 2 * self._cluster.workers

    def submit(self, chunk: Chunk) -> None:
        if self._closed:
            raise CosearchError("the Ray evaluator is closed", "make a new one")
        self._waiting.append(chunk)
        self._launch()

    def collect(self, timeout_s: float) -> list[Outcome]:
        until = time.monotonic() + timeout_s
        while self._flying and not self._ready:
            self._step(until)
            if time.monotonic() >= until:
                break
        ready, self._ready = self._ready, []
        return ready

    def close(self, *, drain: bool = False) -> None:
        if self._closed:
            return
        try:
            while drain and self._flying:
                self._step(time.monotonic() + 3600.0)
        finally:
            self._closed = True
            self._launcher.stop(list(self._flying))
            self._waiting.clear()
            self._flying.clear()
            self._cluster.close()

    def _launch(self) -> None:
        while self._waiting and len(self._flying) < self._launcher.capacity:
            chunk = self._waiting.popleft()
            self._flying[self._launcher.launch(chunk)] = _Flight(chunk)

    def _step(self, until: float) -> None:
        """Wait for the next news (at most until the monotonic time ``until``), take in everything, launch more."""
        ray = ray_package()
        now = time.monotonic()
        next_deadline = min((self._deadline(f) for f in self._flying.values()), default=until)
        flying = list(self._flying)
        ready, _ = ray.wait(flying, num_returns=1, timeout=max(min(until, next_deadline) - now, 0.0))
        if ready:
            ready, _ = ray.wait(flying, num_returns=len(flying), timeout=0)
        for handle in ready:
            self._settle(handle)
        self._end_late(time.monotonic())
        self._launch()

    def _deadline(self, flight: _Flight) -> float:
        limit = self._execution.trial_timeout_s
        if limit is None or flight.begun is None:
            return float("inf")
        return flight.begun + limit * len(flight.chunk)

    def _settle(self, handle: Any) -> None:
        from ray.exceptions import RayError, RayTaskError

        flight = self._flying[handle]
        try:
            result = self._launcher.result(handle)
        except RayTaskError as error:
            self._land(handle)
            self._ready.append(lost(flight.chunk, "failed", str(error)))
        except RayError as error:
            self._land(handle, kill=True)
            self._lose(flight.chunk, "crashed", f"the Ray worker was lost: {type(error).__name__}: {error}")
        else:
            if result is None:
                flight.begun = time.monotonic()
                return
            self._land(handle)
            self._ready.append(_own(result))

    def _end_late(self, now: float) -> None:
        late = [handle for handle, flight in self._flying.items() if self._deadline(flight) <= now]
        for handle in late:
            chunk = self._land(handle, kill=True)
            self._lose(chunk, "timed_out", f"took over trial_timeout_s = {self._execution.trial_timeout_s} s")

    def _land(self, handle: Any, *, kill: bool = False) -> Chunk:
        flight = self._flying.pop(handle)
        self._launcher.land(handle, kill=kill)
        return flight.chunk

    def _lose(self, chunk: Chunk, state: Any, message: str) -> None:
        fate = after_loss(chunk, state, message, self._execution.retries)
        if isinstance(fate, Outcome):
            self._ready.append(fate)
        else:
            self._waiting.extendleft(reversed(fate))


@dataclass(slots=True)
class _Flight:
    """A chunk that Ray knows, and the monotonic time when a worker began it (None before that)."""

    chunk: Chunk
    begun: float | None = None


class _Launcher(Protocol):
    """How chunks get to workers; a handle is what :func:`ray.wait` takes."""

    capacity: int

    def launch(self, chunk: Chunk) -> Any: ...
    def result(self, handle: Any) -> Outcome | None: ...
    def land(self, handle: Any, *, kill: bool) -> None: ...
    def stop(self, handles: list[Any]) -> None: ...


class _Tasks:
    """One Ray task per chunk, in any free worker process."""

    def __init__(self, scorer: Callable[[Chunk], Outcome], request: Request, workers: int, timed: bool) -> None:
        ray = ray_package()
        self.capacity = 2 * workers
        self._timed = timed
        self._box = pack(_put(scorer))
        self._key = self._box[0].hex()
        options: dict[str, Any] = {"num_cpus": request.cpus, "num_gpus": request.gpus, "max_retries": 0}
        if timed:
            options["num_returns"] = "streaming"
        self._task = ray.remote(**options)(score_timed if timed else score)

    def launch(self, chunk: Chunk) -> Any:
        return self._task.remote(self._key, self._box, chunk)

    def result(self, handle: Any) -> Outcome | None:
        return _result(handle, self._timed)

    def land(self, handle: Any, *, kill: bool) -> None:
        ray = ray_package()
        if kill:
            ray.cancel(handle, force=True)

    def stop(self, handles: list[Any]) -> None:
        for handle in handles:
            self.land(handle, kill=True)


class _Actors:
    """One actor per device, with one chunk at a time, so that two measurements never overlap."""

    def __init__(self, scorer: Callable[[Chunk], Outcome], request: Request, workers: int, timed: bool) -> None:
        ray = ray_package()
        self.capacity = workers
        self._timed = timed
        self._box = pack(_put(scorer))
        # Ray does not restart actors by itself: the evaluator decides what becomes of the chunk that killed one.
        self._class = ray.remote(
            num_cpus=request.cpus, num_gpus=request.gpus, resources=request.custom,
            max_concurrency=1, max_restarts=0, max_task_retries=0,
        )(DeviceWorker)  # fmt: skip
        self._idle = [self._class.remote(self._box) for _ in range(workers)]
        self._busy: dict[Any, Any] = {}

    def launch(self, chunk: Chunk) -> Any:
        actor = self._idle.pop()
        method = actor.score_timed.options(num_returns="streaming") if self._timed else actor.score
        handle = method.remote(chunk)
        self._busy[handle] = actor
        return handle

    def result(self, handle: Any) -> Outcome | None:
        return _result(handle, self._timed)

    def land(self, handle: Any, *, kill: bool) -> None:
        ray = ray_package()
        actor = self._busy.pop(handle)
        if kill:
            ray.kill(actor)
            actor = self._class.remote(self._box)
        self._idle.append(actor)

    def stop(self, handles: list[Any]) -> None:
        ray = ray_package()
        for actor in [*self._idle, *self._busy.values()]:
            ray.kill(actor)


def _put(scorer: Callable[[Chunk], Outcome]) -> Any:
    ray = ray_package()
    try:
        return ray.put(scorer)
    except TypeError as error:
        remedy = "a target must hold nothing but plain data after prepare"
        cause = error.__cause__ or error
        raise TargetError(f"the targets cannot be sent to Ray workers: {cause}", remedy) from cause


def _result(handle: Any, timed: bool) -> Outcome | None:
    ray = ray_package()
    result: Outcome | None = ray.get(next(handle) if timed else handle)
    return result


def _own(outcome: Outcome) -> Outcome:
    """The outcome with arrays of its own: large ones lie in Ray's memory, which ends with the cluster."""
    return replace(
        outcome,
        ids=np.array(outcome.ids),
        values={name: np.array(column) for name, column in outcome.values.items()},
        std={name: np.array(column) for name, column in outcome.std.items()},
        count={name: np.array(column) for name, column in outcome.count.items()},
    )
