"""Which values are still open when a design is made one knob after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..knobs import INACTIVE, Codes
from .components import Component

if TYPE_CHECKING:
    from ..space import Space

UNSET = -2
"""Code of a knob that has no value yet."""

Bools = NDArray[np.bool_]


class ActionMasks:
    """Legal values of each knob, given the knobs that have a value already.

    Partial designs are int64 [n, n_knobs] with :data:`UNSET` where nothing was chosen and -1 where a knob is inactive.
    Knobs are best assigned in :attr:`order`, but any order will do that puts a knob after those that its ``active_if``
    tests.

    Where all groups of tied knobs can be listed, legality is exact: a value is legal if and only if some design of the
    space has it together with what is assigned, so that whoever takes legal values only ends with a design. In
    larger groups values are ruled out by propagation (Rossi, van Beek and Walsh 2006, "Handbook of Constraint
    Programming", chapter 3), which may leave a row without a legal value later.

    Args:
        space: The space.

    Attributes:
        order: int64 [n_knobs], columns in the order to assign: knobs tied by constraints first, each group's most
            constraining knob before the others, and every knob after those that its ``active_if`` tests.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self._active_if = space.feasible.active_if
        self._owner: dict[int, Component] = {}
        order: list[int] = []
        for component in space.feasible.components:
            self._owner |= dict.fromkeys(component.columns.tolist(), component)
            order += component.propagator.order
        order += [c for c in space.feasible.order if c not in self._owner]
        self.order: Codes = np.array(order, dtype=np.int64)
        self._lists: dict[int, _Prefixes] = {}

    @property
    def exact(self) -> bool:
        """Whether legal values never end in a dead end: every group of tied knobs can be listed."""
        return all(component.table is not None for component in self.space.feasible.components)

    def active(self, codes: Codes, column: int) -> Bools:
        """Whether a knob is active, or may become so while knobs that its condition tests are unset.

        Args:
            codes: int64 [n, n_knobs], partial designs.
            column: The knob.

        Returns:
            bool [n]; where False, the knob has to be -1.
        """
        result = np.ones(len(codes), dtype=bool)
        if column in self._active_if:
            condition = self._active_if[column]
            for parent, table in zip(condition.columns, condition.tables, strict=True):
                unset = codes[:, parent] == UNSET
                result &= np.where(unset, table.any(), table[np.where(unset, INACTIVE, codes[:, parent])])
        return result

    def legal(self, codes: Codes, column: int) -> Bools:
        """Which values a knob may take.

        Args:
            codes: int64 [n, n_knobs], partial designs; what stands in ``column`` itself is not looked at.
            column: The knob.

        Returns:
            bool [n, n_values]; a row is False throughout where the knob is inactive, and in a dead end.
        """
        n_values = int(self.space.cardinalities[column])
        active = self.active(codes, column)
        if column not in self._owner:
            return np.repeat(active[:, None], n_values, axis=1)
        component = self._owner[column]
        result = np.zeros((len(codes), n_values), dtype=bool)
        for rows, assigned in _patterns(codes, [c for c in component.columns.tolist() if c != column]):
            result[rows] = self._legal_in(component, codes[rows], assigned, column)
        result &= active[:, None]
        return result

    def _legal_in(self, component: Component, codes: Codes, assigned: tuple[int, ...], column: int) -> Bools:
        """The same for rows in which the same columns of the component are assigned."""
        if component.table is not None:
            first = int(component.columns[0])
            if first not in self._lists:
                self._lists[first] = _Prefixes(component.table, component.columns, self.space.cardinalities)
            rank = {c: i for i, c in enumerate(self.order.tolist())}
            return self._lists[first].extensions(codes, tuple(sorted(assigned, key=rank.__getitem__)), column)
        return self._propagated(component, codes, assigned, column)

    def _propagated(self, component: Component, codes: Codes, assigned: tuple[int, ...], column: int) -> Bools:
        propagator = component.propagator
        result = np.zeros((len(codes), int(self.space.cardinalities[column])), dtype=bool)
        if column in self._active_if and not set(self._active_if[column].columns) <= set(assigned):
            # Whether the knob's relations apply is open.
            result[:, propagator.domains[column]] = True
            return result
        known = {c: codes[:, c] for c in assigned}
        for rows, picked in propagator.extend(known, len(codes), column).blocks():
            fine = propagator.allowed(known, column, rows, picked) & (picked >= 0)
            result[rows[fine], picked[fine]] = True
        return result


class _Prefixes:
    """Lookup of partial rows in a listed component, one column after the other.

    Partial rows over ``columns`` are numbered: a row's number over one more column is the rank of the pair (number
    before, code) among the pairs that the table holds.

    Args:
        table: int64 [n, k], the feasible rows.
        columns: int64 [k], what the table's columns are.
        cardinalities: int64 [n_knobs].
    """

    def __init__(self, table: Codes, columns: Codes, cardinalities: Codes) -> None:
        self._table = {c: table[:, i] for i, c in enumerate(columns.tolist())}
        self._n = len(table)
        self._width = {c: int(cardinalities[c]) + 1 for c in columns.tolist()}
        self._known: dict[tuple[int, ...], tuple[Codes, Codes]] = {}

    def extensions(self, codes: Codes, assigned: tuple[int, ...], column: int) -> Bools:
        """Which codes of ``column`` the table holds together with the assigned ones, bool [n, n_values]."""
        number = np.zeros(len(codes), dtype=np.int64)
        for i, c in enumerate(assigned):
            pairs = self._numbered((*assigned[:i], c))[0]
            number = np.where(number < 0, -1, _rank(pairs, number * self._width[c] + codes[:, c] + 1))
        pairs = self._numbered((*assigned, column))[0]
        width = self._width[column]
        wanted = number[:, None] * width + np.arange(1, width)
        return (number >= 0)[:, None] & (_rank(pairs, wanted) >= 0)

    def _numbered(self, columns: tuple[int, ...]) -> tuple[Codes, Codes]:
        """The rising pairs at the last of these columns, and each table row's number."""
        if columns not in self._known:
            before = self._numbered(columns[:-1])[1] if columns[:-1] else np.zeros(self._n, dtype=np.int64)
            c = columns[-1]
            pairs, number = np.unique(before * self._width[c] + self._table[c] + 1, return_inverse=True)
            self._known[columns] = pairs, number.astype(np.int64)
        return self._known[columns]


def _rank(pairs: Codes, wanted: Codes) -> Codes:
    """Position in rising ``pairs``, -1 where absent."""
    if not len(pairs):
        return np.full(wanted.shape, -1, dtype=np.int64)
    place = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
    return np.where(pairs[place] == wanted, place, -1)


def _patterns(codes: Codes, columns: list[int]) -> Iterator[tuple[Codes, tuple[int, ...]]]:
    """Rows by which of ``columns`` are assigned in them."""
    assigned = codes[:, columns] != UNSET
    distinct, group = np.unique(assigned, axis=0, return_inverse=True)
    for i, pattern in enumerate(distinct):
        yield np.flatnonzero(group == i), tuple(c for c, yes in zip(columns, pattern, strict=True) if yes)
