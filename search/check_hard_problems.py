"""Problems that break careless strategies: missing and infinite numbers, flat objectives, extreme scales."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from ..spaces.knobs import Codes
from ..spaces.space import Space
from .check_problems import CheckProblem, easy, two_targets
from .objective import FloatArray, Objective, Problem

HUGE, DECADES = 1e300, 300.0


def broken_numbers() -> CheckProblem:
    """:func:`~.check_problems.easy`, in which one objective of many designs is NaN, inf or -inf."""

    def metrics(codes: Codes) -> dict[str, FloatArray]:
        columns = two_targets(codes)
        kind = codes.sum(axis=1) % 6
        spoilt = np.select([kind == 0, kind == 1, kind == 2], [np.nan, np.inf, -np.inf], columns["cost"])
        return columns | {"cost": spoilt}

    return replace(easy(), metrics=metrics)


def half_constant() -> CheckProblem:
    """:func:`~.check_problems.easy` with one objective that never changes."""
    return replace(easy(), metrics=lambda codes: two_targets(codes) | {"cost": np.full(len(codes), 5.0)})


def one_objective() -> CheckProblem:
    """:func:`~.check_problems.easy` with its first objective alone."""
    base = easy()
    return replace(base, problem=replace(base.problem, objectives=base.problem.objectives[:1]))


def three_objectives() -> CheckProblem:
    """:func:`~.check_problems.easy` with the distance to a third point as well."""
    base = easy()
    objectives = (*base.problem.objectives, Objective("area", "maximize", reference=-100.0))

    def metrics(codes: Codes) -> dict[str, FloatArray]:
        return two_targets(codes) | {"area": -((codes - np.arange(codes.shape[1]) - 4.0) ** 2).mean(axis=1)}

    return replace(base, problem=replace(base.problem, objectives=objectives), metrics=metrics)


def far_scales() -> CheckProblem:
    """:func:`~.check_problems.easy` with one objective in the order of 1e300 and one of 1e-300, without references."""

    def metrics(codes: Codes) -> dict[str, FloatArray]:
        columns = two_targets(codes)
        return {"loss": columns["loss"] * HUGE, "cost": columns["cost"] / HUGE}

    return _without_references(metrics)


def wide_scales() -> CheckProblem:
    """:func:`~.check_problems.easy` with objectives that each span 1e-300 .. 1e300, without references."""

    def metrics(codes: Codes) -> dict[str, FloatArray]:
        columns = two_targets(codes)
        return {name: 10.0 ** np.clip(6.0 * column - DECADES, -DECADES, DECADES) for name, column in columns.items()}

    return _without_references(metrics)


def _without_references(metrics: Callable[[Codes], dict[str, FloatArray]]) -> CheckProblem:
    base = easy()
    objectives = tuple(Objective(o.metric, o.goal) for o in base.problem.objectives)
    return replace(base, problem=replace(base.problem, objectives=objectives), metrics=metrics)


def single_by_constraint() -> CheckProblem:
    """One design out of 512: only the largest value of every knob reaches the sum."""
    knobs = {name: {"type": "integer", "low": 0, "high": 7} for name in ("a", "b", "c")}
    space = Space(knobs, constraints=[{"sum": ["a", "b", "c"], "at_least": 21}], name="single_by_constraint")
    return CheckProblem(Problem(space, easy().problem.objectives), two_targets)


HARD_PROBLEMS: Mapping[str, Callable[[], CheckProblem]] = {
    "NaN and infinite objectives": broken_numbers,
    "one of two objectives constant": half_constant,
    "one objective": one_objective,
    "three objectives": three_objectives,
    "objectives of 1e300 and 1e-300": far_scales,
    "objectives that span 1e-300 .. 1e300": wide_scales,
}
"""What is hard about it to the problem; every one has more designs than a check asks for."""
