"""What devices measured: one table of designs, devices and metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..spaces.errors import MeasurementsError
from ..spaces.knobs import Codes
from ..spaces.space import Space
from .metric import Source
from .target import FloatArray


@dataclass(frozen=True)
class Measurements:
    """Rows of (device, design) with metrics; a design may appear for several devices, and repeatedly for one.

    Args:
        space: The design space.
        device: Name of the device of each row, [n].
        codes: Designs, int64 [n, n_knobs].
        values: Metric name to float64 [n], in the unit of the name; NaN where a row has no value.
        std: Metric name to standard deviation, float64 [n]; NaN where unknown.
        count: Metric name to repeats behind each value, int64 [n]; 0 where unknown.
        sources: Device name to metric name to how it was got; ``measured`` where not given.
        fingerprints: Device name to what its numbers depend on.
        failures: Row to message, for designs that could not be measured.
        space_block: How a configuration names the space: ``{"name": "elastic_cnn"}`` with its options; None when it
            is no registered one.

    Raises:
        MeasurementsError: When shapes disagree or a value is infinite.
    """

    space: Space
    device: tuple[str, ...]
    codes: Codes
    values: Mapping[str, FloatArray]
    std: Mapping[str, FloatArray] = field(default_factory=dict)
    count: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    sources: Mapping[str, Mapping[str, Source]] = field(default_factory=dict)
    fingerprints: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    failures: Mapping[int, str] = field(default_factory=dict)
    space_block: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        n = len(self.device)
        if self.codes.shape != (n, self.space.n_knobs):
            problem = f"codes of shape {self.codes.shape} for {n} rows and {self.space.n_knobs} knobs"
            raise MeasurementsError(problem, "give one row for each device and design")
        for kind, columns in (("values", self.values), ("std", self.std), ("count", self.count)):
            for name, column in columns.items():
                if np.shape(column) != (n,):
                    raise MeasurementsError(
                        f"{kind} of {name}: shape {np.shape(column)}", f"give {n}, one for each row"
                    )
        for name, column in self.values.items():
            if np.isinf(column).any():
                raise MeasurementsError(f"{name} is infinite in row {int(np.isinf(column).argmax())}", "leave it out")
        unknown = sorted((set(self.std) | set(self.count)) - set(self.values))
        if unknown:
            raise MeasurementsError(f"std or count of {', '.join(unknown)}, which has no values", "give its values")

    def __len__(self) -> int:
        return len(self.device)

    @property
    def devices(self) -> tuple[str, ...]:
        """Distinct device names, in order of appearance."""
        return tuple(dict.fromkeys(self.device))

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metric names."""
        return tuple(self.values)

    def source(self, device: str, metric: str) -> Source:
        """How a device's numbers of a metric were got."""
        return self.sources.get(device, {}).get(metric, "measured")

    def told_sources(self) -> dict[str, dict[str, Source]]:
        """Device name to metric name to how it was got: of what has a value, and of what was declared."""
        found: dict[str, dict[str, Source]] = {}
        for device in dict.fromkeys([*self.devices, *self.sources]):
            rows = self.rows(device) if device in self.devices else np.zeros(0, np.int64)
            own = [m for m in self.metrics if np.isfinite(self.values[m][rows]).any()]
            found[device] = {m: self.source(device, m) for m in dict.fromkeys([*own, *self.sources.get(device, {})])}
        return found

    def rows(self, device: str) -> NDArray[np.int64]:
        """Rows of a device, int64 [m].

        Raises:
            MeasurementsError: When there is no such device.
        """
        if device not in self.devices:
            raise MeasurementsError(f"no rows of device {device!r}", "it holds " + ", ".join(self.devices))
        return np.flatnonzero(np.array(self.device) == device)

    def table(self, device: str, metric: str) -> tuple[Codes, FloatArray]:
        """What one device measured of one metric, rows without a value left out.

        Args:
            device: Its name.
            metric: Metric name.

        Returns:
            Designs, int64 [m, n_knobs], and values, float64 [m].

        Raises:
            MeasurementsError: When there is no such device or metric.
        """
        if metric not in self.values:
            raise MeasurementsError(f"no metric {metric!r}", "it holds " + ", ".join(self.values))
        rows = self.rows(device)
        rows = rows[np.isfinite(self.values[metric][rows])]
        return self.codes[rows], self.values[metric][rows]

    def only(self, devices: Iterable[str]) -> Measurements:
        """The rows of some devices, in their order.

        Raises:
            MeasurementsError: When there is no such device.
        """
        names = list(dict.fromkeys(devices))
        rows = np.concatenate([np.zeros(0, np.int64), *(self.rows(name) for name in names)])
        new = {int(old): i for i, old in enumerate(rows)}
        return Measurements(
            self.space,
            tuple(self.device[i] for i in rows),
            self.codes[rows],
            {k: v[rows] for k, v in self.values.items()},
            {k: v[rows] for k, v in self.std.items()},
            {k: v[rows] for k, v in self.count.items()},
            {k: v for k, v in self.sources.items() if k in names},
            {k: v for k, v in self.fingerprints.items() if k in names},
            {new[row]: text for row, text in self.failures.items() if row in new},
            self.space_block,
        )


def joined(tables: Sequence[Measurements]) -> Measurements:
    """All rows of several tables of one space; a metric that one of them lacks is NaN there.

    Args:
        tables: At least one.

    Raises:
        MeasurementsError: When they are of different spaces, or differ in where a device's metric comes from.
    """
    first = tables[0]
    sources: dict[str, dict[str, Source]] = {}
    failures: dict[int, str] = {}
    start = 0
    for table in tables:
        if table.space.digest != first.space.digest:
            problem = f"tables of space {first.space.name!r} and of space {table.space.name!r}"
            raise MeasurementsError(problem, "join tables of one space with one set of options")
        for device, told in table.told_sources().items():
            known = sources.setdefault(device, {})
            for metric, source in told.items():
                if known.setdefault(metric, source) != source:
                    problem = f"{metric} of device {device!r} is {known[metric]} in one table and {source} in another"
                    raise MeasurementsError(problem, "give one of the devices another name")
        failures |= {start + row: text for row, text in table.failures.items()}
        start += len(table)
    metrics = list(dict.fromkeys(metric for table in tables for metric in table.metrics))
    return Measurements(
        first.space,
        tuple(name for table in tables for name in table.device),
        np.concatenate([table.codes for table in tables]),
        {m: np.concatenate([t.values.get(m, np.full(len(t), np.nan)) for t in tables]) for m in metrics},
        {m: np.concatenate([t.std.get(m, np.full(len(t), np.nan)) for t in tables]) for m in metrics},
        {m: np.concatenate([t.count.get(m, np.zeros(len(t), np.int64)) for t in tables]) for m in metrics},
        sources,
        {name: found for table in tables for name, found in table.fingerprints.items()},
        failures,
        first.space_block,
    )
