"""The rules that every predictor keeps, as a function for anybody's tests."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..spaces.errors import PredictorError
from ..spaces.space import Space
from .prediction import FloatArray
from .predictor import Predictor

CHECK_KNOBS: dict[str, Any] = {
    "depth": [1, 2, 3, 4],
    "kind": ["x", "y", "z"],
    "width": {"type": "integer", "low": 8, "high": 64, "step": 8},
    "rate": {"type": "real", "low": 0.01, "high": 1.0, "log": True, "active_if": {"kind": "x"}},
}
"""Knobs of the default space."""

KEYS = {"n", "mae", "rmse", "kendall_tau", "coverage_90"}


def check_predictor(
    make: Callable[[Space, str], Predictor], space: Space | None = None, *, n: int = 60, seed: int = 0
) -> None:
    """Check a predictor against the contract of :class:`~cosearch.predictors.predictor.Predictor`.

    Checked: nothing is predicted before fitting; shapes, finiteness and positive deviations; the same data give the
    same numbers, and a prediction does not depend on its batch; saving and loading changes nothing and uses no pickle;
    another space is refused; adapting follows the other device and can be repeated; calibration has its figures.

    Args:
        make: ``make(space, metric)``.
        space: A space with at least ``n`` designs and one ordered knob; by default a small one of every kind of knob.
        n: Training designs.
        seed: Draws them.

    Raises:
        AssertionError: When a rule is broken; the message says which.
    """
    space = space or Space(CHECK_KNOBS)
    rng = np.random.default_rng(seed)
    designs = space.designs(space.sample(rng, n))
    y = _positive(space, designs.codes) * rng.uniform(0.98, 1.02, n)
    predictor = make(space, "latency_ms")
    assert _refuses(lambda: predictor.predict(designs)), "predicting before fitting must raise PredictorError"
    assert predictor.fit(designs, y) is predictor, "fit must return the predictor"
    found = predictor.predict(designs)
    for name, column in (("mean", found.mean), ("std", found.std)):
        assert column.shape == (n,), f"{name} has shape {column.shape} for {n} designs"
        assert column.dtype == np.float64, f"{name} is {column.dtype}, not float64"
        assert np.isfinite(column).all(), f"{name} is not finite everywhere"
    assert (found.std > 0).all(), "a standard deviation must be positive"
    assert np.abs(found.mean - y).mean() < y.std(), "the fit is worse than the mean of the data"
    again = make(space, "latency_ms").fit(designs, y).predict(designs[::-1])
    np.testing.assert_allclose(again.mean[::-1], found.mean, rtol=1e-9, err_msg="another batch, another mean")
    np.testing.assert_allclose(again.std[::-1], found.std, rtol=1e-9, err_msg="another batch, another deviation")
    assert set(predictor.calibration()) >= KEYS, f"calibration must give {sorted(KEYS)}"
    _check_saved(predictor, space, designs.codes)
    _check_adapts(predictor, space, rng)
    _check_saved(predictor, space, designs.codes)


def _check_saved(predictor: Predictor, space: Space, codes: np.ndarray) -> None:
    designs = space.designs(codes)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "predictor"
        predictor.save(folder)
        # Loading refuses pickled arrays.
        loaded = type(predictor).load(folder, space)
        other = Space({"other": [1, 2, 3]})
        assert _refuses(lambda: type(predictor).load(folder, other)), "another space must be refused"
    assert loaded.options() == predictor.options(), "loading changes options"
    before, after = predictor.predict(designs), loaded.predict(designs)
    assert np.array_equal(before.mean, after.mean), "saving and loading changes the mean"
    assert np.array_equal(before.std, after.std), "saving and loading changes the deviation"
    assert loaded.calibration() == predictor.calibration(), "saving and loading changes the calibration"


def _check_adapts(predictor: Predictor, space: Space, rng: np.random.Generator) -> None:
    few, rest = space.designs(space.sample(rng, 10)), space.designs(space.sample(rng, 50))
    device = 3.0 * _positive(space, few.codes)
    truth = 3.0 * _positive(space, rest.codes)
    before = np.abs(predictor.predict(rest).mean - truth).mean()
    assert predictor.adapt(few, device) is predictor, "adapt must return the predictor"
    adapted = predictor.predict(rest)
    assert np.abs(adapted.mean - truth).mean() < 0.5 * before, "adapting does not follow the other device"
    second = predictor.adapt(few, device).predict(rest)
    assert np.array_equal(second.mean, adapted.mean), "adapting twice with the same data changes the prediction"


def _positive(space: Space, codes: np.ndarray) -> FloatArray:
    """A smooth positive function of the codes, float64 [n]."""
    share = np.maximum(codes, 0) / np.maximum(space.cardinalities - 1, 1)
    slopes = 1.0 / np.arange(1, space.n_knobs + 1)
    return np.asarray(np.exp(0.5 * share @ slopes), dtype=np.float64)


def _refuses(call: Callable[[], object]) -> bool:
    try:
        call()
    except PredictorError:
        return True
    return False
