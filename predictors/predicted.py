"""A saved predictor as a target."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from ..hw_targets.measured_target import REMEASURE_ROUNDS, MeasuredTarget
from ..hw_targets.metric import Metric
from ..hw_targets.target import Columns, HardwareTarget, Needs, Report, Seeds
from ..spaces.design import Designs
from ..spaces.errors import TargetError
from ..spaces.space import Space
from .predictor import Predictor, load_predictor


class Predicted(HardwareTarget):
    """Scores designs with a predictor; every number carries its standard deviation and is marked as predicted.

    Args:
        space: The design space that the predictor was fitted on.
        path: Folder that :meth:`~cosearch.predictors.predictor.Predictor.save` wrote.
        measure: Target that gives the metric itself, for the designs on the final front only: its numbers, and how far
            off the predictions were, become held-out metrics.

    Raises:
        PredictorError: When there is no predictor, or it was fitted on another space.
        TargetError: When ``measure`` does not give the predictor's metric.
    """

    def __init__(self, space: Space, path: str, *, measure: HardwareTarget | None = None) -> None:
        self.path = Path(path)
        self.predictor = load_predictor(self.path, space)
        self.measure = measure
        metric = self.predictor.metric
        self._checked = None
        program = None
        if measure is not None:
            given = {m.name: m for m in measure.metrics()}
            if metric not in given:
                problem = f"measure: {type(measure).__name__} gives {', '.join(given)}, not the predicted {metric}"
                raise TargetError(problem, f"name a target that gives {metric}, or fit a predictor of what it gives")
            self._checked = given[metric]
            program = measure.needs.program
        # What measures locks its device itself, when it measures: predictions need no device.
        self.needs = Needs(program=program, cheap=True, ready=True)

    def metrics(self) -> tuple[Metric, ...]:
        return (Metric(self.predictor.metric, "predicted", rests_on(self.predictor)),)

    def evaluate(self, designs: Designs, seeds: Seeds) -> Columns:
        found = self.predictor.predict(designs)
        return Columns({self.predictor.metric: found.mean}, std={self.predictor.metric: found.std})

    def fingerprint(self) -> dict[str, str]:
        """Digest of the learnt numbers, how far they can be trusted, and what the front is measured with."""
        learnt = {"codes": self.predictor.codes, "observed": self.predictor.observed, **self.predictor.state()}
        digest = hashlib.blake2b(digest_size=10)
        for name in sorted(learnt):
            digest.update(name.encode() + np.ascontiguousarray(learnt[name]).tobytes())
        figures = {f"predictor_{key}": f"{value:.6g}" for key, value in self.predictor.calibration().items()}
        device = self.measure.fingerprint() if self.measure else {}
        own = {"predictor": str(self.path), "predictor_digest": digest.hexdigest(), **figures}
        return own | {f"measure_{key}": value for key, value in device.items()}

    def prepare(self, folder: Path, report: Report) -> None:
        if self.measure is not None:
            below = folder / "measure"
            below.mkdir(parents=True, exist_ok=True)
            self.measure.prepare(below, report)

    def held_out_metrics(self) -> tuple[Metric, ...]:
        if self._checked is None:
            return ()
        source, metric = self._checked.source, self.predictor.metric
        off = Metric(_error_name(metric), source, f"predicted less {source}, as a share of {source}")
        return (Metric(checked_name(metric, source), source, self._checked.description), off)

    def confirm(self, designs: Designs, seeds: Seeds) -> Columns:
        """Score designs with ``measure``, and say how far off their predictions are, in per cent."""
        if self.measure is None or self._checked is None:
            return super().confirm(designs, seeds)
        metric = self.predictor.metric
        if isinstance(self.measure, MeasuredTarget):
            found = self.measure.evaluate_rounds(designs, seeds, REMEASURE_ROUNDS)
        else:
            found = self.measure.evaluate(designs, seeds)
        names = (checked_name(metric, self._checked.source), _error_name(metric))
        truth = np.asarray(found.values[metric], float)
        predicted = self.predictor.predict(designs).mean
        with np.errstate(divide="ignore", invalid="ignore"):
            values = (truth, 100.0 * (predicted - truth) / truth)
            # By the derivative of the share with respect to the measured number.
            slopes = (np.ones(len(truth)), 100.0 * np.abs(predicted) / truth**2)
        std = {n: k * found.std[metric] for n, k in zip(names, slopes, strict=True) if metric in found.std}
        count = {n: found.count[metric] for n in names if metric in found.count}
        return Columns(dict(zip(names, values, strict=True)), std, count, found.failures)


def rests_on(predictor: Predictor) -> str:
    """What a predictor learnt from, in words: ``few_shot, 10 measurements and 4500 of other devices``."""
    n = len(predictor.observed)
    if not predictor.n_adapted:
        return f"{predictor.kind}, {n} measurements"
    return f"{predictor.kind}, {predictor.n_adapted} measurements and {n - predictor.n_adapted} of other devices"


def checked_name(metric: str, source: str) -> str:
    """Name of the held-out metric that a prediction is compared with: ``measured_latency_ms``."""
    return f"{source}_{metric}"


def _error_name(metric: str) -> str:
    return f"{metric.rpartition('_')[0] or metric}_prediction_error_pct"
