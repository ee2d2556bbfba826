"""Writes a network down operator by operator; the named networks are made with it."""

from __future__ import annotations

from ..errors import WorkloadError
from ..operators import Kind, Operator, Shape
from ..workload import Workload

INPUT = -1
"""Index that stands for the network's input."""


def make_divisible(channels: float, divisor: int = 8) -> int:
    """Channels rounded to a multiple of ``divisor``, never more than 10% down.

    Source: the MobileNet authors' reference code; the rule behind the width multipliers of MobileNetV2 and V3.
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


class Builder:
    """Appends operators and keeps track of shapes; every method returns the index of the operator that it added.

    Args:
        name: Name of the workload.
        input_shape: Shape of the network's input at batch 1, for example (3, 224, 224).
        dtype: Element type of weights and activations.
    """

    def __init__(self, name: str, input_shape: Shape, dtype: str = "float32") -> None:
        self.name = name
        self.input_shape = input_shape
        self.dtype = dtype
        self.operators: list[Operator] = []

    def shape(self, index: int) -> Shape:
        """Shape of what an operator (or :data:`INPUT`) gives."""
        return self.input_shape if index == INPUT else self.operators[index].output_shape

    def conv(
        self, name: str, x: int, channels: int, kernel: int = 1, stride: int = 1, *, groups: int = 1, act: bool = True,
        norm: bool = True,
    ) -> int:  # fmt: skip
        """Convolution padded by ``kernel // 2`` with its folded batch norm, then an activation.

        Args:
            name: Name of the operator.
            x: Index of the input.
            channels: Output channels.
            kernel: Side of the square window.
            stride: Stride in both directions.
            groups: Channel groups.
            act: Append an activation.
            norm: Count the batch norm's parameters; without it there is no bias either.
        """
        inputs = self.shape(x)[0]
        kind: Kind = "conv" if groups == 1 else "dwconv" if groups == inputs else "groupconv"
        # Batch norm's scale and shift count as parameters; inference folds them into the convolution.
        params = channels * (inputs // groups * kernel * kernel + 2 * norm)
        out = (channels, *self._window(name, x, kernel, stride, kernel // 2))
        index = self._add(name, kind, (x,), out, window=(kernel, stride, groups), params=params)
        return self.act(name, index) if act else index

    def patches(self, name: str, x: int, channels: int, side: int) -> int:
        """Convolution with bias over square patches that do not overlap; no norm, no activation."""
        params = channels * (self.shape(x)[0] * side * side + 1)
        out = (channels, *self._window(name, x, side, side, 0))
        return self._add(name, "conv", (x,), out, window=(side, side, 1), params=params)

    def gemm(self, name: str, x: int, features: int, *, bias: bool = True) -> int:
        """Product of the last axis with a weight matrix."""
        *rows, inputs = self.shape(x)
        return self._add(name, "gemm", (x,), (*rows, features), params=features * (inputs + bias))

    def matmul(self, name: str, a: int, b: int, pieces: int, m: int, k: int, n: int) -> int:
        """``pieces`` products of activations, [m, k] by [k, n]."""
        return self._add(name, "matmul", (a, b), (pieces, m, n), ((pieces, m, k), (pieces, k, n)), (1, 1, pieces))

    def pool(self, name: str, x: int, kernel: int = 0, stride: int = 1) -> int:
        """Pooling; a kernel of 0 averages the whole map into a vector, an odd one is padded by ``kernel // 2``."""
        channels = self.shape(x)[0]
        if kernel == 0:
            return self._add(name, "pool", (x,), (channels,))
        out = (channels, *self._window(name, x, kernel, stride, kernel // 2 if kernel % 2 else 0))
        return self._add(name, "pool", (x,), out, window=(kernel, stride, 1))

    def add(self, name: str, a: int, b: int) -> int:
        """Element-wise sum."""
        return self._add(name, "add", (a, b), self.shape(a))

    def act(self, name: str, x: int) -> int:
        """Element-wise activation, named ``<name>_act``."""
        return self._add(f"{name}_act", "activation", (x,), self.shape(x))

    def norm(self, name: str, x: int) -> int:
        """Layer norm over the last axis, with scale and shift."""
        return self._add(name, "norm", (x,), self.shape(x), params=2 * self.shape(x)[-1])

    def other(self, name: str, kind: Kind, x: tuple[int, ...], out: Shape, params: int = 0) -> int:
        """An operator without window or product."""
        return self._add(name, kind, x, out, params=params)

    def workload(self) -> Workload:
        """What was written so far."""
        return Workload(self.name, tuple(self.operators))

    def _window(self, name: str, x: int, kernel: int, stride: int, pad: int) -> tuple[int, int]:
        _, height, width = self.shape(x)
        if min(height, width) + 2 * pad < kernel:
            problem = f"{self.name}: {name} has a {kernel}x{kernel} window on a {height}x{width} map"
            raise WorkloadError(problem, "use a larger resolution")
        return (height + 2 * pad - kernel) // stride + 1, (width + 2 * pad - kernel) // stride + 1

    def _add(
        self, name: str, kind: Kind, x: tuple[int, ...], out: Shape, shapes: tuple[Shape, ...] = (),
        window: tuple[int, int, int] = (1, 1, 1), params: int = 0,
    ) -> int:  # fmt: skip
        kernel, stride, groups = window
        inputs = shapes or tuple(self.shape(i) for i in x)
        self.operators.append(
            Operator(
                name=name,
                kind=kind,
                input_shapes=inputs,
                output_shape=out,
                kernel=(kernel, kernel),
                stride=(stride, stride),
                groups=groups,
                params=params,
                dtype=self.dtype,
                inputs=x,
            )
        )
        return len(self.operators) - 1
