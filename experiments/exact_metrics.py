"""Metrics that cost nothing to know: closed forms, which a strategy may compute for any design."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..hw_targets.target import FloatArray, HardwareTarget
from ..search.objective import Exact
from ..spaces.knobs import Codes
from ..spaces.space import Space
from .execution.evaluator import Chunk
from .execution.scoring import Scorer


class ExactScores:
    """Scores designs by one target exactly as a study does, and remembers its last answer.

    Args:
        scorer: Scores with that target alone.
    """

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._last: tuple[Codes, Mapping[str, FloatArray]] | None = None

    def __call__(self, codes: Codes) -> Mapping[str, FloatArray]:
        """Metric name to float64 [n] for int64 ``codes`` [n, n_knobs]; NaN for designs that cannot be scored."""
        if self._last is None or not np.array_equal(self._last[0], codes):
            n = len(codes)
            chunk = Chunk(np.arange(n, dtype=np.int64), codes, np.zeros(n, dtype=np.uint64))
            self._last = (codes.copy(), self._scorer(chunk).values)
        return self._last[1]

    def __reduce__(self) -> tuple[type[ExactScores], tuple[Scorer]]:
        return type(self), (self._scorer,)


class ExactMetric:
    """One metric of an :class:`ExactScores`.

    Args:
        scores: Of the target that gives it.
        metric: Its name.
    """

    def __init__(self, scores: ExactScores, metric: str) -> None:
        self.scores = scores
        self.metric = metric

    def __call__(self, codes: Codes) -> FloatArray:
        found = self.scores(codes).get(self.metric)
        return np.full(len(codes), np.nan) if found is None else found.copy()


def exact_metrics(
    space: Space,
    targets: Mapping[str, HardwareTarget],
    parts: Mapping[str, str | None],
    sources: Mapping[str, str],
) -> dict[str, Exact]:
    """The metrics of :attr:`~cosearch.search.objective.Problem.exact`.

    A metric is exact when its target is cheap (:class:`~cosearch.hw_targets.target.Needs`) and gives it by a closed
    form (source ``modelled``). The functions call the targets themselves, so targets must be prepared before them.

    Args:
        space: The study's space.
        targets: Label to target.
        parts: Label to the part of a joint space that the target scores; None for the whole design.
        sources: Metric to target label.
    """
    exact: dict[str, Exact] = {}
    for label, target in targets.items():
        closed = {metric.name for metric in target.metrics() if metric.source == "modelled"}
        names = tuple(name for name, giver in sources.items() if giver == label and name in closed)
        if target.needs.cheap and names:
            scores = ExactScores(Scorer(space, {label: target}, {label: parts.get(label)}, {label: names}))
            exact |= {name: ExactMetric(scores, name) for name in names}
    return exact
