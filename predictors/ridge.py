"""Bayesian ridge regression on knob positions and choices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ..spaces.errors import PredictorError
from ..spaces.knobs import Codes
from ..spaces.space import Space
from .calibration import report
from .evidence import LinearFit, fit_evidence
from .features import features
from .prediction import FloatArray, Prediction
from .predictor import Predictor


class Ridge(Predictor):
    """Linear in the powers of ordered knobs and the choices of unordered ones; strength of the penalty by evidence.

    Adaptation to another device models it as ``rho * f(x) + offset + delta(x)``: the fitted function, scaled, plus a
    discrepancy that is itself a ridge regression and vanishes where the few measurements do not call for it.

    Args:
        space: The design space.
        metric: Metric name, with its unit.
        degree: Highest power of ordered knobs.
        log: Model the logarithm of a positive metric: effects multiply, errors are relative.

    Source: MacKay 1992, "Bayesian Interpolation"; adaptation after Kennedy and O'Hagan 2000, "Predicting the output
    from a complex computer code when fast approximations are available", Biometrika 87.
    """

    kind: ClassVar[str] = "ridge"

    def __init__(self, space: Space, metric: str, *, degree: int = 2, log: bool = False) -> None:
        super().__init__(space, metric)
        if degree < 1:
            raise PredictorError(f"degree {degree}", "use 1 or more")
        self.degree = degree
        self.log = log
        self._base: LinearFit | None = None
        self._delta: LinearFit | None = None
        self._rho = 1.0

    def options(self) -> dict[str, Any]:
        return {"degree": self.degree, "log": self.log}

    def calibration(self) -> dict[str, float]:
        """Leave-one-out figures over the data of the last fit or adaptation."""
        self._check_fitted()
        if self._base is None:
            return {}
        codes, observed = self.codes, self.observed
        if self._delta is None:
            x = self._features(codes)
            mean, variance = self._base.leave_one_out(x, self._to_model(observed))
        else:
            codes, observed = codes[-self.n_adapted :], observed[-self.n_adapted :]
            x = self._features(codes)
            base, base_variance = self._base.predict(x)
            rest, variance = self._delta.leave_one_out(x, self._to_model(observed) - self._rho * base)
            mean, variance = self._rho * base + rest, variance + self._rho**2 * base_variance
        found = self._from_model(mean, variance)
        return report(observed, found.mean, found.std)

    def state(self) -> dict[str, FloatArray]:
        arrays = {"rho": np.array([self._rho])}
        for name, fit in (("base", self._base), ("delta", self._delta)):
            if fit is not None:
                arrays |= {f"{name}_{key}": value for key, value in fit.arrays().items()}
        return arrays

    def restore(self, state: Mapping[str, FloatArray]) -> None:
        self._rho = float(state["rho"][0])
        self._base, self._delta = _part(state, "base_"), _part(state, "delta_")

    def _features(self, codes: Codes) -> FloatArray:
        return features(self.space, codes, self.degree)

    def _to_model(self, y: FloatArray) -> FloatArray:
        if not self.log:
            return y
        if (y <= 0).any():
            raise PredictorError(f"{self.metric} has values that are not positive", "switch log off")
        return np.log(y)

    def _from_model(self, mean: FloatArray, variance: FloatArray) -> Prediction:
        if not self.log:
            return Prediction(mean, np.sqrt(variance))
        # Moments of a log-normal distribution.
        expected = np.exp(mean + 0.5 * variance)
        return Prediction(expected, expected * np.sqrt(np.expm1(variance)))

    def _fit(self, codes: Codes, y: FloatArray) -> None:
        self._base = fit_evidence(self._features(codes), self._to_model(y))
        self._delta, self._rho = None, 1.0

    def _adapt(self, codes: Codes, y: FloatArray) -> None:
        if self._base is None:
            return
        x = self._features(codes)
        base, _ = self._base.predict(x)
        target = self._to_model(y)
        spread = base - base.mean()
        slope = float(spread @ target / (spread @ spread)) if spread.any() else 1.0
        self._rho = slope
        self._delta = fit_evidence(x, target - self._rho * base)

    def _predict(self, codes: Codes) -> Prediction:
        if self._base is None:
            raise PredictorError("the predictor has learnt nothing yet", "call fit first")
        x = self._features(codes)
        mean, variance = self._base.predict(x)
        noise = self._base.noise
        if self._delta is not None:
            rest, more = self._delta.predict(x)
            mean, variance = self._rho * mean + rest, self._rho**2 * variance + more
            noise = self._delta.noise
        return self._from_model(mean, variance + noise)


def _part(state: Mapping[str, FloatArray], prefix: str) -> LinearFit | None:
    arrays = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    return LinearFit.from_arrays(arrays) if arrays else None
