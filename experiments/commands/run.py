"""``cosearch run``: search."""

from __future__ import annotations

from pathlib import Path

import click

from .summary import show_summary
from .verb import Verb, json_option, set_option

EXAMPLES = """\b
Examples:
  cosearch run experiment.yaml
  cosearch run quickstart.yaml --set budget.trials=50   a shipped configuration, shorter
  cosearch run cluster.yaml --local                     without Ray

\b
Ctrl-C once finishes what is in flight and saves; twice stops at once.
Go on with: cosearch resume STUDY
"""


@click.command(cls=Verb, epilog=EXAMPLES)
@click.argument("config")
@set_option
@click.option("--local", is_flag=True, help="On this machine, whatever the configuration says.")
@click.option("--folder", type=click.Path(path_type=Path), help="Folder of the study; by default a new one.")
@json_option
def command(config: str, overrides: tuple[str, ...], local: bool, folder: Path | None, as_json: bool) -> int:
    """Run the experiment of CONFIG."""
    from ..configuration.locate import find_config
    from ..run import LOCAL, run

    path, shipped = find_config(config)
    if shipped:
        click.echo(f"using the shipped {path}", err=True)
    changes = (*overrides, *LOCAL) if local else overrides
    summary = run(path, changes, folder=folder, progress=not as_json, warn=_warn)
    return show_summary(summary, as_json)


def _warn(text: str) -> None:
    click.echo(f"warning: {text}", err=True)
