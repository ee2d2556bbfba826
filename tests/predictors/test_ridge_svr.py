"""The grid search against scikit-learn's own, spread, widths, extremes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cosearch.predictors.one_hot import OneHot
from cosearch.predictors.ridge_svr import ALPHAS, COSTS, RidgeSvr
from cosearch.spaces.errors import PredictorError
from cosearch.spaces.space import Space

SPACE = Space({f"k{i}": [1, 2, 3] for i in range(8)})


def data(kind: str, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    codes = SPACE.sample(np.random.default_rng(4), n)
    additive = 50.0 + codes @ np.arange(1.0, 9.0)
    return codes, additive if kind == "additive" else additive * (1.0 + (codes[:, 0] == codes[:, 1]))


def by_scikit_learn(codes: np.ndarray, y: np.ndarray, queries: np.ndarray) -> tuple[str, np.ndarray]:
    """The published procedure, with the library's own grid search and kernels."""
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV
    from sklearn.svm import SVR

    encode = OneHot(SPACE)
    x, scale = encode(codes), 10.0 ** (np.floor(np.log10(np.abs(y).max())) - 1.0)
    kept = np.var(x, axis=0) > 0
    searches = [
        GridSearchCV(model, grid, scoring="neg_mean_absolute_percentage_error", cv=5).fit(x[:, kept], y / scale)
        for model, grid in (
            (Ridge(), {"alpha": ALPHAS["coarse"]}),
            (SVR(gamma="auto", epsilon=0.0), {"C": COSTS["coarse"]}),
        )
    ]
    best = max(searches, key=lambda search: search.best_score_)
    return type(best.best_estimator_).__name__, scale * best.predict(encode(queries)[:, kept])


@pytest.mark.parametrize(("kind", "chosen"), [("additive", "Ridge"), ("interacting", "SVR")])
def test_predictions_are_scikit_learns(kind: str, chosen: str) -> None:
    codes, y = data(kind)
    queries = SPACE.sample(np.random.default_rng(5), 200)
    model, expected = by_scikit_learn(codes, y, queries)
    assert model == chosen
    found = RidgeSvr(SPACE, "latency_ms").fit(SPACE.designs(codes), y).predict(SPACE.designs(queries))
    np.testing.assert_allclose(found.mean, expected, rtol=1e-6)


def test_the_deviation_is_the_error_on_unseen_designs() -> None:
    codes, y = data("interacting", 200)
    predictor = RidgeSvr(SPACE, "latency_ms").fit(SPACE.designs(codes[:120]), y[:120])
    found = predictor.predict(SPACE.designs(codes[120:]))
    error = float(np.sqrt(np.mean((found.mean - y[120:]) ** 2)))
    assert found.std[0] == pytest.approx(error, rel=0.5)
    assert np.ptp(found.std) == 0.0


def test_the_full_grid_is_no_worse_by_its_own_score() -> None:
    codes, y = data("additive", 30)
    designs = SPACE.designs(codes)
    coarse, full = (RidgeSvr(SPACE, "latency_ms", grid=grid).fit(designs, y) for grid in ("coarse", "full"))
    assert set(ALPHAS["coarse"]) < set(ALPHAS["full"])
    assert set(COSTS["coarse"]) < set(COSTS["full"])
    assert full.predict(designs).std[0] <= 1.2 * coarse.predict(designs).std[0]
    assert RidgeSvr(SPACE, "latency_ms", **full.options()).grid == "full"


@pytest.mark.parametrize("scale", [1e-310, 1e-300, 1.0, 1e300])
def test_any_magnitude_is_learnt(scale: float) -> None:
    codes, y = data("additive")
    found = RidgeSvr(SPACE, "latency_ms").fit(SPACE.designs(codes), scale * y).predict(SPACE.designs(codes))
    assert np.isfinite(found.std).all()
    assert np.corrcoef(found.mean / scale, y)[0, 1] > 0.99


@pytest.mark.parametrize("y", [[0.0, 0.0, 0.0], [7.0, 7.0, 7.0], [1.0, 2.0]])
def test_few_and_equal_values_are_learnt(y: list[float]) -> None:
    designs = SPACE.designs(SPACE.sample(np.random.default_rng(0), len(y)))
    found = RidgeSvr(SPACE, "latency_ms").fit(designs, np.array(y)).predict(designs)
    assert found.mean == pytest.approx(np.array(y), abs=1.0)


def test_inactive_knobs_have_no_indicator_and_large_ones_a_position() -> None:
    knobs = {"kind": ["a", "b"], "width": {"type": "integer", "low": 0, "high": 99, "active_if": {"kind": "a"}}}
    encode = OneHot(Space(knobs))
    assert encode(np.array([[0, 0], [0, 99], [1, -1]])).tolist() == [[1, 0, 0, 1], [1, 0, 1, 1], [0, 1, 0, 0]]


def test_an_unknown_grid_is_refused() -> None:
    unknown: Any = "fine"
    with pytest.raises(PredictorError, match="'fine'"):
        RidgeSvr(SPACE, "latency_ms", grid=unknown)
