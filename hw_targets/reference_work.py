"""A fixed piece of work, to tell the pace of a device by."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from .torch_call import inference_call

CHANNELS = 16
SIDE = 16
INPUTS, GPU_INPUTS = 8, 2048


@cache
def reference_work(device: str) -> Callable[[], object]:
    """One convolution in PyTorch: 3 x 3, 16 channels, on eight images of 16 x 16; 4.7 million multiplications.

    On a GPU the images are 2,048, so that it is the GPU's pace that tells, not that of launching.

    Of five kinds of work (products in NumPy, sorting, Python's own loop, this, and six small convolutions with ReLU),
    the latency of small networks over that of this one was the most repeatable on a shared machine: 1.3 % between two
    measurements, where the latency alone came to 4.5 %.

    Args:
        device: Name of the device, as PyTorch writes it.

    Returns:
        Does it once, with as many threads as PyTorch has.
    """
    import torch

    # Drawn weights would change what the caller draws.
    layer = torch.nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, device="meta").to_empty(device="cpu").eval()
    layer.requires_grad_(False)
    for weight in layer.parameters():
        weight.fill_(0.01)
    image = torch.ones(1, CHANNELS, SIDE, SIDE)
    return inference_call(
        layer, image, batch=INPUTS if device == "cpu" else GPU_INPUTS, mode="eager", dtype="float32", device=device
    )
