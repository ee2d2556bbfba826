"""How far predictions were off where the front was measured after the search; and what is predicted and was not."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...hw_targets.metric import Source
from ...predictors.calibration import report
from ...predictors.predicted import checked_name
from .results import Results

FloatArray = NDArray[np.float64]

TRUTHS: tuple[Source, ...] = ("measured", "simulated", "modelled", "trained")
"""How what a prediction is compared with may have been got."""


@dataclass(frozen=True, slots=True)
class PredictionCheck:
    """One predicted metric and the front's members whose number was also got without prediction.

    Attributes:
        metric: Metric name.
        source: How the other numbers were got: ``measured``, ``simulated``, ...
        rests_on: What the predictor learnt from, in words.
        predicted: Float64 [n].
        std: Standard deviations of the predictions, float64 [n].
        truth: Float64 [n].
        labels: Which trials they are.
    """

    metric: str
    source: str
    rests_on: str
    predicted: FloatArray
    std: FloatArray
    truth: FloatArray
    labels: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Members compared."""
        return len(self.truth)

    @property
    def figures(self) -> dict[str, float]:
        """Those of :func:`~cosearch.predictors.calibration.report`, and ``worst_pct``; empty when none was compared."""
        if not self.n:
            return {}
        found = report(self.truth, self.predicted, self.std)
        worst = float((100.0 * np.abs(self.predicted - self.truth) / np.abs(self.truth)).max())
        return found | ({"worst_pct": worst} if "mape_pct" in found else {})

    def sentence(self) -> str:
        """One line for people."""
        if not self.n:
            return f"{self.metric} is predicted ({self.rests_on}), not measured"
        figures = self.figures
        designs = "1 design" if self.n == 1 else f"{self.n} designs"
        parts = [f"{self.metric} was predicted ({self.rests_on}) and {self.source} for {designs} of the front"]
        if "mape_pct" in figures:
            parts.append(f"median error {figures['mdape_pct']:.1f} %, worst {figures['worst_pct']:.1f} %")
        else:
            parts.append(f"mean error {figures['mae']:.4g}")
        parts.append(f"{100 * figures['coverage_90']:.0f} % inside the 90 % interval")
        if self.n > 2:
            parts.append(f"Spearman {figures['spearman']:.2f}")
        return "; ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        kept = {key: value for key, value in asdict(self).items() if isinstance(value, str)}
        return kept | {"n": self.n} | {key: value for key, value in self.figures.items() if key != "n"}


def prediction_checks(results: Results) -> list[PredictionCheck]:
    """One entry for each predicted metric that an objective or constraint reads.

    Args:
        results: What a study found.
    """
    sources, read = results.meta["sources"], results.problem.metric_names()
    return [
        _check(results, metric, sources[metric]["description"])
        for metric in read
        if sources.get(metric, {}).get("source") == "predicted"
    ]


def _check(results: Results, metric: str, rests_on: str) -> PredictionCheck:
    for source in TRUTHS:
        name = checked_name(metric, source)
        members = [m for m in results.members if name in m["held_out"]]
        if members:
            predicted = np.array([m["metrics"][metric] for m in members], dtype=np.float64)
            std = np.array([m["std"].get(metric) or 0.0 for m in members], dtype=np.float64)
            truth = np.array([m["held_out"][name] for m in members], dtype=np.float64)
            labels = tuple(f"trial {m['trial']}" for m in members)
            return PredictionCheck(metric, source, rests_on, predicted, std, truth, labels)
    return PredictionCheck(metric, "", rests_on, np.empty(0), np.empty(0), np.empty(0))
