"""MobileNetV3-Small (Howard et al., ICCV 2019, Table 2)."""

from __future__ import annotations

from ..workload import Workload
from .builder import INPUT, Builder, make_divisible

BLOCKS = (
    (3, 16, 16, True, 2), (3, 72, 24, False, 2), (3, 88, 24, False, 1), (5, 96, 40, True, 2), (5, 240, 40, True, 1),
    (5, 240, 40, True, 1), (5, 120, 48, True, 1), (5, 144, 48, True, 1), (5, 288, 96, True, 2), (5, 576, 96, True, 1),
    (5, 576, 96, True, 1),
)  # fmt: skip
"""Kernel, expansion size, channels, squeeze-and-excite, stride of each block."""


def mobilenet_v3_small(
    resolution: int = 224, width: float = 1.0, classes: int = 1000, dtype: str = "float32"
) -> Workload:
    """MobileNetV3-Small: 56 M MACs, 2.5 M parameters at width 1 and 224x224.

    Squeeze-and-excite reduces to a quarter of the expanded channels, rounded to a multiple of 8.

    Args:
        resolution: Side of the input image, pixels.
        width: Width multiplier.
        classes: Outputs of the classifier.
        dtype: Element type of weights and activations.
    """
    b = Builder("mobilenet_v3_small", (3, resolution, resolution), dtype)
    x = b.conv("conv1", INPUT, make_divisible(16 * width), 3, 2)
    for index, (kernel, expanded, channels, squeeze, stride) in enumerate(BLOCKS):
        hidden, out = make_divisible(expanded * width), make_divisible(channels * width)
        x = _block(b, f"b{index}", x, hidden, out, kernel, stride, squeeze)
    x = b.conv("last", x, make_divisible(6 * b.shape(x)[0]))
    x = b.act("fc1", b.gemm("fc1", b.pool("avgpool", x), make_divisible(1024 * width)))
    b.gemm("fc2", x, classes)
    return b.workload()


def _block(b: Builder, name: str, x: int, hidden: int, out: int, kernel: int, stride: int, squeeze: bool) -> int:
    inputs = b.shape(x)[0]
    y = b.conv(f"{name}exp", x, hidden) if hidden != inputs else x
    y = b.conv(f"{name}dw", y, hidden, kernel, stride, groups=hidden)
    if squeeze:
        scale = b.act(f"{name}se1", b.gemm(f"{name}se1", b.pool(f"{name}pool", y), make_divisible(hidden / 4)))
        scale = b.act(f"{name}se2", b.gemm(f"{name}se2", scale, hidden))
        y = b.other(f"{name}scale", "mul", (y, scale), b.shape(y))
    y = b.conv(f"{name}proj", y, out, act=False)
    return b.add(f"{name}add", y, x) if stride == 1 and inputs == out else y
