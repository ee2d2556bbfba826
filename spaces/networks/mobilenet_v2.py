"""MobileNetV2 (Sandler et al., CVPR 2018, Table 2)."""

from __future__ import annotations

from ..workload import Workload
from .builder import INPUT, Builder, make_divisible

STAGES = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip
"""Expansion t, channels c, repeats n and stride s of each stage, as in the paper's table."""


def mobilenet_v2(resolution: int = 224, width: float = 1.0, classes: int = 1000, dtype: str = "float32") -> Workload:
    """MobileNetV2: 300 M MACs, 3.5 M parameters at width 1 and 224x224.

    Args:
        resolution: Side of the input image, pixels.
        width: Width multiplier; the last convolution widens above 1 only.
        classes: Outputs of the classifier.
        dtype: Element type of weights and activations.
    """
    b = Builder("mobilenet_v2", (3, resolution, resolution), dtype)
    x = b.conv("conv1", INPUT, make_divisible(32 * width), 3, 2)
    index = 0
    for expansion, channels, repeats, stride in STAGES:
        for position in range(repeats):
            step = stride if position == 0 else 1
            x = _inverted_residual(b, f"b{index}", x, expansion, make_divisible(channels * width), step)
            index += 1
    x = b.conv("last", x, make_divisible(1280 * max(width, 1.0)))
    b.gemm("fc", b.pool("avgpool", x), classes)
    return b.workload()


def _inverted_residual(b: Builder, name: str, x: int, expansion: int, channels: int, stride: int) -> int:
    inputs = b.shape(x)[0]
    hidden = inputs * expansion
    y = b.conv(f"{name}exp", x, hidden) if expansion > 1 else x
    y = b.conv(f"{name}dw", y, hidden, 3, stride, groups=hidden)
    y = b.conv(f"{name}proj", y, channels, act=False)
    return b.add(f"{name}add", y, x) if stride == 1 and inputs == channels else y
