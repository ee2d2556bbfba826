"""``cosearch policy``: what a study's agents learnt, for other studies to start from."""

from __future__ import annotations

from pathlib import Path

import click

from .output import show_json
from .verb import Verb, json_option

EXAMPLES = """\b
Examples:
  cosearch policy studies/first --output policies/first
  cosearch run second.yaml --set search.initial_policy=policies/first
"""


@click.command(cls=Verb, epilog=EXAMPLES)
@click.argument("study")
@click.option(
    "--output", "out", required=True, type=click.Path(path_type=Path), metavar="FOLDER", help="Where to write it."
)
@json_option
def command(study: str, out: Path, as_json: bool) -> None:
    """Save the policy that STUDY has learnt.

    Its strategy is trained again on the trials of the table, which takes seconds. Strategies with agents only: mappo,
    ippo, ppo, sac, model_based_mappo.
    """
    from ..configuration.locate import find_study
    from ..outputs.policy import write_policy

    written = write_policy(find_study(study), out)
    if as_json:
        show_json({"files": [str(path) for path in written]})
        return
    for path in written:
        click.echo(f"wrote {path}", err=True)
