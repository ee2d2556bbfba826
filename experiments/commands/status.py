"""``cosearch status``: where a study stands."""

from __future__ import annotations

import time
from typing import Any

import click

from .output import show_json, show_table
from .verb import Verb, json_option

EXAMPLES = """\b
Examples:
  cosearch status studies/first
  cosearch status first --watch          until it ends
  cosearch status first --json | jq .trials
"""


@click.command(cls=Verb, epilog=EXAMPLES)
@click.argument("study")
@click.option("--watch", is_flag=True, help="Refresh until the study ends.")
@click.option("--interval", default=2.0, show_default=True, type=click.FloatRange(min=0.1), help="Seconds between.")
@json_option
def command(study: str, watch: bool, interval: float, as_json: bool) -> None:
    """Show where STUDY stands, running or not.

    Progress, failures, front and rate; a running study is not disturbed.
    """
    from ..configuration.locate import find_study
    from ..status import status

    folder = find_study(study)
    while True:
        now = status(folder)
        if as_json:
            show_json(now)
        else:
            if watch:
                click.clear()
            show_table(("what", "value"), _rows(now), title=str(folder))
        if not watch or now["state"] not in ("running", "created"):
            return
        time.sleep(interval)


def _rows(now: dict[str, Any]) -> list[tuple[str, Any]]:
    trials = now["trials"]
    rows: list[tuple[str, Any]] = [
        ("state", f"{now['state']}: {now['reason']}"),
        ("trials", _trials(trials)),
        *((f"  {state}", n) for state, n in trials.items() if state not in ("finished", "spent", "total")),
        ("feasible", now["feasible"]),
        ("front", f"{now['front_size']} designs, hypervolume {now['hypervolume']:.6g}"),
        *_nearest(now["least_violation"]),
        *((f"best {metric}", value) for metric, value in now["best"].items()),
    ]
    if now["trials_per_s"]:
        rows.append(("rate", f"{now['trials_per_s']:.3g} trials/s"))
    if now["eta_s"]:
        rows.append(("remaining", f"about {now['eta_s']:.0f} s"))
    for failure in now["failures"]:
        lines = failure["message"].strip().splitlines() or [""]
        rows.append((f"failed {failure['count']}x", f"{lines[-1]} [{failure['reproduce']}]"))
    return rows


def _nearest(least: dict[str, Any] | None) -> list[tuple[str, Any]]:
    """The least violating design, while there is no feasible one."""
    return (
        []
        if least is None
        else [("nearest to feasible", f"trial {least['trial']}, violation {least['violation']:.4g}")]
    )


def _trials(trials: dict[str, Any]) -> str:
    finished, spent, total = trials["finished"], trials["spent"], trials["total"] or "?"
    if spent == finished:
        return f"{finished} of {total}"
    return f"{finished}, worth {spent:.4g} full evaluations of {total}"
