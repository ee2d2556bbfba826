"""Baselines that learn from a pool of devices: their contract, and what each does by hand."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosearch.predictors.best_source import BestSource
from cosearch.predictors.calibration import Z_90, spearman
from cosearch.predictors.check_pooled import check_pooled_predictor, example_pool
from cosearch.predictors.check_predictor import check_predictor
from cosearch.predictors.choice_encoding import ChoiceEncoding
from cosearch.predictors.evidence import fit_evidence, fit_evidence_each
from cosearch.predictors.pool import Pool
from cosearch.predictors.prediction import Prediction
from cosearch.predictors.source_gp import SourceGP, most_likely
from cosearch.predictors.source_ridge import SourceRidge
from cosearch.predictors.sources import SourcePredictor
from cosearch.predictors.value_counts import value_counts
from cosearch.spaces.errors import PredictorError
from cosearch.spaces.space import Space

SPACE = Space({f"layer_{i}": {"type": "categorical", "values": ["conv", "pool", "skip"]} for i in range(5)})
MEMBERS: list[tuple[type[SourcePredictor], dict[str, Any]]] = [
    (BestSource, {}),
    (SourceRidge, {}),
    (SourceGP, {}),
    (SourceGP, {"counts": True, "mean": "zero"}),
]


@pytest.mark.parametrize(("kind", "options"), MEMBERS)
def test_keeps_both_contracts(kind: type[SourcePredictor], options: dict[str, Any]):
    check_predictor(partial(kind, **options))
    check_pooled_predictor(partial(kind, **options))


def test_the_check_finds_what_is_wrong():
    class Forgetful(BestSource):
        kind = ""

        def _adapt(self, codes: np.ndarray, y: np.ndarray) -> None:
            self.times = getattr(self, "times", 0) + 1
            super()._adapt(codes, y)

        def _predict(self, codes: np.ndarray) -> Prediction:
            found = super()._predict(codes)
            return Prediction(found.mean * (1.0 + 0.01 * getattr(self, "times", 0)), found.std)

    class Repeating(BestSource):
        kind = ""

        def choose(self, candidates: Any, k: int, rng: np.random.Generator) -> np.ndarray:
            return np.zeros(k, dtype=np.int64)

    for wrong, words in ((Forgetful, "adapting twice"), (Repeating, "a row twice")):
        with pytest.raises(AssertionError, match=words):
            check_pooled_predictor(wrong)


def test_best_source_takes_the_device_that_ranks_best():
    pool, _ = example_pool(SPACE, "latency_ms", n=150)
    alike = 7.0 * np.nan_to_num(pool.values[:, 2], nan=1.0) ** 1.5
    rows = np.flatnonzero(np.isfinite(pool.values[:, 2]))[:12]
    found = BestSource(SPACE, "latency_ms").fit_pool(pool).adapt(SPACE.designs(pool.codes[rows]), alike[rows])
    assert found.chosen == "device_2"
    rest = np.flatnonzero(np.isfinite(pool.values[:, 2]))[12:]
    mean = found.predict(SPACE.designs(pool.codes[rest])).mean
    np.testing.assert_allclose(mean, alike[rest], rtol=0.2)


def test_one_decomposition_gives_what_single_fits_give():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 6))
    x = np.hstack([x, x[:, :1]])
    targets = x[:, :3] + rng.normal(size=(50, 3))
    weights, offsets, left_out = fit_evidence_each(x, targets)
    for j in range(3):
        fit = fit_evidence(x, targets[:, j])
        np.testing.assert_allclose(weights[:, j], fit.weights, atol=1e-10)
        np.testing.assert_allclose(x @ weights[:, j] + offsets[j], fit.predict(x)[0], atol=1e-10)
        np.testing.assert_allclose(left_out[:, j], fit.leave_one_out(x, targets[:, j])[0], atol=1e-8)


def test_small_spaces_get_products_of_knobs():
    assert ChoiceEncoding(SPACE)(SPACE.sample(np.random.default_rng(0), 4)).shape == (4, 15 + 10 * 9)
    wide = Space({f"layer_{i}": {"type": "categorical", "values": list("abcdefghi")} for i in range(22)})
    assert ChoiceEncoding(wide)(wide.sample(np.random.default_rng(0), 4)).shape == (4, 198)


def test_counts_are_over_knobs_alike():
    space = Space(
        {"a": ["x", "y"], "b": ["x", "y"], "width": [1, 2, 3], "c": {"values": ["x", "y"], "type": "categorical"}}
    )
    counts = value_counts(space, np.array([[0, 1, 2, 1], [0, 0, 0, 0]]))
    np.testing.assert_array_equal(counts, [[1, 2], [3, 0]])


def test_evidence_is_at_its_maximum():
    rng = np.random.default_rng(1)
    n = 40
    parts = [rng.normal(size=(n, 4)) for _ in range(2)]
    kernels = np.stack([p @ p.T for p in parts] + [np.eye(n)])
    base = np.ones((n, n))
    target = rng.multivariate_normal(np.zeros(n), base + np.tensordot([0.5, 2.0, 0.3], kernels, 1))

    def evidence(variances: np.ndarray) -> float:
        covariance = base + np.tensordot(variances, kernels, 1)
        return float(target @ np.linalg.solve(covariance, target) + np.linalg.slogdet(covariance)[1])

    found = most_likely(base, kernels, target)
    for step in np.vstack([0.05 * np.eye(3), -0.05 * np.eye(3)]):
        assert evidence(found * np.exp(step)) > evidence(found)
    assert found[2] == pytest.approx(0.3, rel=0.5)


@pytest.mark.parametrize(("kind", "options"), MEMBERS[1:])
def test_ten_measurements_rank_a_new_device(kind: type[SourcePredictor], options: dict[str, Any]):
    rho, inside = [], []
    for seed in range(5):
        pool, truth = example_pool(SPACE, "latency_ms", devices=6, n=200, seed=seed)
        predictor = kind(SPACE, "latency_ms", **options).fit_pool(pool)
        rows = predictor.choose(pool.designs, 10, np.random.default_rng(seed))
        found = predictor.adapt(SPACE.designs(pool.codes[rows]), truth[rows]).predict(pool.designs)
        rest = np.setdiff1d(np.arange(len(truth)), rows)
        rho.append(spearman(found.mean[rest], truth[rest]))
        inside.append((np.abs(found.mean - truth) <= Z_90 * found.std)[rest].mean())
    assert np.mean(rho) > 0.9
    assert 0.7 < np.mean(inside) <= 1.0


def test_wrong_options_and_values_are_refused():
    pool, truth = example_pool(SPACE, "latency_ms")
    unknown: Any = "best"
    with pytest.raises(PredictorError, match="penalty 0"):
        SourceRidge(SPACE, "latency_ms", penalty=0.0)
    with pytest.raises(PredictorError, match="mean 'best'"):
        SourceGP(SPACE, "latency_ms", mean=unknown)
    for kind in (BestSource, SourceRidge, SourceGP):
        with pytest.raises(PredictorError, match="0 or less"):
            kind(SPACE, "latency_ms").fit_pool(pool).adapt(pool.designs, -truth)


def test_calibration_is_of_the_new_device():
    pool, truth = example_pool(SPACE, "latency_ms", n=100)
    predictor = SourceRidge(SPACE, "latency_ms").fit_pool(pool)
    assert predictor.calibration() == {"n": float(np.isfinite(pool.values).sum())}
    figures = predictor.adapt(SPACE.designs(pool.codes[:20]), truth[:20]).calibration()
    assert figures["n"] == 20
    assert figures["spearman"] > 0.8


DEVICES = "1080ti_1 1080ti_32 1080ti_256 silver_4114 silver_4210r samsung_a50 pixel3 essential_ph_1 samsung_s7"


def test_published_split_of_nas_bench_201():
    root = os.environ.get("COSEARCH_DATA", "")
    if not root:
        pytest.skip("needs reference data: set COSEARCH_DATA to a folder with latency/help_nb201_latency.npz")
    table = np.load(Path(root) / "latency" / "help_nb201_latency.npz")
    space, codes = nas_bench_201(Path(root))
    values = dict(zip(table["devices"].tolist(), table["latency_ms"].astype(float).T, strict=True))
    pool = Pool.of(space, "latency_ms", {d: (codes[:900], values[d][:900]) for d in DEVICES.split()})
    query = np.random.default_rng(9).permutation(len(codes))[:2000]
    for kind, least in ((BestSource, 0.85), (SourceRidge, 0.90), (SourceGP, 0.92)):
        predictor, rho = kind(space, "latency_ms").fit_pool(pool), []
        for device in ("titan_rtx_256", "fpga", "raspi4", "eyeriss"):
            for seed in range(2):
                rows = np.random.default_rng(seed).permutation(len(codes))[:10]
                predictor.adapt(space.designs(codes[rows]), values[device][rows])
                rho.append(spearman(predictor.mean(space.designs(codes[query])), values[device][query]))
        assert np.mean(rho) > least, kind


def nas_bench_201(root: Path) -> tuple[Space, np.ndarray]:
    cells = np.load(root / "latency" / "nb201_arch.npz")
    edges = {f"edge_{i}": {"type": "categorical", "values": cells["op_names"].tolist()} for i in range(6)}
    return Space(edges), cells["ops"].astype(np.int64)
