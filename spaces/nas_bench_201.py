"""The cells of NAS-Bench-201 (Dong and Yang, "NAS-Bench-201", ICLR 2020)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .errors import DesignError, SpaceError
from .knobs import Categorical, Codes, Value
from .networks.builder import INPUT, Builder
from .space import Space
from .workload import Workload

if TYPE_CHECKING:
    import torch

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""What an edge may do; ``nor_conv`` is ReLU, convolution, batch norm. Source: section 2.1."""

EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""Source and destination node of each edge, in the order of an architecture's text."""

STAGES = 3


class NasBench201(Space):
    """15,625 cells: six edges between four nodes, each with one of five operations.

    The knobs are ``edge_0_1``, ``edge_0_2``, ``edge_1_2``, ``edge_0_3``, ``edge_1_3``, ``edge_2_3``. A node is the sum
    of its edges. The network around the cell is that of section 2.1: a 3x3 convolution, three stages of cells with a
    residual block between them that halves the image and doubles the channels, mean pooling and a linear classifier.
    NAS-Bench-201's own index of an architecture follows no formula, so tables in its order need the list of its
    architectures; see :meth:`codes_of`.

    Args:
        channels: Channels of the first stage.
        cells: Cells of a stage.
        resolution: Side of the input image, pixels; 32 for CIFAR, 16 for ImageNet16-120.
        classes: Outputs of the classifier.

    Raises:
        SpaceError: When an option is below 1, or the resolution is not a multiple of 4.
    """

    def __init__(self, channels: int = 16, cells: int = 5, resolution: int = 32, classes: int = 10) -> None:
        if min(channels, cells, resolution, classes) < 1 or resolution % 4:
            problem = f"nas_bench_201: channels {channels}, cells {cells}, resolution {resolution}, classes {classes}"
            raise SpaceError(problem, "give numbers of 1 or more, and a resolution that is a multiple of 4")
        super().__init__({f"edge_{a}_{b}": Categorical(OPERATIONS) for a, b in EDGES}, name="nas_bench_201")
        self.channels = channels
        self.cells = cells
        self.resolution = resolution
        self.classes = classes

    def architecture(self, design: Mapping[str, Value]) -> str:
        """The text that NAS-Bench-201 uses: ``|nor_conv_3x3~0|+|none~0|skip_connect~1|+|...|``."""
        nodes = [
            "|".join(f"{design[f'edge_{a}_{b}']}~{a}" for a, b in EDGES if b == node) for node in range(1, STAGES + 1)
        ]
        return "+".join(f"|{node}|" for node in nodes)

    def codes_of(self, architectures: Sequence[str]) -> Codes:
        """Codes of texts as :meth:`architecture` writes them.

        Args:
            architectures: ``n`` texts.

        Returns:
            int64 [n, 6].

        Raises:
            DesignError: When a text is none of these.
        """
        return np.array([_edges_of(text) for text in architectures], dtype=np.int64).reshape(-1, len(EDGES))

    def workload(self, design: Mapping[str, Value]) -> Workload:
        """The operators of one design; every edge but ``none`` is run, whether or not it reaches the output."""
        b = Builder(self.name, (3, self.resolution, self.resolution))
        x = b.conv("stem", INPUT, self.channels, 3, act=False)
        for stage in range(1, STAGES + 1):
            if stage > 1:
                x = _halve(b, f"stage{stage}_reduce", x)
            for cell in range(1, self.cells + 1):
                x = _cell(b, f"stage{stage}_cell{cell}", x, design)
        x = b.act("last", b.other("last_norm", "norm", (x,), b.shape(x), params=2 * b.shape(x)[0]))
        b.gemm("head", b.pool("pool", x), self.classes)
        return b.workload()

    def module(self, design: Mapping[str, Value], seed: int = 0) -> tuple[torch.nn.Module, torch.Tensor]:
        """One design as a PyTorch module with random weights, batch norms folded into the convolutions.

        Args:
            design: A design of this space.
            seed: Fixes weights and input.

        Returns:
            The module in evaluation mode, and an input, float32 [1, 3, resolution, resolution].
        """
        from .nas_bench_201_torch import random_network

        return random_network(self, design, seed)


def _edges_of(text: str) -> list[int]:
    nodes = [node.strip("|").split("|") for node in text.strip().split("+")]
    found: list[int] = []
    for index, (a, b) in enumerate(EDGES):
        place = index - sum(1 for _, end in EDGES if end < b)
        operation, _, source = "", "", ""
        if len(nodes) == STAGES and len(nodes[b - 1]) == b:
            operation, _, source = nodes[b - 1][place].partition("~")
        if operation not in OPERATIONS or source != str(a):
            remedy = "write it as |op~0|+|op~0|op~1|+|op~0|op~1|op~2| with the operations " + ", ".join(OPERATIONS)
            raise DesignError(f"{text!r} is no NAS-Bench-201 architecture", remedy)
        found.append(OPERATIONS.index(operation))
    return found


def _cell(b: Builder, name: str, x: int, design: Mapping[str, Value]) -> int:
    nodes = [x]
    for node in range(1, STAGES + 1):
        parts = []
        for start in range(node):
            operation = str(design[f"edge_{start}_{node}"])
            if operation != "none":
                parts.append(_edge(b, f"{name}_edge_{start}_{node}", nodes[start], operation))
        if not parts:
            parts = [b.other(f"{name}_zero{node}", "other", (x,), b.shape(x))]
        total = parts[0]
        for i, part in enumerate(parts[1:], 1):
            total = b.add(f"{name}_node{node}_add{i}", total, part)
        nodes.append(total)
    return nodes[-1]


def _edge(b: Builder, name: str, x: int, operation: str) -> int:
    if operation == "skip_connect":
        return x
    if operation == "avg_pool_3x3":
        return b.pool(name, x, 3)
    return b.conv(name, b.act(name, x), b.shape(x)[0], 3 if operation == "nor_conv_3x3" else 1, act=False)


def _halve(b: Builder, name: str, x: int) -> int:
    """Residual block of stride 2: two 3x3 ReLU-convolution-norms beside 2x2 mean pooling and a bare 1x1 convolution."""
    channels = 2 * b.shape(x)[0]
    y = b.conv(f"{name}_a", b.act(f"{name}_a", x), channels, 3, 2, act=False)
    y = b.conv(f"{name}_b", b.act(f"{name}_b", y), channels, 3, act=False)
    short = b.conv(f"{name}_short", b.pool(f"{name}_pool", x, 2, 2), channels, act=False, norm=False)
    return b.add(f"{name}_add", y, short)
