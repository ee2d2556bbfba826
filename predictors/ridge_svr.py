"""Ridge regression and a support vector machine by grid search, the better of both: the predictor of DyNAS-T."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from ..spaces.errors import PredictorError
from ..spaces.knobs import Codes
from ..spaces.space import Space
from .one_hot import OneHot
from .prediction import FloatArray, Prediction
from .predictor import Predictor

Grid = Literal["coarse", "full"]

ALPHAS: dict[Grid, tuple[float, ...]] = {"coarse": (0.1, 1.0, 10.0), "full": tuple(np.arange(1, 101) / 10.0)}
"""Penalties of ridge; ``full`` is DyNAS-T's."""

COSTS: dict[Grid, tuple[float, ...]] = {"coarse": (1.0, 5.0, 20.0, 100.0), "full": tuple(np.arange(1.0, 101.0))}
"""Costs C of the support vector machine; ``full`` is DyNAS-T's."""

FOLDS = 5
MOST_ITERATIONS = 1_000_000
"""Steps of the support vector machine's solver, as in DyNAS-T."""

Model = Callable[[FloatArray], FloatArray]
"""Features [n, p] to predictions [n], in normalised units."""


@dataclass(frozen=True, slots=True)
class _Found:
    """The best of one grid: mean absolute percentage error, parameter, and held-out predictions float64 [n]."""

    error: float
    parameter: float
    held_out: FloatArray


class RidgeSvr(Predictor):
    """Ridge and RBF support vector regression on one-hots, each by 5-fold grid search, the better kept.

    As in DyNAS-T: targets are divided by a power of ten, constant columns are dropped, folds are consecutive rows, the
    score is the mean absolute percentage error, gamma is one over the number of columns, epsilon is 0. Ours are the
    closed form of ridge for all penalties at once, the kernel computed once per fit, and the standard deviation: the
    root mean square of the held-out residuals, the same for every design.

    Args:
        space: The design space.
        metric: Metric name, with its unit.
        grid: ``coarse`` with 3 penalties and 4 costs, or ``full`` with the 100 of each that were published.

    Raises:
        PredictorError: When the grid is unknown.

    Source: Cummings et al. 2022, "A hardware-aware framework for accelerating neural architecture search across
    modalities", arXiv 2205.10358; DyNAS-T 1.6.0, class ``Predictor``.
    """

    kind: ClassVar[str] = "ridge_svr"

    def __init__(self, space: Space, metric: str, *, grid: Grid = "coarse") -> None:
        super().__init__(space, metric)
        if grid not in get_args(Grid):
            raise PredictorError(f"grid {grid!r}", "use 'coarse' or 'full'")
        self.grid: Grid = grid
        self._encode = OneHot(space)
        self._kept = np.empty(0, dtype=np.int64)
        self._scale = 1.0
        self._std = 0.0
        self._model: Model | None = None

    def options(self) -> dict[str, Any]:
        return {"grid": self.grid}

    def _fit(self, codes: Codes, y: FloatArray) -> None:
        x = self._encode(codes)
        self._kept = np.flatnonzero(x.min(axis=0) < x.max(axis=0))
        x, self._scale = x[:, self._kept], _power_of_ten(y)
        target = y / self._scale
        folds = [rows for rows in np.array_split(np.arange(len(y)), FOLDS) if len(rows)]
        gamma = 1.0 / max(x.shape[1], 1)
        kernel = rbf(x, x, gamma)
        ridge = _best(lambda grown: _ridge_held_out(x, target, folds, grown), ALPHAS[self.grid], target, folds)
        machine = _best(lambda grown: _svr_held_out(kernel, target, folds, grown), COSTS[self.grid], target, folds)
        better = ridge if ridge.error <= machine.error else machine
        spread = float(np.sqrt(np.mean((target - better.held_out) ** 2)))
        # A fit without any error still leaves rounding.
        self._std = self._scale * max(spread, 1e-9 * float(np.abs(target).max()), 1e-12)
        if better is ridge:
            self._model = _ridge(x, target, better.parameter)
        else:
            weights, offset = _svr(kernel, target, better.parameter)
            support = np.flatnonzero(weights)
            points, weights = x[support], weights[support]
            self._model = lambda rows: rbf(rows, points, gamma) @ weights + offset

    def _predict(self, codes: Codes) -> Prediction:
        if self._model is None:
            raise PredictorError("the predictor has learnt nothing yet", "call fit first")
        mean = self._scale * self._model(self._encode(codes)[:, self._kept])
        return Prediction(mean, np.full(len(codes), self._std))


def rbf(a: FloatArray, b: FloatArray, gamma: float) -> FloatArray:
    """Radial basis kernel between rows of float64 ``a`` [n, p] and ``b`` [m, p], float64 [n, m]."""
    square = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) - 2.0 * (a @ b.T)
    return np.asarray(np.exp(-gamma * np.maximum(square, 0.0)))


def _power_of_ten(y: FloatArray) -> float:
    """What brings the largest magnitude between 10 and 100."""
    largest = float(np.abs(y).max())
    return float(max(10.0 ** (np.floor(np.log10(largest)) - 1.0), np.finfo(float).tiny)) if largest > 0 else 1.0


def _best(
    held_out: Callable[[Sequence[float]], FloatArray],
    grid: Sequence[float],
    target: FloatArray,
    folds: list[np.ndarray],
) -> _Found:
    """The first parameter of least error, averaged over folds; ``held_out`` gives predictions [n_parameters, n]."""
    found = held_out(grid)
    share = np.abs(found - target) / np.maximum(np.abs(target), np.finfo(float).eps)
    errors = np.mean([share[:, rows].mean(axis=1) for rows in folds], axis=0)
    row = int(errors.argmin())
    return _Found(float(errors[row]), grid[row], found[row])


def _ridge_held_out(x: FloatArray, y: FloatArray, folds: list[np.ndarray], alphas: Sequence[float]) -> FloatArray:
    """Predictions of each fold by ridge on the others, float64 [n_alphas, n]; one decomposition per fold."""
    found = np.empty((len(alphas), len(y)))
    strength = np.array(alphas)[:, None]
    for rows in folds:
        rest = np.setdiff1d(np.arange(len(y)), rows)
        centre, offset = x[rest].mean(axis=0), y[rest].mean()
        u, singular, vt = np.linalg.svd(x[rest] - centre, full_matrices=False)
        weights = (singular / (singular**2 + strength) * (u.T @ (y[rest] - offset))) @ vt
        found[:, rows] = offset + weights @ (x[rows] - centre).T
    return found


def _ridge(x: FloatArray, y: FloatArray, alpha: float) -> Model:
    centre, offset = x.mean(axis=0), float(y.mean())
    u, singular, vt = np.linalg.svd(x - centre, full_matrices=False)
    weights = (singular / (singular**2 + alpha) * (u.T @ (y - offset))) @ vt
    return lambda rows: offset + (rows - centre) @ weights


def _svr_held_out(kernel: FloatArray, y: FloatArray, folds: list[np.ndarray], costs: Sequence[float]) -> FloatArray:
    """Predictions of each fold by a support vector machine on the others, float64 [n_costs, n]."""
    found = np.empty((len(costs), len(y)))
    for rows in folds:
        rest = np.setdiff1d(np.arange(len(y)), rows)
        inside, across = np.ascontiguousarray(kernel[np.ix_(rest, rest)]), kernel[np.ix_(rows, rest)]
        for i, cost in enumerate(costs):
            weights, offset = _svr(inside, y[rest], cost)
            found[i, rows] = across @ weights + offset
    return found


def _svr(kernel: FloatArray, y: FloatArray, cost: float) -> tuple[FloatArray, float]:
    """Weights [n] of the training rows and offset of a support vector machine with a given kernel matrix [n, n]."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import SVR

    weights = np.zeros(len(y))
    if y.min() == y.max():
        return weights, float(y[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        machine = SVR(kernel="precomputed", C=cost, epsilon=0.0, max_iter=MOST_ITERATIONS).fit(kernel, y)
    weights[machine.support_] = machine.dual_coef_[0]
    return weights, float(machine.intercept_[0])
