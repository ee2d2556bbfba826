"""Exact number of designs of a conditional space, without listing them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ..conditions import Condition
from ..knobs import INACTIVE, Codes

MAX_STEPS = 200_000
"""Branches after which counting is given up."""


class _TooLargeError(Exception):
    pass


def count_designs(
    cardinalities: Sequence[int], active_if: Mapping[int, Condition], tables: Sequence[tuple[Codes, Codes]]
) -> int | None:
    """Number of canonical designs.

    Knobs that no condition links multiply. Linked ones are branched on: values that satisfy the same conditions are
    one branch, counted with their number, and what is left falls apart into smaller problems.

    Args:
        cardinalities: Values per knob.
        active_if: Column of a conditional knob to its condition.
        tables: Columns and feasible rows of each group of tied knobs (which holds all knobs that its conditions test).

    Returns:
        The exact number; None when that takes over :data:`MAX_STEPS` branches.
    """
    units: dict[int, _Unit] = {}
    for columns, rows in tables:
        units[int(columns[0])] = (columns, rows)
    tied = {int(c) for columns, _ in tables for c in columns}
    free = [c for c in range(len(cardinalities)) if c not in tied]
    for c in free:
        units[c] = (np.array([c]), None)
    tests = {c: dict(zip(active_if[c].columns, active_if[c].tables, strict=True)) for c in free if c in active_if}
    try:
        return _Counter(units, cardinalities).count(sorted(units), tests)
    except _TooLargeError:
        return None


_Tests = dict[int, dict[int, np.ndarray]]
"""Free knob to its open tests: column of the tested knob to its truth table."""


_Unit = tuple[Codes, Codes | None]
"""Columns and feasible rows of a group of tied knobs; a free knob has no rows, but all its values."""


class _Counter:
    def __init__(self, units: Mapping[int, _Unit], cardinalities: Sequence[int]) -> None:
        self.units = units
        self.cardinalities = cardinalities
        self.owner = {int(c): u for u, (columns, _) in units.items() for c in columns}
        self.steps = 0

    def count(self, members: Sequence[int], tests: _Tests) -> int:
        return math.prod(self._connected(group, tests) for group in self._split(members, tests))

    def _connected(self, group: Sequence[int], tests: _Tests) -> int:
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise _TooLargeError
        if len(group) == 1:
            alone = self.units[group[0]][1]
            return self.cardinalities[group[0]] if alone is None else len(alone)
        children = {u: [v for v in group if any(self.owner[c] == u for c in tests.get(v, {}))] for u in group}
        root = max((u for u in group if not tests.get(u)), key=lambda u: len(children[u]))
        columns, listed = self.units[root]
        rows = np.arange(self.cardinalities[root])[:, None] if listed is None else listed
        questions = [(v, c) for v in children[root] for c in tests[v] if self.owner[c] == root]
        answers = np.column_stack([tests[v][c][rows[:, np.searchsorted(columns, c)]] for v, c in questions])
        distinct, counts = np.unique(answers, axis=0, return_counts=True)
        rest = [u for u in group if u != root]
        return sum(
            int(weight) * self._branch(rest, tests, dict(zip(questions, answer, strict=True)))
            for answer, weight in zip(distinct, counts, strict=True)
        )

    def _branch(self, rest: Sequence[int], tests: _Tests, answers: Mapping[tuple[int, int], bool]) -> int:
        off = {v for (v, _), yes in answers.items() if not yes}
        while True:  # a knob that is off switches off those that test it
            more = {v for v in rest if v not in off and any(c in off for c in tests.get(v, {}))}
            if not more:
                break
            off |= more
        settled = set(answers)
        open_tests = {
            v: {c: t for c, t in tests.get(v, {}).items() if (v, c) not in settled} for v in rest if v not in off
        }
        return self.count([u for u in rest if u not in off], open_tests)

    def _split(self, members: Sequence[int], tests: _Tests) -> list[list[int]]:
        """Members linked by open tests, as groups."""
        links: dict[int, set[int]] = {u: set() for u in members}
        for v in members:
            for c in tests.get(v, {}):
                links[v].add(self.owner[c])
                links[self.owner[c]].add(v)
        groups, seen = [], set()
        for u in members:
            if u in seen:
                continue
            group, stack = [], [u]
            seen.add(u)
            while stack:
                group.append(stack.pop())
                fresh = links[group[-1]] - seen
                seen |= fresh
                stack += sorted(fresh)
            groups.append(sorted(group))
        return groups


def expand(rows: Codes, columns: Sequence[int], n: int, condition: Condition | None) -> Codes:
    """Append one free knob to partial designs: every value where it is active, -1 where it is not.

    Args:
        rows: int64 [m, len(columns)].
        columns: What the columns of ``rows`` are.
        n: Values of the knob.
        condition: Its condition, over ``columns``; None when it is always active.

    Returns:
        int64 [>= m, len(columns) + 1].
    """
    active = np.ones(len(rows), bool)
    if condition is not None:
        active = condition.holds_for({c: rows[:, j] for j, c in enumerate(columns)})
    repeats = np.where(active, n, 1)
    starts = np.cumsum(repeats) - repeats
    values = np.arange(repeats.sum()) - np.repeat(starts, repeats)
    values[~np.repeat(active, repeats)] = INACTIVE
    return np.column_stack([np.repeat(rows, repeats, axis=0), values])
