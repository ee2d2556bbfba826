"""Measuring on the new device until there are as many numbers as wanted, into a table that survives being killed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...hw_targets.measurements import Measurements, read_measurements
from ...hw_targets.target import Report
from ...spaces.errors import MeasurementsError
from ...spaces.knobs import Codes
from ..configuration.devices import DevicesFile
from ..measuring_run import ROUNDS, MeasuringRun

BATCH = 4
"""Designs whose rounds are interleaved; so many are lost at most when the process is killed."""


@dataclass(frozen=True)
class Device:
    """What is measured on.

    Attributes:
        known: The devices file, with this device alone.
        label: Its name.
        metric: What is wanted of it.
        seed: Of everything random in it.
        report: Progress callback.
        warn: Called with what is worth knowing.
    """

    known: DevicesFile
    label: str
    metric: str
    seed: int
    report: Report
    warn: Callable[[str], None]

    def measured_before(self, path: Path) -> Measurements | None:
        """What a table holds; None where there is none.

        Raises:
            MeasurementsError: When it holds another device.
        """
        if not path.exists():
            return None
        table = read_measurements(path, self.known.space)
        others = sorted(set(table.devices) - {self.label})
        if others:
            raise MeasurementsError(f"{path} holds measurements of {others[0]!r}", "choose another output folder")
        return table

    def measure(self, codes: Codes, wanted: int, path: Path, what: str) -> Measurements:
        """Measure designs, in order, until the table holds as many with numbers as wanted, or none is left.

        Args:
            codes: Designs, int64 [n, n_knobs]; those in the table already are not measured again.
            wanted: Rows with numbers.
            path: The table.
            what: Shown to people.

        Returns:
            The whole table, failed designs among it.

        Raises:
            MeasurementsError: When the table is of another device or other settings, or cannot be written.
            KeyboardInterrupt: When interrupted; what is finished is in the table.
        """
        self.measured_before(path)
        # Also when nothing is missing: the device may not be what it was.
        table = self._run(codes[:0], path, what, 0.0, wanted)
        missing = without(codes, table.codes)
        while (have := len(numbers(table, self.metric))) < wanted and len(missing):
            size = min(BATCH, wanted - have)
            table = self._run(missing[:size], path, what, have, wanted)
            missing = missing[size:]
        self.report(what, min(len(numbers(table, self.metric)) / wanted, 1.0))
        return table

    def _run(self, codes: Codes, path: Path, what: str, have: float, wanted: int) -> Measurements:
        def report(_label: str, at: int, _n: int) -> None:
            self.report(what, min((have + at) / wanted, 1.0))

        run = MeasuringRun(self.known, (self.label,), codes, ROUNDS, path, self.seed + int(have))
        if not run.run(report, self.warn, announce=True):
            raise KeyboardInterrupt
        return read_measurements(path, self.known.space)


def without(codes: Codes, seen: Codes | None) -> Codes:
    """Those of int64 ``codes`` [n, n_knobs] that are not among ``seen``."""
    if seen is None or not len(seen):
        return codes
    known = {code.tobytes() for code in np.ascontiguousarray(seen)}
    return codes[[code.tobytes() not in known for code in np.ascontiguousarray(codes)]]


def numbers(table: Measurements, metric: str) -> list[int]:
    """Rows of a table that have a number of a metric."""
    return np.flatnonzero(np.isfinite(table.values[metric])).tolist()


def picked(table: Measurements, rows: list[int]) -> Measurements:
    """Some rows of a table, in the given order."""
    keep = np.array(rows, dtype=np.int64)
    return replace(
        table,
        device=tuple(table.device[i] for i in rows),
        codes=table.codes[keep],
        values={k: v[keep] for k, v in table.values.items()},
        std={k: v[keep] for k, v in table.std.items()},
        count={k: v[keep] for k, v in table.count.items()},
        failures={new: table.failures[old] for new, old in enumerate(rows) if old in table.failures},
    )
