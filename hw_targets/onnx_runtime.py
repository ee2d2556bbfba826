"""Latency of networks in ONNX Runtime, measured on this machine's CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from ..spaces.design import Design
from ..spaces.errors import TargetError
from ..spaces.space import Space
from .fingerprint import cpu_fingerprint
from .onnx_model import write_onnx
from .timed_target import Call, TimedTarget, Timing
from .torch_threads import torch_threads

TOLERANCE = 1e-3
"""Largest allowed difference between ONNX Runtime and PyTorch, as a share of the largest output (or of 1)."""


class OnnxRuntime(TimedTarget):
    """Exports ``space.module(design)`` to ONNX and times it in ONNX Runtime, alone on the CPU, in float32.

    A model whose outputs differ from PyTorch's is a failure of that design: its time would be that of something else.
    See :class:`~cosearch.hw_targets.timed_target.TimedTarget`.

    Args:
        space: A space with ``module(design) -> (torch.nn.Module, example input)``.
        threads: Threads within an operator; operators run one after another.
        batch: Inputs per call; the latency is that of the whole batch.
        lock_wait_s: Longest wait for another measurement, seconds.
        device: Name of the lock; give each half of a machine its own only when they do share nothing.
        energy: Whether to meter energy where that is possible.
        **rule: Fields of :class:`~cosearch.hw_targets.measuring.MeasuringRule`, for example ``seconds=0.5``.

    Raises:
        TargetError: When the space builds no modules or an option is out of range.
    """

    kind = "onnx_runtime"

    def __init__(
        self,
        space: Space,
        *,
        threads: int = 1,
        batch: int = 1,
        lock_wait_s: float = 600.0,
        device: str = "cpu",
        energy: bool = True,
        **rule: Any,
    ) -> None:
        super().__init__(space, Timing(threads, batch, lock_wait_s, device, energy, rule))

    def fingerprint(self) -> dict[str, str]:
        import onnxruntime
        import torch

        versions = {"onnxruntime": onnxruntime.__version__, "torch": str(torch.__version__)}
        return cpu_fingerprint() | versions | self.options() | {"dtype": "float32", "provider": "CPUExecutionProvider"}

    @contextmanager
    def session(self) -> Iterator[None]:
        # Threads of PyTorch, whose reference work it is, would wait for more in the time of ONNX Runtime's.
        with torch_threads(1) if self.rule.relative else nullcontext():
            yield

    def make_call(self, design: Design, folder: Path) -> Call:
        import onnxruntime
        import torch

        module, example = self.space.module(design)
        example = example.repeat_interleave(self.batch, dim=0)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        path = write_onnx(module, example, folder / "model.onnx")
        try:
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            # Its exceptions have no common base but Exception.
            raise TargetError(f"onnx_runtime: {error}", "see the model's operators") from error
        feed = {session.get_inputs()[0].name: example.numpy()}
        with torch.inference_mode():
            expected = module(example).numpy()
        _check_agreement(session.run(None, feed)[0], expected)
        return lambda: session.run(None, feed)


def _check_agreement(found: np.ndarray, expected: np.ndarray) -> None:
    if found.shape != expected.shape:
        raise TargetError(f"the ONNX model gives shape {found.shape}, PyTorch {expected.shape}", "report the design")
    share = float(np.abs(found - expected).max(initial=0.0)) / max(1.0, float(np.abs(expected).max(initial=0.0)))
    # Negated, so that NaN is refused.
    if not share <= TOLERANCE:
        problem = f"the ONNX model differs from PyTorch by {share:g} of the largest output, more than {TOLERANCE:g}"
        raise TargetError(problem, "report the design with the versions of torch and onnxruntime")
