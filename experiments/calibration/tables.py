"""Tables of measurements as a pool of source devices."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from ...hw_targets.measurements import Measurements, read_measurements
from ...hw_targets.metric import Source
from ...predictors.pool import Pool
from ...predictors.prediction import FloatArray
from ...spaces.errors import MeasurementsError
from ...spaces.knobs import Codes
from ...spaces.space import Space

STANDS_IN = {"latency_ratio": "latency_ms"}
"""What serves for a metric of devices that nobody measured: predictors learn proportions, and no clock wanders."""


def read_tables(paths: Sequence[Path], space: Space | None) -> list[Measurements]:
    """Read tables of one space.

    Args:
        paths: Their files.
        space: The space; without it the first table that says its space decides for those that do not.

    Returns:
        One for each path.

    Raises:
        MeasurementsError: When one cannot be read, or they are of different spaces, or none says its space.
    """
    found: dict[Path, Measurements] = {}
    for path in paths:
        if not path.exists():
            raise MeasurementsError(f"{path}: no such file", "give a table that cosearch measure or you wrote")
    for path in sorted(paths, key=lambda path: not path.with_suffix(".json").exists()):
        if space is None and not path.with_suffix(".json").exists():
            problem = f"{path} does not say its space: there is no {path.with_suffix('.json').name} beside it"
            raise MeasurementsError(problem, "add --space NAME, or --space FILE.yaml with a 'space' block")
        found[path] = read_measurements(path, space)
        space = space or found[path].space
    return [found[path] for path in paths]


def metric_of(tables: Sequence[Measurements], asked: str | None) -> str:
    """The metric that is meant: the asked one, or ``latency_ms``, or the first of the first table.

    Raises:
        MeasurementsError: When a table lacks it.
    """
    known = tables[0].metrics
    if not known:
        raise MeasurementsError("the table has no metric", "add a column such as latency_ms")
    metric = asked or ("latency_ms" if "latency_ms" in known else known[0])
    for table in tables:
        if metric not in table.values and all(column_of(table, d, metric) == metric for d in table.devices):
            close = difflib.get_close_matches(metric, table.metrics, n=1)
            guess = f"did you mean {close[0]!r}? " if close else ""
            problem = f"no column {metric!r} in the table of {', '.join(table.devices[:3]) or 'no device'}"
            raise MeasurementsError(problem, f"{guess}its metrics are {', '.join(table.metrics)}; see --metric")
    return metric


def column_of(table: Measurements, device: str, metric: str) -> str:
    """The column of a table that holds a metric of a device: its own, or what :data:`STANDS_IN` for it.

    Args:
        table: Its table.
        device: Its name.
        metric: Metric name.
    """
    other = STANDS_IN.get(metric)
    if has_values(table, device, metric) or other is None or not has_values(table, device, other):
        return metric
    return metric if table.source(device, other) == "measured" else other


def has_values(table: Measurements, device: str, metric: str) -> bool:
    """Whether a device has a value of a metric in a table."""
    return metric in table.values and bool(np.isfinite(table.values[metric][table.rows(device)]).any())


def source_pool(
    tables: Sequence[Measurements],
    metric: str,
    only: Sequence[str],
    target: str,
    warn: Callable[[str], None] = lambda _text: None,
) -> Pool:
    """The source devices of tables.

    Args:
        tables: At least one, of one space.
        metric: Metric name.
        only: Devices to take; all that have the metric when empty.
        target: The new device, which must not be among them.
        warn: Called with the devices that are left out for want of the metric.

    Raises:
        MeasurementsError: When a device is in no table, in two, or is the new one.
        PredictorError: When a device has too few values, or values that are not positive.
    """
    known = [device for table in tables for device in table.devices]
    twice = sorted({device for device in known if known.count(device) > 1})
    if twice:
        raise MeasurementsError(f"device {twice[0]!r} is in two pools", "rename one, or leave one file out")
    for device in only:
        if device not in known:
            close = difflib.get_close_matches(device, known, n=1)
            guess = f"did you mean {close[0]!r}? " if close else ""
            raise MeasurementsError(f"source {device!r} is in no pool", f"{guess}they hold {', '.join(known)}")
    lacking = [
        device
        for table in tables
        for device in table.devices
        if not has_values(table, device, column_of(table, device, metric))
    ]
    chosen = list(only) or [device for device in known if device not in lacking]
    if not chosen:
        raise MeasurementsError(f"no source device has {metric}", "measure it on them, or see --metric")
    if lacking and not only:
        warn(f"without {metric}, so left out: {', '.join(lacking)}")
    if target in chosen:
        others = ",".join(device for device in chosen if device != target)
        remedy = f"leave it out: --sources {others}" if others else "give a pool of other devices"
        raise MeasurementsError(f"device {target!r} is both a source and the new device", remedy)
    table_of = {device: table for table in tables for device in table.devices}
    columns = {d: measured(table_of[d], d, column_of(table_of[d], d, metric)) for d in chosen}
    kinds = source_kinds(tables, metric, chosen)
    return Pool.of(tables[0].space, metric, columns, [d for d in chosen if kinds[d] != "measured"])


def source_kinds(tables: Sequence[Measurements], metric: str, devices: Iterable[str]) -> dict[str, Source]:
    """How the numbers of devices were got, by device, in the given order."""
    found = {d: table.source(d, column_of(table, d, metric)) for table in tables for d in table.devices}
    return {device: found[device] for device in devices}


def measured(table: Measurements, device: str, metric: str) -> tuple[Codes, FloatArray]:
    """One device's distinct designs and their values, a repeated design with its median.

    Args:
        table: Its table.
        device: Its name.
        metric: Metric name.

    Returns:
        int64 [n, n_knobs], in order of first appearance, and float64 [n].

    Raises:
        MeasurementsError: When there is no such device or metric, or it has no value.
    """
    codes, y = table.table(device, metric)
    if not len(y):
        raise MeasurementsError(f"device {device!r} has no value of {metric}", "measure it, or leave it out")
    _, first, place = np.unique(codes, axis=0, return_index=True, return_inverse=True)
    place = place.reshape(-1)
    order = np.argsort(first, kind="stable")
    if len(first) == len(y):
        return codes, y
    return codes[first[order]], np.array([np.median(y[place == k]) for k in order])
