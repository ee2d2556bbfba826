"""HypE: how much hypervolume a row is expected to cost, by Monte Carlo integration in any number of objectives."""

from __future__ import annotations

import numpy as np

from .array_namespace import Array, like, namespace, tile_rows

WEIGHT_GRID = 2.0**36
"""Weights are multiples of one over this, so that sums of up to 2^17 of them are exact: the same in any order, on any
device."""


def dominated_samples(objectives: Array, samples: Array) -> Array:
    """Which rows are nowhere worse than which sample, bool [n_samples, n]; built block by block.

    Args:
        objectives: float64 [n, n_objectives], minimised, finite.
        samples: float64 [n_samples, n_objectives].
    """
    xp = namespace(objectives)
    n = len(objectives)
    table = xp.empty((len(samples), n), dtype=xp.bool, device=objectives.device)
    step = tile_rows(objectives, n)
    columns = [objectives[:, j] + 0.0 for j in range(objectives.shape[1])]
    for start in range(0, len(samples), step):
        part = samples[start : start + step]
        below = columns[0] <= part[:, 0, None]
        for j in range(1, len(columns)):
            below &= columns[j] <= part[:, j, None]
        table[start : start + step] = below
    return table


def hype_fitness(objectives: Array, k: int, samples: Array, volume: float) -> Array:
    """Expected hypervolume lost with a row when k rows are removed, it and k - 1 random others, float64 [n].

    I_h^k(a) = sum over i = 1 .. k of alpha_i / i times the volume that a and exactly i - 1 others dominate, with
    alpha_i = product over j = 1 .. i - 1 of (k - j) / (n - j).

    Args:
        objectives: float64 [n, n_objectives], minimised, finite.
        k: Rows to be removed, 1 .. n; 1 gives the hypervolume contributions.
        samples: float64 [n_samples, n_objectives], uniform in a box.
        volume: The box's.

    Source: Bader and Zitzler 2011, "HypE: an algorithm for fast hypervolume-based many-objective optimization",
    definition 2 and section 4.
    """
    table = dominated_samples(objectives, samples)
    counts = _counted(table)
    return _weighted(table, counts, k, len(objectives)) * (volume / max(len(samples), 1))


def hype_survivors(objectives: Array, n: int, samples: Array, rounds: int) -> Array:
    """Rows left when the one of least fitness is removed again and again, int64 [n], ascending.

    Args:
        objectives: float64 [m, n_objectives], minimised, finite, m >= n.
        n: Rows to keep.
        samples: float64 [n_samples, n_objectives], uniform in a box.
        rounds: Over how many computations of the fitness the removals are spread; as many as there are removals is
            the paper's, one at a time.

    Source: Bader and Zitzler 2011, algorithm 5: k is the number of rows still to be removed.
    """
    xp = namespace(objectives)
    alive = xp.ones(len(objectives), dtype=xp.bool, device=objectives.device)
    surplus = len(objectives) - n
    if surplus <= 0:
        return xp.nonzero(alive)[0]
    table = dominated_samples(objectives, samples)
    counts = _counted(table)
    at_once = -(-surplus // rounds)
    while surplus > 0:
        fitness = xp.where(alive, _weighted(table, counts, surplus, n + surplus), xp.inf)
        # Of equal rows the later goes first.
        gone = len(alive) - 1 - xp.argsort(xp.flip(fitness, axis=0), stable=True)[: min(at_once, surplus)]
        alive[gone] = False
        counts -= _counted(table[:, gone])
        surplus -= len(gone)
    return xp.nonzero(alive)[0]


def _counted(table: Array) -> Array:
    """How many entries of each row are true, int64 [len(table)]; by blocks, since PyTorch widens them to int64."""
    xp = namespace(table)
    step = tile_rows(table, table.shape[1])
    parts = [xp.count_nonzero(table[start : start + step], axis=1) for start in range(0, len(table), step)]
    return xp.concat(parts) if parts else xp.zeros(0, dtype=xp.int64, device=table.device)


def _weighted(table: Array, counts: Array, k: int, n: int) -> Array:
    """Per row the sum of alpha_i / i over the samples that it and i - 1 others dominate, float64 [n]."""
    xp = namespace(table)
    weights = like(_sample_weights(k, n, table.shape[1]), table)[counts]
    rows = xp.nonzero(weights > 0)[0]
    total = xp.zeros(table.shape[1], dtype=xp.float64, device=table.device)
    step = tile_rows(table, table.shape[1])
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        total += weights[part] @ xp.astype(table[part], xp.float64)
    return total


def _sample_weights(k: int, n: int, most: int) -> Array:
    """alpha_i / i for i = 0 .. most rows that dominate a sample, of n; 0 for none and for more than k."""
    weights = np.zeros(most + 1)
    i = np.arange(1, min(k, most) + 1)
    alpha = np.cumprod(np.concatenate([[1.0], (k - i[:-1]) / (n - i[:-1])]))
    weights[1 : len(i) + 1] = alpha / i
    return np.round(weights * WEIGHT_GRID) / WEIGHT_GRID


def unit_box(objectives: Array) -> Array:
    """Objectives scaled to 0 .. 1 by their range, float64 [n, n_objectives]; 0 where an objective does not vary."""
    xp = namespace(objectives)
    half = objectives / 2
    low = xp.min(half, axis=0)
    span = xp.max(half, axis=0) - low
    return (half - low) / xp.where(span > 0, span, 1.0)
