"""What does a strategy cost per trial? Time in ask and tell alone, with a given number of trials behind it.

The problem is DTLZ2 (Deb et al. 2002) with three objectives and six knobs; its evaluation is not counted. A row gives
the mean and spread over rounds of one ask and one tell each; ``least_us`` is the fastest round, which is the cost on a
core that nothing else uses.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np

from ...search.catalog import STRATEGIES
from ...search.check_problems import CheckProblem
from ...search.objective import FloatArray, Objective, Problem
from ...search.strategy import Strategy
from ...search.trial import Trials
from ...spaces.knobs import Codes
from ...spaces.space import Space
from .harness import Row, arguments, row, run

LEVELS = 1024

OURS = "nsga2"
"""The default strategy."""


def dtlz2() -> CheckProblem:
    """DTLZ2 with three objectives and six knobs on a grid; the front is an eighth of the unit sphere."""
    knob = {"type": "integer", "low": 0, "high": LEVELS - 1}
    space = Space({f"x{i}": knob for i in range(6)}, name="dtlz2")

    def metrics(codes: Codes) -> dict[str, FloatArray]:
        x = codes / (LEVELS - 1)
        radius = 1 + ((x[:, 2:] - 0.5) ** 2).sum(axis=1)
        a, b = x[:, 0] * np.pi / 2, x[:, 1] * np.pi / 2
        return {"f1": radius * np.cos(a) * np.cos(b), "f2": radius * np.cos(a) * np.sin(b), "f3": radius * np.sin(a)}

    return CheckProblem(Problem(space, tuple(Objective(f"f{i}") for i in (1, 2, 3))), metrics)


def primed(name: str, options: dict[str, int], problem: CheckProblem, n: int) -> Strategy:
    """A strategy that was told ``n`` random trials."""
    strategy: Strategy = STRATEGIES.get(name)(problem.problem, 0, **options)
    codes = strategy.novel(strategy.archive.completed.codes, n, np.random.default_rng(0))
    strategy.tell(problem.trials(np.arange(len(codes)), codes), strategy.archive.running)
    strategy.ask(1)
    return strategy


def rounds_us(strategy: Strategy, problem: CheckProblem, batch: int, repeats: int) -> list[float]:
    """Microseconds per trial of ``repeats`` rounds of ask and tell."""
    nothing = Trials.empty(problem.problem.space.n_knobs, problem.problem.n_objectives)
    costs = []
    for _ in range(repeats):
        start = time.perf_counter()
        codes = strategy.ask(batch)
        asked = time.perf_counter() - start
        first = strategy.archive.n_known
        trials = problem.trials(np.arange(first, first + len(codes)), codes)
        start = time.perf_counter()
        strategy.tell(trials, nothing)
        costs.append(1e6 * (asked + time.perf_counter() - start) / max(len(codes), 1))
    return costs


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """One row per number of trials and batch size."""
    problem = dtlz2()
    name = OURS if options.strategy == "ours" else options.strategy
    method = f"ours:{name}" if name == OURS else name
    chosen = {"population": options.population} if options.population else {}
    for n in (int(word) for word in options.trials.split(",")):
        for batch in (int(word) for word in options.batches.split(",")):
            strategy = primed(name, chosen, problem, n)
            start = time.perf_counter()
            costs = rounds_us(strategy, problem, batch, options.repeats)
            wall, subject, budget = time.perf_counter() - start, f"batches of {batch}", f"after {n} trials"
            yield row(method, subject, "overhead_us", costs, budget=budget, wall_s=wall)
            yield row(method, subject, "least_us", min(costs), budget=budget, wall_s=wall)


def main(argv: list[str] | None = None) -> list[Row]:
    """Run the benchmark."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--strategy", default="ours", help="name of a strategy, or 'ours'")
    parser.add_argument("--population", type=int, default=0, help="its population; 0 leaves the default")
    parser.add_argument("--trials", default="1000,10000,100000", help="trials told before, separated by commas")
    parser.add_argument("--batches", default="32,64,256", help="designs per ask, separated by commas")
    parser.add_argument("--repeats", type=int, default=100, help="rounds per figure")
    return run("strategy_overhead", measure, parser, argv)


if __name__ == "__main__":
    main()
