"""How a run ended, for people and for exit codes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import show_json, show_table
from .verb import ERROR, INFEASIBLE, INTERRUPTED, OK

MOST_ROWS = 20

if TYPE_CHECKING:
    from ..outputs.prediction_check import PredictionCheck
    from ..study import Summary


def show_summary(summary: Summary, as_json: bool) -> int:
    """Print how a run ended; returns the exit code."""
    if as_json:
        show_json(summary.to_dict() | {"predicted": [check.to_dict() for check in _checks(summary)]})
    else:
        click.echo(
            f"{summary.name}: {summary.state}, {summary.reason}\n"
            f"{summary.n_trials} trials ({summary.n_failed} failed, {summary.n_feasible} feasible){_worth(summary)} "
            f"in {summary.seconds:.1f} s\n"
            f"front of {summary.front_size}, hypervolume {summary.hypervolume:.6g}"
        )
    if summary.state == "interrupted":
        click.echo(f"interrupted and saved; go on with: cosearch resume {summary.folder}", err=True)
        return INTERRUPTED
    if summary.state == "failed":
        click.echo(f"failed; see: cosearch status {summary.folder}", err=True)
        return ERROR
    if not summary.front_size:
        click.echo(f"no feasible design; see the nearest ones: cosearch pareto {summary.folder}", err=True)
        return INFEASIBLE
    if not as_json:
        _show_front(Path(summary.folder))
        for check in _checks(summary):
            verb = f"cosearch measure DEVICES.yaml --study {summary.folder} --output front.csv"
            click.echo(check.sentence() if check.n else f"{check.sentence()}; measure the front with: {verb}")
    return OK


def _checks(summary: Summary) -> list[PredictionCheck]:
    from ..outputs.prediction_check import prediction_checks
    from ..outputs.results import Results

    return prediction_checks(Results.read(Path(summary.folder)))


def _worth(summary: Summary) -> str:
    return "" if summary.spent == summary.n_trials else f", worth {summary.spent:.4g} full evaluations,"


def _show_front(folder: Path) -> None:
    """The front as a table, and where the rest is."""
    from ..outputs.pareto import front_table

    table = front_table(folder)
    show_table(table.columns, table.rows[:MOST_ROWS], title="Pareto front")
    if len(table.rows) > MOST_ROWS:
        click.echo(f"... {len(table.rows) - MOST_ROWS} more: cosearch pareto {folder}")
    for path, what in (("pareto", "exported designs"), ("report.html", "report"), ("config.yaml", "configuration")):
        if (folder / path).exists():
            click.echo(f"{what + ':':18}{folder / path}")
    n_files = len({re.split(r"[._]", path.name)[0] for path in (folder / "pareto").glob("trial-*")})
    if 0 < n_files < len(table.rows):
        click.echo(
            f"{'their own files:':18}for {n_files} of {len(table.rows)} designs, spread over the front; for all:"
        )
        click.echo(f"{'':18}cosearch pareto {folder} --export DIR")
    click.echo(f"{'one compromise:':18}cosearch pareto {folder} --pick knee")
