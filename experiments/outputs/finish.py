"""What a finished study leaves behind: held-out scores of the front, exported designs, a report."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...hw_targets.target import Report
from ...spaces.design import Designs
from ..store import TrialStore
from .export import export_rows
from .results import Results

if TYPE_CHECKING:
    from ..study import Study


def confirm(study: Study, store: TrialStore, members: Sequence[dict[str, Any]], report: Report) -> None:
    """Score the final front once on what the search never saw, for every target that offers it.

    Args:
        study: A study whose targets are prepared.
        store: Its open table; scores land there.
        members: Front members, as in :attr:`Results.members`; their ``held_out`` is filled in.
        report: Progress callback.
    """
    for label, target in study.experiment.targets.items():
        names = [m.name for m in target.held_out_metrics()]
        # Once is once, also when a finished study is resumed.
        new = [m for m in members if not m["held_out"].keys() >= set(names)]
        if not new:
            continue
        report("scoring held-out data", 0.0)
        ids, seeds = [m["trial"] for m in new], np.array([m["seed"] for m in new], dtype=np.uint64)
        columns = target.confirm(_designs(study, label, new), seeds)
        failed = np.isin(np.arange(len(ids)), list(columns.failures))
        scores = {name: np.where(failed, np.nan, columns.values[name]) for name in names}
        store.set_held_out(ids, scores)
        for row, member in enumerate(new):
            member["held_out"] |= {n: float(score[row]) for n, score in scores.items() if np.isfinite(score[row])}
        report("scoring held-out data", 1.0)


def export_files(study: Study, members: Sequence[dict[str, Any]], folder: Path) -> list[Path]:
    """Let every target write the front as the files that its own tools read; returns them.

    Args:
        study: A study whose targets are prepared.
        members: Front members, as in :attr:`Results.members`.
        folder: Where; made when it is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stems = [f"trial-{m['trial']:06d}" for m in members]
    written: list[Path] = []
    for label, target in study.experiment.targets.items():
        written += target.export(_designs(study, label, members), folder, stems)
    return written


def spread(members: Sequence[dict[str, Any]], most: int) -> Sequence[dict[str, Any]]:
    """At most ``most`` members, evenly spread along the first objective, both ends among them."""
    if len(members) <= most:
        return members
    return [members[i] for i in np.unique(np.linspace(0, len(members) - 1, most).round().astype(int)).tolist()]


def _designs(study: Study, label: str, members: Sequence[dict[str, Any]]) -> Designs:
    space = study.experiment.problem.space
    designs = space.designs(space.encode([m["design"] for m in members]))
    part = study.experiment.parts.get(label)
    return designs.part(part) if part else designs


def write_outputs(study: Study, results: Results, report: Report) -> list[Path]:
    """Write the front in every configured format, and the report; returns the files.

    Args:
        study: A study whose targets are prepared.
        results: What it found.
        report: Progress callback.
    """
    output = study.experiment.output
    folder = results.folder / "pareto"
    folder.mkdir(exist_ok=True)
    formats = [f for f in output.formats if f != "files"]
    written = export_rows(results, folder, formats)
    if "files" in output.formats:
        report("exporting the front", 0.0)
        for stale in folder.glob("trial-*"):
            # A resumed study's front may have lost designs.
            shutil.rmtree(stale) if stale.is_dir() else stale.unlink()
        written += export_files(study, spread(results.members, output.most_files), folder)
        report("exporting the front", 1.0)
    if output.report:
        from .report import write_report
        from .report_data import report_data

        report("writing the report", 0.0)
        written.append(write_report(report_data(results), results.folder / "report.html"))
        report("writing the report", 1.0)
    return written
