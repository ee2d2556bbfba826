"""Relations between knobs, which batches of codes are checked against and partial designs pruned by."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..conditions import Condition
from ..knobs import INACTIVE, Codes
from .expressions import Box, Expression, Floats, Interval, Number, Reference, bounds, magnitude, narrow, value_of

Bools = NDArray[np.bool_]
Columns = Mapping[int, Codes]
"""Column of a knob to codes, int64 [m]."""

MAX_PAIRS = 4_000_000
"""Largest table of (known value, candidate) pairs that is worth building for divisibility."""

SLACK = 1e-9
"""Relative widening of intervals, so that float rounding never excludes a value; membership is checked exactly."""


class Relation(ABC):
    """Something that every design has to satisfy.

    Args:
        label: Where it was declared, for example ``constraints[2]``.
        scope: Columns of all knobs in it.
    """

    def __init__(self, label: str, scope: Sequence[int]) -> None:
        self.label = label
        self.scope = tuple(sorted(set(scope)))

    @abstractmethod
    def holds(self, codes: Columns) -> Bools:
        """Whether rows satisfy it, bool [m]; exact; ``codes`` has every column of the scope."""


@dataclass(frozen=True)
class Partial:
    """Designs of which some knobs are assigned.

    Attributes:
        codes: The assigned columns, [m] each.
        box: Interval of each knob's value: a point where it is assigned, its domain where it is not.
    """

    codes: Columns
    box: Box


class Prunes(Relation):
    """A relation that can tell from some of its knobs that no design is left."""

    @abstractmethod
    def possible(self, partial: Partial) -> Bools | None:
        """Whether rows with all knobs of the relation active may still satisfy it, bool [m]; None: cannot say."""


class Narrows(Prunes):
    """A relation that bounds one knob by the others."""

    @abstractmethod
    def window(self, column: int, partial: Partial) -> Interval:
        """Interval outside of which the knob's value cannot be, given that all knobs are active."""


class Lists(Prunes):
    """A relation that can list one knob's values given the others."""

    @abstractmethod
    def supports(self, column: int, values: Codes, codes: Columns) -> tuple[Codes, Bools] | None:
        """Which of a knob's values go with each row.

        Args:
            column: The knob.
            values: int64 [d], its values.
            codes: The assigned columns, [m] each; at least one.

        Returns:
            Group of each row, int64 [m], and which values each group allows, bool [groups, d]; None: cannot say.
        """


class Arithmetic(Relation):
    """Base of relations between integer expressions; satisfied where some knob is inactive."""

    def __init__(self, label: str, expressions: Sequence[Expression], tables: Mapping[int, Codes]) -> None:
        super().__init__(label, [c for e in expressions for c in e.columns])
        self.tables = {c: tables[c] for c in self.scope}
        largest = {c: int(np.abs(t).max()) for c, t in self.tables.items()}
        self.exact64 = sum(magnitude(e, largest) for e in expressions) < 2**62

    def value(self, expression: Expression, codes: Columns) -> Any:
        """Exact integers [m]: int64 when that is safe, Python integers otherwise."""
        if self.exact64:
            return value_of(expression, lambda c: self.tables[c][codes[c]])
        big = value_of(expression, lambda c: self.tables[c][codes[c]].astype(object))
        return np.asarray(big, dtype=object)

    def holds(self, codes: Columns) -> Bools:
        result = self._satisfied(codes)
        for column in self.scope:
            result |= codes[column] == INACTIVE
        return result

    @abstractmethod
    def _satisfied(self, codes: Columns) -> Bools:
        """Whether rows satisfy it, if all knobs are active."""


class Comparison(Arithmetic, Narrows):
    """``low <= expression <= high``.

    Args:
        label: Where it was declared.
        expression: The expression.
        low: Smallest allowed value, or None.
        high: Largest allowed value, or None.
        tables: Integer-knob values by column, int64 [n + 1].
    """

    def __init__(
        self, label: str, expression: Expression, low: int | None, high: int | None, tables: Mapping[int, Codes]
    ) -> None:
        super().__init__(label, [expression, Number(low or 0), Number(high or 0)], tables)
        self.expression, self.low, self.high = expression, low, high
        below = -np.inf if low is None else low - SLACK * max(1.0, abs(low))
        above = np.inf if high is None else high + SLACK * max(1.0, abs(high))
        self._target: Interval = np.array(below, float), np.array(above, float)

    def _satisfied(self, codes: Columns) -> Bools:
        value = self.value(self.expression, codes)
        result = np.ones(np.shape(value), dtype=bool)
        if self.low is not None:
            result &= np.asarray(value >= self.low, dtype=bool)
        if self.high is not None:
            result &= np.asarray(value <= self.high, dtype=bool)
        return result

    def possible(self, partial: Partial) -> Bools | None:
        low, high = bounds(self.expression, partial.box)
        slack = SLACK * np.maximum(np.abs(low), np.abs(high))
        return np.asarray((high + slack >= self._target[0]) & (low - slack <= self._target[1]))

    def window(self, column: int, partial: Partial) -> Interval:
        low, high = narrow(self.expression, column, self._target, partial.box)
        slack = SLACK * np.maximum(1.0, np.maximum(_finite(low), _finite(high)))
        return low - slack, high + slack


class Divides(Arithmetic, Lists):
    """``multiple % divisor == 0``; zero divides zero only."""

    def __init__(self, label: str, divisor: Expression, multiple: Expression, tables: Mapping[int, Codes]) -> None:
        super().__init__(label, [divisor, multiple], tables)
        self.divisor, self.multiple = divisor, multiple

    def _satisfied(self, codes: Columns) -> Bools:
        return _divides(self.value(self.divisor, codes), self.value(self.multiple, codes))

    def possible(self, partial: Partial) -> Bools | None:
        divisor, multiple = bounds(self.divisor, partial.box), bounds(self.multiple, partial.box)
        smallest = np.where(divisor[0] > 0, divisor[0], 0.0)
        largest = np.maximum(np.abs(multiple[0]), np.abs(multiple[1]))
        zero = (multiple[0] <= 0) & (multiple[1] >= 0)
        known = np.where(divisor[0] == divisor[1], smallest, 0.0)
        steps = np.floor(multiple[1] * (1 + SLACK) / np.where(known > 0, known, 1.0))
        reached = (known == 0) | (steps * known >= multiple[0] * (1 - SLACK)) | (multiple[0] < 0)
        return np.asarray(zero | ((smallest <= largest) & reached))

    def supports(self, column: int, values: Codes, codes: Columns) -> tuple[Codes, Bools] | None:
        for mine, other, divides in ((self.divisor, self.multiple, True), (self.multiple, self.divisor, False)):
            unassigned = [c for c in other.columns if c not in codes]
            if (
                isinstance(mine, Reference)
                and mine.columns == (column,)
                and not unassigned
                and column not in other.columns
            ):
                return self._supports(self.value(other, codes), values, divides, codes)
        return None

    def _supports(self, known: Any, values: Codes, divides: bool, codes: Columns) -> tuple[Codes, Bools] | None:
        if not self.exact64:
            return None
        rows = len(next(iter(codes.values())))
        distinct, group = np.unique(np.broadcast_to(np.asarray(known, np.int64), (rows,)), return_inverse=True)
        if len(distinct) * len(values) > MAX_PAIRS:
            return None
        a, b = distinct[:, None], values[None, :]
        return group.astype(np.int64), _divides(b, a) if divides else _divides(a, b)


class Holds(Relation):
    """A clause that must hold where all its knobs are active, or (``forbidden``) must not hold."""

    def __init__(self, label: str, condition: Condition, *, forbidden: bool) -> None:
        super().__init__(label, condition.columns)
        self.condition, self.forbidden = condition, forbidden

    def holds(self, codes: Columns) -> Bools:
        result = self.condition.holds_for(codes)
        if self.forbidden:
            return ~result
        for column in self.scope:
            result |= codes[column] == INACTIVE
        return result


class Implication(Prunes):
    """Where a clause holds, a relation must."""

    def __init__(self, label: str, premise: Condition, conclusion: Relation) -> None:
        super().__init__(label, [*premise.columns, *conclusion.scope])
        self.premise, self.conclusion = premise, conclusion

    def holds(self, codes: Columns) -> Bools:
        return ~self.premise.holds_for(codes) | self.conclusion.holds(codes)

    def possible(self, partial: Partial) -> Bools | None:
        if any(column not in partial.codes for column in self.premise.columns):
            return None
        inner = self.conclusion.possible(partial) if isinstance(self.conclusion, Prunes) else None
        return None if inner is None else ~self.premise.holds_for(partial.codes) | inner


class Both(Narrows):
    """Several comparisons of one expression."""

    def __init__(self, label: str, parts: Sequence[Comparison]) -> None:
        super().__init__(label, [c for part in parts for c in part.scope])
        self.parts = tuple(parts)

    def holds(self, codes: Columns) -> Bools:
        result: Bools = np.logical_and.reduce([part.holds(codes) for part in self.parts])
        return result

    def possible(self, partial: Partial) -> Bools | None:
        found = [p for p in (part.possible(partial) for part in self.parts) if p is not None]
        result = found[0]
        for more in found[1:]:
            result = result & more
        return result

    def window(self, column: int, partial: Partial) -> Interval:
        windows = [part.window(column, partial) for part in self.parts]
        low, high = windows[0]
        for below, above in windows[1:]:
            low, high = np.maximum(low, below), np.minimum(high, above)
        return low, high


def _divides(a: Any, b: Any) -> Bools:
    zero = np.asarray(a == 0, dtype=bool)
    return np.asarray(np.where(zero, b == 0, b % np.where(zero, 1, a) == 0), dtype=bool)


def _finite(bound: Floats) -> Floats:
    return np.where(np.isfinite(bound), np.abs(bound), 0.0)
