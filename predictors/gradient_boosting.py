"""Gradient boosted trees, by scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..spaces.errors import PredictorError
from ..spaces.knobs import Codes
from ..spaces.space import Space
from .calibration import report
from .features import features
from .prediction import FloatArray, Prediction
from .predictor import Predictor

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingRegressor

FOLDS = 5
"""For the error on held-out rows."""


class GradientBoosting(Predictor):
    """Shallow trees, each fitted to what the ones before it leave, on histograms of the features.

    The standard deviation is the error on rows held out in cross-validation, the same for all designs, or for all in
    relation to the metric with ``log``.

    Args:
        space: The design space.
        metric: Metric name, with its unit.
        rounds: How many trees.
        learning_rate: Share of each tree's correction that is kept.
        leaves: Most leaves of a tree.
        log: Model the logarithm of a positive metric: errors are relative.

    Raises:
        PredictorError: When an option is out of range, or values are not positive where they must be.

    Source: Friedman 2001, "Greedy function approximation: a gradient boosting machine", Annals of Statistics 29;
    histograms as in Ke et al. 2017, "LightGBM".
    """

    kind: ClassVar[str] = "gradient_boosting"

    def __init__(
        self,
        space: Space,
        metric: str,
        *,
        rounds: int = 200,
        learning_rate: float = 0.1,
        leaves: int = 8,
        log: bool = False,
    ) -> None:
        super().__init__(space, metric)
        if rounds < 1 or leaves < 2 or not 0 < learning_rate <= 1:
            problem = f"rounds {rounds}, leaves {leaves}, learning_rate {learning_rate}"
            raise PredictorError(problem, "use at least 1 round and 2 leaves, and a learning rate in 0..1")
        self.rounds = rounds
        self.learning_rate = learning_rate
        self.leaves = leaves
        self.log = log
        self._trees: HistGradientBoostingRegressor | None = None

    def options(self) -> dict[str, Any]:
        return {"rounds": self.rounds, "learning_rate": self.learning_rate, "leaves": self.leaves, "log": self.log}

    def calibration(self) -> dict[str, float]:
        """Figures of the rows held out in cross-validation."""
        self._check_fitted()
        if self.n_adapted or len(self.observed) < 2 * FOLDS:
            return super().calibration()
        found = self._prediction(self._held_out)
        return report(self.observed, found.mean, found.std)

    def _learn(self, x: FloatArray, target: FloatArray) -> HistGradientBoostingRegressor:
        from sklearn.ensemble import HistGradientBoostingRegressor

        trees = HistGradientBoostingRegressor(
            max_iter=self.rounds,
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.leaves,
            min_samples_leaf=min(5, max(len(target) // 4, 1)),
            early_stopping=False,
            random_state=0,
        )
        return trees.fit(x, target)

    def _fit(self, codes: Codes, y: FloatArray) -> None:
        if self.log and (y <= 0).any():
            raise PredictorError(f"{self.metric} has values that are not positive", "switch log off")
        x, target = features(self.space, codes, 1), np.log(y) if self.log else y
        self._trees = self._learn(x, target)
        fold = np.random.default_rng(0).permutation(len(y)) % min(FOLDS, len(y))
        self._held_out = np.empty(len(y))
        for k in range(int(fold.max()) + 1):
            out = fold == k
            self._held_out[out] = self._learn(x[~out], target[~out]).predict(x[out])
        error = float(np.sqrt(np.mean((target - self._held_out) ** 2)))
        self._residual = max(error, 1e-12 * (1.0 + float(np.abs(target).max())))

    def _predict(self, codes: Codes) -> Prediction:
        if self._trees is None:
            raise PredictorError("the predictor has learnt nothing yet", "call fit first")
        return self._prediction(np.asarray(self._trees.predict(features(self.space, codes, 1)), dtype=np.float64))

    def _prediction(self, modelled: FloatArray) -> Prediction:
        if not self.log:
            return Prediction(modelled, np.full(len(modelled), self._residual))
        # Median, and half the way between the one-sigma points.
        return Prediction(np.exp(modelled), np.exp(modelled) * np.sinh(self._residual))
