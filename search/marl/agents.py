"""Who decides what and when: agents, their turns, and the choices that are legal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ...spaces.errors import StrategyError
from ...spaces.feasibility.masks import UNSET, ActionMasks
from ...spaces.knobs import INACTIVE, Codes
from ...spaces.space import Space
from .groups import grouped

Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]

MOST_ACTIONS = 64
"""Actions of a turn at most: a knob of more values is chosen digit by digit, the most significant first."""


class Agents:
    """The turns of an episode, in order, and the agents that take them.

    A turn is one knob, or one digit of a knob with more than :data:`MOST_ACTIONS` values. Choices are int64
    [n, n_turns]: an action, -1 where the knob is inactive, -2 where an episode stopped before.

    Args:
        space: The design space.
        groups: Agent name to the knobs that it chooses; knobs in no group have an agent each. None: one agent per knob.

        order: Names of all knobs as they are chosen, those that conditions test first; by default as masks advise.

    Attributes:
        names: Of the agents.
        groups: As given.
        order: Columns as they are chosen.
        columns: Knob of each turn, int64 [n_turns].
        agent: Agent of each turn, int64 [n_turns].
        n_actions: Actions of each turn, int64 [n_turns].
        offsets: First column of each turn in a one-hot row, int64 [n_turns].

    Raises:
        StrategyError: When the groups are wrong, see :func:`~cosearch.search.marl.groups.grouped`, or the order lacks a
            knob, has one twice, or one before those that its condition tests.
    """

    def __init__(
        self,
        space: Space,
        groups: Mapping[str, Sequence[str]] | None = None,
        order: Sequence[str] | None = None,
    ) -> None:
        self.space = space
        self.masks = ActionMasks(space)
        owner = {name: agent for agent, knobs in grouped(space, groups).items() for name in knobs}
        self.groups = {name: list(knobs) for name, knobs in (groups or {}).items()}
        self.order: list[int] = self.masks.order.tolist() if order is None else _ordered(space, order)
        self.names: tuple[str, ...] = tuple(dict.fromkeys(owner[space.names[c]] for c in self.order))
        turns: list[tuple[int, int, int]] = []
        for column in self.order:
            n_digits, base = digits(int(space.cardinalities[column]))
            turns += [(column, base ** (n_digits - 1 - d), base) for d in range(n_digits)]
        self.columns, self._places, self.n_actions = np.array(turns, dtype=np.int64).T
        self.agent = np.array([self.names.index(owner[space.names[c]]) for c in self.columns], dtype=np.int64)
        self.offsets = np.concatenate([[0], np.cumsum(self.n_actions)[:-1]])
        self._tied = frozenset(space.feasible.tied().tolist())
        conditional = space.feasible.active_if
        many = np.flatnonzero(space.cardinalities > MOST_ACTIONS)
        self._free = [c not in self._tied and c not in conditional and c not in many for c in self.columns.tolist()]
        self._padded: Bools = np.arange(self.most_actions) < self.n_actions[:, None]

    @property
    def n_agents(self) -> int:
        """Number of agents."""
        return len(self.names)

    @property
    def n_turns(self) -> int:
        """Turns of an episode."""
        return len(self.columns)

    @property
    def most_actions(self) -> int:
        """Actions of the turn that has most."""
        return int(self.n_actions.max())

    @property
    def width(self) -> int:
        """Length of a one-hot row of choices."""
        return int(self.n_actions.sum())

    @property
    def may_halt(self) -> bool:
        """Whether an episode may come to a turn without a legal action."""
        return not self.masks.exact

    def visible(self, earlier: bool) -> Floats:
        """Which choices agents see at their turns: all earlier ones, or only their own; float32 [n_turns, width]."""
        turns = np.arange(self.n_turns)
        seen = turns[:, None] > turns
        if not earlier:
            seen &= self.agent[:, None] == self.agent
        return np.repeat(seen, self.n_actions, axis=1).astype(np.float32)

    def choices(self, codes: Codes) -> Codes:
        """Choices that make designs int64 [n, n_knobs], int64 [n, n_turns]."""
        values = codes[:, self.columns]
        return np.where(values == INACTIVE, INACTIVE, values // self._places % self.n_actions)

    def codes(self, choices: Codes) -> Codes:
        """Designs of choices int64 [n, n_turns], int64 [n, n_knobs]; -2 for knobs that were not chosen."""
        codes = np.zeros((len(choices), self.space.n_knobs), dtype=np.int64)
        for turn, column in enumerate(self.columns.tolist()):
            action = choices[:, turn]
            codes[:, column] = np.where(action < 0, action, codes[:, column] + action * self._places[turn])
        return codes

    def one_hot(self, choices: Codes) -> Floats:
        """Choices int64 [n, n_turns] as float32 [n, width]; nothing is hot where no action was chosen."""
        rows, turns = np.nonzero(choices >= 0)
        hot = np.zeros((len(choices), self.width), dtype=np.float32)
        hot[rows, self.offsets[turns] + choices[rows, turns]] = 1.0
        return hot

    def legal(self, choices: Codes, turn: int) -> tuple[Bools, Bools]:
        """What may be chosen at a turn.

        Args:
            choices: int64 [n, n_turns]; those before the turn are looked at.
            turn: The turn.

        Returns:
            Legal actions, bool [n, most_actions], and whether the knob is active, bool [n].
        """
        n = len(choices)
        if self._free[turn]:
            return np.repeat(self._padded[turn][None], n, axis=0), np.ones(n, dtype=bool)
        column = int(self.columns[turn])
        first = int(np.flatnonzero(self.columns == column)[0])
        before = np.where(np.arange(self.n_turns) < first, choices, UNSET)
        codes = self.codes(before)
        active = self.masks.active(codes, column)
        actions = np.zeros((n, self.most_actions), dtype=bool)
        if column in self._tied:
            legal = self._by_digit(self.masks.legal(codes, column), choices, first, turn)
        else:
            legal = self._in_range(choices, first, turn) & active[:, None]
        actions[:, : self.n_actions[turn]] = legal
        return actions, active

    def _in_range(self, choices: Codes, first: int, turn: int) -> Bools:
        """Digits after which the knob still has a value, given the more significant ones; bool [n, n_actions[turn]]."""
        start = np.maximum(choices[:, first:turn], 0) @ self._places[first:turn]
        least = start[:, None] + np.arange(self.n_actions[turn]) * self._places[turn]
        return np.asarray(least < self.space.cardinalities[self.columns[turn]])

    def _by_digit(self, values: Bools, choices: Codes, first: int, turn: int) -> Bools:
        """Digits that leave a legal value, given the more significant ones; bool [n, n_actions[turn]]."""
        base, place = int(self.n_actions[turn]), int(self._places[turn])
        if turn == first and place == 1:
            return values
        padded = np.zeros((len(values), base * int(self._places[first])), dtype=bool)
        padded[:, : values.shape[1]] = values
        start = np.maximum(choices[:, first:turn], 0) @ self._places[first:turn]
        block = np.take_along_axis(padded, start[:, None] + np.arange(base * place), axis=1)
        return np.asarray(block.reshape(len(values), base, place).any(axis=2))

    def all_legal(self, choices: Codes) -> Bools:
        """:meth:`legal` of every turn, given the choices before it; bool [n, n_turns, most_actions]."""
        result = np.repeat(self._padded[None], len(choices), axis=0)
        for turn in np.flatnonzero(~np.array(self._free)):
            result[:, turn] = self.legal(choices, int(turn))[0]
        return result


def digits(n_values: int) -> tuple[int, int]:
    """Digits, and their base, in which a knob of ``n_values`` is chosen."""
    n_digits = 1
    while MOST_ACTIONS**n_digits < n_values:
        n_digits += 1
    base = n_values if n_digits == 1 else math.ceil(n_values ** (1.0 / n_digits) - 1e-9)
    return n_digits, base


def _ordered(space: Space, order: Sequence[str]) -> list[int]:
    """Columns of all knobs in a given order, those that conditions test first."""
    if not isinstance(order, Sequence) or isinstance(order, str) or sorted(map(str, order)) != sorted(space.names):
        raise StrategyError(f"order {order!r} does not hold every knob once", "knobs: " + ", ".join(space.names))
    columns = [space.index(name) for name in order]
    for column, condition in space.feasible.active_if.items():
        late = [c for c in condition.columns if columns.index(c) > columns.index(column)]
        if late:
            names = f"{space.names[column]!r} before {space.names[late[0]]!r}"
            raise StrategyError(f"order has {names}, which its condition tests", "turn them round")
    return columns
