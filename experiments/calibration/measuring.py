"""Measuring designs on one device into a table that grows row by row, so that nothing measured is lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...hw_targets.measurements import Measurements, append_rows, read_measurements, write_measurements
from ...hw_targets.target import HardwareTarget, Report
from ...spaces.errors import MeasurementsError
from ...spaces.knobs import Codes
from ...spaces.space import Space

PASSING = frozenset({"load_average_1min"})
"""Facts of a fingerprint that tell of the moment, not of the device."""


@dataclass(frozen=True)
class Device:
    """What is measured on.

    Attributes:
        label: Its name in tables.
        space: The design space.
        space_block: How a configuration names the space, or None.
        target: Gives the metrics of designs; prepared.
        seed: Of everything random in it.
    """

    label: str
    space: Space
    space_block: Mapping[str, Any] | None
    target: HardwareTarget
    seed: int

    def table(self, path: Path) -> Measurements:
        """What was measured before in ``path``, or a new empty table there.

        Raises:
            MeasurementsError: When the file holds another device, or the same one under other settings.
        """
        fingerprint = self.target.fingerprint()
        if not path.exists():
            table = self._rows(np.empty((0, self.space.n_knobs), np.int64), {}, {}, {})
            write_measurements(path, table)
            return table
        table = read_measurements(path, self.space)
        others = sorted(set(table.devices) - {self.label})
        if others:
            raise MeasurementsError(f"{path} holds measurements of {others[0]!r}", "choose another output folder")
        before = table.fingerprints.get(self.label, fingerprint)
        changed = sorted(
            key for key in (before.keys() | fingerprint.keys()) - PASSING if before.get(key) != fingerprint.get(key)
        )
        if changed:
            was = ", ".join(f"{key} was {before.get(key)}, is {fingerprint.get(key)}" for key in changed[:3])
            problem = f"{path} was measured on {self.label!r} under other conditions ({was})"
            raise MeasurementsError(problem, "choose another output folder, or restore what changed")
        return table

    def measure(self, codes: Codes, wanted: int, path: Path, report: Report, what: str) -> Measurements:
        """Measure designs, in order, until the table holds as many with numbers as wanted.

        Args:
            codes: Designs, int64 [n, n_knobs]; those in the table already are not measured again.
            wanted: Rows with numbers.
            path: The table; each row is in it before the next is measured.
            report: Progress callback.
            what: Shown to people.

        Returns:
            The whole table, failed designs among it.
        """
        table = self.table(path)
        metrics = tuple(metric.name for metric in self.target.metrics())
        seen = {row.tobytes() for row in table.codes}
        have = len(table) - len(table.failures)
        report(what, min(have / wanted, 1.0))
        for row, code in enumerate(codes):
            if have >= wanted:
                break
            if code.tobytes() in seen:
                continue
            found = self._score(codes[row : row + 1], len(table) + row)
            append_rows(path, found, metrics)
            have += not found.failures
            report(what, have / wanted)
        return read_measurements(path, self.space)

    def _score(self, code: Codes, number: int) -> Measurements:
        seeds = np.random.default_rng([self.seed, number]).integers(0, 2**63, 1, dtype=np.uint64)
        columns = self.target.evaluate(self.space.designs(code), seeds)
        failures = dict(columns.failures)
        values = {metric.name: np.asarray(columns.values[metric.name], float) for metric in self.target.metrics()}
        for name, value in values.items():
            if not np.isfinite(value[0]):
                failures.setdefault(0, f"{name} = {value[0]}, not a finite number")
        if failures:
            values = {name: np.full(1, np.nan) for name in values}
            return self._rows(code, values, {}, {}, failures)
        return self._rows(code, values, dict(columns.std), dict(columns.count))

    def _rows(
        self,
        codes: Codes,
        values: dict[str, Any],
        std: dict[str, Any],
        count: dict[str, Any],
        failures: Mapping[int, str] | None = None,
    ) -> Measurements:
        metrics = self.target.metrics()
        n = len(codes)
        return Measurements(
            self.space,
            (self.label,) * n,
            codes,
            values or {metric.name: np.full(n, np.nan) for metric in metrics},
            std,
            count,
            {metric.name: metric.source for metric in metrics},
            {self.label: self.target.fingerprint()},
            failures or {},
            self.space_block,
        )


def first(table: Measurements, n: int) -> Measurements:
    """The first ``n`` rows with numbers, and no others."""
    rows = [i for i in range(len(table)) if i not in table.failures][:n]
    keep = np.array(rows, dtype=np.int64)
    return replace(
        table,
        device=tuple(table.device[i] for i in rows),
        codes=table.codes[keep],
        values={k: v[keep] for k, v in table.values.items()},
        std={k: v[keep] for k, v in table.std.items()},
        count={k: v[keep] for k, v in table.count.items()},
        failures={},
    )
