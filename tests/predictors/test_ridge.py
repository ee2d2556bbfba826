"""Bayesian ridge: the evidence against textbook formulas, interval coverage, adaptation, and saving."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosearch.predictors.calibration import Z_90, kendall_tau, report
from cosearch.predictors.catalog import PREDICTORS
from cosearch.predictors.check_predictor import check_predictor
from cosearch.predictors.evidence import fit_evidence
from cosearch.predictors.features import features
from cosearch.predictors.prediction import Prediction
from cosearch.predictors.predictor import Predictor, load_predictor
from cosearch.predictors.ridge import Ridge
from cosearch.predictors.saved_form import VERSION
from cosearch.spaces.design import Designs
from cosearch.spaces.errors import PredictorError
from cosearch.spaces.space import Space

SPACE = Space(
    {
        "depth": [1, 2, 3, 4, 5],
        "width": {"type": "integer", "low": 8, "high": 64, "step": 8},
        "kernel": [3, 5, 7],
        "dataflow": ["ws", "os", "rs"],
        "rate": {"type": "real", "low": 0.001, "high": 1.0, "log": True},
        "prefetch": {"type": "integer", "low": 0, "high": 7, "active_if": {"dataflow": "ws"}},
    }
)


def truth(codes: np.ndarray) -> np.ndarray:
    """A function inside the model: linear and quadratic effects, choices, a conditional knob."""
    x = features(SPACE, codes, 2)
    weights = np.random.default_rng(1).normal(size=x.shape[1])
    return 20.0 + x @ weights


def data(n: int, noise: float, seed: int) -> tuple[Designs, np.ndarray]:
    rng = np.random.default_rng(seed)
    codes = SPACE.sample(rng, n)
    return SPACE.designs(codes), truth(codes) + noise * rng.standard_normal(n)


CHECKED_SMALL = {"help", "mlp", "gradient_boosting", "forest", "few_shot"}
"""Predictors whose own tests check them, at settings that train in a second."""


@pytest.mark.parametrize("name", [row[0] for row in PREDICTORS.rows() if row[0] not in CHECKED_SMALL])
def test_every_registered_predictor_keeps_the_contract(name: str) -> None:
    check_predictor(PREDICTORS.get(name), SPACE)


@pytest.mark.parametrize("options", [{"degree": 1}, {"log": True}, {"degree": 3, "log": True}])
def test_options_keep_the_contract(options: dict[str, Any]) -> None:
    check_predictor(lambda space, metric: Ridge(space, metric, **options), SPACE)


def test_posterior_is_the_closed_form() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(40, 6))
    y = x @ rng.normal(size=6) + 0.3 * rng.standard_normal(40) + 5.0
    fit = fit_evidence(x, y)
    centred, beta = x - x.mean(axis=0), 1.0 / fit.noise
    # Bishop 2006, equations 3.53 and 3.54, with the prior precision read off the evidence condition 3.92.
    eigenvalues = np.linalg.eigvalsh(beta * centred.T @ centred)
    alpha = next(
        a
        for a in np.geomspace(1e-3, 1e3, 20001)
        if np.sum(eigenvalues / (a + eigenvalues)) <= a * fit.weights @ fit.weights
    )
    covariance = np.linalg.inv(alpha * np.eye(6) + beta * centred.T @ centred)
    np.testing.assert_allclose(fit.covariance, covariance, rtol=2e-3)
    np.testing.assert_allclose(fit.weights, beta * covariance @ centred.T @ (y - y.mean()), rtol=2e-3)
    gamma = np.sum(eigenvalues / (alpha + eigenvalues))
    residual = np.sum((y - y.mean() - centred @ fit.weights) ** 2)
    assert fit.noise == pytest.approx(residual / (40 - 1 - gamma), rel=2e-3)


def test_leave_one_out_is_what_refitting_gives() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(30, 4))
    y = x @ rng.normal(size=4) + 0.5 * rng.standard_normal(30)
    fit = fit_evidence(x, y)
    mean, variance = fit.leave_one_out(x, y)
    # The model with the constant under a flat prior, refitted without row i at the same precisions.
    centred = x - x.mean(axis=0)
    inverse = np.linalg.inv(fit.covariance)
    prior = inverse - centred.T @ centred / fit.noise
    for i in range(0, 30, 7):
        keep = np.arange(30) != i
        design = np.column_stack([np.ones(29), centred[keep]])
        precision = design.T @ design / fit.noise + np.pad(prior, ((1, 0), (1, 0)))
        weights = np.linalg.solve(precision, design.T @ y[keep] / fit.noise)
        row = np.concatenate([[1.0], centred[i]])
        assert mean[i] == pytest.approx(row @ weights, rel=1e-6)
        assert variance[i] == pytest.approx(fit.noise + row @ np.linalg.solve(precision, row), rel=1e-6)


def test_noise_is_recovered() -> None:
    fits = [fit_evidence(features(SPACE, d.codes), y).noise for d, y in (data(300, 0.5, seed) for seed in range(10))]
    assert np.mean(fits) == pytest.approx(0.25, rel=0.1)


@pytest.mark.parametrize("n", [15, 40, 300])
def test_intervals_cover_what_they_promise(n: int) -> None:
    """Share of 90 % intervals that hold a new observation, over 30 data sets of 200 new designs."""
    covered = []
    for seed in range(30):
        predictor = Ridge(SPACE, "latency_ms").fit(*data(n, 0.5, seed))
        designs, y = data(200, 0.5, 1000 + seed)
        found = predictor.predict(designs)
        covered.append(np.mean(np.abs(y - found.mean) <= Z_90 * found.std))
    # Few data leave the noise itself uncertain, which a normal interval does not know.
    assert (0.75 if n < 20 else 0.86) <= np.mean(covered) <= 0.95


def test_calibration_agrees_with_new_data() -> None:
    predictor = Ridge(SPACE, "latency_ms").fit(*data(150, 0.5, 0))
    designs, y = data(3000, 0.5, 1)
    found = predictor.predict(designs)
    fresh, held_out = report(y, found.mean, found.std), predictor.calibration()
    assert held_out["rmse"] == pytest.approx(fresh["rmse"], rel=0.15)
    assert held_out["kendall_tau"] == pytest.approx(fresh["kendall_tau"], abs=0.05)
    assert held_out["coverage_90"] == pytest.approx(0.9, abs=0.06)


def test_ten_measurements_adapt_better_than_ten_alone() -> None:
    wins = []
    for seed in range(10):
        base = Ridge(SPACE, "latency_ms").fit(*data(300, 0.1, seed))
        designs, y = data(10, 0.1, 100 + seed)
        device = 2.5 * y - 7.0
        new, expected = data(300, 0.0, 200 + seed)
        alone = Ridge(SPACE, "latency_ms").fit(designs, device).predict(new).mean
        adapted = base.adapt(designs, device).predict(new).mean
        wins.append(np.mean(np.abs(adapted - 2.5 * expected + 7.0)) / np.mean(np.abs(alone - 2.5 * expected + 7.0)))
    assert max(wins) < 0.5


@pytest.mark.parametrize("log", [False, True])
def test_degenerate_data(log: bool) -> None:
    designs, _ = data(8, 0.0, 0)
    constant = Ridge(SPACE, "latency_ms", log=log).fit(designs, np.full(8, 3.0)).predict(designs)
    assert constant.mean == pytest.approx(np.full(8, 3.0))
    assert np.isfinite(constant.std).all()
    pair = Ridge(SPACE, "latency_ms", log=log).fit(designs[:2], np.array([1.0, 2.0])).predict(designs)
    assert np.isfinite(pair.mean).all()


def test_exact_data_give_an_exact_fit() -> None:
    designs, y = data(200, 0.0, 5)
    found = Ridge(SPACE, "latency_ms").fit(designs, y).predict(designs)
    np.testing.assert_allclose(found.mean, y, atol=1e-4)


def test_logarithms_make_effects_multiply() -> None:
    rng = np.random.default_rng(0)
    designs = SPACE.designs(SPACE.sample(rng, 200))
    y = np.exp(0.5 * truth(designs.codes) - 8.0) * rng.lognormal(0.0, 0.05, 200)
    errors = {}
    for log in (False, True):
        found = Ridge(SPACE, "latency_ms", log=log).fit(designs[:100], y[:100]).predict(designs[100:])
        errors[log] = np.mean(np.abs(found.mean - y[100:]) / y[100:])
    assert errors[True] < 0.1 < errors[False]


@pytest.mark.parametrize(
    ("y", "log", "message"),
    [
        (np.array([1.0, np.nan, 2.0]), False, "1 values are not finite"),
        (np.array([1.0, 2.0]), False, "3 designs and 2 values"),
        (np.array([1.0, 0.0, 2.0]), True, "not positive; switch log off"),
    ],
)
def test_wrong_data(y: np.ndarray, log: bool, message: str) -> None:
    designs, _ = data(3, 0.0, 0)
    with pytest.raises(PredictorError, match=message):
        Ridge(SPACE, "latency_ms", log=log).fit(designs, y)


def test_saved_files_are_readable_by_people(tmp_path: Path) -> None:
    designs, y = data(20, 0.1, 0)
    Ridge(SPACE, "latency_ms").fit(designs, y).adapt(designs[:4], 2.0 * y[:4]).save(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"predictor.json", "arrays.npz", "training.csv"}
    described = json.loads((tmp_path / "predictor.json").read_text())
    assert (described["kind"], described["metric"], described["n_fitted"], described["n_adapted"]) == (
        "ridge",
        "latency_ms",
        20,
        4,
    )
    with (tmp_path / "training.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["set"] for row in rows] == ["fitted"] * 20 + ["adapted"] * 4
    assert [float(row["latency_ms"]) for row in rows] == [*y, *(2.0 * y[:4])]
    assert [row["dataflow"] for row in rows[:20]] == [d["dataflow"] for d in designs]
    assert load_predictor(tmp_path).space.digest == SPACE.digest


@pytest.mark.parametrize("damage", ["missing", "json", "pickle", "version"])
def test_damaged_files_are_refused(tmp_path: Path, damage: str) -> None:
    Ridge(SPACE, "latency_ms").fit(*data(20, 0.1, 0)).save(tmp_path)
    state = tmp_path / "predictor.json"
    if damage == "missing":
        (tmp_path / "arrays.npz").unlink()
    elif damage == "json":
        state.write_text("{")
    elif damage == "pickle":
        np.savez(tmp_path / "arrays.npz", weights=np.array([{}], dtype=object))
    else:
        text = state.read_text()
        state.write_text(text.replace(f'"version": {VERSION}', f'"version": {VERSION - 1}'))
        assert state.read_text() != text
    with pytest.raises(PredictorError):
        load_predictor(tmp_path, SPACE)


def test_kendall_tau_by_hand() -> None:
    assert kendall_tau(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])) == pytest.approx(1 / 3)
    assert kendall_tau(np.arange(9.0), -np.arange(9.0)) == -1.0
    assert kendall_tau(np.ones(3), np.arange(3.0)) == 0.0
    # One tied pair on one side: 5 concordant of 6 pairs, 5 untied.
    assert kendall_tau(np.array([1.0, 1.0, 2.0, 3.0]), np.arange(4.0)) == pytest.approx(5 / np.sqrt(5 * 6))


class Nearest(Predictor):
    """Only what a predictor must have: everything else comes from the contract's defaults."""

    def __init__(self, space: Space, metric: str, *, k: int = 3) -> None:
        super().__init__(space, metric)
        self.k = k

    def options(self) -> dict[str, int]:
        return {"k": self.k}

    def _fit(self, codes: np.ndarray, y: np.ndarray) -> None:
        self._learnt = codes, y

    def _predict(self, codes: np.ndarray) -> Prediction:
        known, y = self._learnt
        near = np.argsort(np.abs(codes[:, None] - known).sum(axis=2), axis=1, kind="stable")[:, : self.k]
        return Prediction(y[near].mean(axis=1), y[near].std(axis=1) + 1e-9)


def test_the_defaults_keep_the_contract() -> None:
    check_predictor(Nearest)


def test_a_kind_that_is_not_registered_is_not_imported(tmp_path: Path) -> None:
    Nearest(SPACE, "latency_ms").fit(*data(20, 0.1, 0)).save(tmp_path)
    with pytest.raises(PredictorError, match="not registered; load it by its own class"):
        load_predictor(tmp_path, SPACE)
    assert Nearest.load(tmp_path).predict(data(5, 0.0, 1)[0]).mean.shape == (5,)
