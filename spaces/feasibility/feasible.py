"""The feasible set of a space: counting, listing, uniform sampling and repair under constraints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..conditions import Clause, Condition
from ..knobs import Codes, Knob
from ..spec import topological_order
from .components import Component, tied_groups
from .constraints import compile_constraints
from .counting import count_designs, expand


class FeasibleSet:
    """Knobs tied by constraints and ``forbid`` clauses form components; every other knob is free.

    Building one is cheap: a component is listed when it is first needed, and the list is kept. Components of more than
    :data:`~cosearch.spaces.feasibility.components.MAX_ROWS` partial designs are searched instead,
    see :class:`~cosearch.spaces.feasibility.sequential.SequentialSampler`.

    Args:
        knobs: All knobs of the space, in order.
        active_if: Name of a conditional knob to its condition.
        forbid: Clauses, none of which may hold.
        constraints: Constraints, see :mod:`cosearch.spaces.feasibility.constraints`.

    Attributes:
        active_if: Column of each conditional knob to its condition.
        order: All columns, every knob after those that its condition tests.
        components: Groups of tied knobs.

    Raises:
        SpaceError: When a clause or constraint is declared wrongly.
    """

    def __init__(
        self,
        knobs: Mapping[str, Knob],
        active_if: Mapping[str, Condition],
        forbid: Sequence[Clause],
        constraints: Sequence[Mapping[str, Any]],
    ) -> None:
        names = list(knobs)
        self._knobs = list(knobs.values())
        self.active_if = {names.index(key): condition for key, condition in active_if.items()}
        self.order = [names.index(key) for key in topological_order(active_if, names)]
        relations = compile_constraints(constraints, forbid, knobs)
        declared = {f"forbid[{i}]": c for i, c in enumerate(forbid)}
        declared |= {f"constraints[{i}]": c for i, c in enumerate(constraints)}
        self.components: tuple[Component, ...] = tuple(
            Component(
                self._knobs, self.active_if, [r for r in relations if set(r.scope) <= set(columns)], columns, declared
            )
            for columns in tied_groups(len(names), self.active_if, relations)
        )
        tied = {int(c) for component in self.components for c in component.columns}
        self._free = [c for c in range(len(names)) if c not in tied]
        uniform = [c for c in self._free if self._knobs[c].uniform]
        self._uniform: Codes = np.array(uniform, dtype=np.int64)
        self._highs: Codes = np.array([self._knobs[c].n for c in uniform], dtype=np.int64)
        self._skewed = [c for c in self._free if not self._knobs[c].uniform]

    def holds(self, codes: Codes) -> NDArray[np.bool_]:
        """Whether canonical rows of int64 ``codes`` [n, n_knobs] satisfy every relation; bool [n]."""
        result = np.ones(len(codes), dtype=bool)
        for component in self.components:
            result &= component.holds(codes)
        return result

    def count(self) -> int | None:
        """Exact number of designs, 0 for an infeasible space; None when counting is not feasible."""
        return self._count

    @cached_property
    def _count(self) -> int | None:
        tables = [(component.columns, component.table) for component in self.components]
        listed = [(columns, table) for columns, table in tables if table is not None]
        if any(not len(table) for _, table in listed):
            return 0
        if len(listed) < len(tables):
            return None
        return count_designs([k.n for k in self._knobs], self.active_if, listed)

    def enumerate(self, limit: int) -> Codes | None:
        """All designs, int64 [n, n_knobs] in lexicographic order; None when there are more than ``limit``."""
        rows: Codes = np.empty((1, 0), dtype=np.int64)
        columns: list[int] = []
        for component in self.components:
            table = component.table
            if table is None or len(rows) * len(table) > limit:
                return None
            rows = np.hstack([np.repeat(rows, len(table), axis=0), np.tile(table, (len(rows), 1))])
            columns += component.columns.tolist()
        for column in [c for c in self.order if c in set(self._free)]:
            n = self._knobs[column].n
            # Every extension keeps or grows the list, so passing the limit once is final.
            if column not in self.active_if and len(rows) * n > limit:
                return None
            rows = expand(rows, columns, n, self.active_if.get(column))
            columns.append(column)
            if len(rows) > limit:
                return None
        rows = rows[:, np.argsort(columns)]
        return rows[np.lexsort(rows.T[::-1])]

    def sample(self, rng: np.random.Generator, n: int) -> Codes:
        """Draw codes, int64 [n, n_knobs]; free knobs get a value whether they are active or not.

        Raises:
            InfeasibleError: When there is no design, or none was found.
        """
        codes = np.empty((n, len(self._knobs)), dtype=np.int64)
        if len(self._uniform):
            # Four times as fast as rng.integers with an array of bounds; its bias is under n_values / 2**53.
            codes[:, self._uniform] = rng.random((n, len(self._highs))) * self._highs
        for c in self._skewed:
            codes[:, c] = self._knobs[c].sample(rng, n)
        for component in self.components:
            codes[:, component.columns] = component.sample(rng, n)
        return codes

    def repair(self, codes: Codes, rng: np.random.Generator | None, avoid: Codes | None = None) -> Codes:
        """Replace the tied knobs of violating components by the nearest feasible ones.

        Args:
            codes: int64 [n, n_knobs], canonical.
            rng: Breaks ties; without it the result is deterministic.
            avoid: int64 [n, n_knobs]; the tied knobs change to something else than in these rows, where possible.

        Returns:
            A new int64 [n, n_knobs]; free knobs keep their codes, even where they are no longer canonical.

        Raises:
            InfeasibleError: When there is no design.
        """
        result = codes.copy()
        for component in self.components:
            bad = np.flatnonzero(~component.holds(codes))
            if len(bad):
                cells = np.ix_(bad, component.columns)
                result[cells] = component.nearest(codes[cells], rng, None if avoid is None else avoid[cells])
        return result

    def tied(self) -> Codes:
        """Columns of the knobs in any component, int64."""
        return np.array(sorted(set(range(len(self._knobs))) - set(self._free)), dtype=np.int64)
