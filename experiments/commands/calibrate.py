"""``cosearch calibrate``: a predictor of a device from a few measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .output import show_json, show_table
from .verb import Verb, json_option

EXAMPLES = """\b
Examples:
  cosearch calibrate --pool pool.csv --devices devices.yaml --device board --samples 10 --check 20 --output board
  cosearch calibrate --pool pool.csv --table board.csv --output board        measured already
  cosearch calibrate --table board.csv --predictor gp --output board         without other devices

\b
Then: cosearch predict board --random 1000
      targets: {speed: {name: predicted, path: board, measure: {...}}}   in an experiment
"""

FILE = click.Path(path_type=Path)

UNSTEADY = 0.1
"""Spread of repeats above which a device is too unsteady to be calibrated well."""


@click.command(cls=Verb, epilog=EXAMPLES, short_help="Fit a predictor to a device you measure a few times.")
@click.option(
    "--pool", type=FILE, multiple=True, metavar="TABLE", help="Table of other devices, the source devices. Repeatable."
)
@click.option("--sources", default="", metavar="A,B", help="Devices of the pool to learn from; by default all.")
@click.option("--metric", help="What to predict; by default latency_ms, or the first metric.")
@click.option("--table", type=FILE, help="Table of the new device, which was measured already.")
@click.option("--devices", type=FILE, metavar="YAML", help="Devices file with the new device, which is measured now.")
@click.option("--device", help="The new device's name; not needed where there is one.")
@click.option(
    "--samples",
    type=click.IntRange(min=2),
    help="Designs to learn from, chosen by the predictor; by default 10 with --devices, all of --table.",
)
@click.option(
    "--check", type=click.IntRange(min=0), default=0, help="Random designs held out to say how far off it is."
)
@click.option("--predictor", default="few_shot", show_default=True, help="See: cosearch list predictors.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="An option of the predictor. Repeatable.")
@click.option("--space", metavar="NAME|YAML", help="Space of tables that lack their JSON file.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--output", type=FILE, required=True, metavar="FOLDER", help="Where the predictor is saved.")
@json_option
def command(as_json: bool, sources: str, **asked: Any) -> None:
    """Fit a predictor to a new device, and say how far it can be trusted.

    It learns from other devices (--pool, tables that measure or convert wrote) and from a few measurements of the new
    one: made now (--devices) or before (--table).

    Measurements are kept in FOLDER as they are finished: the same command again goes on where it was interrupted.
    """
    from ..calibration.calibrate import calibrate
    from ..calibration.files import write_calibration
    from ..calibration.request import Request
    from ..progress_bar import ProgressBar

    named = tuple(name.strip() for name in sources.split(",") if name.strip())
    bar = ProgressBar("calibrate", 1)
    bar.start()
    try:
        calibration = calibrate(Request(sources=named, report=bar.preparing, warn=bar.say, **asked))
        document = write_calibration(calibration, asked["output"])
    except KeyboardInterrupt:
        bar.say("what was measured is saved; the same command goes on")
        raise
    finally:
        bar.stop()
    if as_json:
        show_json({"output": str(asked["output"]), **document})
    else:
        _show(document, asked["output"], calibration.failed)


def _show(document: dict[str, Any], folder: Path, failed: tuple[str, ...]) -> None:
    from ..calibration.files import PAGE
    from ..calibration.words import COLUMNS, figure_rows, rests_on

    click.echo(rests_on(document))
    n, checked, n_failed = document["n_measured"], document["n_checked"], document["n_failed"]
    parts = f"{document['n_used']} learnt from, {checked} held out" + (f", {n_failed} failed" if n_failed else "")
    click.echo(f"{n} measurements of {document['device']} in all: {parts}")
    for text in sorted(set(failed))[:3]:
        click.echo(f"could not be measured: {text.splitlines()[-1]}", err=True)
    if (document["spread"] or 0.0) > UNSTEADY:
        spread = f"repeats of one design on {document['device']} spread by {100 * document['spread']:.0f} % (median)"
        remedy = "leave the device alone while it measures, measure longer, or with relative: true"
        click.echo(f"warning: {spread}; {remedy}", err=True)
    rows = figure_rows(document)
    if rows:
        click.echo(f"how far off, by {document['how']}:")
        show_table(["region", f"predicted {document['metric']}", *COLUMNS.values()], rows)
        if not checked:
            click.echo("for figures on designs that it did not see: --check 20")
    else:
        click.echo("too few measurements to say how far off it is: give more --samples, or --check 20")
    click.echo(f"{'predictor:':12}{folder}\n{'plot:':12}{folder / PAGE}")
