"""Slots of NAS-Bench-201 cells: an operation on each edge, dead where nothing that follows reaches the output."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...hw_targets.operator_table import signature
from ...spaces.knobs import Codes
from ...spaces.nas_bench_201 import EDGES, OPERATIONS, NasBench201
from ...spaces.operators import Operator
from .slots import Bag, Part

NONE = OPERATIONS.index("none")


class CellSlots:
    """Six slots, one for each edge; its parts are the operations, alive or dead.

    An edge is dead where every path from its end to the output is cut by ``none``: frameworks that trace the graph
    leave such operators out, eager ones run them.

    Args:
        space: The cells.
    """

    def __init__(self, space: NasBench201) -> None:
        bags = [_bag(space, operation) for operation in OPERATIONS]
        self.parts = [Part(bag, dead) for dead in (False, True) for bag in bags]

    def __call__(self, codes: Codes) -> NDArray[np.int64]:
        """Parts of int64 ``codes`` [n, 6]: indices in :attr:`parts`, int64 [n, 6]."""
        return codes + len(OPERATIONS) * ~alive(codes)


def alive(codes: Codes) -> NDArray[np.bool_]:
    """Whether the end of each edge still reaches the output, bool [n, 6], of int64 ``codes`` [n, 6]."""
    reaches = {3: np.ones(len(codes), bool)}
    for node in (2, 1):
        out = [(k, end) for k, (start, end) in enumerate(EDGES) if start == node]
        reaches[node] = np.any([(codes[:, k] != NONE) & reaches[end] for k, end in out], axis=0)
    return np.stack([reaches[end] for _, end in EDGES], axis=1)


def _bag(space: NasBench201, operation: str) -> Bag:
    """What the operation runs on one edge of every cell, the addition at its end among it."""
    if operation == "none":
        return ()
    others = {f"edge_{a}_{b}": "skip_connect" for a, b in EDGES}
    operators = space.workload(others | {"edge_1_3": operation}).operators
    counts: dict[tuple[object, ...], int] = {}
    first: dict[tuple[object, ...], Operator] = {}
    for operator in operators:
        if "_edge_1_3" in operator.name or operator.name.endswith("_node3_add1"):
            one = signature(operator)
            first.setdefault(one, operator)
            counts[one] = counts.get(one, 0) + 1
    return tuple((first[one], count) for one, count in counts.items())
