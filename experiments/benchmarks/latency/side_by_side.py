"""The same rows as tables for people: methods down, subjects across."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from ..harness import Row

SHOWN = ("spearman_all", "spearman_pp", "mape_pct", "coverage90", "adapt_s")
WIDTH = 200


def print_side_by_side(
    rows: Sequence[Row], shown: Sequence[str] = SHOWN, depth: int = 2, console: Console | None = None
) -> None:
    """One table for each place and metric; a cell is the mean, and the deviation where there are repeats.

    Args:
        rows: Of the benchmark.
        shown: The metrics.
        depth: How many parts of a subject, between slashes, are its place.
        console: Where to print; None is standard output, wide enough where it is no terminal.
    """
    console = console or (Console() if sys.stdout.isatty() else Console(width=WIDTH))
    places = dict.fromkeys("/".join(entry["subject"].split(" (")[0].split("/")[:depth]) for entry in rows)
    for place in places:
        for metric in shown:
            within = [r for r in rows if r["metric"] == metric and _within(r["subject"], place)]
            if within:
                console.print(_table(f"{place}: {metric}", place, within))


def _within(subject: str, place: str) -> bool:
    return subject == place or subject.startswith((f"{place}/", f"{place} ("))


def _table(title: str, place: str, rows: Sequence[Row]) -> Table:
    subjects = list(dict.fromkeys(entry["subject"] for entry in rows))
    table = Table(title=title)
    table.add_column("method", no_wrap=True)
    table.add_column("budget")
    for subject in subjects:
        short = subject.removeprefix(place).strip("/ ()") or "mean of the set"
        table.add_column(short.replace(" devices", ""), justify="right", overflow="fold")
    lines = dict.fromkeys((entry["method"], entry["budget"]) for entry in rows)
    cells = {(r["method"], r["budget"], r["subject"]): _cell(r) for r in rows}
    for method, budget in lines:
        found = [cells.get((method, budget, subject), "") for subject in subjects]
        table.add_row(method, budget.replace(" measurements", ""), *found)
    return table


def _cell(entry: Row) -> str:
    spread = f" ±{entry['std']:.3f}" if entry["n"] > 1 else ""
    return f"{entry['mean']:.3f}{spread}"
