"""Sub-networks of the Once-for-All MobileNetV3 (Cai et al., "Once-for-All", ICLR 2020)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import SpaceError
from .knobs import Value
from .networks.builder import INPUT, Builder, make_divisible
from .space import Space
from .workload import Workload

RESOLUTIONS = tuple(range(128, 225, 4))
DEPTHS = (2, 3, 4)
KERNELS = (3, 5, 7)
EXPANSIONS = (3, 4, 6)
"""Sides of the image, blocks of a stage, windows and expansions of a block. Source: section 4.1."""

STAGES = ((24, 2, False), (40, 2, True), (80, 2, False), (112, 1, True), (160, 2, True))
"""Channels, stride of the first block, squeeze-and-excite. Source: Howard et al., "MobileNetV3", ICCV 2019, Table 1."""

STEM, LAST, FEATURES = 16, 960, 1280
"""Channels of the first convolution and block, of the last 1x1 convolution, and of the layer before the classifier."""


class OnceForAll(Space):
    """Image size, and depth, kernels and expansions of five stages: 25 x 2.2e19 designs.

    The knobs are ``resolution``; for each stage ``stage1_depth``, and for each of its four blocks
    ``stage1_block1_kernel`` and ``stage1_block1_expand``; those of blocks past the depth are inactive. The network
    around them is MobileNetV3-Large with a width multiplier; the first stage of one block is fixed.

    Args:
        width: Width multiplier; supernets of 1.0 and 1.2 were published.
        classes: Outputs of the classifier.
        resolutions: Sides of the image, rising.

    Raises:
        SpaceError: When an option is out of range.
    """

    def __init__(
        self, width: float = 1.0, classes: int = 1000, resolutions: tuple[int, ...] | list[int] = RESOLUTIONS
    ) -> None:
        if not width > 0 or classes < 1 or min(resolutions, default=1) < 1:
            problem = f"once_for_all: width {width}, classes {classes}, resolutions {list(resolutions)}"
            raise SpaceError(problem, "give positive numbers")
        knobs: dict[str, Any] = {"resolution": {"type": "ordinal", "values": list(resolutions)}}
        for stage in range(1, len(STAGES) + 1):
            knobs[f"stage{stage}_depth"] = {"type": "ordinal", "values": list(DEPTHS)}
            for block in range(1, DEPTHS[-1] + 1):
                active = {"active_if": {f"stage{stage}_depth": {"at_least": block}}} if block > DEPTHS[0] else {}
                for name, values in (("kernel", KERNELS), ("expand", EXPANSIONS)):
                    knobs[f"stage{stage}_block{block}_{name}"] = {"type": "ordinal", "values": list(values), **active}
        super().__init__(knobs, name="once_for_all")
        self.width = width
        self.classes = classes

    def workload(self, design: Mapping[str, Value]) -> Workload:
        """The operators of one design with their edges; batch normalisation is folded into the convolutions."""
        side = int(design["resolution"])
        b = Builder(self.name, (3, side, side))
        stem = make_divisible(STEM * self.width)
        x = b.conv("stem", INPUT, stem, 3, 2)
        y = b.conv("first_depthwise", x, stem, 3, groups=stem)
        x = b.add("first_add", b.conv("first_project", y, stem, act=False), x)
        for stage, (channels, stride, squeeze) in enumerate(STAGES, 1):
            out = make_divisible(channels * self.width)
            for block in range(1, int(design[f"stage{stage}_depth"]) + 1):
                name = f"stage{stage}_block{block}"
                kernel, expand = int(design[f"{name}_kernel"]), int(design[f"{name}_expand"])
                hidden = make_divisible(b.shape(x)[0] * expand)
                x = _block(b, name, x, (hidden, out, kernel, stride if block == 1 else 1, squeeze))
        x = b.pool("pool", b.conv("last", x, make_divisible(LAST * self.width)))
        x = b.act("features", b.gemm("features", x, make_divisible(FEATURES * self.width), bias=False))
        b.gemm("head", x, self.classes)
        return b.workload()


def _block(b: Builder, name: str, x: int, shape: tuple[int, int, int, int, bool]) -> int:
    """Inverted residual with squeeze-and-excite to a quarter of the expanded channels, after the activation."""
    hidden, out, kernel, stride, squeeze = shape
    y = b.conv(f"{name}_depthwise", b.conv(f"{name}_expand", x, hidden), hidden, kernel, stride, groups=hidden)
    if squeeze:
        mean = b.pool(f"{name}_squeeze", y)
        few = b.act(f"{name}_reduce", b.gemm(f"{name}_reduce", mean, make_divisible(hidden // 4)))
        scale = b.act(f"{name}_excite", b.gemm(f"{name}_excite", few, hidden))
        y = b.other(f"{name}_scale", "mul", (y, scale), b.shape(y))
    y = b.conv(f"{name}_project", y, out, act=False)
    return b.add(f"{name}_add", y, x) if stride == 1 and b.shape(x)[0] == out else y
