"""Moves in a design space, in batches: mutation, crossover and one-knob neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .knobs import INACTIVE, Codes

if TYPE_CHECKING:
    from .space import Space

LOCAL_SHARE = 0.5
"""Share of mutations of an ordered knob that move to a nearby value instead of any other one."""

LOCAL_SCALE = 0.05
"""Mean length of a local move, as a share of the knob's range (never under one step)."""


def mutate(space: Space, codes: Codes, rng: np.random.Generator, rate: float | None = None) -> Codes:
    """Change each active knob with probability ``rate``, at least one per row, then repair.

    Args:
        space: The space.
        codes: int64 [n, n_knobs], valid designs.
        rng: Random generator.
        rate: Probability per knob; by default one over the number of a row's active knobs.

    Returns:
        int64 [n, n_knobs], valid designs. Where a change violates a constraint, the nearest feasible design other
        than the parent is taken.
    """
    codes = np.atleast_2d(codes)
    high = space.cardinalities
    movable = (codes != INACTIVE) & (high > 1)
    draws = np.where(movable, rng.random(codes.shape), np.inf)
    chosen = draws < (1.0 / np.maximum(movable.sum(axis=1, keepdims=True), 1) if rate is None else rate)
    chosen |= (draws == draws.min(axis=1, keepdims=True)) & movable
    rows, columns = np.nonzero(chosen)
    old, top = codes[rows, columns], high[columns] - 1
    u = rng.random((4, len(rows)))
    jump = (old + 1 + (u[0] * top).astype(np.int64)) % (top + 1)
    # Inverse transform of the geometric distribution; log1p(-1) = -inf makes every length 1.
    length = 1 + (np.log1p(-u[1]) / _log_stay(high)[columns]).astype(np.int64)
    # Reflect at the ends, so that an end value is not a trap.
    step = np.abs(np.where(u[2] < 0.5, old + length, old - length))
    step = np.clip(np.minimum(step, 2 * top - step), 0, top)
    changed = codes.copy()
    changed[rows, columns] = np.where(space.ordered[columns] & (u[3] < LOCAL_SHARE), step, jump)
    return space.settle(changed, rng, avoid=codes)


def _log_stay(high: Codes) -> NDArray[np.float64]:
    """Logarithm of the probability that a local move goes on by another step, float64 [n_knobs]."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log1p(-1.0 / np.maximum(1.0, LOCAL_SCALE * high)))


def crossover(space: Space, a: Codes, b: Codes, rng: np.random.Generator) -> Codes:
    """Uniform crossover (Syswerda 1989): each knob from either parent, then repair.

    Args:
        space: The space.
        a: int64 [n, n_knobs], valid designs.
        b: int64 [n, n_knobs], valid designs.
        rng: Random generator.

    Returns:
        int64 [n, n_knobs], valid designs.
    """
    take_a = rng.random(a.shape) < 0.5
    child = np.where(take_a, a, b)
    # A knob that is active in one parent only keeps that parent's value.
    child = np.where(child == INACTIVE, np.maximum(a, b), child)
    return space.settle(child, rng)


def neighbours(space: Space, code: Codes) -> Codes:
    """All feasible designs that differ in one knob (and the knobs that it switches on or off).

    Args:
        space: The space.
        code: int64 [n_knobs], a valid design.

    Returns:
        int64 [n, n_knobs] without repeats: every other feasible value of an unordered knob, the nearest feasible value
        on each side of an ordered one. Newly active knobs take their first value.
    """
    tied = set(space.feasible.tied().tolist())
    rows = [np.empty((0, space.n_knobs), dtype=np.int64)]
    for j, high in enumerate(space.cardinalities):
        if code[j] == INACTIVE:
            continue
        everything = j in tied or not space.ordered[j]
        first, last = (0, int(high) - 1) if everything else (max(0, code[j] - 1), min(high - 1, code[j] + 1))
        values = np.arange(first, last + 1)
        moved = np.repeat(code[None, :], len(values), axis=0)
        moved[:, j] = values
        moved = space.canonical(moved[values != code[j]])
        moved = moved[space.is_valid(moved)]
        if space.ordered[j]:
            below, above = moved[moved[:, j] < code[j]], moved[moved[:, j] > code[j]]
            moved = np.concatenate([below[-1:], above[:1]])
        rows.append(moved)
    return np.unique(np.concatenate(rows), axis=0)
