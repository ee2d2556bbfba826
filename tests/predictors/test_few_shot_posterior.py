"""The averaged posterior against Gaussian processes by textbook formulas."""

from __future__ import annotations

import numpy as np
import pytest

from cosearch.predictors import few_shot_posterior
from cosearch.predictors.few_shot_posterior import OFFSET_VARIANCE, Kernels, Posterior, infer


def groups(n: int, seed: int) -> list[np.ndarray]:
    """Two groups of features of ``n`` designs, float64 [n, 3] and [n, 2]."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(n, 3)), rng.normal(size=(n, 2))]


def kernels(new: list[np.ndarray], old: list[np.ndarray]) -> Kernels:
    return Kernels(np.stack([a @ b.T for a, b in zip(new, old, strict=True)]), np.stack([(a**2).sum(1) for a in new]))


def inferred(old: list[np.ndarray], y: np.ndarray, ranges: list[tuple[float, float]]) -> Posterior:
    return infer(kernels(old, old).cross, y, ranges)


def by_hand(
    old: list[np.ndarray], y: np.ndarray, new: list[np.ndarray], amplitude: list[float], noise: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of a new observation. Source: Rasmussen and Williams 2006, equations 2.23 and 2.24."""

    def prior(a: list[np.ndarray], b: list[np.ndarray]) -> np.ndarray:
        return np.sum([v * x @ z.T for v, x, z in zip(amplitude, a, b, strict=True)], axis=0) + OFFSET_VARIANCE

    precision = np.linalg.inv(prior(old, old) + noise * np.eye(len(y)))
    shared = prior(new, old)
    variance = np.diag(prior(new, new) - shared @ precision @ shared.T) + noise
    return shared @ precision @ y, variance


def at(*variances: float) -> list[tuple[float, float]]:
    """Ranges that hold a single value."""
    return [(float(np.log10(v)), float(np.log10(v))) for v in variances]


def test_known_variances_give_the_textbook_posterior(monkeypatch: pytest.MonkeyPatch) -> None:
    # The tail's degrees of freedom without end are normal noise.
    monkeypatch.setattr(few_shot_posterior, "TAIL", 1e12)
    old, new = groups(10, 0), groups(30, 1)
    y = 0.3 + 0.6 * old[0][:, 0] + 0.1 * np.random.default_rng(2).normal(size=10)
    posterior = inferred(old, y, at(0.4, 0.02, 0.01))
    mean, variance = posterior.predict(kernels(new, old))
    expected_mean, expected_variance = by_hand(old, y, new, [0.4, 0.02], 0.01)
    np.testing.assert_allclose(mean, expected_mean, atol=1e-9)
    np.testing.assert_allclose(variance, posterior.widening * expected_variance, rtol=1e-8)


def test_deviations_widen_where_left_out_measurements_lie_far_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(few_shot_posterior, "TAIL", 1e12)
    old = groups(12, 0)
    y = np.random.default_rng(1).normal(size=12)
    ranges = at(1e-4, 1e-4, 0.01)
    surprising = []
    for i in range(12):
        rest = [np.delete(block, i, axis=0) for block in old]
        mean, variance = by_hand(rest, np.delete(y, i), [block[i : i + 1] for block in old], [1e-4, 1e-4], 0.01)
        surprising.append(min(float((y[i] - mean[0]) ** 2 / variance[0]), 9.0))
    expected = (5.0 + sum(surprising)) / (5.0 + 12)
    # The cap is on each measurement: some must reach it and some not for the test to tell.
    assert 0 < sum(s < 9.0 for s in surprising) < 12
    assert inferred(old, y, ranges).widening == pytest.approx(expected)
    assert inferred(old, 0.01 * y, ranges).widening < 1.0


def test_draws_are_weighed_by_their_evidence() -> None:
    old, new = groups(40, 3), groups(200, 4)
    weights = np.array([1.0, -2.0, 0.5])
    y = old[0] @ weights + 0.1 * np.random.default_rng(5).normal(size=40)
    posterior = inferred(old, y, [(-4.0, 1.0), (-4.0, 1.0), (-6.0, 0.0)])
    assert posterior.weight.sum() == pytest.approx(1.0)
    first, second = posterior.weight @ np.log10(posterior.amplitude)
    # Only the first group explains anything, and the noise has variance 0.01.
    assert first > second + 1.0
    assert posterior.weight @ np.log10(posterior.noise) == pytest.approx(-2.0, abs=0.5)
    mean, variance = posterior.predict(kernels(new, old))
    truth = new[0] @ weights
    assert np.abs(mean - truth).mean() < 0.15
    assert (np.abs(mean - truth) < 3.0 * np.sqrt(variance)).mean() > 0.97


def test_averaging_draws_adds_how_their_means_differ() -> None:
    old, new = groups(8, 6), groups(20, 7)
    y = np.random.default_rng(8).normal(size=8)
    whole = inferred(old, y, [(-3.0, 1.0), (-3.0, 1.0), (-4.0, 0.0)])
    assert len(whole.weight) > 3
    means, variances = [], []
    for d in range(len(whole.weight)):
        one = slice(d, d + 1)
        single = Posterior(
            np.ones(1), whole.amplitude[one], whole.noise[one], whole.alpha[one], whole.root[one], whole.widening
        )
        mean, variance = single.predict(kernels(new, old))
        means.append(mean)
        variances.append(variance)
    mean, variance = whole.predict(kernels(new, old))
    expected = whole.weight @ np.array(means)
    spread = whole.weight @ (np.array(means) - expected) ** 2
    np.testing.assert_allclose(mean, expected, atol=1e-10)
    np.testing.assert_allclose(variance, whole.weight @ np.array(variances) + whole.widening * spread, rtol=1e-8)


def test_outliers_lose_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = groups(12, 9), groups(50, 10)
    y = old[0] @ np.array([0.4, -0.2, 0.3]) + 0.02 * np.random.default_rng(11).normal(size=12)
    wrong = y.copy()
    wrong[4] += 4.0
    ranges = [(-3.0, 0.0), (-3.0, 0.0), (-5.0, -2.0)]

    def moved() -> float:
        found = [inferred(old, values, ranges).predict(kernels(new, old))[0] for values in (y, wrong)]
        return float(np.abs(found[0] - found[1]).mean())

    robust = moved()
    monkeypatch.setattr(few_shot_posterior, "TAIL", 1e12)
    assert robust < 0.5 * moved()


def test_many_measurements_take_fewer_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    old = groups(60, 12)
    y = old[0] @ np.array([0.4, -0.2, 0.3])
    ranges = [(-3.0, 3.0), (-3.0, 3.0), (-2.0, -1.9)]
    few = inferred(old, y, ranges)
    monkeypatch.setattr(few_shot_posterior, "MOST_POINTS", 30)
    fewer = inferred(old, y, ranges)
    assert not np.array_equal(few.amplitude, fewer.amplitude)
    mean, _ = fewer.predict(kernels(old, old))
    np.testing.assert_allclose(mean, y, atol=0.05)
