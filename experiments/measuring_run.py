"""Measuring a set of designs on named devices, into a table that survives being killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from ..hw_targets.device_lock import POLL_S
from ..hw_targets.fingerprint import OF_THE_MOMENT
from ..hw_targets.measured_target import HELD, MeasuredTarget
from ..hw_targets.measurements import Measurements, append_rows, joined, read_measurements, write_measurements
from ..hw_targets.metric import Source
from ..hw_targets.target import Columns, HardwareTarget
from ..spaces.errors import CosearchError, MeasurementsError
from ..spaces.knobs import Codes
from .configuration.devices import DevicesFile
from .interrupts import Interrupts

ROUNDS = 3

TURN_S = 2 * POLL_S
"""Pause between batches, in which another process that waits for the device gets it."""

Report = Callable[[str, int, int], None]
"""Called with a device, how many designs are done, and how many there are."""


@dataclass(frozen=True)
class MeasuringRun:
    """Designs to measure on devices.

    Args:
        known: The devices, and their space.
        labels: Which of them, in order.
        codes: Distinct designs, int64 [n, n_knobs].
        rounds: Measurements of each design, apart in time, on targets that measure.
        path: ``NAME.csv``; rows that it holds already are not measured again.
        seed: Mixes the order of measuring.
    """

    known: DevicesFile
    labels: tuple[str, ...]
    codes: Codes
    rounds: int
    path: Path
    seed: int = 0

    def run(self, report: Report, warn: Callable[[str], None], announce: bool = False) -> bool:
        """Measure what is missing; every batch is on the disk before the next begins.

        Args:
            report: Progress callback.
            warn: Called with what is worth knowing.
            announce: Say on standard error what Ctrl-C does.

        Returns:
            Whether everything is measured, and not interrupted.

        Raises:
            MeasurementsError: When the table is of another space or of other settings, or cannot be written.
        """
        lock = FileLock(self.path.with_name(f".{self.path.name}.lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise MeasurementsError(
                f"{self.path} is being written by another process", "wait, or give another file"
            ) from error
        try:
            table = self._begin(warn)
            with Interrupts(announce=announce) as interrupts:
                for label in self.labels:
                    if not self._device(label, table, report, interrupts):
                        return False
            return True
        finally:
            lock.release()
            Path(lock.lock_file).unlink(missing_ok=True)

    # --- the table ---------------------------------------------------------------------------------------------------

    @property
    def metrics(self) -> list[str]:
        """Metrics of all devices of the file, each once."""
        every = [metric.name for target in self.known.devices.values() for metric in target.metrics()]
        return list(dict.fromkeys(every))

    @property
    def sources(self) -> dict[str, dict[str, Source]]:
        """How the metrics are got of the devices that are measured on."""
        devices = self.known.devices
        return {label: {metric.name: metric.source for metric in devices[label].metrics()} for label in self.labels}

    def _begin(self, warn: Callable[[str], None]) -> Measurements:
        """The table so far, with the fingerprints of all devices; begun when there is none."""
        fingerprints = {label: self._fingerprint(label) for label in self.labels}
        before: dict[str, Mapping[str, str]] = {}
        table = self._table((), np.zeros((0, self.known.space.n_knobs), np.int64), Columns({}))
        if self.path.exists():
            _drop_torn_line(self.path, warn)
            # Devices may have been added to the file since, with metrics of their own.
            table = joined([read_measurements(self.path, self.known.space), table])
            before = dict(table.fingerprints)
            for label in (label for label in self.labels if label in before):
                _check_same(self.path, label, before[label], fingerprints[label])
        table = replace(table, fingerprints=fingerprints | before, space_block=self.known.space_block)
        # Also where it was there: people may have written it with fewer columns.
        write_measurements(self.path, table)
        return table

    def _fingerprint(self, label: str) -> dict[str, str]:
        started = datetime.now(UTC).isoformat(timespec="seconds")
        target = self.known.devices[label]
        rounds = {"rounds": str(self.rounds)} if isinstance(target, MeasuredTarget) else {}
        return dict(target.fingerprint()) | rounds | {"measured_from": started}

    def _table(self, device: tuple[str, ...], codes: Codes, columns: Columns) -> Measurements:
        n = len(device)
        blank = np.full(n, np.nan)
        return Measurements(
            self.known.space,
            device,
            codes,
            {m: columns.values.get(m, blank) for m in self.metrics},
            {m: columns.std.get(m, blank) for m in self.metrics},
            {m: columns.count.get(m, np.zeros(n, np.int64)) for m in self.metrics},
            self.sources,
            {},
            dict(columns.failures),
            self.known.space_block,
        )

    # --- measuring ---------------------------------------------------------------------------------------------------

    def _device(self, label: str, table: Measurements, report: Report, interrupts: Interrupts) -> bool:
        done = table.codes[table.rows(label)] if label in table.devices else table.codes[:0]
        have = {row.tobytes() for row in np.ascontiguousarray(done)}
        missing = np.array([i for i, row in enumerate(self.codes) if row.tobytes() not in have], dtype=np.int64)
        n, at = len(self.codes), len(self.codes) - len(missing)
        report(label, at, n)
        target = self.known.devices[label]
        self._prepare(label, target)
        for start in range(0, len(missing), HELD):
            if interrupts.requested:
                return False
            rows = missing[start : start + HELD]
            columns = self._measure(label, target, rows)
            append_rows(self.path, self._table((label,) * len(rows), self.codes[rows], columns), table.metrics)
            at += len(rows)
            report(label, at, n)
            time.sleep(TURN_S)
        return not interrupts.requested

    def _prepare(self, label: str, target: HardwareTarget) -> None:
        if type(target).prepare is HardwareTarget.prepare:
            return
        folder = self.path.with_name(f"{self.path.stem}.prepared") / label
        folder.mkdir(parents=True, exist_ok=True)
        target.prepare(folder, lambda _what, _share: None)

    def _measure(self, label: str, target: HardwareTarget, rows: NDArray[np.int64]) -> Columns:
        designs = self.known.space.designs(self.codes[rows])
        part = self.known.parts.get(label)
        designs = designs.part(part) if part else designs
        seeds = np.array(
            [np.random.SeedSequence([self.seed, int(row)]).generate_state(1, np.uint64)[0] for row in rows]
        )
        if isinstance(target, MeasuredTarget):
            return _without_failed(target.evaluate_rounds(designs, seeds, self.rounds))
        return _without_failed(target.evaluate(designs, seeds))


def _without_failed(columns: Columns) -> Columns:
    """Failed designs without numbers, and designs without finite numbers failed."""
    failures = dict(columns.failures)
    values = {name: np.array(column, dtype=np.float64) for name, column in columns.values.items()}
    for name, column in values.items():
        for row in np.flatnonzero(~np.isfinite(column)).tolist():
            failures.setdefault(row, f"{name} is {column[row]}, not a finite number")
    failed = sorted(failures)
    for column in values.values():
        column[failed] = np.nan
    return Columns(values, columns.std, columns.count, failures)


def _check_same(path: Path, label: str, before: Mapping[str, str], now: Mapping[str, str]) -> None:
    moment = OF_THE_MOMENT | {"measured_from"}
    for key in sorted((set(before) | set(now)) - moment):
        if before.get(key) != now.get(key):
            problem = f"{path}: device {label!r} was measured with {key} {before.get(key)}, now it is {now.get(key)}"
            raise MeasurementsError(problem, "give the device another label, or another file")


def _drop_torn_line(path: Path, warn: Callable[[str], None]) -> None:
    """Cut a last line that was being written when the machine went down."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole == 0:
        raise MeasurementsError(f"{path}: has no whole line", "remove it")
    if whole < len(content):
        warn(f"{path}: its last line is torn, and is measured again")
        with path.open("rb+") as file:
            file.truncate(whole)


def summary(table: Measurements, labels: Sequence[str]) -> list[dict[str, Any]]:
    """What was measured, a dictionary for each device.

    Args:
        table: The table.
        labels: Devices.
    """
    found = []
    for label in labels:
        part = table.only([label]) if label in table.devices else table.only([])
        spread = {m: median_spread(part, m) for m in part.metrics if np.isfinite(part.values[m]).any()}
        known = table.fingerprints.get(label, {})
        found.append(
            {
                "device": label,
                "sources": {m: part.source(label, m) for m in spread},
                "designs": len(part),
                "failed": len(part.failures),
                "first_failure": next(iter(part.failures.values()), None),
                "median_relative_std": spread,
                "energy_meter": known.get("energy_meter", "not asked for"),
            }
        )
    return found


def median_spread(table: Measurements, metric: str) -> float | None:
    """Median over the rows of the standard deviation of one repeat, as a share of the value; None where unknown."""
    std = table.std.get(metric)
    if std is None:
        return None
    share = std / table.values[metric]
    share = share[np.isfinite(share)]
    return float(np.median(share)) if len(share) else None


def asked_devices(known: DevicesFile, labels: Sequence[str]) -> tuple[str, ...]:
    """The devices of those labels, all by default.

    Raises:
        CosearchError: When there is no such device.
    """
    for label in labels:
        if label not in known.devices:
            raise CosearchError(f"there is no device {label!r}", "known: " + ", ".join(known.devices))
    return tuple(dict.fromkeys(labels)) or tuple(known.devices)
