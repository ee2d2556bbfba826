"""Random forest, by scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ..spaces.space import Space
from .trees import Trees

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestRegressor


class Forest(Trees):
    """Regression trees on bootstrap samples, each split the best among a random share of the features.

    The mean is the trees' mean; the variance is their spread plus the squared error on out-of-bag rows.

    Args:
        space: The design space.
        metric: Metric name, with its unit.
        trees: How many.
        share: Of the features tried per split.

    Raises:
        PredictorError: When there are too few trees, or the share is none.

    Source: Breiman 2001, "Random forests", Machine Learning 45; deviations as in Hutter et al. 2014, "Algorithm runtime
    prediction: methods and evaluation", section 4.3.
    """

    kind: ClassVar[str] = "forest"

    def __init__(self, space: Space, metric: str, *, trees: int = 100, share: float = 1 / 3) -> None:
        super().__init__(space, metric, trees=trees, share=share)

    def _new(self) -> RandomForestRegressor:
        from sklearn.ensemble import RandomForestRegressor

        return RandomForestRegressor(self.trees, max_features=self.share, bootstrap=True, random_state=0)
