"""The layer-wise space of FBNet (Wu et al., "FBNet", CVPR 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import SpaceError
from .knobs import Categorical, Value
from .networks.builder import INPUT, Builder
from .space import Space
from .workload import Workload

if TYPE_CHECKING:
    import torch

BLOCKS = ("k3_e1", "k3_e1_g2", "k3_e3", "k3_e6", "k5_e1", "k5_e1_g2", "k5_e3", "k5_e6", "skip")
"""Kernel of the depthwise convolution, expansion, groups of the 1x1 convolutions. Source: Table 2."""

STAGES = ((16, 1, 1), (24, 4, 2), (32, 4, 2), (64, 4, 2), (112, 4, 1), (184, 4, 2), (352, 1, 1))
"""Channels, searched blocks, stride of the first one. Source: Table 1."""

STEM_CHANNELS = 16
LAST_CHANNELS = 1984
"""Channels of the first convolution and of the last 1x1 convolution. Source: Table 1."""

SMALL_LAST_CHANNELS = 1504
"""The same in the network for small images. Source: Li et al., "HW-NAS-Bench", ICLR 2021, its CIFAR-100 network."""


@dataclass(frozen=True, slots=True)
class BlockSpec:
    """One searched position with the block that a design puts there.

    Args:
        name: Name of its knob.
        in_channels: Channels read.
        out_channels: Channels written.
        stride: 1 or 2.
        kernel: Side of the depthwise window; 0 for ``skip``.
        hidden: Channels after the expansion; 0 for ``skip``.
        groups: Groups of both 1x1 convolutions.
    """

    name: str
    in_channels: int
    out_channels: int
    stride: int
    kernel: int
    hidden: int
    groups: int

    @property
    def same_shape(self) -> bool:
        """Whether it writes the shape that it reads, so that its input is added (or, for ``skip``, passed on)."""
        return self.stride == 1 and self.in_channels == self.out_channels


class FBNet(Space):
    """22 positions, each with one of nine blocks: 9.8e20 designs.

    The knobs are ``block_1`` to ``block_22``. A block is a 1x1 convolution that expands, a depthwise one, and a 1x1
    convolution that projects; ReLU after the first two; its input is added where shapes agree. With two groups,
    channels are shuffled after the first 1x1 convolution (section 3.1). ``skip`` is the identity, and a 1x1 convolution
    with ReLU where the shape changes.

    Args:
        resolution: Side of the input image, pixels.
        classes: Outputs of the classifier.
        small_images: The network that HW-NAS-Bench and HELP timed on CIFAR-100 images (resolution 32): the first
            convolution and the second stage keep the image's size, and the last convolution is narrower.

    Raises:
        SpaceError: When an option is below 1.
    """

    def __init__(self, resolution: int = 224, classes: int = 1000, small_images: bool = False) -> None:
        if min(resolution, classes) < 1:
            raise SpaceError(f"fbnet: resolution {resolution}, classes {classes}", "give numbers of 1 or more")
        strides = [1 if small_images and stage == 1 else stride for stage, (_, _, stride) in enumerate(STAGES)]
        starts = zip(STAGES, strides, strict=True)
        positions = [(width, stride if i == 0 else 1) for (width, n, _), stride in starts for i in range(n)]
        knobs = {f"block_{i}": Categorical(BLOCKS) for i in range(1, len(positions) + 1)}
        super().__init__(knobs, name="fbnet")
        self.positions = tuple(positions)
        self.resolution = resolution
        self.classes = classes
        self.stem_stride = 1 if small_images else 2
        self.last_channels = SMALL_LAST_CHANNELS if small_images else LAST_CHANNELS

    def blocks(self, design: Mapping[str, Value]) -> tuple[BlockSpec, ...]:
        """The searched positions of one design, in order."""
        found, channels = [], STEM_CHANNELS
        for name, (width, stride) in zip(self.names, self.positions, strict=True):
            kernel, expansion, groups = _parts(str(design[name]))
            found.append(BlockSpec(name, channels, width, stride, kernel, expansion * channels, groups))
            channels = width
        return tuple(found)

    def workload(self, design: Mapping[str, Value]) -> Workload:
        """The operators of one design with their edges; batch normalisation is folded into the convolutions."""
        b = Builder(self.name, (3, self.resolution, self.resolution))
        x = b.conv("stem", INPUT, STEM_CHANNELS, 3, self.stem_stride)
        for block in self.blocks(design):
            x = _block(b, block, x)
        b.gemm("head", b.pool("pool", b.conv("last", x, self.last_channels)), self.classes)
        return b.workload()

    def module(self, design: Mapping[str, Value], seed: int = 0) -> tuple[torch.nn.Module, torch.Tensor]:
        """One design as a PyTorch module with random weights, batch norms folded into the convolutions.

        Args:
            design: A design of this space.
            seed: Fixes weights and input.

        Returns:
            The module in evaluation mode, and an input, float32 [1, 3, resolution, resolution].
        """
        from .fbnet_torch import random_network

        return random_network(self, design, seed)


def _parts(choice: str) -> tuple[int, int, int]:
    """Kernel, expansion and groups of a choice; zeros and one group for ``skip``."""
    if choice == "skip":
        return 0, 0, 1
    kernel, expansion, *groups = (int(part[1:]) for part in choice.split("_"))
    return kernel, expansion, groups[0] if groups else 1


def _block(b: Builder, block: BlockSpec, x: int) -> int:
    name = block.name
    if not block.kernel:
        return x if block.same_shape else b.conv(f"{name}_skip", x, block.out_channels, 1, block.stride)
    y = b.conv(f"{name}_expand", x, block.hidden, groups=block.groups)
    if block.groups > 1:
        y = b.other(f"{name}_shuffle", "other", (y,), b.shape(y))
    y = b.conv(f"{name}_depthwise", y, block.hidden, block.kernel, block.stride, groups=block.hidden)
    y = b.conv(f"{name}_project", y, block.out_channels, groups=block.groups, act=False)
    return b.add(f"{name}_add", y, x) if block.same_shape else y
