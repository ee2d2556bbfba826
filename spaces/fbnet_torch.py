"""PyTorch modules of FBNet designs, batch norms folded. Needs torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor, nn

from .fbnet import STEM_CHANNELS
from .knobs import Value
from .random_weights_torch import random_module

if TYPE_CHECKING:
    from .fbnet import BlockSpec, FBNet


def random_network(space: FBNet, design: Mapping[str, Value], seed: int = 0) -> tuple[nn.Module, Tensor]:
    """One design with random weights, and an input for it; see :meth:`FBNet.module`."""
    return random_module(lambda: _network(space, design), (1, 3, space.resolution, space.resolution), seed)


class Block(nn.Module):
    """Expansion, depthwise convolution, projection, and the addition of the input where shapes agree.

    Args:
        spec: Shapes; not of ``skip``.
    """

    def __init__(self, spec: BlockSpec) -> None:
        super().__init__()
        hidden, groups = spec.hidden, spec.groups
        shuffle: list[nn.Module] = [nn.ChannelShuffle(groups)] if groups > 1 else []
        self.layers = nn.Sequential(
            nn.Conv2d(spec.in_channels, hidden, 1, groups=groups),
            nn.ReLU(),
            *shuffle,
            nn.Conv2d(hidden, hidden, spec.kernel, spec.stride, spec.kernel // 2, groups=hidden),
            nn.ReLU(),
            nn.Conv2d(hidden, spec.out_channels, 1, groups=groups),
        )
        self.residual = spec.same_shape

    def forward(self, x: Tensor) -> Tensor:
        """float32 [n, in_channels, h, w] to float32 [n, out_channels, h', w']."""
        y: Tensor = self.layers(x)
        return y + x if self.residual else y


def _network(space: FBNet, design: Mapping[str, Value]) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, STEM_CHANNELS, 3, space.stem_stride, 1), nn.ReLU()]
    for spec in space.blocks(design):
        if spec.kernel:
            layers.append(Block(spec))
        elif not spec.same_shape:
            layers += [nn.Conv2d(spec.in_channels, spec.out_channels, 1, spec.stride), nn.ReLU()]
    last = [nn.Conv2d(spec.out_channels, space.last_channels, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, *last, nn.Linear(space.last_channels, space.classes))
