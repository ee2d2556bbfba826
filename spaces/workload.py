"""The workload: the operators of one inference of a network, with or without its graph."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import WorkloadError
from .operators import CONVOLUTIONS, DTYPE_BITS, PRODUCTS, Kind, Operator

__all__ = ["CONVOLUTIONS", "DTYPE_BITS", "PRODUCTS", "Kind", "Operator", "Workload"]

COUNTS = (
    "macs", "params", "weight_bytes", "input_elements", "output_elements", "input_bytes", "output_bytes",
    "groups", "repeat",
)  # fmt: skip
"""Integer columns of :meth:`Workload.table`."""

IN_PLACE: frozenset[Kind] = frozenset({"activation", "norm"})
"""Element-wise operators that may overwrite their input, as inference engines do."""


@dataclass(frozen=True, slots=True)
class Workload:
    """The operators of one inference at batch 1, in topological order.

    Args:
        name: For people.
        operators: At least one; an operator comes after those that it reads from.

    Raises:
        WorkloadError: When there is no operator, a name repeats, or an input is not an earlier operator.
    """

    name: str
    operators: tuple[Operator, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "operators", tuple(self.operators))
        if not self.operators:
            raise WorkloadError(f"workload {self.name!r} has no operators", "add at least one")
        seen: set[str] = set()
        for index, operator in enumerate(self.operators):
            if operator.name in seen:
                raise WorkloadError(f"workload {self.name!r}: name {operator.name!r} repeats", "use unique names")
            seen.add(operator.name)
            if any(producer >= index for producer in operator.inputs):
                problem = f"workload {self.name!r}: {operator.name!r} (operator {index}) reads from {operator.inputs}"
                raise WorkloadError(problem, "list operators in topological order")

    def __len__(self) -> int:
        return len(self.operators)

    # --- totals ----------------------------------------------------------------------------------------------------

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(operator.macs for operator in self.operators)

    @property
    def params(self) -> int:
        """Learned parameters."""
        return sum(operator.repeat * operator.params for operator in self.operators)

    @property
    def weight_bytes(self) -> int:
        """Bytes of all parameters."""
        return sum(operator.weight_bytes for operator in self.operators)

    @property
    def activation_bytes(self) -> int:
        """Bytes that all operators write together; see :meth:`peak_activation_bytes` for what is alive at once."""
        return sum(operator.output_bytes for operator in self.operators)

    def compute(self) -> tuple[Operator, ...]:
        """Only the operators that multiply and accumulate."""
        return tuple(operator for operator in self.operators if operator.macs)

    def table(self) -> dict[str, NDArray[Any]]:
        """Columns [n]: ``name`` and ``kind`` (str), :data:`COUNTS` (int64), ``arithmetic_intensity`` (float64)."""
        columns: dict[str, NDArray[Any]] = {
            "name": np.array([operator.name for operator in self.operators]),
            "kind": np.array([operator.kind for operator in self.operators]),
        }
        for count in COUNTS:
            columns[count] = np.array([getattr(operator, count) for operator in self.operators], dtype=np.int64)
        columns["arithmetic_intensity"] = np.array([o.arithmetic_intensity for o in self.operators], dtype=np.float64)
        return columns

    # --- memory ----------------------------------------------------------------------------------------------------

    @property
    def has_graph(self) -> bool:
        """Whether every operator says where its inputs come from."""
        return all(operator.inputs and operator.repeat == 1 for operator in self.operators)

    def live_activation_bytes(self, *, in_place: bool = True) -> NDArray[np.int64]:
        """Activation bytes alive while each operator runs, int64 [n], by liveness in the given order.

        A tensor lives from its producer to its last reader; network inputs live from the start, network outputs to
        the end.

        Args:
            in_place: Let element-wise operators (:data:`IN_PLACE`) overwrite an input that nothing else needs.

        Raises:
            WorkloadError: When the graph is not known.
        """
        if not self.has_graph:
            problem = f"workload {self.name!r} has operators without edges or with repeat > 1"
            raise WorkloadError(problem, "list every occurrence with its producers in 'inputs'")
        n = len(self.operators)
        size = {index: operator.output_bytes for index, operator in enumerate(self.operators)}
        last: dict[int, int] = {}
        for index, operator in enumerate(self.operators):
            for producer, shape in zip(operator.inputs, operator.input_shapes, strict=True):
                last[producer] = index
                if producer < 0:
                    bits = DTYPE_BITS[operator.dtype] * int(np.prod(shape, dtype=np.int64))
                    size[producer] = max(size.get(producer, 0), -(-bits // 8))
        live = np.zeros(n, dtype=np.int64)
        for tensor, count in size.items():
            live[max(tensor, 0) : last.get(tensor, n - 1) + 1] += count
        for index, operator in enumerate(self.operators):
            source = operator.inputs[0]
            if in_place and operator.kind in IN_PLACE and last[source] == index and size[source] == size[index]:
                live[index] -= size[index]
        return live

    def peak_activation_bytes(self, *, in_place: bool = True) -> int:
        """Largest of :meth:`live_activation_bytes`; what an arena allocator needs at least."""
        return int(self.live_activation_bytes(in_place=in_place).max())

    # --- JSON ------------------------------------------------------------------------------------------------------

    def to_json(self) -> str:
        """JSON text that :meth:`from_json` reads back to an equal workload."""
        return json.dumps({"name": self.name, "operators": [operator.spec() for operator in self.operators]})

    @classmethod
    def from_json(cls, text: str) -> Workload:
        """Read :meth:`to_json`.

        Raises:
            WorkloadError: When the text is not such JSON or describes no valid workload.
        """
        try:
            spec = json.loads(text)
        except json.JSONDecodeError as error:
            raise WorkloadError(f"workload is not JSON: {error}", "write it with Workload.to_json()") from error
        if not isinstance(spec, Mapping) or not isinstance(spec.get("operators"), list):
            raise WorkloadError("workload JSON has no list 'operators'", "write it with Workload.to_json()")
        return cls(str(spec.get("name", "workload")), tuple(Operator.from_spec(o) for o in spec["operators"]))
