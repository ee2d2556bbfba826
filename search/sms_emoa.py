"""SMS-EMOA: survival by hypervolume contribution."""

from __future__ import annotations

import numpy as np

from .dominance import IntArray, constrained_ranks, effective_violations
from .emo.hype_fitness import dominated_samples
from .emo.hypervolume_contributions import hypervolume_contributions
from .objective import FloatArray, Problem
from .population import Mode, PopulationStrategy
from .scaling import unit_scaled
from .variation import Variation

EXACT_OBJECTIVES = 3
"""Up to here contributions are exact, in O(n log n); beyond, they are estimated."""

SAMPLES = 4_096
"""Points that estimate contributions: a share of 0.1 of the volume then has a standard error of 0.005."""

SAMPLING_STREAM = 2
"""Stream of random numbers for estimates."""

REFERENCE = 2.0
"""Worst corner, in objectives scaled to 0 .. 1 over the front: the nadir plus one, as in Beume et al. 2007, section 3,
so that the ends of the front count."""


class SmsEmoa(PopulationStrategy):
    """S-metric selection: whole fronts survive, and the last one loses its least contributor, again and again.

    In steady state, as published, every result counts at once. Objectives are scaled over each front, so that units do
    not matter. Infeasible trials come after feasible ones, by violation. Cutting a front of n by k costs k sweeps in
    O(n log n) for two and three objectives; beyond, one Monte Carlo sample serves all cuts.

    Args:
        problem: Space, objectives, constraints.
        seed: Study seed.
        population: Members that survive; also the number of random designs at the start.
        mode: ``steady_state`` as published, or ``generational``.
        crossover: Probability that a child has two parents.
        mutation_rate: Probability per knob; None is one over a design's active knobs.
        tournament: Contestants per parent, compared by front, then contribution; 1 draws parents blindly, as published.

    Source: Beume, Naujoks and Emmerich 2007, "SMS-EMOA: multiobjective selection based on dominated hypervolume",
    algorithms 1 and 2; sampling: Bader and Zitzler 2011, "HypE", section 4.
    """

    def __init__(
        self,
        problem: Problem,
        seed: int = 0,
        *,
        population: int = 20,
        mode: Mode = "steady_state",
        crossover: float = 0.9,
        mutation_rate: float | None = None,
        tournament: int = 2,
    ) -> None:
        super().__init__(problem, seed, population, mode, Variation(crossover, mutation_rate, tournament))

    def survive(self, rows: IntArray, n: int) -> IntArray:
        told = self.archive.completed
        objectives, violations = told.objectives[rows], told.violations[rows]
        feasible = effective_violations(objectives, violations) == 0.0
        ranks = constrained_ranks(objectives, violations)
        rng = self.rng(SAMPLING_STREAM, at=int(rows.max(initial=-1)) + 1)
        chosen: list[IntArray] = []
        room = n
        for front in np.unique(ranks):
            if room <= 0:
                break
            # Newest first, so that of equals the oldest goes.
            members = np.flatnonzero(ranks == front)[::-1]
            if feasible[members[0]] and len(members) > 1:
                members = members[by_contribution(objectives[members], room, rng)]
            chosen.append(members[:room])
            room -= len(chosen[-1])
        return rows[np.concatenate(chosen)] if chosen else rows[:0]


def by_contribution(objectives: FloatArray, n: int, rng: np.random.Generator) -> IntArray:
    """Cut a front to ``n`` members by removing the least contributor until they fit.

    Args:
        objectives: float64 [m, n_objectives], minimised, finite, non-dominated.
        n: Members to keep, at least 1.
        rng: For estimates beyond ``EXACT_OBJECTIVES`` objectives.

    Returns:
        int64 [min(n, m)], rows kept, the largest contribution first; of equal ones the first row first.
    """
    scaled = unit_scaled(objectives, objectives.min(axis=0), objectives.max(axis=0))
    if scaled.shape[1] > EXACT_OBJECTIVES:
        kept, contributions = _cut_by_sampling(scaled, n, rng)
    else:
        kept, contributions = _cut_exactly(scaled, n)
    return kept[np.argsort(-contributions, kind="stable")]


def _cut_exactly(scaled: FloatArray, n: int) -> tuple[IntArray, FloatArray]:
    """Rows kept, int64 [k], and their contributions, float64 [k]."""
    kept = np.arange(len(scaled))
    corner = np.full(scaled.shape[1], REFERENCE)
    contributions = np.asarray(hypervolume_contributions(scaled, corner))
    while len(kept) > n:
        kept = np.delete(kept, _last_least(contributions))
        contributions = np.asarray(hypervolume_contributions(scaled[kept], corner))
    return kept, contributions


def _cut_by_sampling(scaled: FloatArray, n: int, rng: np.random.Generator) -> tuple[IntArray, FloatArray]:
    """The same, from points in the box between the best values and the reference."""
    points = rng.random((SAMPLES, scaled.shape[1])) * REFERENCE
    dominated = np.asarray(dominated_samples(scaled, points))
    times = dominated.sum(axis=1)
    kept = np.arange(len(scaled))
    alone = dominated[times == 1].sum(axis=0)
    while len(kept) > n:
        worst = kept[_last_least(alone[kept].astype(float))]
        kept = kept[kept != worst]
        times = times - dominated[:, worst]
        alone = dominated[times == 1].sum(axis=0)
    return kept, alone[kept] / SAMPLES


def _last_least(values: FloatArray) -> int:
    """Position of the smallest value, of equals the last."""
    return len(values) - 1 - int(values[::-1].argmin())
