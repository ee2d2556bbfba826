"""Stirring: Markov steps that make draws from a large component more uniform."""

from __future__ import annotations

import numpy as np

from ..knobs import Codes
from .propagation import Propagator

SWEEPS = 12
"""Redraws of each knob, on average. On the 8 knobs of a simplex, badly proposed, means are right from 8 on."""


def stir(propagator: Propagator, columns: Codes, rows: Codes, rng: np.random.Generator) -> Codes:
    """Move feasible rows about without leaving the feasible set.

    Each move redraws two knobs of a row: the first among the candidates that propagation leaves when both are open, the
    second among those that are left then. It is taken if all constraints hold, with the probability of Metropolis and
    Hastings, which keeps the uniform distribution (Hastings 1970, "Monte Carlo sampling methods using Markov chains and
    their applications", section 2.2). Moving two knobs at once is what an equation between sums needs. Rows move
    independently. Knobs with a condition, and those that conditions test, stay as they are.

    Args:
        propagator: Knobs and relations.
        columns: Columns of the knobs, int64 [k], rising.
        rows: int64 [n, k], feasible.
        rng: Random generator.

    Returns:
        int64 [n, k], feasible.
    """
    tested = {c for condition in propagator.active_if.values() for c in condition.columns}
    free = [i for i, c in enumerate(columns.tolist()) if c not in tested and c not in propagator.active_if]
    if len(free) < 2 or not len(rows):
        return rows
    state = {int(c): rows[:, i].copy() for i, c in enumerate(columns)}
    for _ in range(SWEEPS * len(free) // 2):
        first, second = (int(columns[i]) for i in rng.choice(free, 2, replace=False))
        _move(propagator, state, first, second, rng)
    return np.column_stack([state[int(c)] for c in columns])


def _move(propagator: Propagator, state: dict[int, Codes], first: int, second: int, rng: np.random.Generator) -> None:
    n = len(state[first])
    rest = {c: values for c, values in state.items() if c not in (first, second)}
    candidates = propagator.extend(rest, n, first)
    rows = np.flatnonzero(candidates.lengths)
    wanted = candidates.take(rows, rng.integers(0, candidates.lengths[rows]))
    # Old and new in one call, so that both are counted by the same rule.
    both = {c: np.concatenate([values[rows], values[rows]]) for c, values in rest.items()}
    both[first] = np.concatenate([wanted, state[first][rows]])
    options = propagator.extend(both, 2 * len(rows), second)
    new, old = options.lengths[: len(rows)], options.lengths[len(rows) :]
    alive = np.flatnonzero(new)
    alive = alive[rng.random(len(alive)) * old[alive] < new[alive]]
    picked = options.take(alive, rng.integers(0, new[alive]))
    moved = {c: values[alive] for c, values in both.items()}
    kept = np.arange(len(alive))
    # Checked in both orders, so that every relation of either knob is.
    fine = propagator.allowed(moved, second, kept, picked)
    others = {c: values for c, values in moved.items() if c != first} | {second: picked}
    fine &= propagator.allowed(others, first, kept, moved[first])
    state[first][rows[alive[fine]]] = moved[first][fine]
    state[second][rows[alive[fine]]] = picked[fine]
