"""Printing: one JSON object, a table on a terminal, tab-separated lines in a pipe."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click


def show_json(data: Any) -> None:
    """Print plain data as JSON; numbers that JSON lacks become null."""
    click.echo(json.dumps(_finite(data), indent=2, allow_nan=False, default=str))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def show_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> None:
    """Print a table; ``rows`` hold one value for each of the ``columns``."""
    cells = [[_cell(value) for value in row] for row in rows]
    if not sys.stdout.isatty():
        for row in [list(columns), *cells]:
            click.echo("\t".join(row))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if title:
        click.secho(title, bold=True)
    if len(cells) == 1:
        # One wide row reads better downwards.
        columns, cells = ("what", "value"), [list(pair) for pair in zip(columns, cells[0], strict=True)]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False)
    for i, column in enumerate(columns):
        numeric = bool(cells) and all(_is_number(row[i]) for row in cells)
        # Long texts fold before any number does.
        longest = max((len(row[i]) for row in cells), default=0)
        least = longest if numeric else min(longest, 20)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold", min_width=least)
    for row in cells:
        table.add_row(*map(Text, row))
    # A line that the terminal wraps is better than one that is cut.
    console = Console()
    needed = console.measure(table, options=console.options.update_width(10_000)).minimum
    Console(width=max(console.width, needed)).print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _is_number(text: str) -> bool:
    try:
        float(text if text not in ("", "-") else "0")
    except ValueError:
        return False
    return True
