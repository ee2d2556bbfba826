"""What all targets that measure on a real device share: the device alone, rounds in mixed order, failures."""

from __future__ import annotations

import subprocess
import tempfile
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..spaces.design import Design, Designs
from ..spaces.errors import CosearchError, TargetError
from .device_lock import DeviceLock
from .metric import Metric
from .reading import Reading, Readings, over_rounds
from .target import Columns, HardwareTarget, Seeds

HELD = 16
"""Designs that are kept ready at once, in memory; of a larger batch the others are made ready again in every round."""

REMEASURE_ROUNDS = 3

FAILURES = (
    CosearchError,
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    ImportError,
    MemoryError,
    OSError,
    subprocess.SubprocessError,
)
"""What a network, its compiler or its runtime may raise without harm to other designs."""

Measure = Callable[[], Readings]
"""Measures one design that is ready, once by the rule of its target."""


class MeasuredTarget(HardwareTarget):
    """Measures designs on one device that it has for itself.

    A subclass gives :meth:`metrics` and :meth:`make_ready`. :meth:`evaluate_rounds` measures the designs of a batch
    several times, each time in another order, so that a clock or a neighbour that changes meanwhile does not become a
    difference between designs; see :func:`~cosearch.hw_targets.reading.over_rounds`. A batch holds the lock of the
    device, so no two overlap, in whatever process. The final front is measured again in three rounds.

    Args:
        device: Name of the lock; give each half of a machine its own only when they do share nothing.
        lock_wait_s: Longest wait for another measurement, seconds.

    Raises:
        TargetError: When an option is out of range.
    """

    def __init__(self, *, device: str, lock_wait_s: float = 600.0) -> None:
        if lock_wait_s < 0:
            raise TargetError(f"lock_wait_s {lock_wait_s}", "give at least 0")
        self.device = device
        self.lock_wait_s = lock_wait_s

    @abstractmethod
    def make_ready(self, design: Design, folder: Path) -> Measure:
        """Build, compile or export a design.

        Args:
            design: What to measure.
            folder: Empty folder of this design, removed after the batch.

        Returns:
            Measures it; called once in each round.
        """

    @contextmanager
    def session(self) -> Iterator[None]:
        """Around the batch, with the device locked."""
        yield

    def evaluate(self, designs: Designs, seeds: Seeds) -> Columns:
        return self.evaluate_rounds(designs, seeds, 1)

    def evaluate_rounds(self, designs: Designs, seeds: Seeds, rounds: int) -> Columns:
        """Measure a batch.

        Args:
            designs: ``n`` designs.
            seeds: uint64 [n]; they mix the order.
            rounds: Measurements of each design, at least 1.

        Returns:
            As :meth:`evaluate`.
        """
        batch = _Batch(self, designs)
        order = np.random.default_rng([int(seed) for seed in seeds])
        with DeviceLock(self.device, self.lock_wait_s), self.session(), tempfile.TemporaryDirectory() as folder:
            for _ in range(rounds):
                for row in order.permutation(len(designs)).tolist():
                    batch.measure(row, Path(folder))
        return batch.columns()

    def held_out_metrics(self) -> tuple[Metric, ...]:
        text = f"in {REMEASURE_ROUNDS} later rounds, interleaved over the front"
        return tuple(Metric(f"remeasured_{m.name}", m.source, f"{m.description}, {text}") for m in self.metrics())

    def confirm(self, designs: Designs, seeds: Seeds) -> Columns:
        found = self.evaluate_rounds(designs, seeds, REMEASURE_ROUNDS)
        names = {m.name: m.name.removeprefix("remeasured_") for m in self.held_out_metrics()}
        return Columns(
            {new: found.values[old] for new, old in names.items()},
            {new: found.std[old] for new, old in names.items()},
            {new: found.count[old] for new, old in names.items()},
            found.failures,
        )


class _Batch:
    """Designs on their way through the rounds."""

    def __init__(self, target: MeasuredTarget, designs: Designs) -> None:
        self._target = target
        self._designs = designs
        self._ready: dict[int, Measure] = {}
        self._found: list[list[Readings]] = [[] for _ in range(len(designs))]
        self._failures: dict[int, str] = {}

    def measure(self, row: int, folder: Path) -> None:
        """One round of one design; a design that failed is left alone."""
        if row in self._failures:
            return
        try:
            if row in self._ready or len(self._ready) < HELD:
                self._found[row].append(self._held(row, folder)())
            else:
                with tempfile.TemporaryDirectory(dir=folder) as own:
                    self._found[row].append(self._target.make_ready(self._designs[row], Path(own))())
        except FAILURES as error:
            self._ready.pop(row, None)
            self._failures[row] = f"{type(error).__name__}: {error}"

    def _held(self, row: int, folder: Path) -> Measure:
        if row not in self._ready:
            own = folder / str(row)
            own.mkdir()
            self._ready[row] = self._target.make_ready(self._designs[row], own)
        return self._ready[row]

    def columns(self) -> Columns:
        """Everything that was found."""
        names = [metric.name for metric in self._target.metrics()]
        n = len(self._found)
        values, std = ({name: np.full(n, np.nan) for name in names} for _ in range(2))
        count = {name: np.zeros(n, np.int64) for name in names}
        for row, rounds in enumerate(self._found):
            if row in self._failures:
                continue
            for name in names:
                reading: Reading = over_rounds([found[name] for found in rounds])
                values[name][row], std[name][row], count[name][row] = reading.value, reading.std, reading.count
        return Columns(values, std, count, self._failures)
