"""Turns a workload into the matrix products that a systolic array runs, as arrays over layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...spaces.errors import TargetError
from ...spaces.workload import CONVOLUTIONS, Operator, Workload

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Layer:
    """One piece of an operator as a SCALE-Sim topology entry; a depthwise convolution is ``count`` such pieces.

    Args:
        name: Name of the (first) operator.
        ifmap: Height and width of the input map with the padding that the windows touch; (M, K) for a matrix product.
        window: Height and width of the filter; (1, K) for a matrix product.
        channels: Input channels of one piece.
        filters: Output channels of one piece (N).
        stride: Vertical and horizontal stride.
        dilation: Vertical and horizontal distance of neighbouring filter elements.
        count: How often the piece runs.
    """

    name: str
    ifmap: tuple[int, int]
    window: tuple[int, int]
    channels: int
    filters: int
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    count: int = 1

    @property
    def span(self) -> tuple[int, int]:
        """Height and width that one dilated window covers."""
        height, width = ((w - 1) * d + 1 for w, d in zip(self.window, self.dilation, strict=True))
        return height, width

    @property
    def steps(self) -> tuple[int, int]:
        """Windows per column and per row; SCALE-Sim rounds up: ceil((ifmap - window + stride) / stride)."""
        sides = zip(self.ifmap, self.span, self.stride, strict=True)
        rows, cols = (-(-(side - span + stride) // stride) for side, span, stride in sides)
        return rows, cols

    @property
    def is_product(self) -> bool:
        """Whether the entry is a matrix product, (M, K) by (K, N)."""
        return self.channels == 1 and self.window == (1, self.ifmap[1])


@dataclass(frozen=True, slots=True)
class Layers:
    """A workload's distinct layers as columns, int64 [l] unless noted.

    Args:
        entries: The layers.
        m: Output pixels.
        k: Window size: multiply-accumulates per output.
        n: Filters.
        touched: Distinct input words that the windows read.
        overlapping: bool [l], whether some input word is in two windows.
        count: How often each layer runs.
        geometry: int64 [7, l]: windows per column and per row, window height and width, vertical and horizontal
            stride, channels.
    """

    entries: tuple[Layer, ...]
    m: IntArray
    k: IntArray
    n: IntArray
    touched: IntArray
    overlapping: NDArray[np.bool_]
    count: IntArray
    geometry: IntArray

    @classmethod
    def of(cls, entries: Sequence[Layer]) -> Layers:
        """Columns of given layers, in their order."""
        rows = [(*_product(entry), _touched(entry), entry.count) for entry in entries]
        m, k, n, touched, count = np.array(rows, dtype=np.int64).reshape(-1, 5).T.copy()
        overlapping = np.array([_overlaps(entry) for entry in entries], dtype=bool)
        geometry = np.array([(*e.steps, *e.window, *e.stride, e.channels) for e in entries], dtype=np.int64)
        return cls(tuple(entries), m, k, n, touched, overlapping, count, geometry.reshape(-1, 7).T.copy())

    def __len__(self) -> int:
        return len(self.entries)


def lower(workload: Workload) -> Layers:
    """The distinct matrix products of a workload, equal ones merged; operators without MACs are left out.

    Convolutions become (output pixels M, window K, filters N), as im2col does. A depthwise or grouped convolution is
    one channel or group, counted as often as there are; attention's products of activations are one head each.

    Args:
        workload: The workload.

    Raises:
        TargetError: When the workload has no operator with MACs.
    """
    merged: dict[Layer, Layer] = {}
    for operator in workload.compute():
        layer = _layer(operator)
        key = replace(layer, name="", count=1)
        first = merged.get(key)
        merged[key] = replace(first, count=first.count + layer.count) if first else layer
    if not merged:
        raise TargetError(f"workload {workload.name!r} has nothing to multiply", "give one with convolutions or gemms")
    return Layers.of(tuple(merged.values()))


def _layer(operator: Operator) -> Layer:
    count = operator.repeat * operator.groups
    if operator.kind not in CONVOLUTIONS:
        rows = math.prod(operator.output_shape[:-1]) // operator.groups
        depth = operator.depth
        return Layer(operator.name, (rows, depth), (1, depth), 1, operator.output_shape[-1], count=count)
    channels, filters = operator.input_shapes[0][0] // operator.groups, operator.output_shape[0] // operator.groups
    # The padded size that gives exactly this output: the simulator knows no padding and rounds partial windows up.
    ifmap = tuple(
        (out - 1) * stride + (window - 1) * dilation + 1
        for out, stride, window, dilation in zip(
            operator.output_shape[1:], operator.stride, operator.kernel, operator.dilation, strict=True
        )
    )
    return Layer(
        operator.name,
        (ifmap[0], ifmap[1]),
        operator.kernel,
        channels,
        filters,
        operator.stride,
        operator.dilation,
        count,
    )


def _product(layer: Layer) -> tuple[int, int, int]:
    return math.prod(layer.steps), math.prod(layer.window) * layer.channels, layer.filters


def _touched(layer: Layer) -> int:
    """Distinct words in all windows: gaps between windows and what lies outside the map do not count."""
    words = layer.channels
    for side, window, stride, dilation, steps in zip(
        layer.ifmap, layer.window, layer.stride, layer.dilation, layer.steps, strict=True
    ):
        places = np.add.outer(np.arange(steps) * stride, np.arange(window) * dilation)
        words *= int(np.unique(places[places < side]).size)
    return words


def _overlaps(layer: Layer) -> bool:
    sides = zip(layer.span, layer.stride, layer.steps, strict=True)
    return any(span > stride and steps > 1 for span, stride, steps in sides)
