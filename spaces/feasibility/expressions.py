"""Integer expressions over knobs: exact values, interval bounds, and what they leave of one knob's interval."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import SpaceError
from ..knobs import Knob

Floats = NDArray[np.float64]
Interval = tuple[Floats, Floats]
"""Lower and upper bound, float64 [m] or scalars; the bounds of integers below 2**53 are exact."""
Box = Callable[[int], Interval]
"""Column of a knob to the interval of its value."""

MAX_VALUES = 1 << 20
"""Values that a constrained knob may hold; its domain is kept as an array."""


@dataclass(frozen=True)
class Number:
    """An integer constant."""

    number: int
    columns: tuple[int, ...] = ()


@dataclass(frozen=True)
class Reference:
    """The value of the one knob in ``columns``."""

    columns: tuple[int, ...]


class Sum:
    """Sum of expressions.

    Args:
        terms: At least one.
    """

    def __init__(self, terms: Sequence[Expression]) -> None:
        self.terms: tuple[Expression, ...] = tuple(terms)
        self.columns: tuple[int, ...] = tuple(sorted({c for term in terms for c in term.columns}))


class Product(Sum):
    """Product of expressions.

    Args:
        terms: At least one.
    """


Expression: TypeAlias = Number | Reference | Sum
"""``columns`` of each are those of the knobs in it, rising."""


def value_of(expression: Expression, knob: Callable[[int], NDArray[Any]]) -> Any:
    """Exact value, where ``knob(column)`` gives integers [m] (int64, or object when 64 bits may overflow)."""
    if isinstance(expression, Number):
        return expression.number
    if isinstance(expression, Reference):
        return knob(expression.columns[0])
    values = [value_of(term, knob) for term in expression.terms]
    return math.prod(values, start=1) if isinstance(expression, Product) else sum(values)


def magnitude(expression: Expression, largest: Mapping[int, int]) -> int:
    """Bound of every intermediate absolute value, from that of each knob."""
    if isinstance(expression, Number):
        return abs(expression.number)
    if isinstance(expression, Reference):
        return largest[expression.columns[0]]
    sizes = [magnitude(term, largest) for term in expression.terms]
    return math.prod(max(1, size) for size in sizes) if isinstance(expression, Product) else sum(sizes)


def bounds(expression: Expression, box: Box) -> Interval:
    """Interval of the value, where ``box(column)`` gives that of a knob (Moore 1966, "Interval Analysis")."""
    if isinstance(expression, Number):
        return np.array(float(expression.number)), np.array(float(expression.number))
    if isinstance(expression, Reference):
        return box(expression.columns[0])
    return _join(expression, expression.terms, box)


def narrow(expression: Expression, column: int, target: Interval, box: Box) -> Interval:
    """Interval outside of which a knob cannot be when the expression lies in ``target``.

    The backward step of HC4-revise (Benhamou et al. 1999, "Revising hull and box consistency").
    """
    if isinstance(expression, Reference) and expression.columns[0] == column:
        return target
    low, high = np.array(-np.inf), np.array(np.inf)
    if isinstance(expression, Sum):
        for i, term in enumerate(expression.terms):
            if column in term.columns:
                others = _join(expression, expression.terms[:i] + expression.terms[i + 1 :], box)
                share = _quotient(target, others) if isinstance(expression, Product) else _difference(target, others)
                below, above = narrow(term, column, share, box)
                low, high = np.maximum(low, below), np.minimum(high, above)
    return low, high


def _join(parent: Sum, terms: Sequence[Expression], box: Box) -> Interval:
    product = isinstance(parent, Product)
    low = high = np.array(1.0 if product else 0.0)
    for term in terms:
        below, above = bounds(term, box)
        if product:
            low, high = _hull(low * below, low * above, high * below, high * above)
        else:
            low, high = low + below, high + above
    return low, high


def _difference(target: Interval, others: Interval) -> Interval:
    return target[0] - others[1], target[1] - others[0]


def _quotient(target: Interval, others: Interval) -> Interval:
    unbounded = (others[0] <= 0.0) & (others[1] >= 0.0)
    divisors = [np.where(unbounded, 1.0, end) for end in others]
    below, above = _hull(*(t / o for t in target for o in divisors))
    return np.where(unbounded, -np.inf, below), np.where(unbounded, np.inf, above)


def _hull(a: Floats, b: Floats, c: Floats, d: Floats) -> Interval:
    return np.minimum(np.minimum(a, b), np.minimum(c, d)), np.maximum(np.maximum(a, b), np.maximum(c, d))


def parse(node: Any, knobs: Mapping[str, Knob], where: str) -> Expression:
    """Read ``number | "knob" | {sum: [..]} | {product: [..]}``.

    Args:
        node: The declared expression.
        knobs: All knobs of the space, in order.
        where: What the expression belongs to, for messages.

    Raises:
        SpaceError: When it is none of these, or a knob is unknown or not an integer.
    """
    if isinstance(node, bool) or not isinstance(node, int | float | str | Mapping):
        raise SpaceError(f"{where}: {node!r} is not an expression", "give a number, a knob's name, a sum or a product")
    if isinstance(node, str):
        return Reference((integer_column(node, knobs, where),))
    if isinstance(node, int | float):
        if not math.isfinite(node) or node != int(node):
            raise SpaceError(f"{where}: {node!r} is not an integer", "multiply both sides until every number is whole")
        return Number(int(node))
    if len(node) != 1 or next(iter(node)) not in _COMPOUNDS:
        raise SpaceError(f"{where}: {dict(node)!r} is not an expression", "use {sum: [..]} or {product: [..]}")
    ((key, terms),) = node.items()
    if isinstance(terms, str) or not isinstance(terms, Sequence) or not terms:
        raise SpaceError(f"{where}: {key} of {terms!r}", f"give {key} a list of expressions")
    return _COMPOUNDS[key]([parse(term, knobs, where) for term in terms])


_COMPOUNDS: Mapping[str, type[Sum] | type[Product]] = {"sum": Sum, "product": Product}


def integer_column(name: str, knobs: Mapping[str, Knob], where: str) -> int:
    """Column of an integer-valued knob.

    Raises:
        SpaceError: When the knob is unknown, has other than integer values, or too many of them.
    """
    if name not in knobs:
        raise SpaceError(f"{where}: knob {name!r} does not exist", hint(name, knobs))
    knob = knobs[name]
    if knob.decode(np.zeros(1, np.int64)).dtype.kind != "i":
        remedy = "constrain integer and whole-numbered ordinal knobs; use forbid for others"
        raise SpaceError(f"{where}: {knob.kind} knob {name!r} has no integer values", remedy)
    if knob.n > MAX_VALUES:
        raise SpaceError(
            f"{where}: knob {name!r} has {knob.n:,} values",
            f"constrained knobs may have {MAX_VALUES:,}; raise its step",
        )
    return list(knobs).index(name)


def hint(name: str, known: Iterable[str]) -> str:
    """What may have been meant by an unknown name."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    return (f"did you mean {close[0]!r}? " if close else "") + "known: " + ", ".join(names)
