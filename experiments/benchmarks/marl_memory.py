"""Do teams of agents search memory controllers better? Regret to the true optimum after so many simulations.

The space is ArchGym's: ten knobs, 442,368 designs, of which every one is simulated once per trace and kept, so that
searches are answered from a table and the optimum is known. ``regret_pct`` is ``100 (best - optimum) / optimum``; where
no design met the constraint yet, the worst feasible value stands for the best, and ``no_feasible_pct`` is the share of
such searches. ``front`` is measured by the share of the true front's hypervolume. Methods are compared seed by seed,
see :mod:`.paired_tests`; ``best_marl`` is whichever strategy with many agents has the lowest mean at that budget,
chosen afterwards.

``--transfer`` starts ``mappo`` from policies that were learnt on the other traces (never on one of the same kind) with
``--lesson-budget`` simulations each, and compares it after 50 simulations with every search from scratch, and with
simply trying the best designs of those other traces.

Run as ``python -m cosearch.experiments.benchmarks.marl_memory --data DIR --json OUT --jobs 2``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...search.catalog import STRATEGIES
from ...spaces.errors import CosearchError
from .harness import Row, arguments, run
from .marl_comparisons import TEAMS, rows_of
from .marl_transfer import sources_of, transfer_results
from .method import DEFAULT, Method
from .problems.catalog import load_problem
from .problems.dram import OBJECTIVES, PREFIX, SINGLE, traces
from .search_cases import Case, run_cases

TRACES = ("cloud-1", "triad-rw", "hotmix-rw30", "mb-gsmdecode-dense")
"""Traces on which few designs are near the optimum, and that differ in kind."""

COMPARED = (*TEAMS, "ppo", "sac", "nsga2", "random", "tpe", DEFAULT)
BUDGETS = "100,300,1000,3000"
BRIEF = "50"

SLOW = ("tpe", "gp", "optuna_gp", "model_based_mappo", DEFAULT)
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
    parser.add_argument("--budgets", help=f"comma list of numbers of simulations; {BUDGETS}, with --transfer {BRIEF}")
    parser.add_argument("--seeds", type=int, default=10, help="searches per method and problem")
    parser.add_argument("--batch", type=int, default=10, help="designs per ask")
    parser.add_argument("--slow-budget", type=int, default=300, help=f"most simulations for {', '.join(SLOW)}")
    parser.add_argument("--jobs", type=int, default=1, help="processes, one thread each")
    parser.add_argument("--transfer", action="store_true", help="add searches that start from other traces' policies")
    parser.add_argument("--sources", help="comma list of traces to learn those on; by default all but sparse ones")
    parser.add_argument("--lesson-budget", type=int, default=300, help="simulations to learn one of those policies")
    return run("marl_memory", measure, parser, argv)


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """All rows of the comparison."""
    roots = [root for root in (options.data, options.test_data) if root is not None]
    budgets = sorted({int(word) for word in (options.budgets or (BRIEF if options.transfer else BUDGETS)).split(",")})
    methods = chosen_methods(options.strategies)
    problems = chosen_problems(options.traces, options.objectives, roots)
    for name in problems:
        # Loaded here first, so that tables are made once and errors come early.
        load_problem(name, roots)
    sources = sources_of(problems, options.sources, roots) if options.transfer else []
    cases = [
        Case(name, method, seed, _limit(method, budgets, options.slow_budget), options.batch, True)
        for name in problems
        for method in methods
        for seed in range(options.seeds)
    ]
    results = run_cases(cases, roots, options.jobs)
    if options.transfer:
        results |= transfer_results(problems, sources, options, roots, max(budgets))
    yield from rows_of(results, budgets, roots)


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


def _limit(method: Method, budgets: Sequence[int], slow_budget: int) -> int:
    return min(slow_budget, max(budgets)) if method.name in SLOW else max(budgets)


if __name__ == "__main__":
    try:
        main()
    except CosearchError as error:
        sys.exit(f"marl_memory: {error}")
