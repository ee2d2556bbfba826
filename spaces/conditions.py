"""Conditions on knob values: ``active_if``, ``forbid`` clauses, and the premises of implications."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import DesignError, SpaceError
from .knobs import Codes, Knob, Value

Clause = Mapping[str, Value | Sequence[Value] | Mapping[str, float]]
"""Knob name to a value, a list of values, or ``{at_least: x, at_most: y}``; all must hold."""


@dataclass(frozen=True)
class Condition:
    """A conjunction over knobs, compiled to one truth table per knob.

    Attributes:
        columns: Index of each tested knob.
        tables: Per tested knob, bool [n + 1]: whether a code satisfies it; the last entry is for
            inactive (code -1), which never does.
    """

    columns: tuple[int, ...]
    tables: tuple[NDArray[np.bool_], ...]

    @classmethod
    def compile(cls, clause: Clause, knobs: Mapping[str, Knob], where: str) -> Condition:
        """Compile a declared clause.

        Args:
            clause: The clause.
            knobs: All knobs of the space, in order.
            where: What the clause belongs to, for messages.

        Raises:
            SpaceError: When the clause is empty or names an unknown knob or value.
        """
        if not isinstance(clause, Mapping) or not clause:
            raise SpaceError(f"{where}: {clause!r} is not a clause", "give a mapping from knobs to values")
        names = list(knobs)
        columns, tables = [], []
        for name, test in clause.items():
            if name not in knobs:
                close = difflib.get_close_matches(str(name), names, n=1)
                guess = f"did you mean {close[0]!r}? " if close else ""
                raise SpaceError(f"{where}: knob {name!r} does not exist", f"{guess}known: " + ", ".join(names))
            columns.append(names.index(name))
            tables.append(_truth_table(knobs[name], test, f"{where}: {name}"))
        return cls(tuple(columns), tuple(tables))

    def holds(self, codes: Codes) -> NDArray[np.bool_]:
        """Whether each row of int64 ``codes`` [n, n_knobs] satisfies the condition; bool [n]."""
        result = self.tables[0][codes[:, self.columns[0]]]
        for column, table in zip(self.columns[1:], self.tables[1:], strict=True):
            result &= table[codes[:, column]]
        return result

    def holds_for(self, codes: Mapping[int, Codes]) -> NDArray[np.bool_]:
        """The same for columns held apart: ``codes`` maps each of :attr:`columns` to int64 [n]."""
        result = self.tables[0][codes[self.columns[0]]]
        for column, table in zip(self.columns[1:], self.tables[1:], strict=True):
            result &= table[codes[column]]
        return result


def _truth_table(knob: Knob, test: Any, where: str) -> NDArray[np.bool_]:
    table = np.zeros(knob.n + 1, dtype=bool)
    if isinstance(test, Mapping):
        if not test or set(test) - {"at_least", "at_most"} or not knob.ordered:
            raise SpaceError(f"{where}: {dict(test)!r} is not a test", "use at_least and at_most, on an ordered knob")
        values = knob.decode(np.arange(knob.n, dtype=np.int64))
        low, high = test.get("at_least", -np.inf), test.get("at_most", np.inf)
        table[:-1] = (values >= low) & (values <= high)
        return table
    allowed = [test] if isinstance(test, str) or not isinstance(test, Sequence) else test
    for value in allowed:
        try:
            table[knob.encode(value)] = True
        except DesignError as error:
            raise SpaceError(f"{where}: {error.problem}", error.remedy) from error
    return table
