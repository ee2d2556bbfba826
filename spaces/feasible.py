"""The feasible set of a space: forbids and integer constraints, counting, sampling and repair."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .conditions import Clause, Condition
from .errors import InfeasibleError
from .knobs import Codes, Knob


class FeasibleSet:
    def __init__(
        self,
        knobs: Mapping[str, Knob],
        active_if: Mapping[str, Condition],
        forbid: Sequence[Clause],
        constraints: Sequence[Mapping[str, Any]],
    ) -> None:
        self.knobs = dict(knobs)
        self.forbid = [Condition.compile(c, knobs, f"forbid[{i}]") for i, c in enumerate(forbid)]

    def holds(self, codes: Codes) -> NDArray[np.bool_]:
        ok = np.ones(len(codes), dtype=bool)
        for clause in self.forbid:
            ok &= ~clause.holds(codes)
        return ok

    def count(self) -> int | None:
        return None

    def enumerate(self, limit: int) -> Codes | None:
        return None

    def sample(self, rng: np.random.Generator, n: int, canonical: Callable[..., Codes]) -> Codes:
        out: list[Codes] = []
        for _ in range(100):
            draw = canonical(np.column_stack([k.sample(rng, n) for k in self.knobs.values()]))
            out.append(draw[self.holds(draw)])
            if sum(map(len, out)) >= n:
                return np.concatenate(out)[:n]
        raise InfeasibleError("no feasible design found")

    def repair(self, codes: Codes, rng: np.random.Generator | None, canonical: Callable[..., Codes]) -> Codes:
        return self.sample(rng or np.random.default_rng(0), len(codes), canonical)
