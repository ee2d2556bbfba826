"""A linear ranker: learns from pairs which of two designs has the higher metric."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..spaces.errors import PredictorError
from ..spaces.knobs import Codes
from ..spaces.space import Space
from .features import features
from .prediction import FloatArray, LinearCorrection, Prediction
from .predictor import Predictor

NEWTON_STEPS = 8
"""Of the convex fit; it converges in fewer."""

MOST_LOGIT = 30.0
"""Logits are clipped here against overflow."""


class Pairwise(Predictor):
    """Logistic regression on differences of features of random pairs; its score is then fitted to the metric by a line.

    Only the order of the observations shapes the score, so neither outliers nor a skewed metric do.

    Args:
        space: The design space.
        metric: Metric name, with its unit.
        pairs: Random pairs that are looked at.
        penalty: Weight of the squared coefficients.

    Source: Bradley and Terry 1952, Biometrika 39, with linear strengths; as a surrogate of architectures: Xu et al.
    2021, "ReNAS: Relativistic evaluation of neural architecture search", CVPR.
    """

    kind: ClassVar[str] = "pairwise"

    def __init__(self, space: Space, metric: str, *, pairs: int = 500, penalty: float = 1.0) -> None:
        super().__init__(space, metric)
        if pairs < 1 or penalty <= 0:
            raise PredictorError(f"pairs {pairs}, penalty {penalty}", "use at least 1 pair and a positive penalty")
        self.pairs = pairs
        self.penalty = penalty
        self._weights: FloatArray = np.empty(0)

    def options(self) -> dict[str, Any]:
        return {"pairs": self.pairs, "penalty": self.penalty}

    def _fit(self, codes: Codes, y: FloatArray) -> None:
        x = features(self.space, codes)
        rng = np.random.default_rng(0)
        first = rng.integers(0, len(y), self.pairs)
        second = (first + rng.integers(1, len(y), self.pairs)) % len(y)
        told = y[first] != y[second]
        higher = np.where(y[first] > y[second], first, second)[told]
        lower = np.where(y[first] > y[second], second, first)[told]
        self._weights = _bradley_terry(x[higher] - x[lower], self.penalty)
        self._line = LinearCorrection.between(x @ self._weights, y)

    def _predict(self, codes: Codes) -> Prediction:
        score = features(self.space, codes) @ self._weights
        floor = 1e-12 * (1.0 + abs(self._line.offset))
        return self._line.apply(Prediction(score, np.full(len(score), floor)))


def _bradley_terry(differences: FloatArray, penalty: float) -> FloatArray:
    """Coefficients [p] that make rows of ``differences`` [n, p] likely to score above 0, by Newton's method."""
    n_features = differences.shape[1]
    weights = np.zeros(n_features)
    for _ in range(NEWTON_STEPS):
        likely = 1.0 / (1.0 + np.exp(-np.clip(differences @ weights, -MOST_LOGIT, MOST_LOGIT)))
        slope = differences.T @ (1.0 - likely) - penalty * weights
        curvature = (differences * (likely * (1.0 - likely))[:, None]).T @ differences
        weights = weights + np.linalg.solve(curvature + penalty * np.eye(n_features), slope)
    return weights
