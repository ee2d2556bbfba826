"""PyTorch modules with reproducible random weights, for networks that are only measured. Needs torch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


@torch.no_grad()
def random_module(build: Callable[[], nn.Module], shape: tuple[int, ...], seed: int) -> tuple[nn.Module, Tensor]:
    """A module and an input that depend on the seed only, not on torch's global generator.

    Weights have variance 1 / fan-in, so that activations neither vanish nor overflow; biases are zero.

    Args:
        build: Makes the module, of convolutions and linear layers; called once, without memory for weights.
        shape: Shape of the input, batch included.
        seed: Fixes weights and input.

    Returns:
        The module in evaluation mode, and the input, float32 of that shape.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        module = build()
    module = module.to_empty(device="cpu")
    for parameter in module.parameters():
        fan_in = parameter[0].numel() if parameter.ndim > 1 else 0
        parameter.normal_(0.0, fan_in**-0.5 if fan_in else 0.0, generator=generator)
    return module.eval(), torch.randn(shape, generator=generator)
