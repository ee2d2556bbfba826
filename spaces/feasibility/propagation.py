"""Extending partial designs by one knob, with the values that the constraints still allow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..conditions import Condition
from ..knobs import INACTIVE, Codes, Knob
from .expressions import Floats, Interval
from .relations import Bools, Columns, Lists, Narrows, Partial, Prunes, Relation

BLOCK = 1_000_000
"""Candidates that are checked at once; bounds the memory."""

MAX_ROUNDS = 20
"""Sweeps over all constraints that narrow the domains before the search."""


@dataclass(frozen=True)
class Candidates:
    """Codes that one knob may take in each of ``m`` rows, before they are checked.

    Args:
        starts: int64 [m], where a row's candidates begin in ``items``.
        lengths: int64 [m], how many there are.
        items: int64, the candidate codes of all rows (rows may share stretches).
    """

    starts: Codes
    lengths: Codes
    items: Codes

    def take(self, rows: Codes, ranks: Codes) -> Codes:
        """Codes of the candidates with these ranks (0 is a row's first), int64."""
        codes: Codes = self.items[self.starts[rows] + ranks]
        return codes

    def blocks(self) -> Iterator[tuple[Codes, Codes]]:
        """All (row, code) pairs, row by row, in blocks of about :data:`BLOCK`."""
        ends = np.cumsum(self.lengths)
        first = 0
        while first < len(self.lengths):
            done = ends[first - 1] if first else 0
            last = max(first + 1, int(np.searchsorted(ends, done + BLOCK, side="right")))
            lengths = self.lengths[first:last]
            rows = np.repeat(np.arange(first, last), lengths)
            offsets = np.cumsum(lengths) - lengths
            ranks = np.arange(len(rows)) - np.repeat(offsets, lengths)
            yield rows, self.take(rows, ranks)
            first = last


class Propagator:
    """Partial designs over some knobs of a space, held as one array per knob.

    A knob's *domain* is its codes less those that a constraint on it alone, or interval propagation over all
    constraints, rules out.

    Args:
        knobs: All knobs of the space, in order.
        active_if: Column of a conditional knob to its condition.
        relations: What designs must satisfy.
        columns: The knobs in question; with every one, those that its condition and its relations test.
    """

    def __init__(
        self,
        knobs: Sequence[Knob],
        active_if: Mapping[int, Condition],
        relations: Sequence[Relation],
        columns: Sequence[int],
    ) -> None:
        self.active_if = {c: active_if[c] for c in columns if c in active_if}
        self.relations = tuple(relations)
        self.knobs = {c: knobs[c] for c in columns}
        self.domains = {c: np.arange(knobs[c].n, dtype=np.int64) for c in columns}
        numeric = [c for c in columns if knobs[c].ordered]
        self._tables = {c: np.asarray(knobs[c].decode(self.domains[c]), float) for c in numeric}
        self._intervals: dict[int, Interval] = {}
        self._reduce()
        self.order = self._ordered()
        self._by_column = {c: [r for r in self.relations if c in r.scope] for c in columns}

    def extend(self, codes: Columns, m: int, column: int) -> Candidates:
        """Candidates for a knob in ``m`` rows whose other codes are given; -1 where it is inactive."""
        domain = self.domains[column]
        first, last = np.zeros(m, np.int64), np.full(m, len(domain), np.int64)
        lists: tuple[Codes, Codes, Codes] | None = None
        for relation in self._by_column[column]:
            active = self._surely_active(relation, codes)
            if active is not None and isinstance(relation, Narrows):
                first, last = self._windowed(relation, column, codes, active, first, last)
            if active is not None and isinstance(relation, Lists) and active.all():
                lists = self._listed(relation, column, codes, lists)
        lengths = np.maximum(last - first, 0)
        items = domain
        if lists is not None and lists[1].sum() < lengths.sum():
            first, lengths, items = lists
        items = np.append(items, INACTIVE)
        if column in self.active_if:
            off = ~self.active_if[column].holds_for(codes)
            first, lengths = np.where(off, len(items) - 1, first), np.where(off, 1, lengths)
        return Candidates(first, lengths, items)

    def allowed(self, codes: Columns, column: int, rows: Codes, picked: Codes) -> Bools:
        """Whether each row, extended by a code of one more knob, may still become a design.

        Args:
            codes: The assigned columns, [m] each.
            column: The knob.
            rows: int64 [p], the rows that are extended.
            picked: int64 [p], the codes.

        Returns:
            bool [p]; exact for every relation whose knobs are all assigned.
        """
        result = np.ones(len(rows), dtype=bool)
        full = _Gathered(codes, rows, {column: picked})
        for relation in self._by_column[column]:
            if all(c in codes or c == column for c in relation.scope):
                result &= relation.holds(full)
            elif isinstance(relation, Prunes):
                active = self._surely_active(relation, full)
                possible = None if active is None else relation.possible(self._partial(full))
                if active is not None and possible is not None:
                    result &= possible | ~active
        return result

    def _partial(self, codes: Columns) -> Partial:
        return Partial(codes, _Box(codes, self._tables, self._intervals))

    def _surely_active(self, relation: Relation, codes: Columns) -> Bools | None:
        """Rows in which all knobs of a relation are known to be active; None when that is open in any row."""
        result: Bools = np.ones((), dtype=bool)
        for c in relation.scope:
            if c in codes:
                result = result & (codes[c] != INACTIVE)
            elif c in self.active_if:
                condition = self.active_if[c]
                if any(parent not in codes for parent in condition.columns):
                    return None
                result = result & condition.holds_for(codes)
        return result

    def _windowed(
        self, relation: Narrows, column: int, codes: Columns, active: Bools, first: Codes, last: Codes
    ) -> tuple[Codes, Codes]:
        window = relation.window(column, self._partial(codes))
        values = self._tables[column][self.domains[column]]
        low = np.maximum(first, np.searchsorted(values, window[0], side="left"))
        high = np.minimum(last, np.searchsorted(values, window[1], side="right"))
        return np.where(active, low, first), np.where(active, high, last)

    def _listed(
        self, relation: Lists, column: int, codes: Columns, best: tuple[Codes, Codes, Codes] | None
    ) -> tuple[Codes, Codes, Codes] | None:
        """The shorter of ``best`` and the relation's own lists, as starts, lengths and items."""
        if not codes or column not in self._tables:
            return best
        domain = self.domains[column]
        supports = relation.supports(column, self._tables[column][domain].astype(np.int64), codes)
        if supports is None:
            return best
        group, allowed = supports
        counts = allowed.sum(axis=1)
        starts = np.cumsum(counts) - counts
        found = starts[group], counts[group], domain[np.nonzero(allowed)[1]]
        return found if best is None or found[1].sum() < best[1].sum() else best

    def _reduce(self) -> None:
        """Narrow the domains: exactly by relations on one knob, then by intervals until nothing changes."""
        self._refresh()
        for relation in self.relations:
            if len(relation.scope) == 1:
                (c,) = relation.scope
                self.domains[c] = self.domains[c][relation.holds({c: self.domains[c]})]
        narrowing = [r for r in self.relations if isinstance(r, Narrows)]
        certain = [r for r in narrowing if not any(c in self.active_if for c in r.scope)]
        for _ in range(MAX_ROUNDS):
            before = sum(map(len, self.domains.values()))
            self._refresh()
            for relation in certain:
                self._narrow(relation)
            if sum(map(len, self.domains.values())) == before:
                break
        self._refresh()

    def _narrow(self, relation: Narrows) -> None:
        if any(len(self.domains[c]) == 0 for c in relation.scope):
            return
        for c in relation.scope:
            low, high = relation.window(c, self._partial({}))
            values = self._tables[c][self.domains[c]]
            self.domains[c] = self.domains[c][(values >= low) & (values <= high)]

    def _refresh(self) -> None:
        for c, table in self._tables.items():
            values = table[self.domains[c]]
            if len(values):
                self._intervals[c] = np.array(values[0]), np.array(values[-1])

    def _ordered(self) -> tuple[int, ...]:
        """Search order: each after the knobs of its condition; first what completes most relations, then smallest."""
        order: list[int] = []
        waiting = sorted(self.domains)
        while waiting:
            ready = [c for c in waiting if c not in self.active_if or set(self.active_if[c].columns) <= set(order)]
            tied = {c: sum(bool(set(r.scope) & set(order)) for r in self.relations if c in r.scope) for c in ready}
            closed = {c: sum(set(r.scope) <= {*order, c} for r in self.relations if c in r.scope) for c in ready}
            best = min(ready, key=lambda c: (-closed[c], -tied[c], len(self.domains[c]), c))
            order.append(best)
            waiting.remove(best)
        return tuple(order)


class _Gathered(Mapping[int, Codes]):
    """Columns of selected rows, gathered when they are read."""

    def __init__(self, codes: Columns, rows: Codes, extra: Columns) -> None:
        self._codes, self._rows = codes, rows
        self._ready = dict(extra)

    def __getitem__(self, column: int) -> Codes:
        if column not in self._ready:
            self._ready[column] = self._codes[column][self._rows]
        return self._ready[column]

    def __contains__(self, column: object) -> bool:
        return column in self._ready or column in self._codes

    def __iter__(self) -> Iterator[int]:
        yield from dict.fromkeys([*self._codes, *self._ready])

    def __len__(self) -> int:
        return len(dict.fromkeys([*self._codes, *self._ready]))


class _Box:
    """Intervals of knob values: one point where a knob is assigned, its domain where it is not."""

    def __init__(self, codes: Columns, tables: Mapping[int, Floats], intervals: Mapping[int, Interval]) -> None:
        self._codes, self._tables, self._intervals = codes, tables, intervals

    def __call__(self, column: int) -> Interval:
        if column in self._codes:
            values: NDArray[np.float64] = self._tables[column][self._codes[column]]
            return values, values
        return self._intervals[column]
