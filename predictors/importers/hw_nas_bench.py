"""HW-NAS-Bench's NAS-Bench-201 tables as CSV (Li et al., "HW-NAS-Bench", ICLR 2021)."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...hw_targets.measurement_table import Measurements
from ...hw_targets.target import FloatArray
from ...spaces.errors import MeasurementsError
from ...spaces.knobs import Codes
from ...spaces.nas_bench_201 import OPERATIONS, NasBench201
from .help_latency import origin, origins

NASLIB_OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
NASLIB_EDGES = ("edge_0_1", "edge_0_2", "edge_0_3", "edge_1_2", "edge_1_3", "edge_2_3")
"""What the numbers of ``net`` stand for: NASLib's operation indices, edges by their source."""

METRICS = {"latency": "latency_ms", "energy": "energy_mj"}
"""Endings of columns that are read; the arithmetic intensity is a property of the mapping, no cost."""

REFUSED = -1.0
"""What the Edge TPU's columns hold for a cell that its compiler refuses."""

DATASETS: dict[str, dict[str, Any]] = {
    "cifar100": {"classes": 100},
    "cifar10": {},
    "ImageNet16-120": {"resolution": 16, "classes": 120},
}
"""Data set in a file's name to the options of the space."""


def hw_nas_bench(path: Path, architectures: Path | None = None) -> Measurements:
    """Read ``hw_cifar10.csv``, ``hw_cifar100.csv`` or ``hw_ImageNet16-120.csv``.

    Args:
        path: A CSV with the column ``net``, ``(4, 3, 3, 0, 0, 0)``, and columns ``DEVICE_latency`` (ms) and
            ``DEVICE_energy`` (mJ).
        architectures: Refused, because each row names its cell.

    Raises:
        MeasurementsError: When it cannot be read; with file and line.
    """
    if architectures is not None:
        raise MeasurementsError("hw_nas_bench: architectures are given", "leave them out: each row names its cell")
    header, rows = _rows(path)
    options = next((found for name, found in DATASETS.items() if name in path.stem), {})
    space = NasBench201(**options)
    codes = _codes(path, [row[header.index("net")] for row in rows])
    places = {name: name.rpartition("_") for name in header}
    used = {name: (device, METRICS[kind]) for name, (device, _, kind) in places.items() if kind in METRICS and device}
    devices = list(dict.fromkeys(device for device, _ in used.values()))
    if not devices:
        raise MeasurementsError(f"{path}:1: no column DEVICE_latency or DEVICE_energy", "give a table of HW-NAS-Bench")
    n = len(rows)
    values = {m: np.full(n * len(devices), np.nan) for m in METRICS.values() if m in {m for _, m in used.values()}}
    for name, (device, metric) in used.items():
        start = n * devices.index(device)
        values[metric][start : start + n] = _column(path, name, [row[header.index(name)] for row in rows])
    return Measurements(
        space,
        tuple(device for device in devices for _ in range(n)),
        np.tile(codes, (len(devices), 1)),
        values,
        sources=origins(devices, tuple(values)),
        fingerprints={device: origin(path) for device in devices},
        space_block={"name": "nas_bench_201", **options},
    )


def _rows(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = list(csv.reader(file)) or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MeasurementsError(f"{path}: cannot be read ({error})", "give a CSV file of HW-NAS-Bench") from error
    if "net" not in header or len(set(header)) < len(header):
        raise MeasurementsError(f"{path}:1: columns {', '.join(header)[:200]}", "name each once, one of them 'net'")
    if not rows:
        raise MeasurementsError(f"{path}: no rows", "get the file again")
    for line, row in enumerate(rows, 2):
        if len(row) != len(header):
            problem = f"{path}:{line}: {len(row)} cells under {len(header)} columns"
            raise MeasurementsError(problem, "get the file again")
    return header, rows


def _codes(path: Path, nets: Sequence[str]) -> Codes:
    """Codes of NASLib's texts, int64 [n, 6]."""
    found = []
    for line, net in enumerate(nets, 2):
        if not re.fullmatch(r"\(([0-4], ?){5}[0-4],?\)", net.strip()):
            raise MeasurementsError(f"{path}:{line}: net is {net[:80]!r}", "write six operations: (4, 3, 3, 0, 0, 0)")
        found.append([int(digit) for digit in re.findall("[0-4]", net)])
    to_ours = np.array([OPERATIONS.index(name) for name in NASLIB_OPERATIONS], np.int64)
    order = [NASLIB_EDGES.index(name) for name in NasBench201().names]
    return to_ours[np.array(found, np.int64)[:, order]]


def _column(path: Path, name: str, texts: Sequence[str]) -> FloatArray:
    """Numbers of a column, float64 [n]; NaN where a cell is empty or :data:`REFUSED`."""
    values = np.full(len(texts), np.nan)
    for row, text in enumerate(texts):
        if not text.strip():
            continue
        try:
            values[row] = float(text)
        except ValueError:
            values[row] = np.inf
        if values[row] == REFUSED:
            values[row] = np.nan
        elif not 0 < values[row] < np.inf:
            problem = f"{path}:{row + 2}: {name} is {text[:80]!r}"
            raise MeasurementsError(problem, "give a positive number, or leave the cell empty")
    return values
