"""Slots of any space of networks, found by watching which knobs change which operators."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from ...hw_targets.operator_table import signature
from ...spaces.knobs import INACTIVE, Codes
from ...spaces.network_space import WorkloadSpace
from ...spaces.operators import Operator
from ...spaces.space import Space
from .slots import Bag, Part

FULL_BASES, RANDOM_BASES = 8, 4
"""Designs around which each knob is changed: those with most active knobs, so that every operator shows, and others."""

CHECKED = 32
"""Random designs on which the slots must give back the whole workload."""

MOST_COVERING = 1000
"""Designs whose workloads are read in advance, at most."""

MOST_KEYS = 1 << 20
"""Combinations of a slot's knobs that are looked up in an array."""

Named = dict[str, tuple[object, ...]]
"""Name of an operator to its signature."""


class OperatorSlots:
    """Operators that the same knobs decide share a slot; the parts of a slot are its knobs' combinations.

    Networks are mostly built of blocks that a few knobs decide each. Which ones is found by changing one knob at a time
    around random designs, and checked on others; where the check fails, a single slot depends on all knobs. Parts are
    read from a workload when a combination is first met, so large batches cost array look-ups alone.

    Args:
        space: A space with ``workload(design)`` whose operators keep their names between designs.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self.parts: list[Part] = []
        self._known: dict[frozenset[tuple[tuple[object, ...], int]], int] = {}
        self._operators: dict[tuple[object, ...], Operator] = {}
        rng = np.random.default_rng(0)
        self._arrange(self._deciding(rng))
        for row in covering(space, [slot.columns for slot in self._slots]):
            self._learn(row)
        if not self._complete(space.sample(rng, CHECKED)):
            self._arrange({"": frozenset(range(space.n_knobs))})

    def __call__(self, codes: Codes) -> NDArray[np.int64]:
        """Parts of int64 ``codes`` [n, n_knobs]: indices in :attr:`parts`, int64 [n, n_slots]."""
        found = np.stack([slot.look_up(codes) for slot in self._slots], axis=1)
        missing = np.flatnonzero((found < 0).any(axis=1))
        while len(missing):
            self._learn(codes[missing[0]])
            found[missing] = np.stack([slot.look_up(codes[missing]) for slot in self._slots], axis=1)
            missing = missing[(found[missing] < 0).any(axis=1)]
        return found

    def _deciding(self, rng: np.random.Generator) -> dict[str, frozenset[int]]:
        """For each operator's name, the knobs that change it."""
        deciding: dict[str, set[int]] = {}
        drawn = self.space.sample(rng, 64 * FULL_BASES)
        fullest = np.argsort(-(drawn != INACTIVE).sum(axis=1), kind="stable")[:FULL_BASES]
        for turn, base in enumerate(np.concatenate([drawn[fullest], drawn[:RANDOM_BASES]])):
            before = self._named(base)
            for knob in np.flatnonzero(base != INACTIVE).tolist():
                other = base.copy()
                high = self.space.cardinalities[knob]
                # Every value has its turn, in the base or in the other.
                other[knob] = turn % high if turn % high != base[knob] else (turn + 1) % high
                other = self.space.repair(other[None], rng)[0]
                # A repair may move other knobs as well; any of them may be to blame.
                moved = np.flatnonzero((other != base) & (other != INACTIVE) & (base != INACTIVE)).tolist()
                after = self._named(other) if moved else before
                for name in before.keys() | after.keys():
                    blamed = deciding.setdefault(name, set())
                    if before.get(name) != after.get(name):
                        blamed.update(moved)
        return {name: frozenset(knobs) for name, knobs in deciding.items()}

    def _arrange(self, deciding: dict[str, frozenset[int]]) -> None:
        largest = _merged(set(deciding.values()), self.space)
        sets = sorted(set(largest.values()), key=lambda knobs: (len(knobs), sorted(knobs)))
        self._slot_of = {name: sets.index(largest[knobs]) for name, knobs in deciding.items()}
        self._slots = [_Slot(self.space, sorted(knobs)) for knobs in sets]

    def _learn(self, row: Codes) -> None:
        bags: list[Counter[tuple[object, ...]]] = [Counter() for _ in self._slots]
        rest = self._slot_of.get("", -1)
        for name, one in self._named(row).items():
            slot = self._slot_of.get(name, rest)
            # A name that no design had shown before is left out; the check tells how often that happens.
            if slot >= 0:
                bags[slot][one] += 1
        for slot_, bag in zip(self._slots, bags, strict=True):
            slot_.learn(row, self._part(bag))

    def _part(self, bag: Counter[tuple[object, ...]]) -> int:
        key = frozenset(bag.items())
        if key not in self._known:
            self._known[key] = len(self.parts)
            operators: Bag = tuple((self._operators[one], count) for one, count in sorted(bag.items(), key=repr))
            self.parts.append(Part(operators))
        return self._known[key]

    def _named(self, row: Codes) -> Named:
        if not isinstance(self.space, WorkloadSpace):
            raise TypeError(f"space {self.space.name!r} gives no workloads")
        found = {}
        for operator in self.space.workload(self.space.decode(row[None])[0]).operators:
            one = signature(operator)
            self._operators.setdefault(one, operator)
            found[operator.name] = one
        return found

    def _complete(self, codes: Codes) -> bool:
        for row, parts in zip(codes, self(codes), strict=True):
            held: Counter[tuple[object, ...]] = Counter()
            for part in parts.tolist():
                for operator, count in self.parts[part].operators:
                    held[signature(operator)] += count
            if held != Counter(self._named(row).values()):
                return False
        return True


def _merged(sets: set[frozenset[int]], space: Space) -> dict[frozenset[int], frozenset[int]]:
    """For each set of knobs the smallest of the sets that hold it and are contained in no other."""
    ordered = sorted(sets, key=lambda knobs: (len(knobs), sorted(knobs)))
    outer = [one for one in ordered if not any(one < other and _size(space, other) <= MOST_KEYS for other in ordered)]
    return {one: next(other for other in outer if one <= other) for one in ordered}


def _size(space: Space, columns: Collection[int]) -> int:
    """Combinations of some knobs, being inactive among the values."""
    return math.prod(int(space.cardinalities[column]) + 1 for column in columns)


def covering(space: Space, groups: list[list[int]]) -> Codes:
    """Designs in which each group of knobs takes every combination, int64 [n, n_knobs]; none if they were too many.

    Knobs that share no group change together, so that a chain of blocks needs no more designs than one block. Which do
    is a colouring of knobs, greedy from those in most groups.

    Args:
        space: The space.
        groups: Columns of knobs.
    """
    rivals: dict[int, set[int]] = {}
    for group in groups:
        for column in group:
            rivals.setdefault(column, set()).update(other for other in group if other != column)
    colour = np.full(space.n_knobs, -1)
    for column in sorted(rivals, key=lambda c: (-len(rivals[c]), c)):
        taken = {int(colour[other]) for other in rivals[column]}
        colour[column] = next(c for c in range(space.n_knobs) if c not in taken)
    sizes = [int(space.cardinalities[colour == c].max()) for c in range(int(colour.max(initial=-1)) + 1)]
    if float(np.prod(sizes, dtype=float)) > MOST_COVERING:
        return np.empty((0, space.n_knobs), np.int64)
    steps = np.stack(np.unravel_index(np.arange(int(np.prod(sizes))), sizes or (1,)), axis=1)
    codes = np.where(colour < 0, 0, steps[:, np.maximum(colour, 0)]) % space.cardinalities
    return np.unique(space.repair(codes, np.random.default_rng(0)), axis=0)


class _Slot:
    """Combinations of some knobs, each with its part."""

    def __init__(self, space: Space, columns: list[int]) -> None:
        self.columns = columns
        self._sizes = [int(space.cardinalities[column]) + 1 for column in columns]
        size = _size(space, columns)
        self._array = np.full(size, -1, np.int64) if size <= MOST_KEYS else None
        self._table: dict[bytes, int] = {}

    def look_up(self, codes: Codes) -> NDArray[np.int64]:
        """Parts of int64 ``codes`` [n, n_knobs], int64 [n]; -1 for combinations that were not met yet."""
        if self._array is not None:
            return np.asarray(self._array[self._keys(codes)], np.int64)
        return np.array([self._table.get(row.tobytes(), -1) for row in codes[:, self.columns]], np.int64)

    def learn(self, row: Codes, part: int) -> None:
        """Note the part of the combination in int64 ``row`` [n_knobs]."""
        if self._array is not None:
            self._array[self._keys(row[None])] = part
        else:
            self._table[row[self.columns].tobytes()] = part

    def _keys(self, codes: Codes) -> NDArray[np.int64]:
        key = np.zeros(len(codes), np.int64)
        for column, size in zip(self.columns, self._sizes, strict=True):
            key = key * size + codes[:, column] - INACTIVE
        return key
