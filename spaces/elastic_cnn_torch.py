"""PyTorch modules of the elastic CNN: plain sub-networks, and the supernet that they are cut from.

This module needs torch; import it where a network is built, not at start-up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from .knobs import Value

if TYPE_CHECKING:
    from .elastic_cnn import ConvSpec, ElasticCnn

EPSILON = 1e-5
"""Added to variances by batch normalisation; PyTorch's default."""

Statistics = list[tuple[Tensor, Tensor]]
"""Mean and variance of each convolution's output, float32 [out_channels] each."""


class ConvBlock(nn.Module):
    """Convolution, optional addition of its input, ReLU.

    Args:
        spec: Shapes.
    """

    def __init__(self, spec: ConvSpec) -> None:
        super().__init__()
        channels, padding = (spec.in_channels, spec.out_channels), spec.kernel // 2
        # Made on the meta device so that no random number is drawn.
        conv = nn.Conv2d(*channels, spec.kernel, stride=spec.stride, padding=padding, device="meta")
        self.conv = conv.to_empty(device="cpu")
        self.relu = nn.ReLU()
        self.residual = spec.residual

    def forward(self, x: Tensor) -> Tensor:
        """float32 [n, in_channels, h, w] to float32 [n, out_channels, h', w']."""
        y: Tensor = self.conv(x)
        out: Tensor = self.relu(y + x if self.residual else y)
        return out


class SubNetwork(nn.Module):
    """One design as standard layers only; weights are left unset.

    Args:
        specs: The blocks, in order.
        classes: Outputs of the classifier.
    """

    def __init__(self, specs: Sequence[ConvSpec], classes: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*[ConvBlock(spec) for spec in specs])
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.head = nn.Linear(specs[-1].out_channels, classes, device="meta").to_empty(device="cpu")

    def conv_blocks(self) -> list[ConvBlock]:
        """The blocks, in order."""
        return [block for block in self.blocks if isinstance(block, ConvBlock)]

    def forward(self, images: Tensor) -> Tensor:
        """Images float32 [n, channels, resolution, resolution] to logits float32 [n, classes]."""
        logits: Tensor = self.head(self.flatten(self.pool(self.blocks(images))))
        return logits


class Supernet(nn.Module):
    """All sub-networks of an elastic CNN with shared weights.

    A narrower block uses the first channels of the shared convolution (Yu et al., "Slimmable Neural Networks", ICLR
    2019), a smaller kernel its centre (Cai et al., "Once-for-All", ICLR 2020, section 3.3, without the kernel
    transformation matrices), a shallower stage its first blocks. Batch normalisation uses the statistics of the batch
    in training; for inference each sub-network gets its own, measured once by :meth:`calibrate` (Yu and Huang,
    "Universally Slimmable Networks", ICCV 2019, "Post-Statistics of Batch Normalization").

    Args:
        space: The space.
        seed: Fixes the first weights.
    """

    def __init__(self, space: ElasticCnn, seed: int = 0) -> None:
        super().__init__()
        self.space = space
        generator = torch.Generator().manual_seed(seed)
        specs = space.layers(space.corner(largest=True))
        self._rows = {(spec.stage, spec.block): i for i, spec in enumerate(specs)}
        self.kernels, self.scales, self.shifts = nn.ParameterList(), nn.ParameterList(), nn.ParameterList()
        for spec in specs:
            kernel = torch.empty(spec.out_channels, spec.in_channels, spec.kernel, spec.kernel)
            nn.init.kaiming_normal_(kernel, nonlinearity="relu", generator=generator)
            self.kernels.append(nn.Parameter(kernel))
            self.scales.append(nn.Parameter(torch.ones(spec.out_channels)))
            self.shifts.append(nn.Parameter(torch.zeros(spec.out_channels)))
        features = specs[-1].out_channels
        head = torch.empty(space.classes, features).normal_(0.0, features**-0.5, generator=generator)
        self.head_weight = nn.Parameter(head)
        self.head_bias = nn.Parameter(torch.zeros(space.classes))

    def forward(self, images: Tensor, design: Mapping[str, Value], statistics: Statistics | None = None) -> Tensor:
        """Logits of one sub-network.

        Args:
            images: float32 [n, channels, resolution, resolution], at the design's resolution.
            design: Which sub-network.
            statistics: From :meth:`calibrate`; without them, those of ``images``.

        Returns:
            float32 [n, classes].
        """
        return self._run(images, design, statistics, None)

    @torch.no_grad()
    def calibrate(self, images: Tensor, design: Mapping[str, Value]) -> Statistics:
        """Statistics of one sub-network's convolutions over training images, shaped as in :meth:`forward`."""
        found: Statistics = []
        self._run(images, design, None, found)
        return found

    @torch.no_grad()
    def extract(self, design: Mapping[str, Value], statistics: Statistics) -> SubNetwork:
        """One sub-network as a plain module, batch normalisation folded into its convolutions.

        Args:
            design: Which sub-network.
            statistics: From :meth:`calibrate`.

        Returns:
            A module in evaluation mode whose outputs equal ``self(images, design, statistics)``.
        """
        specs = self.space.layers(design)
        network = SubNetwork(specs, self.space.classes)
        for spec, block, (mean, variance) in zip(specs, network.conv_blocks(), statistics, strict=True):
            kernel, scale, shift = self._slices(spec)
            gain = scale * torch.rsqrt(variance + EPSILON)
            block.conv.weight.copy_(kernel * gain[:, None, None, None])
            cast("Tensor", block.conv.bias).copy_(shift - mean * gain)
        network.head.weight.copy_(self.head_weight[:, : specs[-1].out_channels])
        network.head.bias.copy_(self.head_bias)
        return network.eval()

    def _slices(self, spec: ConvSpec) -> tuple[Tensor, Tensor, Tensor]:
        row, n = self._rows[spec.stage, spec.block], spec.out_channels
        shared = self.kernels[row]
        crop = (shared.shape[-1] - spec.kernel) // 2
        window = slice(crop, crop + spec.kernel)
        return shared[:n, : spec.in_channels, window, window], self.scales[row][:n], self.shifts[row][:n]

    def _run(
        self, x: Tensor, design: Mapping[str, Value], statistics: Statistics | None, found: Statistics | None
    ) -> Tensor:
        for i, spec in enumerate(self.space.layers(design)):
            kernel, scale, shift = self._slices(spec)
            y = functional.conv2d(x, kernel, stride=spec.stride, padding=spec.kernel // 2)
            if found is not None:
                variance, mean = torch.var_mean(y, dim=(0, 2, 3), correction=0)
                found.append((mean, variance))
            if statistics is None:
                y = functional.batch_norm(y, None, None, scale, shift, training=True, eps=EPSILON)
            else:
                y = functional.batch_norm(y, *statistics[i], scale, shift, training=False, eps=EPSILON)
            x = functional.relu(y + x if spec.residual else y)
        x = x.mean(dim=(2, 3))
        return functional.linear(x, self.head_weight[:, : x.shape[1]], self.head_bias)


@torch.no_grad()
def random_subnetwork(space: ElasticCnn, design: Mapping[str, Value], seed: int = 0) -> tuple[SubNetwork, Tensor]:
    """One design with random weights, and an input for it; see :meth:`ElasticCnn.module`."""
    generator = torch.Generator().manual_seed(seed)
    specs = space.layers(design)
    network = SubNetwork(specs, space.classes)
    for parameter in network.parameters():
        fan_in = max(parameter[0].numel(), 1)
        parameter.normal_(0.0, fan_in**-0.5, generator=generator)
    size = specs[0].in_size
    return network.eval(), torch.randn(1, space.channels, size, size, generator=generator)
