"""Designs as counts of distinct operators, for targets whose cost is a sum over operators."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ..spaces.errors import TargetError
from ..spaces.knobs import Codes
from ..spaces.network_space import WorkloadSpace
from ..spaces.operators import Operator
from ..spaces.space import Space
from .target import FloatArray

MAX_DESIGNS = 20_000
"""Designs remembered per space; a few KiB each."""

Occurrences = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Indices of a design's distinct operators, int64 [m], and how often each occurs, float64 [m]."""


class OperatorTable:
    """All distinct operators of the designs of one space that were asked for.

    Networks repeat few operators, so a target works out the cost of each once, and scores a batch by weighted sums.
    """

    def __init__(self) -> None:
        self._index: dict[tuple[object, ...], int] = {}
        self._designs: dict[bytes, Occurrences] = {}
        self.operators: list[Operator] = []

    def occurrences(self, space: Space, codes: Codes) -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]:
        """The operators of designs.

        Args:
            space: A space with ``workload(design) -> Workload``; always the same one.
            codes: int64 [n, n_knobs].

        Returns:
            Per (design, distinct operator): row of ``codes``, int64 [m]; index in :attr:`operators`, int64 [m]; how
            often it occurs, float64 [m].
        """
        found = [self._one(space, row) for row in codes]
        rows = np.repeat(np.arange(len(found)), [len(index) for index, _ in found])
        empty: tuple[NDArray[np.int64], FloatArray] = (np.zeros(0, np.int64), np.zeros(0))
        index, count = (np.concatenate(part) for part in zip(*[*found, empty], strict=True))
        return rows, index, count

    def _one(self, space: Space, row: Codes) -> Occurrences:
        key = row.tobytes()
        if key not in self._designs:
            if len(self._designs) >= MAX_DESIGNS:
                self._designs.clear()
            self._designs[key] = self._lower(space, row)
        return self._designs[key]

    def _lower(self, space: Space, row: Codes) -> Occurrences:
        if not isinstance(space, WorkloadSpace):
            raise needs_workloads("operator table", space)
        counts: dict[int, int] = {}
        for operator in space.workload(space.decode(row)[0]).operators:
            index = self._index_of(operator)
            counts[index] = counts.get(index, 0) + 1
        return np.array(list(counts), np.int64), np.array(list(counts.values()), np.float64)

    def _index_of(self, operator: Operator) -> int:
        key = signature(operator)
        if key not in self._index:
            self._index[key] = len(self.operators)
            self.operators.append(operator)
        return self._index[key]


def signature(operator: Operator) -> tuple[object, ...]:
    """All that an operator's cost can depend on where element types are alike; its name and its edges do not count."""
    o = operator
    return (o.kind, o.input_shapes, o.output_shape, o.kernel, o.stride, o.dilation, o.groups, o.repeat, o.params)


_TABLES: WeakKeyDictionary[Space, OperatorTable] = WeakKeyDictionary()


def operator_table(space: Space) -> OperatorTable:
    """The table of a space, shared by all targets on that space in this process."""
    if space not in _TABLES:
        _TABLES[space] = OperatorTable()
    return _TABLES[space]


def needs_workloads(target: str, space: Space) -> TargetError:
    """The error of a space without workloads."""
    remedy = "use a space with workload(design), such as elastic_cnn, nas_bench_201 or fbnet"
    return TargetError(f"{target}: space {space.name!r} gives no workloads", remedy)


def sum_over_operators(n: int, rows: NDArray[np.int64], weights: FloatArray) -> FloatArray:
    """Sums per design, float64 [n], of float64 ``weights`` [m] that belong to design ``rows`` [m]."""
    return np.bincount(rows, weights, minlength=n).astype(np.float64)
