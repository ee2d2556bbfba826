"""Figures of calibration: percentage errors, rank correlations, coverage, and regions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from cosearch.predictors.calibration import Z_90, by_region, kendall_tau, report, spearman
from cosearch.predictors.ridge import Ridge
from cosearch.spaces.errors import PredictorError
from cosearch.spaces.space import Space

SPACE = Space({"a": {"type": "integer", "low": 0, "high": 40}, "b": ["x", "y"]})


def test_rank_correlations_agree_with_scipy_also_with_ties() -> None:
    rng = np.random.default_rng(0)
    for levels in (5, 1000):
        a = rng.integers(0, levels, 200).astype(float)
        b = a + rng.normal(0.0, levels / 4, 200).round()
        assert spearman(a, b) == pytest.approx(spearmanr(a, b).statistic)
        assert kendall_tau(a, b) == pytest.approx(kendalltau(a, b).statistic)
    assert spearman(np.ones(4), np.arange(4.0)) == 0.0


def test_figures_by_hand() -> None:
    y, mean = np.array([1.0, 2.0, 4.0, 8.0]), np.array([1.1, 2.0, 3.0, 8.8])
    found = report(y, mean, np.array([0.2, 0.1, 0.1, 0.9]) / Z_90)
    assert found["mape_pct"] == pytest.approx((10 + 0 + 25 + 10) / 4)
    assert found["mdape_pct"] == pytest.approx(10.0)
    assert found["mae"] == pytest.approx((0.1 + 1.0 + 0.8) / 4)
    assert found["coverage_90"] == 0.75
    assert found["spearman"] == pytest.approx(1.0)
    assert {"mape_pct", "mdape_pct"}.isdisjoint(report(y - 1.0, mean, mean)), "no share of nothing"


def test_a_bad_third_shows_by_region() -> None:
    rng = np.random.default_rng(1)
    mean = np.sort(rng.uniform(1.0, 10.0, 90))
    y = mean * np.where(np.arange(90) >= 60, 1.5, 1.01)
    low, middle, high = by_region(y, mean, 0.1 * mean)
    assert [row["region"] for row in (low, middle, high)] == [0, 1, 2]
    assert [row["n"] for row in (low, middle, high)] == [30, 30, 30]
    assert low["low"] == mean[0]
    assert low["high"] == middle["low"] <= middle["high"] == high["low"]
    assert (low["coverage_90"], high["coverage_90"]) == (1.0, 0.0)
    assert low["mdape_pct"] < 1.0
    assert high["mdape_pct"] > 30.0


def test_equal_predictions_are_one_region() -> None:
    (only,) = by_region(np.array([1.0, 2.0, 3.0]), np.full(3, 2.0), np.ones(3))
    assert only["n"] == 3


def test_held_out_predictions_are_what_the_figures_are_over() -> None:
    designs = SPACE.designs(SPACE.sample(np.random.default_rng(0), 30))
    rng = np.random.default_rng(2)
    y = 2.0 + designs.column("a") * rng.uniform(0.9, 1.1, 30)
    fitted = Ridge(SPACE, "latency_ms").fit(designs, y)
    observed, mean, std = fitted.cross_validated(folds=30)
    np.testing.assert_array_equal(observed, y)
    without_first = Ridge(SPACE, "latency_ms").fit(designs[2:], y[2:])
    assert np.abs(mean - y).mean() > np.abs(fitted.predict(designs).mean - y).mean()
    assert (std > 0).all()
    assert not np.array_equal(mean[:2], without_first.predict(designs[:2]).mean), "folds are drawn, not in order"
    adapted = fitted.adapt(designs[:8], 3.0 * y[:8])
    assert adapted.cross_validated()[0] == pytest.approx(3.0 * y[:8])
    with pytest.raises(PredictorError, match="3 observations are too few"):
        Ridge(SPACE, "latency_ms").fit(designs[:3], y[:3]).cross_validated()
