"""NSGA-II on a function of codes, whole populations at a time: the search inside strategies with a model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..spaces.knobs import Codes
from ..spaces.space import Space
from .archive import keys
from .dominance import preference_order
from .objective import FloatArray
from .variation import Variation

Function = Callable[[Codes], tuple[FloatArray, FloatArray]]
"""Codes int64 [n, n_knobs] to minimised objectives [n, n_objectives] and violations [n]."""


def inner_search(
    space: Space,
    function: Function,
    rng: np.random.Generator,
    *,
    population: int,
    evaluations: int,
    variation: Variation | None = None,
) -> Codes:
    """Search with NSGA-II from random designs, generation by generation.

    With one objective this is a genetic algorithm with truncation. Children that were evaluated before are dropped.

    Args:
        space: The space.
        function: What is minimised.
        rng: Random generator.
        population: Members that survive, and children per generation.
        evaluations: Function evaluations, children that were dropped included.
        variation: How children are made; by default as in :class:`~cosearch.search.nsga2.Nsga2`.

    Returns:
        Distinct valid designs, int64 [m, n_knobs]: the final population from best to worst by the crowded comparison,
        then all others that were evaluated, likewise.

    Source: Deb, Pratap, Agarwal and Meyarivan 2002, "A fast and elitist multiobjective genetic algorithm: NSGA-II".
    """
    variation = variation or Variation()
    seen: set[bytes] = set()
    members = _new(space.sample(rng, population), seen)
    objectives, violations = function(members)
    discarded: list[tuple[Codes, FloatArray, FloatArray]] = []
    for _ in range(max(evaluations // population - 1, 0)):
        children = _new(variation.children(space, members, population, rng), seen)
        if not len(children):
            continue
        scores = function(children)
        everyone = np.concatenate([members, children])
        objectives = np.concatenate([objectives, scores[0]])
        violations = np.concatenate([violations, scores[1]])
        order = preference_order(objectives, violations)
        kept, lost = order[:population], order[population:]
        discarded.append((everyone[lost], objectives[lost], violations[lost]))
        members, objectives, violations = everyone[kept], objectives[kept], violations[kept]
    if not discarded:
        return members[preference_order(objectives, violations)]
    rest = [np.concatenate(column) for column in zip(*discarded, strict=True)]
    return np.concatenate([members, rest[0][preference_order(rest[1], rest[2])]])


def _new(codes: Codes, seen: set[bytes]) -> Codes:
    """Rows of ``codes`` that are not in ``seen``, each once; they are then."""
    rows = []
    for row, key in enumerate(keys(codes)):
        if key not in seen:
            seen.add(key)
            rows.append(row)
    return codes[np.array(rows, dtype=np.int64)]
