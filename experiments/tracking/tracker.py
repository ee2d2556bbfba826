"""The contract of trackers: observers of a study, fed with plain data; a failing tracker never fails a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StudyInfo:
    """What a tracker is told when a study starts or resumes.

    Args:
        name: Study name; becomes the name of the run.
        params: About 20 headline settings, flat (``budget.trials``: ``"200"``); the configuration is an artifact.
        tags: Facts to find the study by, without prefix: ``space_digest``, ``config_digest``, ``strategy``, ``target``.
        started_ms: Unix time of the study's start, milliseconds.
        artifacts: Existing files to keep from the start, for example ``config.yaml`` and ``environment.json``.
        resumed: Whether the study was continued.
    """

    name: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    started_ms: int
    artifacts: Sequence[Path] = ()
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the final front, or one of the least violating designs when none is feasible.

    Args:
        trial: Trial id.
        knobs: The design.
        metrics: Metric name to value.
        finished_ms: Unix time when its evaluation ended, milliseconds.
        digest: Digest of the design.
        feasible: Whether it meets every constraint.
    """

    trial: int
    knobs: Mapping[str, object]
    metrics: Mapping[str, float]
    finished_ms: int
    digest: str = ""
    feasible: bool = True


@dataclass(frozen=True, slots=True)
class Summary:
    """What a tracker is told when a study ends.

    Args:
        status: ``finished``; ``failed`` when the study gave up; ``interrupted`` when it was saved and can go on.
        reason: Why it ended, for people.
        finished_ms: Unix time of the end, milliseconds.
        front: The final front, most telling members first; the least violating designs when none is feasible.
        artifacts: Files to keep, for example ``trials.csv`` and ``report.html``; missing ones are skipped.
        tags: Further facts to find the study by, without prefix.
    """

    status: str
    reason: str
    finished_ms: int
    front: Sequence[Member] = ()
    artifacts: Sequence[Path] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


class Tracker(Protocol):
    """Observes one study; every method returns at once, except :meth:`close`, and none of them raises."""

    def start(self, info: StudyInfo) -> None:
        """The study starts or resumes."""

    def progress(self, step: int, metrics: Mapping[str, float], timestamp_ms: int) -> None:
        """The study advanced.

        Args:
            step: Number of finished trials.
            metrics: Name to value, for example ``front/hypervolume``; non-finite values are left out.
            timestamp_ms: Unix time, milliseconds.
        """

    def refresh(self, artifacts: Sequence[Path]) -> None:
        """Files have new contents that are worth keeping."""

    def end(self, summary: Summary) -> None:
        """The study ended."""

    def close(self) -> None:
        """Write what is still waiting and let go; may take some seconds."""


class NullTracker:
    """Tracks nothing."""

    def start(self, info: StudyInfo) -> None:
        """Ignore it."""

    def progress(self, step: int, metrics: Mapping[str, float], timestamp_ms: int) -> None:
        """Ignore it."""

    def refresh(self, artifacts: Sequence[Path]) -> None:
        """Ignore it."""

    def end(self, summary: Summary) -> None:
        """Ignore it."""

    def close(self) -> None:
        """Nothing to let go."""
