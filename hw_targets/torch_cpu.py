"""Latency of PyTorch modules, measured on this machine's CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..spaces.design import Design, Designs
from ..spaces.errors import TargetError
from ..spaces.network_space import ModuleSpace
from ..spaces.space import Space
from .device_lock import DeviceLock
from .fingerprint import cpu_fingerprint
from .measuring import MAD_TO_STD, MeasuringRule, measure
from .metric import Metric
from .target import Columns, HardwareTarget, Needs, Seeds
from .torch_threads import torch_threads

REMEASURE_ROUNDS = 3


class TorchCpu(HardwareTarget):
    """Times ``space.module(design)`` in eager mode, alone on the CPU.

    The value is the median of repeats after a warm-up, ``std`` the robust standard deviation (1.4826 MAD) of one
    repeat, ``count`` the repeats kept; see :class:`~cosearch.hw_targets.measuring.MeasuringRule`. Measurements hold the
    lock of the device, so two never overlap, in whatever process. The final front is measured again in interleaved
    rounds, because clocks and neighbours drift during a search.

    Args:
        space: A space with ``module(design) -> (torch.nn.Module, example input)``.
        threads: PyTorch threads.
        batch: Images per call; the latency is that of the whole batch.
        lock_wait_s: Longest wait for another measurement, seconds.
        device: Name of the lock; give each half of a machine its own only when they do share nothing.
        **rule: Fields of :class:`~cosearch.hw_targets.measuring.MeasuringRule`, for example ``seconds=0.5``.

    Raises:
        TargetError: When the space builds no modules or an option is out of range.
    """

    def __init__(
        self,
        space: Space,
        *,
        threads: int = 1,
        batch: int = 1,
        lock_wait_s: float = 600.0,
        device: str = "cpu",
        **rule: Any,
    ) -> None:
        if not isinstance(space, ModuleSpace):
            remedy = "use a space with module(design) -> (torch.nn.Module, example input), such as elastic_cnn"
            raise TargetError(f"torch_cpu: space {space.name!r} builds no PyTorch modules", remedy)
        if threads < 1 or batch < 1 or lock_wait_s < 0:
            problem = f"torch_cpu: threads {threads}, batch {batch}, lock_wait_s {lock_wait_s}"
            raise TargetError(problem, "give threads >= 1, batch >= 1 and lock_wait_s >= 0")
        try:
            self.rule = MeasuringRule(**rule)
        except TypeError as error:
            known = ", ".join(MeasuringRule.__dataclass_fields__)
            raise TargetError(f"torch_cpu: {error}", f"further options are {known}") from error
        self.space: ModuleSpace = space
        self.threads = threads
        self.batch = batch
        self.lock_wait_s = lock_wait_s
        self.device = device
        self.needs = Needs(device=device, cpus=float(threads))

    def metrics(self) -> tuple[Metric, ...]:
        return (
            Metric("latency_ms", "measured", f"median time of one call, batch {self.batch}, {self.threads} threads"),
        )

    def fingerprint(self) -> dict[str, str]:
        import torch

        options = {"threads": str(self.threads), "batch": str(self.batch), "measuring_rule": repr(self.rule)}
        return cpu_fingerprint() | {"torch": str(torch.__version__)} | options

    def evaluate(self, designs: Designs, seeds: Seeds) -> Columns:
        n = len(designs)
        value, std, count = np.full(n, np.nan), np.full(n, np.nan), np.zeros(n, np.int64)
        failures: dict[int, str] = {}
        with DeviceLock(self.device, self.lock_wait_s), torch_threads(self.threads):
            for row, design in enumerate(designs):
                try:
                    found = measure(self._call(design), self.rule)
                except (RuntimeError, ValueError, TypeError) as error:
                    failures[row] = f"{type(error).__name__}: {error}"
                    continue
                value[row], std[row], count[row] = 1e3 * found.median_s, 1e3 * found.std_s, found.count
        return Columns({"latency_ms": value}, {"latency_ms": std}, {"latency_ms": count}, failures)

    def held_out_metrics(self) -> tuple[Metric, ...]:
        text = f"median of {REMEASURE_ROUNDS} later measurements, interleaved over the front"
        return (Metric("remeasured_latency_ms", "measured", text),)

    def confirm(self, designs: Designs, seeds: Seeds) -> Columns:
        rounds = [self.evaluate(designs, seeds) for _ in range(REMEASURE_ROUNDS)]
        values = np.array([columns.values["latency_ms"] for columns in rounds])
        median = np.median(values, axis=0)
        spread = MAD_TO_STD * np.median(np.abs(values - median), axis=0)
        name = "remeasured_latency_ms"
        count = np.full(len(designs), REMEASURE_ROUNDS, np.int64)
        return Columns({name: median}, {name: spread}, {name: count}, rounds[-1].failures)

    def _call(self, design: Design) -> Callable[[], object]:
        import torch

        module, example = self.space.module(design)
        example = example.repeat_interleave(self.batch, dim=0)

        def call() -> object:
            with torch.inference_mode():
                return module(example)

        return call
