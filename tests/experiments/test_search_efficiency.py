"""The search efficiency benchmark, end to end on a made-up table, and its parts."""

from __future__ import annotations

import importlib.util
import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from cosearch.experiments.benchmarks.ablations import ablations
from cosearch.experiments.benchmarks.method import DEFAULT, Method
from cosearch.experiments.benchmarks.peers.catalog import PEERS, peer
from cosearch.experiments.benchmarks.peers.metered import Metered
from cosearch.experiments.benchmarks.problems.benchmark_problem import BenchmarkProblem
from cosearch.experiments.benchmarks.problems.catalog import load_problem
from cosearch.experiments.benchmarks.search_efficiency import chosen_methods, evaluations_to_reach, main
from cosearch.experiments.benchmarks.search_run import SearchRun, run_search, shares_after_each
from cosearch.search.check_problems import easy
from cosearch.search.objective import Objective, Problem
from cosearch.spaces.errors import CosearchError
from cosearch.spaces.space import Space

SLOW_START = {"optuna.gp": 11, "botorch.qlognehvi": 21}
"""Evaluations of which one, or one batch, comes from a model."""

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tables of a made-up NAS-Bench-201."""
    folder: Path = tmp_path_factory.mktemp("data")
    for name in ("latency", "analog_nb201"):
        (folder / name).mkdir()
    ops = np.array(list(itertools.product(range(5), repeat=6)), dtype=np.int8)
    gain, cost = np.array([0, 2, 3, 5, 1]), np.array([0.1, 0.4, 2.0, 5.0, 1.0])
    accuracy = 85 + 9 * gain[ops].sum(axis=1) / 30 - 0.5 * (ops[:, 0] == ops[:, 5])
    edges = np.array([(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)], dtype=np.uint8)
    names = np.array(OPERATIONS)
    np.savez(folder / "latency/nb201_arch.npz", ops=ops, op_names=names, edges=edges)
    latency = cost[ops].sum(axis=1)[:, None]
    np.savez(folder / "latency/help_nb201_latency.npz", latency_ms=latency, devices=np.array(["raspi4"]))
    table = {"ops": ops, "op_names": names, "acc": accuracy[:, None], "acc_names": np.array(["baseline"])}
    np.savez(folder / "analog_nb201/analog_nb201.npz", **table)
    return folder


def test_the_benchmark_end_to_end(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, plot = tmp_path / "rows.json", tmp_path / "curves.html"
    command = ["--data", str(root), "--strategies", "random,nsga2:population=16", "--budgets", "200,20", "--seeds", "2"]
    rows = main([*command, "--json", str(out), "--plot", str(plot)])
    report = json.loads(out.read_text())
    assert report["benchmark"] == "search_efficiency"
    assert report["rows"] == rows
    keys = [(r["method"], r["subject"], r["budget"], r["metric"], r["n"]) for r in rows]
    assert keys == [
        (method, "nb201", f"{budget} evaluations", metric, 2)
        for method in ("random", "nsga2:population=16")
        for budget, metric in ((20, "hypervolume_share"), (200, "hypervolume_share"), (200, "ask_cpu_ms"))
    ]
    share = {(r["method"], r["budget"]): r["mean"] for r in rows if r["metric"] == "hypervolume_share"}
    assert 0 < share["random", "20 evaluations"] < share["random", "200 evaluations"] < 1
    assert share["random", "200 evaluations"] < share["nsga2:population=16", "200 evaluations"] < 1
    assert all(r["mean"] > 0 for r in rows if r["metric"] == "ask_cpu_ms")
    page = plot.read_text()
    assert "nsga2:population=16" in page
    assert "<script src=" not in page
    assert "skipped, no data: ofa_mbv3, hwgpt_s, boom" in capsys.readouterr().err


def test_figures_do_not_depend_on_the_number_of_processes(root: Path) -> None:
    command = ["--data", str(root), "--strategies", "nsga2", "--budgets", "30", "--seeds", "2", "--jobs", "2"]
    shares = next(r for r in main(command) if r["metric"] == "hypervolume_share")
    benchmark = load_problem("nb201", root)
    alone = [run_search(benchmark, Method("nsga2"), 30, seed, batch=10).shares[-1] for seed in range(2)]
    assert shares["mean"] == np.mean(alone)


def test_unknown_names_are_errors(root: Path) -> None:
    data = ["--data", str(root)]
    with pytest.raises(CosearchError, match="did you mean 'nb201'"):
        main([*data, "--problems", "nb210", "--strategies", "random"])
    with pytest.raises(CosearchError, match="'nsga7' is neither a strategy nor a peer"):
        main([*data, "--strategies", "nsga7"])
    with pytest.raises(CosearchError, match="'population' is no option"):
        main([*data, "--strategies", "nsga2:population"])
    with pytest.raises(CosearchError, match="no data for any problem"):
        main(["--strategies", "random"])


def test_a_named_peer_must_be_installed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "botorch" else find_spec(name))
    with pytest.raises(CosearchError, match="pip install botorch"):
        chosen_methods("botorch.qlognehvi")
    assert "botorch.qlognehvi" not in {method.name for method in chosen_methods("all")}
    assert "skipped, not installed: botorch.qlognehvi" in capsys.readouterr().err


def test_methods_have_options() -> None:
    method = Method.parse("nsga2:population=50:mode=generational:exact=false")
    assert method.arguments == {"population": 50, "mode": "generational"}
    assert not method.exact
    assert Method.parse("nsga2").exact
    assert Method.parse(method.label) == method
    assert Method.parse(Method("surrogate_evolution").label) == Method("surrogate_evolution")
    with pytest.raises(CosearchError, match="nsga2 has no option 'populaton'"):
        Method.parse("nsga2:populaton=3").strategy(easy().problem, 0)


def test_every_ablation_is_a_variant_of_our_default() -> None:
    problem = easy().problem
    default = Method(DEFAULT).strategy(problem, 0)
    for text in ablations():
        method = Method.parse(text)
        changed = {key for key, value in method.arguments.items() if getattr(default, key, None) != value}
        variant = method.strategy(problem, 0)
        assert isinstance(variant, type(default))
        assert method.exact == (text != f"{DEFAULT}:exact=false")
        assert changed == set(method.arguments), text
        assert len(variant.ask(5)) == 5


def test_peers_see_masked_and_repaired_designs() -> None:
    space = Space(
        {"a": [1, 2, 3], "b": {"type": "ordinal", "values": [1, 2], "active_if": {"a": 3}}, "c": [1, 2, 3]},
        forbid=[{"a": 1, "c": 3}],
    )
    seen = []

    def measure(codes: np.ndarray) -> dict[str, np.ndarray]:
        seen.append(codes)
        return {"x_ms": codes[:, 0].astype(float), "y_ms": codes[:, 2].astype(float)}

    problem = Problem(space, (Objective("x_ms", reference=9.0), Objective("y_ms", reference=9.0)))
    evaluate = Metered(BenchmarkProblem("tiny", problem, measure, np.zeros((1, 2)), True), budget=5)
    assert evaluate(np.array([[1, 1, 2], [2, 1, 0], [0, 0, 2]])).shape == (3, 2)
    assert seen[0][:2].tolist() == [[1, -1, 2], [2, 1, 0]]
    assert space.is_valid(seen[0]).all()
    assert evaluate.left == 2
    evaluate(np.array([[1, 1, 1]] * 4))
    assert evaluate.left == -2
    assert len(evaluate.objectives) == 5


@pytest.mark.parametrize("name", PEERS)
def test_peers_spend_the_budget_and_repeat_themselves(name: str, root: Path) -> None:
    pytest.importorskip(PEERS[name].needs)
    benchmark = load_problem("nb201", root)
    budget = SLOW_START[name] if PEERS[name].slow else 45
    first, again = (_shares_of(benchmark, name, seed=3, budget=budget) for _ in range(2))
    assert len(first) == budget
    assert (np.diff(first) >= 0).all()
    assert 0 < first[-1] <= 1
    assert np.array_equal(first, again)
    if not PEERS[name].slow:
        assert not np.array_equal(first, _shares_of(benchmark, name, seed=4, budget=budget))


def _shares_of(benchmark: BenchmarkProblem, name: str, seed: int, budget: int) -> np.ndarray:
    evaluate = Metered(benchmark, budget)
    peer(name)(evaluate, seed)
    return shares_after_each(benchmark, evaluate.objectives)


def test_shares_are_those_of_everything_so_far(root: Path) -> None:
    benchmark = load_problem("nb201", root)
    codes = benchmark.problem.space.sample(np.random.default_rng(0), 60)
    objectives = benchmark.objectives(codes)
    shares = shares_after_each(benchmark, objectives)
    for n in (1, 2, 30, 60):
        assert shares[n - 1] == pytest.approx(benchmark.share(objectives[:n]))


def test_evaluations_to_reach_a_target() -> None:
    def runs(*shares: float) -> list[SearchRun]:
        return [SearchRun(np.repeat(shares, 100), 1.0, 1.0)]

    ours = Method("surrogate_evolution")
    results = {
        ("p", ours): runs(0.1, 0.5, 0.8),
        ("p", Method("linas")): runs(0.1, 0.2, 0.5),
        ("p", Method("nsga2")): runs(0.1, 0.2, 0.3, 0.4, 0.9),
        ("q", ours): runs(0.9),
    }
    rows = list(evaluations_to_reach(results))
    assert [(r["method"], r["subject"], r["budget"], r["mean"]) for r in rows] == [
        ("ours:surrogate_evolution", "p", "linas at 300", 101)
    ]
