"""ResNet-18 and ResNet-50 (He et al., "Deep Residual Learning", CVPR 2016, Table 1).

ResNet-50 strides in the 3x3 convolution, not in the first 1x1 (the "v1.5" of common model libraries: 4.1 G MACs where
the paper's has 3.8 G).
"""

from __future__ import annotations

from ..workload import Workload
from .builder import INPUT, Builder

WIDTHS = (64, 128, 256, 512)


def _basic(b: Builder, name: str, x: int, width: int, stride: int) -> int:
    y = b.conv(f"{name}c1", x, width, 3, stride)
    y = b.conv(f"{name}c2", y, width, 3, act=False)
    return _join(b, name, x, y, stride)


def _bottleneck(b: Builder, name: str, x: int, width: int, stride: int) -> int:
    y = b.conv(f"{name}c1", x, width)
    y = b.conv(f"{name}c2", y, width, 3, stride)
    y = b.conv(f"{name}c3", y, 4 * width, act=False)
    return _join(b, name, x, y, stride)


def _join(b: Builder, name: str, x: int, y: int, stride: int) -> int:
    channels = b.shape(y)[0]
    if stride > 1 or b.shape(x)[0] != channels:
        x = b.conv(f"{name}ds", x, channels, 1, stride, act=False)
    return b.act(f"{name}add", b.add(f"{name}add", y, x))


def _resnet(name: str, depths: tuple[int, ...], resolution: int, classes: int, dtype: str) -> Workload:
    block = _basic if name == "resnet18" else _bottleneck
    b = Builder(name, (3, resolution, resolution), dtype)
    x = b.pool("pool1", b.conv("conv1", INPUT, 64, 7, 2), 3, 2)
    for stage, (depth, width) in enumerate(zip(depths, WIDTHS, strict=True), start=1):
        for index in range(depth):
            x = block(b, f"l{stage}b{index}", x, width, 2 if stage > 1 and index == 0 else 1)
    b.gemm("fc", b.pool("avgpool", x), classes)
    return b.workload()


def resnet18(resolution: int = 224, classes: int = 1000, dtype: str = "float32") -> Workload:
    """ResNet-18: 1.8 G MACs, 11.7 M parameters at 224x224.

    Args:
        resolution: Side of the input image, pixels.
        classes: Outputs of the classifier.
        dtype: Element type of weights and activations.
    """
    return _resnet("resnet18", (2, 2, 2, 2), resolution, classes, dtype)


def resnet50(resolution: int = 224, classes: int = 1000, dtype: str = "float32") -> Workload:
    """ResNet-50: 4.1 G MACs, 25.6 M parameters at 224x224.

    Args:
        resolution: Side of the input image, pixels.
        classes: Outputs of the classifier.
        dtype: Element type of weights and activations.
    """
    return _resnet("resnet50", (3, 4, 6, 3), resolution, classes, dtype)
