"""``cosearch init``: write a first configuration."""

from __future__ import annotations

from pathlib import Path

import click

from .output import show_json
from .verb import Verb, json_option

EXAMPLES = """\b
Examples:
  cosearch init                                 experiment.yaml and my_target.py, here
  cosearch init --template systolic chip.yaml   another template, another name
"""


@click.command(cls=Verb, epilog=EXAMPLES)
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--template", default="minimal", show_default=True, metavar="NAME", help="What to start from.")
@json_option
def command(path: Path | None, template: str, as_json: bool) -> None:
    """Write a commented configuration to start from.

    PATH is a .yaml file or a folder. Templates: minimal (a function of your own, seconds), multi_fidelity (a simulation
    that can be cut short, seconds), quickstart (networks on this CPU, a minute), systolic_mobilenet (an accelerator, a
    minute).
    """
    from ..configuration.init_config import init

    written = init(template, path)
    if as_json:
        show_json({"template": template, "files": [str(p) for p in written]})
        return
    for file in written:
        click.echo(f"wrote {file}")
    click.echo(f"next: cosearch run {written[0]}", err=True)
