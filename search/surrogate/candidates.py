"""Designs worth a look: the best told, and what evolution on the models comes to."""

from __future__ import annotations

import numpy as np

from ...spaces.knobs import Codes
from ...spaces.space import Space
from ..archive import Archive
from ..dominance import preference_order
from ..variation import Variation
from .models import Models


def evolved(
    models: Models, start: Codes, generations: int, population: int, variation: Variation, rng: np.random.Generator
) -> Codes:
    """Every design that an NSGA-II on the models' means met, best first, int64 [n, n_knobs], without repeats.

    Args:
        models: Fitted.
        start: First population, int64 [m, n_knobs].
        generations: How many.
        population: Members that survive each.
        variation: How children are made.
        rng: Random generator.
    """
    space = models.problem.space
    met = np.unique(start, axis=0)
    objectives, violations = models.mean(met)
    alive = np.arange(len(met))
    for _ in range(generations):
        alive = alive[preference_order(objectives[alive], violations[alive])[:population]]
        children = variation.children(space, met[alive], population, rng)
        found, slacks = models.mean(children)
        alive = np.concatenate([alive, np.arange(len(met), len(met) + len(children))])
        met = np.concatenate([met, children])
        objectives, violations = np.concatenate([objectives, found]), np.concatenate([violations, slacks])
        # Copies crowd each other out only after the fact.
        alive = alive[np.unique(met[alive], axis=0, return_index=True)[1]]
    _, first = np.unique(met, axis=0, return_index=True)
    met, objectives, violations = met[first], objectives[first], violations[first]
    return met[preference_order(objectives, violations)]


PARENTS = 20
"""Best trials that children are bred from, as many as survive in the default ``nsga2``."""


def bred(archive: Archive, space: Space, variation: Variation, n: int, rng: np.random.Generator) -> Codes:
    """Up to four children and more for each of ``n`` trials, of the :data:`PARENTS` best, int64 [4 n + 4, n_knobs].

    There must be completed trials.
    """
    return variation.children(space, best_told(archive, archive.n_completed, PARENTS), 4 * n + 4, rng)


def best_told(archive: Archive, before: int, n: int) -> Codes:
    """The ``n`` best of the first ``before`` completed trials, int64 [<= n, n_knobs], best first."""
    told = archive.completed[:before]
    return np.asarray(told.codes[preference_order(told.objectives, told.violations)[:n]])
