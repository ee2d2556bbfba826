"""One search of a benchmark problem: which designs in which order, and what the sampler cost."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from ...search.dominance import nondominated
from ...search.front import hypervolume
from ...search.objective import FloatArray
from ...search.strategy import Strategy
from ...search.trial import Trials
from ...spaces.knobs import Codes
from .method import Method
from .peers.catalog import PEERS, peer
from .peers.metered import Metered
from .problems.benchmark_problem import BenchmarkProblem

WARM_UP = 25
"""Evaluations of a search before the timed one, in which libraries are imported and code is compiled."""


_warm: set[Method] = set()


@dataclass(frozen=True)
class SearchRun:
    """What came of one search.

    Args:
        shares: float64 [n_evaluations], share of the front's hypervolume after each evaluation.
        ask_cpu_ms: CPU time of the sampler (ask and tell) per suggestion, ms.
        wall_s: Wall time of the search, evaluations included, s.
    """

    shares: FloatArray
    ask_cpu_ms: float
    wall_s: float


def run_search(benchmark: BenchmarkProblem, method: Method, budget: int, seed: int, batch: int) -> SearchRun:
    """Search with one of our strategies, asked in batches, or with a peer on its own loop.

    Args:
        benchmark: The problem.
        method: Strategy or peer, with options.
        budget: Evaluations; repeats count for peers, our strategies make none.
        seed: Of the search.
        batch: Designs per ask.
    """
    if method not in _warm:
        _search(benchmark, method, Metered(benchmark, min(WARM_UP, budget)), seed, batch)
        _warm.add(method)
    metered = Metered(benchmark, budget)
    wall, cpu = time.perf_counter(), time.process_time()
    _search(benchmark, method, metered, seed, batch)
    spent = time.process_time() - cpu - metered.cpu_s
    shares = shares_after_each(benchmark, metered.objectives, metered.violations)
    per_suggestion = 1e3 * spent / max(len(shares), 1)
    if metered.solved:
        # The search ended early, and would have stayed where it was.
        shares = np.concatenate([shares, np.full(budget - len(shares), shares[-1])])
    return SearchRun(shares, per_suggestion, time.perf_counter() - wall)


def _search(benchmark: BenchmarkProblem, method: Method, metered: Metered, seed: int, batch: int) -> None:
    if method.name in PEERS:
        peer(method.name)(metered, seed, **method.arguments)
    else:
        ask_and_tell(method.strategy(benchmark.problem, seed), metered, batch, until_solved=True)


def ask_and_tell(strategy: Strategy, metered: Metered, batch: int, *, until_solved: bool = False) -> None:
    """Search until the budget is spent, or nothing is proposed.

    Args:
        strategy: Fresh, or told what came before.
        metered: The evaluation, with its budget.
        batch: Designs per ask.
        until_solved: Whether to stop when the known optimum was met.
    """
    nothing: Codes = np.empty((0, strategy.problem.space.n_knobs), np.int64)
    running = Trials.running(np.empty(0, np.int64), nothing, strategy.problem.n_objectives)
    while metered.left and not (until_solved and metered.solved):
        codes = strategy.ask(min(batch, metered.left))
        if not len(codes):
            return
        ids = strategy.archive.n_completed + np.arange(len(codes), dtype=np.int64)
        strategy.tell(Trials(ids, codes, *metered.score(codes)), running)


def shares_after_each(
    benchmark: BenchmarkProblem, objectives: FloatArray, violations: FloatArray | None = None
) -> FloatArray:
    """Share of the front's hypervolume after each evaluation.

    Args:
        benchmark: The problem.
        objectives: float64 [n, n_objectives], minimised.
        violations: float64 [n], only rows with 0 count; None is all of them.

    Returns:
        float64 [n].
    """
    feasible = np.ones(len(objectives), bool) if violations is None else violations == 0.0
    front, share = objectives[:0], 0.0
    shares = np.empty(len(objectives))
    for i, point in enumerate(objectives):
        if feasible[i] and not (front <= point).all(axis=1).any():
            merged = np.vstack([front, point])
            front = merged[nondominated(merged)]
            share = hypervolume(front, benchmark.reference) / benchmark.hypervolume
        shares[i] = share
    return shares
