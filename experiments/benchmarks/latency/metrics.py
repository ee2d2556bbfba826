"""How well predictions agree with measurements."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....predictors.calibration import Z_90, spearman
from ....predictors.prediction import FloatArray, Prediction
from .tables import Tables

TRIMMED = 0.1
"""Share of the fastest and of the slowest designs that HELP leaves out of its window."""


def middle_of(window: NDArray[np.int64], truth: FloatArray) -> NDArray[np.int64]:
    """HELP's test designs: a fixed window without its fastest and slowest tenth.

    Args:
        window: Rows, int64 [m].
        truth: The metric of every row, float64 [n].

    Returns:
        The rows that are left, by rising truth, int64.

    Source: the code of Lee et al. 2021, "HELP: Hardware-adaptive efficient latency prediction for NAS".
    """
    order = window[np.argsort(truth[window], kind="stable")]
    cut = int(TRIMMED * len(order))
    return order[cut : len(order) - cut]


def figures(
    tables: Tables, rows: NDArray[np.int64], truth: FloatArray, found: Prediction, chosen: NDArray[np.int64]
) -> dict[str, float]:
    """Compare the predictions for one device with its table.

    Args:
        tables: The tables.
        rows: Designs that the device measured, rows of ``tables``, int64 [n].
        truth: The metric of these designs, float64 [n].
        found: Its predictions, [n] each.
        chosen: Which of them were given to the predictor, int64 [k].

    Returns:
        ``spearman_all``, over all designs, as NASFLAT reports it; ``spearman_pp``, over HELP's window, where there is
        one; ``mape_pct``, over connected designs that were not given; ``coverage90``, the share of designs that were
        not given inside their central 90 % interval.
    """
    unseen = np.ones(len(rows), bool)
    unseen[chosen] = False
    networks = unseen & tables.connected[rows]
    error = np.abs(found.mean - truth)
    result = {
        "spearman_all": spearman(truth, found.mean),
        "mape_pct": float(100 * (error / truth)[networks].mean()),
        "coverage90": float((error <= Z_90 * found.std)[unseen].mean()),
    }
    first, last = tables.window
    window = np.flatnonzero((tables.index[rows] >= first) & (tables.index[rows] < last))
    if len(window):
        middle = middle_of(window, truth)
        result["spearman_pp"] = spearman(truth[middle], found.mean[middle])
    return result
