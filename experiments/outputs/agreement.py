"""Measured against predicted, with error bars, as a plain plotly figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...predictors.calibration import Z_90

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Compared:
    """Designs that were both predicted and measured.

    Attributes:
        name: What they are called in the legend.
        predicted: Float64 [n].
        std: Standard deviations of the predictions, float64 [n].
        truth: Float64 [n].
        text: One line for each, shown at its point.
        quiet: Whether they are drawn in grey, as what the predictor has seen.
    """

    name: str
    predicted: FloatArray
    std: FloatArray
    truth: FloatArray
    text: Sequence[str]
    quiet: bool = False


def agreement_figure(
    metric: str, source: str, groups: Sequence[Compared], regions: Sequence[tuple[str, float, float]] = ()
) -> dict[str, Any]:
    """Measured numbers over predicted ones; a perfect predictor is the diagonal.

    Args:
        metric: Metric name.
        source: How the numbers beside the predictions were got: ``measured``, ``simulated``, ...
        groups: At least one, in the order of drawing.
        regions: (name, low, high) of ranges of the prediction, shaded in turn.

    Returns:
        ``data`` and ``layout``; horizontal bars are 90 % intervals.
    """
    ends = np.concatenate([np.r_[g.predicted, g.truth] for g in groups])
    low, high = float(ends.min()), float(ends.max())
    margin = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    first, last = low - margin, high + margin
    diagonal = {
        "type": "scatter", "mode": "lines", "name": "as predicted", "x": [first, last], "y": [first, last],
        "hoverinfo": "skip", "line": {"color": "@quiet", "width": 1, "dash": "dash"},
    }  # fmt: skip
    bounds = [(name, max(a, first), min(b, last)) for name, a, b in regions]
    if bounds:
        # The outer regions reach to the ends of the picture.
        bounds[0] = (bounds[0][0], first, bounds[0][2])
        bounds[-1] = (bounds[-1][0], bounds[-1][1], last)
    return {
        "data": [diagonal, *(_dots(group, source) for group in groups)],
        "layout": {
            "xaxis": {"title": {"text": f"predicted {metric}"}, "range": [first, last]},
            "yaxis": {"title": {"text": f"{source} {metric}"}, "range": [first, last]},
            "hovermode": "closest",
            "shapes": [_band(a, b) for _, a, b in bounds[::2]],
            "annotations": [_label(name, a, b) for name, a, b in bounds],
        },
    }


def _dots(group: Compared, source: str) -> dict[str, Any]:
    colour = "@quiet" if group.quiet else "@accent"
    bars = (Z_90 * group.std).tolist()
    text = [
        f"{escape(line)}<br>predicted {m:.5g} ± {s:.2g}<br>{source} {y:.5g}"
        for line, m, s, y in zip(group.text, group.predicted, group.std, group.truth, strict=True)
    ]
    marker: dict[str, Any] = {"size": 7, "color": colour, "symbol": "circle-open" if group.quiet else "circle"}
    return {
        "type": "scatter", "mode": "markers", "name": group.name,
        "x": group.predicted.tolist(), "y": group.truth.tolist(), "text": text,
        "hovertemplate": "%{text}<extra>" + escape(group.name) + "</extra>", "marker": marker,
        "error_x": {"type": "data", "array": bars, "thickness": 1, "width": 2, "color": colour},
    }  # fmt: skip


def _band(low: float, high: float) -> dict[str, Any]:
    return {
        "type": "rect", "xref": "x", "yref": "paper", "x0": low, "x1": high, "y0": 0, "y1": 1, "layer": "below",
        "fillcolor": "@wash", "line": {"width": 0},
    }  # fmt: skip


def _label(name: str, low: float, high: float) -> dict[str, Any]:
    return {
        "text": escape(name), "x": 0.5 * (low + high), "y": 0.99, "xref": "x", "yref": "paper", "yanchor": "top",
        "showarrow": False, "font": {"color": "@quiet", "size": 12},
    }  # fmt: skip
