"""``cosearch pareto``: the front as a table or as files."""

from __future__ import annotations

from pathlib import Path

import click

from .output import show_json, show_table
from .verb import INFEASIBLE, OK, Verb, json_option

MOST_NAMES = 8
EXAMPLES = """\b
Examples:
  cosearch pareto studies/first                        the front, best first objective first
  cosearch pareto first --pick knee                    one compromise
  cosearch pareto first --pick nearest:latency_ms=2    one near a wish
  cosearch pareto first --export out --formats json,csv,files
"""


@click.command(cls=Verb, epilog=EXAMPLES)
@click.argument("study")
@click.option("--pick", metavar="HOW", help="One design: 'knee', or 'nearest:METRIC=VALUE,...'.")
@click.option("--export", "out", type=click.Path(path_type=Path), metavar="DIR", help="Write the front to this folder.")
@click.option(
    "--formats",
    default="json,yaml,csv,files",
    show_default=True,
    help="What --export writes; 'files' is what the targets' own tools read (ONNX, a simulator's input).",
)
@json_option
def command(study: str, pick: str | None, out: Path | None, formats: str, as_json: bool) -> int:
    """Show or export the Pareto front of STUDY.

    Without a feasible design, the least violating ones and exit code 3.
    """
    from ..configuration.locate import find_study
    from ..outputs.pareto import front_table

    folder = find_study(study)
    table = front_table(folder, pick)
    written: list[Path] = []
    if out is not None:
        from ..outputs.export import export_front

        written = export_front(folder, out, [name.strip() for name in formats.split(",")])
    if as_json:
        show_json({**table.to_dict(), "files": [str(path) for path in written]})
    else:
        show_table(table.columns, table.rows, title=str(folder))
        for path in written[:MOST_NAMES]:
            click.echo(f"wrote {path}", err=True)
        if len(written) > MOST_NAMES:
            click.echo(f"... and {len(written) - MOST_NAMES} more files", err=True)
    if not table.feasible:
        click.echo("no feasible design; these violate the constraints least", err=True)
    return OK if table.feasible else INFEASIBLE
