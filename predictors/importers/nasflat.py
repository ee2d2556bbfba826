"""Latency tables and device sets as MultiPredict and NASFLAT use them (Akhauri and Abdelfattah, MLSys 2024)."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from ...hw_targets.measurement_table import Measurements
from ...hw_targets.target import FloatArray
from ...spaces.errors import MeasurementsError
from .architectures import find_architectures
from .help_latency import latency_tables
from .torch_file import check_latencies


def nasflat(path: Path, architectures: Path | None = None) -> Measurements:
    """Read a folder of ``DEVICE.csv``: no header, an architecture a line, the last column its latency in ms.

    Args:
        path: The folder.
        architectures: What the lines are, see :func:`.architectures.read_architectures`; by default HELP's list in the
            folder or beside it.

    Raises:
        MeasurementsError: When something is missing or damaged.
    """
    files = sorted(path.glob("*.csv"))
    if not files:
        raise MeasurementsError(f"{path}: no DEVICE.csv", "give a folder of latency tables")
    known = find_architectures(path, architectures)
    return latency_tables(known, {file.stem: (file, _latencies(file, len(known))) for file in files})


def _latencies(path: Path, n: int) -> FloatArray:
    values = []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for line, row in enumerate(csv.reader(file), 1):
                try:
                    values.append(float(row[-1]))
                except (ValueError, IndexError) as error:
                    problem = f"{path}:{line}: the last cell is no number: {','.join(row[-1:])[:80]!r}"
                    raise MeasurementsError(
                        problem, "write a latency in ms in the last column, and no header"
                    ) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MeasurementsError(f"{path}: cannot be read ({error})", "give CSV files without header") from error
    return check_latencies(str(path), np.array(values, np.float64), n)
