"""``cosearch predict``: what a saved predictor says of designs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from ...spaces.errors import ConfigError
from .output import show_json, show_table
from .verb import Verb, json_option

MOST_ROWS = 20
EXAMPLES = """\b
Examples:
  cosearch predict board --random 1000 --sort             the fastest of 1000 random designs
  cosearch predict board --designs designs.csv --output predicted.csv
  cosearch predict board --study studies/first            the front of a study
"""

FILE = click.Path(path_type=Path)


@click.command(cls=Verb, epilog=EXAMPLES, short_help="Predict designs with a calibrated predictor.")
@click.argument("predictor", type=FILE)
@click.option("--designs", type=FILE, help="CSV or JSON file of designs.")
@click.option("--random", "n_random", type=click.IntRange(min=1), metavar="N", help="N random designs.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Draws them.")
@click.option("--study", help="The front of a study.")
@click.option("--sort", "sort", is_flag=True, help="Lowest prediction first.")
@click.option("--output", type=FILE, metavar="CSV", help="Write all rows to this file.")
@json_option
def command(
    predictor: Path,
    designs: Path | None,
    n_random: int | None,
    seed: int,
    study: str | None,
    sort: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Predict designs: mean, standard deviation and 90 % interval.

    PREDICTOR is the folder that cosearch calibrate wrote. Give one of --random, --designs and --study.
    """
    from ..calibration.predictions import predicted

    table = predicted(predictor, _choice(designs, n_random, seed, study))
    table = table.ordered() if sort else table
    if output is not None:
        table.write(output)
    if as_json:
        show_json(table.to_dict())
        return
    click.echo(table.rests_on, err=True)
    rows = table.rows()
    show_table(table.columns, rows[:MOST_ROWS])
    if len(rows) > MOST_ROWS:
        click.echo(f"... {len(rows) - MOST_ROWS} more" + ("" if output else "; all of them: --output CSV"), err=True)
    if output is not None:
        click.echo(f"wrote {output}", err=True)


def _choice(designs: Path | None, n_random: int | None, seed: int, study: str | None) -> Callable[[Any], Any]:
    from ..calibration.predictions import at_random, of_file, of_study
    from ..configuration.locate import find_study

    if sum(given is not None for given in (designs, n_random, study)) != 1:
        raise ConfigError("give the designs once", "use one of --designs FILE, --random N and --study STUDY")
    if designs is not None:
        return partial(of_file, path=designs)
    if study is not None:
        return partial(of_study, folder=find_study(study))
    return partial(at_random, n=n_random or 0, seed=seed)
