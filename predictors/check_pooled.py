"""The rules that every predictor that learns from a pool of devices keeps, as a function for anybody's tests."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..spaces.errors import PredictorError
from ..spaces.space import Space
from .check_predictor import CHECK_KNOBS
from .pool import Pool
from .pooled import PooledPredictor
from .prediction import FloatArray, Prediction
from .predictor import load_predictor


def example_pool(space: Space, metric: str, *, devices: int = 4, n: int = 60, seed: int = 0) -> tuple[Pool, FloatArray]:
    """A pool whose devices weigh the knobs differently, with holes, and a device of the same kind that is not in it.

    Args:
        space: The design space.
        metric: Metric name, with its unit.
        devices: How many.
        n: Designs.
        seed: Draws them.

    Returns:
        The pool, of which each device lacks some designs, and the new device's values of its designs, float64
        [n_designs].
    """
    rng = np.random.default_rng(seed)
    codes = np.unique(space.sample(rng, n), axis=0)
    share = (codes + 1.0) / space.cardinalities
    slopes = rng.dirichlet(np.full(space.n_knobs, 2.0), devices + 1)
    every = 10.0 ** rng.uniform(-1.0, 2.0, devices + 1) * np.exp(1.5 * share @ slopes.T)
    every *= rng.uniform(0.99, 1.01, every.shape)
    values = every[:, :-1].copy()
    values[rng.random(values.shape) < 0.2] = np.nan
    values[: 2 * devices] = every[: 2 * devices, :-1]
    return Pool(space, metric, tuple(f"device_{j}" for j in range(devices)), codes, values), every[:, -1]


def check_pooled_predictor(
    make: Callable[[Space, str], PooledPredictor], space: Space | None = None, *, k: int = 10, seed: int = 0
) -> None:
    """Check a predictor against the contract of :class:`~cosearch.predictors.pooled.PooledPredictor`.

    Checked: pools with holes are learnt from, pools of other spaces and metrics refused; what is chosen to measure
    are different rows, the same for the same generator; adapting follows the new device, can be repeated and gives
    the same again; the pool is kept whole; saving and loading, before and after adapting, changes nothing and uses no
    pickle. What the predictor must keep when it is given a single table is checked by
    :func:`~cosearch.predictors.check_predictor.check_predictor`.

    Args:
        make: ``make(space, metric)``.
        space: A space of at least 60 designs; by default a small one of every kind of knob.
        k: Designs measured on the new device.
        seed: Draws the pool.

    Raises:
        AssertionError: When a rule is broken; the message says which.
    """
    space = space or Space(CHECK_KNOBS)
    pool, truth = example_pool(space, "latency_ms", seed=seed)
    predictor = make(space, "latency_ms")
    _check_refusals(predictor, pool)
    assert predictor.fit_pool(pool) is predictor, "fit_pool must return the predictor"
    _check_kept(predictor.pool, pool)
    _check_finite(predictor.predict(pool.designs))
    _check_same_after_loading(predictor)
    chosen = predictor.choose(pool.designs, k, np.random.default_rng(seed))
    again = predictor.choose(pool.designs, k, np.random.default_rng(seed))
    assert chosen.shape == (k,), f"choose gives {chosen.shape} rows for k = {k}"
    assert chosen.dtype == np.int64, f"choose gives {chosen.dtype}, not int64"
    assert len(np.unique(chosen)) == k, "choose gives a row twice"
    assert ((chosen >= 0) & (chosen < len(truth))).all(), "choose gives rows that are not among the candidates"
    assert np.array_equal(chosen, again), "choose gives other rows for the same generator"
    few = space.designs(pool.codes[chosen])
    assert predictor.adapt(few, truth[chosen]) is predictor, "adapt must return the predictor"
    found = predictor.predict(pool.designs)
    _check_finite(found)
    error, spread = np.abs(found.mean - truth).mean(), np.abs(truth - np.median(truth)).mean()
    assert error < spread, "adapted predictions are worse than a constant"
    _check_kept(predictor.pool, pool)
    second = predictor.adapt(few, truth[chosen]).predict(pool.designs)
    assert np.array_equal(second.mean, found.mean), "adapting twice with the same data changes the prediction"
    _check_same_after_loading(predictor)
    predictor.adapt(few, 2.0 * truth[chosen])
    assert not np.array_equal(predictor.predict(pool.designs).mean, found.mean), (
        "adapting to other data changes nothing"
    )
    back = predictor.adapt(few, truth[chosen]).predict(pool.designs)
    assert np.array_equal(back.mean, found.mean), "adapting starts from another device's adaptation"


def _check_refusals(predictor: PooledPredictor, pool: Pool) -> None:
    space = predictor.space
    assert _refuses(lambda: predictor.predict(pool.designs)), "predicting before fitting must raise PredictorError"
    other = Space({"other": [1, 2, 3]})
    elsewhere = Pool(other, "latency_ms", ("a",), np.array([[0], [1]]), np.array([[1.0], [2.0]]))
    assert _refuses(lambda: predictor.fit_pool(elsewhere)), "a pool of another space must be refused"
    energies = Pool(space, "energy_mj", pool.devices, pool.codes, pool.values)
    assert _refuses(lambda: predictor.fit_pool(energies)), "a pool of another metric must be refused"


def _check_kept(kept: Pool, pool: Pool) -> None:
    assert kept.devices == pool.devices, "the names of the devices are lost"
    for device in pool.devices:
        for mine, given in zip(_sorted(kept, device), _sorted(pool, device), strict=True):
            assert np.array_equal(mine, given), f"the values of {device} are lost"


def _sorted(pool: Pool, device: str) -> tuple[FloatArray, FloatArray]:
    codes, values = pool.table(device)
    order = np.lexsort(codes.T)
    return codes[order].astype(float), values[order]


def _check_finite(found: Prediction) -> None:
    assert np.isfinite(found.mean).all(), "a mean is not finite"
    assert (np.isfinite(found.std) & (found.std > 0)).all(), "a standard deviation is not finite and positive"


def _check_same_after_loading(predictor: PooledPredictor) -> None:
    designs = predictor.pool.designs
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "predictor"
        predictor.save(folder)
        # Loading refuses pickled arrays.
        registered = predictor.kind != ""
        loaded = (
            load_predictor(folder, predictor.space) if registered else type(predictor).load(folder, predictor.space)
        )
    assert isinstance(loaded, type(predictor)), "another class was loaded"
    _check_kept(loaded.pool, predictor.pool)
    before, after = predictor.predict(designs), loaded.predict(designs)
    assert np.array_equal(before.mean, after.mean), "saving and loading changes the mean"
    assert np.array_equal(before.std, after.std), "saving and loading changes the deviation"
    assert loaded.calibration() == predictor.calibration(), "saving and loading changes the calibration"


def _refuses(call: Callable[[], object]) -> bool:
    try:
        call()
    except PredictorError:
        return True
    return False
