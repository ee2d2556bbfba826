"""HypE on encoded designs: survival and mating by estimated shares of the hypervolume."""

from __future__ import annotations

from ..spaces.errors import StrategyError
from .dominance import IntArray, constrained_ranks, effective_violations
from .emo.array_namespace import Array, Generator, lexsort, namespace, uniform
from .emo.hype_fitness import hype_fitness, hype_survivors, unit_box
from .objective import Problem
from .population import Mode, PopulationStrategy
from .variation import Variation

SAMPLES = 10_000
"""Samples per estimate (Bader and Zitzler 2011, section 6.1)."""

ROUNDS = 64
"""Most estimates over which the removals of one survival are spread: as many removals or fewer go one at a time, as in
the paper."""

MARGIN = 0.1
"""How far the sampled box reaches beyond the worst value, as a share of the range: the ends of a front count."""


class Hype(PopulationStrategy):
    """Hypervolume estimation algorithm for many objectives, under constrained domination.

    Survival keeps whole fronts and removes from the last one what is expected to cost least hypervolume; parents win
    tournaments by the hypervolume that they are expected to be worth. Hypervolume is estimated by samples in the box
    of the rows at hand, so units and scales do not matter.

    Args:
        problem: Space, objectives, constraints.
        seed: Study seed.
        population: Members that survive; also the number of random designs at the start.
        mode: ``steady_state`` or ``generational``.
        crossover: Probability that a child has two parents.
        mutation_rate: Probability per knob; None is one over a design's active knobs.
        tournament: Contestants per parent.
        samples: Samples per estimate.

    Raises:
        StrategyError: When there are no samples.

    Source: Bader and Zitzler 2011, "HypE: an algorithm for fast hypervolume-based many-objective optimization".
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
        samples: int = SAMPLES,
    ) -> None:
        super().__init__(problem, seed, population, mode, Variation(crossover, mutation_rate, tournament))
        if samples < 1:
            raise StrategyError(f"{samples} samples estimate nothing", "use at least 1, the paper has 10000")
        self.samples = samples

    def survive(self, rows: IntArray, n: int) -> IntArray:
        told = self.archive.completed[rows]
        rng = self.rng(stream=2, at=int(told.ids.max(initial=0)))
        kept: IntArray = hype_selection(told.objectives, told.violations, n, rng, self.samples)
        return rows[kept]


def hype_selection(
    objectives: Array, violations: Array, n: int, rng: Generator, samples: int = SAMPLES, rounds: int = ROUNDS
) -> Array:
    """What HypE keeps of a population, int64 [min(n, m)], best first.

    Feasible rows by the hypervolume that they are expected to be worth in the kept population, then infeasible ones
    by violation, failed ones last.

    Args:
        objectives: float64 [m, n_objectives], minimised.
        violations: float64 [m]; 0 is feasible, inf is failed.
        n: How many are kept.
        rng: Draws the samples; see :func:`~cosearch.search.emo.array_namespace.uniform`.
        samples: Samples per estimate.
        rounds: Most estimates over which the removals are spread.
    """
    xp = namespace(objectives)
    ranks = constrained_ranks(objectives, violations)
    order = xp.argsort(ranks, stable=True)
    if not len(order) or n < 1:
        return order[:0]
    feasible = effective_violations(objectives, violations) == 0
    unit = uniform(rng, (samples, objectives.shape[1]), objectives) * (1 + MARGIN)
    if len(order) > n:
        splitting = ranks[order[n - 1]]
        last = order[ranks[order] == splitting]
        chosen = order[: int(xp.sum(xp.astype(ranks < splitting, xp.int64)))]
        if bool(feasible[last[0]]):
            last = last[hype_survivors(unit_box(objectives[last]), n - len(chosen), unit, rounds)]
        order = xp.concat([chosen, last])[:n]
    parents = order[feasible[order]]
    if not len(parents):
        return order
    worth = hype_fitness(unit_box(objectives[parents]), len(parents), unit, (1 + MARGIN) ** objectives.shape[1])
    return xp.concat([parents[lexsort((-worth,))], order[len(parents) :]])
