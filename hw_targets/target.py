"""The contract of hardware targets: batches of designs in, columns of metrics in physical units out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..spaces.design import Designs
from ..spaces.errors import TargetError
from .metric import Metric

FloatArray = NDArray[np.float64]
Seeds = NDArray[np.uint64]
Report = Callable[[str, float], None]
"""Called with what is being done and the share done, 0..1."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Scores of a batch of ``n`` designs.

    Args:
        values: Metric name to float64 [n], in the unit of the name.
        std: Metric name to standard deviation, float64 [n], for numbers that have one.
        count: Metric name to the number of repeats behind each value, int64 [n].
        failures: Row to message, for designs that could not be scored; their values are ignored.
    """

    values: Mapping[str, FloatArray]
    std: Mapping[str, FloatArray] = field(default_factory=dict)
    count: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    failures: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Needs:
    """What scoring a design takes.

    Args:
        device: Name of a device that one evaluation must have for itself; None when evaluations may overlap.
        cpus: CPU cores per worker.
        gpus: GPUs per worker, fractions allowed.
        program: External program that must be on the PATH, or None.
        cheap: Whether a design takes well under a millisecond in a batch, less than a process border costs.
        ready: Whether designs can be scored before ``prepare``, although the target overrides that.
    """

    device: str | None = None
    cpus: float = 1.0
    gpus: float = 0.0
    program: str | None = None
    cheap: bool = False
    ready: bool = False


class HardwareTarget(ABC):
    """Scores designs.

    A target is built from a space and options (``Factory(space, **options)``), must be picklable after
    :meth:`prepare` (it travels to worker processes), and never raises for a single bad design: it reports it in
    :attr:`Columns.failures`. An exception that does escape is pinned on single designs by the evaluator.
    """

    needs: Needs = Needs()

    @abstractmethod
    def metrics(self) -> tuple[Metric, ...]:
        """What :meth:`evaluate` returns, in order."""

    @abstractmethod
    def evaluate(self, designs: Designs, seeds: Seeds) -> Columns:
        """Score a batch.

        Args:
            designs: ``n`` valid designs.
            seeds: uint64 [n], one per trial; the only allowed source of randomness.

        Returns:
            Every metric of :meth:`metrics`, [n] each.
        """

    def fidelities(self) -> tuple[float, ...]:
        """Shares of the full effort at which designs can be scored, rising; the last is 1.0, and costs what it says."""
        return (1.0,)

    def evaluate_at(self, designs: Designs, seeds: Seeds, fidelity: float) -> Columns:
        """Score a batch with less effort: fewer images, fewer epochs, a shorter trace.

        Args:
            designs: ``n`` valid designs.
            seeds: uint64 [n], one per trial.
            fidelity: One of :meth:`fidelities`; at 1.0 the numbers are those of :meth:`evaluate`.

        Returns:
            Every metric of :meth:`metrics`, [n] each.

        Raises:
            TargetError: When the fidelity is not on offer.
        """
        if fidelity != 1.0:
            raise TargetError(f"{type(self).__name__} offers no fidelity {fidelity:g}", "override evaluate_at")
        return self.evaluate(designs, seeds)

    def fingerprint(self) -> dict[str, str]:
        """What the numbers depend on besides the design: device, versions, data."""
        return {}

    def prepare(self, folder: Path, report: Report) -> None:
        """Do once per study what all evaluations share (train a supernet, compile a simulator).

        Called in the driver before the first trial and again on resume; must find and reuse its finished work.

        Args:
            folder: Folder of this study's target; what is written here must be readable without pickle.
            report: Progress callback.
        """

    def held_out_metrics(self) -> tuple[Metric, ...]:
        """Metrics that :meth:`confirm` gives; never objectives or constraints."""
        return ()

    def confirm(self, designs: Designs, seeds: Seeds) -> Columns:
        """Score the final front once on what the search never saw (a test split, a better simulator)."""
        raise TargetError(f"{type(self).__name__} has no held-out metrics", "override confirm with held_out_metrics")

    def export(self, designs: Designs, folder: Path, stems: list[str]) -> list[Path]:
        """Write each design as the files that its own tools read (ONNX, a simulator's configuration).

        Args:
            designs: ``n`` designs.
            folder: Existing folder to write to.
            stems: File name without suffix for each design.

        Returns:
            The files written, none by default.
        """
        return []
