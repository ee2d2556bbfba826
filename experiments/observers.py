"""Everyone who watches a study run: the progress bar, and the tracker."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING

from .experiment import Experiment
from .history import HistoryPoint
from .outputs.results import Results
from .progress import Ending, Progress
from .progress_bar import ProgressBar
from .reproduce import command
from .store import TrialStore
from .tracking.tracker import NullTracker, Tracker

if TYPE_CHECKING:
    from types import TracebackType

BAR_EVERY_S = 0.1


class Observers:
    """Context in which a study is watched; none of the watchers can make it fail.

    Args:
        experiment: What runs.
        store: Its open table.
        show: Draw a progress bar.
    """

    def __init__(self, experiment: Experiment, store: TrialStore, *, show: bool) -> None:
        self._experiment = experiment
        self._store = store
        self._bar = ProgressBar(experiment.name, experiment.budget.trials) if show else None
        self._tracker: Tracker = NullTracker()
        self._first_failure_shown = False
        self._drawn = 0.0

    def __enter__(self) -> Observers:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tracker.close()
        if self._bar:
            self._bar.stop()

    def tracking(self) -> None:
        """Begin to track; called once the targets are ready."""
        if self._experiment.tracking.name == "none":
            return
        from .tracking.replay import make_tracker, study_info

        self._tracker = make_tracker(self._experiment.tracking, self._store, self.warn)
        self._tracker.start(study_info(self._store))

    def preparing(self, what: str, share: float) -> None:
        """A step outside the trials advanced."""
        if self._bar:
            self._bar.preparing(what, share)

    def advanced(self, now: Progress, point: HistoryPoint | None) -> None:
        """Trials ended."""
        if point:
            self._tracker.progress(point.n, point.metrics(), round(1000 * point.at))
        if self._bar and (time.monotonic() - self._drawn > BAR_EVERY_S or now.spent >= now.n_total):
            self._drawn = time.monotonic()
            self._bar.advanced(now)
        if not self._first_failure_shown and now.n_failed:
            self._show_first_failure()

    def ended(self, ending: Ending, results: Results) -> None:
        """The study ended; its outputs are written."""
        if self._experiment.tracking.name == "none":
            return
        from .tracking.replay import end_summary

        if self._bar:
            self._bar.preparing("writing to the tracker", 0.0)
        try:
            self._tracker.end(end_summary(self._store, ending, results))
        except OSError as error:
            self.warn(f"the tracker's tables cannot be written: {error}")
        self._tracker.close()
        if self._bar:
            self._bar.preparing("writing to the tracker", 1.0)

    def warn(self, text: str) -> None:
        """Tell the user something that does not stop the study."""
        if self._bar:
            self._bar.say(f"warning: {text}")
        else:
            warnings.warn(text, stacklevel=2)

    def _show_first_failure(self) -> None:
        """Print the first failure in full; the rest is counted by message in the status."""
        for _, _, first in self._store.failures()[:1]:
            self._first_failure_shown = True
            if self._bar:
                row = next(self._store.rows("id = ?", (first,)))
                text = f"trial {first} {row['state']}: {row['error']}\nreproduce: {command(self._store.folder, first)}"
                self._bar.say(text)
