"""Groups of knobs that constraints tie together: listed where they are small enough, searched where they are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..conditions import Condition
from ..errors import InfeasibleError
from ..knobs import Codes, Knob
from .nearest import NearestRows, scales
from .propagation import Propagator
from .relations import Bools, Relation
from .sequential import SequentialSampler

MAX_ROWS = 500_000
"""Largest set of partial or whole designs of a component that is listed."""

MAX_CHECKED = 100_000_000
"""Candidates that may be checked to extend a list by one knob (about five seconds)."""

PROOF_ROWS = 20_000
"""Largest list when looking for a smallest contradiction."""


class Component:
    """Knobs tied by relations, and the knobs that their ``active_if`` conditions test.

    Args:
        knobs: All knobs of the space, in order.
        active_if: Column of a conditional knob to its condition.
        relations: The relations over these knobs.
        columns: Columns of the knobs, rising.
        declared: Label of a relation to its declaration, for messages.
    """

    def __init__(
        self,
        knobs: Sequence[Knob],
        active_if: Mapping[int, Condition],
        relations: Sequence[Relation],
        columns: Sequence[int],
        declared: Mapping[str, Any],
    ) -> None:
        self.columns: Codes = np.array(columns, dtype=np.int64)
        self.relations = tuple(relations)
        self._knobs, self._active_if, self._declared = knobs, active_if, declared
        self._scales = scales([knobs[c] for c in columns])
        self._index: NearestRows | None = None

    def __getstate__(self) -> dict[str, Any]:
        lists = ("table", "propagator", "sampler")
        return {k: v for k, v in self.__dict__.items() if k not in lists} | {"_index": None}

    def holds(self, codes: Codes) -> Bools:
        """Whether rows of int64 ``codes`` [n, n_knobs] of the whole space satisfy the relations; bool [n]."""
        columns = {int(c): codes[:, c] for c in self.columns}
        result = self.relations[0].holds(columns)
        for relation in self.relations[1:]:
            result = result & relation.holds(columns)
        return result

    @cached_property
    def propagator(self) -> Propagator:
        """Extends partial designs."""
        return Propagator(self._knobs, self._active_if, self.relations, self.columns.tolist())

    @cached_property
    def table(self) -> Codes | None:
        """All feasible rows, int64 [n, n_columns] in lexicographic order; None when there are too many."""
        return list_all(self.propagator, MAX_ROWS)

    @cached_property
    def sampler(self) -> SequentialSampler:
        """Draws from a component that is too large to list."""
        return SequentialSampler(self.propagator, self.columns, self._scales)

    def sample(self, rng: np.random.Generator, n: int) -> Codes:
        """Draw rows, int64 [n, n_columns]; exactly uniform when listed, see :class:`SequentialSampler` otherwise.

        Raises:
            InfeasibleError: When there is none.
        """
        table = self._feasible_table()
        return self.sampler.sample(rng, n) if table is None else table[rng.integers(0, len(table), n)]

    def nearest(self, wanted: Codes, rng: np.random.Generator | None, avoid: Codes | None = None) -> Codes:
        """Feasible rows near ``wanted``, int64 [n, n_columns].

        The distance is the sum over ordered knobs of the code difference as a share of the range, plus one for every
        unordered knob that differs; knobs inactive on either side count nothing. Exactly nearest when listed.

        Args:
            wanted: int64 [n, n_columns].
            rng: Breaks ties; without it the first in lexicographic order wins.
            avoid: int64 [n, n_columns], rows not to return where there is another.

        Raises:
            InfeasibleError: When there is none.
        """
        table = self._feasible_table()
        if table is None:
            return self.sampler.nearest(wanted, rng, avoid)
        if self._index is None:
            self._index = NearestRows(table, self._scales)
        return table[self._index.find(wanted, rng, avoid)]

    def _feasible_table(self) -> Codes | None:
        table = self.table
        if table is not None and not len(table):
            raise InfeasibleError("no design is feasible: " + self.contradiction(), "relax one of them")
        return table

    def contradiction(self) -> str:
        """A smallest set of relations that cannot hold together, found by leaving out one after the other."""
        kept = list(self.relations)
        for relation in self.relations:
            fewer = [r for r in kept if r is not relation]
            trial = Propagator(self._knobs, self._active_if, fewer, self.columns.tolist())
            listed = list_all(trial, PROOF_ROWS)
            if listed is not None and not len(listed):
                kept = fewer
        named = [f"{r.label} {self._declared[r.label]!r}" for r in kept]
        return " and ".join(named) + (" cannot hold together" if len(named) > 1 else " cannot hold")


def list_all(propagator: Propagator, max_rows: int) -> Codes | None:
    """All designs of a propagator's knobs, by breadth-first extension.

    Args:
        propagator: Knobs and relations.
        max_rows: Largest number of partial designs to hold.

    Returns:
        int64 [n, n_columns] in lexicographic order, columns rising; None when the limit is passed.
    """
    codes: dict[int, Codes] = {}
    m = 1
    for column in propagator.order:
        candidates = propagator.extend(codes, m, column)
        if candidates.lengths.sum() > MAX_CHECKED:
            return None
        kept_rows, kept_codes, total = [], [], 0
        for rows, picked in candidates.blocks():
            allowed = propagator.allowed(codes, column, rows, picked)
            kept_rows.append(rows[allowed])
            kept_codes.append(picked[allowed])
            total += len(kept_rows[-1])
            if total > max_rows:
                return None
        rows = np.concatenate(kept_rows) if kept_rows else np.empty(0, np.int64)
        codes = {c: values[rows] for c, values in codes.items()}
        codes[column] = np.concatenate(kept_codes) if kept_codes else np.empty(0, np.int64)
        m = total
    table = np.column_stack([codes[c] for c in sorted(codes)])
    return table[np.lexsort(table.T[::-1])]


def tied_groups(n_knobs: int, active_if: Mapping[int, Condition], relations: Sequence[Relation]) -> list[list[int]]:
    """Columns of each group of knobs tied by relations, with all knobs that decide whether they are active."""
    root = list(range(n_knobs))

    def find(c: int) -> int:
        while root[c] != c:
            root[c] = root[root[c]]
            c = root[c]
        return c

    tied: set[int] = set()
    for relation in relations:
        scope = list(relation.scope)
        for c in scope:  # grows while it is walked: parents of parents are added
            scope += [p for p in active_if[c].columns if p not in scope] if c in active_if else []
        tied.update(scope)
        for c in scope[1:]:
            root[find(c)] = find(scope[0])
    groups: dict[int, list[int]] = {}
    for c in sorted(tied):
        groups.setdefault(find(c), []).append(c)
    return list(groups.values())
