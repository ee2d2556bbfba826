"""Extremely randomised trees, by scikit-learn."""

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
    from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor


class Trees(Predictor):
    """A forest of extremely randomised trees on bootstrap samples: for metrics that jump where a knob is switched.

    The mean is the trees' mean; the variance is their spread plus the squared error on out-of-bag rows.

    Args:
        space: The design space.
        metric: Metric name, with its unit.
        trees: How many.
        share: Of the features tried per split.

    Raises:
        PredictorError: When there are too few trees, or the share is none.

    Source: Geurts, Ernst and Wehenkel 2006, "Extremely randomized trees", Machine Learning 63; deviations as in
    Hutter et al. 2014, "Algorithm runtime prediction: methods and evaluation", section 4.3.
    """

    kind: ClassVar[str] = "trees"

    def __init__(self, space: Space, metric: str, *, trees: int = 40, share: float = 0.5) -> None:
        super().__init__(space, metric)
        if trees < 10 or not 0 < share <= 1:
            raise PredictorError(f"trees {trees}, share {share}", "use at least 10 trees and a share in 0..1")
        self.trees = trees
        self.share = share
        self._forest: ExtraTreesRegressor | RandomForestRegressor | None = None
        self._residual = 0.0

    def options(self) -> dict[str, Any]:
        return {"trees": self.trees, "share": self.share}

    def calibration(self) -> dict[str, float]:
        """Out-of-bag figures: each row predicted by the trees that did not see it."""
        self._check_fitted()
        if self.n_adapted or len(self.observed) < 4:
            return super().calibration()
        std = np.hypot(self._spread(self.codes), self._residual)
        return report(self.observed, self._held_out, std)

    def _new(self) -> ExtraTreesRegressor | RandomForestRegressor:
        """A forest to be fitted."""
        from sklearn.ensemble import ExtraTreesRegressor

        return ExtraTreesRegressor(self.trees, max_features=self.share, bootstrap=True, random_state=0)

    def _fit(self, codes: Codes, y: FloatArray) -> None:
        forest = self._new()
        x = features(self.space, codes, 1)
        forest.fit(x, y)
        self._forest = forest
        self._held_out = self._out_of_bag(x, y)
        self._residual = max(float(np.sqrt(np.mean((y - self._held_out) ** 2))), 1e-12 * (1.0 + float(np.abs(y).max())))

    def _out_of_bag(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Mean prediction of the trees that did not see a row, float64 [n]; the data's mean for rows that all saw."""
        if self._forest is None:
            raise PredictorError("the predictor has learnt nothing yet", "call fit first")
        unseen = np.ones((self.trees, len(y)), dtype=bool)
        for tree, rows in enumerate(self._forest.estimators_samples_):
            unseen[tree, rows] = False
        found = self._each_tree(x)
        count = unseen.sum(axis=0)
        return np.asarray(np.where(count > 0, (found * unseen).sum(axis=0) / np.maximum(count, 1), y.mean()))

    def _each_tree(self, x: FloatArray) -> FloatArray:
        """Prediction of every tree, float64 [trees, n]."""
        if self._forest is None:
            raise PredictorError("the predictor has learnt nothing yet", "call fit first")
        single = np.ascontiguousarray(x, dtype=np.float32)
        return np.stack([tree.tree_.predict(single)[:, 0] for tree in self._forest.estimators_])

    def _spread(self, codes: Codes) -> FloatArray:
        return np.asarray(self._each_tree(features(self.space, codes, 1)).std(axis=0))

    def _predict(self, codes: Codes) -> Prediction:
        found = self._each_tree(features(self.space, codes, 1))
        return Prediction(found.mean(axis=0), np.hypot(found.std(axis=0), self._residual))
