"""Latency of PyTorch modules, measured on an NVIDIA GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..spaces.design import Design
from ..spaces.errors import TargetError
from ..spaces.space import Space
from .energy_meters import EnergyMeter, nvml
from .fingerprint import cpu_fingerprint
from .measuring import Measurement, measure_clocks
from .target import Needs
from .timed_target import Call, TimedTarget, Timing
from .torch_call import Dtype, Mode, check_call_options, compiling, inference_call


class TorchCuda(TimedTarget):
    """Times ``space.module(design)`` between two events on the stream of a GPU that it has for itself.

    The time is that from the start of the first kernel to the end of the last (CUDA C++ Programming Guide, section
    "Events"); of small networks most of it is spent on launching kernels. See
    :class:`~cosearch.hw_targets.timed_target.TimedTarget`.

    Args:
        space: A space with ``module(design) -> (torch.nn.Module, example input)``.
        gpu: Number of the GPU, as PyTorch counts them.
        mode: ``eager``, or ``compile`` for ``torch.compile``; compiling is not in the times.
        dtype: Type of weights and inputs: ``float32``, ``bfloat16``, ``float16`` or ``float64``.
        batch: Inputs per call; the latency is that of the whole batch.
        lock_wait_s: Longest wait for another measurement, seconds.
        device: Name of the lock; by default ``cuda`` with the GPU's number.
        energy: Whether to meter energy where that is possible.
        **rule: Fields of :class:`~cosearch.hw_targets.measuring.MeasuringRule`, for example ``seconds=0.5``.

    Raises:
        TargetError: When there is no such GPU, the space builds no modules, or an option is out of range.
    """

    kind = "torch_cuda"
    counts_cpu_time = False

    def __init__(
        self,
        space: Space,
        *,
        gpu: int = 0,
        mode: Mode = "eager",
        dtype: Dtype = "float32",
        batch: int = 1,
        lock_wait_s: float = 600.0,
        device: str | None = None,
        energy: bool = True,
        **rule: Any,
    ) -> None:
        self.gpu, self.place = gpu, f"cuda:{gpu}"
        _check_gpu(gpu)
        super().__init__(space, Timing(1, batch, lock_wait_s, device or f"cuda{gpu}", energy, rule))
        check_call_options(self.kind, mode, dtype)
        self.mode: Mode = mode
        self.dtype: Dtype = dtype
        self.needs = Needs(device=self.device, gpus=1.0)

    def energy_meter(self) -> EnergyMeter | None:
        import torch

        # By its UUID: CUDA_VISIBLE_DEVICES renumbers for PyTorch, not for NVML.
        return nvml(f"GPU-{torch.cuda.get_device_properties(self.gpu).uuid}")

    def options(self) -> dict[str, str]:
        return super().options() | {"mode": self.mode, "dtype": self.dtype}

    def fingerprint(self) -> dict[str, str]:
        import torch

        known = torch.cuda.get_device_properties(self.gpu)
        gpu = {"gpu": known.name, "gpu_memory_bytes": str(known.total_memory), "cuda": str(torch.version.cuda)}
        return cpu_fingerprint() | {"torch": str(torch.__version__)} | gpu | self.options()

    @contextmanager
    def session(self) -> Iterator[None]:
        import torch

        with torch.cuda.device(self.gpu), compiling(self.mode):
            yield

    def make_call(self, design: Design, folder: Path) -> Call:
        module, example = self.space.module(design)
        return inference_call(module, example, batch=self.batch, mode=self.mode, dtype=self.dtype, device=self.place)

    def wait(self) -> None:
        import torch

        torch.cuda.synchronize(self.gpu)

    def clock(self, call: Call) -> list[Measurement]:
        return list(measure_clocks(call, self.rule, [_EventClock()], reference=self.reference()))


class _EventClock:
    """A clock that is read in pairs: a start, which is 0, and the seconds from it to the end."""

    def __init__(self) -> None:
        import torch

        event: Any = torch.cuda.Event
        self._start, self._end = event(enable_timing=True), event(enable_timing=True)
        self._running = False

    def __call__(self) -> float:
        self._running = not self._running
        if self._running:
            self._start.record()
            return 0.0
        self._end.record()
        self._end.synchronize()
        return float(self._start.elapsed_time(self._end)) / 1e3


def _check_gpu(gpu: int) -> None:
    import torch

    n = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not 0 <= gpu < n:
        found = "PyTorch finds none" if n == 0 else f"PyTorch finds {n}, counted from 0"
        remedy = "check nvidia-smi and that torch is a CUDA build, or measure with torch_cpu"
        raise TargetError(f"torch_cuda: there is no gpu {gpu}, {found}", remedy)
