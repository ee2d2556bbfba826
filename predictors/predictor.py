"""The contract of predictors: designs in, mean and standard deviation of one metric out."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from ..spaces.design import Designs
from ..spaces.errors import PredictorError
from ..spaces.knobs import Codes
from ..spaces.space import Space
from .calibration import report
from .prediction import FloatArray, LinearCorrection, Prediction
from .saved_form import read_arrays, read_description, write, write_table


class Predictor(ABC):
    """Predicts one metric of the designs of one space.

    A subclass gives :meth:`options`, :meth:`_fit` and :meth:`_predict`; the rest has defaults that it may better:
    adaptation by scale and offset, calibration by cross-validation, loading by fitting the saved data again.

    Args:
        space: The design space.
        metric: Metric name, with its unit.
    """

    kind: ClassVar[str] = ""
    """Name in :data:`~cosearch.predictors.catalog.PREDICTORS`, or empty."""

    def __init__(self, space: Space, metric: str) -> None:
        self.space = space
        self.metric = metric
        self.codes: Codes = np.empty((0, space.n_knobs), dtype=np.int64)
        self.observed: FloatArray = np.empty(0)
        self.n_adapted = 0
        self._correction: LinearCorrection | None = None

    def fit(self, designs: Designs, y: FloatArray) -> Self:
        """Learn from scratch.

        Args:
            designs: ``n`` designs.
            y: The metric, float64 [n].

        Raises:
            PredictorError: When there are too few, or numbers are missing.
        """
        self._check(designs, y)
        self.codes, self.observed, self.n_adapted = designs.codes.copy(), np.asarray(y, float).copy(), 0
        self._correction = None
        self._fit(self.codes, self.observed)
        return self

    def refit(self, designs: Designs, y: FloatArray) -> Self:
        """Learn from other data of the same metric; a predictor whose hyperparameters are dear keeps those it has.

        Args:
            designs: ``n`` designs.
            y: The metric, float64 [n].

        Raises:
            PredictorError: When there are too few, or numbers are missing.
        """
        return self.fit(designs, y)

    def adapt(self, designs: Designs, y: FloatArray) -> Self:
        """Adapt a fitted predictor to another device by a few of its measurements.

        Adapting again starts from what was fitted, so pass all measurements of the device.

        Args:
            designs: ``n`` designs, often ten.
            y: The metric on the other device, float64 [n].

        Raises:
            PredictorError: When it is not fitted, or numbers are missing.
        """
        self._check_fitted()
        self._check(designs, y)
        kept = len(self.observed) - self.n_adapted
        self.codes = np.concatenate([self.codes[:kept], designs.codes])
        self.observed = np.concatenate([self.observed[:kept], np.asarray(y, float)])
        self.n_adapted = len(designs)
        self._adapt(designs.codes, np.asarray(y, float))
        return self

    def predict(self, designs: Designs) -> Prediction:
        """Mean and standard deviation for each design.

        Raises:
            PredictorError: When it is not fitted.
        """
        self._check_fitted()
        if designs.space.digest != self.space.digest:
            raise PredictorError("the designs are of another space than the predictor's", "fit one for that space")
        found = self._predict(designs.codes)
        return self._correction.apply(found) if self._correction else found

    def mean(self, designs: Designs) -> FloatArray:
        """The mean of :meth:`predict` alone, float64 [n]; overridden where the deviation costs much more."""
        return self.predict(designs).mean

    def deviate(self, designs: Designs, z: FloatArray) -> FloatArray:
        """What is held possible, noise of observation apart: the metric at ``z`` deviations from its expectation.

        Args:
            designs: ``n`` designs.
            z: Standard normal deviates, float64 [n_samples, n].

        Returns:
            float64 [n_samples, n]; skewed beliefs map the deviates monotonically.
        """
        found = self.predict(designs)
        return np.asarray(found.mean + z * found.std)

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """JSON-able constructor options besides space and metric."""

    @abstractmethod
    def _fit(self, codes: Codes, y: FloatArray) -> None:
        """Learn from int64 ``codes`` [n, n_knobs] and float64 ``y`` [n], finite, n >= 2."""

    @abstractmethod
    def _predict(self, codes: Codes) -> Prediction:
        """Predict for int64 ``codes`` [n, n_knobs] what :meth:`_fit` learnt."""

    def _adapt(self, codes: Codes, y: FloatArray) -> None:
        """Take note of another device's ``y``, float64 [n]; by default its line over what was fitted."""
        self._correction = LinearCorrection.between(self._predict(codes).mean, y)

    def calibration(self) -> dict[str, float]:
        """How far to trust it, by figures over data that were held out, see :func:`~.calibration.report`.

        Over the adapted data when there are any. By default by cross-validation in five folds; fewer than four
        observations give only their number ``n``.
        """
        self._check_fitted()
        first = len(self.observed) - self.n_adapted if self.n_adapted else 0
        n = len(self.observed) - first
        return report(*self.cross_validated()) if n >= 4 else {"n": float(n)}

    def cross_validated(self, folds: int = 5) -> tuple[FloatArray, FloatArray, FloatArray]:
        """What is predicted for each observation by a predictor that learnt, or adapted to, the other folds only.

        Args:
            folds: How many, at most half as many as there are observations.

        Returns:
            Observations, means and standard deviations, float64 [n] each: of the adapted data when there are any.

        Raises:
            PredictorError: When it is not fitted, or there are fewer than four observations.
        """
        self._check_fitted()
        first = len(self.observed) - self.n_adapted if self.n_adapted else 0
        codes, y = self.codes[first:], self.observed[first:]
        if len(y) < 4:
            raise PredictorError(f"{len(y)} observations are too few for cross-validation", "give at least 4")
        mean, std = np.empty(len(y)), np.empty(len(y))
        fold = np.random.default_rng(0).permutation(len(y)) % min(folds, len(y) // 2)
        for k in range(int(fold.max()) + 1):
            out = fold == k
            fresh = self._fresh()
            learn = fresh.adapt if self.n_adapted else fresh.fit
            learn(self.space.designs(codes[~out]), y[~out])
            found = fresh.predict(self.space.designs(codes[out]))
            mean[out], std[out] = found.mean, found.std
        return y, mean, std

    def _fresh(self) -> Self:
        """One of the same options that is to be fitted; where this one was adapted, a copy that is to be adapted.

        What was fitted does not depend on the other device, so that :meth:`_adapt` may replace but not change it.
        """
        if self.n_adapted:
            fresh = copy.copy(self)
            fresh._correction = None
            return fresh
        return type(self)(self.space, self.metric, **self.options())

    def state(self) -> dict[str, FloatArray]:
        """What was learnt, as arrays by name; by default nothing, as :meth:`restore` learns again."""
        return {}

    def restore(self, state: Mapping[str, FloatArray]) -> None:
        """Take back what :meth:`state` gave; the training data are in place."""
        kept = len(self.observed) - self.n_adapted
        self._fit(self.codes[:kept], self.observed[:kept])
        if self.n_adapted:
            self._adapt(self.codes[kept:], self.observed[kept:])

    def save(self, folder: Path) -> None:
        """Write JSON, arrays and the training table to a folder; nothing is pickled.

        Raises:
            PredictorError: When it is not fitted.
        """
        self._check_fitted()
        description = {
            "kind": self.kind,
            "metric": self.metric,
            "space_digest": self.space.digest,
            "space": self.space.spec(),
            "options": self.options(),
            "n_fitted": len(self.observed) - self.n_adapted,
            "n_adapted": self.n_adapted,
            "calibration": self.calibration(),
        }
        write(folder, description, {"codes": self.codes, "observed": self.observed, **self.state()})
        write_table(folder, self.space, self.codes, self.metric, self.observed, self.n_adapted)

    @classmethod
    def load(cls, folder: Path, space: Space | None = None) -> Self:
        """Load what :meth:`save` wrote.

        Args:
            folder: The folder.
            space: The design space; by default the one that was saved.

        Raises:
            PredictorError: When the files are missing or damaged, or belong to another space.
        """
        description = read_description(folder)
        arrays = read_arrays(folder)
        codes, observed = arrays.pop("codes"), arrays.pop("observed")
        if space is None:
            space = Space(**description["space"])
        if space.digest != description["space_digest"]:
            raise PredictorError(f"{folder} was fitted on another space", "fit one for this space, or name its part")
        predictor = cls(space, description["metric"], **description["options"])
        predictor.codes, predictor.observed = codes, observed
        predictor.n_adapted = int(description["n_adapted"])
        predictor.restore(arrays)
        return predictor

    def _check(self, designs: Designs, y: FloatArray) -> None:
        if len(designs) != len(y) or len(y) < 2:
            raise PredictorError(f"{len(designs)} designs and {len(y)} values", "give as many of each, at least 2")
        if not np.isfinite(y).all():
            raise PredictorError(f"{int((~np.isfinite(y)).sum())} values are not finite", "leave failed designs out")

    def _check_fitted(self) -> None:
        if not len(self.observed):
            raise PredictorError("the predictor has learnt nothing yet", "call fit first")


def load_predictor(folder: Path, space: Space | None = None) -> Predictor:
    """Load a predictor of any registered kind.

    Args:
        folder: What :meth:`Predictor.save` wrote.
        space: The design space; by default the one that was saved.

    Raises:
        PredictorError: When the files are missing or damaged, of an unknown kind, or belong to another space.
    """
    from .catalog import PREDICTORS

    kind = read_description(folder).get("kind")
    # Only registered names: a folder of data must not choose what is imported.
    if kind not in {row[0] for row in PREDICTORS.rows()}:
        raise PredictorError(f"{folder}: predictor kind {kind!r} is not registered", "load it by its own class")
    loaded: Predictor = PREDICTORS.get(kind).load(folder, space)
    return loaded
