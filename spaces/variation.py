"""Moves in a design space, in batches: mutation, crossover and one-knob neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

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
        int64 [n, n_knobs], valid designs; a row may equal its parent where a constraint undoes the change.
    """
    codes = np.atleast_2d(codes)
    n, k = codes.shape
    movable = (codes != INACTIVE) & (space.cardinalities > 1)
    counts = np.maximum(movable.sum(axis=1, keepdims=True), 1)
    draws = np.where(movable, rng.random((n, k)), np.inf)
    chosen = draws < (1.0 / counts if rate is None else rate)
    chosen |= (draws == draws.min(axis=1, keepdims=True)) & movable
    high = space.cardinalities
    jump = (codes + rng.integers(1, np.maximum(high, 2), (n, k))) % high
    length = rng.geometric(1.0 / np.maximum(1.0, LOCAL_SCALE * high), (n, k))
    step = codes + np.where(rng.random((n, k)) < 0.5, length, -length)
    # Reflect at the ends, so that an end value is not a trap.
    step = np.where(step < 0, -step, step)
    step = np.clip(np.where(step >= high, 2 * (high - 1) - step, step), 0, high - 1)
    local = space.ordered & (rng.random((n, k)) < LOCAL_SHARE)
    changed = np.where(local, step, jump)
    return space.repair(np.where(chosen, changed, codes), rng)


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
    return space.repair(child, rng)


def neighbours(space: Space, code: Codes) -> Codes:
    """All feasible designs that differ in one knob (and the knobs that it switches on or off).

    Args:
        space: The space.
        code: int64 [n_knobs], a valid design.

    Returns:
        int64 [n, n_knobs] without repeats: every other value of an unordered knob, the two adjacent values of an
        ordered one. Newly active knobs take their first value.
    """
    rows = []
    for j, high in enumerate(space.cardinalities):
        if code[j] == INACTIVE:
            continue
        values = (code[j] - 1, code[j] + 1) if space.ordered[j] else range(int(high))
        for value in values:
            if 0 <= value < high and value != code[j]:
                row = code.copy()
                row[j] = value
                rows.append(row)
    if not rows:
        return np.empty((0, space.n_knobs), dtype=np.int64)
    moved = space.canonical(np.array(rows, dtype=np.int64))
    return np.unique(moved[space.is_valid(moved)], axis=0)
