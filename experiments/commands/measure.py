"""``cosearch measure``: measure designs on devices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .output import show_json, show_table
from .verb import ERROR, INTERRUPTED, OK, Verb, json_option

EXAMPLES = """\b
Examples:
  cosearch measure devices.yaml --random 200 --seed 1 --output pool.csv
  cosearch measure devices.yaml --study studies/first --device board --output front.csv
  cosearch measure devices.yaml --designs mine.csv --rounds 5 --output mine_measured.csv
  cosearch measure experiment.yaml --random 20 --output try.csv     the targets of an experiment
  cosearch measure --output today.csv --compare yesterday.csv       compare only

\b
Every finished batch is on the disk: after Ctrl-C or a crash, the same command goes on with what is missing.
"""

FILE = click.Path(path_type=Path)


@click.command(cls=Verb, epilog=EXAMPLES, short_help="Measure designs on devices, into a table.")
@click.argument("devices", required=False, type=FILE)
@click.option(
    "--random", "n_random", type=click.IntRange(min=1), metavar="N", help="Measure N distinct random designs."
)
@click.option(
    "--seed", default=0, show_default=True, help="Draws the random designs, and mixes the order of measuring."
)
@click.option("--designs", type=FILE, help="Measure the designs of a file: CSV with a column for each knob, or JSON.")
@click.option("--study", type=FILE, help="Measure the front of a study.")
@click.option("--device", "labels", multiple=True, help="Only this device of the file. Repeatable; all by default.")
@click.option(
    "--rounds", default=3, show_default=True, type=click.IntRange(min=1), help="Times each design is measured."
)
@click.option("--output", required=True, type=FILE, help="The table, NAME.csv; rows it holds are not measured again.")
@click.option("--compare", type=FILE, help="Show how far another table differs from this one.")
@json_option
def command(devices: Path | None, output: Path, compare: Path | None, as_json: bool, **asked: Any) -> int:
    """Measure designs on devices, into a table that predictors learn from.

    DEVICES is a YAML file with a space and its devices, or an experiment, whose targets are the devices.
    """
    from ..measure import Request, compared, measured

    answer: dict[str, Any] = {"output": str(output), "finished": True}
    if devices is None and compare is None:
        raise click.UsageError("nothing to do: give a devices file, or --compare")
    if devices is not None:
        request = Request(devices, output, **asked)
        answer["finished"], answer["devices"] = measured(request, progress=not as_json, warn=_warn)
    if compare is not None and answer["finished"]:
        answer["differences"] = [difference.to_dict() for difference in compared(output, compare)]
    if as_json:
        show_json(answer)
    else:
        _show(answer, compare)
    if not answer["finished"]:
        click.echo("interrupted and saved; go on with the same command", err=True)
        return INTERRUPTED
    return ERROR if any(row["failed"] == row["designs"] for row in answer.get("devices", ())) else OK


def _show(answer: dict[str, Any], compare: Path | None) -> None:
    rows = answer.get("devices", [])
    metrics = list(dict.fromkeys(metric for row in rows for metric in row["median_relative_std"]))
    if rows:
        columns = ("device", "how", "designs", "failed", *(f"{metric} spread" for metric in metrics), "energy meter")
        cells = [
            (
                row["device"],
                ", ".join(dict.fromkeys(row["sources"].values())) or "-",
                row["designs"],
                row["failed"],
                *(_spread(row, m) for m in metrics),
                row["energy_meter"],
            )
            for row in rows
        ]
        show_table(columns, cells, title=answer["output"])
    for row in rows:
        if row["first_failure"]:
            click.echo(f"{row['device']}: {row['failed']} failed, the first: {row['first_failure']}", err=True)
    found = answer.get("differences", [])
    if found:
        cells = [tuple(row.values()) for row in found]
        show_table(tuple(found[0]), cells, title=f"{compare} against {answer['output']}")


def _spread(row: dict[str, Any], metric: str) -> str:
    share = row["median_relative_std"].get(metric)
    return "-" if share is None else f"{100 * share:.2g} %"


def _warn(text: str) -> None:
    click.echo(f"warning: {text}", err=True)
