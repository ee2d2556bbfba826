"""Collects operators while a framework's graph is walked; the readers of ONNX and PyTorch share it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from .errors import WorkloadError
from .operators import DTYPE_BITS, Kind, Operator, Shape
from .workload import Workload


class Constant(NamedTuple):
    """A tensor that does not depend on the input.

    Args:
        root: Name of the parameter that it is, or is a view of; empty for constants that are not learned.
        shape: Its shape.
    """

    root: str
    shape: Shape


class GraphReader:
    """Maps the tensors of a graph to operators; tensors go by name, shapes include the batch, which must be 1.

    Args:
        name: Name of the workload.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.dtype = "float32"
        self.constants: dict[str, Constant] = {}
        self._operators: list[Operator] = []
        self._producers: dict[str, int] = {}
        self._shapes: dict[str, Shape] = {}
        self._inputs = 0
        self._sizes: dict[str, int] = {}
        self._claimed: set[str] = set()
        self._names: set[str] = set()

    # --- tensors ---------------------------------------------------------------------------------------------------

    def add_input(self, tensor: str, shape: Shape) -> None:
        """Declare a network input."""
        self._inputs += 1
        self._producers[tensor] = -self._inputs
        self._shapes[tensor] = sample(shape)

    def add_parameter(self, tensor: str, shape: Shape) -> None:
        """Declare a learned parameter."""
        self.constants[tensor] = Constant(tensor, shape)
        self._sizes[tensor] = math.prod(shape)

    def add_constant(self, tensor: str, shape: Shape) -> None:
        """Declare a tensor that is neither learned nor computed from the input."""
        self.constants[tensor] = Constant("", shape)

    def view(self, source: str, tensor: str, shape: Shape) -> None:
        """Declare that a tensor shows elements of another one and moves no data."""
        if source in self.constants:
            self.constants[tensor] = Constant(self.constants[source].root, shape)
            return
        self._producers[tensor] = self._producer(source)
        self._shapes[tensor] = sample(shape)

    def is_constant(self, tensor: str) -> bool:
        """Whether a tensor does not depend on the input."""
        return tensor in self.constants

    def claim(self, tensors: Sequence[str]) -> int:
        """Number of learned parameters behind constants, each counted by the first operator that claims it."""
        roots = {self.constants[tensor].root for tensor in tensors if tensor in self.constants} - {""} - self._claimed
        self._claimed |= roots
        return sum(self._sizes[root] for root in roots)

    # --- operators -------------------------------------------------------------------------------------------------

    def conv(
        self, name: str, x: str, tensor: str, shape: Shape, *, weights: Sequence[str], stride: Shape, dilation: Shape
    ) -> None:
        """A convolution over one or two dimensions; ``weights`` are the kernel and, where there is one, the bias."""
        window = self.constants[weights[0]].shape if weights[0] in self.constants else ()
        if len(window) not in (3, 4) or len(shape) != len(window) or shape[0] != 1:
            problem = f"{self.name}: convolution {name!r} has weights {window} and output {shape}"
            raise WorkloadError(problem, "only 1D and 2D convolutions with constant weights and batch 1 can be read")
        channels = math.prod(self._shapes[x][:1])
        groups = channels // window[1]
        kind: Kind = "conv" if groups == 1 else "dwconv" if groups == channels else "groupconv"
        self._add(
            Operator(
                name=self._unique(name),
                kind=kind,
                input_shapes=(_image(self._shapes[x]),),
                output_shape=_image(sample(shape)),
                kernel=pair(window[2:]),
                stride=pair(stride),
                dilation=pair(dilation),
                groups=groups,
                params=self.claim(weights),
                dtype=self.dtype,
                inputs=(self._producer(x),),
            ),
            tensor,
            shape,
        )

    def product(self, name: str, a: str, b: str, tensor: str, shape: Shape, *, bias: Sequence[str] = ()) -> None:
        """A matrix product: of activations with a constant matrix, or of activations with activations."""
        if a in self.constants:
            problem = f"{self.name}: product {name!r} has its constant on the left"
            raise WorkloadError(problem, "write it as activations times weights")
        if b in self.constants:
            self.other(name, "gemm", (a,), tensor, shape, weights=(b, *bias))
            return
        *pieces, m, n = (1, 1, *sample(shape))
        k = self._shapes[a][-1]
        count = math.prod(pieces)
        self._add(
            Operator(
                name=self._unique(name),
                kind="matmul",
                input_shapes=((count, m, k), (count, k, n)),
                output_shape=(count, m, n),
                groups=count,
                dtype=self.dtype,
                inputs=(self._producer(a), self._producer(b)),
            ),
            tensor,
            shape,
        )

    def other(
        self, name: str, kind: Kind, x: Sequence[str], tensor: str, shape: Shape, *, weights: Sequence[str] = ()
    ) -> None:
        """An operator without window; constants among ``x`` are no inputs."""
        inputs = [source for source in x if source not in self.constants]
        operator = Operator(
            name=self._unique(name),
            kind=kind,
            input_shapes=tuple(self._shape(source) for source in inputs),
            output_shape=sample(shape),
            params=self.claim(weights),
            dtype=self.dtype,
            inputs=tuple(self._producer(source) for source in inputs),
        )
        self._add(operator, tensor, shape)

    def add_bias(self, x: str, bias: str, tensor: str, shape: Shape) -> bool:
        """Fold an addition of a constant vector into the product before it; False when it is not one."""
        index = self._producers.get(x, -1)
        constant = self.constants[bias]
        if index < 0 or self._operators[index].kind != "gemm" or math.prod(constant.shape) != shape[-1]:
            return False
        old = self._operators[index]
        fields = old.spec() | {"params": old.params + self.claim([bias])}
        self._operators[index] = Operator.from_spec(fields)
        self.view(x, tensor, shape)
        return True

    def workload(self) -> Workload:
        """What was read."""
        return Workload(self.name, tuple(self._operators))

    # --- inside ----------------------------------------------------------------------------------------------------

    def _add(self, operator: Operator, tensor: str, shape: Shape) -> None:
        self._operators.append(operator)
        self._producers[tensor] = len(self._operators) - 1
        self._shapes[tensor] = sample(shape)

    def _producer(self, tensor: str) -> int:
        if tensor not in self._producers:
            problem = f"{self.name}: nothing produces tensor {tensor!r}"
            raise WorkloadError(problem, "describe the workload as JSON if the graph cannot be read")
        return self._producers[tensor]

    def _shape(self, tensor: str) -> Shape:
        self._producer(tensor)
        return self._shapes[tensor]

    def _unique(self, name: str) -> str:
        unique, count = name, 1
        while unique in self._names:
            count += 1
            unique = f"{name}_{count}"
        self._names.add(unique)
        return unique


def sample(shape: Shape) -> Shape:
    """Shape without its batch of 1; a larger first dimension is part of the sample."""
    return tuple(shape[1:]) if len(shape) > 1 and shape[0] == 1 else tuple(shape)


def pair(values: Sequence[int]) -> tuple[int, int]:
    """Height and width: one value of a 1D operator becomes the width."""
    height, width = (1, 1, *values)[-2:] if len(values) < 2 else values[-2:]
    return height, width


def element_type(name: str) -> str:
    """A :data:`DTYPE_BITS` key for a framework's element type; types with other widths are read as float32."""
    return name if name in DTYPE_BITS else "float32"


def _image(shape: Shape) -> Shape:
    return (shape[0], 1, shape[1]) if len(shape) == 2 else shape
