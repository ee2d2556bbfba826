"""Latency of PyTorch modules, measured on this machine's CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..spaces.design import Design
from ..spaces.space import Space
from .fingerprint import cpu_fingerprint
from .timed_target import Call, TimedTarget, Timing
from .torch_call import Dtype, Mode, check_call_options, compiling, inference_call
from .torch_threads import torch_threads


class TorchCpu(TimedTarget):
    """Times ``space.module(design)``, alone on the CPU; see :class:`~cosearch.hw_targets.timed_target.TimedTarget`.

    Args:
        space: A space with ``module(design) -> (torch.nn.Module, example input)``.
        mode: ``eager``, or ``compile`` for ``torch.compile``; compiling is not in the times.
        dtype: Type of weights and inputs: ``float32``, ``bfloat16``, ``float16`` or ``float64``.
        threads: PyTorch threads.
        batch: Inputs per call; the latency is that of the whole batch.
        lock_wait_s: Longest wait for another measurement, seconds.
        device: Name of the lock; give each half of a machine its own only when they do share nothing.
        energy: Whether to meter energy where that is possible.
        **rule: Fields of :class:`~cosearch.hw_targets.measuring.MeasuringRule`, for example ``seconds=0.5``.

    Raises:
        TargetError: When the space builds no modules or an option is out of range.
    """

    kind = "torch_cpu"

    def __init__(
        self,
        space: Space,
        *,
        mode: Mode = "eager",
        dtype: Dtype = "float32",
        threads: int = 1,
        batch: int = 1,
        lock_wait_s: float = 600.0,
        device: str = "cpu",
        energy: bool = True,
        **rule: Any,
    ) -> None:
        timing = Timing(threads, batch, lock_wait_s, device, energy, rule)
        super().__init__(space, timing)
        check_call_options(self.kind, mode, dtype)
        self.mode: Mode = mode
        self.dtype: Dtype = dtype

    def fingerprint(self) -> dict[str, str]:
        import torch

        return cpu_fingerprint() | {"torch": str(torch.__version__)} | self.options()

    def options(self) -> dict[str, str]:
        return super().options() | {"mode": self.mode, "dtype": self.dtype}

    @contextmanager
    def session(self) -> Iterator[None]:
        with torch_threads(self.threads), compiling(self.mode):
            yield

    def make_call(self, design: Design, folder: Path) -> Call:
        module, example = self.space.module(design)
        return inference_call(module, example, batch=self.batch, mode=self.mode, dtype=self.dtype, device="cpu")
