"""Does successive halving pay? NAS-Bench-201, 12 epochs as the low fidelity and 200 as the full one, at equal cost.

Accuracy against latency, both from tables. The low fidelity is the validation accuracy after 12 epochs, the full one
the test accuracy after 200; a trial of 12 epochs costs 12 / 200. Rows give the share of the exact front's hypervolume
that full evaluations reached for that many full evaluations' worth of epochs.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from ...search.catalog import STRATEGIES
from ...search.front import ParetoFront
from ...search.objective import FloatArray
from ...search.strategy import Strategy
from ...search.successive_halving import SuccessiveHalving
from ...search.trial import Trials
from ...spaces.knobs import Codes
from .harness import Row, arguments, row, run
from .problems.benchmark_problem import BenchmarkProblem
from .problems.data_roots import Roots, arrays, require
from .problems.nb201 import ACCURACIES, ARCHITECTURES, PREFIX, load

EPOCHS = (12, 200)
SHARE = EPOCHS[0] / EPOCHS[1]
TRAINED_BRIEFLY = "_val_12ep"
PROBLEMS = "cifar10_edgegpu,cifar100_pixel3,imagenet16_raspi4"

Measure = Callable[[Codes, FloatArray], Trials]
"""Codes int64 [n, n_knobs] and fidelities float64 [n] to completed trials, ids from 0."""


def two_fidelities(dataset: str, device: str, roots: Roots) -> tuple[BenchmarkProblem, Measure]:
    """The problem ``nb201_DATASET_DEVICE`` with both fidelities on offer, and what evaluates trials.

    Raises:
        CosearchError: When a table is missing, or lacks the data set or the device.
    """
    full = load(f"{PREFIX}{dataset}_{device}", roots)
    problem = dataclasses.replace(full.problem, fidelities=(SHARE, 1.0))
    brief = arrays(require(roots, ACCURACIES))[dataset + TRAINED_BRIEFLY].astype(np.float64)
    row_of = np.full((5,) * 6, -1)
    row_of[tuple(arrays(require(roots, ARCHITECTURES))["ops"].astype(np.int64).T)] = np.arange(len(brief))

    def measure(codes: Codes, fidelities: FloatArray) -> Trials:
        values = full.evaluate(codes)
        accuracy = np.where(fidelities < 1.0, brief[row_of[tuple(codes.T)]], values["top1_pct"])
        objectives, violations = problem.score(values | {"top1_pct": accuracy})
        return Trials(np.arange(len(codes)), codes, objectives, violations, fidelities)

    return dataclasses.replace(full, problem=problem), measure


def shares(
    benchmark: BenchmarkProblem, measure: Measure, strategy: Strategy, costs: list[float], batch: int
) -> list[float]:
    """Share of the front's hypervolume once each of the rising ``costs`` (in full evaluations) is spent."""
    front, spent, n = ParetoFront(benchmark.problem), 0.0, 0
    nothing = Trials.empty(benchmark.problem.space.n_knobs, benchmark.problem.n_objectives)
    found: list[float] = []
    while len(found) < len(costs):
        trials = measure(*strategy.ask_at(batch))
        if not len(trials):
            return found + [front.hypervolume() / benchmark.hypervolume] * (len(costs) - len(found))
        trials = dataclasses.replace(trials, ids=trials.ids + n)
        for i in range(len(trials)):
            # What would go beyond a cost is not in time for it.
            spent += float(trials.fidelities[i])
            while len(found) < len(costs) and spent > costs[len(found)] + 1e-9:
                found.append(front.hypervolume() / benchmark.hypervolume)
            front.add(trials[i : i + 1])
        n += len(trials)
        strategy.tell(trials, nothing)
    return found


def measure_all(options: argparse.Namespace) -> Iterator[Row]:
    """One row per problem, method and cost."""
    roots = [root for root in (options.data, options.test_data) if root is not None]
    costs = sorted(float(cost) for cost in options.costs.split(","))
    for name in options.problems.split(","):
        dataset, _, device = name.partition("_")
        benchmark, evaluate = two_fidelities(dataset, device, roots)
        for method, factory in methods(options.strategies.split(","), options.etas.split(",")):
            begin = time.perf_counter()
            runs = [
                shares(benchmark, evaluate, factory(benchmark.problem, seed), costs, options.batch)
                for seed in range(options.seeds)
            ]
            wall = time.perf_counter() - begin
            for cost, values in zip(costs, np.array(runs).T.tolist(), strict=True):
                budget = f"{cost:g} full evaluations"
                yield row(method, benchmark.name, "hypervolume_share", values, budget=budget, wall_s=wall)


def methods(strategies: list[str], etas: list[str]) -> Iterator[tuple[str, Callable[..., Strategy]]]:
    """Each strategy alone, and under successive halving with each eta."""
    for name in strategies:
        yield name, STRATEGIES.get(name)
        for eta in etas:
            halving = partial(SuccessiveHalving, strategy=name, eta=float(eta))
            yield f"ours:successive_halving({name}):eta={eta}", halving


def main(argv: list[str] | None = None) -> list[Row]:
    """Run the benchmark."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--problems", default=PROBLEMS, help="DATASET_DEVICE,...")
    parser.add_argument("--strategies", default="random,nsga2")
    parser.add_argument("--etas", default="3,16", help="one in so many designs is promoted")
    parser.add_argument("--costs", default="25,50,100,200", help="in full evaluations")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=4, help="designs per ask")
    return run("multi_fidelity", measure_all, parser, argv)


if __name__ == "__main__":
    main()
