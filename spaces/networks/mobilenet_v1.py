"""MobileNetV1 (Howard et al., "MobileNets", arXiv 1704.04861, Table 1), optionally with wider channel groups."""

from __future__ import annotations

from ..errors import WorkloadError
from ..workload import Workload
from .builder import INPUT, Builder

BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1),
    (1024, 2), (1024, 1),
)  # fmt: skip
"""Output channels and stride of each depthwise-separable block."""


def mobilenet_v1(
    resolution: int = 224, width: float = 1.0, group_size: int = 1, classes: int = 1000, dtype: str = "float32"
) -> Workload:
    """MobileNetV1: 569 M MACs, 4.2 M parameters at width 1 and 224x224.

    Args:
        resolution: Side of the input image, pixels.
        width: Width multiplier (section 3.3); channels are rounded down.
        group_size: Channels per group of the depthwise layers; 1 is depthwise. DRACO (Jha et al., 2020) widens it.
        classes: Outputs of the classifier.
        dtype: Element type of weights and activations.

    Raises:
        WorkloadError: When the group size does not divide the channels, or the map vanishes.
    """
    b = Builder("mobilenet_v1", (3, resolution, resolution), dtype)
    x = b.conv("conv1", INPUT, max(int(32 * width), 1), 3, 2)
    for index, (channels, stride) in enumerate(BLOCKS):
        inputs = b.shape(x)[0]
        if inputs % group_size:
            problem = f"mobilenet_v1: group_size {group_size} does not divide the {inputs} channels of block {index}"
            raise WorkloadError(problem, "use a power of two up to 32 at width 1")
        x = b.conv(f"dw{index}", x, inputs, 3, stride, groups=inputs // group_size)
        x = b.conv(f"pw{index}", x, max(int(channels * width), 1))
    b.gemm("fc", b.pool("avgpool", x), classes)
    return b.workload()
