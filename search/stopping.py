"""Reasons to stop a search before its budget is spent."""

from __future__ import annotations

from collections import deque
from typing import Protocol


class StoppingRule(Protocol):
    """Watches the hypervolume grow."""

    def update(self, n_trials: float, hypervolume: float) -> str | None:
        """Take note of the state of a study.

        Args:
            n_trials: Completed trials so far, those of lower fidelity as their share of one; never falls.
            hypervolume: Of the front after these trials.

        Returns:
            Why to stop, or None to go on.
        """


class HypervolumeStalled:
    """Stop when the hypervolume grew by less than a share over the last trials.

    Never fires while the hypervolume is 0: having found nothing yet is not convergence.

    Args:
        window: Number of trials looked back.
        relative: Smallest growth that counts, as a share of the current hypervolume.
    """

    def __init__(self, window: int = 200, relative: float = 0.001) -> None:
        self.window = window
        self.relative = relative
        self._seen: deque[tuple[float, float]] = deque()

    def update(self, n_trials: float, hypervolume: float) -> str | None:
        """See :meth:`StoppingRule.update`."""
        self._seen.append((n_trials, hypervolume))
        while len(self._seen) > 1 and self._seen[1][0] <= n_trials - self.window:
            self._seen.popleft()
        since, before = self._seen[0]
        if hypervolume <= 0 or since > n_trials - self.window:
            return None
        growth = (hypervolume - before) / hypervolume
        if growth >= self.relative:
            return None
        return f"hypervolume grew by {growth:.2%} over the last {n_trials - since:g} trials"


class TargetHypervolume:
    """Stop once the front's hypervolume reaches a value.

    Args:
        value: The hypervolume to reach, in the product of the objectives' units.
    """

    def __init__(self, value: float) -> None:
        self.value = value

    def update(self, n_trials: float, hypervolume: float) -> str | None:
        """See :meth:`StoppingRule.update`."""
        if hypervolume < self.value:
            return None
        return f"hypervolume {hypervolume:.6g} reached the target {self.value:.6g} after {n_trials:g} trials"
