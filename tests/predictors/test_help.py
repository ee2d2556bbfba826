"""HELP: its contract, its network by hand, and what it is told of a new device."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from cosearch.predictors.calibration import spearman
from cosearch.predictors.check_pooled import check_pooled_predictor, example_pool
from cosearch.predictors.check_predictor import check_predictor
from cosearch.predictors.help import Help, Scale, drawn_references, middle_of
from cosearch.predictors.help_network import CellGraph, HelpNetwork
from cosearch.predictors.help_training import Schedule, Tasks, adapt, meta_train
from cosearch.predictors.pool import Pool
from cosearch.spaces.errors import PredictorError
from cosearch.spaces.space import Space

torch = pytest.importorskip("torch")

ENDS = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
CELL = Space({f"edge_{a}_{b}": {"type": "categorical", "values": ["conv", "pool", "skip"]} for a, b in ENDS})
CHAIN = Space({f"layer_{i}": {"type": "categorical", "values": ["conv", "pool", "skip"]} for i in range(5)})
SMALL: dict[str, Any] = {"references": 5, "support": 5, "query": 20, "draws": 3, "width": 16, "learning_rate": 5e-3}


def test_keeps_the_contract_of_pools():
    check_pooled_predictor(partial(Help, episodes=60, **SMALL), CELL)


def test_keeps_the_contract_of_predictors():
    check_predictor(partial(Help, episodes=100, **SMALL))


def test_a_cell_is_a_graph_of_its_operations():
    graph = CellGraph.of(CELL)
    assert graph is not None
    hears = {i: set(np.flatnonzero(row).tolist()) - {i} for i, row in enumerate(graph.adjacency)}
    # 0 is the input, 1..6 the edges in order, 7 the output, 8 hears all.
    assert hears == {0: set(), 1: {0}, 2: {0}, 3: {1}, 4: {0}, 5: {1}, 6: {2, 3}, 7: {4, 5, 6}, 8: set(range(8))}
    assert graph.nodes(np.array([[0, 1, 2, 0, 1, 2]])).argmax(axis=2)[:, 0].tolist() == [3, 0, 1, 2, 0, 1, 2, 4, 5]
    assert CellGraph.of(CHAIN) is None


def test_graph_convolutions_are_those_of_a_plain_loop():
    network, rng = HelpNetwork(CELL, 4, 6), np.random.default_rng(0)
    graph = CellGraph.of(CELL)
    assert graph is not None
    arrays = network.start(rng)
    codes, embedding = CELL.sample(rng, 3), rng.random(4)
    z = rng.normal(size=network.n_modulated)
    weights = network.modulated({k: torch.from_numpy(v) for k, v in arrays.items()}, torch.from_numpy(z)[None])
    encoded = torch.from_numpy(network.encode(codes))[None]
    found = network.forward(weights, encoded, torch.from_numpy(embedding)[None])[0].numpy()
    for row, code in enumerate(codes):
        x = graph.nodes(code[None])[:, 0]
        for name in ("gc1", "gc2", "gc3", "gc4"):
            x = np.maximum(graph.adjacency @ (x @ arrays[f"{name}_weight"]) + arrays[f"{name}_bias"], 0.0)
        device = embedding
        for name in ("fc_hw1", "fc_hw2"):
            device = np.maximum(device @ arrays[f"{name}_weight"] + arrays[f"{name}_bias"], 0.0)
        h = np.concatenate([x[-1], device])
        for i, name in enumerate(("fc3", "fc4", "fc5")):
            scale = 1.0 + 0.01 * z[12 * i : 12 * (i + 1)]
            h = h @ (arrays[f"{name}_weight"] * scale[:, None]) + arrays[f"{name}_bias"] + 0.01 * z[36 + i]
            h = np.maximum(h, 0.0) if name != "fc5" else h
        assert found[row] == pytest.approx(h[0])


def test_adapting_is_gradient_descent_on_each_device_alone():
    network, rng = HelpNetwork(CHAIN, 3, 4), np.random.default_rng(1)
    codes = CHAIN.sample(rng, 6)
    tasks = Tasks(network.encode(codes), rng.random((2, 6)), rng.random((2, 3)))
    learnt = meta_train(network, tasks, Schedule(episodes=1, devices=2, support=3, query=3, learning_rate=1e-9))
    weights = {k: torch.from_numpy(v.astype(float)) for k, v in learnt.items()}
    y, embedding = torch.from_numpy(tasks.values), torch.from_numpy(tasks.embeddings)
    x = torch.from_numpy(tasks.encoded).expand(2, -1, -1, -1)
    z = torch.zeros(2, network.n_modulated, dtype=torch.float64)

    def run(j: slice, steps: int) -> Any:
        return adapt(network, weights, z[j], embedding[j], (x[j], y[j], torch.ones_like(y[j])), steps)

    both, first = run(slice(0, 2), 2), run(slice(0, 1), 2)
    for name, weight in first.items():
        np.testing.assert_allclose(both[name][:1].numpy(), weight.numpy(), atol=1e-14)
    before, after = run(slice(0, 1), 0), run(slice(0, 1), 1)

    def loss(each: Any) -> float:
        return float(((network.forward(each, x[:1], embedding[:1]) - y[:1]) ** 2).mean())

    name, step = "fc5_bias", 1e-6
    up = dict(before) | {name: before[name] + step}
    slope = (loss(up) - loss(before)) / step
    assert float((before[name] - after[name])[0, 0]) == pytest.approx(1e-3 * slope, rel=1e-3)
    assert loss(run(slice(0, 1), 5)) < loss(before)


def test_ten_measurements_rank_a_new_device():
    pool, truth = example_pool(CHAIN, "latency_ms", devices=6, n=220)
    predictor = Help(CHAIN, "latency_ms", episodes=120, **SMALL).fit_pool(pool)
    rows = predictor.choose(pool.designs, 10, np.random.default_rng(0))
    found = predictor.adapt(CHAIN.designs(pool.codes[rows]), truth[rows]).predict(pool.designs)
    assert spearman(found.mean, truth) > 0.85


def test_asks_for_the_reference_designs_first():
    pool, truth = example_pool(CHAIN, "latency_ms", n=150)
    predictor = Help(CHAIN, "latency_ms", episodes=2, **SMALL).fit_pool(pool)
    rng = np.random.default_rng(0)
    rows = predictor.choose(pool.designs, 8, rng)
    assert np.array_equal(pool.codes[rows[:5]], predictor.reference.codes)
    assert np.array_equal(predictor.choose(pool.designs, 3, rng), rows[:3])
    others = CHAIN.designs(np.delete(pool.codes, rows[:5], axis=0))
    near = others.codes[predictor.choose(others, 5, rng)]
    assert ((near != predictor.reference.codes).sum(axis=1) <= 2).all()
    # A new device may measure fewer, or others: what is missing is predicted.
    scale = truth.max()
    few = predictor.adapt(CHAIN.designs(pool.codes[rows[:2]]), truth[rows[:2]]).predict(pool.designs)
    assert np.abs(few.mean - truth).mean() < scale


def test_reference_designs_can_be_named():
    pool, _ = example_pool(CHAIN, "latency_ms", n=150)
    named = [dict(design) for design in CHAIN.designs(pool.codes[[3, 30, 60]])]
    predictor = Help(CHAIN, "latency_ms", reference=named, episodes=2, width=8).fit_pool(pool)
    assert np.array_equal(predictor.reference.codes, pool.codes[[3, 30, 60]])
    assert predictor.options()["reference"] == named
    assert Help(CHAIN, "latency_ms", **predictor.options()).options() == predictor.options()


def test_references_are_the_extremes_and_draws_of_what_most_devices_have_measured():
    codes = np.unique(CHAIN.sample(np.random.default_rng(0), 400), axis=0)[:50]
    first = np.random.default_rng(1).permutation(50) + 1.0
    values = np.stack([first, 3.0 * first], axis=1)
    values[12:, 1] = np.nan
    pool = Pool(CHAIN, "latency_ms", ("a", "b"), codes, values)

    def rows(count: int, seed: int) -> list[int]:
        found = drawn_references(pool, count, np.random.default_rng(seed))
        return [int(np.flatnonzero((codes == code).all(axis=1))[0]) for code in found]

    extremes = [int(first[:12].argmin()), int(first[:12].argmax())]
    assert sorted(rows(12, 0)) == list(range(12))
    assert len(set(rows(50, 1))) == 50
    assert rows(2, 2) == extremes
    assert {tuple(rows(3, seed)[:2]) for seed in range(20)} == {tuple(extremes)}
    assert len({rows(3, seed)[2] for seed in range(20)} | set(extremes)) > 6
    with pytest.raises(PredictorError, match="51 reference designs of 50"):
        drawn_references(pool, 51, np.random.default_rng(0))
    holes = Pool(CHAIN, "latency_ms", ("a", "b"), codes, np.where(np.arange(50)[:, None] % 2, values, np.nan))
    with pytest.raises(PredictorError, match="26 reference designs of 25"):
        drawn_references(holes, 26, np.random.default_rng(0))
    assert len(drawn_references(holes, 25, np.random.default_rng(0))) == 25


def test_each_device_leaves_out_its_fastest_and_slowest_tenth():
    values = np.random.default_rng(0).permuted(np.tile(np.arange(20.0), (2, 1)), axis=1)
    values[1, values[1] >= 10] = np.nan
    kept = middle_of(values)
    assert sorted(kept[0][np.isfinite(kept[0])]) == list(range(2, 18))
    assert sorted(kept[1][np.isfinite(kept[1])]) == list(range(1, 9))
    np.testing.assert_array_equal(middle_of(values[:, :5])[0], values[0, :5])


def test_scale_goes_back_and_forth():
    scale = Scale.of(np.array([2.0, 5.0, 4.0]))
    np.testing.assert_allclose(scale.scaled(np.array([2.0, 5.0])), [0.05, 0.95])
    np.testing.assert_allclose(scale.metric(scale.scaled(np.array([1.0, 7.0]))), [1.0, 7.0])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"references": 1}, "references 1"),
        ({"episodes": 0}, "episodes 0"),
        ({"learning_rate": 0.0}, "learning_rate 0"),
        ({"epochs": 3}, "known options: episodes"),
        ({"reference": [{f"layer_{i}": "conv" for i in range(5)}] * 2}, "2 reference designs"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], words: str):
    with pytest.raises(PredictorError, match=words):
        Help(CHAIN, "latency_ms", **options)
