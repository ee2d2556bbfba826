"""NSGA-III on encoded designs: survival by reference directions."""

from __future__ import annotations

from .dominance import IntArray, constrained_ranks, effective_violations
from .emo.array_namespace import Array, Generator, namespace, uniform
from .emo.reference_directions import reference_directions
from .emo.reference_niching import associate, niching_order, normalised
from .objective import Problem
from .population import Mode, PopulationStrategy
from .variation import Variation


class Nsga3(PopulationStrategy):
    """Non-dominated sorting genetic algorithm III under constrained domination.

    Survival keeps whole fronts and fills up from the last one by the reference directions that have fewest members.
    Parents are drawn at random, as published, while there are no constraints; with constraints they win binary
    tournaments, in which feasible designs beat others. Normalisation sees the population and the newest trials.

    Args:
        problem: Space, objectives, constraints.
        seed: Study seed.
        population: Members that survive; also the most reference directions, and random designs at the start.
        mode: ``steady_state`` or ``generational``.
        crossover: Probability that a child has two parents.
        mutation_rate: Probability per knob; None is one over a design's active knobs.
        tournament: Contestants per parent, who win by front, then by how empty their niche is; None is 1 without
            constraints, 2 with.

    Source: Deb and Jain 2014, "An evolutionary many-objective optimization algorithm using reference-point-based
    nondominated sorting approach, part I"; constraints: Jain and Deb 2014, part II.
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
        tournament: int | None = None,
    ) -> None:
        contestants = (2 if problem.constraints else 1) if tournament is None else tournament
        super().__init__(problem, seed, population, mode, Variation(crossover, mutation_rate, contestants))
        self.directions = reference_directions(problem.n_objectives, population)

    def survive(self, rows: IntArray, n: int) -> IntArray:
        told = self.archive.completed[rows]
        rng = self.rng(stream=2, at=int(told.ids.max(initial=0)))
        kept: IntArray = nsga3_survivors(told.objectives, told.violations, n, self.directions, rng)
        return rows[kept]


def nsga3_survivors(objectives: Array, violations: Array, n: int, directions: Array, rng: Generator) -> Array:
    """What NSGA-III keeps of a population, int64 [min(n, m)], best first.

    By front; within the last front that fits only in part, as niching picks; infeasible rows after all feasible ones,
    by violation; failed ones last.

    Args:
        objectives: float64 [m, n_objectives], minimised.
        violations: float64 [m]; 0 is feasible, inf is failed.
        n: How many are kept.
        directions: float64 [h, n_objectives], see
            :func:`~cosearch.search.emo.reference_directions.reference_directions`; on the objectives' device.
        rng: Draws niches and members; see :func:`~cosearch.search.emo.array_namespace.uniform`.
    """
    xp = namespace(objectives)
    ranks = constrained_ranks(objectives, violations)
    order = xp.argsort(ranks, stable=True)
    if len(order) <= n or n < 1:
        return order[: max(n, 0)]
    in_order, feasible = ranks[order], effective_violations(objectives, violations) == 0
    before = int(xp.searchsorted(in_order, in_order[n - 1]))
    end = int(xp.searchsorted(in_order, in_order[n - 1], side="right"))
    if end == n or not bool(feasible[order[n - 1]]):
        return order[:n]
    # Feasible rows come first; rows beyond the splitting front only bound the intercepts.
    able = order[: int(xp.count_nonzero(feasible))]
    points = normalised(objectives[able], ranks[able])[:end, :]
    niche, distance = associate(points, directions)
    taken = xp.bincount(niche[:before], minlength=len(directions))
    draws = uniform(rng, (end - before + len(directions),), objectives)
    picked = niching_order(niche[before:], distance[before:], taken, draws[: end - before], draws[end - before :])
    return xp.concat([order[:before], order[before:end][picked[: n - before]]])
