"""What a problem is believed to be: predictors where it must be learnt, closed forms where it is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..predictors.predictor import Predictor
from ..spaces.knobs import Codes
from .dominance import effective_violations
from .objective import FloatArray, Problem
from .trial import Trials

VIOLATION = "violation_ratio"
"""Name under which the violation that is no closed form is predicted."""

MakePredictor = Callable[[str], Predictor]
"""Metric name to a fresh predictor."""


class ModelledProblem:
    """Predicted objectives and violation of any design.

    Each objective that is not exact has its own predictor, fitted to every trial with numbers, feasible or not. Of the
    violation, the part that exact constraints do not explain is predicted, plus one: relative errors, by which some
    predictors are chosen, make no sense at zero. It counts as none below half the least that was seen.

    Args:
        problem: What is modelled.
        trials: n completed trials, of which at least 2 have numbers, see :func:`usable`.
        make: Makes the predictors.
    """

    def __init__(self, problem: Problem, trials: Trials, make: MakePredictor) -> None:
        self.problem = problem
        told = usable(trials)
        designs = problem.space.designs(told.codes)
        exact = problem.exact_objectives
        self._predictors = {
            column: make(objective.metric).fit(designs, told.objectives[:, column])
            for column, objective in enumerate(problem.objectives)
            if not exact[column]
        }
        self._violation: Predictor | None = None
        self._least = 0.0
        if not problem.has_exact_constraints:
            rest = np.maximum(told.violations - problem.foreknow(told.codes)[1], 0.0)
            if np.isfinite(rest).all() and rest.any():
                self._violation = make(VIOLATION).fit(designs, 1.0 + rest)
                self._least = float(rest[rest > 0].min())

    def __call__(self, codes: Codes) -> tuple[FloatArray, FloatArray]:
        """Objectives to minimise, float64 [n, n_objectives], and violations, float64 [n], of int64 ``codes``."""
        objectives, violations = self.problem.foreknow(codes)
        designs = self.problem.space.designs(codes)
        for column, predictor in self._predictors.items():
            objectives[:, column] = predictor.predict(designs).mean
        if self._violation is not None:
            rest = self._violation.predict(designs).mean - 1.0
            violations += np.where(rest >= 0.5 * self._least, rest, 0.0)
        return objectives, violations


def usable(trials: Trials) -> Trials:
    """The trials with finite objectives and violation."""
    return trials[np.isfinite(effective_violations(trials.objectives, trials.violations))]
