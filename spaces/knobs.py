"""Knobs: one decision each, encoded as the integers ``0 .. n - 1``; ``-1`` means inactive."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .errors import DesignError, SpaceError

Value = str | int | float | bool
Codes = NDArray[np.int64]

INACTIVE = -1
"""Code of a knob whose ``active_if`` condition does not hold."""

LARGEST = 2**62
"""Largest magnitude of an integer knob's bounds, so that sums of codes fit into 64 bits."""

REAL_LEVELS = 65_537
"""Grid points of a real knob: 2**16 intervals, so that equal designs have equal codes."""


class Knob(ABC):
    """One decision of a design space: a finite, indexed set of values.

    Attributes:
        n: Number of values; codes run from 0 to ``n - 1``.
        ordered: Whether neighbouring codes are neighbouring values.
    """

    kind: ClassVar[str]
    ordered: ClassVar[bool] = True

    @property
    def uniform(self) -> bool:
        """Whether :meth:`sample` draws every code equally often, so that knobs can be drawn together."""
        return True

    @property
    @abstractmethod
    def n(self) -> int:
        """Number of values."""

    @abstractmethod
    def decode(self, codes: Codes) -> NDArray[Any]:
        """Values of int64 ``codes`` [n], each in ``0 .. self.n - 1``; dtype int64, float64, or object."""

    @abstractmethod
    def encode(self, value: Value) -> int:
        """Code of one value.

        Raises:
            DesignError: When the knob cannot take the value.
        """

    @abstractmethod
    def spec(self) -> dict[str, Any]:
        """The JSON-able declaration that :func:`knob_from_spec` reads back."""

    def sample(self, rng: np.random.Generator, n: int) -> Codes:
        """Draw ``n`` codes, int64 [n]; uniform, or log-uniform for a log knob."""
        return rng.integers(0, self.n, n, dtype=np.int64)

    def value(self, code: int) -> Value:
        """Plain Python value of one code, in ``0 .. self.n - 1``."""
        item = self.decode(np.array([code], dtype=np.int64))[0]
        plain: Value = item.item() if isinstance(item, np.generic) else item
        return plain


def _refuse(value: object, allowed: str) -> DesignError:
    return DesignError(f"{value!r} is not a value of this knob", f"use {allowed}")


@dataclass(frozen=True)
class Categorical(Knob):
    """Unordered choice, for example a dataflow.

    Args:
        values: The choices, distinct JSON scalars.
    """

    values: tuple[Value, ...]
    kind: ClassVar[str] = "categorical"
    ordered: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))
        _check_distinct(self.values)
        table: NDArray[Any] = np.empty(len(self.values), dtype=object)
        table[:] = self.values
        object.__setattr__(self, "_table", table)
        object.__setattr__(self, "_codes", {_key(v): i for i, v in enumerate(self.values)})

    @property
    def n(self) -> int:
        return len(self.values)

    def decode(self, codes: Codes) -> NDArray[Any]:
        table: NDArray[Any] = self.__dict__["_table"]
        return table[codes]

    def encode(self, value: Value) -> int:
        known = isinstance(value, str | int | float)
        code: int | None = self.__dict__["_codes"].get(_key(value)) if known else None
        if code is None:
            raise _refuse(value, "one of " + ", ".join(map(repr, self.values)))
        return code

    def spec(self) -> dict[str, Any]:
        return {"type": self.kind, "values": list(self.values)}


@dataclass(frozen=True)
class Ordinal(Categorical):
    """Ordered choice of numbers, for example a kernel size out of 3, 5 and 7.

    Args:
        values: Distinct numbers in rising order.
    """

    kind: ClassVar[str] = "ordinal"
    ordered: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if any(isinstance(v, bool) or not isinstance(v, int | float) for v in self.values):
            raise SpaceError(f"ordinal values must be numbers, got {list(self.values)}", "use a categorical knob")
        if list(self.values) != sorted(self.values):
            raise SpaceError(f"ordinal values must rise, got {list(self.values)}", "sort them")
        table = np.array(self.values)
        dtype = np.int64 if table.dtype.kind in "iu" else np.float64
        object.__setattr__(self, "_table", table.astype(dtype))


@dataclass(frozen=True)
class Integer(Knob):
    """Integer in ``low .. high`` (both included), on a grid of ``step``.

    Args:
        low: Smallest value.
        high: Largest value.
        step: Distance of neighbouring values.
        log: Sample log-uniformly; needs ``low >= 1``.
    """

    low: int
    high: int
    step: int = 1
    log: bool = False
    kind: ClassVar[str] = "integer"

    def __post_init__(self) -> None:
        given = (self.low, self.high, self.step)
        if any(isinstance(v, bool) or not isinstance(v, int) or abs(v) > LARGEST for v in given):
            raise SpaceError(
                f"integer knob needs whole numbers up to 2**62, got low {self.low!r}, high {self.high!r}, "
                f"step {self.step!r}",
                "correct them, or use a real knob",
            )
        if self.step < 1 or self.high < self.low:
            raise SpaceError(
                f"integer knob needs low <= high and step >= 1, got {self.low}..{self.high} step {self.step}",
                "correct the bounds",
            )
        if self.log and self.low < 1:
            raise SpaceError(f"a log integer knob needs low >= 1, got {self.low}", "raise low or drop log")

    @property
    def uniform(self) -> bool:
        return not self.log

    @property
    def n(self) -> int:
        return (self.high - self.low) // self.step + 1

    def decode(self, codes: Codes) -> NDArray[Any]:
        return self.low + self.step * codes

    def encode(self, value: Value) -> int:
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if isinstance(value, bool) or not whole:
            raise _refuse(value, f"an integer from {self.low} to {self.high}")
        code, rest = divmod(int(value) - self.low, self.step)
        if rest or not 0 <= code < self.n:
            raise _refuse(value, f"an integer from {self.low} to {self.high} in steps of {self.step}")
        return code

    def sample(self, rng: np.random.Generator, n: int) -> Codes:
        if not self.log:
            return super().sample(rng, n)
        # Half a unit on each side gives the end points their share.
        draws = np.exp(rng.uniform(math.log(self.low - 0.5), math.log(self.high + 0.5), n))
        codes = np.rint((draws - self.low) / self.step).astype(np.int64)
        return np.clip(codes, 0, self.n - 1)

    def spec(self) -> dict[str, Any]:
        return {"type": self.kind, "low": self.low, "high": self.high, "step": self.step, "log": self.log}


@dataclass(frozen=True)
class Real(Knob):
    """Real number in ``low .. high`` on a fine grid (geometric when ``log``).

    Args:
        low: Smallest value.
        high: Largest value.
        log: Space the grid, and so the samples, logarithmically; needs ``low > 0``.
        levels: Grid points.
    """

    low: float
    high: float
    log: bool = False
    levels: int = REAL_LEVELS
    kind: ClassVar[str] = "real"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high and self.levels > 1):
            raise SpaceError(
                f"real knob needs finite low < high and levels > 1, got {self.low}..{self.high}, {self.levels} levels",
                "correct the bounds",
            )
        if self.log and self.low <= 0:
            raise SpaceError(f"a log real knob needs low > 0, got {self.low}", "raise low or drop log")
        grid = np.geomspace if self.log else np.linspace
        table = grid(self.low, self.high, self.levels)
        if not (np.diff(table) > 0).all():
            raise SpaceError(
                f"real knob: {self.low}..{self.high} is too narrow for {self.levels} distinct levels",
                "use fewer levels",
            )
        object.__setattr__(self, "_table", table)

    @property
    def n(self) -> int:
        return self.levels

    def decode(self, codes: Codes) -> NDArray[Any]:
        table: NDArray[Any] = self.__dict__["_table"]
        return table[codes]

    def encode(self, value: Value) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _refuse(value, f"a number from {self.low} to {self.high}")
        table: NDArray[np.float64] = self.__dict__["_table"]
        slack = 1e-9 * max(abs(self.low), abs(self.high))
        if not self.low - slack <= value <= self.high + slack:
            raise _refuse(value, f"a number from {self.low} to {self.high}")
        right = int(np.clip(np.searchsorted(table, value), 1, self.n - 1))
        return right if abs(table[right] - value) <= abs(value - table[right - 1]) else right - 1

    def spec(self) -> dict[str, Any]:
        return {"type": self.kind, "low": self.low, "high": self.high, "log": self.log, "levels": self.levels}


KNOB_TYPES: Mapping[str, type[Knob]] = {c.kind: c for c in (Categorical, Ordinal, Integer, Real)}
"""Knob classes by the ``type`` that a declaration names."""


def knob_from_spec(spec: Knob | Mapping[str, Any] | Sequence[Value]) -> Knob:
    """Build a knob from a declaration.

    Args:
        spec: A knob; a list of values (rising numbers make an ordinal, anything else a categorical);
            or a mapping with ``type`` and that class's arguments.

    Raises:
        SpaceError: When the declaration is not one of these.
    """
    if isinstance(spec, Knob):
        return spec
    if isinstance(spec, Mapping):
        options = dict(spec)
        kind = options.pop("type", None)
        if kind not in KNOB_TYPES:
            raise SpaceError(f"knob type {kind!r} is unknown", "use one of " + ", ".join(KNOB_TYPES))
        try:
            return KNOB_TYPES[kind](**options)
        except TypeError as error:
            raise SpaceError(f"{kind} knob: {error}", "see the knob's documented options") from error
    if isinstance(spec, str) or not isinstance(spec, Sequence):
        raise SpaceError(f"{spec!r} does not declare a knob", "give a list of values or a mapping with 'type'")
    values = tuple(spec)
    numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    if numeric and list(values) == sorted(values):
        return Ordinal(values)
    return Categorical(values)


def _key(value: object) -> object:
    """Key under which 1, 1.0 and True stay apart where JSON keeps them apart, 3 and 3.0 do not."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return (bool, value) if isinstance(value, bool) else value


def _check_distinct(values: Sequence[Value]) -> None:
    if not values:
        raise SpaceError("a knob has no values", "list at least one")
    for value in values:
        if not isinstance(value, str | int | float | bool) or (isinstance(value, float) and not math.isfinite(value)):
            raise SpaceError(f"{value!r} is not a JSON scalar", "use strings, finite numbers or booleans")
    if len({_key(v) for v in values}) < len(values):
        raise SpaceError(f"knob values repeat in {list(values)}", "list each value once")
