"""How good is the front after so many evaluations? Our strategies beside other libraries' optimisers.

A figure is the hypervolume of everything evaluated so far as a share of the true, or best known, front's. Our
strategies are asked in batches; peers run on their own loops with the same integer encoding, the same budget and the
same seeds, and their repeats count. ``ask_cpu_ms`` is CPU time per suggestion, everything but the evaluation itself, on
one thread.

Run as ``python -m cosearch.experiments.benchmarks.search_efficiency --data DIR --json OUT --plot OUT.html``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...search.catalog import STRATEGIES
from ...spaces.errors import CosearchError
from .ablations import ablations
from .harness import Row, arguments, row, run
from .method import DEFAULT, Method
from .peers.catalog import PEERS
from .problems.catalog import list_problems, load_problem
from .search_cases import Case, Results, run_cases
from .search_plot import mean_curve, write_plot
from .search_run import SearchRun

DEFAULT_PROBLEMS = ("ofa_mbv3", "nb201", "hwgpt_s", "boom")
OTHER_SIZES = ("hwgpt_m", "hwgpt_l")
"""Searched by default where their data are."""

DEFAULT_BUDGETS = "50,100,150,200,300,500"
COMPARED = (DEFAULT, "linas", "nsga2", "random")
"""The strategies of our catalogue that ``all`` compares."""

TARGETS = {"linas": (300,), "nsga2": (500,), "pymoo.nsga2_pop20": (500,), "pymoo.nsga2_pop50": (500,)}
"""Methods, and the budgets at which their mean share is what our default's mean curve has to reach."""


def main(argv: Sequence[str] | None = None) -> list[Row]:
    """Run the benchmark.

    Args:
        argv: Arguments without the program name; None reads the command line.

    Returns:
        The rows.

    Raises:
        CosearchError: When a named problem or strategy does not exist, or has no data.
    """
    parser = arguments("Hypervolume after a number of evaluations, ours beside other libraries.")
    parser.add_argument("--problems", help=f"comma list; by default those of {', '.join(DEFAULT_PROBLEMS)} with data")
    parser.add_argument(
        "--strategies",
        default="all",
        help="all, ours (the default), peers, or a comma list of NAME[:OPTION=VALUE]; exact=false hides closed forms",
    )
    parser.add_argument("--budgets", default=DEFAULT_BUDGETS, help="comma list of numbers of evaluations")
    parser.add_argument("--seeds", type=int, default=10, help="searches per method and problem")
    parser.add_argument("--batch", type=int, default=10, help="designs per ask of our strategies")
    parser.add_argument("--slow-budget", type=int, default=200, help="most evaluations for slow peers")
    parser.add_argument("--jobs", type=int, default=1, help="processes, one thread each")
    parser.add_argument("--no-exact", action="store_true", help="hide closed forms (MACs, memory) from our strategies")
    parser.add_argument("--ablation", action="store_true", help="add variants of our default strategy")
    parser.add_argument("--plot", type=Path, metavar="OUT.html", help="write the mean curves as a page")
    return run("search_efficiency", measure, parser, argv)


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """All rows: shares at the budgets, CPU time per suggestion, and evaluations to reach a target."""
    roots = [root for root in (options.data, options.test_data) if root is not None]
    budgets = sorted({int(word) for word in options.budgets.split(",")})
    methods = chosen_methods(options.strategies, with_ablation=options.ablation)
    problems = chosen_problems(options.problems, roots)
    for name in problems:
        # Loaded here first, so that what takes a while is made once and errors come early.
        load_problem(name, roots)
    limits = {method: _limit(method, budgets, options.slow_budget) for method in methods}
    cases = [
        Case(name, method, seed, limits[method], options.batch, not options.no_exact)
        for name in problems
        for method in methods
        for seed in range(options.seeds)
    ]
    results = run_cases(cases, roots, options.jobs)
    if options.plot is not None:
        write_plot(options.plot, results)
    for (problem, method), runs in results.items():
        yield from _rows(problem, method, runs, budgets)
    yield from evaluations_to_reach(results)


def chosen_problems(names: str | None, roots: Sequence[Path]) -> list[str]:
    """The named problems, or the default ones that have data; a note on standard error tells which have none.

    Raises:
        CosearchError: When there is no data at all.
    """
    if names is not None:
        return [name.strip() for name in names.split(",")]
    available = list_problems(roots)
    missing = [name for name in DEFAULT_PROBLEMS if name not in available]
    if len(missing) == len(DEFAULT_PROBLEMS):
        raise CosearchError("there is no data for any problem", "name a folder of reference data with --data")
    if missing:
        _note(f"skipped, no data: {', '.join(missing)}")
    return [name for name in (*DEFAULT_PROBLEMS, *OTHER_SIZES) if name in available]


def chosen_methods(names: str, *, with_ablation: bool = False) -> list[Method]:
    """The methods that a comma list, ``all``, ``ours`` or ``peers`` stands for, each once.

    Raises:
        CosearchError: When a strategy is unknown, or a named peer is not installed.
    """
    methods: list[Method] = []
    for word in [*names.split(","), *(ablations() if with_ablation else ())]:
        if word in ("all", "ours"):
            methods += [Method(name) for name in (COMPARED if word == "all" else (DEFAULT,))]
        if word in ("all", "peers"):
            methods += _installed_peers()
        if word not in ("all", "ours", "peers"):
            methods.append(_named(word))
    return list(dict.fromkeys(methods))


def evaluations_to_reach(results: Results) -> Iterator[Row]:
    """Evaluations after which our default's mean curve is where a target's is at its budget; no row where never."""
    curves = {key: mean_curve(runs)[0] for key, runs in results.items()}
    for (problem, method), mean in curves.items():
        if method.name != DEFAULT:
            continue
        for (where, other), goal in curves.items():
            for budget in TARGETS.get(other.name, ()) if where == problem else ():
                if len(goal) >= budget and mean.max() >= goal[budget - 1]:
                    needed = 1 + int((mean >= goal[budget - 1]).argmax())
                    yield row(
                        method.label, problem, "evaluations_to_reach", needed, budget=f"{other.label} at {budget}"
                    )


def _rows(problem: str, method: Method, runs: list[SearchRun], budgets: Sequence[int]) -> Iterator[Row]:
    wall_s = sum(r.wall_s for r in runs)
    n = min(len(r.shares) for r in runs)
    for budget in budgets:
        if budget <= n:
            shares = [float(r.shares[budget - 1]) for r in runs]
            yield row(method.label, problem, "hypervolume_share", shares, budget=f"{budget} evaluations", wall_s=wall_s)
    costs = [r.ask_cpu_ms for r in runs]
    yield row(method.label, problem, "ask_cpu_ms", costs, budget=f"{n} evaluations", wall_s=wall_s)


def _limit(method: Method, budgets: Sequence[int], slow_budget: int) -> int:
    if method.name in PEERS and PEERS[method.name].slow and slow_budget < max(budgets):
        _note(f"{method.label} stops after {slow_budget} evaluations, see --slow-budget")
        return slow_budget
    return max(budgets)


def _installed_peers() -> list[Method]:
    absent = [name for name, peer in PEERS.items() if not peer.installed]
    if absent:
        _note(f"skipped, not installed: {', '.join(absent)}")
    return [Method(name) for name in PEERS if name not in absent]


def _named(word: str) -> Method:
    method = Method.parse(word)
    if method.name not in PEERS:
        known = [entry[0] for entry in STRATEGIES.rows()]
        if method.name not in known:
            raise CosearchError(
                f"{method.name!r} is neither a strategy nor a peer", f"known: {', '.join([*known, *PEERS])}"
            )
    elif not PEERS[method.name].installed:
        needs = PEERS[method.name].needs
        raise CosearchError(f"{method.name} needs {needs}, which is not installed", f"install it: pip install {needs}")
    return method


def _note(text: str) -> None:
    sys.stderr.write(f"search_efficiency: {text}\n")


if __name__ == "__main__":
    try:
        main()
    except CosearchError as error:
        sys.exit(f"search_efficiency: {error}")
