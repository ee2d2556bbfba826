"""A small convolutional network of elastic depth, width, kernel size and resolution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from .errors import SpaceError
from .knobs import Value
from .space import Space
from .workload import Operator, Workload

if TYPE_CHECKING:
    import torch

RESOLUTION = (4, 5, 6, 8)
DEPTH = (1, 2, 3)
KERNEL = (3, 5)
WIDTH = ((4, 8, 12), (8, 16, 24), (16, 24, 32))


@dataclass(frozen=True, slots=True)
class ConvSpec:
    """One block: a convolution with bias, an addition of the block's input where it is residual, a ReLU.

    Args:
        stage: Stage, counted from 1.
        block: Block in its stage, counted from 1; the first one changes width and, after stage 1, halves the image.
        in_channels: Channels read.
        out_channels: Channels written.
        kernel: Height and width of the window; padding keeps the image's size at stride 1.
        stride: 1 or 2.
        in_size: Height and width read.
        out_size: Height and width written.
    """

    stage: int
    block: int
    in_channels: int
    out_channels: int
    kernel: int
    stride: int
    in_size: int
    out_size: int

    @property
    def residual(self) -> bool:
        """Whether the block's input is added; in every block but the first of a stage (He et al., CVPR 2016)."""
        return self.block > 1


class ElasticCnn(Space):
    """Stages of residual 3x3 or 5x5 convolutions, mean pooling and a linear classifier.

    The four elastic dimensions are those of Once-for-All (Cai et al., ICLR 2020, section 3.2). Knobs: ``resolution``;
    for each stage ``stage1_depth`` and ``stage1_width``; for each block ``stage1_block1_kernel``, which is inactive
    when the stage is not that deep. With the default options the space holds 296,352 designs.

    Args:
        resolution: Heights (and widths) of the square input image.
        depth: Blocks of a stage.
        width: For each stage, its output channels.
        kernel: Odd window sizes.
        channels: Channels of the input image.
        classes: Outputs of the classifier.

    Raises:
        SpaceError: When an option is empty, unsorted, or has values that cannot be built.
    """

    def __init__(
        self,
        resolution: Sequence[int] = RESOLUTION,
        depth: Sequence[int] = DEPTH,
        width: Sequence[Sequence[int]] = WIDTH,
        kernel: Sequence[int] = KERNEL,
        channels: int = 1,
        classes: int = 10,
    ) -> None:
        _check_rising("resolution", resolution)
        _check_rising("depth", depth)
        _check_rising("kernel", kernel)
        if not width:
            raise SpaceError("elastic_cnn: width has no stage", "give one list of channels for each stage")
        for stage, choices in enumerate(width, 1):
            _check_rising(f"width of stage {stage}", choices)
        if any(size % 2 == 0 for size in kernel):
            raise SpaceError(f"elastic_cnn: kernel {list(kernel)} holds an even size", "use odd sizes, such as 3 and 5")
        if channels < 1 or classes < 2:
            raise SpaceError(f"elastic_cnn: {channels} channels, {classes} classes", "give >= 1 and >= 2")
        knobs: dict[str, Any] = {"resolution": list(resolution)}
        for stage, choices in enumerate(width, 1):
            knobs[f"stage{stage}_depth"] = list(depth)
            knobs[f"stage{stage}_width"] = list(choices)
            for block in range(1, max(depth) + 1):
                declared: dict[str, Any] = {"type": "ordinal", "values": list(kernel)}
                if block > min(depth):
                    declared["active_if"] = {f"stage{stage}_depth": {"at_least": block}}
                knobs[f"stage{stage}_block{block}_kernel"] = declared
        super().__init__(knobs, name="elastic_cnn")
        self.resolution = tuple(resolution)
        self.depth = tuple(depth)
        self.width = tuple(tuple(choices) for choices in width)
        self.kernel = tuple(kernel)
        self.channels = channels
        self.classes = classes

    def layers(self, design: Mapping[str, Value]) -> tuple[ConvSpec, ...]:
        """The blocks of one design, in order."""
        size, channels = int(design["resolution"]), self.channels
        found = []
        for stage in range(1, len(self.width) + 1):
            width = int(design[f"stage{stage}_width"])
            for block in range(1, int(design[f"stage{stage}_depth"]) + 1):
                kernel = int(design[f"stage{stage}_block{block}_kernel"])
                stride = 2 if stage > 1 and block == 1 else 1
                out_size = (size - 1) // stride + 1
                found.append(ConvSpec(stage, block, channels, width, kernel, stride, size, out_size))
                size, channels = out_size, width
        return tuple(found)

    def corner(self, *, largest: bool, resolution: int | None = None) -> dict[str, Value]:
        """The design whose knobs all have their largest or smallest values.

        Args:
            largest: Which of the two.
            resolution: Overrides that one knob.
        """
        pick = -1 if largest else 0
        design: dict[str, Value] = {"resolution": self.resolution[pick] if resolution is None else resolution}
        for stage, choices in enumerate(self.width, 1):
            design[f"stage{stage}_depth"] = self.depth[pick]
            design[f"stage{stage}_width"] = choices[pick]
            for block in range(1, self.depth[pick] + 1):
                design[f"stage{stage}_block{block}_kernel"] = self.kernel[pick]
        return design

    def workload(self, design: Mapping[str, Value]) -> Workload:
        """The operators of one design with their edges; batch normalisation is folded into the convolutions."""
        operators: list[Operator] = []
        previous = -1
        layers = self.layers(design)
        for layer in layers:
            operators += _operators(layer, previous, len(operators))
            previous = len(operators) - 1
        last = layers[-1]
        shape, pooled = (last.out_channels, last.out_size, last.out_size), (last.out_channels, 1, 1)
        window = (last.out_size, last.out_size)
        operators.append(Operator("pool", "pool", (shape,), pooled, kernel=window, stride=window, inputs=(previous,)))
        params = (last.out_channels + 1) * self.classes
        flat = (last.out_channels,)
        operators.append(
            Operator("head", "gemm", (flat,), (self.classes,), params=params, inputs=(len(operators) - 1,))
        )
        return Workload(self.name, tuple(operators))

    def module(self, design: Mapping[str, Value], seed: int = 0) -> tuple[torch.nn.Module, torch.Tensor]:
        """One design as a plain PyTorch module with random weights, to be measured.

        Args:
            design: A design of this space.
            seed: Fixes weights and input.

        Returns:
            The module in evaluation mode, and an input, float32 [1, channels, resolution, resolution].
        """
        from .elastic_cnn_torch import random_subnetwork

        return random_subnetwork(self, design, seed)


def _operators(layer: ConvSpec, source: int, first: int) -> list[Operator]:
    name = f"stage{layer.stage}_block{layer.block}"
    read = (layer.in_channels, layer.in_size, layer.in_size)
    written = (layer.out_channels, layer.out_size, layer.out_size)
    window, stride = (layer.kernel, layer.kernel), (layer.stride, layer.stride)
    params = (layer.in_channels * layer.kernel**2 + 1) * layer.out_channels
    found = [Operator(f"{name}_conv", "conv", (read,), written, window, stride, params=params, inputs=(source,))]
    if layer.residual:
        found.append(Operator(f"{name}_add", "add", (written, written), written, inputs=(first, source)))
    relu = Operator(f"{name}_relu", "activation", (written,), written, inputs=(first + len(found) - 1,))
    return [*found, relu]


def _check_rising(name: str, values: Sequence[int]) -> None:
    whole = all(isinstance(v, int) and not isinstance(v, bool) and v >= 1 for v in values)
    if not values or not whole or any(a >= b for a, b in pairwise(values)):
        raise SpaceError(f"elastic_cnn: {name} is {list(values)}", "give positive whole numbers in rising order")
