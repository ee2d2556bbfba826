"""MLflow as an observer: a background thread writes, so that a slow or dead server never holds up a study."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue

from ..settings import Tracking
from .mlflow_run import MlflowRun, Point
from .tracker import StudyInfo, Summary

POINTS_PER_FLUSH = 100
MAX_WAITING = 20_000
"""Points that wait at most; later ones are left out until the thread has caught up."""

PATIENCE_S = 10.0
"""How long :meth:`MlflowTracker.close` waits without anything moving."""

TABLES_EVERY_S = 300.0
"""How often the trial table is stored as an artifact while a study runs."""

OPENING_S = 60.0
"""The same while MLflow is imported and its tables are made, which takes seconds on any machine."""


class MlflowTracker:
    """Writes one run for a study.

    MLflow is imported by the thread once the first trials have ended. After a failure it warns once and stays silent;
    the trial table has everything, see :func:`cosearch.experiments.tracking.replay.replay`. Both callbacks run in
    the study's own thread.

    Args:
        tracking: Where, how often, and how many front members become child runs.
        run_id: Run to continue, or None.
        on_run_id: Called once with the id of the run.
        warn: Called at most once, with what went wrong.
        tables: Writes the study's tables and returns the files; called every ``tables_every_s`` seconds of progress.
        tables_every_s: See ``tables``.
    """

    def __init__(
        self,
        tracking: Tracking,
        run_id: str | None = None,
        *,
        on_run_id: Callable[[str], None],
        warn: Callable[[str], None],
        tables: Callable[[], Sequence[Path]] = tuple,
        tables_every_s: float = TABLES_EVERY_S,
    ) -> None:
        self.run_id = run_id
        self._tracking = tracking
        self._on_run_id = on_run_id
        self._warn = warn
        self._tables = tables
        self._tables_every_s = tables_every_s
        self._tables_due = time.monotonic() + tables_every_s
        self._queue: SimpleQueue[StudyInfo | Point | Sequence[Path] | Summary | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="mlflow", daemon=True)
        self._news: SimpleQueue[tuple[Callable[[str], None], str]] = SimpleQueue()
        self._failed = False
        self._ended = False
        self._closed = False
        self._patience = OPENING_S
        self._moved = time.monotonic()

    # --- in the study's thread -----------------------------------------------------------------------------------

    def start(self, info: StudyInfo) -> None:
        self._queue.put(info)

    def progress(self, step: int, metrics: Mapping[str, float], timestamp_ms: int) -> None:
        if self._queue.qsize() < MAX_WAITING:
            self._offer(Point(step, dict(metrics), timestamp_ms))
        if not self._failed and time.monotonic() >= self._tables_due:
            self._tables_due = time.monotonic() + self._tables_every_s
            try:
                self.refresh(self._tables())
            except OSError as error:
                self._failed = True
                self._complain(str(error))

    def refresh(self, artifacts: Sequence[Path]) -> None:
        self._offer(tuple(artifacts))

    def end(self, summary: Summary) -> None:
        self._ended = True
        self._offer(summary)

    def close(self) -> None:
        if self._thread.ident is not None and not self._closed:
            self._closed = True
            self._queue.put(None)
            self._alive()
            while self._thread.is_alive() and time.monotonic() - self._moved < self._patience:
                self._thread.join(0.05)
            if self._thread.is_alive() and not self._failed:
                self._failed = True
                self._complain(f"no answer for {self._patience:.0f} s")
        self._tell_news()

    def _offer(self, message: Point | Sequence[Path] | Summary) -> None:
        if not self._failed:
            self._queue.put(message)
            if self._thread.ident is None:
                self._thread.start()
        self._tell_news()

    def _tell_news(self) -> None:
        while not self._news.empty():
            tell, text = self._news.get()
            tell(text)

    def _complain(self, problem: str) -> None:
        text = f"MLflow at {self._tracking.uri}: {problem}; the study goes on, write it later with 'cosearch track'"
        self._news.put((self._warn, text))

    # --- in the tracker's thread ---------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            self._serve()
        except Exception as error:  # noqa: BLE001  a tracker never fails a study
            if not self._failed:
                self._failed = True
                lines = str(error).strip().splitlines() or [type(error).__name__]
                self._complain(lines[0])

    def _serve(self) -> None:
        run: MlflowRun | None = None
        points: list[Point] = []
        due = float("inf")
        while not self._failed:
            try:
                message = self._queue.get(timeout=min(max(due - time.monotonic(), 0.0), 3600.0))
            except Empty:
                message = ()
            if isinstance(message, StudyInfo):
                run = self._open(message)
                continue
            if isinstance(message, Point):
                points.append(message)
                due = min(due, time.monotonic() + self._tracking.flush_seconds)
                if len(points) < POINTS_PER_FLUSH and time.monotonic() < due:
                    continue
            if run is not None:
                run.log(points)
                self._handle(run, message)
            points, due = [], float("inf")
            self._alive()
            if message is None:
                return

    def _open(self, info: StudyInfo) -> MlflowRun:
        run = MlflowRun(self._tracking, info, self.run_id, self._alive)
        self.run_id = run.run_id
        self._news.put((self._on_run_id, run.run_id))
        self._patience = PATIENCE_S
        self._alive()
        return run

    def _alive(self) -> None:
        self._moved = time.monotonic()

    def _handle(self, run: MlflowRun, message: Point | Sequence[Path] | Summary | None) -> None:
        if isinstance(message, Summary):
            run.end(message)
        elif message is None and not self._ended:
            run.interrupt()
        elif isinstance(message, tuple):
            run.keep(message)
