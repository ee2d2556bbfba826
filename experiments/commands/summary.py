"""How a run ended, for people and for exit codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .output import show_json
from .verb import ERROR, INFEASIBLE, INTERRUPTED, OK

if TYPE_CHECKING:
    from ..study import Summary


def show_summary(summary: Summary, as_json: bool) -> int:
    """Print how a run ended; returns the exit code."""
    if as_json:
        show_json(summary.to_dict())
    else:
        click.echo(
            f"{summary.name}: {summary.state}, {summary.reason}\n"
            f"{summary.n_trials} trials ({summary.n_failed} failed, {summary.n_feasible} feasible) "
            f"in {summary.seconds:.1f} s; front of {summary.front_size}, hypervolume {summary.hypervolume:.6g}"
        )
    if summary.state == "interrupted":
        click.echo(f"interrupted and saved; go on with: cosearch resume {summary.folder}", err=True)
        return INTERRUPTED
    if summary.state == "failed":
        click.echo(f"failed; see: cosearch status {summary.folder}", err=True)
        return ERROR
    if not summary.n_feasible:
        click.echo(f"no feasible design; see the nearest ones: cosearch pareto {summary.folder}", err=True)
        return INFEASIBLE
    click.echo(f"next: cosearch pareto {summary.folder}", err=True)
    return OK
