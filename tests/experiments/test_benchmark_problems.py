"""The problems of the search benchmarks: what their spaces hold, what they answer, and their fronts."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from cosearch.experiments.benchmarks.problems.benchmark_problem import BenchmarkProblem
from cosearch.experiments.benchmarks.problems.best_known import best_known
from cosearch.experiments.benchmarks.problems.boom import boom_space
from cosearch.experiments.benchmarks.problems.cache_folder import cached
from cosearch.experiments.benchmarks.problems.catalog import list_problems, load_problem
from cosearch.experiments.benchmarks.problems.hls import pool_space
from cosearch.experiments.benchmarks.problems.hwgpt import hwgpt_space, memory_features, perplexity_features
from cosearch.experiments.benchmarks.problems.mlp_ensemble import fit_mlp_ensemble, predict_mlp_ensemble
from cosearch.experiments.benchmarks.problems.ofa_mbv3 import (
    accuracy_oracle,
    block_choices,
    exact_macs,
    ofa_mbv3_space,
    one_hot,
    read_traces,
)
from cosearch.search.dominance import nondominated
from cosearch.search.objective import Objective, Problem
from cosearch.spaces.errors import CosearchError
from cosearch.spaces.space import Space


@pytest.fixture
def data() -> Path:
    folder = os.environ.get("COSEARCH_DATA")
    if folder is None:
        pytest.skip("needs reference data: set COSEARCH_DATA to a folder with ofa_mbv3_dynast, latency and so on")
    return Path(folder)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "cosearch" / "benchmarks"


def test_a_pool_is_the_whole_space() -> None:
    rng = np.random.default_rng(0)
    rows = np.unique(rng.integers(0, 4, (60, 5)), axis=0)
    mode = ("", "flatten", "off", "on")
    pool = [{"tile": 2 ** int(r[0]), "pipe": mode[r[1]], "a": int(r[2]), "b": int(r[3]), "c": int(r[4])} for r in rows]
    pool = [row | {"same": 1} for row in pool]
    space = pool_space(pool, "pool")
    assert "same" not in space.names
    assert space.size() == len(pool)
    found = space.decode(space.enumerate() if space.enumerate() is not None else np.empty((0, 5), np.int64))
    wanted = {json.dumps({k: v for k, v in row.items() if k != "same"}, sort_keys=True) for row in pool}
    assert {json.dumps(dict(design), sort_keys=True) for design in found} == wanted


def test_boom_designs_are_exactly_the_rows() -> None:
    # Two widths: the first has three choices of B, the second two; A has one everywhere.
    sub_design = np.array([0, 0, 0, 1, 1])
    choice = np.array([[0, 0], [0, 1], [0, 2], [0, 0], [0, 1]])
    space = boom_space(sub_design, choice, ["a", "b"])
    listed = space.enumerate()
    assert listed is not None
    assert listed.tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1]]


def test_hwgpt_features_leave_absent_layers_out() -> None:
    space = hwgpt_space("s")
    design = {"embedding": 384, "layers": 11, "bias": False}
    design |= {f"mlp_ratio_{i}": 4 for i in range(11)} | {f"heads_{i}": 8 for i in range(11)}
    codes = space.encode([design])
    one_hots = perplexity_features(codes)[0]
    assert one_hots.shape == (80,)
    assert one_hots[:6].tolist() == [0, 1, 0, 0, 1, 0]
    assert one_hots[6 : 6 + 36].reshape(12, 3).tolist() == [[0, 0, 1]] * 11 + [[0, 0, 0]]
    assert one_hots[42:78].reshape(12, 3).tolist() == [[0, 1, 0]] * 11 + [[0, 0, 0]]
    assert one_hots[78:].tolist() == [0, 1]
    scaled = memory_features(codes, "s")[0]
    assert scaled[:2].tolist() == [(384 - 192) / (768 - 192), 0.5]
    assert scaled[2:14].tolist() == [1.0] * 11 + [-1.0]
    assert scaled[14:26].tolist() == [0.5] * 11 + [-1.0]
    assert scaled[26] == 0.0


def test_ofa_features_mask_absent_blocks() -> None:
    space = ofa_mbv3_space()
    codes = space.sample(np.random.default_rng(0), 50)
    depths = 2 + codes[:, -5:]
    assert (one_hot(codes).sum(axis=1) == 2 * depths.sum(axis=1) + 5).all()
    assert (block_choices(codes).sum(axis=1) == 1 + depths.sum(axis=1)).all()
    assert space.size() == (9**2 + 9**3 + 9**4) ** 5


def test_the_ensemble_predicts_what_scikit_learn_would() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (150, 8)).astype(float)
    y = 70 + x @ np.arange(8.0) + x[:, 0] * x[:, 1]
    weights = fit_mlp_ensemble(x, y, members=2)
    again = fit_mlp_ensemble(x, y, members=2)
    assert all(np.array_equal(weights[key], again[key]) for key in weights)
    singles = [predict_mlp_ensemble({k: v[i : i + 1] for k, v in weights.items()}, x) for i in range(2)]
    assert np.allclose(predict_mlp_ensemble(weights, x), np.mean(singles, axis=0))
    assert not np.array_equal(*singles)
    assert np.abs(predict_mlp_ensemble(weights, x) - y).mean() < 0.1 * y.std()


def test_the_best_known_front_of_an_additive_problem_is_near_the_true_one() -> None:
    n_knobs, n = 10, 6
    space = Space({f"x{i}": {"type": "integer", "low": 0, "high": n - 1} for i in range(n_knobs)})
    weights = np.random.default_rng(1).random((2, n_knobs, n))

    def measure(codes: np.ndarray) -> dict[str, np.ndarray]:
        return {f"f{m}_ms": weights[m, np.arange(n_knobs), codes].sum(axis=1) for m in range(2)}

    problem = Problem(space, (Objective("f0_ms", reference=10.0), Objective("f1_ms", reference=10.0)))
    # Sums of two sets have a front that needs the sets' fronts only.
    true = np.zeros((1, 2))
    for column in range(n_knobs):
        sums = (true[:, None, :] + weights[:, column].T[None, :, :]).reshape(-1, 2)
        true = sums[nondominated(sums)]
    benchmark = BenchmarkProblem("additive", problem, measure, true, True)
    found = best_known(problem, measure, runs=2, evaluations=4000)
    assert nondominated(found).all()
    assert 0.985 < benchmark.share(found) <= 1.0 + 1e-12
    sample = problem.score(measure(space.sample(np.random.default_rng(0), 8000)))[0]
    assert benchmark.share(sample) < 0.95


def test_a_result_is_made_once(own_cache: Path) -> None:
    made = []

    def make() -> dict[str, np.ndarray]:
        made.append(1)
        return {"a": np.arange(3.0)}

    first, second = cached("thing_1", make), cached("thing_1", make)
    assert len(made) == 1
    assert np.array_equal(first["a"], second["a"])
    assert [p.name for p in own_cache.iterdir()] == ["thing_1.npz"]
    cached("thing_2", make)
    assert len(made) == 2


def test_a_problem_without_data_is_an_error(tmp_path: Path) -> None:
    assert list_problems(tmp_path) == []
    with pytest.raises(CosearchError, match=r"no data for a problem 'nb201'.*problems with data: none"):
        load_problem("nb201", tmp_path)


# --- with the reference data -----------------------------------------------------------------------------------------


def test_the_oracle_and_the_macs_agree_with_the_traces(data: Path, own_cache: Path) -> None:
    traces = read_traces([data], ofa_mbv3_space())
    assert len(traces.codes) == 2162
    assert np.array_equal(exact_macs(traces)(traces.codes), traces.macs)
    oracle = accuracy_oracle(traces, members=1)
    assert np.abs(oracle(traces.codes) - traces.top1_pct).mean() < 0.04
    anything = oracle(ofa_mbv3_space().sample(np.random.default_rng(0), 1000))
    assert anything.min() > 70.0
    assert anything.max() < 78.0
    assert len(list(own_cache.iterdir())) == 1


def test_nb201_answers_from_the_tables(data: Path) -> None:
    benchmark = load_problem("nb201", data)
    codes = benchmark.problem.space.enumerate()
    assert codes is not None
    assert len(codes) == 15_625
    values = benchmark.evaluate(codes)
    assert values["top1_pct"].max() == pytest.approx(94.066, abs=1e-3)
    assert benchmark.share(benchmark.objectives(codes)) == pytest.approx(1.0)
    assert benchmark.reference.tolist() == [-85.0, pytest.approx(values["latency_ms"].max())]


def test_nb201_variants_take_any_device_of_any_folder(data: Path, tmp_path: Path) -> None:
    (tmp_path / "latency").mkdir()
    latency = np.linspace(1, 2, 15_625, dtype=np.float32)[:, None]
    np.savez(tmp_path / "latency" / "more_nb201_latency.npz", latency_ms=latency, devices=np.array(["toaster"]))
    assert "nb201_cifar100_toaster" not in list_problems(data)
    benchmark = load_problem("nb201_cifar100_toaster", [data, tmp_path])
    codes = benchmark.problem.space.sample(np.random.default_rng(0), 5)
    assert ((benchmark.evaluate(codes)["latency_ms"] >= 1) & (benchmark.evaluate(codes)["latency_ms"] <= 2)).all()
    with pytest.raises(CosearchError, match="no data for a problem 'nb201_cifar100_kettle'"):
        load_problem("nb201_cifar100_kettle", data)


def test_boom_and_hls_are_listed_whole(data: Path) -> None:
    for name, size, n_objectives in (("boom", 15_633, 3), ("hls_gemm-ncubed", 221, 2)):
        benchmark = load_problem(name, data)
        codes = benchmark.problem.space.enumerate()
        assert codes is not None
        objectives = benchmark.objectives(codes)
        assert objectives.shape == (size, n_objectives)
        assert benchmark.true_front
        assert benchmark.share(objectives) == pytest.approx(1.0)
        assert (objectives <= benchmark.reference).all()
