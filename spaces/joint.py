"""Joint spaces: the product of named parts (``arch.depth``, ``hardware.rows``) under shared constraints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .conditions import Clause
from .errors import SpaceError
from .knobs import Codes
from .space import Space


class JointSpace(Space):
    """Product of spaces, each knob prefixed by its part's name and a dot.

    Args:
        parts: Part name (no dots) to space.
        forbid: Further clauses over dotted names.
        constraints: Further integer constraints over dotted names.
        name: Shown to people.

    Raises:
        SpaceError: When there is no part, or a part's name has a dot.
    """

    def __init__(
        self,
        parts: Mapping[str, Space],
        *,
        forbid: Sequence[Clause] = (),
        constraints: Sequence[Mapping[str, Any]] = (),
        name: str = "joint",
    ) -> None:
        knobs: dict[str, Any] = {}
        all_forbid: list[Clause] = []
        all_constraints: list[Mapping[str, Any]] = []
        for part, space in parts.items():
            if "." in part:
                raise SpaceError(f"part name {part!r} has a dot", "use a name without dots")
            declared = prefixed(space.spec(), part + ".", frozenset(space.names))
            knobs |= declared["knobs"]
            all_forbid += declared["forbid"]
            all_constraints += declared["constraints"]
        super().__init__(knobs, forbid=[*all_forbid, *forbid], constraints=[*all_constraints, *constraints], name=name)
        self.parts = dict(parts)

    def part(self, prefix: str) -> tuple[Space, Codes]:
        if prefix not in self.parts:
            raise SpaceError(f"space {self.name!r} has no part {prefix!r}", "known parts: " + ", ".join(self.parts))
        dot = prefix + "."
        columns = np.array([i for i, n in enumerate(self.names) if n.startswith(dot)], dtype=np.int64)
        return self.parts[prefix], columns


def prefixed(spec: Any, prefix: str, names: frozenset[str]) -> Any:
    """Copy of a space declaration in which every knob name, as a key or inside an expression, has a prefix.

    Categorical values that happen to equal a knob's name stay as they are: only the places where the
    grammar expects a name are renamed.
    """

    def clause(test: Mapping[str, Any]) -> dict[str, Any]:
        return {prefix + key: value for key, value in test.items()}

    def knob(declared: Mapping[str, Any]) -> dict[str, Any]:
        copy = dict(declared)
        if "active_if" in copy:
            copy["active_if"] = clause(copy["active_if"])
        return copy

    return {
        "knobs": {prefix + key: knob(value) for key, value in spec["knobs"].items()},
        "forbid": [clause(c) for c in spec["forbid"]],
        "constraints": [_constraint(c, prefix, names, clause) for c in spec["constraints"]],
    }


def _constraint(
    node: Any, prefix: str, names: frozenset[str], clause: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> Any:
    """Rename inside one constraint: strings are knob names there, except in the clauses of an implication."""
    if isinstance(node, str):
        return prefix + node if node in names else node
    if isinstance(node, Sequence):
        return [_constraint(item, prefix, names, clause) for item in node]
    if isinstance(node, Mapping):
        if set(node) <= names:
            return clause(node)
        return {
            key: clause(value) if key == "if" else _constraint(value, prefix, names, clause) for key, value in node.items()
        }
    return node
