"""Rows of the comparison of agents on memory controllers: figures of each method, and tests between methods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ...search.objective import FloatArray
from .harness import Row, row
from .marl_transfer import TRANSFERRED
from .method import Method
from .paired_tests import paired_rows
from .problems.dram import FRONT, PREFIX, regret_pct
from .search_cases import Results, loaded
from .search_run import SearchRun

TEAMS = ("mappo", "ippo", "model_based_mappo")
"""Strategies with many agents."""

RIVALS = ("ppo", "sac", "random", "ippo")
"""What ``mappo`` is tested against."""


def rows_of(results: Results, budgets: Sequence[int], roots: Sequence[Path]) -> Iterator[Row]:
    """Figures of every method, then the tests between methods, problem by problem."""
    for problem in dict.fromkeys(problem for problem, _ in results):
        runs = {method: found for (where, method), found in results.items() if where == problem}
        figures = {method: _figures(problem, found, roots) for method, found in runs.items()}
        for method, found in runs.items():
            yield from _figure_rows(problem, method, found, figures[method], budgets)
        for budget in budgets:
            yield from comparisons(subject(problem), figures, budget)


def comparisons(subject: str, figures: Mapping[Method, Sequence[FloatArray]], budget: int) -> Iterator[Row]:
    """``mappo`` against its rivals, the best strategy with many agents and transferred policies against all methods.

    Args:
        subject: The problem.
        figures: Method to one curve per seed, float64 [n_evaluations], less is better.
        budget: Evaluations after which they are compared; methods that stopped before are left out.
    """
    reached = {
        method: [float(curve[budget - 1]) for curve in curves]
        for method, curves in figures.items()
        if min(map(len, curves)) >= budget
    }
    spent = f"{budget} evaluations"
    mappo = Method("mappo")
    for rival in map(Method, RIVALS):
        if mappo in reached and rival in reached:
            yield from paired_rows("mappo", rival.label, subject, reached[mappo], reached[rival], spent)
    teams = [method for method in reached if method.name in TEAMS and method != TRANSFERRED]
    champions = {f"best_marl:{best.label}": best for best in _lowest(teams, reached)}
    champions |= {TRANSFERRED.label: TRANSFERRED} if TRANSFERRED in reached else {}
    for label, champion in champions.items():
        for other, values in reached.items():
            if other != champion:
                yield from paired_rows(label, other.label, subject, reached[champion], values, spent)


def _lowest(methods: Sequence[Method], figures: Mapping[Method, Sequence[float]]) -> list[Method]:
    """The method of the lowest mean, as a list; none of none."""
    return sorted(methods, key=lambda method: sum(figures[method]) / len(figures[method]))[:1]


def subject(problem: str) -> str:
    """How rows call a problem: trace and objective."""
    return " ".join(problem.removeprefix(PREFIX).rsplit("/", 1))


def _figures(problem: str, runs: Sequence[SearchRun], roots: Sequence[Path]) -> list[FloatArray]:
    """Curves of which less is better: regret in per cent, or 1 less the share of the hypervolume."""
    if problem.endswith(f"/{FRONT}"):
        return [1.0 - found.shares for found in runs]
    benchmark = loaded(problem, tuple(roots))
    return [regret_pct(benchmark, found.shares) for found in runs]


def _figure_rows(
    problem: str, method: Method, runs: Sequence[SearchRun], figures: Sequence[FloatArray], budgets: Sequence[int]
) -> Iterator[Row]:
    wall_s = sum(found.wall_s for found in runs)
    name, n = subject(problem), min(map(len, figures))
    for budget in budgets:
        if budget > n:
            continue
        spent = f"{budget} evaluations"
        reached = [float(curve[budget - 1]) for curve in figures]
        if problem.endswith(f"/{FRONT}"):
            shares = [1.0 - value for value in reached]
            yield row(method.label, name, "hypervolume_share", shares, budget=spent, wall_s=wall_s)
            continue
        yield row(method.label, name, "regret_pct", reached, budget=spent, wall_s=wall_s)
        if problem.endswith("/power_bounded"):
            without = [100.0 * bool(found.shares[budget - 1] == 0.0) for found in runs]
            yield row(method.label, name, "no_feasible_pct", without, budget=spent)
    costs = [found.ask_cpu_ms for found in runs]
    yield row(method.label, name, "ask_cpu_ms", costs, budget=f"{n} evaluations", wall_s=wall_s)
