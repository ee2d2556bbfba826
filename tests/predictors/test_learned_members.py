"""Random forest, gradient boosting and perceptrons: contract, coverage, and what they learn that lines cannot."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from cosearch.predictors.calibration import Z_90
from cosearch.predictors.catalog import PREDICTORS
from cosearch.predictors.check_predictor import check_predictor
from cosearch.predictors.predictor import Predictor
from cosearch.predictors.ridge import Ridge
from cosearch.spaces.errors import PredictorError
from cosearch.spaces.space import Space

SPACE = Space(
    {"width": [8, 16, 32, 64], "kernel": [3, 5, 7], "kind": ["conv", "depthwise", "skip"], "depth": [1, 2, 3]}
)
MEMBERS: list[tuple[str, dict[str, Any]]] = [
    ("forest", {"trees": 30}),
    ("gradient_boosting", {"rounds": 30}),
    ("gradient_boosting", {"rounds": 30, "log": True}),
    ("mlp", {"steps": 120, "width": 16, "log": True}),
    ("mlp", {"steps": 120, "width": 16}),
]


def make(name: str, options: dict[str, Any]) -> Any:
    if name == "mlp":
        pytest.importorskip("torch")
    return partial(PREDICTORS.get(name), **options)


def latency(codes: np.ndarray) -> np.ndarray:
    """Layers multiply: no sum of knobs' costs gives it."""
    per_layer = (1 + codes[:, 0]) * np.array([3.0, 1.0, 0.2])[codes[:, 2]] * (1 + codes[:, 1])
    return 1.0 + per_layer * (1 + codes[:, 3])


@pytest.mark.parametrize(("name", "options"), MEMBERS)
def test_keeps_the_contract(name: str, options: dict[str, Any]):
    check_predictor(make(name, options))


@pytest.mark.parametrize(("name", "options"), MEMBERS)
def test_learns_products_of_knobs_and_says_how_well(name: str, options: dict[str, Any]):
    rng = np.random.default_rng(0)
    every = SPACE.enumerate()
    assert every is not None
    order = rng.permutation(len(every))
    codes, new = every[order[:70]], every[order[70:]]
    y = latency(codes) * rng.lognormal(0.0, 0.03, len(codes))
    predictor: Predictor = make(name, options)(SPACE, "latency_ms").fit(SPACE.designs(codes), y)
    found, line = predictor.predict(SPACE.designs(new)), Ridge(SPACE, "latency_ms").fit(SPACE.designs(codes), y)
    error = np.abs(found.mean - latency(new))
    assert error.mean() < np.abs(line.mean(SPACE.designs(new)) - latency(new)).mean()
    assert (error <= Z_90 * found.std).mean() > 0.75
    # Held-out rows are predicted from fewer data, by fewer trees or members: their error is the larger one.
    assert 0.5 < predictor.calibration()["mae"] / error.mean() < 4.0


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("forest", {"trees": 2}, "trees 2"),
        ("gradient_boosting", {"leaves": 1}, "leaves 1"),
        ("mlp", {"members": 1}, "members 1"),
    ],
)
def test_wrong_options_are_refused(name: str, options: dict[str, Any], words: str):
    with pytest.raises(PredictorError, match=words):
        PREDICTORS.get(name)(SPACE, "latency_ms", **options)


@pytest.mark.parametrize("name", ["gradient_boosting", "mlp"])
def test_logarithms_need_positive_values(name: str):
    codes = SPACE.sample(np.random.default_rng(0), 20)
    with pytest.raises(PredictorError, match="not positive"):
        PREDICTORS.get(name)(SPACE, "latency_ms", log=True).fit(SPACE.designs(codes), codes[:, 0] - 1.0)
