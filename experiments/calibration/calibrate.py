"""Fitting a predictor to a device: from what other devices measured, and a few measurements of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...hw_targets.measurements import Measurements, write_measurements
from ...hw_targets.metric import Source
from ...predictors.prediction import FloatArray
from ...predictors.predictor import Predictor
from ...spaces.errors import ConfigError, MeasurementsError
from ...spaces.knobs import Codes
from ...spaces.space import Space
from ..configuration.devices import DevicesFile, load_devices
from ..measuring_run import median_spread
from .learner import Learner
from .measuring import Device, numbers, picked, without
from .request import DEFAULT_SAMPLES, Request, named_space, predictor_factory
from .tables import measured, metric_of, read_tables, source_kinds, source_pool

CANDIDATES = 5000
"""Designs among which a predictor chooses what to measure."""

USED, CHECKED = "measurements.csv", "check.csv"
"""Tables beside a saved predictor: what it learnt from, and what it did not see."""


@dataclass(frozen=True)
class Calibration:
    """A predictor that was fitted to a device.

    Attributes:
        predictor: Fitted.
        device: The device's name.
        sources: Source devices, each with how its numbers were got.
        source: How the device's numbers were got: ``measured``, ``simulated``, ...
        used: Designs that it learnt from, int64 [n, n_knobs], and their values, float64 [n].
        checked: Designs held out, int64 [m, n_knobs], and their values, float64 [m].
        failed: Designs of the device that could not be measured, as message.
        space_block: How a configuration names the space, or None.
        fingerprint: What the device's numbers depend on.
        spread: Median over the designs learnt from of a repeat's standard deviation over the value, or None.
    """

    predictor: Predictor
    device: str
    sources: Mapping[str, Source]
    source: Source
    used: tuple[Codes, FloatArray]
    checked: tuple[Codes, FloatArray]
    failed: tuple[str, ...]
    space_block: Mapping[str, Any] | None
    fingerprint: Mapping[str, str]
    spread: float | None = None

    @property
    def n_measured(self) -> int:
        """Measurements of the new device, whatever they were for; failed ones count."""
        return len(self.used[1]) + len(self.checked[1]) + len(self.failed)


def calibrate(request: Request) -> Calibration:
    """Fit a predictor, save it, and keep the measurements beside it.

    Args:
        request: What to do.

    Returns:
        The predictor and what it rests on.

    Raises:
        ConfigError: When the request is contradictory, or names what does not exist.
        MeasurementsError: When a table is wrong, or too little could be measured.
        PredictorError: When the predictor cannot learn from this.
    """
    factory = predictor_factory(request.predictor, request.settings)
    devices = load_devices(request.devices) if request.devices else None
    space = devices.space if devices else named_space(request.space) if request.space else None
    tables = read_tables([*request.pool, *([request.table] if request.table else [])], space)
    pools, own = (tables[:-1], tables[-1]) if request.table else (tables, None)
    if devices is not None:
        label = _only(request.device, tuple(devices.devices), str(request.devices))
        offered = tuple(metric.name for metric in devices.devices[label].metrics())
        metric = metric_of(pools, request.metric) if pools else request.metric or offered[0]
        if metric not in offered:
            raise ConfigError(f"device {label!r} gives {', '.join(offered)}, not {metric}", "choose one with --metric")
    elif own is not None:
        label, metric = _only(request.device, own.devices, str(request.table)), metric_of(tables, request.metric)
    pool = source_pool(pools, metric, request.sources, label, request.warn) if pools else None
    kinds = source_kinds(pools, metric, pool.devices) if pool else {}
    learner = Learner(factory((devices or tables[-1]).space, metric), pool, request, kinds)
    if devices is not None:
        return _of_device(learner, devices, label)
    return _of_table(learner, tables[-1], label)


def _only(asked: str | None, known: tuple[str, ...], where: str) -> str:
    if asked is None and len(known) == 1:
        return known[0]
    if asked not in known:
        problem = f"{where} has no device {asked!r}" if asked else f"{where} has {len(known)} devices"
        raise ConfigError(problem, f"choose one with --device: {', '.join(known)}")
    return asked


def _of_table(learner: Learner, own: Measurements, label: str) -> Calibration:
    request, metric = learner.request, learner.predictor.metric
    codes, y = measured(own, label, metric)
    n, k = len(y), request.samples
    k = n - request.check if k is None else k
    if k < 2 or k + request.check > n:
        wish = f"{k} to learn from and {request.check} to check"
        raise MeasurementsError(
            f"{request.table}: {n} designs of {label!r} with {metric}, {wish} asked", "measure more, or ask for fewer"
        )
    order = learner.choose(codes, k)
    held_out = n - k if request.samples is not None and not request.check else request.check
    used, checked = np.sort(order[:k]), np.sort(order[k : k + held_out])
    rows = own.only([label])
    for name, keep in ((USED, used), (CHECKED, checked)):
        _write(request.output / name, _with_designs(rows, codes[keep], metric))
    return _learnt(learner, rows, label, (codes[used], y[used]), (codes[checked], y[checked]))


def _with_designs(table: Measurements, codes: Codes, metric: str) -> Measurements:
    """The rows of a table whose design is one of ``codes`` and that have a value."""
    wanted = {code.tobytes() for code in codes}
    return picked(table, [row for row in numbers(table, metric) if table.codes[row].tobytes() in wanted])


def _write(path: Path, table: Measurements) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if len(table):
        write_measurements(path, table)
        return
    for stale in (path, path.with_suffix(".json")):
        stale.unlink(missing_ok=True)


def _of_device(learner: Learner, devices: DevicesFile, label: str) -> Calibration:
    request, metric, space = learner.request, learner.predictor.metric, learner.space
    k = request.samples or DEFAULT_SAMPLES
    request.output.mkdir(parents=True, exist_ok=True)
    alone = replace(devices, devices={label: devices.devices[label]})
    device = Device(alone, label, metric, request.seed, request.report, request.warn)
    before, checks = (device.measured_before(request.output / name) for name in (USED, CHECKED))
    known = _first(before, metric, k) if before else None
    candidates = _candidates(space, learner.rng(2))
    for table in (before, checks):
        candidates = without(candidates, table.codes if table else None)
    plan = candidates[learner.choose(candidates, k - (len(known[1]) if known else 0), known)]
    used = device.measure(plan, k, request.output / USED, f"measuring on {label}")
    tables = [used]
    if request.check:
        others = without(_candidates(space, learner.rng(3)), used.codes)
        others = others[learner.rng(4).permutation(len(others))]
        path = request.output / CHECKED
        tables.append(device.measure(others, request.check, path, f"measuring on {label} to check"))
    pairs = [_first(table, metric, n) for table, n in zip(tables, (k, request.check), strict=False)]
    if len(pairs[0][1]) < k:
        failures = sorted(used.failures.values())
        problem = f"{len(pairs[0][1])} of {k} designs could be measured on {label!r}"
        raise MeasurementsError(f"{problem} ({failures[0]})" if failures else problem, "mend the device, or ask fewer")
    found = _learnt(learner, used, label, pairs[0], pairs[1] if request.check else (plan[:0], np.empty(0)))
    failed = tuple(text for table in tables for text in table.failures.values())
    return replace(found, failed=failed, space_block=devices.space_block)


def _first(table: Measurements, metric: str, n: int) -> tuple[Codes, FloatArray]:
    """The first ``n`` designs of a table that have a number, and the numbers."""
    rows = numbers(table, metric)[:n]
    return table.codes[rows], table.values[metric][rows]


def _candidates(space: Space, rng: np.random.Generator) -> Codes:
    """All designs of a small space, else random ones; distinct, int64 [n, n_knobs]."""
    every = space.enumerate(CANDIDATES)
    return np.unique(space.sample(rng, CANDIDATES), axis=0) if every is None else every


def _learnt(
    learner: Learner,
    table: Measurements,
    label: str,
    used: tuple[Codes, FloatArray],
    checked: tuple[Codes, FloatArray],
) -> Calibration:
    predictor = learner.learn(*used)
    metric = predictor.metric
    fingerprint = table.fingerprints.get(label, {})
    source = table.source(label, metric)
    found = Calibration(predictor, label, learner.kinds, source, used, checked, (), table.space_block, fingerprint)
    return replace(found, spread=median_spread(table, metric))
