"""The contract of predictors: designs in, mean and standard deviation of one metric out."""

from __future__ import annotations

import csv
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..spaces.design import Designs
from ..spaces.errors import PredictorError
from ..spaces.knobs import Codes
from ..spaces.space import Space

FloatArray = NDArray[np.float64]

VERSION = 1
"""Version of the saved form."""

STATE, ARRAYS, TABLE = "predictor.json", "arrays.npz", "training.csv"
"""Files of a saved predictor."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """Predictions for ``n`` designs, in the unit of the metric.

    Args:
        mean: float64 [n].
        std: Standard deviation of a new observation, float64 [n].
    """

    mean: FloatArray
    std: FloatArray


class Predictor(ABC):
    """Predicts one metric of the designs of one space.

    Args:
        space: The design space.
        metric: Metric name, with its unit.
    """

    kind: ClassVar[str]
    """Name in :data:`~cosearch.predictors.catalog.PREDICTORS`."""

    def __init__(self, space: Space, metric: str) -> None:
        self.space = space
        self.metric = metric
        self.codes: Codes = np.empty((0, space.n_knobs), dtype=np.int64)
        self.observed: FloatArray = np.empty(0)
        self.n_adapted = 0

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
        self._fit(self.codes, self.observed)
        return self

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
        return self._predict(designs.codes)

    @abstractmethod
    def calibration(self) -> dict[str, float]:
        """How far to trust it: held-out error, rank correlation and interval coverage, see ``calibration.report``."""

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """JSON-able constructor options besides space and metric."""

    @abstractmethod
    def state(self) -> dict[str, FloatArray]:
        """What was learnt, as arrays by name."""

    @abstractmethod
    def restore(self, state: Mapping[str, FloatArray]) -> None:
        """Take back what :meth:`state` gave."""

    @abstractmethod
    def _fit(self, codes: Codes, y: FloatArray) -> None: ...

    @abstractmethod
    def _adapt(self, codes: Codes, y: FloatArray) -> None: ...

    @abstractmethod
    def _predict(self, codes: Codes) -> Prediction: ...

    def save(self, folder: Path) -> None:
        """Write JSON, arrays and the training table to a folder; nothing is pickled.

        Raises:
            PredictorError: When it is not fitted.
        """
        self._check_fitted()
        folder.mkdir(parents=True, exist_ok=True)
        description = {
            "version": VERSION,
            "kind": self.kind,
            "metric": self.metric,
            "space_digest": self.space.digest,
            "space": self.space.spec(),
            "options": self.options(),
            "n_fitted": len(self.observed) - self.n_adapted,
            "n_adapted": self.n_adapted,
            "calibration": self.calibration(),
        }
        (folder / STATE).write_text(json.dumps(description, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        arrays: dict[str, Any] = {"codes": self.codes, "observed": self.observed, **self.state()}
        np.savez(folder / ARRAYS, **arrays)
        self._write_table(folder / TABLE)

    def _write_table(self, path: Path) -> None:
        kept = len(self.observed) - self.n_adapted
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["set", *self.space.names, self.metric])
            for i, design in enumerate(self.space.decode(self.codes)):
                values = [design.get(name, "") for name in self.space.names]
                writer.writerow(["fitted" if i < kept else "adapted", *values, repr(float(self.observed[i]))])

    def _check(self, designs: Designs, y: FloatArray) -> None:
        if len(designs) != len(y) or len(y) < 2:
            raise PredictorError(f"{len(designs)} designs and {len(y)} values", "give as many of each, at least 2")
        if not np.isfinite(y).all():
            raise PredictorError(f"{int((~np.isfinite(y)).sum())} values are not finite", "leave failed designs out")

    def _check_fitted(self) -> None:
        if not len(self.observed):
            raise PredictorError("the predictor has learnt nothing yet", "call fit first")


def load_predictor(folder: Path, space: Space | None = None) -> Predictor:
    """Load what :meth:`Predictor.save` wrote.

    Args:
        folder: The folder.
        space: The design space; by default the one that was saved.

    Raises:
        PredictorError: When the files are missing or damaged, or belong to another space.
    """
    from .catalog import PREDICTORS

    try:
        description = json.loads((folder / STATE).read_text(encoding="utf-8"))
        with np.load(folder / ARRAYS, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError) as error:
        raise PredictorError(f"{folder} holds no readable predictor ({error})", "save one there first") from error
    if description.get("version") != VERSION:
        raise PredictorError(f"{folder}: version {description.get('version')!r}", f"save it again as version {VERSION}")
    if space is None:
        space = Space(**description["space"])
    if space.digest != description["space_digest"]:
        raise PredictorError(f"{folder} was fitted on another space", "fit one for this space, or name its part")
    predictor: Predictor = PREDICTORS.get(description["kind"])(space, description["metric"], **description["options"])
    predictor.codes, predictor.observed = arrays.pop("codes"), arrays.pop("observed")
    predictor.n_adapted = int(description["n_adapted"])
    predictor.restore(arrays)
    return predictor
