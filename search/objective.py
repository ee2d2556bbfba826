"""Objectives and constraints in physical units, and the one place where signs flip."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..spaces.errors import StrategyError
from ..spaces.knobs import Codes
from ..spaces.space import Space

FloatArray = NDArray[np.float64]
Goal = Literal["minimize", "maximize"]
Exact = Callable[[Codes], FloatArray]
"""Codes int64 [n, n_knobs] to a metric in its physical unit, float64 [n]; NaN for a design that fails."""


@dataclass(frozen=True, slots=True)
class Objective:
    """A metric to minimise or maximise.

    Args:
        metric: Metric name, with its unit.
        goal: ``minimize`` or ``maximize``.
        reference: Worst value that still counts towards the hypervolume; when None, a value slightly worse than the
            worst among a study's first feasible trials, see :class:`~cosearch.search.front.ParetoFront`.

    Raises:
        StrategyError: When the goal is neither, or the reference is not finite.
    """

    metric: str
    goal: Goal = "minimize"
    reference: float | None = None

    def __post_init__(self) -> None:
        if self.goal not in ("minimize", "maximize"):
            raise StrategyError(f"objective {self.metric}: goal {self.goal!r}", "use 'minimize' or 'maximize'")
        if self.reference is not None and not math.isfinite(self.reference):
            raise StrategyError(f"objective {self.metric}: reference {self.reference!r}", "give a finite number")

    @property
    def sign(self) -> float:
        """1 to minimise, -1 to maximise."""
        return 1.0 if self.goal == "minimize" else -1.0


@dataclass(frozen=True, slots=True)
class Constraint:
    """Bounds on a metric; a metric may be objective and constrained.

    Args:
        metric: Metric name, with its unit.
        at_most: Upper bound, or None.
        at_least: Lower bound, or None.

    Raises:
        StrategyError: When there is no bound, or none can hold.
    """

    metric: str
    at_most: float | None = None
    at_least: float | None = None

    def __post_init__(self) -> None:
        if self.at_most is None and self.at_least is None:
            raise StrategyError(f"constraint on {self.metric} has no bound", "give at_most, at_least or both")
        if self.at_most is not None and self.at_least is not None and self.at_least > self.at_most:
            raise StrategyError(
                f"constraint on {self.metric}: at_least {self.at_least} > at_most {self.at_most}",
                "swap or correct them",
            )

    def violation(self, values: FloatArray) -> FloatArray:
        """Distance to the allowed range as a share of the bound, float64 [n]; 0 where allowed, inf for NaN."""
        total = np.zeros(len(values))
        if self.at_most is not None:
            total += np.maximum(values - self.at_most, 0.0) / (abs(self.at_most) or 1.0)
        if self.at_least is not None:
            total += np.maximum(self.at_least - values, 0.0) / (abs(self.at_least) or 1.0)
        return np.where(np.isnan(total), np.inf, total)


@dataclass(frozen=True)
class Problem:
    """What a strategy is asked to solve.

    Args:
        space: The design space.
        objectives: At least one.
        constraints: Possibly none.
        exact: Metric name to its exact, deterministic and cheap function of codes: a closed form. Strategies with a
            model compute these for any design instead of predicting them; others need not look.
        fidelities: Shares of the full effort at which a design may be evaluated, rising to 1.0; most strategies know
            full evaluations only.
    """

    space: Space
    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...] = ()
    exact: Mapping[str, Exact] = field(default_factory=dict, compare=False, repr=False)
    fidelities: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        if not self.objectives:
            raise StrategyError("the problem has no objective", "declare at least one under 'objectives'")
        names = [o.metric for o in self.objectives]
        if len(set(names)) < len(names):
            raise StrategyError(f"an objective repeats in {names}", "declare each metric once")

    @property
    def n_objectives(self) -> int:
        """Number of objectives."""
        return len(self.objectives)

    @property
    def references(self) -> FloatArray:
        """Reference values of the objectives, minimised, float64 [n_objectives]; NaN where none is given."""
        return np.array([np.nan if o.reference is None else o.sign * o.reference for o in self.objectives])

    def metric_names(self) -> tuple[str, ...]:
        """Metrics that objectives and constraints read, each once."""
        return tuple(dict.fromkeys([o.metric for o in self.objectives] + [c.metric for c in self.constraints]))

    def score(self, values: Mapping[str, FloatArray]) -> tuple[FloatArray, FloatArray]:
        """Turn metrics into what strategies see; the only place where signs flip.

        Args:
            values: Metric name to float64 [n].

        Returns:
            Objectives to minimise, float64 [n, n_objectives], and total constraint violations, float64 [n]
            (0 is feasible). Rows with a non-finite objective or constraint get inf in both.
        """
        objectives = np.column_stack([o.sign * np.asarray(values[o.metric], float) for o in self.objectives])
        violations = np.zeros(len(objectives))
        for constraint in self.constraints:
            violations += constraint.violation(np.asarray(values[constraint.metric], float))
        broken = ~np.isfinite(objectives).all(axis=1) | ~np.isfinite(violations)
        objectives[broken] = np.inf
        violations[broken] = np.inf
        return objectives, violations

    def foreknow(self, codes: Codes) -> tuple[FloatArray, FloatArray]:
        """What :attr:`exact` tells of designs before they are evaluated.

        Args:
            codes: int64 [n, n_knobs].

        Returns:
            Objectives to minimise, float64 [n, n_objectives], NaN in the columns of objectives that are not exact; and
            the violation of the exact constraints alone, float64 [n]. Rows for which an exact metric that is read is
            not finite have inf as violation and in every exact objective: their evaluation will fail.
        """
        # Functions of a user's own need not know what nothing costs.
        asked: Mapping[str, Exact] = self.exact if len(codes) else {}
        known = {name: asked[name](codes) for name in self.metric_names() if name in asked}
        objectives = np.full((len(codes), self.n_objectives), np.nan)
        violations = np.zeros(len(codes))
        for column, objective in enumerate(self.objectives):
            if objective.metric in known:
                objectives[:, column] = objective.sign * known[objective.metric]
        for constraint in self.constraints:
            if constraint.metric in known:
                violations += constraint.violation(known[constraint.metric])
        broken = np.zeros(len(codes), dtype=bool)
        for values in known.values():
            broken |= ~np.isfinite(values)
        violations[broken] = np.inf
        objectives[np.ix_(broken, self.exact_objectives)] = np.inf
        return objectives, violations

    @property
    def exact_objectives(self) -> NDArray[np.bool_]:
        """Which objectives are exact, bool [n_objectives]."""
        return np.array([o.metric in self.exact for o in self.objectives])

    @property
    def has_exact_constraints(self) -> bool:
        """Whether every constraint is exact, so that :meth:`foreknow` gives the total violation."""
        return all(c.metric in self.exact for c in self.constraints)

    def unscore(self, objectives: FloatArray) -> FloatArray:
        """Back from minimised objectives [n, n_objectives] to metric values, same shape."""
        signs: Sequence[float] = [o.sign for o in self.objectives]
        return np.asarray(np.asarray(objectives) * np.array(signs))
