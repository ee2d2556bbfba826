"""One inference of a PyTorch module as a call to be timed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, get_args

from ..spaces.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

Mode = Literal["eager", "compile"]
Dtype = Literal["float32", "bfloat16", "float16", "float64"]

GRAPHS = 10_000
"""Compiled graphs that may be kept for one piece of code; torch's own limit of 8 is for one network's input shapes."""


def check_call_options(kind: str, mode: str, dtype: str) -> None:
    """Refuse an unknown mode or type.

    Raises:
        TargetError: When one is unknown.
    """
    for name, value, known in (("mode", mode, get_args(Mode)), ("dtype", dtype, get_args(Dtype))):
        if value not in known:
            raise TargetError(f"{kind}: {name} {value!r} is unknown", "use one of " + ", ".join(known))


def inference_call(
    module: torch.nn.Module, example: torch.Tensor, *, batch: int, mode: Mode, dtype: Dtype, device: str
) -> Callable[[], object]:
    """A call that runs a module once, without gradients.

    Args:
        module: In evaluation mode.
        example: Its input, with a batch of one in front.
        batch: Copies of the input in one call.
        mode: ``eager`` or ``compile``; what is compiled, is compiled here.
        dtype: Type of weights and of an input of floating-point numbers.
        device: Name of the device, as PyTorch writes it.

    Raises:
        RuntimeError: When it cannot be compiled, or not run.
    """
    import torch

    kind: torch.dtype = getattr(torch, dtype)
    module = module.to(device=device, dtype=kind)
    inputs = example.repeat_interleave(batch, dim=0).to(device)
    if inputs.is_floating_point():
        inputs = inputs.to(kind)
    # The whole graph for these shapes, or an error: nothing falls back to eager mode unseen.
    run = torch.compile(module, fullgraph=True, dynamic=False) if mode == "compile" else module

    def call() -> object:
        with torch.inference_mode():
            return run(inputs)

    if mode == "compile":
        call()
    return call


@contextmanager
def compiling(mode: Mode) -> Iterator[None]:
    """Around a batch: room for the graphs of all its designs, which are dropped after it."""
    if mode == "eager":
        yield
        return
    import torch
    from torch._dynamo import config

    try:
        with config.patch(recompile_limit=GRAPHS, accumulated_recompile_limit=GRAPHS):
            yield
    finally:
        torch.compiler.reset()
