"""Where a study stands, read from its table while it runs or after."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from .reproduce import command
from .store import TrialStore
from .study_lock import is_locked

LEAST_VIOLATING = """id = (SELECT id FROM trials WHERE state = 'done' AND fidelity = 1.0 ORDER BY violation, id LIMIT 1)
AND violation > 0"""
"""Selects the trial nearest to feasible; none when one is feasible."""


def status(folder: Path) -> dict[str, Any]:
    """Progress, failures, front and rate of a study as plain data; disturbs a running one in no way.

    Args:
        folder: The study's folder.

    Raises:
        StoreError: When the folder holds no study.
    """
    with TrialStore.open(folder, readonly=True) as store:
        meta, counts, history = store.meta(), store.counts(), store.history()
        failures, spent = store.failures(), store.spent()
        least = next(store.rows(LEAST_VIOLATING), None)
    last = history[-1] if history else None
    finished = sum(n for state, n in counts.items() if state not in ("running", "duplicate"))
    ending = meta["ending"]
    if ending["state"] == "running" and not is_locked(folder):
        ending = {"state": "killed", "reason": f"its process is gone; go on with: cosearch resume {folder}"}
    total = meta["config"].get("budget", {}).get("trials") if meta["config"] else None
    rate = _rate([(p.n, p.at) for p in history])
    pace = _rate([(p.spent, p.at) for p in history])
    return {
        "name": meta["name"],
        "folder": str(folder),
        "state": ending["state"],
        "reason": ending["reason"],
        "trials": {"finished": finished, "spent": spent, "total": total, **counts},
        "front_size": last.front_size if last else 0,
        "hypervolume": last.hypervolume if last else 0.0,
        "feasible": last.n_feasible if last else 0,
        "best": last.best if last else {},
        "least_violation": None if least is None else {"trial": least["id"], "violation": least["violation"]},
        "trials_per_s": rate,
        "eta_s": (total - spent) / pace if total and pace and spent < total else None,
        "last_change_s_ago": time.time() - last.at if last else None,
        "failures": [
            {"message": text, "count": count, "reproduce": command(folder, first)}
            for text, count, first in failures[:10]
        ],
        "mlflow_run_id": meta.get("mlflow_run_id"),
    }


def _rate(points: list[tuple[float, float]]) -> float | None:
    """Trials per second over the last ten points, None when there are too few."""
    if len(points) < 2:
        return None
    (n0, t0), (n1, t1) = points[-10:][0], points[-1]
    return (n1 - n0) / (t1 - t0) if t1 > t0 else None
