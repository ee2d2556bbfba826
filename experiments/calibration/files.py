"""What a calibration leaves behind: the predictor, figures as JSON, and a page with the plot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...predictors.saved_form import read_description
from ...spaces.catalog import SPACES
from ...spaces.errors import CosearchError, PredictorError
from ...spaces.space import Space
from ..outputs.atomic import write_text
from .calibrate import Calibration
from .calibration_page import write_calibration_page
from .figures import calibration_document, held_out

DOCUMENT, PAGE = "calibration.json", "calibration.html"
"""Files beside a saved predictor."""


def write_calibration(calibration: Calibration, folder: Path) -> dict[str, Any]:
    """Save the predictor with its figures and its page.

    Args:
        calibration: What was fitted.
        folder: Where; made when it is missing.

    Returns:
        What :func:`~cosearch.experiments.calibration.figures.calibration_document` gives.
    """
    calibration.predictor.save(folder)
    seen = held_out(calibration)
    document = calibration_document(calibration, seen)
    write_text(folder / DOCUMENT, json.dumps(document, indent=2, allow_nan=False) + "\n")
    write_calibration_page(calibration, document, seen, folder / PAGE)
    return document


def read_calibration(folder: Path) -> dict[str, Any]:
    """What a saved calibration says of itself; empty for a predictor that was saved without one.

    Raises:
        PredictorError: When the file is damaged.
    """
    path = folder / DOCUMENT
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PredictorError(f"{path} is not readable ({error})", "calibrate again") from error
    if not isinstance(found, dict):
        raise PredictorError(f"{path} holds no calibration", "calibrate again")
    return found


def calibrated_space(folder: Path) -> Space | None:
    """The registered space that a calibration was made on, which knows more than its knobs; None for others."""
    block = read_calibration(folder).get("space", {}).get("block")
    if not block or ":" in str(block.get("name")):
        return None
    try:
        space = SPACES.get(block["name"])(**{k: v for k, v in block.items() if k != "name"})
    except (CosearchError, TypeError, KeyError):
        return None
    same = isinstance(space, Space) and space.digest == read_description(folder).get("space_digest")
    return space if same else None
