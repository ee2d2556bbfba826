"""Why a study ends before its trials are spent."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ..search.stopping import HypervolumeStalled, StoppingRule, TargetHypervolume
from .experiment import Experiment
from .history import HistoryPoint
from .interrupts import Interrupts
from .progress import Ending, Progress


class StopRules:
    """Checks, after every change, whether there is a reason to stop.

    Args:
        experiment: Its budget, stopping and failure settings apply.
        history: The front's history so far, on resume.
        interrupts: Set by Ctrl-C.
        seconds_before: Wall time of earlier sessions.
    """

    def __init__(
        self, experiment: Experiment, history: Sequence[HistoryPoint], interrupts: Interrupts, seconds_before: float
    ) -> None:
        self._experiment = experiment
        self._interrupts = interrupts
        self._started = time.monotonic() - seconds_before
        stop = experiment.stop
        self._rules: list[StoppingRule] = []
        if stop.hypervolume_stalled:
            self._rules.append(HypervolumeStalled(stop.hypervolume_stalled.window, stop.hypervolume_stalled.relative))
        if stop.target_hypervolume:
            self._rules.append(TargetHypervolume(stop.target_hypervolume))
        for point in history:
            for rule in self._rules:
                rule.update(point.spent, point.hypervolume)

    def reason(self, now: Progress) -> Ending | None:
        """The first reason that holds, or None."""
        if self._interrupts.requested:
            return Ending("interrupted", "on request; everything finished is saved")
        return self._failures(now) or self._time() or self._front(now)

    def _failures(self, now: Progress) -> Ending | None:
        limits = self._experiment.execution.max_failures
        failed = now.n_failed
        if failed > limits.count and failed > limits.fraction * now.n_finished:
            return Ending("failed", f"{failed} of {now.n_finished} trials failed, more than max_failures allows")
        return None

    def _time(self) -> Ending | None:
        minutes = self._experiment.budget.minutes
        if minutes is not None and time.monotonic() - self._started >= 60 * minutes:
            return Ending("finished", f"the time budget of {minutes:g} minutes is spent")
        return None

    def _front(self, now: Progress) -> Ending | None:
        for rule in self._rules:
            reason = rule.update(now.spent, now.hypervolume)
            if reason:
                return Ending("finished", reason)
        return None
