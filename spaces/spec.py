"""Reading and ordering space declarations."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

from .errors import SpaceError

if TYPE_CHECKING:
    from .conditions import Clause, Condition


def canonical_json(value: object) -> str:
    """JSON with sorted keys and no spaces; tuples as lists."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def split_active_if(knobs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Clause]]:
    """Separate each knob's declaration from its ``active_if`` clause."""
    declared: dict[str, Any] = {}
    clauses: dict[str, Clause] = {}
    for name, spec in knobs.items():
        if isinstance(spec, Mapping) and "active_if" in spec:
            declared[name] = {k: v for k, v in spec.items() if k != "active_if"}
            clauses[name] = spec["active_if"]
        else:
            declared[name] = spec
    return declared, clauses


def topological_order(active_if: Mapping[str, Condition], names: Sequence[str]) -> tuple[str, ...]:
    """Knob names with every knob after those that its ``active_if`` tests.

    Raises:
        SpaceError: When conditions depend on each other in a circle.
    """
    graph = {name: [names[c] for c in active_if[name].columns] if name in active_if else [] for name in names}
    try:
        return tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise SpaceError(f"active_if conditions form a circle: {circle}", "remove one of them") from error
