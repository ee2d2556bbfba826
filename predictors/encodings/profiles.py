"""Principal profiles: how designs differ on devices that might exist."""

from __future__ import annotations

from threading import Lock

import numpy as np
from numpy.typing import NDArray

from ...spaces.knobs import Codes
from ...spaces.nas_bench_201 import NasBench201
from ...spaces.network_space import WorkloadSpace
from ...spaces.space import Space
from ..prediction import FloatArray
from .cell_slots import CellSlots
from .imagined_devices import DEVICES, ImaginedDevices
from .operator_slots import OperatorSlots
from .slots import Slots

POPULATION = 2000
"""Random designs over which devices are compared."""

FLOOR = 1e-3
"""Principal profiles of a smaller share of the first one's deviation are left out."""

PER_SLOT = 3
"""Principal profiles of a single slot."""


def slots_of(space: Space) -> Slots | None:
    """The slots of a space of networks; None for other spaces."""
    if isinstance(space, NasBench201):
        return CellSlots(space)
    return OperatorSlots(space) if isinstance(space, WorkloadSpace) else None


class Profiles:
    """Coordinates of designs in the principal profiles of imagined devices, of whole designs and of single slots.

    The inner product of two designs' coordinates is the covariance of their relative latencies over the devices.

    Args:
        space: A design space.
        slots: Its slots.

    Attributes:
        basis: Directions of the profiles over devices, float64 [n_devices, n_profiles].
        typical: The inner product with coordinates is the mean over devices of the relative latency, less 1.
    """

    def __init__(self, space: Space, slots: Slots) -> None:
        self._slots = slots
        # Batches may come from several threads, and new parts are noted as they come.
        self._learning = Lock()
        parts = slots(space.sample(np.random.default_rng(0), POPULATION))
        self._devices = ImaginedDevices([o for p in slots.parts for o, _ in p.operators])
        self._costs = np.empty((0, DEVICES))
        self._extend()
        total = self._costs[parts].sum(axis=1)
        self._mean = np.maximum(total.mean(axis=0), 1e-300)
        self.basis = _principal(total / self._mean - 1.0)
        self.typical = self.basis.sum(axis=0) / np.sqrt(DEVICES)
        self._own = [_principal(self._relative(column), PER_SLOT) for column in parts.T]
        self._tables()

    def __call__(self, codes: Codes) -> tuple[FloatArray, FloatArray]:
        """Coordinates of int64 ``codes`` [n, n_knobs].

        Returns:
            Of whole designs, float64 [n, n_profiles], and of their slots one after the other, float64 [n, m].
        """
        with self._learning:
            parts = self._slots(codes)
            if len(self._slots.parts) > len(self._costs):
                self._extend()
                self._tables()
        rank = self.basis.shape[1]
        whole, each = np.tile(-self.typical, (len(codes), 1)), []
        for table, column in zip(self._both, parts.T, strict=True):
            found = table[column]
            whole += found[:, :rank]
            each.append(found[:, rank:])
        return whole, np.concatenate(each, axis=1)

    def _extend(self) -> None:
        new = [self._devices.cost(part) for part in self._slots.parts[len(self._costs) :]]
        self._costs = np.concatenate([self._costs, *(row[None] for row in new)])

    def _tables(self) -> None:
        relative = self._costs / self._mean
        whole = relative @ self.basis
        self._both = [np.hstack([whole, relative @ own]) / np.sqrt(DEVICES) for own in self._own]

    def _relative(self, parts: NDArray[np.int64]) -> FloatArray:
        found = self._costs[parts] / self._mean
        return np.asarray(found - found.mean(axis=0))


def _principal(relative: FloatArray, most: int | None = None) -> FloatArray:
    """Principal directions over devices, float64 [DEVICES, r], of float64 ``relative`` [n, DEVICES], centred."""
    values, vectors = np.linalg.eigh(relative.T @ relative / len(relative))
    order = np.argsort(values)[::-1][:most]
    kept = order[values[order] > FLOOR**2 * max(float(values[order[0]]), 1e-300)]
    return np.asarray(vectors[:, kept])
