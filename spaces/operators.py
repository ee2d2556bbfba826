"""One operator of a network: shapes, parameters and what they imply. No framework types."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from .errors import WorkloadError

Kind = Literal[
    "conv", "dwconv", "groupconv", "gemm", "matmul", "pool", "add", "mul", "concat", "activation", "norm", "softmax",
    "embedding", "other",
]  # fmt: skip
"""``gemm`` multiplies activations by weights, ``matmul`` activations by activations; ``other`` does no MACs."""

Shape = tuple[int, ...]

CONVOLUTIONS: frozenset[Kind] = frozenset({"conv", "dwconv", "groupconv"})
PRODUCTS: frozenset[Kind] = frozenset({"gemm", "matmul"})

DTYPE_BITS: Mapping[str, int] = {
    "float64": 64, "float32": 32, "float16": 16, "bfloat16": 16, "float8": 8,
    "int64": 64, "int32": 32, "int16": 16, "int8": 8, "uint8": 8, "int4": 4, "bool": 8,
}  # fmt: skip
"""Bits that one element takes in memory."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator at batch 1; a shape leaves the batch out.

    Args:
        name: Unique within its workload, for people.
        kind: What it does.
        input_shapes: Shape of each activation it reads: (channels, height, width) for images, (..., features) for
            ``gemm``, (pieces, M, K) and (pieces, K, N) for ``matmul``.
        output_shape: Shape of what it writes.
        kernel: Height and width of a convolution's or pooling's window.
        stride: Vertical and horizontal stride.
        dilation: Vertical and horizontal distance of neighbouring kernel elements.
        groups: Independent pieces: channel groups of a convolution, heads of an attention's ``matmul``.
        repeat: How often the operator occurs; 1 where every occurrence is listed.
        params: Learned parameters: weights, biases, folded batch-norm scale and shift.
        dtype: Element type of weights and activations, a key of :data:`DTYPE_BITS`.
        inputs: For each input, the index of the operator that produced it; ``-1`` is the network's first input,
            ``-2`` its second. Empty when the graph is not known.

    Raises:
        WorkloadError: When the fields contradict each other.
    """

    name: str
    kind: Kind
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    repeat: int = 1
    params: int = 0
    dtype: str = "float32"
    inputs: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise self._error(f"kind {self.kind!r} is unknown", f"use one of {get_args(Kind)}")
        if self.dtype not in DTYPE_BITS:
            raise self._error(f"dtype {self.dtype!r} is unknown", "use one of " + ", ".join(DTYPE_BITS))
        if not self.input_shapes or min(min((1, *s)) for s in (*self.input_shapes, self.output_shape)) < 1:
            raise self._error(f"shapes {self.input_shapes} -> {self.output_shape}", "give dimensions of 1 or more")
        if min(*self.kernel, *self.stride, *self.dilation, self.groups, self.repeat) < 1 or self.params < 0:
            raise self._error("kernel, stride, dilation, groups or repeat below 1, or params below 0", "correct them")
        if self.inputs and len(self.inputs) != len(self.input_shapes):
            raise self._error(f"{len(self.inputs)} producers for {len(self.input_shapes)} inputs", "list one for each")
        if self.kind in CONVOLUTIONS and (self.input_shapes[0][0] % self.groups or self.output_shape[0] % self.groups):
            raise self._error(f"groups {self.groups} do not divide the channels", "correct groups or channels")

    def _error(self, problem: str, remedy: str) -> WorkloadError:
        return WorkloadError(f"operator {self.name!r}: {problem}", remedy)

    # --- counts, all over every repeat -----------------------------------------------------------------------------

    @property
    def depth(self) -> int:
        """Multiply-accumulates behind one output element (the K of the matrix product); 0 for operators without."""
        if self.kind in CONVOLUTIONS:
            return self.input_shapes[0][0] // self.groups * math.prod(self.kernel)
        return self.input_shapes[0][-1] if self.kind in PRODUCTS else 0

    @property
    def macs(self) -> int:
        """Multiply-accumulates; only convolutions and matrix products have any, as is usual."""
        return self.repeat * math.prod(self.output_shape) * self.depth

    @property
    def weight_bytes(self) -> int:
        """Bytes of the parameters."""
        return self._bytes(self.repeat * self.params)

    @property
    def input_elements(self) -> int:
        """Activation elements read, each input once."""
        return self.repeat * sum(math.prod(shape) for shape in self.input_shapes)

    @property
    def output_elements(self) -> int:
        """Activation elements written."""
        return self.repeat * math.prod(self.output_shape)

    @property
    def input_bytes(self) -> int:
        """Bytes of :attr:`input_elements`."""
        return self._bytes(self.input_elements)

    @property
    def output_bytes(self) -> int:
        """Bytes of :attr:`output_elements`."""
        return self._bytes(self.output_elements)

    @property
    def arithmetic_intensity(self) -> float:
        """MACs per byte when every weight, input and output crosses the memory border exactly once.

        Source: operational intensity of the roofline model (Williams et al., CACM 2009), in MACs instead of FLOPs.
        """
        return self.macs / (self.weight_bytes + self.input_bytes + self.output_bytes)

    def _bytes(self, elements: int) -> int:
        return -(-elements * DTYPE_BITS[self.dtype] // 8)

    # --- JSON ------------------------------------------------------------------------------------------------------

    def spec(self) -> dict[str, Any]:
        """JSON-able fields; :meth:`from_spec` reads them back."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Operator:
        """Read :meth:`spec`, after JSON turned its tuples into lists.

        Raises:
            WorkloadError: When a field is unknown or missing, or the fields contradict each other.
        """
        plain: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in spec.items()}
        plain["input_shapes"] = tuple(tuple(shape) for shape in plain.get("input_shapes", ()))
        try:
            return cls(**plain)
        except TypeError as error:
            raise WorkloadError(f"operator {spec.get('name')!r}: {error}", "write it with Operator.spec()") from error
