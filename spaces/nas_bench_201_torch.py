"""PyTorch modules of NAS-Bench-201 cells, batch norms folded. Needs torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from .knobs import Value
from .nas_bench_201 import EDGES, STAGES
from .random_weights_torch import random_module

if TYPE_CHECKING:
    from .nas_bench_201 import NasBench201


def random_network(space: NasBench201, design: Mapping[str, Value], seed: int = 0) -> tuple[nn.Module, Tensor]:
    """One design with random weights, and an input for it; see :meth:`NasBench201.module`."""
    shape = (1, 3, space.resolution, space.resolution)
    return random_module(lambda: _network(space, design), shape, seed)


class Cell(nn.Module):
    """Four nodes; each is the sum of its edges, or zero without any.

    Args:
        design: Operation of each edge.
        channels: Channels read and written.
    """

    def __init__(self, design: Mapping[str, Value], channels: int) -> None:
        super().__init__()
        self.edges = nn.ModuleDict()
        for a, b in EDGES:
            operation = str(design[f"edge_{a}_{b}"])
            if operation != "none":
                self.edges[f"edge_{a}_{b}"] = _operation(operation, channels)

    def forward(self, x: Tensor) -> Tensor:
        """float32 [n, channels, h, w] to the same shape."""
        nodes = [x]
        for b in range(1, STAGES + 1):
            parts = [self.edges[key](nodes[a]) for a in range(b) if (key := f"edge_{a}_{b}") in self.edges]
            total: Tensor = parts[0] if parts else torch.zeros_like(x)
            for part in parts[1:]:
                total = total + part
            nodes.append(total)
        return nodes[-1]


class Halve(nn.Module):
    """The residual block between two stages: half the image, twice the channels.

    Args:
        channels: Channels read.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.long = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(2 * channels, 2 * channels, 3, padding=1),
        )
        self.short = nn.Sequential(nn.AvgPool2d(2, 2), nn.Conv2d(channels, 2 * channels, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """float32 [n, c, h, w] to float32 [n, 2 c, h / 2, w / 2]."""
        out: Tensor = self.long(x) + self.short(x)
        return out


def _network(space: NasBench201, design: Mapping[str, Value]) -> nn.Module:
    channels = space.channels
    layers: list[nn.Module] = [nn.Conv2d(3, channels, 3, padding=1)]
    for stage in range(STAGES):
        if stage:
            layers.append(Halve(channels))
            channels *= 2
        layers += [Cell(design, channels) for _ in range(space.cells)]
    # A depthwise 1x1 convolution is what is left of the last batch norm, which has no convolution to fold into.
    last: list[nn.Module] = [nn.Conv2d(channels, channels, 1, groups=channels), nn.ReLU()]
    return nn.Sequential(*layers, *last, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, space.classes))


def _operation(name: str, channels: int) -> nn.Module:
    if name == "skip_connect":
        return nn.Identity()
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    kernel = 3 if name == "nor_conv_3x3" else 1
    return nn.Sequential(nn.ReLU(), nn.Conv2d(channels, channels, kernel, padding=kernel // 2))
