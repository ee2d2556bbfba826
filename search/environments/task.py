"""What an environment asks a target: rewards of designs, answered once each, within a budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...hw_targets.target import HardwareTarget
from ...spaces.errors import StrategyError
from ...spaces.knobs import Codes
from ..archive import keys
from ..objective import FloatArray, Problem
from .reward import Reward, infeasible


@dataclass(frozen=True, slots=True)
class Scores:
    """How ``n`` designs came off.

    Args:
        rewards: float64 [n].
        objectives: float64 [n, n_objectives], minimised; inf where failed, NaN where not evaluated.
        violations: float64 [n]; 0 is feasible, inf is failed.
        evaluated: bool [n], False where exact constraints ruled the design out before an evaluation was spent.
    """

    rewards: FloatArray
    objectives: FloatArray
    violations: FloatArray
    evaluated: NDArray[np.bool_]


class DesignTask:
    """A problem, the target that scores its designs, and the reward.

    Args:
        problem: Space, objectives, constraints; constraints on exact metrics are looked at before a design is
            evaluated.
        target: Gives every metric that the problem reads; prepared, if it needs that.
        budget: Most designs to evaluate; None is unlimited. Repeats are answered from memory and cost nothing.
        reward: See :class:`~cosearch.search.environments.reward.Reward`; None takes its defaults.
        seed: Of the seeds that the target gets, ``SeedSequence([seed, number of the evaluation])``.

    Attributes:
        n_evaluated: Designs evaluated so far.

    Raises:
        StrategyError: When the target lacks a metric.
    """

    def __init__(
        self,
        problem: Problem,
        target: HardwareTarget,
        *,
        budget: int | None = None,
        reward: Reward | None = None,
        seed: int = 0,
    ) -> None:
        given = [metric.name for metric in target.metrics()]
        missing = [name for name in problem.metric_names() if name not in given]
        if missing:
            raise StrategyError(f"the target gives no {', '.join(missing)}", "it gives " + ", ".join(given))
        self.problem, self.target, self.budget, self.seed = problem, target, budget, seed
        self.reward = Reward(problem) if reward is None else reward
        self.n_evaluated = 0
        self._known: dict[bytes, tuple[FloatArray, float]] = {}

    @property
    def budget_left(self) -> int | None:
        """Evaluations that may still be spent; None is unlimited."""
        return None if self.budget is None else self.budget - self.n_evaluated

    @property
    def spent(self) -> bool:
        """Whether the budget is used up."""
        return self.budget is not None and self.n_evaluated >= self.budget

    def score(self, codes: Codes, preferences: FloatArray) -> Scores:
        """Rewards of designs; those not seen before go to the target in one batch.

        Args:
            codes: int64 [n, n_knobs], valid designs.
            preferences: float64 [n, n_objectives] or [n_objectives], see :class:`Reward`.

        Raises:
            StrategyError: When the budget does not suffice for the new designs.
        """
        foreknown = self.problem.foreknow(codes)[1]
        asked = np.flatnonzero(foreknown == 0.0)
        self._evaluate(codes[asked])
        objectives = np.full((len(codes), self.problem.n_objectives), np.nan)
        violations = foreknown.copy()
        for row, key in zip(asked.tolist(), keys(codes[asked]), strict=True):
            objectives[row], violations[row] = self._known[key]
        evaluated = foreknown == 0.0
        rewards = infeasible(foreknown)
        self.reward.observe(objectives[evaluated])
        weights = np.broadcast_to(preferences, objectives.shape)
        rewards[evaluated] = self.reward(objectives[evaluated], violations[evaluated], weights[evaluated])
        return Scores(rewards, objectives, violations, evaluated)

    def outcome(self, scores: Scores, row: int) -> NDArray[np.float32]:
        """What agents see of a design, float32 [n_objectives + 1].

        Scaled objectives (2 where unknown) within -10..2 and, last, ``v / (1 + v)`` of the violation ``v`` (1 where it
        failed).
        """
        objectives = np.nan_to_num(scores.objectives[row : row + 1], nan=np.inf)
        scaled = np.clip(self.reward.scaled(objectives)[0], -10.0, 2.0)
        v = float(scores.violations[row])
        return np.append(scaled, v / (1.0 + v) if np.isfinite(v) else 1.0).astype(np.float32)

    def info(self, scores: Scores, codes: Codes, row: int) -> dict[str, Any]:
        """What an environment reports of a design.

        ``design`` (knob names and values), ``evaluated``, ``feasible``, ``metrics`` (the objectives in their physical
        units, empty for a design without numbers) and ``budget_left`` (None is unlimited).
        """
        values = self.problem.unscore(scores.objectives[row : row + 1])[0]
        names = [o.metric for o in self.problem.objectives]
        return {
            "design": dict(self.problem.space.decode(codes[row : row + 1])[0]),
            "evaluated": bool(scores.evaluated[row]),
            "feasible": bool(scores.violations[row] == 0.0),
            "metrics": dict(zip(names, values.tolist(), strict=True)) if np.isfinite(values).all() else {},
            "budget_left": self.budget_left,
        }

    def _evaluate(self, codes: Codes) -> None:
        """Ask the target for the designs that are not known yet."""
        new = list(dict.fromkeys(key for key in keys(codes) if key not in self._known))
        if not new:
            return
        if self.budget is not None and self.n_evaluated + len(new) > self.budget:
            raise StrategyError(
                f"{len(new)} new designs, but of the budget of {self.budget} evaluations {self.budget_left} are left",
                "stop when info['budget_left'] is 0, or give a larger budget",
            )
        position = {key: i for i, key in enumerate(keys(codes))}
        fresh = codes[[position[key] for key in new]]
        numbers = range(self.n_evaluated, self.n_evaluated + len(new))
        seeds = np.array(
            [np.random.SeedSequence([self.seed, i]).generate_state(1, np.uint64)[0] for i in numbers], dtype=np.uint64
        )
        columns = self.target.evaluate(self.problem.space.designs(fresh), seeds)
        values = {name: np.array(columns.values[name], dtype=np.float64) for name in self.problem.metric_names()}
        for column in values.values():
            column[list(columns.failures)] = np.nan
        objectives, violations = self.problem.score(values)
        self.n_evaluated += len(new)
        self._known |= {key: (objectives[i], float(violations[i])) for i, key in enumerate(new)}
