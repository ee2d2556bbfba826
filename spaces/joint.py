"""Joint spaces: the product of named parts (``arch.depth``, ``hardware.rows``) under shared constraints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .conditions import Clause
from .errors import SpaceError
from .feasibility.constraints import renamed, renamed_clause
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
        if not parts:
            raise SpaceError("the joint space has no parts", "give at least one named space")
        knobs: dict[str, Any] = {}
        all_forbid: list[Clause] = []
        all_constraints: list[Mapping[str, Any]] = []
        for part, space in parts.items():
            if "." in part:
                raise SpaceError(f"part name {part!r} has a dot", "use a name without dots")
            declared = prefixed(space.spec(), part + ".")
            knobs |= declared["knobs"]
            all_forbid += declared["forbid"]
            all_constraints += declared["constraints"]
        super().__init__(knobs, forbid=[*all_forbid, *forbid], constraints=[*all_constraints, *constraints], name=name)
        self.parts = dict(parts)
        self._columns: dict[str, Codes] = {}
        for part in parts:
            inside = [i for i, n in enumerate(self.names) if n.startswith(part + ".")]
            self._columns[part] = np.array(inside, dtype=np.int64)

    def part(self, prefix: str) -> tuple[Space, Codes]:
        if prefix not in self.parts:
            raise SpaceError(f"space {self.name!r} has no part {prefix!r}", "known parts: " + ", ".join(self.parts))
        return self.parts[prefix], self._columns[prefix]


def prefixed(spec: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Copy of a space declaration in which every knob name has a prefix.

    Values stay as they are, also those that happen to equal a knob's name: only the places where the grammar expects
    a name are renamed.

    Args:
        spec: From :meth:`Space.spec`.
        prefix: Put before every knob's name.
    """

    def name(knob: str) -> str:
        return prefix + knob

    knobs = {}
    for key, declared in spec["knobs"].items():
        knobs[name(key)] = dict(declared)
        if "active_if" in declared:
            knobs[name(key)]["active_if"] = renamed_clause(declared["active_if"], name)
    return {
        "knobs": knobs,
        "forbid": [renamed_clause(clause, name) for clause in spec["forbid"]],
        "constraints": [renamed(constraint, name) for constraint in spec["constraints"]],
    }
