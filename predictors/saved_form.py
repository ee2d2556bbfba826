"""The files of a saved predictor: JSON, arrays, and the training table; never a pickle."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..spaces.errors import PredictorError
from ..spaces.knobs import Codes
from ..spaces.space import Space

VERSION = 2
"""Version of the saved form."""

STATE, ARRAYS, TABLE = "predictor.json", "arrays.npz", "training.csv"
"""Files of a saved predictor."""


def write(folder: Path, description: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write the description and the arrays; the folder is made when it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"version": VERSION, **description}, indent=2, allow_nan=False)
    (folder / STATE).write_text(text + "\n", encoding="utf-8")
    named: dict[str, Any] = dict(arrays)
    np.savez(folder / ARRAYS, **named)


def write_table(
    folder: Path, space: Space, codes: Codes, metric: str, observed: NDArray[np.float64], n_adapted: int
) -> None:
    """Write the training data for people and other tools.

    Args:
        folder: Existing folder.
        space: The design space.
        codes: int64 [n, n_knobs].
        metric: Metric name.
        observed: The metric, float64 [n].
        n_adapted: How many of the last rows are another device's.
    """
    with (folder / TABLE).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["set", *space.names, metric])
        for i, design in enumerate(space.decode(codes)):
            values = [design.get(name, "") for name in space.names]
            group = "fitted" if i < len(codes) - n_adapted else "adapted"
            writer.writerow([group, *values, repr(float(observed[i]))])


def read_description(folder: Path) -> dict[str, Any]:
    """What a saved predictor says of itself.

    Raises:
        PredictorError: When the folder holds none, or one of another version.
    """
    try:
        description = json.loads((folder / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PredictorError(f"{folder} holds no readable predictor ({error})", "save one there first") from error
    if not isinstance(description, dict) or description.get("version") != VERSION:
        raise PredictorError(f"{folder / STATE} is not of version {VERSION}", "save the predictor again")
    return description


def read_arrays(folder: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a saved predictor, at least ``codes`` and ``observed``.

    Raises:
        PredictorError: When they are missing, damaged or pickled.
    """
    try:
        with np.load(folder / ARRAYS, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError) as error:
        raise PredictorError(f"{folder / ARRAYS} is not readable ({error})", "save the predictor again") from error
    if not {"codes", "observed"} <= set(arrays):
        raise PredictorError(f"{folder / ARRAYS} lacks the training data", "save the predictor again")
    return arrays
