"""What a saved predictor says of given designs."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...hw_targets.design_cells import design_cells, design_codes
from ...predictors.calibration import Z_90
from ...predictors.predicted import rests_on as learnt_from
from ...predictors.prediction import Prediction
from ...predictors.predictor import Predictor, load_predictor
from ...spaces.design import Design
from ...spaces.errors import DesignError
from ...spaces.knobs import Codes
from ...spaces.space import Space
from ..outputs.results import Results
from .files import calibrated_space, read_calibration, rests_on


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
        choose: Gives the designs for its space; see :func:`of_file`, :func:`of_study` and :func:`random_designs`.

    Raises:
        PredictorError: When the folder holds no predictor.
    """
    predictor, text = loaded(folder)
    names, codes = choose(predictor.space)
    return PredictionTable(predictor, text, names, codes, predictor.predict(predictor.space.designs(codes)))


def random_designs(space: Space, n: int, seed: int) -> Named:
    """Up to ``n`` distinct random designs."""
    codes = space.sample(np.random.default_rng(seed), n)
    codes = codes[np.sort(np.unique(codes, axis=0, return_index=True)[1])]
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


def of_file(space: Space, path: Path) -> Named:
    """The designs of a file.

    Args:
        space: Their space.
        path: CSV with a column for each knob, or for ``knob.NAME``, as studies and measurements are written; or JSON,
            a list of designs, or what ``cosearch pareto --export`` writes.

    Raises:
        DesignError: When it cannot be read, or holds what is no design of the space.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DesignError(f"{path}: cannot be read ({error})", "give a CSV or JSON file of designs") from error
    return _of_json(space, path, text) if path.suffix == ".json" else _of_csv(space, path, text)


def _of_json(space: Space, path: Path, text: str) -> Named:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise DesignError(f"{path}: not JSON ({error})", "give a list of designs") from error
    entries = data.get("designs") if isinstance(data, Mapping) else data
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise DesignError(f"{path}: no list of designs", "write [{'knob': value, ...}, ...]")
    designs = [entry["design"] if isinstance(entry.get("design"), Mapping) else entry for entry in entries]
    numbered = enumerate(zip(entries, designs, strict=True))
    try:
        codes = space.encode(designs)
    except DesignError as error:
        raise DesignError(f"{path}: {error.problem}", error.remedy) from error
    names = tuple(str(i) if entry is design else _name_of(entry, i) for i, (entry, design) in numbered)
    return names, _valid(space, codes, path)


def _of_csv(space: Space, path: Path, text: str) -> Named:
    reader = csv.DictReader(text.splitlines())
    header = reader.fieldnames or []
    columns = {name: next((c for c in (name, f"knob.{name}") if c in header), None) for name in space.names}
    missing = [name for name, column in columns.items() if column is None]
    # A front on which a knob is never active has no column for it.
    if missing and (len(missing) == space.n_knobs or not space.is_conditional):
        raise DesignError(f"{path}:1: no column {missing[0]!r}", f"the knobs are {', '.join(space.names)}")
    rows = list(reader)
    cells = [["" if column is None else (row[column] or "").strip() for row in rows] for column in columns.values()]
    names = tuple(_name_of(row, i) for i, row in enumerate(rows))
    return names, design_codes(space, cells, lambda row: f"{path}:{row + 2}")


def _name_of(row: Mapping[str, Any], i: int) -> str:
    if row.get("trial") not in (None, ""):
        return f"trial {row['trial']}"
    return str(row["design"]) if isinstance(row.get("design"), str) and row["design"] else str(i)


def _valid(space: Space, codes: Codes, path: Path) -> Codes:
    bad = np.flatnonzero(~space.is_valid(codes))
    if len(bad):
        raise DesignError(f"{path}: design {bad[0]} is not allowed in {space.name!r}", "correct it")
    return codes
