"""What a saved predictor says of given designs."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...hw_targets.design_cells import design_cells
from ...predictors.calibration import Z_90
from ...predictors.predicted import rests_on as learnt_from
from ...predictors.prediction import Prediction
from ...predictors.predictor import Predictor, load_predictor
from ...spaces.design import Design
from ...spaces.errors import DesignError
from ...spaces.knobs import Codes
from ...spaces.space import Space
from ..chosen_designs import random_designs, read_designs
from ..outputs.results import Results
from .files import calibrated_space, read_calibration
from .words import rests_on


@dataclass(frozen=True)
class PredictionTable:
    """Designs with their predictions.

    Attributes:
        predictor: What predicted.
        rests_on: On what device, from what, and when: one line.
        names: What the designs are called: a row of a file, a trial.
        codes: int64 [n, n_knobs].
        found: Mean and standard deviation of each.
    """

    predictor: Predictor
    rests_on: str
    names: tuple[str, ...]
    codes: Codes
    found: Prediction

    @property
    def columns(self) -> tuple[str, ...]:
        """``design``, mean, standard deviation, ends of the 90 % interval, and the knobs."""
        metric = self.predictor.metric
        return ("design", metric, f"{metric}_std", "low_90", "high_90", *self.predictor.space.names)

    def rows(self) -> list[list[Any]]:
        """One list of values for each design; knobs as text, empty where inactive."""
        mean, std = self.found.mean, self.found.std
        numbers = [column.tolist() for column in (mean, std, mean - Z_90 * std, mean + Z_90 * std)]
        cells = design_cells(self.predictor.space, self.codes)
        return [list(row) for row in zip(self.names, *numbers, *cells, strict=True)]

    def ordered(self) -> PredictionTable:
        """The same, lowest prediction first."""
        order = np.argsort(self.found.mean, kind="stable")
        found = Prediction(self.found.mean[order], self.found.std[order])
        names = tuple(self.names[i] for i in order.tolist())
        return PredictionTable(self.predictor, self.rests_on, names, self.codes[order], found)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        designs = self.predictor.space.decode(self.codes)
        numbers = [dict(zip(self.columns[:5], row[:5], strict=True)) for row in self.rows()]
        return {
            "metric": self.predictor.metric,
            "rests_on": self.rests_on,
            "predictions": [{**row, "knobs": dict(design)} for row, design in zip(numbers, designs, strict=True)],
        }

    def write(self, path: Path) -> None:
        """Write as CSV; the table is a file of designs for other verbs too."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(self.columns)
            writer.writerows([[repr(v) if isinstance(v, float) else v for v in row] for row in self.rows()])


Named = tuple[tuple[str, ...], Codes]
"""Names of designs, and their codes int64 [n, n_knobs]."""


def loaded(folder: Path) -> tuple[Predictor, str]:
    """A saved predictor, and what it rests on.

    Raises:
        PredictorError: When the folder holds none.
    """
    predictor = load_predictor(folder, calibrated_space(folder))
    document = read_calibration(folder)
    return predictor, rests_on(document) if document else f"{predictor.metric}: {learnt_from(predictor)}"


def predicted(folder: Path, choose: Callable[[Space], Named]) -> PredictionTable:
    """Predict designs.

    Args:
        folder: A saved predictor.
        choose: Gives the designs for its space; see :func:`of_file`, :func:`of_study` and :func:`at_random`.

    Raises:
        PredictorError: When the folder holds no predictor.
    """
    predictor, text = loaded(folder)
    names, codes = choose(predictor.space)
    return PredictionTable(predictor, text, names, codes, predictor.predict(predictor.space.designs(codes)))


def at_random(space: Space, n: int, seed: int) -> Named:
    """Up to ``n`` distinct random designs."""
    return _numbered(random_designs(space, n, seed))


def of_file(space: Space, path: Path) -> Named:
    """The designs of a file, see :func:`~cosearch.experiments.chosen_designs.designs_of_file`; repeats are kept.

    Raises:
        ConfigError: When the file cannot be read or holds no designs.
        CosearchError: When a design is not one of the space.
    """
    return _numbered(read_designs(space, path))


def _numbered(codes: Codes) -> Named:
    return tuple(str(i) for i in range(len(codes))), codes


def of_study(space: Space, folder: Path) -> Named:
    """The front of a study of this space, or of a joint space that it is a part of.

    Raises:
        DesignError: When the study is of another space.
        StoreError: When the folder holds no study.
    """
    results = Results.read(folder)
    theirs, designs = results.problem.space, [m["design"] for m in results.members]
    names = tuple(f"trial {m['trial']}" for m in results.members)
    if theirs.digest == space.digest:
        return names, space.encode(designs)
    for part in dict.fromkeys(name.partition(".")[0] for name in theirs.names):
        if {name for name in theirs.names if name.startswith(f"{part}.")} == {f"{part}.{name}" for name in space.names}:
            return names, space.encode([Design(design).part(part) for design in designs])
    problem = f"{folder} searched space {theirs.name!r}, and the predictor is of {space.name!r} with other options"
    raise DesignError(problem, "name a predictor of that space")
