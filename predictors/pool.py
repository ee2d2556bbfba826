"""Devices that were measured before: one table of designs and devices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..spaces.design import Designs
from ..spaces.errors import PredictorError
from ..spaces.knobs import Codes
from ..spaces.space import Space
from .prediction import FloatArray


@dataclass(frozen=True, slots=True)
class Pool:
    """One metric of designs of one space on several devices; devices need not have measured the same designs.

    Args:
        space: The design space.
        metric: Metric name, with its unit.
        devices: Their names.
        codes: Distinct designs, int64 [n, n_knobs].
        values: The metric, float64 [n, n_devices], positive; NaN where a device did not measure a design.
        models: Those of the devices whose values nobody measured: a model, a simulator or a predictor gave them.

    Raises:
        PredictorError: When shapes or names disagree, a value is not positive, or a device has fewer than 2 values.
    """

    space: Space
    metric: str
    devices: tuple[str, ...]
    codes: Codes
    values: FloatArray
    models: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.devices or len(set(self.devices)) < len(self.devices):
            raise PredictorError(f"a pool of the devices {list(self.devices)}", "name each device once, at least one")
        if self.values.shape != (len(self.codes), len(self.devices)):
            problem = f"values of shape {self.values.shape} for {len(self.codes)} designs, {len(self.devices)} devices"
            raise PredictorError(problem, "give one row for each design and one column for each device")
        for device in self.models:
            self._column(device)
        measured = np.isfinite(self.values)
        for j, device in enumerate(self.devices):
            if measured[:, j].sum() < 2:
                raise PredictorError(f"device {device!r} has fewer than 2 values", "measure more, or leave it out")
            if (self.values[measured[:, j], j] <= 0).any():
                raise PredictorError(f"device {device!r} has {self.metric} of 0 or less", "leave failed designs out")

    @classmethod
    def of(
        cls,
        space: Space,
        metric: str,
        tables: Mapping[str, tuple[Codes, FloatArray]],
        models: Iterable[str] = (),
    ) -> Pool:
        """Join the devices' own tables; a design that a device measured repeatedly keeps its median.

        Args:
            space: The design space.
            metric: Metric name, with its unit.
            tables: Device to its designs, int64 [n_j, n_knobs], and values, float64 [n_j].
            models: Those of the devices that are modelled or simulated.

        Raises:
            PredictorError: As for the class.
        """
        if not tables:
            raise PredictorError("a pool without devices", "give at least one table")
        every = np.concatenate([codes for codes, _ in tables.values()])
        codes, place = np.unique(every, axis=0, return_inverse=True)
        place = place.reshape(-1)
        values = np.full((len(codes), len(tables)), np.nan)
        start = 0
        for j, (own, y) in enumerate(tables.values()):
            rows = place[start : start + len(own)]
            start += len(own)
            values[rows, j] = y
            for row in np.flatnonzero(np.bincount(rows, minlength=len(codes)) > 1):
                values[row, j] = np.median(np.asarray(y)[rows == row])
        return cls(space, metric, tuple(tables), codes, values, tuple(models))

    @property
    def modelled(self) -> NDArray[np.bool_]:
        """Whether each device is modelled or simulated, bool [n_devices]."""
        return np.isin(self.devices, self.models)

    def __len__(self) -> int:
        return len(self.devices)

    @property
    def designs(self) -> Designs:
        """All designs."""
        return self.space.designs(self.codes)

    def table(self, device: str) -> tuple[Codes, FloatArray]:
        """What one device measured: int64 [n_j, n_knobs] and float64 [n_j]."""
        column = self.values[:, self._column(device)]
        measured = np.isfinite(column)
        return self.codes[measured], column[measured]

    def only(self, devices: Iterable[str]) -> Pool:
        """Some of the devices, in the given order, with the designs that they measured.

        Raises:
            PredictorError: When a device is not in the pool.
        """
        names = tuple(devices)
        values = self.values[:, [self._column(name) for name in names]]
        kept = np.isfinite(values).any(axis=1)
        models = tuple(name for name in names if name in self.models)
        return Pool(self.space, self.metric, names, self.codes[kept], values[kept], models)

    def joined(self, other: Pool) -> Pool:
        """This pool's devices and another's.

        Raises:
            PredictorError: When space or metric differ, or a device is in both.
        """
        if other.space.digest != self.space.digest or other.metric != self.metric:
            problem = f"pools of {self.metric} and {other.metric}, spaces {self.space.name} and {other.space.name}"
            raise PredictorError(problem, "join pools of one metric and one space")
        twice = sorted(set(self.devices) & set(other.devices))
        if twice:
            raise PredictorError(f"{', '.join(twice)} in both pools", "give each device a name of its own")
        tables = {device: pool.table(device) for pool in (self, other) for device in pool.devices}
        return Pool.of(self.space, self.metric, tables, (*self.models, *other.models))

    def flat(self) -> tuple[Codes, FloatArray, NDArray[np.int64]]:
        """One row for each value: designs int64 [m, n_knobs], values float64 [m], columns of devices int64 [m]."""
        device, row = np.nonzero(np.isfinite(self.values).T)
        return self.codes[row], self.values[row, device], device

    def measured_alike(self) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.int64]]]:
        """Groups of devices that measured the same designs: rows, bool [n], and the devices' columns, int64 [m]."""
        measured = np.isfinite(self.values)
        _, group = np.unique(measured, axis=1, return_inverse=True)
        for same in range(int(group.max()) + 1):
            devices = np.flatnonzero(group.reshape(-1) == same)
            yield measured[:, devices[0]], devices

    def _column(self, device: str) -> int:
        if device not in self.devices:
            raise PredictorError(f"device {device!r} is not in the pool", "it holds " + ", ".join(self.devices))
        return self.devices.index(device)
