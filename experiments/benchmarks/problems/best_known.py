"""Best known fronts of spaces too large to list: long NSGA-II runs, then every one-knob change of the front."""

from __future__ import annotations

import numpy as np

from ....search.archive import keys
from ....search.dominance import nondominated
from ....search.nsga2 import Nsga2
from ....search.objective import FloatArray, Problem
from ....search.trial import Trials
from ....spaces.knobs import Codes
from .benchmark_problem import Measure

RUNS = 3
EVALUATIONS = 60_000
POPULATION = 400
SWEEPS = 30


def best_known(problem: Problem, measure: Measure, *, runs: int = RUNS, evaluations: int = EVALUATIONS) -> FloatArray:
    """The front of several long searches together, improved until no one-knob change helps.

    Args:
        problem: Space and objectives with references.
        measure: The metrics of codes.
        runs: Independent NSGA-II runs.
        evaluations: Designs per run.

    Returns:
        float64 [k, n_objectives], minimised, without dominated rows.
    """
    codes, objectives = problem.space.sample(np.random.default_rng(0), 0), np.empty((0, problem.n_objectives))
    for seed in range(runs):
        more = _long_run(problem, measure, seed, evaluations)
        codes, objectives = np.concatenate([codes, more[0]]), np.concatenate([objectives, more[1]])
        kept = nondominated(objectives)
        codes, objectives = codes[kept], objectives[kept]
    objectives = _local_search(problem, measure, codes, objectives)
    return objectives[np.lexsort(objectives.T[::-1])]


def _long_run(problem: Problem, measure: Measure, seed: int, evaluations: int) -> tuple[Codes, FloatArray]:
    """Front of one NSGA-II run: codes and minimised objectives."""
    strategy = Nsga2(problem, seed, population=POPULATION)
    nothing = Trials.empty(problem.space.n_knobs, problem.n_objectives)
    while strategy.archive.n_completed < evaluations:
        codes = strategy.ask(POPULATION)
        if not len(codes):
            break
        objectives, violations = problem.score(measure(codes))
        ids = np.arange(len(codes), dtype=np.int64) + strategy.archive.n_completed
        strategy.tell(Trials(ids, codes, objectives, violations), nothing)
    told = strategy.archive.completed
    kept = nondominated(told.objectives)
    return told.codes[kept], told.objectives[kept]


def _local_search(problem: Problem, measure: Measure, codes: Codes, objectives: FloatArray) -> FloatArray:
    """Pareto local search (Paquete, Chiarandini and Stuetzle 2004): explore the neighbours of every new member."""
    fresh, explored = codes, set[bytes]()
    for _ in range(SWEEPS):
        if not len(fresh):
            break
        explored.update(keys(fresh))
        near = np.unique(np.concatenate([problem.space.neighbours(code) for code in fresh]), axis=0)
        codes = np.concatenate([codes, near])
        objectives = np.concatenate([objectives, problem.score(measure(near))[0]])
        kept = nondominated(objectives)
        codes, objectives = codes[kept], objectives[kept]
        new = np.array([key not in explored for key in keys(codes)], dtype=bool)
        fresh = codes[new]
    return objectives
