"""Small problems, with known answers, on which strategies are checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..spaces.knobs import Codes
from ..spaces.space import Space
from .objective import Constraint, FloatArray, Objective, Problem
from .trial import Trials

FIDELITIES = (1 / 9, 1 / 3, 1.0)
"""Shares of the full effort that a strategy may ask for; most do not."""


@dataclass(frozen=True)
class CheckProblem:
    """A problem whose metrics are a formula of the codes; every one offers :data:`FIDELITIES`.

    Args:
        problem: What the strategy is told.
        metrics: int64 codes [n, n_knobs] to metric columns, float64 [n]; NaN where the evaluation fails.
    """

    problem: Problem
    metrics: Callable[[Codes], dict[str, FloatArray]]

    def __post_init__(self) -> None:
        object.__setattr__(self, "problem", replace(self.problem, fidelities=FIDELITIES))

    def trials(self, ids: NDArray[np.int64], codes: Codes, fidelities: FloatArray | None = None) -> Trials:
        """Evaluate designs: completed trials, failed ones as infeasible; in full unless their fidelities are given.

        At a lower fidelity all metrics come out larger, up to twice, so that results of several do not compare.
        """
        shares = np.ones(len(codes)) if fidelities is None else fidelities
        values = {name: column * (2.0 - shares) for name, column in self.metrics(codes).items()}
        objectives, violations = self.problem.score(values)
        return Trials(ids, codes, objectives, violations, shares)


def two_targets(codes: Codes) -> dict[str, FloatArray]:
    """Mean squared distances to two points of the code grid: minimise both; the front is the line between them."""
    active = np.maximum(codes, 0).astype(float)
    return {"loss": ((active - 3.0) ** 2).mean(axis=1), "cost": ((active - 5.0) ** 2).mean(axis=1)}


_OBJECTIVES = (Objective("loss", reference=30.0), Objective("cost", reference=30.0))


def easy() -> CheckProblem:
    """Four integer knobs of 16 values, two smooth objectives."""
    space = Space({f"k{i}": {"type": "integer", "low": 0, "high": 15} for i in range(4)}, name="easy")
    return CheckProblem(Problem(space, _OBJECTIVES), two_targets)


def conditional() -> CheckProblem:
    """Knobs that exist only under one choice, a forbidden combination, and a constraint on a metric."""
    space = Space(
        {
            "operator": ["convolution", "attention"],
            "kernel": {"type": "integer", "low": 1, "high": 9, "active_if": {"operator": "convolution"}},
            "heads": {"type": "integer", "low": 1, "high": 9, "active_if": {"operator": "attention"}},
            "width": {"type": "integer", "low": 0, "high": 15},
            "depth": {"type": "integer", "low": 0, "high": 15},
        },
        forbid=[{"operator": "attention", "width": {"at_least": 12}}],
        name="conditional",
    )
    return CheckProblem(Problem(space, _OBJECTIVES, (Constraint("loss", at_most=25.0),)), two_targets)


def failing(share: int = 3) -> CheckProblem:
    """:func:`easy`, in which every ``share``-th design by sum of codes fails; all fail with 1."""

    def metrics(codes: Codes) -> dict[str, FloatArray]:
        failed = codes.sum(axis=1) % share == 0
        return {name: np.where(failed, np.nan, column) for name, column in two_targets(codes).items()}

    return replace(easy(), metrics=metrics)


def constant() -> CheckProblem:
    """:func:`easy` with objectives that never change."""
    return replace(easy(), metrics=lambda codes: {"loss": np.ones(len(codes)), "cost": np.ones(len(codes))})


def infeasible() -> CheckProblem:
    """:func:`easy` with a constraint that no design meets."""
    base = easy()
    return replace(base, problem=replace(base.problem, constraints=(Constraint("loss", at_most=-1.0),)))


def tiny() -> CheckProblem:
    """Ten designs: two knobs of three and four values, two combinations forbidden."""
    space = Space({"a": [1, 2, 3], "b": [1, 2, 3, 4]}, forbid=[{"a": 1, "b": 1}, {"a": 3, "b": 4}], name="tiny")
    return CheckProblem(Problem(space, _OBJECTIVES), two_targets)


def single() -> CheckProblem:
    """One design: of two binary knobs all other combinations are forbidden."""
    space = Space({"a": [1, 2], "b": [1, 2]}, forbid=[{"a": 1}, {"b": 1}], name="single")
    return CheckProblem(Problem(space, _OBJECTIVES), two_targets)
