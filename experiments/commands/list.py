"""``cosearch list``: what can be named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import show_json, show_table
from .verb import Verb, json_option

if TYPE_CHECKING:
    from ...spaces.registry import Registry

EXAMPLES = """\b
Examples:
  cosearch list strategies
  cosearch list studies --folder runs
"""
FAMILIES = ("spaces", "targets", "strategies", "predictors", "importers", "studies")


@click.command(cls=Verb, epilog=EXAMPLES)
@click.argument("what", type=click.Choice(FAMILIES))
@click.option("--folder", type=click.Path(path_type=Path), default=Path("studies"), help="Where studies are.")
@json_option
def command(what: str, folder: Path, as_json: bool) -> None:
    """List what a configuration can name, or studies.

    Each name with where it is from and one line on it; or the studies of a folder.
    """
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    if what == "studies":
        columns, rows = ("study", "state", "trials", "front"), _studies(folder)
    else:
        columns, rows = ("name", "from", "what"), _registry(what).rows()
    if as_json:
        show_json({what: [dict(zip(columns, row, strict=True)) for row in rows]})
    else:
        show_table(columns, rows)
        if not rows:
            click.echo(f"no studies in {folder}; start one with 'cosearch run', or name another --folder", err=True)


def _registry(family: str) -> Registry:
    from ...hw_targets.catalog import TARGETS
    from ...predictors.catalog import PREDICTORS
    from ...predictors.importers.catalog import IMPORTERS
    from ...search.catalog import STRATEGIES
    from ...spaces.catalog import SPACES

    return {r.family: r for r in (SPACES, TARGETS, STRATEGIES, PREDICTORS, IMPORTERS)}[family]


def _studies(folder: Path) -> list[tuple[str, str, str, str]]:
    from ...spaces.errors import StoreError
    from ..configuration.locate import find_studies
    from ..status import status

    rows = []
    for study in find_studies(folder):
        try:
            now = status(study)
        except StoreError as error:
            rows.append((str(study), "unreadable", error.problem, ""))
        else:
            rows.append((str(study), now["state"], str(now["trials"]["finished"]), str(now["front_size"])))
    return rows
