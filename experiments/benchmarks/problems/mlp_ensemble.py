"""An ensemble of multilayer perceptrons: fitted by scikit-learn, kept as arrays, evaluated in numpy."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....search.objective import FloatArray
from ....spaces.errors import CosearchError

HIDDEN = 32
PENALTY = 1.0
ITERATIONS = 300
MEMBERS = 10


def fit_mlp_ensemble(features: FloatArray, values: FloatArray, members: int = MEMBERS) -> dict[str, FloatArray]:
    """Weights of networks with one hidden layer of rectified linear units, fitted by L-BFGS from different starts.

    Args:
        features: float64 [n, n_features].
        values: float64 [n].
        members: Networks.

    Returns:
        Arrays ``w1`` [members, n_features, 32], ``b1`` [members, 32], ``w2`` [members, 32], ``b2`` [members], in the
        units of ``values``.

    Raises:
        CosearchError: When scikit-learn is not installed.
    """
    try:
        from sklearn.neural_network import MLPRegressor
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise CosearchError("the ofa_mbv3 oracle needs scikit-learn", "install it: pip install scikit-learn") from error
    middle, spread = float(values.mean()), float(values.std()) or 1.0
    nets = []
    for seed in range(members):
        net = MLPRegressor(
            hidden_layer_sizes=(HIDDEN,), solver="lbfgs", alpha=PENALTY, max_iter=ITERATIONS, random_state=seed
        )
        # One thread, as sums in another order make another network.
        with threadpool_limits(1), warnings.catch_warnings():
            # The iterations are the stopping rule; scikit-learn would rather converge.
            warnings.simplefilter("ignore")
            nets.append(net.fit(features, (values - middle) / spread))
    return {
        "w1": np.stack([net.coefs_[0] for net in nets]),
        "b1": np.stack([net.intercepts_[0] for net in nets]),
        "w2": spread * np.stack([net.coefs_[1][:, 0] for net in nets]),
        "b2": middle + spread * np.array([net.intercepts_[1][0] for net in nets]),
    }


def predict_mlp_ensemble(weights: Mapping[str, NDArray[Any]], features: FloatArray) -> FloatArray:
    """Mean of the networks' predictions at float64 ``features`` [n, n_features], float64 [n]."""
    total = np.zeros(len(features))
    for w1, b1, w2, b2 in zip(weights["w1"], weights["b1"], weights["w2"], weights["b2"], strict=True):
        total += np.maximum(features @ w1 + b1, 0.0) @ w2 + b2
    return total / len(weights["b2"])
