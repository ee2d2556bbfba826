"""``cosearch track``: send a study to MLflow, from its table."""

from __future__ import annotations

import click

from .output import show_json
from .verb import Verb, json_option

EXAMPLES = """\b
Examples:
  cosearch track studies/first                              to the configured tracking server
  cosearch track first --uri sqlite:///mlflow.db && mlflow ui
"""


@click.command(cls=Verb, epilog=EXAMPLES)
@click.argument("study")
@click.option("--uri", help="MLflow tracking URI; by default the study's own.")
@json_option
def command(study: str, uri: str | None, as_json: bool) -> None:
    """Write STUDY to MLflow from its own table.

    After the tracking server was away, or for another server.
    """
    from ..configuration.locate import find_study
    from ..tracking.replay import replay

    run_id = replay(find_study(study), uri)
    if as_json:
        show_json({"study": study, "mlflow_run_id": run_id})
    else:
        click.echo(run_id)
        if uri:
            click.echo(f"see it with: mlflow ui --backend-store-uri {uri}", err=True)
