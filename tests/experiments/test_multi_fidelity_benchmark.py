from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from cosearch.experiments.benchmarks.multi_fidelity import SHARE, main, two_fidelities
from cosearch.search.random_search import RandomSearch


@pytest.fixture
def data() -> Path:
    folder = os.environ.get("COSEARCH_DATA")
    if not folder:
        pytest.skip("needs reference data: set COSEARCH_DATA to a folder that holds nasbench201/ and latency/")
    return Path(folder)


def test_the_two_fidelities_differ_in_accuracy_alone_and_agree_in_rank(data: Path) -> None:
    benchmark, measure = two_fidelities("cifar10", "edgegpu", [data])
    assert benchmark.problem.fidelities == (SHARE, 1.0)
    codes = RandomSearch(benchmark.problem, 0).ask(500)
    brief, full = measure(codes, np.full(500, SHARE)), measure(codes, np.ones(500))
    assert np.array_equal(brief.objectives[:, 1], full.objectives[:, 1])
    accuracies = -np.column_stack([brief.objectives[:, 0], full.objectives[:, 0]])
    assert (accuracies[:, 0] < accuracies[:, 1]).mean() > 0.95
    ranks = accuracies.argsort(axis=0).argsort(axis=0)
    assert np.corrcoef(ranks.T)[0, 1] > 0.7


def test_the_benchmark_compares_at_equal_cost(data: Path) -> None:
    argv = f"--data {data} --problems cifar10_edgegpu --strategies random --etas 16 --costs 10,30 --seeds 2".split()
    rows = main(argv)
    assert [(row["method"], row["budget"]) for row in rows] == [
        ("random", "10 full evaluations"),
        ("random", "30 full evaluations"),
        ("ours:successive_halving(random):eta=16", "10 full evaluations"),
        ("ours:successive_halving(random):eta=16", "30 full evaluations"),
    ]
    assert all(0 < row["mean"] <= 1 and row["n"] == 2 for row in rows)
    assert rows[1]["mean"] > rows[0]["mean"]
