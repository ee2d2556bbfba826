"""Gaussian process regression on mixed categorical, ordinal and conditional knobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np

from ..spaces.design import Designs
from ..spaces.errors import PredictorError
from ..spaces.knobs import Codes
from ..spaces.space import Space
from .calibration import report
from .gp_evidence import JITTER, Hyperparameters, inverse, kernel, maximise, scaled
from .knob_bits import KnobBits
from .normal_scores import NormalScores
from .prediction import FloatArray, Prediction
from .predictor import Predictor

Warp = Literal["none", "rank"]

LEAST_SPREAD = 1e-9
"""Standardised targets that spread less are constant: there is nothing to learn from."""


class GaussianProcess(Predictor):
    """An exponential kernel of weighted knob distances plus a linear one; a weight per knob, by evidence.

    Exact: time grows with the cube and memory with the square of the observations, so keep them under some thousand.

    Args:
        space: The design space.
        metric: Metric name, with its unit.
        warp: ``rank`` models the normal scores of the metric's ranks, which outliers cannot spoil; ``none`` the metric.
        steps: Most iterations of the search for hyperparameters.
        most_searched: Rows that this search looks at; of more, a random part.

    Source: Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", sections 2.2, 5.1 and 5.4; the
    kernel for categories: Hutter, Hoos and Leyton-Brown 2011, "Sequential model-based optimization for general
    algorithm configuration", section 4.2.
    """

    kind: ClassVar[str] = "gp"

    def __init__(
        self, space: Space, metric: str, *, warp: Warp = "none", steps: int = 15, most_searched: int = 200
    ) -> None:
        super().__init__(space, metric)
        if warp not in ("none", "rank"):
            raise PredictorError(f"warp {warp!r} is unknown", "use 'none' or 'rank'")
        if steps < 1 or most_searched < 2:
            raise PredictorError(
                f"steps {steps}, most_searched {most_searched}", "use at least 1 step and 2 searched rows"
            )
        self.warp: Warp = warp
        self.steps = steps
        self.most_searched = most_searched
        self._bits = KnobBits(space)
        self._hyper: Hyperparameters | None = None

    def options(self) -> dict[str, Any]:
        return {"warp": self.warp, "steps": self.steps, "most_searched": self.most_searched}

    def refit(self, designs: Designs, y: FloatArray) -> Self:
        """:meth:`fit` with the hyperparameters of the last fit."""
        if self._hyper is None:
            return self.fit(designs, y)
        self._check(designs, y)
        self.codes, self.observed, self.n_adapted = designs.codes.copy(), np.asarray(y, float).copy(), 0
        self._correction = None
        self._condition(self.codes, self.observed, self._hyper)
        return self

    def mean(self, designs: Designs) -> FloatArray:
        hyper = self._hyper
        if hyper is None or self._correction:
            return super().mean(designs)
        new = scaled(self._bits(designs.codes) - self._centre, self._bits.owner, hyper)
        middle = self._offset + self._scale * (kernel(new, self._known, hyper.share)[0] @ self._weights)
        return middle if self._scores is None else self._scores.inverse(middle)

    def calibration(self) -> dict[str, float]:
        """Leave-one-out figures at the hyperparameters of the last fit (Rasmussen and Williams, equation 5.12)."""
        self._check_fitted()
        if self.n_adapted or len(self.observed) < 4:
            return super().calibration()
        spread = 1.0 / np.diag(self._precision)
        left_out = self._to_metric(self._target - self._weights * spread, np.sqrt(self._variance * spread))
        return report(self.observed, left_out.mean, left_out.std)

    def state(self) -> dict[str, FloatArray]:
        return {} if self._hyper is None else {"hyperparameters": self._hyper.flat()}

    def restore(self, state: Mapping[str, FloatArray]) -> None:
        kept = len(self.observed) - self.n_adapted
        self._condition(self.codes[:kept], self.observed[:kept], Hyperparameters.of(state["hyperparameters"]))
        if self.n_adapted:
            self._adapt(self.codes[kept:], self.observed[kept:])

    def _fit(self, codes: Codes, y: FloatArray) -> None:
        rows = np.arange(len(y))
        if len(y) > self.most_searched:
            rows = np.sort(np.random.default_rng(0).choice(len(y), self.most_searched, replace=False))
        features = self._bits(codes)
        target = self._standardised(y)[rows]
        centred = features[rows] - features.mean(axis=0)
        spread = float(target.std())
        hyper = Hyperparameters.prior(self.space.n_knobs)
        if spread > LEAST_SPREAD:
            hyper = maximise(centred, self._bits.owner, (target - target.mean()) / spread, self.steps)
        self._condition(codes, y, hyper)

    def _standardised(self, y: FloatArray) -> FloatArray:
        """The modelled quantity, of mean 0 and variance 1; remembers the way back."""
        self._scores = NormalScores(y) if self.warp == "rank" else None
        raw = y if self._scores is None else self._scores.scores
        self._offset, self._scale = float(raw.mean()), float(raw.std()) or 1.0
        return np.asarray((raw - self._offset) / self._scale)

    def _condition(self, codes: Codes, y: FloatArray, hyper: Hyperparameters) -> None:
        """Take in the data at given hyperparameters."""
        self._hyper = hyper
        features = self._bits(codes)
        self._centre = features.mean(axis=0)
        self._known = scaled(features - self._centre, self._bits.owner, hyper)
        self._target = self._standardised(y)
        covariance = kernel(self._known, self._known, hyper.share)[0]
        covariance[np.diag_indices(len(y))] += hyper.noise + JITTER
        self._precision, _ = inverse(covariance)
        self._weights = self._precision @ self._target
        # A constant metric has no variance to explain.
        self._variance = max(float(self._target @ self._weights) / len(y), 1e-12)

    def deviate(self, designs: Designs, z: FloatArray) -> FloatArray:
        if self._correction:
            return super().deviate(designs, z)
        mean, std = self._posterior(designs.codes, noise=False)
        modelled = self._offset + self._scale * (mean + z * std)
        return modelled if self._scores is None else self._scores.inverse(modelled)

    def _predict(self, codes: Codes) -> Prediction:
        return self._to_metric(*self._posterior(codes, noise=True))

    def _posterior(self, codes: Codes, *, noise: bool) -> tuple[FloatArray, FloatArray]:
        """Mean and deviation of the standardised quantity, or of a new observation of it; float64 [n] each."""
        hyper = self._hyper
        if hyper is None:
            raise PredictorError("the predictor has learnt nothing yet", "call fit first")
        new = scaled(self._bits(codes) - self._centre, self._bits.owner, hyper)
        covariance = kernel(new, self._known, hyper.share)[0]
        prior = 1.0 - hyper.share + hyper.share * (new * new).sum(axis=1)
        explained = ((covariance @ self._precision) * covariance).sum(axis=1)
        variance = self._variance * (np.maximum(prior - explained, JITTER) + hyper.noise * noise)
        return covariance @ self._weights, np.sqrt(variance)

    def _to_metric(self, mean: FloatArray, std: FloatArray) -> Prediction:
        """In the metric's unit; of warped metrics the median, and half the way between the one-sigma points."""
        mean, std = self._offset + self._scale * mean, self._scale * std
        if self._scores is None:
            return Prediction(mean, std)
        low, middle, high = (self._scores.inverse(mean + k * std) for k in (-1.0, 0.0, 1.0))
        return Prediction(middle, np.maximum(0.5 * (high - low), np.finfo(np.float64).tiny))
