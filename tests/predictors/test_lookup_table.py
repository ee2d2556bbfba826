"""Look-up tables: recovered costs, inactive layers, values never measured."""

from __future__ import annotations

import numpy as np
import pytest

from cosearch.predictors.calibration import Z_90
from cosearch.predictors.check_predictor import check_predictor
from cosearch.predictors.lookup_table import LookupTable
from cosearch.predictors.nonnegative import NonNegativeFit
from cosearch.spaces.errors import PredictorError
from cosearch.spaces.space import Space

SPACE = Space(
    {
        "block_1": ["conv3", "conv5", "skip"],
        "depth": [1, 2],
        "block_2": {"values": ["conv3", "conv5", "skip"], "type": "categorical", "active_if": {"depth": 2}},
        "width": {"type": "integer", "low": 1, "high": 100},
    }
)
COST = {"conv3": 1.0, "conv5": 2.5, "skip": 0.0}


def latency(codes: np.ndarray) -> np.ndarray:
    designs = SPACE.designs(codes)
    blocks = [COST[d["block_1"]] + COST.get(str(d.get("block_2", "skip")), 0.0) for d in designs]
    return 3.0 + np.array(blocks) + 0.04 * designs.column("width")


def test_keeps_the_contract():
    check_predictor(LookupTable)


def test_finds_the_costs_of_layers():
    codes = SPACE.sample(np.random.default_rng(0), 300)
    table = LookupTable(SPACE, "latency_ms", shrinkage=0.0).fit(SPACE.designs(codes), latency(codes))
    new = SPACE.sample(np.random.default_rng(1), 50)
    np.testing.assert_allclose(table.predict(SPACE.designs(new)).mean, latency(new), rtol=1e-6)
    # Where inactive is a choice too, costs are absolute; else they are known up to a constant.
    np.testing.assert_allclose(table.costs("block_1") - table.costs("block_1").min(), [1.0, 2.5, 0.0], atol=1e-5)
    width = table.costs("width")
    np.testing.assert_allclose(width - width.min(), 0.04 * np.arange(100), atol=1e-5)
    assert table.constant >= 0
    assert all((table.costs(name) >= 0).all() for name in SPACE.names)


def test_a_value_never_measured_costs_what_others_do():
    codes = SPACE.sample(np.random.default_rng(2), 400)
    codes = codes[codes[:, 0] != 1]
    table = LookupTable(SPACE, "latency_ms").fit(SPACE.designs(codes), latency(codes))
    cost = table.costs("block_1")
    assert cost[1] == pytest.approx((cost[0] + cost[2]) / 2, abs=0.01)


def test_a_metric_below_zero_gets_costs_below_zero():
    codes = SPACE.sample(np.random.default_rng(3), 100)
    y = 5.0 - latency(codes)
    found = LookupTable(SPACE, "score").fit(SPACE.designs(codes), y).predict(SPACE.designs(codes))
    assert np.abs(found.mean - y).max() < 0.1


@pytest.mark.parametrize("n", [15, 60, 300])
def test_intervals_hold_what_they_say(n: int):
    rng = np.random.default_rng(4)
    codes, new = SPACE.sample(rng, n), SPACE.sample(rng, 400)
    table = LookupTable(SPACE, "latency_ms").fit(SPACE.designs(codes), latency(codes) + rng.normal(0, 0.3, n))
    found = table.predict(SPACE.designs(new))
    inside = np.abs(latency(new) + rng.normal(0, 0.3, 400) - found.mean) <= Z_90 * found.std
    assert 0.8 < inside.mean() < 0.98


def test_nonnegative_least_squares_by_hand():
    x, y = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), np.array([2.0, -1.0, 1.0])
    bounded = NonNegativeFit.of(x, y, np.zeros((2, 2)))
    # Over w2 = 0 the best w1 is the mean of the targets that it explains.
    np.testing.assert_allclose(bounded.weights, [1.5, 0.0], atol=1e-6)
    free = NonNegativeFit.of(x, y, np.zeros((2, 2)), bounded=False)
    np.testing.assert_allclose(free.weights, [2.0, -1.0], atol=1e-6)


def test_wrong_options_and_order_are_refused():
    with pytest.raises(PredictorError, match="shrinkage -1"):
        LookupTable(SPACE, "latency_ms", shrinkage=-1.0)
    with pytest.raises(PredictorError, match="learnt nothing"):
        LookupTable(SPACE, "latency_ms").costs("depth")
