"""Do our survivals keep what pymoo's keep? On fixed random populations of two generations."""

from __future__ import annotations

import numpy as np

from ...search.emo.crowding import crowding_distance
from ...search.emo.nondominated_sorting import nondominated_ranks
from ...search.emo.reference_directions import reference_directions
from ...search.emo.reference_niching import associate, normalised
from ...search.nsga2 import nsga2_survivors
from ...search.nsga3 import nsga3_survivors
from ...search.objective import FloatArray
from .emo_generation import LEVELS, OBJECTIVES, VARIABLES, dtlz2


def random_objectives(population: int, seed: int) -> FloatArray:
    """DTLZ2 objectives of twice ``population`` random designs, scaled so that the first front spans 0 .. 1.

    pymoo looks for extreme points in raw units, we in shares of the front's range; here both are the same.
    """
    codes = np.random.default_rng(seed).integers(0, LEVELS, (2 * population, VARIABLES))
    objectives: FloatArray = dtlz2(codes)[0]
    front = objectives[nondominated_ranks(objectives) == 0]
    return np.asarray((objectives - front.min(axis=0)) / np.ptp(front, axis=0))


def nsga2_agrees(population: int, seed: int) -> bool:
    """Whether front numbers and survivors equal those of pymoo's ``RankAndCrowding``.

    Where a front has more ends than places, their distances are all infinite and pymoo draws among them, so survivors
    are compared by their front and distance.
    """
    from pymoo.core.population import Population
    from pymoo.core.problem import Problem
    from pymoo.operators.survival.rank_and_crowding.classes import RankAndCrowding

    objectives = random_objectives(population, seed)
    theirs = Population.new(F=objectives, row=np.arange(len(objectives)))
    kept = RankAndCrowding().do(Problem(), theirs, n_survive=population, random_state=np.random.default_rng(seed))
    rows = kept.get("row").astype(int)
    ours = nsga2_survivors(objectives, np.zeros(len(objectives)), population)
    ranks = nondominated_ranks(objectives)
    crowding = crowding_distance(objectives, ranks)
    theirs_sorted, ours_sorted = (
        sorted(zip(ranks[p].tolist(), crowding[p].tolist(), strict=True)) for p in (rows, ours)
    )
    return np.array_equal(ranks[rows], kept.get("rank").astype(int)) and theirs_sorted == ours_sorted


def nsga3_agrees(population: int, seed: int) -> bool:
    """Whether our survivors are an outcome that pymoo's ``ReferenceDirectionSurvival`` may have.

    Niching draws niches and members at random, so not the survivors but what determines them is compared: front
    numbers, niches, distances, whole fronts, and how many survivors the niches have, sorted.
    """
    from pymoo.algorithms.moo.nsga3 import ReferenceDirectionSurvival
    from pymoo.core.population import Population
    from pymoo.core.problem import Problem

    objectives = random_objectives(population, seed)
    directions = reference_directions(OBJECTIVES, population)
    theirs = Population.new(F=objectives, row=np.arange(len(objectives)))
    survival = ReferenceDirectionSurvival(directions)
    kept = survival.do(Problem(), theirs, n_survive=population, random_state=np.random.RandomState(seed))
    rows, rng = kept.get("row").astype(int), np.random.default_rng(seed)
    ours = nsga3_survivors(objectives, np.zeros(len(objectives)), population, directions, rng)
    ranks = nondominated_ranks(objectives)
    niche, distance = associate(normalised(objectives, ranks), directions)
    whole = [set(picked[ranks[picked] < ranks[ours].max()].tolist()) for picked in (rows, ours)]
    members = [np.sort(np.bincount(niche[picked], minlength=len(directions))) for picked in (rows, ours)]
    return bool(
        np.array_equal(ranks[rows], kept.get("rank").astype(int))
        and np.array_equal(niche[rows], kept.get("niche").astype(int))
        and np.allclose(distance[rows], kept.get("dist_to_niche").astype(float), rtol=0, atol=1e-9)
        and whole[0] == whole[1]
        and np.array_equal(members[0], members[1])
    )


AGREEMENTS = {"nsga2": nsga2_agrees, "nsga3": nsga3_agrees}
"""Algorithms whose survival pymoo has too."""
