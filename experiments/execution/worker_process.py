"""One worker process with a pipe of its own: it can be killed at any moment without harm to the others."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait

from .evaluator import Chunk, Outcome
from .scoring import Scorer

# Spawned workers start clean: forking a process with threads (torch, a tracker) can deadlock.
SPAWN = multiprocessing.get_context("spawn")


class WorkerProcess:
    """A spawned process that scores one chunk at a time.

    Args:
        scorer: Copied to the process once.

    Attributes:
        chunk: What it works on, or None.
        ready: Whether it has started up; a chunk may be sent only then.
    """

    def __init__(self, scorer: Scorer) -> None:
        self.chunk: Chunk | None = None
        self.ready = False
        self._since = 0.0
        self.pipe, theirs = SPAWN.Pipe()
        self._process = SPAWN.Process(target=_serve, args=(theirs, scorer), name="cosearch-worker")
        with _no_interrupts():
            self._process.start()
        # Ours must be the only open end on this side, so that a dead worker reads as end of file.
        theirs.close()

    def send(self, chunk: Chunk) -> None:
        """Give it a chunk; a worker that has just died is noticed by :meth:`receive`."""
        self.chunk = chunk
        self._since = time.monotonic()
        with suppress(OSError):
            self.pipe.send(chunk)

    def receive(self) -> Outcome | None:
        """What it sent: an outcome, or None when it only said that it is ready.

        Raises:
            EOFError: When it died; its chunk is still there.
        """
        try:
            message: Outcome | None = self.pipe.recv()
        except OSError as error:
            raise EOFError from error
        self.ready = True
        if message is not None:
            self.chunk = None
        return message

    def seconds_left(self, limit: float | None) -> float:
        """Time until its chunk is overdue, with ``limit`` seconds per design; inf without limit or chunk."""
        if limit is None or self.chunk is None:
            return float("inf")
        return self._since + limit * len(self.chunk) - time.monotonic()

    @property
    def exit_code(self) -> int | None:
        """How it ended; negative for a signal."""
        self._process.join(1.0)
        return self._process.exitcode

    def kill(self) -> None:
        """End it at once, with everything that it started."""
        if self.ready and self._process.pid is not None and hasattr(os, "killpg"):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.join()
        self.pipe.close()


def _serve(pipe: Connection, scorer: Scorer) -> None:
    """Score chunks until the driver is gone."""
    # A group of its own, with the simulators that targets start: they end with it.
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()
    pipe.send(None)
    with suppress(EOFError, OSError):
        while True:
            pipe.send(scorer(pipe.recv()))


def _follow(sentinel: int) -> None:
    """End with the driver, also in the middle of a long evaluation."""
    with suppress(OSError):
        wait([sentinel])
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Children inherit the blocked signal for good: Ctrl-C, which reaches the whole group, is the driver's alone."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
