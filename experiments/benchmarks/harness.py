"""The runner that all benchmarks share: arguments in; a table for people and a JSON file for programs out."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from rich.console import Console
from rich.table import Table

from ..environment import installed


class Row(TypedDict):
    """One figure: mean and (population) standard deviation of ``metric`` over ``n`` repeats, in ``wall_s`` seconds."""

    method: str
    subject: str
    budget: str
    metric: str
    mean: float
    std: float
    n: int
    wall_s: float


def row(
    method: str, subject: str, metric: str, values: float | Sequence[float], *, budget: str = "", wall_s: float = 0.0
) -> Row:
    """Summarise the repeats of one figure.

    Args:
        method: What was used, for example ``nsga2``.
        subject: What it was used on, for example ``mobilenet_v2``.
        metric: What was counted, ending in its unit.
        values: One value or all repeats, finite.
        budget: What was spent, for example ``200 trials``.
        wall_s: Wall time of all repeats together, seconds.
    """
    array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    mean, std, n = float(array.mean()), float(array.std()), len(array)
    return Row(method=method, subject=subject, budget=budget, metric=metric, mean=mean, std=std, n=n, wall_s=wall_s)


def arguments(description: str) -> argparse.ArgumentParser:
    """The parser of ``--data``, ``--test-data`` and ``--json``; a benchmark adds its own options to it."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder with reference data")
    parser.add_argument("--test-data", type=Path, metavar="DIR", help="held-out reference data, laid out alike")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the rows to this file")
    return parser


def run(
    benchmark: str,
    measure: Callable[[argparse.Namespace], Iterable[Row]],
    parser: argparse.ArgumentParser,
    argv: Sequence[str] | None = None,
) -> list[Row]:
    """Measure, print the table, write the JSON file.

    Args:
        benchmark: Its name.
        measure: Gives the rows for the parsed arguments.
        parser: From :func:`arguments`.
        argv: Arguments without the program name; None reads the command line.

    Returns:
        The rows.
    """
    options = parser.parse_args(argv)
    rows = list(measure(options))
    table = Table(title=benchmark)
    for name in Row.__annotations__:
        table.add_column(name, justify="right" if name in ("mean", "std", "n", "wall_s") else "left", overflow="fold")
    for entry in rows:
        table.add_row(*(f"{value:.6g}" if isinstance(value, float) else str(value) for value in entry.values()))
    Console().print(table)
    if options.json is not None:
        given = {k: str(v) if isinstance(v, Path) else v for k, v in vars(options).items() if k != "json"}
        report = {
            "benchmark": benchmark,
            "version": installed("cosearch") or "unknown",
            "machine": machine(),
            "args": given,
            "rows": rows,
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return rows


def machine() -> dict[str, Any]:
    """What the figures were taken on: processor, cores, system, Python and numpy versions."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def _processor() -> str:
    """Processor model; Linux hides it from :mod:`platform`."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()
