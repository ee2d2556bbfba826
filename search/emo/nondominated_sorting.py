"""Non-dominated ranks: in C where the arrays lie in main memory, in blocks on an accelerator."""

from __future__ import annotations

import math

import moocore
import numpy as np

from .array_namespace import Array, lexsort, like, namespace, on_host

BLOCK_ENTRIES = 2**22
"""Entries of the largest temporary table: 4 MiB of booleans, 16 MiB of ranks."""


def nondominated_ranks(objectives: Array) -> Array:
    """Front number of every row, int64 [n]; 0 is non-dominated; equal rows share a front.

    Args:
        objectives: float64 [n, n_objectives], minimised, finite.

    Source: Goldberg 1989, "Genetic algorithms in search, optimization, and machine learning". In main memory the
    sorting is moocore's (Lopez-Ibanez et al.), else :func:`blocked_ranks`.
    """
    xp = namespace(objectives)
    if not len(objectives):
        return xp.zeros(0, dtype=xp.int64, device=objectives.device)
    if objectives.shape[1] == 1:
        return xp.unique_inverse(objectives[:, 0]).inverse_indices
    host = on_host(objectives)
    if host is None:
        return blocked_ranks(objectives)
    ranks = np.asarray(moocore.pareto_rank(host), dtype=np.int64)
    return ranks if host is objectives else like(ranks, objectives)


def blocked_ranks(objectives: Array, block_entries: int = BLOCK_ENTRIES) -> Array:
    """The same ranks by comparing blocks of rows with blocks of rows, int64 [n].

    A row's rank is one more than the highest among the rows that dominate it, and 0 without any. Sorted
    lexicographically, only earlier rows can dominate, so blocks are finished in order; within a block the
    rule is repeated until nothing changes. No table is larger than ``block_entries``, whatever n is.

    Args:
        objectives: float64 [n, n_objectives], minimised, finite.
        block_entries: Entries of the largest temporary table.
    """
    xp = namespace(objectives)
    n = len(objectives)
    order = lexsort(tuple(objectives[:, j] for j in reversed(range(objectives.shape[1]))))
    rows = objectives[order]
    first_of_equals = xp.ones(n, dtype=xp.bool, device=objectives.device)
    first_of_equals[1:] = xp.any(rows[1:] != rows[:-1], axis=1)
    # Rows that differ and are nowhere worse dominate, and the sort settles the first objective.
    distinct = rows[first_of_equals][:, 1:]
    # Narrow blocks, because settling one takes as many rounds as it has fronts; long strips of finished rows.
    width = max(1, math.isqrt(block_entries) // 4)
    strip = max(1, block_entries // width)
    ranks = xp.zeros(len(distinct), dtype=xp.int32, device=objectives.device)
    for start in range(0, len(distinct), width):
        block = distinct[start : start + width]
        own = ranks[start : start + width]
        for earlier in range(0, start, strip):
            finished = slice(earlier, min(earlier + strip, start))
            own = xp.maximum(own, _chained(_nowhere_worse(distinct[finished], block), ranks[finished]))
        ranks[start : start + width] = _settled(block, own)
    result = xp.zeros(n, dtype=xp.int64, device=objectives.device)
    group = xp.cumulative_sum(xp.astype(first_of_equals, xp.int64)) - 1
    result[order] = xp.astype(ranks[group], xp.int64)
    return result


def _nowhere_worse(above: Array, below: Array) -> Array:
    """Table [len(above), len(below)]: whether a row of the one is nowhere worse than a row of the other."""
    xp = namespace(above)
    table = above[:, None, 0] <= below[None, :, 0]
    for j in range(1, above.shape[1]):
        table = xp.logical_and(table, above[:, None, j] <= below[None, :, j])
    return table


def _chained(dominates: Array, ranks: Array) -> Array:
    """One more than the highest rank of the rows that dominate each column, 0 without any; int32."""
    xp = namespace(ranks)
    return xp.max(xp.where(dominates, (ranks + 1)[:, None], xp.zeros_like(ranks)[:, None]), axis=0)


def _settled(block: Array, ranks: Array) -> Array:
    xp = namespace(block)
    position = xp.arange(len(block), device=block.device)
    dominates = xp.logical_and(_nowhere_worse(block, block), position[:, None] < position[None, :])
    while True:
        raised = xp.maximum(ranks, _chained(dominates, ranks))
        if bool(xp.all(raised == ranks)):
            return ranks
        ranks = raised
