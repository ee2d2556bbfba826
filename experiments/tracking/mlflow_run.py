"""One MLflow run per study, written directly; steps and times come from the study's data, so a replay is identical."""

from __future__ import annotations

import logging
import math
import os
import socket
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from ...spaces.errors import ConfigError
from ..settings import Tracking
from .tracker import Member, StudyInfo, Summary

T = TypeVar("T")

METRICS_PER_CALL = 500
PARAMS_PER_CALL = 100
"""MLflow's REST interface refuses requests with more than 1000 metrics or 100 parameters (its documented limits)."""

PARAM_CHARACTERS = 6000
"""MLflow refuses longer parameter values."""

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""Set before MLflow is imported, unless the user has set them: no usage reports, and a dead server is given up soon."""

ENDINGS = {"finished": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}


@dataclass(frozen=True, slots=True)
class Point:
    """Metrics of a study after ``step`` finished trials, at Unix time ``timestamp_ms``."""

    step: int
    metrics: Mapping[str, float]
    timestamp_ms: int


class MlflowRun:
    """A run being written.

    Args:
        tracking: Where, and how many front members become child runs.
        info: The study.
        run_id: Run to continue; a new one is made when it is None or no longer there.
        alive: Called after every answer of MLflow.

    Raises:
        ConfigError: When MLflow is not installed, or the server or file cannot be reached.
        Exception: Whatever MLflow raises.
    """

    def __init__(
        self,
        tracking: Tracking,
        info: StudyInfo,
        run_id: str | None = None,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._alive = alive
        reach(tracking.uri)
        self._mlflow = _import_mlflow()
        try:
            self._client = self._mlflow.MlflowClient(tracking_uri=tracking.uri)
        except self._mlflow.exceptions.MlflowException as error:
            raise ConfigError(
                f"tracking.uri: MLflow cannot use {tracking.uri!r}", "write sqlite:///FILE.db or http://HOST:PORT"
            ) from error
        self._promote = tracking.promote
        self._experiment = self._find_experiment(tracking)
        self.run_id = self._resume(run_id, info) or self._start(info)
        self.keep(info.artifacts)

    def _find_experiment(self, tracking: Tracking) -> str:
        found = self._client.get_experiment_by_name(tracking.experiment)
        if found is None:
            try:
                place = artifact_location(tracking)
                return str(self._client.create_experiment(tracking.experiment, artifact_location=place))
            except self._mlflow.exceptions.MlflowException:
                # Another study may have made it in the meantime.
                found = self._client.get_experiment_by_name(tracking.experiment)
                if found is None:
                    raise
        return str(found.experiment_id)

    def _resume(self, run_id: str | None, info: StudyInfo) -> str | None:
        if run_id is None:
            return None
        try:
            run = self._client.get_run(run_id)
        except self._mlflow.exceptions.MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None
        self._client.update_run(run_id, status="RUNNING")
        # MLflow's parameters cannot change; settings that differ now stand in the configuration artifact.
        new = {key: value for key, value in info.params.items() if key not in run.data.params}
        self._write(run_id, params=new, tags={**_tags(info.tags), "cosearch.resumed": "true"})
        return run_id

    def _start(self, info: StudyInfo) -> str:
        run = self._client.create_run(
            self._experiment,
            start_time=info.started_ms,
            run_name=info.name,
            tags={**_tags(info.tags), "cosearch.study": info.name, "cosearch.resumed": str(info.resumed).lower()},
        )
        run_id = str(run.info.run_id)
        self._write(run_id, params=info.params)
        return run_id

    def log(self, points: Iterable[Point]) -> None:
        """Write metrics, at most :data:`METRICS_PER_CALL` at a time."""
        entity = self._mlflow.entities.Metric
        metrics = (
            entity(name, float(value), point.timestamp_ms, point.step)
            for point in points
            for name, value in point.metrics.items()
            if math.isfinite(value)
        )
        for batch in _batches(metrics, METRICS_PER_CALL):
            self._client.log_batch(self.run_id, metrics=batch)
            self._alive()

    def keep(self, artifacts: Sequence[Path]) -> None:
        """Store files; missing ones are skipped."""
        for path in artifacts:
            if path.is_file():
                self._client.log_artifact(self.run_id, str(path))
                self._alive()

    def end(self, summary: Summary) -> None:
        """Store the files, the front (or the least violating designs) as child runs, and how the study ended."""
        self.keep(summary.artifacts)
        self._clear_children()
        for rank, member in enumerate(spread(summary.front, self._promote)):
            self._promote_member(member, rank, summary.finished_ms)
        tags = _tags({**summary.tags, "ending": summary.reason})
        self._write(self.run_id, tags=tags)
        self._client.set_terminated(self.run_id, ENDINGS.get(summary.status, "FINISHED"), summary.finished_ms)

    def interrupt(self) -> None:
        """Mark a run whose study ended without a word."""
        self._client.set_terminated(self.run_id, "KILLED")

    def _clear_children(self) -> None:
        """Delete the child runs of an earlier ending: its front is no longer the front."""
        filter_string = f"tags.mlflow.parentRunId = '{self.run_id}'"
        for child in self._client.search_runs([self._experiment], filter_string, max_results=1000):
            self._client.delete_run(child.info.run_id)
            self._alive()

    def _promote_member(self, member: Member, rank: int, now_ms: int) -> None:
        tags = {"trial": str(member.trial), "digest": member.digest}
        tags |= {"front_rank": str(rank)} if member.feasible else {"feasible": "false"}
        run = self._client.create_run(
            self._experiment,
            start_time=member.finished_ms,
            run_name=f"trial-{member.trial:06d}",
            tags={**_tags(tags), "mlflow.parentRunId": self.run_id},
        )
        child = str(run.info.run_id)
        self._write(child, params={name: str(value) for name, value in member.knobs.items()})
        entity = self._mlflow.entities.Metric
        metrics = [entity(n, float(v), member.finished_ms, 0) for n, v in member.metrics.items() if math.isfinite(v)]
        for batch in _batches(metrics, METRICS_PER_CALL):
            self._client.log_batch(child, metrics=batch)
        self._client.set_terminated(child, "FINISHED", now_ms)
        self._alive()

    def _write(
        self, run_id: str, params: Mapping[str, str] | None = None, tags: Mapping[str, str] | None = None
    ) -> None:
        entities = self._mlflow.entities
        for batch in _batches((params or {}).items(), PARAMS_PER_CALL):
            self._client.log_batch(run_id, params=[entities.Param(k, v[:PARAM_CHARACTERS]) for k, v in batch])
        if tags:
            self._client.log_batch(run_id, tags=[entities.RunTag(k, v) for k, v in tags.items()])


def reach(uri: str) -> None:
    """Knock at a tracking URI before MLflow does, which tries for minutes.

    Args:
        uri: ``sqlite:///PATH``, ``http(s)://HOST[:PORT]``; others are left to MLflow.

    Raises:
        ConfigError: When the file cannot be written, or nobody listens.
    """
    parts = urlsplit(uri)
    if parts.scheme == "sqlite":
        path = Path(parts.path[1:])
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(path, timeout=5.0)) as database:
                database.executescript("BEGIN IMMEDIATE; ROLLBACK;")
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(
                f"tracking.uri: {path} cannot be written ({error})", "choose another file, or tracking.name: none"
            ) from error
    elif parts.scheme in ("http", "https"):
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            socket.create_connection((parts.hostname or "", port), timeout=5.0).close()
        except OSError as error:
            raise ConfigError(
                f"tracking.uri: no MLflow server answers at {uri} ({error})",
                "start it with 'mlflow server', or choose a file: sqlite:///mlflow.db",
            ) from error


def artifact_location(tracking: Tracking) -> str | None:
    """Folder for an experiment's files: beside an SQLite file, wherever the study runs; else the server's choice."""
    parts = urlsplit(tracking.uri)
    if parts.scheme != "sqlite":
        return None
    folder = Path(parts.path[1:]).absolute().parent / "mlruns" / quote(tracking.experiment, safe="")
    return folder.as_uri()


def spread(front: Sequence[Member], k: int) -> list[Member]:
    """At most ``k`` members, evenly spread over the order of the front, both ends included."""
    if len(front) <= k:
        return list(front)
    if k == 1:
        return [front[len(front) // 2]]
    return [front[round(i * (len(front) - 1) / (k - 1))] for i in range(k)]


def _import_mlflow() -> Any:
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import mlflow.entities
        import mlflow.exceptions
    except ImportError as error:
        raise ConfigError(f"MLflow cannot be imported ({error})", "pip install 'cosearch[mlflow]'") from error
    for name in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return mlflow


def _tags(facts: Mapping[str, str]) -> dict[str, str]:
    return {f"cosearch.{name}": value for name, value in facts.items()}


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
