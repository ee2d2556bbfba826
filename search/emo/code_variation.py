"""Crossover and mutation of integer codes without constraints, on the device where the codes lie."""

from __future__ import annotations

from dataclasses import dataclass

from .array_namespace import Array, Generator, namespace, uniform

LOCAL_SHARE = 0.5
"""Share of mutations of an ordered knob that move to a nearby value instead of any other one."""

LOCAL_SCALE = 0.05
"""Mean length of a local move, as a share of the knob's range (never under one step)."""


@dataclass(frozen=True)
class CodeVariation:
    """Children of a ranked pool, for spaces in which every combination of codes is a design.

    Parents win tournaments by their place in the pool; a child takes each knob from either parent (uniform crossover,
    Syswerda 1989); each knob mutates with a probability, at least one per child. The moves are those of
    ``Space.mutate``, as whole-matrix operations.

    Args:
        cardinalities: int64 [n_knobs], values per knob, on the codes' device.
        ordered: bool [n_knobs], knobs whose values are ordered.
        rng: Random generator; see :func:`~cosearch.search.emo.array_namespace.uniform`.
        crossover: Probability that a child has two parents.
        mutation_rate: Probability per knob; None is one over the number of knobs.
        tournament: Contestants per parent.
    """

    cardinalities: Array
    ordered: Array
    rng: Generator
    crossover: float = 0.9
    mutation_rate: float | None = None
    tournament: int = 2

    def __call__(self, ranked: Array, n: int) -> Array:
        """Make ``n`` children, int64 [n, n_knobs], of parents int64 [m, n_knobs], best first."""
        xp = namespace(ranked)
        first, second = ranked[self._winners(ranked, n)], ranked[self._winners(ranked, n)]
        draws = uniform(self.rng, (n, ranked.shape[1] + 1), ranked)
        from_second = (draws[:, 1:] < 0.5) & (draws[:, :1] < self.crossover)
        return self._mutated(xp.where(from_second, second, first))

    def _winners(self, ranked: Array, n: int) -> Array:
        """Places in the pool, int64 [n]: the smallest of a few drawn."""
        xp = namespace(ranked)
        # The smallest of t uniform numbers is distributed as 1 - (1 - u)^(1 / t).
        least = 1.0 - (1.0 - uniform(self.rng, (n,), ranked)) ** (1.0 / self.tournament)
        return xp.clip(xp.astype(least * len(ranked), xp.int64), 0, len(ranked) - 1)

    def _mutated(self, codes: Array) -> Array:
        xp = namespace(codes)
        top = self.cardinalities - 1
        u = uniform(self.rng, (5, *codes.shape), codes)
        draws = xp.where(top > 0, u[0, ...], xp.inf)
        least = xp.min(draws, axis=1, keepdims=True)
        rate = 1.0 / codes.shape[1] if self.mutation_rate is None else self.mutation_rate
        chosen = ((draws < rate) | (draws == least)) & (top > 0)
        jump = (codes + 1 + xp.astype(u[1, ...] * top, xp.int64)) % (top + 1)
        # Inverse transform of the geometric distribution; a mean of one step leaves no chance of a second.
        stay = 1.0 - 1.0 / xp.clip(LOCAL_SCALE * (top + 1), 1.0 + 1e-12, None)
        length = 1 + xp.astype(xp.log1p(-u[2, ...]) / xp.log(stay), xp.int64)
        # Reflect at the ends, so that an end value is not a trap.
        step = xp.abs(xp.where(u[3, ...] < 0.5, codes + length, codes - length))
        step = xp.clip(xp.minimum(step, 2 * top - step), 0, None)
        moved = xp.where(self.ordered & (u[4, ...] < LOCAL_SHARE), step, jump)
        return xp.where(chosen, moved, codes)


def repeats(codes: Array) -> Array:
    """Which rows equal an earlier one, bool [n].

    Rows are sorted by a 64-bit hash and compared with their neighbours, so no distinct row is ever taken for a repeat.

    Args:
        codes: int64 [n, n_knobs].
    """
    xp = namespace(codes)
    result = xp.zeros(len(codes), dtype=xp.bool, device=codes.device)
    if len(codes) < 2:
        return result
    knob = xp.arange(1, codes.shape[1] + 1, dtype=xp.int64, device=codes.device)
    # Products wrap around; odd multipliers lose nothing. The constant is 2^64 over the golden ratio (Knuth 1973).
    hashed = (codes + knob) * (2 * knob + 1) * -7046029254386353131
    key = xp.sum((hashed ^ (hashed >> 29)) * -4658895280553007687, axis=1)
    order = xp.argsort(key, stable=True)
    ordered = codes[order]
    result[order[1:]] = xp.all(ordered[1:] == ordered[:-1], axis=1)
    return result
