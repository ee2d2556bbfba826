"""A Gymnasium environment around a design problem: one agent makes designs."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ...hw_targets.target import HardwareTarget
from ...spaces.errors import InfeasibleError, StrategyError
from ...spaces.feasibility.masks import UNSET, ActionMasks
from ...spaces.knobs import INACTIVE, Codes
from ..marl.preferences import check_preference
from ..objective import FloatArray, Problem
from .actions import checked_number, checked_values, no_episode
from .reward import FAILED, Reward, draw_preference
from .task import DesignTask, Scores

Observation = dict[str, Any]


class DesignEnv(gymnasium.Env[Observation, Any]):
    """One agent that makes designs of any space and is paid what the target says.

    *Simultaneous*: an action is a whole design, ``MultiDiscrete(values per knob)``; knobs that are inactive are
    ignored, and a design that breaks constraints of the space is repaired to the nearest one, which
    ``info["repaired"]`` tells. An episode has ``steps`` designs.

    *Constructive*: an action is the value of one knob, ``Discrete(most values of any knob)``; an episode makes one
    design, in the order of :class:`~cosearch.spaces.feasibility.masks.ActionMasks`, and only its last step is paid.
    ``info["action_mask"]``, int8 [n_actions], tells the legal values; any other action counts as the nearest legal one,
    which ``info["repaired"]`` tells. Where no value is legal, the episode ends with reward
    :data:`~cosearch.search.environments.reward.FAILED`.

    A finished design that breaks a constraint on an exact metric is not evaluated: it earns what its violation says.

    Observations are dictionaries:

    * ``preference``, float32 [n_objectives]: the weights by which this episode is paid, redrawn at each reset;
    * ``outcome``, float32 [n_objectives + 1]: the last design of this episode, see
      :meth:`~cosearch.search.environments.task.DesignTask.outcome`; 0 before the first;
    * constructive only: ``design``, int64 [n_knobs], the codes so far, -1 inactive, -2 open; and ``knob``, int64, the
      column that is next (0 after the last).

    ``reset(seed=...)`` starts anew: generator and running scale of the reward. ``reset(options={"preference": [...]})``
    sets the preference of an episode. An episode is ``truncated`` with the last evaluation of the budget.

    Args:
        problem: Space, objectives, constraints.
        target: Scores designs.
        simultaneous: Whether an action is a whole design.
        steps: Designs per episode of a simultaneous environment.
        preference: Fixed weights of the objectives; None draws them.
        budget: Most designs to evaluate, see :class:`~cosearch.search.environments.task.DesignTask`.
        reward: See :class:`~cosearch.search.environments.reward.Reward`; None takes its defaults.

    Attributes:
        task: Scores whole batches of designs: ``task.score(codes, preferences)``.

    Raises:
        StrategyError: When an argument does not suit the problem.
        InfeasibleError: When the space holds no design.
    """

    # An instance attribute by type, as gymnasium declares it.
    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012

    def __init__(
        self,
        problem: Problem,
        target: HardwareTarget,
        *,
        simultaneous: bool = True,
        steps: int = 1,
        preference: FloatArray | None = None,
        budget: int | None = None,
        reward: Reward | None = None,
    ) -> None:
        if steps < 1 or (steps > 1 and not simultaneous):
            raise StrategyError(f"steps is {steps}", "use 1, or more with simultaneous=True")
        self.task = DesignTask(problem, target, budget=budget, reward=reward)
        self.simultaneous, self.steps = simultaneous, steps
        m, space = problem.n_objectives, problem.space
        self._fixed = None if preference is None else check_preference(preference, m)
        self._preference = np.full(m, 1.0 / m)
        self._masks = ActionMasks(space)
        self._codes: Codes = np.full((1, space.n_knobs), UNSET)
        self._outcome: NDArray[np.float32] = np.zeros(m + 1, np.float32)
        self._turn = self._made = 0
        self._over = True
        if not self._masks.legal(self._codes, int(self._masks.order[0])).any():
            raise InfeasibleError(f"space {space.name!r} holds no design", "relax its constraints")
        seen: dict[str, spaces.Space[Any]] = {
            "preference": spaces.Box(0.0, 1.0, (m,), np.float32),
            "outcome": spaces.Box(-10.0, 2.0, (m + 1,), np.float32),
        }
        if not simultaneous:
            seen["design"] = spaces.Box(np.full(space.n_knobs, UNSET), space.cardinalities - 1, dtype=np.int64)
            seen["knob"] = spaces.Discrete(space.n_knobs)
        self.observation_space = spaces.Dict(seen)
        self.action_space = (
            spaces.MultiDiscrete(space.cardinalities)
            if simultaneous
            else spaces.Discrete(int(space.cardinalities.max()))
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self.task.reward.reset()
        m = self.task.problem.n_objectives
        given = (options or {}).get("preference", self._fixed)
        self._preference = draw_preference(self.np_random, m) if given is None else check_preference(given, m)
        self._codes = np.full((1, self.task.problem.space.n_knobs), UNSET)
        self._outcome = np.zeros(m + 1, np.float32)
        self._made = self._turn = 0
        self._over = False
        return self._observation(), {"budget_left": self.task.budget_left} | self._mask()

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        if self._over:
            raise no_episode()
        result = self._whole_design(action) if self.simultaneous else self._one_knob(checked_number(action))
        self._over = result[2] or result[3]
        return result

    def evaluate_many(self, codes: Codes, preferences: FloatArray | None = None) -> Scores:
        """Score a batch of valid designs at once, by the same rewards, memory and budget.

        Args:
            codes: int64 [n, n_knobs].
            preferences: float64 [n, n_objectives] or [n_objectives]; None is the preference of this episode.
        """
        return self.task.score(codes, self._preference if preferences is None else preferences)

    def _whole_design(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        space = self.task.problem.space
        wanted = space.canonical(checked_values(action, space.cardinalities)[None])
        codes = space.repair(wanted)
        reward, info = self._finish(codes)
        info["repaired"] = bool((codes != wanted).any())
        self._made += 1
        return self._observation(), reward, self._made >= self.steps, self.task.spent, info

    def _one_knob(self, action: int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        column = int(self._masks.order[self._turn])
        values = np.flatnonzero(self._masks.legal(self._codes, column)[0])
        value = int(values[np.abs(values - action).argmin()])
        self._codes[0, column] = value
        self._turn += 1
        self._skip_inactive()
        info: dict[str, Any] = {"budget_left": self.task.budget_left}
        reward, terminated, truncated = 0.0, False, False
        if self._turn == len(self._masks.order):
            reward, info = self._finish(self._codes)
            terminated, truncated = True, self.task.spent
        info |= {"repaired": value != action, "dead_end": False} | self._mask()
        if not terminated and not info["action_mask"].any():
            info["dead_end"], reward, terminated = True, FAILED, True
        return self._observation(), reward, terminated, truncated, info

    def _skip_inactive(self) -> None:
        while self._turn < len(self._masks.order):
            column = int(self._masks.order[self._turn])
            if self._masks.active(self._codes, column)[0]:
                return
            self._codes[0, column] = INACTIVE
            self._turn += 1

    def _finish(self, codes: Codes) -> tuple[float, dict[str, Any]]:
        scores = self.task.score(codes, self._preference)
        self._outcome = self.task.outcome(scores, 0)
        return float(scores.rewards[0]), self.task.info(scores, codes, 0)

    def _mask(self) -> dict[str, Any]:
        """Legal actions of the next step, none after the last; nothing for a simultaneous environment."""
        if self.simultaneous:
            return {}
        mask = np.zeros(int(self.task.problem.space.cardinalities.max()), np.int8)
        if self._turn < len(self._masks.order):
            legal = self._masks.legal(self._codes, int(self._masks.order[self._turn]))[0]
            mask[: len(legal)] = legal
        return {"action_mask": mask}

    def _observation(self) -> Observation:
        seen: Observation = {"preference": self._preference.astype(np.float32), "outcome": self._outcome.copy()}
        if not self.simultaneous:
            last = self._turn == len(self._masks.order)
            seen |= {"design": self._codes[0].copy(), "knob": np.int64(0 if last else self._masks.order[self._turn])}
        return seen
