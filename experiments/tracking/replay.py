"""From a study's trial table to its tracker: what a tracker is told live, and the same again afterwards."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...spaces.design import digest_of
from ..environment import installed
from ..outputs.atomic import write_text
from ..outputs.results import Results
from ..progress import Ending
from ..settings import Tracking
from ..store import TrialStore
from .mlflow_run import MlflowRun, Point
from .mlflow_tracker import MlflowTracker
from .tracker import Member, StudyInfo, Summary, Tracker

RUN_ID = "mlflow_run_id"
"""Name under which a trial table remembers its MLflow run."""

TABLES = "tracking"
"""Folder in the study's own for the tables that only a tracker keeps."""

HEADLINE = (
    "seed", "space.name", "search", "budget", "stop", "execution.name", "execution.workers", "execution.chunk",
    "execution.cpus_per_worker", "execution.trial_timeout_s", "execution.deterministic",
)  # fmt: skip
"""Settings that become parameters of the run, as dotted paths; whole blocks are flattened."""


def make_tracker(tracking: Tracking, store: TrialStore, warn: Callable[[str], None]) -> Tracker:
    """The tracker of a study that is about to run.

    Args:
        tracking: Settings whose name is ``mlflow``.
        store: The study's open, writable table; it remembers the run.
        warn: Called at most once when tracking fails.
    """
    return MlflowTracker(
        tracking,
        store.meta().get(RUN_ID),
        on_run_id=lambda run_id: store.set_meta(**{RUN_ID: run_id}),
        warn=warn,
        tables=lambda: write_tables(store, store.folder / TABLES),
    )


def study_info(store: TrialStore) -> StudyInfo:
    """What a tracker is told at the start."""
    meta = store.meta()
    problem = meta["problem"]
    config = meta["config"]
    targets = sorted({source["target"] for source in meta["sources"].values()})
    params = {
        **_headline(config),
        "seed": str(meta["seed"]),
        "space.name": str(problem["space_name"]),
        "space.knobs": str(len(problem["space"]["knobs"])),
        "objectives": ", ".join(f"{o['goal']} {o['metric']}" for o in problem["objectives"]),
        "constraints": ", ".join(_bounds(c) for c in problem["constraints"]) or "none",
        "targets": ", ".join(targets),
    }
    tags = {
        "space_digest": str(meta["space_digest"]),
        "config_digest": digest_of(json.dumps(config, sort_keys=True)),
        "strategy": str(config.get("search", {}).get("name", "")),
        "target": ", ".join(targets),
        "version": installed("cosearch") or "unknown",
    }
    config_file = store.folder / "config.yaml"
    return StudyInfo(
        name=meta["name"],
        params=params,
        tags=tags,
        started_ms=round(1000 * meta["created_at"]),
        artifacts=[config_file] if config_file.is_file() else [],
        resumed=meta.get(RUN_ID) is not None,
    )


def end_summary(store: TrialStore, ending: Ending, results: Results, folder: Path | None = None) -> Summary:
    """What a tracker is told at the end.

    Args:
        store: The study's open table.
        ending: How the study ended.
        results: What it found.
        folder: Where the tables are written that only the tracker keeps; by default ``tracking`` in the study's folder.
    """
    folder = folder or store.folder / TABLES
    files = [
        *write_tables(store, folder),
        store.folder / "report.html",
        *sorted((store.folder / "pareto").glob("pareto.*")),
    ]
    stamps = [point.at for point in results.history] + [m["finished_at"] for m in results.members]
    return Summary(
        status=ending.state,
        reason=ending.reason,
        finished_ms=round(1000 * max(stamps, default=results.meta["created_at"])),
        front=[_member(member) for member in results.members],
        artifacts=[path for path in files if path.is_file()],
        tags={"feasible": str(results.is_feasible).lower()},
    )


def write_tables(store: TrialStore, folder: Path) -> list[Path]:
    """Write ``trials.csv``, ``hypervolume.csv``, ``failures.txt`` and ``environment.json``; returns them."""
    folder.mkdir(exist_ok=True)
    environment = json.dumps(store.meta().get("environment", {}), indent=2) + "\n"
    failures = "".join(f"{count} x (first: trial {first}) {text}\n" for text, count, first in store.failures())
    history = [{"n": p.n, "at": p.at, **p.metrics()} for p in store.history()]
    return [
        write_text(folder / "trials.csv", _csv(_flat_rows(store))),
        write_text(folder / "hypervolume.csv", _csv(history)),
        write_text(folder / "failures.txt", failures or "no trial failed\n"),
        write_text(folder / "environment.json", environment),
    ]


def replay(folder: Path, uri: str | None = None) -> str:
    """Write a study to MLflow from its table, as if it had been tracked while it ran; its own run stays as it is.

    Args:
        folder: The study's folder.
        uri: MLflow tracking URI; by default the one that the study was configured with.

    Returns:
        Id of the new run.

    Raises:
        StoreError: When the folder holds no study.
        ConfigError: When MLflow is not installed, or cannot be reached or written.
    """
    with TrialStore.open(folder, readonly=True) as store, tempfile.TemporaryDirectory() as scratch:
        meta = store.meta()
        tracking = Tracking(**meta["config"].get("tracking", {}))
        if uri is not None:
            tracking = tracking.model_copy(update={"uri": uri})
        run = MlflowRun(tracking, study_info(store))
        run.log(Point(p.n, p.metrics(), round(1000 * p.at)) for p in store.history())
        run.end(end_summary(store, Ending(**meta["ending"]), Results.of(store), Path(scratch)))
        return run.run_id


def _member(member: Mapping[str, Any]) -> Member:
    metrics = {**member["metrics"], **{f"held_out/{name}": value for name, value in member["held_out"].items()}}
    metrics |= {f"{name}_std": value for name, value in member["std"].items()}
    if not member["feasible"]:
        metrics["violation"] = member["violation"]
    finished_ms = round(1000 * member["finished_at"])
    return Member(member["trial"], member["design"], metrics, finished_ms, member["digest"], member["feasible"])


def _headline(config: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in HEADLINE:
        value: Any = config
        for part in path.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        found |= _flat(path, value)
    return found


def _flat(path: str, value: Any) -> dict[str, str]:
    if isinstance(value, Mapping):
        return {name: text for key, inner in value.items() for name, text in _flat(f"{path}.{key}", inner).items()}
    return {} if value is None else {path: str(value)}


def _bounds(constraint: Mapping[str, Any]) -> str:
    low, high = constraint["at_least"], constraint["at_most"]
    left = "" if low is None else f"{low:g} <= "
    right = "" if high is None else f" <= {high:g}"
    return f"{left}{constraint['metric']}{right}"


def _flat_rows(store: TrialStore) -> Iterator[dict[str, Any]]:
    for row in store.rows():
        flat = {k: v for k, v in row.items() if k not in ("design", "values", "std", "count", "error")}
        flat |= {f"knob.{name}": value for name, value in row["design"].items()}
        flat |= row["values"]
        for kind in ("std", "count"):
            flat |= {f"{name}_{kind}": value for name, value in row[kind].items()}
        flat["error"] = (row["error"] or "").strip().rpartition("\n")[2]
        yield flat


def _csv(rows: Iterator[dict[str, Any]] | Sequence[dict[str, Any]]) -> str:
    """CSV with the columns in order of first appearance; missing and None cells are empty."""
    columns: dict[str, None] = {}
    kept = []
    for row in rows:
        columns.update(dict.fromkeys(row))
        kept.append(row)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(kept)
    return text.getvalue()
