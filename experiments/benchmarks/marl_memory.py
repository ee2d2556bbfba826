"""Do teams of agents search memory controllers better? Regret to the true optimum after so many simulations.

The space is ArchGym's: ten knobs, 442,368 designs, of which every one is simulated once per trace and kept, so that
searches are answered from a table and the optimum is known. ``regret_pct`` is ``100 (best - optimum) / optimum``; where
no design met the constraint yet, the worst feasible value stands for the best, and ``no_feasible_pct`` is the share of
such searches. ``front`` is measured by the share of the true front's hypervolume. Methods are compared seed by seed,
see :mod:`.paired_tests`; ``best_marl`` is whichever strategy with many agents has the lowest mean at that budget,
chosen afterwards.

Run as ``python -m cosearch.experiments.benchmarks.marl_memory --data DIR --json OUT --jobs 2``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ...search.catalog import STRATEGIES
from ...search.objective import FloatArray
from ...spaces.errors import CosearchError
from .harness import Row, arguments, row, run
from .method import DEFAULT, Method
from .paired_tests import paired_rows
from .problems.catalog import load_problem
from .problems.dram import FRONT, OBJECTIVES, PREFIX, SINGLE, regret_pct, traces
from .search_cases import Case, Results, run_cases
from .search_run import SearchRun

TRACES = ("cloud-1", "triad-rw", "hotmix-rw30", "mb-gsmdecode-dense")
"""Traces on which few designs are near the optimum, and that differ in kind."""

TEAMS = ("mappo", "ippo", "model_based_mappo")
"""Strategies with many agents."""

COMPARED = (*TEAMS, "ppo", "sac", "nsga2", "random", "tpe", DEFAULT)
RIVALS = ("ppo", "sac", "random", "ippo")
"""What ``mappo`` is tested against."""

SLOW = ("tpe", "gp", "optuna_gp", DEFAULT)
"""Strategies whose suggestions cost so much that long runs are cut."""


def main(argv: Sequence[str] | None = None) -> list[Row]:
    """Run the benchmark.

    Args:
        argv: Arguments without the program name; None reads the command line.

    Returns:
        The rows.

    Raises:
        CosearchError: When a trace, objective or strategy is unknown.
    """
    parser = arguments("Regret of strategies with one or many agents, and others, on memory controllers.")
    parser.add_argument("--traces", help=f"comma list; by default those of {', '.join(TRACES)} with data; or all")
    parser.add_argument("--objectives", default=",".join(SINGLE), help=f"comma list of {', '.join(OBJECTIVES)}")
    parser.add_argument("--strategies", default="all", help="all, ours, or a comma list of NAME[:OPTION=VALUE]")
    parser.add_argument("--budgets", default="100,300,1000,3000", help="comma list of numbers of simulations")
    parser.add_argument("--seeds", type=int, default=10, help="searches per method and problem")
    parser.add_argument("--batch", type=int, default=10, help="designs per ask")
    parser.add_argument("--slow-budget", type=int, default=300, help=f"most simulations for {', '.join(SLOW)}")
    parser.add_argument("--jobs", type=int, default=1, help="processes, one thread each")
    return run("marl_memory", measure, parser, argv)


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """All rows of the comparison."""
    roots = [root for root in (options.data, options.test_data) if root is not None]
    budgets = sorted({int(word) for word in options.budgets.split(",")})
    methods = chosen_methods(options.strategies)
    problems = chosen_problems(options.traces, options.objectives, roots)
    for name in problems:
        # Loaded here first, so that tables are made once and errors come early.
        load_problem(name, roots)
    cases = [
        Case(name, method, seed, _limit(method, budgets, options.slow_budget), options.batch, True)
        for name in problems
        for method in methods
        for seed in range(options.seeds)
    ]
    yield from rows_of(run_cases(cases, roots, options.jobs), budgets, roots)


def chosen_problems(names: str | None, objectives: str, roots: Sequence[Path]) -> list[str]:
    """Problems of the named traces (None: the default ones with data) and objectives.

    Raises:
        CosearchError: When there is no data for any trace.
    """
    available = traces(roots)
    wanted = available if names == "all" else [t for t in TRACES if t in available]
    if names not in (None, "all"):
        wanted = [word.strip() for word in str(names).split(",")]
    if not wanted:
        raise CosearchError("there is no data for any trace", "name a folder of reference data with --data")
    return [f"{PREFIX}{trace}/{objective.strip()}" for trace in wanted for objective in objectives.split(",")]


def chosen_methods(names: str) -> list[Method]:
    """The strategies that a comma list, ``all`` or ``ours`` stands for, each once.

    Raises:
        CosearchError: When one is unknown.
    """
    methods: list[Method] = []
    known = [entry[0] for entry in STRATEGIES.rows()]
    for word in names.split(","):
        if word in ("all", "ours"):
            methods += [Method(name) for name in (COMPARED if word == "all" else (DEFAULT,))]
            continue
        method = Method.parse(word)
        if method.name not in known:
            raise CosearchError(f"{method.name!r} is no strategy", f"known: {', '.join(known)}")
        methods.append(method)
    return list(dict.fromkeys(methods))


def rows_of(results: Results, budgets: Sequence[int], roots: Sequence[Path]) -> Iterator[Row]:
    """Figures of every method, then the tests between methods, problem by problem."""
    for problem in dict.fromkeys(problem for problem, _ in results):
        runs = {method: found for (where, method), found in results.items() if where == problem}
        figures = {method: _figures(problem, found, roots) for method, found in runs.items()}
        for method, found in runs.items():
            yield from _figure_rows(problem, method, found, figures[method], budgets)
        for budget in budgets:
            yield from tests(subject(problem), figures, budget)


def tests(subject: str, figures: Mapping[Method, Sequence[FloatArray]], budget: int) -> Iterator[Row]:
    """``mappo`` against its rivals, and the best strategy with many agents against every other method.

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
    teams = [method for method in reached if method.name in TEAMS]
    if not teams:
        return
    best = min(teams, key=lambda method: sum(reached[method]) / len(reached[method]))
    for other, values in reached.items():
        if other != best:
            label = f"best_marl:{best.label}"
            yield from paired_rows(label, other.label, subject, reached[best], values, spent)


def subject(problem: str) -> str:
    """How rows call a problem: trace and objective."""
    return " ".join(problem.removeprefix(PREFIX).rsplit("/", 1))


def _figures(problem: str, runs: Sequence[SearchRun], roots: Sequence[Path]) -> list[FloatArray]:
    """Curves of which less is better: regret in per cent, or 1 less the share of the hypervolume."""
    if problem.endswith(f"/{FRONT}"):
        return [1.0 - found.shares for found in runs]
    benchmark = load_problem(problem, roots)
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


def _limit(method: Method, budgets: Sequence[int], slow_budget: int) -> int:
    return min(slow_budget, max(budgets)) if method.name in SLOW else max(budgets)


if __name__ == "__main__":
    try:
        main()
    except CosearchError as error:
        sys.exit(f"marl_memory: {error}")
