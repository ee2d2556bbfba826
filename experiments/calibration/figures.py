"""How far a calibrated predictor can be trusted, as plain data."""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from ...hw_targets.metric import TIMES
from ...predictors.calibration import by_region, report
from ...predictors.prediction import FloatArray
from ...spaces.knobs import Codes
from .calibrate import Calibration

FEWEST = 4
"""Observations from which figures are given."""

FEWEST_RANKED = 5
"""Designs of a region from which their ranks are compared; of fewer, any order comes up by chance."""


@dataclass(frozen=True)
class HeldOut:
    """Designs that were predicted without having been learnt from.

    Attributes:
        how: How they were held out, in words.
        codes: int64 [n, n_knobs].
        y: The metric as measured, float64 [n].
        mean: Predicted, float64 [n].
        std: Standard deviations of the predictions, float64 [n].
    """

    how: str
    codes: Codes
    y: FloatArray
    mean: FloatArray
    std: FloatArray


def held_out(calibration: Calibration) -> HeldOut | None:
    """What the figures are over: check designs if there are any, else cross-validation; None with too few of both."""
    predictor, (codes, y) = calibration.predictor, calibration.checked
    if len(y):
        found = predictor.predict(predictor.space.designs(codes))
        return HeldOut(f"{len(y)} designs that the predictor did not see", codes, y, found.mean, found.std)
    codes, y = calibration.used
    if len(y) < FEWEST:
        return None
    how = f"cross-validation over the {len(y)} designs that it learnt from"
    return HeldOut(how, codes, *predictor.cross_validated())


def region_names(metric: str) -> tuple[str, str, str]:
    """What the lowest, middle and highest third of a metric are called."""
    return ("fast", "middle", "slow") if metric.rsplit("_", 1)[-1] in TIMES else ("low", "middle", "high")


def calibration_document(calibration: Calibration, seen: HeldOut | None) -> dict[str, Any]:
    """Everything about a calibration, JSON-able.

    Args:
        calibration: What was fitted.
        seen: From :func:`held_out`.

    Returns:
        ``device``, ``metric``, ``source``, ``predictor``, ``options``, ``space``, ``sources``, ``source_kinds`` (how
        the numbers of each were got), ``n_measured`` (measurements of the new device in all), ``spread`` (of its
        repeats, relative, or None), ``n_used``, ``n_checked``, ``n_failed``, ``n_source_values``, ``how`` the figures
        were held out, ``figures``, ``regions``, ``made_at``, ``fingerprint`` and ``cosearch``.
    """
    predictor = calibration.predictor
    n_used = len(calibration.used[1])
    document: dict[str, Any] = {
        "version": 1,
        "device": calibration.device,
        "metric": predictor.metric,
        "source": calibration.source,
        "predictor": predictor.kind,
        "options": predictor.options(),
        "space": {"title": predictor.space.name, "digest": predictor.space.digest, "block": calibration.space_block},
        "sources": list(calibration.sources),
        "source_kinds": dict(calibration.sources),
        "n_measured": calibration.n_measured,
        "spread": calibration.spread,
        "n_used": n_used,
        "n_checked": len(calibration.checked[1]),
        "n_failed": len(calibration.failed),
        "n_source_values": len(predictor.observed) - n_used,
        "made_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "fingerprint": dict(calibration.fingerprint),
        "cosearch": version("cosearch"),
        "how": None if seen is None else seen.how,
        "figures": {},
        "regions": [],
    }
    if seen is not None:
        document["figures"] = _plain(report(seen.y, seen.mean, seen.std))
        names = region_names(predictor.metric)
        document["regions"] = [
            {"name": names[int(row["region"])], **_plain(_of_region(row))}
            for row in by_region(seen.y, seen.mean, seen.std)
        ]
    return document


def _of_region(row: dict[str, float]) -> dict[str, float]:
    left_out = {"region"} if row["n"] >= FEWEST_RANKED else {"region", "kendall_tau", "spearman"}
    return {key: value for key, value in row.items() if key not in left_out}


def _plain(figures: dict[str, float]) -> dict[str, float | int]:
    return {k: int(v) if k == "n" else float(np.round(v, 9)) for k, v in figures.items()}
