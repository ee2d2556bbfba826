"""Evolution of arrays without a study: generations of codes under any survival, for NumPy and PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .array_namespace import Array, namespace
from .code_variation import repeats

Evaluate = Callable[[Array], tuple[Array, Array]]
"""Codes int64 [n, n_knobs] to minimised objectives float64 [n, n_objectives] and violations float64 [n]: 0 is feasible,
inf is failed."""

Make = Callable[[Array, int], Array]
"""``make(ranked, n)``: n children, int64 [n, n_knobs], of a pool from best to worst; for a space with constraints
``lambda ranked, n: Variation().children(space, ranked, n, rng)``."""

Survive = Callable[[Array, Array, int], Array]
"""``survive(objectives, violations, n)``: rows of the best n, int64 [<= n], best first."""


@dataclass(frozen=True)
class Population:
    """Designs with their results, best first.

    Args:
        codes: int64 [n, n_knobs].
        objectives: float64 [n, n_objectives], minimised.
        violations: float64 [n]; 0 is feasible, inf is failed.
    """

    codes: Array
    objectives: Array
    violations: Array

    def __len__(self) -> int:
        return len(self.violations)


def select(population: Population, survive: Survive, n: int, distinct: bool = True) -> Population:
    """The best ``n`` members.

    Args:
        population: Members in any order; among equals the earlier counts as the older.
        survive: The survival.
        n: How many stay.
        distinct: Whether a repeated design is treated as failed, so that it stays only when others run out.
    """
    violations = population.violations
    if distinct:
        xp = namespace(violations)
        violations = xp.where(repeats(population.codes), xp.inf, violations)
    rows = survive(population.objectives, violations, n)
    return Population(population.codes[rows], population.objectives[rows], population.violations[rows])


def next_generation(
    parents: Population, evaluate: Evaluate, make: Make, survive: Survive, *, distinct: bool = True
) -> Population:
    """One generation: as many children as parents, the best of both stay.

    Args:
        parents: Best first.
        evaluate: Scores the children.
        make: Makes them.
        survive: Chooses.
        distinct: See :func:`select`.
    """
    xp = namespace(parents.codes)
    codes = make(parents.codes, len(parents))
    objectives, violations = evaluate(codes)
    joined = Population(
        xp.concat([parents.codes, codes]),
        xp.concat([parents.objectives, objectives]),
        xp.concat([parents.violations, violations]),
    )
    return select(joined, survive, len(parents), distinct)


def evolve(
    codes: Array, evaluate: Evaluate, make: Make, survive: Survive, generations: int, *, distinct: bool = True
) -> Population:
    """Evolve a population for a number of generations.

    Args:
        codes: int64 [n, n_knobs], the first population.
        evaluate: Scores codes.
        make: Makes children; :class:`~cosearch.search.emo.code_variation.CodeVariation` where every combination of
            codes is a design.
        survive: Chooses, for example :func:`~cosearch.search.nsga2.nsga2_survivors`.
        generations: How many; evaluations are ``n * (generations + 1)``.
        distinct: See :func:`select`.

    Returns:
        The last population, best first.
    """
    population = select(Population(codes, *evaluate(codes)), survive, len(codes), distinct)
    for _ in range(generations):
        population = next_generation(population, evaluate, make, survive, distinct=distinct)
    return population
